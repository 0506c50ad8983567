#include "supervisord/supervisor/view.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <signal.h>

#define STATUS_LOG_LINES 10
#define STATUS_EVENTS    5

/* NULL becomes null. Text of children may be anything: what is no UTF-8 is replaced. */
static json_t *text_or_null(const char *text)
{
        char clean[2048];
        json_t *value;
        size_t used = 0;

        if (!text)
                return json_null();
        value = json_string(text);
        if (value)
                return value;
        for (; *text && used + 1 < sizeof(clean); text++)
                clean[used++] = (unsigned char)*text < 0x80 ? *text : '?';
        return json_stringn(clean, used);
}

static json_t *integer_or_null(bool is_set, uint64_t value)
{
        return is_set ? json_integer((json_int_t)value) : json_null();
}

static const char *known_strategy(const Node *node)
{
        if (node->kind == NODE_EXEC || !node->spec)
                return NULL;
        return strategy_name(node->spec->supervisor.strategy);
}

static json_t *view_exit(const Node *node)
{
        const Life *life = &node->life;
        bool was_signal = life->exit_code == CLD_KILLED || life->exit_code == CLD_DUMPED;
        bool was_exit = life->exit_code == CLD_EXITED;

        if (life->exit_msec == 0)
                return json_null();
        return json_pack("{s:o, s:o, s:o, s:I}", "reason", text_or_null(life->reason), "status",
                         integer_or_null(was_exit, (uint64_t)life->exit_status), "signal",
                         was_signal ? json_string(signal_name(life->exit_status)) : json_null(),
                         "at", (json_int_t)life->exit_msec);
}

static uint64_t uptime_msec(const Node *node)
{
        return usec_sub(now_usec(), node->life.started_usec) / USEC_PER_MSEC;
}

static json_t *view_children(const Daemon *daemon, const Node *node)
{
        json_t *children = json_array();

        for (size_t i = 0; children && i < node->child_count; i++)
                if (node_is_listed(node->children[i]))
                        (void)json_array_append_new(children,
                                                    view_node(daemon, node->children[i], true));
        return children;
}

json_t *view_node(const Daemon *daemon, const Node *node, bool with_children)
{
        const Life *life = &node->life;
        bool is_up = life_is_alive(life->state);
        char path[LIMIT_PATH_BYTES + 1];

        return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:n, s:I, s:o, s:o, s:o, s:o}",
                         "name", node->spec->name, "path", node_path(node, path), "kind",
                         node_kind_name(node->kind), "state", life_state_name(life->state),
                         "restart",
                         text_or_null(node->kind == NODE_APPLICATION
                                              ? NULL
                                              : restart_type_name(node->spec->child.restart)),
                         "strategy", text_or_null(known_strategy(node)), "pid",
                         integer_or_null(life->pid > 0, (uint64_t)life->pid), "gen_pid", "restarts",
                         (json_int_t)life->restarts, "started_at",
                         integer_or_null(is_up, life->started_msec), "uptime_ms",
                         integer_or_null(is_up, uptime_msec(node)), "last_exit", view_exit(node),
                         "children", with_children ? view_children(daemon, node) : json_array());
}

json_t *view_tree(const Daemon *daemon)
{
        const Tree *tree = daemon->tree;
        uint64_t uptime = now_real_msec() - daemon->hello.started_msec;

        return json_pack("{s:s, s:s, s:i, s:I, s:s, s:o}", "node", tree->name, "version",
                         GEND_VERSION, "pid", daemon->hello.gend_pid, "uptime_ms",
                         (json_int_t)uptime, "state", life_state_name(tree->root->life.state),
                         "applications", view_children(daemon, tree->root));
}

json_t *view_event(const Event *event)
{
        json_t *object = json_pack("{s:I, s:I, s:s, s:o, s:o, s:o}", "seq", (json_int_t)event->seq,
                                   "time", (json_int_t)event->msec, "event",
                                   event_type_name(event->type), "path", text_or_null(event->path),
                                   "pid", integer_or_null(event->pid > 0, (uint64_t)event->pid),
                                   "reason", text_or_null(event->reason));

        if (object && event->detail)
                (void)json_object_set_new(object, "detail", text_or_null(event->detail));
        if (object && event->type == EVENT_RESTARTING)
                (void)json_object_set_new(object, "next_try_in_ms",
                                          json_integer((json_int_t)event->next_try_msec));
        return object;
}

