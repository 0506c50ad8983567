/*
 * Owns JSON-RPC on the client's side: requests, replies, and how every failure on the way is told.
 * Trusts no reply: what is not the answer to the question is an error, never a crash. Called by
 * the verbs.
 */

#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "base/runtime-dir.h"
#include "ctl/client.h"
#include "ctl/out.h"
#include "ctl/verbs.h"
#include "protocols/limits.h"

#define TIMEOUT_USEC       (10 * USEC_PER_SEC)
#define TIMEOUT_GRACE_USEC (300 * USEC_PER_MSEC) /* for gend to tell itself what timed out */
#define ERROR_DENIED       (-32005)
#define ERROR_NO_METHOD    (-32601)

struct CtlCall {
        Ctl *ctl;
        ClientCall *call;
        const char *method;
        unsigned id;
        unsigned flags;
};

usec_t ctl_deadline(const Ctl *ctl, unsigned flags)
{
        if (flags & CTL_CALL_WAITS)
                return ctl->options.has_timeout
                               ? usec_add(now_usec(),
                                          usec_add(ctl->options.timeout_usec, TIMEOUT_GRACE_USEC))
                               : USEC_INFINITY;
        return usec_add(now_usec(),
                        ctl->options.has_timeout ? ctl->options.timeout_usec : TIMEOUT_USEC);
}

/* ------------------------------------------------------------------------------------- where */

static int find_socket(Ctl *ctl)
{
        const char *env = getenv("GEND_SOCKET");
        _cleanup_(freep) char *folder = NULL;
        int r;

        if (ctl->options.socket || (env && *env)) {
                ctl->socket_path = strdup(ctl->options.socket ? ctl->options.socket : env);
                return ctl->socket_path ? 0 : ctl_fail_memory(ctl);
        }
        r = runtime_dir_find(NULL, &folder);
        if (r == -ENXIO)
                return ctl_fail(ctl, CTL_EXIT_UNREACHABLE,
                                "no socket to look for: none of --socket, $GEND_SOCKET, "
                                "$RUNTIME_DIRECTORY and $XDG_RUNTIME_DIR is given");
        if (r < 0)
                return ctl_fail(ctl, CTL_EXIT_UNREACHABLE, "no runtime directory: %s",
                                strerror(-r));
        if (asprintf(&ctl->socket_path, "%s/ctl.sock", folder) < 0)
                return ctl_fail_memory(ctl);
        return 0;
}

int ctl_connect(Ctl *ctl)
{
        int r;

        if (ctl->client)
                return 0;
        if (!ctl->socket_path) {
                r = find_socket(ctl);
                if (r != 0)
                        return r;
        }
        r = client_open(ctl->socket_path, &ctl->client);
        if (r == -ENAMETOOLONG)
                return ctl_fail(ctl, CTL_EXIT_UNREACHABLE,
                                "%s: too long for a socket; 107 bytes is the most",
                                ctl->socket_path);
        if (r < 0)
                return ctl_fail(ctl, CTL_EXIT_FAILED, "no connection can be made: %s",
                                strerror(-r));
        return 0;
}

/* ----------------------------------------------------------------------------------- failures */

static int fail_absent(const Ctl *ctl)
{
        int reason = client_errno(ctl->client);

        if (reason == ECONNREFUSED)
                return ctl_fail(ctl, CTL_EXIT_UNREACHABLE,
                                "nobody listens on %s: gend has ended; start it with "
                                "'gend -t FILE', or name another socket with --socket PATH or "
                                "$GEND_SOCKET",
                                ctl->socket_path);
        if (reason == ENOENT)
                return ctl_fail(ctl, CTL_EXIT_UNREACHABLE,
                                "there is no %s: gend is not running; start it with "
                                "'gend -t FILE', or name its socket with --socket PATH or "
                                "$GEND_SOCKET",
                                ctl->socket_path);
        return ctl_fail(ctl, CTL_EXIT_UNREACHABLE, "%s: %s", ctl->socket_path, strerror(reason));
}

