/*
 * The life of one node: events through the table of life.c, actions into the world. What a child's
 * end means for its supervisor is supervise.c's business.
 */

#include "supervisord/supervisor/engine.h"

#include "base/text.h"
#include "supervisord/supervisor/engine-internal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A watchdog's SIGABRT may write a core; after this long it is SIGKILL, whatever `shutdown` says.
 */
#define ABORT_USEC_MAX (60 * USEC_PER_SEC)

static const char *const event_names[EVENT_TYPE_COUNT] = {
        [EVENT_NONE] = "none",
        [EVENT_STARTING] = "starting",
        [EVENT_READY] = "ready",
        [EVENT_EXITED] = "exited",
        [EVENT_RESTARTING] = "restarting",
        [EVENT_STOPPING] = "stopping",
        [EVENT_STOPPED] = "stopped",
        [EVENT_FAILED] = "failed",
        [EVENT_ESCALATED] = "escalated",
        [EVENT_ADDED] = "added",
        [EVENT_DELETED] = "deleted",
        [EVENT_RELOADED] = "reloaded",
};

const char *event_type_name(EventType type)
{
        return type < EVENT_TYPE_COUNT ? event_names[type] : "?";
}

Engine *engine_new(Tree *tree, const World *world)
{
        _cleanup_(engine_freep) Engine *engine = calloc(1, sizeof(*engine));

        if (!engine)
                return NULL;
        engine->tree = tree;
        engine->world = world;
        engine->policy_children = calloc(LIMIT_SLOTS, sizeof(*engine->policy_children));
        /* Each node has at most two words under way: ready and ended. */
        engine->tell_room = 2 * (size_t)LIMIT_SLOTS + 1;
        engine->tells = calloc(engine->tell_room, sizeof(*engine->tells));
        if (!engine->policy_children || !engine->tells)
                return NULL;
        return steal_ptr(engine);
}

void engine_free(Engine *engine)
{
        if (!engine)
                return;
        free(engine->policy_children);
        free(engine->tells);
        free(engine);
}

void engine_emit(Engine *engine, Node *node, EventType type, const char *reason, const char *detail)
{
        engine->world->event(engine->world->context, node, type, reason, detail);
}

void engine_tell(Engine *engine, Node *from, TellKind kind)
{
        engine->tells[engine->tell_tail] =
                (Tell){.from = from, .kind = kind, .generation = from->life.generation};
        engine->tell_tail = (engine->tell_tail + 1) % engine->tell_room;
        assert(engine->tell_tail != engine->tell_head);
        from->told++;
}

static bool is_within(const Node *node, const Node *top)
{
        while (node && node != top)
                node = node->parent;
        return node != NULL;
}

static void withdraw_tells(Engine *engine, const Node *node)
{
        for (size_t i = engine->tell_head; i != engine->tell_tail; i = (i + 1) % engine->tell_room)
                if (engine->tells[i].from && is_within(engine->tells[i].from, node))
                        engine->tells[i].from = NULL;
}

void engine_remove(Engine *engine, Node *node)
{
        if (node->told > 0)
                withdraw_tells(engine, node);
        for (size_t i = node->child_count; i > 0; i--)
                engine_remove(engine, node->children[i - 1]);
        engine->world->release(engine->world->context, node);
        tree_remove(engine->tree, node);
}

static void set_deadline(Engine *engine, Node *node, usec_t deadline)
{
        usec_t value = deadline == USEC_INFINITY ? 0 : deadline;

        if (value == node->life.deadline_usec && value == 0)
                return;
        node->life.deadline_usec = value;
        engine->world->arm(engine->world->context, node);
}

void engine_disarm(Engine *engine, Node *node)
{
        set_deadline(engine, node, 0);
}

static usec_t after(Engine *engine, usec_t span)
{
        return usec_add(engine->world->now(engine->world->context), span);
}

