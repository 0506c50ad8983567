/*
 * What each method of docs/rpc.md does. A verb checks, gives the engine its orders and either
 * answers or says what it waits for; it runs within a turn, so what it sees is a whole state.
 */

#include "supervisord/supervisor/reload.h"
#include "supervisord/supervisor/request.h"
#include "supervisord/supervisor/view.h"

#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX 5
#define POLL_MSEC_MAX  30000
#define LOG_LINES_MAX  1000000

/* --- finding ------------------------------------------------------------------------------- */

static json_t *path_list(Node *const nodes[], size_t count)
{
        char path[LIMIT_PATH_BYTES + 1];
        json_t *list = json_array();

        for (size_t i = 0; i < count; i++)
                (void)json_array_append_new(list, json_string(node_path(nodes[i], path)));
        return list;
}

/* NULL after an answer. */
static Node *find_path(Request *request, const char *path)
{
        const Tree *tree = request->daemon->tree;
        Node *matches[CANDIDATES_MAX];
        size_t count = tree_find(tree, path, matches, CANDIDATES_MAX);
        json_t *data;

        if (count == 1)
                return matches[0];
        if (count > 1) {
                data = json_pack("{s:o, s:s}", "candidates",
                                 path_list(matches, MIN_OF(count, (size_t)CANDIDATES_MAX)), "hint",
                                 "give more of the path");
                request_fail(request, REQUEST_NOT_FOUND, data,
                             "%s: ambiguous, it may mean %zu paths", path, count);
                return NULL;
        }
        count = tree_nearest(tree, path, matches, CANDIDATES_MAX);
        data = json_pack("{s:o, s:s}", "candidates", path_list(matches, count), "hint",
                         "`genctl tree` shows all paths");
        request_fail(request, REQUEST_NOT_FOUND, data, "%s: no such path", path);
        return NULL;
}

static const char *param_text(const Request *request, const char *key)
{
        return json_string_value(json_object_get(request->params, key));
}

static Node *find_param(Request *request, const char *key)
{
        return find_path(request, param_text(request, key));
}

static uint64_t param_number(const Request *request, const char *key, uint64_t fallback)
{
        const json_t *value = json_object_get(request->params, key);

        return value ? (uint64_t)json_integer_value(value) : fallback;
}

static bool param_flag(const Request *request, const char *key, bool fallback)
{
        const json_t *value = json_object_get(request->params, key);

        return value ? json_is_true(value) : fallback;
}

static Node *find_app(Request *request)
{
        const char *name = param_text(request, "name");
        Node *app = node_child_by_name(request->daemon->tree->root, name);

        if (!app)
                request_fail(request, REQUEST_NOT_FOUND,
                             json_pack("{s:o}", "candidates",
                                       path_list(request->daemon->tree->root->children,
                                                 MIN_OF(request->daemon->tree->root->child_count,
                                                        (size_t)CANDIDATES_MAX))),
                             "%s: no such application", name);
        return app;
}

static void fail_memory(Request *request)
{
        request_fail(request, REQUEST_FAILED, NULL, "out of memory; nothing was done");
}

static bool is_shutting_down(Request *request)
{
        if (!request->daemon->must_stop)
                return false;
        request_fail(request, REQUEST_FORBIDDEN_STATE, NULL, "gend is shutting down");
        return true;
}

/* --- looking ------------------------------------------------------------------------------- */

static void verb_tree(Request *request)
{
        Node *node;

        if (!param_text(request, "path")) {
                request_reply(request, view_tree(request->daemon));
                return;
        }
        node = find_param(request, "path");
        if (node)
                request_reply(request, view_node(request->daemon, node, true));
}

static void verb_status(Request *request)
{
        Node *node = find_param(request, "path");

        if (node)
                request_reply(request, view_status(request->daemon, node));
}