static int fail_client(const CtlCall *call, int r)
{
        const Ctl *ctl = call->ctl;

        if (call->flags & CTL_CALL_QUIET)
                return r == CLIENT_E_SILENT                                  ? CTL_EXIT_TIMED_OUT
                       : r == CLIENT_E_LOST || r == CLIENT_E_BROKEN || r < 0 ? CTL_EXIT_FAILED
                                                                             : CTL_EXIT_UNREACHABLE;
        switch (r) {
        case CLIENT_E_ABSENT:
                return fail_absent(ctl);
        case CLIENT_E_DENIED:
                return ctl_fail(ctl, CTL_EXIT_UNREACHABLE,
                                "%s: %s: only root, the user that gend runs as, and members of "
                                "its --admin-group may ask it",
                                ctl->socket_path, strerror(client_errno(ctl->client)));
        case CLIENT_E_SILENT:
                return ctl_fail(ctl, CTL_EXIT_TIMED_OUT,
                                "%s: timed out: gend at %s has not answered in time", call->method,
                                ctl->socket_path);
        case CLIENT_E_LOST:
                return ctl_fail(ctl, CTL_EXIT_FAILED,
                                "%s: the connection to gend broke before the answer came: "
                                "whether it was done is unknown; look with 'genctl tree' and "
                                "'genctl events' before you try again",
                                call->method);
        case CLIENT_E_BROKEN:
                return ctl_fail(ctl, CTL_EXIT_FAILED,
                                "%s: no proper answer, or a broken connection each time; is what "
                                "listens on %s gend?",
                                call->method, ctl->socket_path);
        default:
                return ctl_fail(ctl, CTL_EXIT_FAILED, "%s: %s", call->method, strerror(-r));
        }
}

static int exit_of_code(json_int_t code)
{
        switch (code) {
        case -32602:
                return CTL_EXIT_USAGE;
        case -32004:
                return CTL_EXIT_NO_PATH;
        case ERROR_DENIED:
                return CTL_EXIT_UNREACHABLE;
        case -32006:
                return CTL_EXIT_TIMED_OUT;
        default:
                return CTL_EXIT_FAILED;
        }
}

static int exit_of_error(const json_t *error)
{
        const json_t *data = json_object_get(error, "data");
        json_int_t status = get_int(data, "exit");

        if (status >= CTL_EXIT_FAILED && status <= CTL_EXIT_TIMED_OUT)
                return (int)status;
        return exit_of_code(get_int(error, "code"));
}

/* "; did you mean shop/web, shop/api?" unless the message has them already. */
static void print_candidates(const char *message, const json_t *candidates)
{
        const char *first = json_string_value(json_array_get(candidates, 0));
        const json_t *it;
        size_t i;

        if (!first || strstr(message, first))
                return;
        (void)fputs("; did you mean ", stderr);
        json_array_foreach(candidates, i, it)
        {
                (void)fputs(i > 0 ? ", " : "", stderr);
                out_text_to(stderr, json_string_value(it));
        }
        (void)fputs("?", stderr);
}

static void print_faults(const json_t *faults)
{
        const json_t *it;
        size_t i;

        json_array_foreach(faults, i, it)
        {
                (void)fprintf(stderr, "  line %" JSON_INTEGER_FORMAT ": ", get_int(it, "line"));
                out_text_to(stderr, get_text_or(it, "path", ""));
                (void)fputs(": ", stderr);
                out_text_to(stderr, get_text_or(it, "message", "?"));
                (void)fputc('\n', stderr);
        }
}

int ctl_fail_reply(const Ctl *ctl, const json_t *error)
{
        const char *message = get_text_or(error, "message", "failed, and gend did not say why");
        const json_t *data = json_object_get(error, "data");
        int status = exit_of_error(error);

        if (ctl->options.is_json) {
                (void)json_dumpf(error, stderr, JSON_COMPACT);
                (void)fputc('\n', stderr);
                return status;
        }
        (void)fputs("genctl: ", stderr);
        if (get_int(error, "code") == ERROR_NO_METHOD && ctl->verb->words == WORDS_ACTOR)
                (void)fprintf(stderr, "%s: this gend has no actors: ", ctl->verb->name);
        out_text_to(stderr, message);
        print_candidates(message, json_object_get(data, "candidates"));
        if (get_text(data, "hint") && !json_object_get(data, "candidates")) {
                (void)fputs(" (", stderr);
                out_text_to(stderr, get_text(data, "hint"));
                (void)fputs(")", stderr);
        }
        (void)fputc('\n', stderr);
        print_faults(json_object_get(data, "faults"));
        return status;
}