static void launch(Engine *engine, Node *node)
{
        const uint32_t past = LIFE_WAS_READY | LIFE_START_TIMED_OUT | LIFE_HIT_WATCHDOG |
                              LIFE_IS_FORCED | LIFE_BY_REQUEST | LIFE_GAVE_UP | LIFE_IS_CULPRIT |
                              LIFE_IS_DROPPED;
        int r;

        node->life.flags &= ~past;
        node->life.flags |= LIFE_ENLISTED;
        node->life.generation = ++node->tree->generation;
        node->life.started_usec = engine->world->now(engine->world->context);
        node->life.started_msec = now_real_msec();
        node->life.ready_usec = 0;
        node->life.why[0] = '\0';
        free(node->status_text);
        node->status_text = NULL;
        node->said_stopping = node->is_reloading = false;
        if (node->parent)
                engine_emit(engine, node, EVENT_STARTING, NULL, NULL);
        if (!node_is_process(node)) {
                supervise_launch(engine, node);
                return;
        }
        r = engine->world->spawn(engine->world->context, node);
        if (r >= 0)
                return;
        node->life.exit_code = 0;
        node->life.exit_class = EXIT_CLASS_START;
        node->life.exit_msec = now_real_msec();
        text_format(node->life.reason, sizeof(node->life.reason), "{start,%d}", -r);
        text_format(node->life.why, sizeof(node->life.why), "could not be prepared: %s",
                    strerror(-r));
        engine_tell(engine, node, TELL_SELF_EXIT);
}

static void ask(Engine *engine, Node *node)
{
        if (node->parent)
                engine_emit(engine, node, EVENT_STOPPING, NULL, NULL);
        if (!node_is_process(node)) {
                supervise_take_down(engine, node);
                return;
        }
        if (node->spec->child.is_brutal) {
                node->life.state = LIFE_KILLING;
                engine->world->signal(engine->world->context, node, SIGNAL_KILL, SIGKILL);
                return;
        }
        engine->world->signal(engine->world->context, node, SIGNAL_STOP,
                              node->spec->process.stop_signal);
}

static void force(Engine *engine, Node *node)
{
        if (!node_is_process(node)) {
                supervise_kill(engine, node);
                return;
        }
        if (node->life.state == LIFE_KILLING)
                node->life.flags |= LIFE_IS_FORCED;
        engine->world->signal(engine->world->context, node, SIGNAL_KILL, SIGKILL);
}

static void arm_start(Engine *engine, Node *node)
{
        /* "spawn" is ready as soon as the kernel answers, which it always does. */
        if (node_is_process(node) && node->spec->process.ready == READY_NOTIFY)
                set_deadline(engine, node, after(engine, node->spec->process.start_timeout_usec));
}

static void arm_stop(Engine *engine, Node *node)
{
        usec_t span = node->spec ? node->spec->child.shutdown_usec : USEC_INFINITY;

        if (node->kind == NODE_APPLICATION || node->life.state == LIFE_KILLING)
                return;
        if (node->life.state == LIFE_ABORTING && node_is_supervisor(node))
                return; /* nobody waits for it; its children have their own deadlines */
        if (node->life.state == LIFE_ABORTING)
                span = MIN_OF(span, (usec_t)ABORT_USEC_MAX);
        set_deadline(engine, node, after(engine, span));
}

static void arm_backoff(Engine *engine, Node *node)
{
        const Backoff *backoff = &node->spec->child.backoff;
        double spread = (2 * engine->world->random(engine->world->context) - 1) * backoff->jitter;
        double delay = (double)node->life.delay_usec * (1 + spread);

        set_deadline(engine, node, after(engine, (usec_t)delay));
}

static void arm_lifespan(Engine *engine, Node *node)
{
        if (node->kind == NODE_APPLICATION)
                set_deadline(engine, node, after(engine, node->spec->app.lifespan_usec));
}

static void tell_ready(Engine *engine, Node *node)
{
        node->life.flags |= LIFE_WAS_READY;
        if (node->life.ready_usec == 0)
                node->life.ready_usec = engine->world->now(engine->world->context);
        if (node->parent)
                engine_emit(engine, node, EVENT_READY, NULL, NULL);
        engine_tell(engine, node, TELL_READY);
}

static void tell_stopped(Engine *engine, Node *node)
{
        if (node->parent)
                engine_emit(engine, node, EVENT_STOPPED,
                            node->life.reason[0] ? node->life.reason : NULL, NULL);
        engine_tell(engine, node, TELL_STOPPED);
}

static void tell_aborted(Engine *engine, Node *node)
{
        if (node->life.flags & LIFE_WAS_READY) {
                if (!(node->life.flags & LIFE_GAVE_UP))
                        node->life.state = LIFE_FINISHED;
                engine_tell(engine, node, TELL_ENDED);
        } else {
                engine_tell(engine, node, TELL_FAILED);
        }
}

static void disarm(Engine *engine, Node *node)
{
        set_deadline(engine, node, 0);
}