static void verb_list(Request *request)
{
        const Tree *tree = request->daemon->tree;
        json_t *list = json_array();

        for (Node *node = tree_next(tree, NULL); node; node = tree_next(tree, node))
                if (node_is_process(node) && node_is_listed(node))
                        (void)json_array_append_new(list, view_node(request->daemon, node, false));
        request_reply(request, json_pack("{s:o}", "processes", list));
}

static void verb_apps(Request *request)
{
        const Node *root = request->daemon->tree->root;
        json_t *list = json_array();

        for (size_t i = 0; i < root->child_count; i++)
                (void)json_array_append_new(list, view_app(request->daemon, root->children[i]));
        request_reply(request, json_pack("{s:o}", "applications", list));
}

static void verb_app_info(Request *request)
{
        Node *app = find_app(request);

        if (app)
                request_reply(request, view_app(request->daemon, app));
}

static void set_poll(Request *request, WaitKind wait)
{
        uint64_t wait_msec = MIN_OF(param_number(request, "wait_ms", 0), (uint64_t)POLL_MSEC_MAX);

        request->wait = wait;
        request->deadline = usec_add(now_usec(), wait_msec * USEC_PER_MSEC);
}

static void verb_events(Request *request)
{
        request->position = param_number(request, "since", 0);
        request->limit =
                MIN_OF(param_number(request, "limit", LIMIT_EVENTS), (uint64_t)LIMIT_EVENTS);
        set_poll(request, WAIT_EVENTS);
}

static void verb_logs(Request *request)
{
        uint64_t lines = MIN_OF(param_number(request, "lines", 10), (uint64_t)LOG_LINES_MAX);
        Node *node = find_param(request, "path");

        if (!node)
                return;
        if (!node_is_process(node)) {
                request_fail(request, REQUEST_FORBIDDEN_STATE, NULL,
                             "%s is no process: only processes have output",
                             param_text(request, "path"));
                return;
        }
        if (!json_object_get(request->params, "position")) {
                request_reply(request, lines == 0 ? view_log(request->daemon, node, 0, UINT64_MAX)
                                                  : view_log(request->daemon, node, lines, 0));
                return;
        }
        request->position = param_number(request, "position", 0);
        if (request_add_node(request, node) < 0) {
                fail_memory(request);
                return;
        }
        set_poll(request, WAIT_LOGS);
}

static void verb_version(Request *request)
{
        request_reply(request, json_pack("{s:s, s:i}", "version", GEND_VERSION, "protocol", 1));
}

static void verb_ping(Request *request)
{
        request_reply(request,
                      json_pack("{s:b, s:s}", "pong", 1, "node", request->daemon->tree->name));
}

static void verb_nodes(Request *request)
{
        request_reply(request, json_pack("{s:[]}", "nodes"));
}

/* --- starting and stopping ----------------------------------------------------------------- */

/* Whether @node may be started now; else an answer. */
static bool may_start(Request *request, const Node *node)
{
        const Node *parent = node->parent;
        bool parent_is_up =
                parent->life.state == LIFE_RUNNING || parent->life.state == LIFE_STARTING;
        char path[LIMIT_PATH_BYTES + 1], above[LIMIT_PATH_BYTES + 1];

        (void)node_path(node, path);
        if (!parent_is_up) {
                request_fail(request, REQUEST_FORBIDDEN_STATE, NULL,
                             "%s cannot be started: its supervisor %s is %s; start that first",
                             path, node_path(parent, above), life_state_name(parent->life.state));
                return false;
        }
        if (node->kind != NODE_APPLICATION)
                return true;
        for (size_t i = 0; node->spec->app.required[i]; i++) {
                const char *name = node->spec->app.required[i];
                const Node *other = node_child_by_name(parent, name);

                if (other && other->life.state == LIFE_RUNNING)
                        continue;
                request_fail(request, REQUEST_FAILED,
                             json_pack("{s:s+}", "hint", "genctl app start ", name),
                             "%s cannot be started: {not_started,%s}", path, name);
                return false;
        }
        return true;
}

