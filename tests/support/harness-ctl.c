/*
 * Owns the test's conversation with gend: requests, the tree, events. Refuses to know what a right
 * answer is. Called by tests.
 */

#include "tests/support/harness-private.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"

#define DUMP_MSEC 2000

struct CtlCall {
        RpcCall *rpc;
        char method[64];
};

/* What the caller gets lives as long as the harness. */
static json_t *keep(Harness *h, json_t *take_json)
{
        (void)json_array_append_new(h->kept, take_json);
        return take_json;
}

static char *format_params(Harness *h, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));

static char *format_params(Harness *h, const char *format, va_list args)
{
        _cleanup_(freep) char *filled = NULL;

        ck_assert_int_ge(vasprintf(&filled, format, args), 0);
        return harness_text(h, filled);
}

/* Without a deadline of its own: that of all expectations. */
static CtlCall *begin(Harness *h, const char *method, const char *params, int timeout_msec)
{
        _cleanup_(freep) char *text = NULL;
        CtlCall *call = calloc(1, sizeof(*call));
        int size;

        size = asprintf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":%s}",
                        ++h->request_id, method, params && *params ? params : "{}");
        ck_assert_int_gt(size, 0);
        ck_assert_ptr_nonnull(call);
        (void)snprintf(call->method, sizeof(call->method), "%s", method);
        ck_assert_int_eq(rpc_begin(h->rpc, text, (size_t)size, timeout_msec, &call->rpc), 0);
        return call;
}

static int default_timeout(void)
{
        return harness_left_msec(harness_deadline());
}

/* NULL when none came. */
static json_t *finish(Harness *h, CtlCall *call)
{
        _cleanup_(freep) char *text = NULL;
        json_t *reply;
        int r;

        r = rpc_end(&call->rpc, &text);
        free(call);
        if (r < 0)
                return NULL;
        reply = json_loads(text, JSON_ALLOW_NUL, NULL);
        if (!reply)
                harness_failed(h, __FILE__, __LINE__, "the reply is not JSON: %s", text);
        return keep(h, reply);
}

CtlCall *ctl_begin(Harness *h, const char *method, const char *format, ...)
{
        _cleanup_(freep) char *params = NULL;
        va_list args;

        va_start(args, format);
        params = format_params(h, format, args);
        va_end(args);
        return begin(h, method, params, default_timeout());
}

json_t *ctl_end(Harness *h, CtlCall *call)
{
        char method[64];
        json_t *reply;

        (void)snprintf(method, sizeof(method), "%s", call->method);
        reply = finish(h, call);
        if (!reply)
                harness_failed(h, __FILE__, __LINE__, "no reply to %s", method);
        return reply;
}

json_t *ctl_at(Harness *h, const char *file, int line, const char *method, const char *format, ...)
{
        _cleanup_(freep) char *params = NULL, *text = NULL;
        json_t *reply, *result;
        va_list args;

        va_start(args, format);
        params = format_params(h, format, args);
        va_end(args);
        reply = finish(h, begin(h, method, params, default_timeout()));
        if (!reply)
                harness_failed(h, file, line, "no reply to %s %s", method, params);
        result = json_object_get(reply, "result");
        if (!result) {
                text = json_dumps(reply, JSON_ENCODE_ANY);
                harness_failed(h, file, line, "%s %s: %s", method, params, text);
        }
        return result;
}

json_t *ctl_fails_at(Harness *h, int line, int code, const char *method, const char *format, ...)
{
        _cleanup_(freep) char *params = NULL, *text = NULL;
        json_t *reply, *error;
        va_list args;

        va_start(args, format);
        params = format_params(h, format, args);
        va_end(args);
        reply = finish(h, begin(h, method, params, default_timeout()));
        if (!reply)
                harness_failed(h, "test", line, "no reply to %s %s", method, params);
        error = json_object_get(reply, "error");
        if (!error || (code && json_integer_value(json_object_get(error, "code")) != code)) {
                text = json_dumps(reply, JSON_ENCODE_ANY);
                harness_failed(h, "test", line, "%s %s: expected error %d, got %s", method, params,
                               code, text);
        }
        return error;
}

const char *error_text(const json_t *error)
{
        return json_string_value(json_object_get(error, "message"));
}