static void undo(Engine *engine, Node *node)
{
        if (!node_is_process(node))
                supervise_take_down(engine, node);
}

static void tell_failed(Engine *engine, Node *node)
{
        engine_tell(engine, node, TELL_FAILED);
}

static void tell_ended(Engine *engine, Node *node)
{
        engine_tell(engine, node, TELL_ENDED);
}

static void tell_due(Engine *engine, Node *node)
{
        engine_tell(engine, node, TELL_DUE);
}

/* In the order of the bits, which is the order in which they are carried out. */
static const struct {
        LifeAction action;
        void (*run)(Engine *engine, Node *node);
} actions[] = {
        {LIFE_DISARM, disarm},
        {LIFE_LAUNCH, launch},
        {LIFE_ASK, ask},
        {LIFE_UNDO, undo},
        {LIFE_FORCE, force},
        {LIFE_ARM_START, arm_start},
        {LIFE_ARM_STOP, arm_stop},
        {LIFE_ARM_BACKOFF, arm_backoff},
        {LIFE_ARM_LIFESPAN, arm_lifespan},
        {LIFE_TELL_READY, tell_ready},
        {LIFE_TELL_FAILED, tell_failed},
        {LIFE_TELL_ENDED, tell_ended},
        {LIFE_TELL_STOPPED, tell_stopped},
        {LIFE_TELL_ABORTED, tell_aborted},
        {LIFE_TELL_DUE, tell_due},
};

void engine_feed(Engine *engine, Node *node, LifeEvent event)
{
        LifeStep step = life_step(node->life.state, event);

        node->life.state = step.next;
        node_touch(node);
        for (size_t i = 0; i < ARRAY_LEN(actions); i++)
                if (step.actions & actions[i].action)
                        actions[i].run(engine, node);
}

static EndPhase end_phase(const Node *node)
{
        if (node->life.state == LIFE_STOPPING)
                return END_PHASE_STOPPING;
        if (node->life.state == LIFE_KILLING)
                return END_PHASE_KILLING;
        return node->life.flags & LIFE_WAS_READY ? END_PHASE_RUNNING : END_PHASE_STARTING;
}

/* How it ended, in words, before the table moves on. */
static void note_end(Node *node, const RecordChild *row)
{
        const ProcessSpec *process = &node->spec->process;
        bool was_spawned = !(row->flags & CHILD_NOT_SPAWNED);
        Reason reason;
        const EndFacts facts = {
                .phase = end_phase(node),
                .is_brutal = !(node->life.flags & LIFE_IS_FORCED),
                .was_watchdog = (row->flags & CHILD_WATCHDOG_HIT) != 0,
                .was_start_timeout = (node->life.flags & LIFE_START_TIMED_OUT) != 0,
                .was_oom = (row->flags & CHILD_OOM) != 0,
                .dumped_core = (row->flags & CHILD_DUMPED_CORE) != 0,
                .code = was_spawned ? row->code : 0,
                .status = row->status,
                .stop_signal = process->stop_signal,
                .success_exit = process->success_exit,
                .success_exit_count = process->success_exit_count,
                .spawn_step = row->spawn_step,
                .spawn_errno = row->spawn_errno,
                .spawn_path = row->spawn_step == SPAWN_STEP_CWD ? process->cwd : process->file,
        };

        reason_translate(&facts, &reason);
        node->life.exit_code = facts.code;
        node->life.exit_status = row->status;
        node->life.exit_class = reason.how;
        node->life.exit_msec = row->ended_msec ? row->ended_msec : now_real_msec();
        node->life.pid = 0;
        text_format(node->life.reason, sizeof(node->life.reason), "%.*s",
                    (int)sizeof(node->life.reason) - 1, reason.text);
        text_format(node->life.why, sizeof(node->life.why), "%.*s", (int)sizeof(node->life.why) - 1,
                    reason.detail);
        if (reason.is_forced && !node->life.why[0])
                text_format(node->life.why, sizeof(node->life.why),
                            "did not stop in time and was killed");
}

static void take_end(Engine *engine, Node *node, const RecordChild *row)
{
        bool was_asked = node->life.state == LIFE_STOPPING || node->life.state == LIFE_KILLING;

        note_end(node, row);
        if (!was_asked && !(row->flags & CHILD_NOT_SPAWNED))
                engine_emit(engine, node, EVENT_EXITED, node->life.reason, node->life.why);
        engine->world->forget(engine->world->context, node, node->life.generation);
        engine_feed(engine, node, LIFE_EV_EXIT);
}