/* --------------------------------------------------------------------------------------- calls */

static json_t *build_request(Ctl *ctl, const char *method, json_t *take_params, unsigned flags)
{
        json_t *params = take_params ? take_params : json_object();

        if ((flags & CTL_CALL_WAITS) && ctl->options.has_timeout &&
            ctl->options.timeout_usec != USEC_INFINITY)
                (void)json_object_set_new(
                        params, "timeout_ms",
                        json_integer((json_int_t)MAX_OF(ctl->options.timeout_usec / USEC_PER_MSEC,
                                                        UINT64_C(1))));
        return json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)++ctl->last_id,
                         "method", method, "params", params);
}

int ctl_begin(Ctl *ctl, const char *method, json_t *take_params, unsigned flags, CtlCall **ret_call)
{
        _cleanup_(freep) CtlCall *call = calloc(1, sizeof(*call));
        _cleanup_(freep) char *text = NULL;
        json_auto_t *request = build_request(ctl, method, take_params, flags);
        int r;

        if (!call || !request)
                return ctl_fail_memory(ctl);
        text = json_dumps(request, JSON_COMPACT);
        if (!text)
                return ctl_fail_memory(ctl);
        if (strlen(text) > LIMIT_REQUEST_BYTES)
                return ctl_fail(ctl, CTL_EXIT_FAILED, "%s: the request is over %u bytes", method,
                                LIMIT_REQUEST_BYTES);
        r = ctl_connect(ctl);
        if (r != 0)
                return r;
        *call = (CtlCall){.ctl = ctl, .method = method, .id = ctl->last_id, .flags = flags};
        r = client_begin(ctl->client, text, strlen(text), flags & CTL_CALL_REPEATABLE, &call->call);
        if (r < 0)
                return fail_client(call, r);
        *ret_call = steal_ptr(call);
        return 0;
}

static int fail_malformed(const CtlCall *call, const char *what)
{
        return ctl_fail(call->ctl, CTL_EXIT_FAILED,
                        "%s: the reply is malformed: %s; is what listens on %s gend?", call->method,
                        what, call->ctl->socket_path);
}

static int read_reply(const CtlCall *call, const char *text, size_t size, json_t **ret_result)
{
        json_auto_t *reply = NULL;
        json_error_t fault;
        json_t *error, *result;

        reply = json_loadb(text, size, JSON_ALLOW_NUL, &fault);
        if (!reply)
                return fail_malformed(call, "it is not JSON");
        error = json_object_get(reply, "error");
        result = json_object_get(reply, "result");
        if (json_is_null(error))
                error = NULL;
        if (!result && json_is_object(error))
                return call->flags & CTL_CALL_QUIET ? exit_of_error(error)
                                                    : ctl_fail_reply(call->ctl, error);
        if (!result || error)
                return fail_malformed(call, "it has neither result nor error");
        if (json_integer_value(json_object_get(reply, "id")) != (json_int_t)call->id)
                return fail_malformed(call, "it answers another request");
        if (ret_result)
                *ret_result = json_incref(result);
        return 0;
}

int ctl_end(CtlCall **take_call, usec_t deadline_usec, json_t **ret_result)
{
        _cleanup_(freep) CtlCall *call = steal_ptr(*take_call);
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        int r;

        r = client_end(&call->call, deadline_usec, &text, &size);
        if (r != 0)
                return fail_client(call, r);
        return read_reply(call, text, size, ret_result);
}

int ctl_call_until(Ctl *ctl, const char *method, json_t *take_params, unsigned flags,
                   usec_t deadline_usec, json_t **ret_result)
{
        CtlCall *call = NULL;
        int r;

        r = ctl_begin(ctl, method, take_params, flags, &call);
        if (r != 0)
                return r;
        return ctl_end(&call, deadline_usec, ret_result);
}

int ctl_call(Ctl *ctl, const char *method, json_t *take_params, unsigned flags, json_t **ret_result)
{
        return ctl_call_until(ctl, method, take_params, flags, ctl_deadline(ctl, flags),
                              ret_result);
}