bool error_has_candidate(const json_t *error, const char *path)
{
        json_t *list = json_object_get(json_object_get(error, "data"), "candidates"), *it;
        size_t i;

        json_array_foreach(list, i, it) if (json_is_string(it) &&
                                            strcmp(json_string_value(it), path) == 0) return true;
        return false;
}

char *ctl_raw(Harness *h, const char *text, size_t size, int timeout_msec)
{
        RpcCall *call = NULL;
        char *reply = NULL;

        ck_assert_int_eq(rpc_begin(h->rpc, text, size, timeout_msec, &call), 0);
        (void)rpc_end(&call, &reply);
        return reply;
}

/* --------------------------------------------------------------------------------- the tree */

json_t *node(Harness *h, const char *path)
{
        return ctl(h, "status", "{'path':'%s'}", path);
}

const char *node_str(Harness *h, const char *path, const char *member)
{
        return json_string_value(json_object_get(node(h, path), member));
}

json_int_t node_int(Harness *h, const char *path, const char *member)
{
        json_t *value = json_object_get(node(h, path), member);

        check(h, json_is_integer(value));
        return json_integer_value(value);
}

pid_t child_pid(Harness *h, const char *path)
{
        return (pid_t)node_int(h, path, "pid");
}

static json_t *find_node(Harness *h, const char *path)
{
        char params[PATH_BYTES + 32];
        json_t *reply, *error;

        (void)snprintf(params, sizeof(params), "{\"path\":\"%s\"}", path);
        reply = finish(h, begin(h, "status", params, default_timeout()));
        if (!reply)
                harness_failed(h, __FILE__, __LINE__, "no reply to status %s", path);
        error = json_object_get(reply, "error");
        if (error && json_integer_value(json_object_get(error, "code")) != -32004)
                harness_failed(h, __FILE__, __LINE__, "status %s: %s", path,
                               json_string_value(json_object_get(error, "message")));
        return json_object_get(reply, "result");
}

bool node_exists(Harness *h, const char *path)
{
        return find_node(h, path) != NULL;
}

/* Reads the events that are new, after a short wait for the first. Return: whether there was one.
 */
static bool fetch_events(Harness *h, int wait_msec)
{
        json_t *result, *list;

        result = ctl(h, "events", "{'since':%lld,'wait_ms':%d}", (long long)h->next_seq, wait_msec);
        list = json_object_get(result, "events");
        if (json_array_size(list) == 0)
                return false;
        h->next_seq = json_integer_value(json_object_get(result, "next"));
        (void)json_array_extend(h->events, list);
        return true;
}

static int poll_msec(usec_t deadline)
{
        int left = harness_left_msec(deadline);

        return left < LONG_POLL_MS ? left : LONG_POLL_MS;
}

void expect_state_at(Harness *h, int line, const char *path, const char *state)
{
        usec_t deadline = harness_deadline();
        const char *found = "nothing";

        while (now_usec() < deadline) {
                json_t *it = find_node(h, path);

                found = it ? json_string_value(json_object_get(it, "state")) : "nothing";
                if (found && strcmp(found, state) == 0)
                        return;
                (void)fetch_events(h, poll_msec(deadline));
        }
        harness_failed(h, "test", line, "%s is %s, expected %s", path, found, state);
}

pid_t expect_new_pid_at(Harness *h, int line, const char *path, pid_t old)
{
        usec_t deadline = harness_deadline();

        while (now_usec() < deadline) {
                json_t *it = find_node(h, path);
                const char *state = json_string_value(json_object_get(it, "state"));
                pid_t pid = (pid_t)json_integer_value(json_object_get(it, "pid"));

                if (state && strcmp(state, "running") == 0 && pid > 0 && pid != old)
                        return pid;
                (void)fetch_events(h, poll_msec(deadline));
        }
        harness_failed(h, "test", line, "%s does not run anew", path);
}

void expect_gone_at(Harness *h, int line, const char *path)
{
        usec_t deadline = harness_deadline();

        while (node_exists(h, path)) {
                if (now_usec() > deadline)
                        harness_failed(h, "test", line, "%s is still there", path);
                (void)fetch_events(h, poll_msec(deadline));
        }
}