/* STATUS= and its like: shown, never acted on. */
static void take_gossip(Node *node, const RecordChild *row)
{
        size_t len = strnlen(row->status_text, sizeof(row->status_text));

        free(node->status_text);
        node->status_text = len > 0 ? strndup(row->status_text, len) : NULL;
        node->notify_refused = row->notify_refused;
        node->said_stopping = (row->flags & CHILD_SAID_STOPPING) != 0;
        node->is_reloading = (row->flags & CHILD_IS_RELOADING) != 0;
}

static void take_extension(Engine *engine, Node *node, const RecordChild *row)
{
        bool has_timer = node->life.state == LIFE_STARTING || node->life.state == LIFE_STOPPING;

        if (!has_timer || node->life.deadline_usec == 0 ||
            row->extend_usec <= node->life.deadline_usec)
                return;
        set_deadline(engine, node, row->extend_usec);
        node_touch(node);
}

int engine_row(Engine *engine, Node *node, uint64_t generation, const RecordChild *row)
{
        bool has_ended = (row->flags & (CHILD_HAS_ENDED | CHILD_NOT_SPAWNED)) != 0;
        bool is_ready;

        if (!node_is_process(node) || generation != node->life.generation ||
            !life_is_alive(node->life.state))
                return ENGINE_E_STALE;
        node->seen_generation = generation;
        take_gossip(node, row);
        take_extension(engine, node, row);
        if (!(row->flags & CHILD_NOT_SPAWNED) && node->life.pid != row->pid && !has_ended) {
                node->life.pid = row->pid;
                node->life.started_usec = row->started_usec;
                node->life.started_msec = row->started_msec;
                node_touch(node);
        }
        is_ready = !(row->flags & CHILD_NOT_SPAWNED) &&
                   (node->spec->process.ready == READY_SPAWN || (row->flags & CHILD_IS_READY));
        if (is_ready && node->life.state == LIFE_STARTING) {
                node->life.ready_usec = row->ready_usec;
                engine_feed(engine, node, LIFE_EV_READY);
        }
        if ((row->flags & CHILD_WATCHDOG_HIT) && !(node->life.flags & LIFE_HIT_WATCHDOG)) {
                node->life.flags |= LIFE_HIT_WATCHDOG;
                engine_feed(engine, node, LIFE_EV_ABORT);
        }
        if (has_ended)
                take_end(engine, node, row);
        return 0;
}

void engine_timeout(Engine *engine, Node *node)
{
        if (node->life.deadline_usec == 0)
                return;
        node->life.deadline_usec = 0;
        if (node->life.state == LIFE_STARTING)
                node->life.flags |= LIFE_START_TIMED_OUT;
        if (node->life.state == LIFE_RUNNING && node->kind == NODE_APPLICATION) {
                text_format(node->life.reason, sizeof(node->life.reason), "normal");
                text_format(node->life.why, sizeof(node->life.why), "its lifespan is over");
                node->life.exit_class = EXIT_CLASS_NORMAL;
        }
        engine_feed(engine, node, LIFE_EV_TIMEOUT);
}

void engine_start(Engine *engine, Node *node)
{
        if (node->life.flags & LIFE_DELETE_AFTER)
                return; /* it is on its way out of the tree */
        node->life.flags &= ~(uint32_t)LIFE_BY_REQUEST;
        node_touch(node);
        if (node->life.state == LIFE_STOPPING || node->life.state == LIFE_KILLING)
                node->life.flags |= LIFE_RESTART_AFTER;
        else if (!life_is_alive(node->life.state))
                supervise_start(engine, node);
}

void engine_stop(Engine *engine, Node *node)
{
        node->life.flags |= LIFE_BY_REQUEST;
        node->life.flags &= ~(uint32_t)(LIFE_RESTART_AFTER | LIFE_MANUAL);
        node_touch(node);
        supervise_cancel(engine, node);
        if (node->life.mark == MARK_START)
                node->life.mark = MARK_NONE;
        if (life_is_active(node->life.state)) {
                engine_feed(engine, node, LIFE_EV_STOP);
        } else {
                node->life.state = LIFE_STOPPED;
                engine_tell(engine, node, TELL_STOPPED);
        }
        node_advance(node->parent);
}

