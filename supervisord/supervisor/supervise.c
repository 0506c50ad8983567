/*
 * What a supervisor makes of its children's lives: the plans of protocols/policy, carried out one
 * child at a time. A plan is nothing but a phase of the supervisor and a mark on each child that it
 * still has to stop or start, so that it survives changes of the tree and the death of this
 * process.
 */

#include "base/text.h"
#include "supervisord/supervisor/engine-internal.h"

#include <string.h>

static bool is_going_down(const Node *node)
{
        return node->life.phase == PHASE_UNWIND || node->life.phase == PHASE_STOPPING ||
               node->life.phase == PHASE_NONE;
}

static void set_phase(Node *node, Phase phase)
{
        bool is_starting = phase == PHASE_STARTING || phase == PHASE_REGROUP_START;

        node->life.phase = phase;
        node->next_marked = is_starting ? 0 : (uint32_t)node->child_count;
        node_touch(node);
        node_advance(node);
}

static void set_mark(Node *child, Mark mark)
{
        if (child->life.mark != (uint32_t)mark) {
                child->life.mark = mark;
                node_touch(child);
        }
}

/* What an application requires is started with it, also what would not start by itself. */
static void mark_required(Node *root, const Node *app)
{
        for (size_t i = 0; app->spec->app.required[i]; i++) {
                Node *other = node_child_by_name(root, app->spec->app.required[i]);

                if (!other || other->life.mark == MARK_START)
                        continue;
                set_mark(other, MARK_START);
                mark_required(root, other);
        }
}

void supervise_launch(Engine *engine, Node *node)
{
        (void)engine;
        node->budget.count = node->budget.next = 0;
        for (size_t i = 0; i < node->child_count; i++) {
                Node *child = node->children[i];
                bool is_wanted =
                        child->spec->child.is_autostart && !(child->life.flags & LIFE_BY_REQUEST);

                child->life.failures = 0;
                child->life.delay_usec = 0;
                child->life.flags &= ~(uint32_t)LIFE_ENLISTED;
                if (is_wanted)
                        child->life.flags |= LIFE_ENLISTED;
                set_mark(child, is_wanted ? MARK_START : MARK_NONE);
                node_touch(child);
        }
        for (size_t i = 0; node->kind == NODE_NONE && i < node->child_count; i++)
                if (node->children[i]->life.mark == MARK_START)
                        mark_required(node, node->children[i]);
        set_phase(node, PHASE_STARTING);
}

void supervise_take_down(Engine *engine, Node *node)
{
        for (size_t i = 0; i < node->child_count; i++) {
                Node *child = node->children[i];

                if (child->life.state == LIFE_BACKOFF)
                        engine_feed(engine, child, LIFE_EV_STOP); /* nobody waits for its turn */
                set_mark(child, life_is_active(child->life.state) ? MARK_STOP : MARK_NONE);
        }
        set_phase(node, PHASE_STOPPING);
}

void supervise_kill(Engine *engine, Node *node)
{
        supervise_take_down(engine, node);
        for (size_t i = node->child_count; i > 0; i--)
                if (node->children[i - 1]->life.mark == MARK_STOP)
                        engine_feed(engine, node->children[i - 1], LIFE_EV_KILL);
}

/* Dynamic children, and those that only lived on to be stopped, do not outlive their supervisor. */
static void drop_dynamic_children(Engine *engine, Node *node)
{
        for (size_t i = node->child_count; i > 0; i--)
                if (node->children[i - 1]->life.flags & LIFE_IS_DYNAMIC)
                        engine_remove(engine, node->children[i - 1]);
}

/* All of its children are gone: so is the supervisor. */
static void go_down(Engine *engine, Node *node)
{
        Life *life = &node->life;

        life->phase = PHASE_NONE;
        life->exit_msec = now_real_msec();
        if (life->state == LIFE_STOPPING || life->state == LIFE_KILLING) {
                text_format(life->reason, sizeof(life->reason), "shutdown");
                life->exit_class = EXIT_CLASS_SHUTDOWN;
        }
        drop_dynamic_children(engine, node);
        engine_feed(engine, node, LIFE_EV_EXIT);
}

/* --- starting ------------------------------------------------------------------------------ */