/* The start of the last @lines lines; an unfinished one counts. */
static size_t start_of_lines(const char *text, size_t size, size_t lines)
{
        size_t at = size;

        if (at > 0 && text[at - 1] == '\n')
                at--;
        for (; at > 0; at--)
                if (text[at - 1] == '\n' && --lines == 0)
                        return at;
        return 0;
}

/* Bytes of a child as JSON text: what is no UTF-8 is taken for Latin-1. */
static json_t *bytes_as_text(const char *bytes, size_t size)
{
        json_t *value = json_stringn(bytes, size);
        unsigned char *wide;
        size_t used = 0;

        if (value)
                return value;
        wide = malloc(2 * size + 1);
        for (size_t i = 0; wide && i < size; i++) {
                unsigned char c = (unsigned char)bytes[i];

                if (c < 0x80) {
                        wide[used++] = c;
                        continue;
                }
                wide[used++] = (unsigned char)(0xc0 | (c >> 6));
                wide[used++] = (unsigned char)(0x80 | (c & 0x3f));
        }
        value = wide ? json_stringn((char *)wide, used) : NULL;
        free(wide);
        return value;
}

json_t *view_log(Daemon *daemon, const Node *node, size_t lines, uint64_t position)
{
        char path[LIMIT_PATH_BYTES + 1];
        size_t room = daemon->rings.ring_bytes, skip = 0;
        _cleanup_(freep) char *bytes = malloc(room + 1);
        RingView view = {0};

        if (!bytes)
                return NULL;
        if (ring_read(&daemon->rings, node->id, lines ? 0 : position, bytes, room, &view) < 0)
                view = (RingView){0};
        if (lines)
                skip = start_of_lines(bytes, view.size, lines);
        return json_pack("{s:s, s:o, s:I, s:I, s:I}", "path", node_path(node, path), "text",
                         bytes_as_text(bytes + skip, view.size - skip), "position",
                         (json_int_t)view.end, "lost", (json_int_t)(lines ? 0 : view.lost),
                         "dropped", (json_int_t)view.dropped);
}

static json_t *last_lines(Daemon *daemon, const Node *node, uint64_t *ret_dropped)
{
        json_t *log = node_is_process(node) ? view_log(daemon, node, STATUS_LOG_LINES, 0) : NULL;
        const char *text = log ? json_string_value(json_object_get(log, "text")) : "";
        json_t *lines = json_array();

        *ret_dropped = log ? (uint64_t)json_integer_value(json_object_get(log, "dropped")) : 0;
        while (text && *text) {
                size_t len = strcspn(text, "\n");

                (void)json_array_append_new(lines, json_stringn(text, len));
                text += len + (text[len] == '\n');
        }
        json_decref(log);
        return lines;
}

static json_t *recent_events(const Daemon *daemon, const Node *node)
{
        uint64_t first = event_log_first(&daemon->events), seq = daemon->events.last_seq;
        char path[LIMIT_PATH_BYTES + 1];
        json_t *list = json_array();

        (void)node_path(node, path);
        for (; seq >= first && seq != 0 && json_array_size(list) < STATUS_EVENTS; seq--) {
                const Event *event = event_log_get(&daemon->events, seq);

                if (event && event->path && strcmp(event->path, path) == 0)
                        (void)json_array_insert_new(list, 0, view_event(event));
        }
        return list;
}

static void add_supervisor(json_t *status, const Node *node)
{
        const SupervisorSpec *spec = &node->spec->supervisor;
        uint32_t used = node->budget.times ? intensity_used(&node->budget, now_usec()) : 0;

        (void)json_object_set_new(status, "intensity", json_integer(spec->intensity));
        (void)json_object_set_new(status, "period_ms",
                                  json_integer((json_int_t)(spec->period_usec / USEC_PER_MSEC)));
        (void)json_object_set_new(status, "restarts_in_period", json_integer(used));
        (void)json_object_set_new(status, "phase", json_string(phase_name(node->life.phase)));
}

static void add_process(json_t *status, const Node *node)
{
        const ProcessSpec *process = &node->spec->process;
        bool is_notify = process->ready == READY_NOTIFY;

        (void)json_object_set_new(status, "ready", json_string(is_notify ? "notify" : "spawn"));
        (void)json_object_set_new(status, "watchdog_ms",
                                  integer_or_null(process->watchdog_usec > 0,
                                                  process->watchdog_usec / USEC_PER_MSEC));
        (void)json_object_set_new(status, "status_text", text_or_null(node->status_text));
        (void)json_object_set_new(status, "notify_refused", json_integer(node->notify_refused));
        (void)json_object_set_new(status, "slot", json_integer(node->id));
}