void engine_restart(Engine *engine, Node *node)
{
        if (!life_is_alive(node->life.state)) {
                engine_start(engine, node);
                return;
        }
        engine_stop(engine, node);
        node->life.flags &= ~(uint32_t)LIFE_BY_REQUEST;
        node->life.flags |= LIFE_RESTART_AFTER;
        node_touch(node);
}

void engine_delete(Engine *engine, Node *node)
{
        supervise_let_go(engine, node);
        engine_stop(engine, node);
        node->life.flags |= LIFE_DELETE_AFTER;
}

void engine_boot(Engine *engine)
{
        engine_feed(engine, engine->tree->root, LIFE_EV_START);
}

void engine_shutdown(Engine *engine)
{
        engine_feed(engine, engine->tree->root, LIFE_EV_STOP);
}

/* The kernel has no row for what was alive by the last word that was written down. */
static void resume_unknown(Engine *engine, Node *node)
{
        RecordChild lost = {.flags = CHILD_NOT_SPAWNED, .spawn_errno = ECHILD};

        if (node->life.state == LIFE_STARTING &&
            engine->world->spawn(engine->world->context, node) >= 0)
                return;
        if (node->life.state == LIFE_STARTING || node->life.state == LIFE_RUNNING ||
            node->life.state == LIFE_ABORTING) {
                take_end(engine, node, &lost);
                return;
        }
        /* Started and stopped before the kernel heard of either. */
        text_format(node->life.reason, sizeof(node->life.reason), "shutdown");
        node->life.exit_class = EXIT_CLASS_SHUTDOWN;
        node->life.pid = 0;
        engine_feed(engine, node, LIFE_EV_EXIT);
}

/* An order that the last gend-supervisor wrote down and perhaps did not send. The kernel ignores
 * what it has done already. */
static void resume_process(Engine *engine, Node *node)
{
        /* Past its deadline, or never with one: SIGKILL was decided. */
        bool is_forced = node->life.state == LIFE_KILLING ||
                         (node->life.state == LIFE_ABORTING && node->life.deadline_usec == 0);

        if (!life_is_alive(node->life.state))
                return;
        if (node->seen_generation != node->life.generation)
                resume_unknown(engine, node);
        else if (node->life.state == LIFE_STOPPING)
                engine->world->signal(engine->world->context, node, SIGNAL_STOP,
                                      node->spec->process.stop_signal);
        else if (is_forced)
                engine->world->signal(engine->world->context, node, SIGNAL_KILL, SIGKILL);
}

void engine_resume(Engine *engine)
{
        Tree *tree = engine->tree;

        for (Node *node = tree_next(tree, NULL); node; node = tree_next(tree, node)) {
                if (node_is_process(node))
                        resume_process(engine, node);
                else
                        node_advance(node);
                if (node->life.deadline_usec != 0)
                        engine->world->arm(engine->world->context, node);
        }
        node_advance(tree->root);
}

static Node *next_advance(Tree *tree)
{
        Node *node;

        if (list_is_empty(&tree->advances))
                return NULL;
        node = LIST_ENTRY(tree->advances.next, Node, advance);
        list_remove(&node->advance);
        node->is_queued = false;
        return node;
}

static void hear(Engine *engine)
{
        Tell tell = engine->tells[engine->tell_head];

        engine->tell_head = (engine->tell_head + 1) % engine->tell_room;
        if (!tell.from)
                return;
        tell.from->told--;
        if (tell.generation != tell.from->life.generation)
                return;
        if (tell.kind == TELL_SELF_EXIT)
                engine_feed(engine, tell.from, LIFE_EV_EXIT);
        else if (tell.from->parent)
                supervise_told(engine, tell.from, tell.kind);
}

void engine_run(Engine *engine)
{
        for (;;) {
                Node *node;

                if (engine->tell_head != engine->tell_tail) {
                        hear(engine);
                        continue;
                }
                node = next_advance(engine->tree);
                if (!node)
                        return;
                supervise_advance(engine, node);
        }
}

bool engine_is_settled(const Node *node)
{
        if (node->life.state == LIFE_STARTING || node->life.state == LIFE_STOPPING ||
            node->life.state == LIFE_KILLING || node->life.state == LIFE_ABORTING ||
            node->life.flags & LIFE_RESTART_AFTER)
                return false;
        for (size_t i = 0; i < node->child_count; i++)
                if (!engine_is_settled(node->children[i]))
                        return false;
        return true;
}