/* An application waits for those that it requires, as long as they may still come. */
static bool is_waiting_for_others(const Node *app)
{
        for (size_t i = 0; app->spec->app.required[i]; i++) {
                const Node *other = node_child_by_name(app->parent, app->spec->app.required[i]);

                if (other && (other->life.mark == MARK_START || other->life.state == LIFE_STARTING))
                        return true;
        }
        return false;
}

/* The name of one that @app requires and that does not run, or NULL. */
static const char *missing_requirement(const Node *app)
{
        for (size_t i = 0; app->spec->app.required[i]; i++) {
                const Node *other = node_child_by_name(app->parent, app->spec->app.required[i]);

                if (!other || other->life.state != LIFE_RUNNING)
                        return app->spec->app.required[i];
        }
        return NULL;
}

/* APP-001: nothing of it is started. */
static void refuse_application(Engine *engine, Node *app, const char *missing)
{
        Life *life = &app->life;

        text_format(life->reason, sizeof(life->reason), "{not_started,%s}", missing);
        text_format(life->why, sizeof(life->why), "it requires %s, which is not running", missing);
        life->exit_class = EXIT_CLASS_START;
        life->exit_msec = now_real_msec();
        life->state = LIFE_FAILED;
        node_touch(app);
        engine_tell(engine, app, TELL_FAILED);
}

static bool start_one(Engine *engine, Node *node, Node *child)
{
        const char *missing;

        if (node->kind == NODE_NONE) {
                if (is_waiting_for_others(child))
                        return false;
                missing = missing_requirement(child);
                if (missing) {
                        refuse_application(engine, child, missing);
                        return true;
                }
        }
        if (node->life.phase == PHASE_REGROUP_START && child->life.generation != 0 &&
            !(child->life.flags & LIFE_MANUAL))
                child->life.restarts++;
        engine_feed(engine, child, LIFE_EV_START);
        return true;
}

/* Starts the next marked child from @first on; the first one that is not there yet ends the search.
 * Return: whether one still has to come. */
static bool start_next(Engine *engine, Node *node, uint32_t first)
{
        bool is_waiting = false;

        for (uint32_t i = first; i < node->child_count; i++) {
                Node *child = node->children[i];

                if (child->life.mark == MARK_START && child->life.state == LIFE_RUNNING)
                        set_mark(child, MARK_NONE);
                if (child->life.mark != MARK_START) {
                        node->next_marked += node->next_marked == i;
                        continue;
                }
                if (life_is_active(child->life.state) || start_one(engine, node, child))
                        return true;
                is_waiting = true;
        }
        return is_waiting;
}

static void advance_start(Engine *engine, Node *node)
{
        uint32_t first = node->next_marked;

        /* Children may have changed places since. */
        if (start_next(engine, node, first) || (first > 0 && start_next(engine, node, 0)))
                return;
        node->life.phase = PHASE_STEADY;
        node_touch(node);
        if (node->life.state == LIFE_STARTING)
                engine_feed(engine, node, LIFE_EV_READY);
}

/* --- dropping ------------------------------------------------------------------------------ */

static bool is_temporary(const Node *child)
{
        return child->kind != NODE_APPLICATION && child->spec->child.restart == RESTART_TEMPORARY;
}

/* SUP-035: a temporary child that is gone has no specification any more. */
static void drop(Engine *engine, Node *child)
{
        if (!node_is_listed(child))
                return;
        engine_emit(engine, child, EVENT_DELETED, NULL, NULL);
        if (child->life.flags & LIFE_IS_DYNAMIC) {
                engine_remove(engine, child);
                return;
        }
        if (child->life.state != LIFE_STOPPED || !(child->life.flags & LIFE_BY_REQUEST))
                child->life.state = LIFE_FINISHED;
        child->life.flags |= LIFE_IS_DROPPED;
        node_touch(child);
}

/* --- stopping ------------------------------------------------------------------------------ */