/* All paths of the request, or an answer. */
static bool add_paths(Request *request)
{
        const json_t *list = json_object_get(request->params, "paths");
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
        {
                Node *node = find_path(request, json_string_value(item));

                if (!node)
                        return false;
                if (request_add_node(request, node) < 0) {
                        fail_memory(request);
                        return false;
                }
        }
        if (i == 0)
                request_fail(request, REQUEST_BAD_PARAMS, NULL, "parameter \"paths\" is empty");
        return i > 0;
}

/* Waits, or with "wait": false answers once the turn is over. */
static void wait_for(Request *request, WaitKind wait)
{
        request->wait = wait;
        if (!param_flag(request, "wait", true))
                for (size_t i = 0; i < request->node_count; i++)
                        request->nodes[i].is_done = true;
}

static void start_nodes(Request *request)
{
        for (size_t i = 0; i < request->node_count; i++)
                if (request->nodes[i].node->life.state != LIFE_RUNNING &&
                    !may_start(request, request->nodes[i].node))
                        return;
        for (size_t i = 0; i < request->node_count; i++) {
                RequestNode *item = &request->nodes[i];

                /* What runs is fine; what is on its way counts as well. */
                if (item->node->life.state == LIFE_RUNNING)
                        item->is_done = true;
                else if (item->node->life.state == LIFE_STARTING)
                        item->base_generation--;
                engine_start(request->daemon->engine, item->node);
        }
        wait_for(request, WAIT_START);
}

static void verb_start(Request *request)
{
        if (!is_shutting_down(request) && add_paths(request))
                start_nodes(request);
}

static void verb_stop(Request *request)
{
        if (!add_paths(request))
                return;
        for (size_t i = 0; i < request->node_count; i++)
                engine_stop(request->daemon->engine, request->nodes[i].node);
        wait_for(request, WAIT_STOP);
}

static void verb_restart(Request *request)
{
        if (is_shutting_down(request) || !add_paths(request))
                return;
        for (size_t i = 0; i < request->node_count; i++)
                if (!may_start(request, request->nodes[i].node))
                        return;
        for (size_t i = 0; i < request->node_count; i++)
                engine_restart(request->daemon->engine, request->nodes[i].node);
        wait_for(request, WAIT_START);
}

/* The application that the request names, as the one it waits for; NULL after an answer. */
static Node *add_app(Request *request)
{
        Node *app = find_app(request);

        if (app && request_add_node(request, app) < 0) {
                fail_memory(request);
                return NULL;
        }
        request->form = REPLY_APP;
        return app;
}

static void verb_app_start(Request *request)
{
        if (!is_shutting_down(request) && add_app(request))
                start_nodes(request);
}

static void verb_app_stop(Request *request)
{
        Node *app = add_app(request);

        if (!app)
                return;
        engine_stop(request->daemon->engine, app);
        wait_for(request, WAIT_STOP);
}

static void verb_kill(Request *request)
{
        const char *name =
                param_text(request, "signal") ? param_text(request, "signal") : "SIGKILL";
        int signo = signal_from_name(name);
        Node *node = find_param(request, "path");
        char path[LIMIT_PATH_BYTES + 1];

        if (!node)
                return;
        (void)node_path(node, path);
        if (signo <= 0) {
                request_fail(request, REQUEST_BAD_PARAMS, NULL, "%.64s: no such signal", name);
                return;
        }
        if (node->life.pid <= 0 || !node_is_process(node)) {
                request_fail(request, REQUEST_FORBIDDEN_STATE, NULL, "%s has no process: it is %s",
                             path,
                             node_is_process(node) ? life_state_name(node->life.state)
                                                   : node_kind_name(node->kind));
                return;
        }
        request->daemon->world.signal(request->daemon, node, SIGNAL_MAIN, signo);
        request_reply(request, json_pack("{s:s, s:i, s:s}", "path", path, "pid", node->life.pid,
                                         "signal", signal_name(signo)));
}

/* --- changing the tree --------------------------------------------------------------------- */