pid_t kill_child(Harness *h, const char *path, int signo)
{
        pid_t pid = child_pid(h, path);
        _cleanup_(closep) int fd = pidfd_open(pid, 0);

        check(h, fd >= 0);
        check(h, pidfd_send_signal(fd, signo, NULL, 0) == 0);
        return pid;
}

/* ----------------------------------------------------------------------------------- events */

static bool is_string(const json_t *event, const char *member, const char *expected)
{
        const char *value = json_string_value(json_object_get(event, member));

        return !expected || (value && strcmp(value, expected) == 0);
}

static bool matches(const json_t *event, const char *name, const char *path, const char *reason)
{
        return is_string(event, "event", name) && is_string(event, "path", path) &&
               is_string(event, "reason", reason);
}

json_t *expect_at(Harness *h, int line, const char *event, const char *path, const char *reason)
{
        usec_t deadline = harness_deadline();

        for (;;) {
                for (; h->cursor < json_array_size(h->events); h->cursor++) {
                        json_t *it = json_array_get(h->events, h->cursor);

                        if (!matches(it, event, path, reason))
                                continue;
                        h->cursor++;
                        return it;
                }
                if (now_usec() > deadline)
                        break;
                (void)fetch_events(h, poll_msec(deadline));
        }
        harness_failed(h, "test", line, "no event %s %s %s", event, path ? path : "*",
                       reason ? reason : "*");
}

static void fetch_all(Harness *h)
{
        while (fetch_events(h, 0))
                ;
}

size_t events_mark(Harness *h)
{
        fetch_all(h);
        h->cursor = json_array_size(h->events);
        return h->cursor;
}

void events_rewind(Harness *h, size_t mark)
{
        h->cursor = mark;
}

int events_count(Harness *h, size_t mark, const char *event, const char *path)
{
        int count = 0;

        fetch_all(h);
        for (size_t i = mark; i < json_array_size(h->events); i++)
                count += matches(json_array_get(h->events, i), event, path, NULL);
        return count;
}

void events_check_gapless(Harness *h)
{
        json_int_t last = 0;

        fetch_all(h);
        for (size_t i = 0; i < json_array_size(h->events); i++) {
                json_t *it = json_array_get(h->events, i);
                json_int_t seq = json_integer_value(json_object_get(it, "seq"));

                if (i > 0 && seq != last + 1)
                        harness_failed(h, __FILE__, __LINE__, "event %lld follows %lld",
                                       (long long)seq, (long long)last);
                last = seq;
        }
}

/* ----------------------------------------------------------------------------------- the dump */

/* A request whose answer may never come. */
static json_t *try_ctl(Harness *h, const char *method, const char *params)
{
        if (!h->rpc || h->pidfd < 0)
                return NULL;
        return json_object_get(finish(h, begin(h, method, params, DUMP_MSEC)), "result");
}

static void print_node(const json_t *it, int depth)
{
        json_t *child;
        size_t i;

        (void)fprintf(
                stderr, "  %*s%s %s pid %lld restarts %lld last %s\n", depth * 2, "",
                json_string_value(json_object_get(it, "name")),
                json_string_value(json_object_get(it, "state")),
                (long long)json_integer_value(json_object_get(it, "pid")),
                (long long)json_integer_value(json_object_get(it, "restarts")),
                json_string_value(json_object_get(json_object_get(it, "last_exit"), "reason")));
        json_array_foreach(json_object_get(it, "children"), i, child) print_node(child, depth + 1);
}

void harness_dump_ctl(Harness *h)
{
        char params[64];
        json_t *it, *tree;
        size_t i;

        (void)snprintf(params, sizeof(params), "{\"since\":%lld}", (long long)h->next_seq);
        it = json_object_get(try_ctl(h, "events", params), "events");
        if (it)
                (void)json_array_extend(h->events, it);
        (void)fprintf(stderr, "events:\n");
        json_array_foreach(h->events, i, it)
        {
                (void)fprintf(stderr, "  ");
                (void)json_dumpf(it, stderr, 0);
                (void)fprintf(stderr, "\n");
        }
        tree = try_ctl(h, "tree", "{}");
        (void)fprintf(stderr, "tree:%s\n", tree ? "" : " gend does not answer");
        json_array_foreach(json_object_get(tree, "applications"), i, it) print_node(it, 0);
}