/* A child of the group is gone. It comes back with the group, unless it is temporary (SUP-052). */
static void leave_stop_list(Engine *engine, Node *node, Node *child)
{
        bool comes_back = node->life.phase == PHASE_REGROUP_STOP &&
                          child->spec->child.restart != RESTART_TEMPORARY &&
                          (child->life.flags & LIFE_ENLISTED) &&
                          !(child->life.flags & LIFE_BY_REQUEST);

        set_mark(child, comes_back ? MARK_START : MARK_NONE);
        if (comes_back || node->life.phase != PHASE_REGROUP_STOP)
                return;
        if (child->spec->child.restart != RESTART_TEMPORARY ||
            (child->life.flags & LIFE_BY_REQUEST))
                return;
        drop(engine, child);
}

/* Return: whether something is still on its way down. */
static bool ask_to_stop(Engine *engine, Node *child)
{
        LifeState state = child->life.state;

        if (!life_is_active(state))
                return false;
        if (state == LIFE_STARTING || state == LIFE_RUNNING || state == LIFE_BACKOFF ||
            state == LIFE_ABORTING)
                engine_feed(engine, child, LIFE_EV_STOP);
        return true;
}

/* SUP-097: the children of a simple_one_for_one are stopped together, with one common deadline. */
static bool advance_stop_all(Engine *engine, Node *node)
{
        bool is_waiting = false;

        for (size_t i = node->child_count; i > 0; i--) {
                Node *child = node->children[i - 1];

                if (child->life.mark != MARK_STOP)
                        continue;
                if (ask_to_stop(engine, child))
                        is_waiting = true;
                else
                        leave_stop_list(engine, node, child);
        }
        return is_waiting;
}

/* Whether another application that is still to be stopped requires @app. */
static bool is_still_required(const Node *app)
{
        const Node *root = app->parent;

        for (size_t i = 0; i < root->child_count; i++) {
                const Node *other = root->children[i];

                for (size_t k = 0; other->life.mark == MARK_STOP && other->spec->app.required[k];
                     k++)
                        if (strcmp(other->spec->app.required[k], app->spec->name) == 0)
                                return true;
        }
        return false;
}

/* Of applications the last that was started (APP-009), but none before those that require it. */
static Node *last_application(const Node *root)
{
        Node *last = NULL;

        for (size_t i = root->child_count; i > 0; i--) {
                Node *app = root->children[i - 1];

                if (app->life.mark == MARK_STOP && !is_still_required(app) &&
                    (!last || app->life.generation > last->life.generation))
                        last = app;
        }
        return last;
}

/* The one to stop next: the last in start order. */
static Node *last_marked(Node *node)
{
        if (node->kind == NODE_NONE)
                return last_application(node);
        for (; node->next_marked > 0; node->next_marked--) {
                Node *child = node->next_marked <= node->child_count
                                      ? node->children[node->next_marked - 1]
                                      : NULL;

                if (child && child->life.mark == MARK_STOP)
                        return child;
        }
        return NULL;
}

static bool advance_stop_in_order(Engine *engine, Node *node)
{
        Node *child;

        for (unsigned round = 0; round < 2; round++) {
                while ((child = last_marked(node))) {
                        if (ask_to_stop(engine, child))
                                return true;
                        leave_stop_list(engine, node, child);
                }
                /* Children may have changed places since. */
                node->next_marked = (uint32_t)node->child_count;
        }
        return false;
}

/* The one whose delay comes first; it is no culprit any more. */
static Node *take_culprit(const Node *node)
{
        Node *culprit = NULL;

        for (size_t i = 0; i < node->child_count; i++) {
                Node *child = node->children[i];

                if ((child->life.flags & LIFE_IS_CULPRIT) && child->life.mark == MARK_START)
                        culprit = child;
                child->life.flags &= ~(uint32_t)LIFE_IS_CULPRIT;
        }
        return culprit;
}

/* All of the group are gone: start again, at once or after the culprit's delay. */
static void group_is_down(Engine *engine, Node *node)
{
        Node *culprit = take_culprit(node);

        if (culprit) {
                engine_feed(engine, culprit, LIFE_EV_DELAY);
                set_phase(node, PHASE_REGROUP_WAIT);
                return;
        }
        set_phase(node, PHASE_REGROUP_START);
}

static void advance_stop(Engine *engine, Node *node)
{
        bool is_waiting = node_is_simple(node) ? advance_stop_all(engine, node)
                                               : advance_stop_in_order(engine, node);

        if (is_waiting)
                return;
        if (node->life.phase == PHASE_REGROUP_STOP)
                group_is_down(engine, node);
        else
                go_down(engine, node);
}