static json_t *faults_as_json(const SpecFaults *faults)
{
        json_t *list = json_array();

        for (size_t i = 0; i < faults->count; i++)
                (void)json_array_append_new(list, json_pack("{s:i, s:s?, s:s?}", "line",
                                                            faults->items[i].line, "path",
                                                            faults->items[i].path, "message",
                                                            faults->items[i].message));
        return json_pack("{s:o}", "faults", list);
}

/* Whether @parent can take children now; else an answer. */
static bool may_add(Request *request, const Node *parent, bool is_simple)
{
        char path[LIMIT_PATH_BYTES + 1];

        (void)node_path(parent, path);
        if (!node_is_supervisor(parent)) {
                request_fail(request, REQUEST_FORBIDDEN_STATE, NULL, "%s is no supervisor", path);
                return false;
        }
        if (node_is_simple(parent) != is_simple) {
                request_fail(request, REQUEST_FORBIDDEN_STATE, NULL,
                             is_simple ? "%s is not simple_one_for_one: use add"
                                       : "%s is simple_one_for_one: use spawn",
                             path);
                return false;
        }
        if (parent->life.state != LIFE_RUNNING) {
                request_fail(request, REQUEST_FORBIDDEN_STATE, NULL, "%s is %s, not running", path,
                             life_state_name(parent->life.state));
                return false;
        }
        return true;
}

/* A node of its own, added to a running supervisor: started if it starts by itself. */
static int add_dynamic(Request *request, Node *parent, NodeSpec **take_spec, Node **ret_node)
{
        Daemon *daemon = request->daemon;
        int r;

        r = tree_add_whole(daemon->tree, parent, take_spec, ret_node);
        if (r < 0)
                return r;
        (*ret_node)->life.flags |= LIFE_IS_DYNAMIC | LIFE_ADDED;
        return 0;
}

static void note_whole(Daemon *daemon, Node *node)
{
        checkpoint_note_node(&daemon->checkpoint, node);
        node_touch(node);
        for (size_t i = 0; i < node->child_count; i++) {
                node->children[i]->life.flags |= LIFE_IS_OF_DYNAMIC;
                note_whole(daemon, node->children[i]);
        }
}

static void launch_added(Request *request, Node *node)
{
        Daemon *daemon = request->daemon;

        note_whole(daemon, node);
        daemon_event(daemon, node, EVENT_ADDED, NULL, NULL);
        if (node->spec->child.is_autostart)
                engine_start(daemon->engine, node);
        else
                node->life.flags &= ~(uint32_t)LIFE_ADDED;
}

/* Return: whether none of them is there already; else an answer. */
static bool are_new(Request *request, const Node *parent, NodeSpec *const specs[], size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const Node *other = node_child_by_name(parent, specs[i]->name);
                char path[LIMIT_PATH_BYTES + 1];

                if (!other || !node_is_listed(other))
                        continue;
                request_fail(request, REQUEST_FORBIDDEN_STATE, NULL, "%s is there, %s (%s)",
                             node_path(other, path), life_state_name(other->life.state),
                             life_is_alive(other->life.state) ? "already_started"
                                                              : "already_present");
                return false;
        }
        return true;
}

/* SUP-036: the name of a temporary child that has ended is free. */
static void make_room(Request *request, Node *parent, const char *name)
{
        Node *other = node_child_by_name(parent, name);

        if (other)
                engine_remove(request->daemon->engine, other);
}

static void add_all(Request *request, Node *parent, NodeSpec *specs[], size_t count)
{
        if (!are_new(request, parent, specs, count))
                return;
        for (size_t i = 0; i < count; i++) {
                bool is_started = specs[i]->child.is_autostart;
                Node *node;
                int r;

                make_room(request, parent, specs[i]->name);
                r = add_dynamic(request, parent, &specs[i], &node);

                if (r == 0)
                        r = request_add_node(request, node);
                if (r < 0) {
                        request_fail(request, REQUEST_FAILED, NULL, "could not be added: %s",
                                     r == -ENOSPC ? "there is no room for more processes"
                                                  : strerror(-r));
                        return;
                }
                request->nodes[request->node_count - 1].is_done = !is_started;
                launch_added(request, node);
        }
        request->form = REPLY_PATHS;
        wait_for(request, WAIT_START);
}

