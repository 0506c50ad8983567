#include "supervisord/supervisor/request.h"

#include "base/text.h"
#include "supervisord/supervisor/view.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEER_GROUPS_MAX 256

void request_free(Request *request)
{
        if (!request)
                return;
        if (list_is_linked(&request->item)) {
                list_remove(&request->item);
                request->daemon->request_count--;
        }
        rpc_call_drop(request->call);
        json_decref(request->root);
        json_decref(request->result);
        free(request->nodes);
        free(request);
}

/* --- answers ------------------------------------------------------------------------------- */

static void send_reply(Request *request, const char *key, json_t *take_value)
{
        json_t *id = request->id ? json_incref(request->id) : json_null();
        json_t *reply = json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id, key,
                                  take_value ? take_value : json_null());
        _cleanup_(freep) char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;

        json_decref(reply);
        if (text)
                rpc_reply(request->daemon->rpc, &request->call, text, strlen(text));
}

void request_reply(Request *request, json_t *take_result)
{
        send_reply(request, "result", take_result);
}

static int exit_of(RequestCode code)
{
        switch (code) {
        case REQUEST_BAD_PARAMS:
                return 2;
        case REQUEST_NOT_FOUND:
                return 4;
        case REQUEST_REFUSED:
                return 5;
        case REQUEST_TIMED_OUT:
                return 6;
        case REQUEST_PARSE_ERROR:
        case REQUEST_INVALID:
        case REQUEST_NO_METHOD:
        case REQUEST_FAILED:
        case REQUEST_FORBIDDEN_STATE:
        case REQUEST_TOO_MANY:
                return 1;
        }
        return 1;
}

void request_fail(Request *request, RequestCode code, json_t *take_data, const char *format, ...)
{
        json_t *data = take_data ? take_data : json_object();
        char text[1024];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        (void)json_object_set_new(data, "exit", json_integer(exit_of(code)));
        send_reply(request, "error",
                   json_pack("{s:i, s:s, s:o}", "code", code, "message", text, "data", data));
}

/* --- callers ------------------------------------------------------------------------------- */