void supervise_advance(Engine *engine, Node *node)
{
        switch ((Phase)node->life.phase) {
        case PHASE_STARTING:
        case PHASE_REGROUP_START:
                advance_start(engine, node);
                return;
        case PHASE_REGROUP_STOP:
        case PHASE_UNWIND:
        case PHASE_STOPPING:
                advance_stop(engine, node);
                return;
        case PHASE_NONE:
        case PHASE_STEADY:
        case PHASE_REGROUP_WAIT:
        case PHASE_COUNT:
                return;
        }
}

/* --- deciding ------------------------------------------------------------------------------ */

/* The delay before the next try; 0: at once. Grows until the child has run well for `reset`. */
static usec_t next_delay(Engine *engine, Node *child)
{
        const Backoff *backoff = &child->spec->child.backoff;
        usec_t ran = 0;
        double next;

        if (!backoff->is_set)
                return 0;
        if (child->life.ready_usec != 0)
                ran = usec_sub(engine->world->now(engine->world->context), child->life.ready_usec);
        if (child->life.delay_usec == 0 || ran >= backoff->reset_usec)
                return backoff->initial_usec;
        next = (double)child->life.delay_usec * backoff->factor;
        return next >= (double)backoff->max_usec ? backoff->max_usec : (usec_t)next;
}

static bool has_budget(Engine *engine, Node *node, const Node *child)
{
        uint32_t failures_max = node->spec->supervisor.max_failures;
        usec_t now = engine->world->now(engine->world->context);

        if (failures_max != 0 && child->life.failures >= failures_max)
                return false;
        engine->world->budget(engine->world->context, node, now);
        return intensity_spend(&node->budget, now);
}

static void give_up(Engine *engine, Node *node, Node *child)
{
        const SupervisorSpec *spec = &node->spec->supervisor;
        bool is_failures = spec->max_failures && child->life.failures >= spec->max_failures;
        Life *life = &node->life;

        if (is_failures)
                text_format(life->why, sizeof(life->why),
                            "gave up: %u attempts in a row to start %.64s failed",
                            child->life.failures, child->spec->name);
        else
                text_format(
                        life->why, sizeof(life->why),
                        "gave up: more than %u restarts within %.3f s; the last to end was %.64s",
                        spec->intensity, (double)spec->period_usec / USEC_PER_SEC,
                        child->spec->name);
        text_format(life->reason, sizeof(life->reason), "shutdown");
        life->exit_class = EXIT_CLASS_SHUTDOWN;
        life->flags |= LIFE_GAVE_UP;
        child->life.state = LIFE_FAILED;
        if (!child->life.why[0])
                text_format(child->life.why, sizeof(child->life.why),
                            "its supervisor gave up restarting it");
        node_touch(child);
        engine_emit(engine, node, EVENT_ESCALATED, life->reason, life->why);
        engine_feed(engine, node, LIFE_EV_ABORT);
}

static void shut_down_with(Engine *engine, Node *node, const Node *child)
{
        Life *life = &node->life;

        text_format(life->why, sizeof(life->why), "its significant child %.64s ended",
                    child->spec->name);
        text_format(life->reason, sizeof(life->reason), "shutdown");
        life->exit_class = EXIT_CLASS_SHUTDOWN;
        engine_emit(engine, node, EVENT_ESCALATED, life->reason, life->why);
        engine_feed(engine, node, LIFE_EV_ABORT);
}

static void restart_alone(Engine *engine, Node *child, usec_t delay)
{
        child->life.restarts++;
        child->life.delay_usec = delay;
        engine_emit(engine, child, EVENT_RESTARTING, child->life.reason, NULL);
        engine_feed(engine, child, delay > 0 ? LIFE_EV_DELAY : LIFE_EV_START);
}