static void verb_add(Request *request)
{
        Node *parent = is_shutting_down(request) ? NULL : find_param(request, "parent");
        _cleanup_(freep) char *text = NULL;
        _cleanup_(node_specs_deinit) NodeSpecs specs = {0};
        SpecFaults faults = {0};
        int r;

        if (!parent || !may_add(request, parent, false))
                return;
        text = json_dumps(json_object_get(request->params, "child"), JSON_INDENT(2));
        if (!text) {
                fail_memory(request);
                return;
        }
        r = spec_parse_child(text, strlen(text), request->daemon->tree->folder, parent->spec,
                             &specs, &faults);
        if (r == SPEC_E_INVALID)
                request_fail(request, REQUEST_FAILED, faults_as_json(&faults),
                             "the child has %zu fault%s; the first: %s: %s", faults.count,
                             faults.count == 1 ? "" : "s",
                             faults.items[0].path ? faults.items[0].path : "",
                             faults.items[0].message ? faults.items[0].message : "");
        else if (r < 0)
                fail_memory(request);
        else
                add_all(request, parent, specs.items, specs.count);
        spec_faults_deinit(&faults);
}

static void verb_delete(Request *request)
{
        Node *node = find_param(request, "path");
        char path[LIMIT_PATH_BYTES + 1];

        if (!node)
                return;
        (void)node_path(node, path);
        if (node_is_simple(node->parent)) {
                request_fail(request, REQUEST_FORBIDDEN_STATE, NULL,
                             "%s: simple_one_for_one; stop removes it", path);
                return;
        }
        if (life_is_active(node->life.state)) {
                request_fail(request, REQUEST_FORBIDDEN_STATE,
                             json_pack("{s:s+}", "hint", "genctl stop ", path),
                             "%s is %s (%s); stop it first", path,
                             life_state_name(node->life.state),
                             node->life.state == LIFE_BACKOFF ? "restarting" : "running");
                return;
        }
        engine_delete(request->daemon->engine, node);
        request_reply(request, json_pack("{s:s}", "path", path));
}

static char **copy_strings(const json_t *list)
{
        char **copy = calloc(json_array_size(list) + 1, sizeof(char *));
        const json_t *item;
        size_t i;

        if (!copy)
                return NULL;
        json_array_foreach(list, i, item)
        {
                copy[i] = strdup(json_string_value(item));
                if (copy[i])
                        continue;
                while (i > 0)
                        free(copy[--i]);
                free((void *)copy);
                return NULL;
        }
        return copy;
}

/* A name that no child has: TEMPLATE@N. */
static void instance_name(Node *parent, char *buffer, size_t size)
{
        do {
                text_format(buffer, size, "%s@%u", parent->template_spec->name,
                            ++parent->life.next_instance);
        } while (node_child_by_name(parent, buffer));
        node_touch(parent);
}

static void spawn_instance(Request *request, Node *parent, char **args)
{
        _cleanup_(node_spec_freep) NodeSpec *spec = NULL;
        char name[LIMIT_NAME_BYTES + 16];
        Node *node = NULL;
        int r;

        instance_name(parent, name, sizeof(name));
        r = node_spec_instance(parent->template_spec, name, args, &spec);
        if (r == 0)
                r = add_dynamic(request, parent, &spec, &node);
        if (r == 0) {
                node->args = args;
                r = request_add_node(request, node);
        } else {
                for (size_t i = 0; args[i]; i++)
                        free(args[i]);
                free((void *)args);
        }
        if (r < 0 || !node) {
                if (node)
                        tree_remove(request->daemon->tree, node);
                request_fail(request, REQUEST_FAILED, NULL, "could not be spawned: %s",
                             r == -ENOSPC ? "there is no room for more processes" : strerror(-r));
                return;
        }
        node->spec->child.is_autostart = true;
        launch_added(request, node);
        request->form = REPLY_PATH_PID;
        wait_for(request, WAIT_START);
}