static bool is_in_group(uid_t uid, gid_t primary, gid_t wanted)
{
        const struct passwd *user = getpwuid(uid);
        gid_t groups[PEER_GROUPS_MAX];
        int count = PEER_GROUPS_MAX;

        if (primary == wanted)
                return true;
        if (!user || getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
                return false;
        for (int i = 0; i < count; i++)
                if (groups[i] == wanted)
                        return true;
        return false;
}

static bool may_ask(const Daemon *daemon, const RpcPeer *peer)
{
        if (peer->uid == 0 || peer->uid == geteuid())
                return true;
        return daemon->admin_gid != (gid_t)-1 &&
               is_in_group(peer->uid, peer->gid, daemon->admin_gid);
}

/* --- form ---------------------------------------------------------------------------------- */

static const char *type_word(char type)
{
        switch (type) {
        case 's':
                return "a string";
        case 'b':
                return "true or false";
        case 'i':
                return "a whole number, not negative";
        case 'a':
                return "an array of strings";
        default:
                return "an object";
        }
}

static bool has_type(const json_t *value, char type)
{
        const json_t *item;
        size_t i;

        switch (type) {
        case 's':
                return json_is_string(value);
        case 'b':
                return json_is_boolean(value);
        case 'i':
                return json_is_integer(value) && json_integer_value(value) >= 0;
        case 'a':
                json_array_foreach(value, i, item) if (!json_is_string(item)) return false;
                return json_is_array(value);
        default:
                return json_is_object(value);
        }
}

/* The type that the signature "path:s wait?b" gives @key; '\0': it has no such key. */
static char type_of(const char *signature, const char *key)
{
        size_t len = strlen(key);

        for (const char *at = signature; (at = strstr(at, key)); at += len) {
                bool starts = at == signature || at[-1] == ' ';

                if (starts && (at[len] == ':' || at[len] == '?'))
                        return at[len + 1];
        }
        return '\0';
}

/* The first key that must be there and is not, into @buffer. */
static bool misses_key(const char *signature, const json_t *params, char *buffer, size_t size)
{
        for (const char *at = signature; *at;) {
                size_t len = strcspn(at, ":?");

                if (at[len] == ':') {
                        text_format(buffer, size, "%.*s", (int)len, at);
                        if (!json_object_get(params, buffer))
                                return true;
                }
                at += len + 2;
                at += *at == ' ';
        }
        return false;
}

static bool params_fit(Request *request, const Verb *verb)
{
        const json_t *value;
        const char *key;
        char missing[64];

        json_object_foreach(request->params, key, value)
        {
                char type = type_of(verb->params, key);

                if (type == '\0') {
                        request_fail(request, REQUEST_BAD_PARAMS, NULL,
                                     "%s: unknown parameter \"%.64s\"", verb->name, key);
                        return false;
                }
                if (!has_type(value, type)) {
                        request_fail(request, REQUEST_BAD_PARAMS, NULL,
                                     "%s: parameter \"%s\" must be %s", verb->name, key,
                                     type_word(type));
                        return false;
                }
        }
        if (misses_key(verb->params, request->params, missing, sizeof(missing))) {
                request_fail(request, REQUEST_BAD_PARAMS, NULL, "%s: parameter \"%s\" is missing",
                             verb->name, missing);
                return false;
        }
        return true;
}

/* Return: the verb, or NULL after an answer. */
static const Verb *check_form(Request *request)
{
        const char *version = json_string_value(json_object_get(request->root, "jsonrpc"));
        const char *method = json_string_value(json_object_get(request->root, "method"));
        json_t *params = json_object_get(request->root, "params");
        const Verb *verb;

        if (!version || strcmp(version, "2.0") != 0 || !method) {
                request_fail(request, REQUEST_INVALID, NULL,
                             "not a JSON-RPC 2.0 request: it needs \"jsonrpc\": \"2.0\", "
                             "\"method\" and \"id\"");
                return NULL;
        }
        verb = verb_find(method);
        if (!verb) {
                request_fail(request, REQUEST_NO_METHOD, NULL, "no method \"%.64s\"", method);
                return NULL;
        }
        if (!params) {
                params = json_object();
                (void)json_object_set_new(request->root, "params", params);
        }
        request->params = params;
        if (!json_is_object(params)) {
                request_fail(request, REQUEST_BAD_PARAMS, NULL, "%s: params must be an object",
                             method);
                return NULL;
        }
        return params_fit(request, verb) ? verb : NULL;
}

static bool parse(Request *request)
{
        json_error_t error;
        size_t size;
        const void *body = rpc_call_body(request->call, &size);

        request->root = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
        if (!request->root) {
                request_fail(request, REQUEST_PARSE_ERROR, NULL, "not JSON: %s, at byte %d",
                             error.text, error.position);
                return false;
        }
        if (!json_is_object(request->root)) {
                request_fail(request, REQUEST_INVALID, NULL,
                             "a request is an object; batches are not supported");
                return false;
        }
        return true;
}

static void set_deadline(Request *request)
{
        json_int_t timeout = json_integer_value(json_object_get(request->params, "timeout_ms"));

        if (request->deadline != 0)
                return; /* a long poll has its own */
        request->deadline =
                timeout > 0
                        ? usec_add(now_usec(), (usec_t)MIN_OF(timeout, 1000000000) * USEC_PER_MSEC)
                        : USEC_INFINITY;
}

static void run(Daemon *daemon, Request **take_request)
{
        Request *request = *take_request;
        const RpcPeer *peer = rpc_call_peer(request->call);
        const Verb *verb;

        if (!parse(request))
                return;
        request->id = json_object_get(request->root, "id");
        if (!may_ask(daemon, peer)) {
                request_fail(request, REQUEST_REFUSED, NULL,
                             "user %u may not manage this gend: only root, its own user%s",
                             (unsigned)peer->uid,
                             daemon->admin_group ? " and the members of its admin group" : "");
                return;
        }
        verb = check_form(request);
        if (!verb)
                return;
        if (verb->waits && daemon->request_count >= LIMIT_REQUESTS) {
                request_fail(request, REQUEST_TOO_MANY, NULL, "%u requests are waiting already",
                             LIMIT_REQUESTS);
                return;
        }
        verb->run(request);
        if (!request->call || request->wait == WAIT_NONE)
                return;
        set_deadline(request);
        list_append(&daemon->requests, &request->item);
        daemon->request_count++;
        *take_request = NULL;
}

void request_take(Daemon *daemon, RpcCall **take_call)
{
        _cleanup_(request_freep) Request *request = calloc(1, sizeof(*request));

        if (!request) {
                rpc_call_drop(steal_ptr(*take_call));
                return;
        }
        request->daemon = daemon;
        request->call = steal_ptr(*take_call);
        run(daemon, &request);
}

/* --- waiting ------------------------------------------------------------------------------- */

int request_add_node(Request *request, Node *node)
{
        RequestNode *grown;

        if (request->node_count >= LIMIT_INSTANCES)
                return -E2BIG;
        grown = reallocarray(request->nodes, request->node_count + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        request->nodes = grown;
        grown += request->node_count++;
        *grown = (RequestNode){.node = node, .base_generation = node->life.generation};
        (void)node_path(node, grown->path);
        return 0;
}

static bool was_ready(const RequestNode *item)
{
        const Life *life = &item->node->life;

        return life->generation > item->base_generation && (life->flags & LIFE_WAS_READY);
}

static void note_failure(RequestNode *item)
{
        const Life *life = &item->node->life;

        item->is_done = item->has_failed = true;
        if (life->reason[0] && life->why[0])
                text_format(item->why, sizeof(item->why), "%s: %s", life->reason, life->why);
        else if (life->reason[0] || life->why[0])
                text_copy(item->why, sizeof(item->why), life->why[0] ? life->why : life->reason);
        else
                text_copy(item->why, sizeof(item->why), "it was stopped again");
}

static void check_start(RequestNode *item)
{
        const Life *life = &item->node->life;

        if (was_ready(item)) {
                item->is_done = true;
                return;
        }
        if (life->flags & LIFE_RESTART_AFTER || life_is_alive(life->state) ||
            life->mark != MARK_NONE)
                return;
        note_failure(item); /* also one that is tried again later: BACKOFF */
}

/* Also when somebody has started it again in the same turn. */
static bool was_stopped(const RequestNode *item)
{
        return !life_is_active(item->node->life.state) ||
               item->node->life.generation > item->base_generation;
}

static bool nodes_are_done(Request *request)
{
        bool all = true;

        for (size_t i = 0; i < request->node_count; i++) {
                RequestNode *item = &request->nodes[i];

                if (!item->is_done && request->wait == WAIT_START)
                        check_start(item);
                else if (!item->is_done)
                        item->is_done = was_stopped(item);
                all = all && item->is_done;
        }
        return all;
}

void request_node_gone(Daemon *daemon, const Node *node)
{
        LIST_FOREACH (item, &daemon->requests) {
                Request *request = LIST_ENTRY(item, Request, item);

                for (size_t i = 0; i < request->node_count; i++) {
                        RequestNode *waits = &request->nodes[i];

                        if (waits->node != node)
                                continue;
                        if (request->wait == WAIT_START && !waits->is_done && !was_ready(waits))
                                note_failure(waits);
                        waits->is_done = true;
                        waits->node = NULL;
                }
        }
}

void request_connection_gone(Daemon *daemon, uint32_t connection)
{
        LIST_FOREACH_SAFE (item, &daemon->requests) {
                Request *request = LIST_ENTRY(item, Request, item);

                if (rpc_call_connection(request->call) == connection)
                        request_free(request);
        }
}

size_t request_followers(const Daemon *daemon)
{
        size_t count = 0;

        LIST_FOREACH (item, &daemon->requests)
                count += LIST_ENTRY(item, Request, item)->wait == WAIT_LOGS;
        return count;
}

static json_t *results(const Request *request)
{
        json_t *list = json_array();

        for (size_t i = 0; i < request->node_count; i++) {
                const RequestNode *item = &request->nodes[i];
                const Node *node = item->node;
                bool has_pid = node && node->life.pid > 0;
                json_t *pid = has_pid ? json_integer(node->life.pid) : json_null();

                (void)json_array_append_new(
                        list, json_pack("{s:s, s:s, s:o, s:b}", "path", item->path, "state",
                                        node ? life_state_name(node->life.state) : "stopped", "pid",
                                        pid, "failed", item->has_failed));
        }
        return list;
}

static json_t *paths(const Request *request)
{
        json_t *list = json_array();

        for (size_t i = 0; i < request->node_count; i++)
                (void)json_array_append_new(list, json_string(request->nodes[i].path));
        return json_pack("{s:o}", "paths", list);
}

static json_t *result_of(Request *request)
{
        const RequestNode *first = request->nodes; /* of forms that tell of one node there is one */
        const Node *node = request->node_count > 0 ? first->node : NULL;

        switch (request->form) {
        case REPLY_RESULTS:
                return json_pack("{s:o}", "results", results(request));
        case REPLY_APP:
                return node ? view_app(request->daemon, node) : json_null();
        case REPLY_PATHS:
                return paths(request);
        case REPLY_PATH_PID:
                return json_pack("{s:s, s:o}", "path", first->path, "pid",
                                 node && node->life.pid > 0 ? json_integer(node->life.pid)
                                                            : json_null());
        case REPLY_READY_MADE:
                return steal_ptr(request->result);
        }
        return NULL;
}

static void answer_nodes(Request *request)
{
        const RequestNode *failed = NULL;
        size_t failures = 0;

        for (size_t i = 0; i < request->node_count; i++) {
                if (!request->nodes[i].has_failed)
                        continue;
                failed = failed ? failed : &request->nodes[i];
                failures++;
        }
        if (!failed)
                request_reply(request, result_of(request));
        else if (failures == 1)
                request_fail(request, REQUEST_FAILED,
                             json_pack("{s:o}", "results", results(request)), "%s: %s",
                             failed->path, failed->why);
        else
                request_fail(request, REQUEST_FAILED,
                             json_pack("{s:o}", "results", results(request)),
                             "%s: %s (and %zu more)", failed->path, failed->why, failures - 1);
}

static void answer_timeout(Request *request)
{
        for (size_t i = 0; i < request->node_count; i++) {
                const RequestNode *item = &request->nodes[i];

                if (item->is_done)
                        continue;
                request_fail(request, REQUEST_TIMED_OUT, NULL,
                             "timed out: %s is still %s; it goes on", item->path,
                             life_state_name(item->node->life.state));
                return;
        }
        request_fail(request, REQUEST_TIMED_OUT, NULL, "timed out; it goes on");
}

static json_t *events_since(const Daemon *daemon, uint64_t since, uint64_t limit)
{
        uint64_t first = event_log_first(&daemon->events), seq = since + 1;
        json_t *list = json_array();

        if (first > seq) {
                (void)json_array_append_new(list, json_pack("{s:I, s:I, s:s, s:n, s:n, s:n, s:I}",
                                                            "seq", (json_int_t)(first - 1), "time",
                                                            (json_int_t)now_real_msec(), "event",
                                                            "lost", "path", "pid", "reason",
                                                            "count", (json_int_t)(first - seq)));
                seq = first;
        }
        for (; seq <= daemon->events.last_seq && json_array_size(list) < limit; seq++)
                if (event_log_get(&daemon->events, seq))
                        (void)json_array_append_new(
                                list, view_event(event_log_get(&daemon->events, seq)));
        return json_pack("{s:o, s:I}", "events", list, "next", (json_int_t)(seq - 1));
}

/* Return: whether it was answered. */
static bool check_events(Request *request, bool is_late)
{
        if (request->daemon->events.last_seq <= request->position && !is_late)
                return false;
        request_reply(request, events_since(request->daemon, request->position, request->limit));
        return true;
}

static bool check_logs(Request *request, bool is_late)
{
        RequestNode *item = &request->nodes[0];
        json_t *log;
        uint64_t end;

        if (!item->node) {
                request_fail(request, REQUEST_NOT_FOUND, NULL, "%s is no longer there", item->path);
                return true;
        }
        log = view_log(request->daemon, item->node, 0, request->position);
        end = (uint64_t)json_integer_value(json_object_get(log, "position"));
        if (end == request->position && !is_late) {
                json_decref(log);
                return false;
        }
        request_reply(request, log);
        return true;
}

static bool check_one(Request *request, usec_t now)
{
        bool is_late = now >= request->deadline;

        switch (request->wait) {
        case WAIT_START:
        case WAIT_STOP:
                if (nodes_are_done(request)) {
                        answer_nodes(request);
                        return true;
                }
                break;
        case WAIT_EVENTS:
                return check_events(request, is_late);
        case WAIT_LOGS:
                return check_logs(request, is_late);
        case WAIT_RELOAD:
                if (engine_is_settled(request->daemon->tree->root)) {
                        request_reply(request, result_of(request));
                        return true;
                }
                break;
        case WAIT_NONE:
                return true;
        }
        if (is_late)
                answer_timeout(request);
        return is_late;
}

void request_check_waiting(Daemon *daemon)
{
        usec_t now = now_usec(), next = USEC_INFINITY;

        LIST_FOREACH_SAFE (item, &daemon->requests) {
                Request *request = LIST_ENTRY(item, Request, item);

                if (check_one(request, now))
                        request_free(request);
                else
                        next = MIN_OF(next, request->deadline);
        }
        ring_set_followers(&daemon->rings, (uint32_t)request_followers(daemon));
        if (!daemon->request_timer)
                return;
        (void)sd_event_source_set_time(daemon->request_timer, next);
        (void)sd_event_source_set_enabled(daemon->request_timer,
                                          next == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}