static void restart_group(Engine *engine, Node *node, const Plan *plan, Node *child, usec_t delay)
{
        for (size_t i = plan->first; i <= plan->last; i++) {
                Node *other = node->children[i];

                /* SUP-047: what an operator stopped comes back, also if it was not started with the
                 * rest. */
                if (other->life.flags & LIFE_BY_REQUEST)
                        other->life.flags |= LIFE_ENLISTED;
                other->life.flags &= ~(uint32_t)(LIFE_BY_REQUEST | LIFE_IS_CULPRIT | LIFE_MANUAL);
                if (other->life.state == LIFE_BACKOFF)
                        engine_feed(engine, other, LIFE_EV_STOP); /* its delay is over */
                set_mark(other, MARK_STOP);
                node_touch(other);
        }
        child->life.delay_usec = delay;
        if (delay > 0)
                child->life.flags |= LIFE_IS_CULPRIT;
        engine_emit(engine, child, EVENT_RESTARTING, child->life.reason, NULL);
        set_phase(node, PHASE_REGROUP_STOP);
}

static bool is_group_strategy(const Node *node)
{
        Strategy strategy = node->spec->supervisor.strategy;

        return strategy == STRATEGY_ONE_FOR_ALL || strategy == STRATEGY_REST_FOR_ONE;
}

/* It ended and does not come back. */
static void retire(Engine *engine, Node *node, Node *child, PlanKind kind)
{
        bool gave_up = (child->life.flags & LIFE_GAVE_UP) != 0;

        child->life.state = gave_up ? LIFE_FAILED : LIFE_FINISHED;
        set_mark(child, MARK_NONE);
        node_touch(child);
        if (kind == PLAN_DROP)
                drop(engine, child);
        node_advance(node);
}

static Plan decide(Engine *engine, Node *node, const Node *child, ExitClass how)
{
        PolicyInput input = {
                .strategy = node->spec->supervisor.strategy,
                .auto_shutdown = node->spec->supervisor.auto_shutdown,
                .children = engine->policy_children,
                .child_count = node->child_count,
                .ended = child->index,
                .how = how,
                .has_budget = true,
        };
        /* The others only matter where all significant ones are counted. */
        bool counts_all = child->spec->child.is_significant;
        size_t first = counts_all ? 0 : child->index;
        size_t last = counts_all ? node->child_count : first + 1;

        for (size_t i = first; i < last; i++) {
                const Node *other = node->children[i];

                engine->policy_children[i] = (PolicyChild){
                        .restart = other->spec->child.restart,
                        .is_significant = other->spec->child.is_significant,
                        .is_active = other != child && life_is_active(other->life.state),
                };
        }
        if (policy_wants_restart(child->spec->child.restart, how))
                input.has_budget = has_budget(engine, node, child);
        return policy_decide(&input);
}

static void act_on_end(Engine *engine, Node *node, Node *child, ExitClass how)
{
        Plan plan = decide(engine, node, child, how);
        usec_t delay;

        switch (plan.kind) {
        case PLAN_RESTART:
                delay = next_delay(engine, child);
                if (is_group_strategy(node))
                        restart_group(engine, node, &plan, child, delay);
                else
                        restart_alone(engine, child, delay);
                return;
        case PLAN_KEEP:
        case PLAN_DROP:
                retire(engine, node, child, plan.kind);
                return;
        case PLAN_SHUTDOWN:
                child->life.state = LIFE_FINISHED;
                node_touch(child);
                shut_down_with(engine, node, child);
                return;
        case PLAN_GIVE_UP:
                give_up(engine, node, child);
                return;
        case PLAN_NONE:
        case PLAN_KIND_COUNT:
                return;
        }
}

/* --- what children say --------------------------------------------------------------------- */

/* SUP-061: an end that the group's stop was about to bring anyway. */
static bool is_absorbed(const Node *node, const Node *child)
{
        return is_going_down(node) ||
               (node->life.phase == PHASE_REGROUP_STOP && child->life.mark == MARK_STOP);
}

/* SUP-005: the first start fails as a whole; what was started is stopped in reverse order. */
static void unwind(Engine *engine, Node *node, const Node *child)
{
        Life *life = &node->life;

        text_format(life->reason, sizeof(life->reason),
                    "{shutdown,{failed_to_start_child,%.40s,%.60s}}", child->spec->name,
                    child->life.reason);
        text_format(life->why, sizeof(life->why), "its child %.64s could not start: %.100s",
                    child->spec->name, child->life.why[0] ? child->life.why : child->life.reason);
        life->exit_class = EXIT_CLASS_START;
        supervise_take_down(engine, node);
        set_phase(node, PHASE_UNWIND);
}