static void verb_spawn(Request *request)
{
        Node *parent = is_shutting_down(request) ? NULL : find_param(request, "path");
        const json_t *list = json_object_get(request->params, "args");
        char **args;

        if (!parent || !may_add(request, parent, true))
                return;
        if (json_array_size(list) > LIMIT_ARGS) {
                request_fail(request, REQUEST_BAD_PARAMS, NULL, "more than %u arguments",
                             LIMIT_ARGS);
                return;
        }
        args = copy_strings(list);
        if (args)
                spawn_instance(request, parent, args);
        else
                fail_memory(request);
}

static void verb_reload(Request *request)
{
        Daemon *daemon = request->daemon;
        bool is_dry_run = param_flag(request, "dry_run", false);
        ReloadResult result;
        int r;

        if (is_shutting_down(request))
                return;
        r = reload_run(daemon, is_dry_run, &result);
        if (r == RELOAD_E_INVALID) {
                request_fail(request, REQUEST_FAILED, faults_as_json(&result.faults), "%s",
                             result.error);
        } else if (r != 0) {
                request_fail(request, REQUEST_FAILED, NULL, "%s; nothing was changed",
                             r < 0 ? strerror(-r) : result.error);
        } else {
                request->result = json_pack("{s:O, s:I}", "changes", result.changes, "unchanged",
                                            (json_int_t)result.unchanged);
                request->form = REPLY_READY_MADE;
                request->wait = WAIT_RELOAD;
                daemon->needs_snapshot |= !is_dry_run;
                if (is_dry_run)
                        request_reply(request, steal_ptr(request->result));
        }
        reload_result_deinit(&result);
}

static void verb_shutdown(Request *request)
{
        request->daemon->must_stop = true;
        engine_shutdown(request->daemon->engine);
        request_reply(request, json_pack("{s:b}", "stopping", 1));
}

/* The keys: ':' must be there, '?' may; s string, b boolean, i whole number, a strings, o object.
 */
// clang-format off
static const Verb verbs[] = {
        { "add",       "parent:s child:o wait?b timeout_ms?i",    true,  verb_add },
        { "app.info",  "name:s",                                  false, verb_app_info },
        { "app.start", "name:s wait?b timeout_ms?i",              true,  verb_app_start },
        { "app.stop",  "name:s wait?b timeout_ms?i",              true,  verb_app_stop },
        { "apps",      "",                                        false, verb_apps },
        { "delete",    "path:s",                                  false, verb_delete },
        { "events",    "since?i limit?i wait_ms?i",               true,  verb_events },
        { "kill",      "path:s signal?s",                         false, verb_kill },
        { "list",      "",                                        false, verb_list },
        { "logs",      "path:s lines?i position?i wait_ms?i",     true,  verb_logs },
        { "nodes",     "",                                        false, verb_nodes },
        { "ping",      "",                                        false, verb_ping },
        { "reload",    "dry_run?b timeout_ms?i",                  true,  verb_reload },
        { "restart",   "paths:a wait?b timeout_ms?i",             true,  verb_restart },
        { "shutdown",  "wait?b timeout_ms?i",                     false,  verb_shutdown },
        { "spawn",     "path:s args?a wait?b timeout_ms?i",       true,  verb_spawn },
        { "start",     "paths:a wait?b timeout_ms?i",             true,  verb_start },
        { "status",    "path:s",                                  false, verb_status },
        { "stop",      "paths:a wait?b timeout_ms?i",             true,  verb_stop },
        { "tree",      "path?s",                                  false, verb_tree },
        { "version",   "",                                        false, verb_version },
};
// clang-format on

const Verb *verb_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}