/* Why it is as it is; of what runs or is meant to, nothing. */
static const char *why(const Node *node)
{
        const Life *life = &node->life;

        if (life->state == LIFE_STOPPED && life->flags & LIFE_BY_REQUEST)
                return "stopped by request";
        if (life->state == LIFE_STOPPED && life->generation == 0)
                return "not started";
        if (life->state == LIFE_RUNNING || life->state == LIFE_STARTING)
                return NULL;
        if (life->why[0])
                return life->why;
        return life->reason[0] ? life->reason : NULL;
}

json_t *view_status(Daemon *daemon, const Node *node)
{
        json_t *status = view_node(daemon, node, true);
        bool is_waiting = node->life.state == LIFE_BACKOFF && node->life.deadline_usec != 0;
        usec_t left = usec_sub(node->life.deadline_usec, now_usec()) / USEC_PER_MSEC;
        bool is_ready = node->life.state == LIFE_RUNNING;
        char parent[LIMIT_PATH_BYTES + 1];
        json_t *more;
        uint64_t dropped;
        json_t *lines = last_lines(daemon, node, &dropped);

        more = json_pack("{s:O?, s:s, s:b, s:o, s:o, s:o, s:b, s:I, s:I, s:o, s:I, s:o, s:b, s:b}",
                         "spec", node->spec->source, "parent", node_path(node->parent, parent),
                         "is_ready", is_ready, "why", text_or_null(why(node)), "next_try_at",
                         integer_or_null(is_waiting, now_real_msec() + left), "next_try_in_ms",
                         integer_or_null(is_waiting, left), "stopped_by_request",
                         (node->life.flags & LIFE_BY_REQUEST) != 0, "generation",
                         (json_int_t)node->life.generation, "consecutive_failures",
                         (json_int_t)node->life.failures, "log", lines, "log_dropped",
                         (json_int_t)dropped, "recent_events", recent_events(daemon, node),
                         "said_stopping", node->said_stopping, "is_reloading", node->is_reloading);
        if (status && more)
                (void)json_object_update(status, more);
        json_decref(more);
        if (status && node_is_supervisor(node))
                add_supervisor(status, node);
        if (status && node_is_process(node))
                add_process(status, node);
        return status;
}

static void count_processes(const Node *node, uint64_t *all, uint64_t *running)
{
        if (node_is_process(node) && node_is_listed(node)) {
                ++*all;
                *running += node->life.state == LIFE_RUNNING;
        }
        for (size_t i = 0; i < node->child_count; i++)
                count_processes(node->children[i], all, running);
}

static json_t *required_by(const Node *app)
{
        json_t *names = json_array();

        for (size_t i = 0; i < app->parent->child_count; i++) {
                const Node *other = app->parent->children[i];

                for (size_t k = 0; other->spec->app.required[k]; k++)
                        if (strcmp(other->spec->app.required[k], app->spec->name) == 0)
                                (void)json_array_append_new(names, json_string(other->spec->name));
        }
        return names;
}

static json_t *env_as_json(const EnvList *env)
{
        json_t *object = json_object();

        for (size_t i = 0; i < env->count; i++)
                (void)json_object_set_new(object, env->vars[i].name,
                                          json_string(env->vars[i].value));
        return object;
}

json_t *view_app(const Daemon *daemon, const Node *app)
{
        static const char *const starts[] = {NULL, "permanent", "transient", "temporary"};
        const AppSpec *spec = &app->spec->app;
        bool is_up = life_is_alive(app->life.state);
        uint64_t all = 0, running = 0;
        json_t *required = json_array();

        (void)daemon;
        for (size_t i = 0; spec->required[i]; i++)
                (void)json_array_append_new(required, json_string(spec->required[i]));
        count_processes(app, &all, &running);
        return json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}",
                         "name", app->spec->name, "version", text_or_null(spec->version),
                         "description", text_or_null(spec->description), "state",
                         life_state_name(app->life.state), "start", starts[spec->start], "requires",
                         required, "required_by", required_by(app), "lifespan_ms",
                         integer_or_null(spec->lifespan_usec != USEC_INFINITY,
                                         spec->lifespan_usec / USEC_PER_MSEC),
                         "started_at", integer_or_null(is_up, app->life.started_msec), "uptime_ms",
                         integer_or_null(is_up, uptime_msec(app)), "processes", (json_int_t)all,
                         "running", (json_int_t)running, "env", env_as_json(&app->spec->env),
                         "reason", text_or_null(why(app)));
}