/* What an application's end means for all of gend (APP-010 to APP-015). */
static void end_of_application(Engine *engine, Node *app, bool failed_to_start, bool is_manual)
{
        StartType start = app->spec->app.start;
        bool is_normal = app->life.exit_class == EXIT_CLASS_NORMAL;
        Node *root = app->parent;

        set_mark(app, MARK_NONE);
        if (app->life.state != LIFE_FAILED)
                app->life.state = app->life.flags & LIFE_GAVE_UP ? LIFE_FAILED : LIFE_FINISHED;
        node_touch(app);
        if (start == START_TEMPORARY || (start == START_TRANSIENT && is_normal) ||
            (failed_to_start && is_manual)) {
                node_advance(root);
                return;
        }
        text_format(root->life.why, sizeof(root->life.why), "the %s application %.64s %s: %.90s",
                    start == START_PERMANENT ? "permanent" : "transient", app->spec->name,
                    failed_to_start ? "could not start" : "ended", app->life.reason);
        root->life.flags |= LIFE_ENDS_NODE;
        engine_emit(engine, app, EVENT_ESCALATED, app->life.reason, root->life.why);
        engine_shutdown(engine);
}

/* A start that an operator asked for is not tried again; one that was being added is not kept
 * (SUP-112). */
static void give_back_failure(Engine *engine, Node *node, Node *child)
{
        bool is_kept = !(child->life.flags & LIFE_ADDED);

        set_mark(child, MARK_NONE);
        node_touch(child);
        if (!is_kept) {
                engine_emit(engine, child, EVENT_DELETED, NULL, NULL);
                engine_remove(engine, child);
        }
        node_advance(node);
}

static void child_failed(Engine *engine, Node *node, Node *child)
{
        bool is_manual = (child->life.flags & LIFE_MANUAL) != 0;

        child->life.failures++;
        child->life.flags &= ~(uint32_t)LIFE_MANUAL;
        node_touch(child);
        if (child->life.state == LIFE_STOPPED) {
                node_advance(node); /* a request to stop it came just after */
                return;
        }
        child->life.state = LIFE_FAILED;
        engine_emit(engine, child, EVENT_FAILED, child->life.reason, child->life.why);
        if (is_absorbed(node, child)) {
                node_advance(node);
                return;
        }
        if (node->kind == NODE_NONE) {
                end_of_application(engine, child, true, is_manual);
                return;
        }
        if (is_manual)
                give_back_failure(engine, node, child);
        else if (node->life.phase == PHASE_STARTING && child->life.mark == MARK_START)
                unwind(engine, node, child);
        else
                act_on_end(engine, node, child, EXIT_CLASS_START);
}

static void child_ended(Engine *engine, Node *node, Node *child)
{
        child->life.failures = 0;
        if (node_is_supervisor(child))
                engine_emit(engine, child, EVENT_EXITED, child->life.reason, child->life.why);
        if (is_absorbed(node, child) || child->life.state == LIFE_STOPPED)
                node_advance(node);
        else if (node->kind == NODE_NONE)
                end_of_application(engine, child, false, false);
        else
                act_on_end(engine, node, child, child->life.exit_class);
}

static void child_stopped(Engine *engine, Node *node, Node *child)
{
        uint32_t flags = child->life.flags;
        /* Where nothing is left to be started again, nothing is kept (SUP-117). */
        bool is_passing =
                (flags & LIFE_BY_REQUEST) && (node_is_simple(node) || is_temporary(child));

        child->life.flags &= ~(uint32_t)LIFE_MANUAL;
        node_advance(node);
        if (node->life.phase != PHASE_REGROUP_STOP && !is_going_down(node))
                set_mark(child, MARK_NONE);
        if (flags & LIFE_DELETE_AFTER) {
                engine_emit(engine, child, EVENT_DELETED, NULL, NULL);
                engine_remove(engine, child);
        } else if ((flags & LIFE_RESTART_AFTER) && !is_going_down(node)) {
                child->life.flags &= ~(uint32_t)LIFE_RESTART_AFTER;
                engine_start(engine, child);
        } else if (is_passing && !is_going_down(node)) {
                drop(engine, child);
        } else {
                child->life.flags &= ~(uint32_t)LIFE_RESTART_AFTER;
                node_touch(child);
        }
}

static void child_ready(Node *node, Node *child)
{
        child->life.failures = 0;
        child->life.flags &= ~(uint32_t)(LIFE_MANUAL | LIFE_ADDED);
        if (node->life.phase == PHASE_STARTING || node->life.phase == PHASE_REGROUP_START)
                set_mark(child, MARK_NONE);
        node_touch(child);
        node_advance(node);
}

static void child_due(Engine *engine, Node *node, Node *child)
{
        if (child->life.state != LIFE_BACKOFF || is_absorbed(node, child))
                return;
        if (node->life.phase == PHASE_REGROUP_WAIT && child->life.mark == MARK_START) {
                child->life.state = LIFE_STOPPED; /* started in its turn */
                node_touch(child);
                set_phase(node, PHASE_REGROUP_START);
                return;
        }
        engine_feed(engine, child, LIFE_EV_START);
}

/* --- what operators want ------------------------------------------------------------------- */

/* Its group waits for @child's delay. */
static bool is_awaited(const Node *child)
{
        return child->parent->life.phase == PHASE_REGROUP_WAIT &&
               child->life.state == LIFE_BACKOFF && child->life.mark == MARK_START;
}

/* The plan under way has yet to come to where @child stands. */
static bool must_wait(const Node *child)
{
        const Node *node = child->parent;

        if (node->kind == NODE_NONE)
                return is_waiting_for_others(child);
        if (node->life.phase == PHASE_STEADY || node->life.phase == PHASE_REGROUP_STOP)
                return node->life.phase == PHASE_REGROUP_STOP;
        for (size_t i = 0; i < child->index; i++)
                if (node->children[i]->life.mark != MARK_NONE)
                        return true;
        return false;
}

static void enlist(Node *node, Node *child)
{
        child->life.flags |= LIFE_ENLISTED;
        set_mark(child, MARK_START);
        if (node->life.phase == PHASE_STEADY)
                set_phase(node, PHASE_STARTING);
        else if (node->life.phase != PHASE_REGROUP_STOP)
                node->next_marked = MIN_OF(node->next_marked, child->index);
}

void supervise_start(Engine *engine, Node *child)
{
        Node *node = child->parent;
        const char *missing = NULL;

        if (is_going_down(node))
                return; /* it comes with its supervisor */
        if (is_awaited(child)) {
                engine_disarm(engine, child);
                child_due(engine, node, child);
                return;
        }
        if (child->life.state == LIFE_BACKOFF) { /* tried now; a failure is tried again as ever */
                engine_feed(engine, child, LIFE_EV_START);
                return;
        }
        if (child->life.mark != MARK_NONE) { /* it comes with its group */
                child->life.flags |= LIFE_ENLISTED;
                return;
        }
        child->life.flags |= LIFE_MANUAL;
        if (must_wait(child)) {
                enlist(node, child);
                return;
        }
        if (node->kind == NODE_NONE)
                missing = missing_requirement(child);
        if (missing)
                refuse_application(engine, child, missing);
        else
                engine_feed(engine, child, LIFE_EV_START);
}

void supervise_cancel(Engine *engine, Node *child)
{
        Node *node = child->parent;

        (void)engine;
        if (!is_awaited(child))
                return;
        for (size_t i = 0; i < node->child_count; i++)
                set_mark(node->children[i], MARK_NONE);
        set_phase(node, PHASE_REGROUP_START);
}

void supervise_let_go(Engine *engine, Node *child)
{
        (void)engine;
        if (!is_awaited(child))
                return;
        set_mark(child, MARK_NONE);
        set_phase(child->parent, PHASE_REGROUP_START);
}

void supervise_told(Engine *engine, Node *child, TellKind kind)
{
        Node *node = child->parent;

        switch (kind) {
        case TELL_READY:
                child_ready(node, child);
                return;
        case TELL_FAILED:
                child_failed(engine, node, child);
                return;
        case TELL_ENDED:
                child_ended(engine, node, child);
                return;
        case TELL_STOPPED:
                child_stopped(engine, node, child);
                return;
        case TELL_DUE:
                child_due(engine, node, child);
                return;
        case TELL_NONE:
        case TELL_SELF_EXIT:
                return;
        }
}
