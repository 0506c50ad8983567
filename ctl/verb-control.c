/*
 * Owns the verbs that change the tree: start, stop, restart, kill, add, delete, spawn, reload,
 * shutdown. What would do harm if it were done twice is never sent twice.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/types.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/verbs.h"
#include "protocols/limits.h"

#define AT_ONCE 64u /* requests under way; gend keeps LIMIT_REQUESTS for all its clients */

/* json_pack() that tells when a word is no UTF-8. */
static json_t *one_path(const Ctl *ctl, const char *key, const char *path)
{
        json_t *params = json_pack("{s:s}", key, path);

        if (!params)
                (void)ctl_fail(ctl, CTL_EXIT_NO_PATH, "the path is no UTF-8");
        return params;
}

/* --------------------------------------------------------------------- start, stop, restart */

typedef struct Batch {
        const char *method;
        unsigned flags;
        usec_t deadline_usec;
        json_t *results;
        int status; /* of all so far */
} Batch;

/* The same failure of all is the failure; different ones are CTL_EXIT_FAILED. */
static void note_failure(Batch *batch, int status)
{
        if (status == CTL_EXIT_DONE)
                return;
        if (batch->status == CTL_EXIT_DONE)
                batch->status = status;
        else if (batch->status != status)
                batch->status = CTL_EXIT_FAILED;
}

static void show_results(const json_t *results)
{
        const json_t *it;
        size_t i;

        json_array_foreach(results, i, it)
        {
                const char *state = get_text_or(it, "state", "?");

                out_text(get_text_or(it, "path", "?"));
                (void)fputs(": ", stdout);
                out_in(state_colour(state), state);
                if (has_int(it, "pid"))
                        (void)printf(", pid %" JSON_INTEGER_FORMAT, get_int(it, "pid"));
                (void)fputc('\n', stdout);
        }
        (void)fflush(stdout);
}

static int begin_one(Ctl *ctl, const Batch *batch, const char *path, CtlCall **ret_call)
{
        json_t *params = json_pack("{s:[s], s:b}", "paths", path, "wait", !ctl->options.no_wait);

        if (!params)
                return ctl_fail(ctl, CTL_EXIT_NO_PATH, "the path is no UTF-8");
        return ctl_begin(ctl, batch->method, params, batch->flags, ret_call);
}

static void end_one(const Ctl *ctl, Batch *batch, CtlCall **take_call)
{
        json_auto_t *result = NULL;
        const json_t *list;
        int r;

        r = ctl_end(take_call, batch->deadline_usec, &result);
        note_failure(batch, r);
        if (r != 0)
                return;
        list = json_object_get(result, "results");
        if (ctl->options.is_json)
                (void)json_array_extend(batch->results, (json_t *)(uintptr_t)list);
        else
                show_results(list);
}

/* Each path is a request of its own: one that fails keeps no other from being done. */
static int change_state(Ctl *ctl, const char *method, unsigned flags)
{
        Batch batch = {.method = method,
                       .flags = flags | (ctl->options.no_wait ? 0 : (unsigned)CTL_CALL_WAITS),
                       .results = json_array()};
        CtlCall *calls[AT_ONCE] = {NULL};
        json_auto_t *all = NULL;

        batch.deadline_usec = ctl_deadline(ctl, batch.flags);
        for (size_t first = 0; first < ctl->arg_count; first += AT_ONCE) {
                size_t count = MIN_OF(ctl->arg_count - first, (size_t)AT_ONCE);

                for (size_t i = 0; i < count; i++)
                        note_failure(&batch,
                                     begin_one(ctl, &batch, ctl->args[first + i], &calls[i]));
                for (size_t i = 0; i < count; i++)
                        if (calls[i])
                                end_one(ctl, &batch, &calls[i]);
        }
        all = json_pack("{s:o}", "results", batch.results);
        if (ctl->options.is_json && all && json_array_size(batch.results) > 0)
                print_json(all);
        return batch.status;
}

int verb_start(Ctl *ctl)
{
        return change_state(ctl, "start", CTL_CALL_REPEATABLE);
}

int verb_stop(Ctl *ctl)
{
        return change_state(ctl, "stop", CTL_CALL_REPEATABLE);
}

int verb_restart(Ctl *ctl)
{
        return change_state(ctl, "restart", 0);
}

/* ------------------------------------------------------------------------- single children */

int verb_kill(Ctl *ctl)
{
        json_t *params = one_path(ctl, "path", ctl->args[0]);
        json_auto_t *result = NULL;
        int r;

        if (!params)
                return CTL_EXIT_NO_PATH;
        (void)json_object_set_new(
                params, "signal",
                json_string(ctl->options.signal ? ctl->options.signal : "SIGKILL"));
        r = ctl_call(ctl, "kill", params, 0, &result);
        if (r != 0)
                return r;
        if (ctl->options.is_json) {
                print_json(result);
                return CTL_EXIT_DONE;
        }
        out_text(get_text_or(result, "path", "?"));
        (void)fputs(": ", stdout);
        out_text(get_text_or(result, "signal", "?"));
        (void)printf(" sent to pid %" JSON_INTEGER_FORMAT "\n", get_int(result, "pid"));
        return CTL_EXIT_DONE;
}

static int read_stream(const Ctl *ctl, FILE *file, const char *name, json_t **ret_value)
{
        _cleanup_(freep) char *text = malloc(LIMIT_REQUEST_BYTES + 1);
        json_error_t fault;
        size_t size;

        if (!text)
                return ctl_fail_memory(ctl);
        size = fread(text, 1, LIMIT_REQUEST_BYTES + 1, file);
        if (ferror(file))
                return ctl_fail(ctl, CTL_EXIT_FAILED, "%s: %s", name, strerror(errno));
        if (size > LIMIT_REQUEST_BYTES)
                return ctl_fail(ctl, CTL_EXIT_FAILED, "%s: over %u bytes", name,
                                LIMIT_REQUEST_BYTES);
        *ret_value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
        if (!*ret_value)
                return ctl_fail(ctl, CTL_EXIT_USAGE, "%s:%d:%d: %s", name, fault.line, fault.column,
                                fault.text);
        return 0;
}

/* JSON in the word itself, in @FILE, or on stdin. */
static int read_json_word(const Ctl *ctl, const char *word, json_t **ret_value)
{
        _cleanup_(fclosep) FILE *file = NULL;
        json_error_t fault;

        if (strcmp(word, "-") == 0)
                return read_stream(ctl, stdin, "stdin", ret_value);
        if (word[0] == '@') {
                file = fopen(word + 1, "re");
                if (!file)
                        return ctl_fail(ctl, CTL_EXIT_FAILED, "%s: %s", word + 1, strerror(errno));
                return read_stream(ctl, file, word + 1, ret_value);
        }
        *ret_value = json_loads(word, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
        if (!*ret_value)
                return ctl_fail(ctl, CTL_EXIT_USAGE, "the JSON in column %d: %s", fault.column,
                                fault.text);
        return 0;
}

int verb_add(Ctl *ctl)
{
        json_auto_t *result = NULL;
        json_t *child = NULL, *params, *path;
        size_t i;
        int r;

        r = read_json_word(ctl, ctl->args[1], &child);
        if (r != 0)
                return r;
        params = one_path(ctl, "parent", ctl->args[0]);
        if (!params)
                return CTL_EXIT_NO_PATH;
        (void)json_object_set_new(params, "child", child);
        r = ctl_call(ctl, "add", params, CTL_CALL_WAITS, &result);
        if (r != 0)
                return r;
        if (ctl->options.is_json) {
                print_json(result);
                return CTL_EXIT_DONE;
        }
        json_array_foreach(json_object_get(result, "paths"), i, path)
        {
                out_text(json_string_value(path));
                (void)fputc('\n', stdout);
        }
        return CTL_EXIT_DONE;
}

/* Prints the path of the answer, which is all there is to say. */
static int call_for_path(Ctl *ctl, const char *method, json_t *take_params, unsigned flags)
{
        json_auto_t *result = NULL;
        int r;

        r = ctl_call(ctl, method, take_params, flags, &result);
        if (r != 0)
                return r;
        if (ctl->options.is_json) {
                print_json(result);
                return CTL_EXIT_DONE;
        }
        out_text(get_text_or(result, "path", "?"));
        (void)fputc('\n', stdout);
        return CTL_EXIT_DONE;
}

int verb_delete(Ctl *ctl)
{
        json_t *params = one_path(ctl, "path", ctl->args[0]);

        return params ? call_for_path(ctl, "delete", params, 0) : CTL_EXIT_NO_PATH;
}

int verb_spawn(Ctl *ctl)
{
        json_t *params = one_path(ctl, "path", ctl->args[0]);
        json_t *words = json_array();

        if (!params)
                return CTL_EXIT_NO_PATH;
        for (size_t i = 1; i < ctl->arg_count; i++)
                if (json_array_append_new(words, json_string(ctl->args[i])) < 0)
                        return ctl_fail(ctl, CTL_EXIT_USAGE,
                                        "argument %zu is no UTF-8, which JSON can't carry", i);
        (void)json_object_set_new(params, "args", words);
        return call_for_path(ctl, "spawn", params, CTL_CALL_WAITS);
}

/* -------------------------------------------------------------------------------------- reload */

static void show_changes(const json_t *result, bool is_dry_run)
{
        // clang-format off
        static const struct {
                const char *change;
                Colour colour;
        } rows[] = {
                { "added",   COLOUR_GOOD }, { "removed", COLOUR_BAD },
                { "changed", COLOUR_BUSY }, { "updated", COLOUR_NONE },
        };
        // clang-format on
        const json_t *changes = json_object_get(result, "changes"), *it;
        size_t i, count = json_array_size(changes);

        json_array_foreach(changes, i, it)
        {
                const char *change = get_text_or(it, "change", "?");
                Colour colour = COLOUR_NONE;

                for (size_t k = 0; k < ARRAY_LEN(rows); k++)
                        if (strcmp(rows[k].change, change) == 0)
                                colour = rows[k].colour;
                out_in(colour, change);
                (void)printf("%*s", (int)(9 - MIN_OF(strlen(change), (size_t)8)), "");
                out_text(get_text_or(it, "path", "?"));
                (void)fputc('\n', stdout);
        }
        (void)printf("%zu change%s%s, %" JSON_INTEGER_FORMAT " unchanged\n", count,
                     count == 1 ? "" : "s", is_dry_run ? " to make" : "",
                     get_int(result, "unchanged"));
}

int verb_reload(Ctl *ctl)
{
        bool is_dry_run = ctl->options.is_dry_run;
        json_auto_t *result = NULL;
        int r;

        r = ctl_call(ctl, "reload", json_pack("{s:b}", "dry_run", is_dry_run),
                     CTL_CALL_WAITS | CTL_CALL_REPEATABLE, &result);
        if (r != 0)
                return r;
        if (ctl->options.is_json)
                print_json(result);
        else
                show_changes(result, is_dry_run);
        return CTL_EXIT_DONE;
}

/* ------------------------------------------------------------------------------------ shutdown */

/* A descriptor by which gend's end is seen; -1 if it can't be had, -ESRCH if gend has just ended.
 */
static int open_gend(Ctl *ctl, json_int_t pid)
{
        int fd;

        if (pid <= 0 || pid > INT32_MAX)
                return -1;
        fd = pidfd_open((pid_t)pid, 0);
        if (fd >= 0)
                (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)ctl;
        return fd;
}

/* Another pid namespace: gend is gone when nobody has listened for a while. */
static int await_silence(Ctl *ctl, usec_t deadline_usec)
{
        int r;

        do {
                r = ctl_call_until(ctl, "ping", NULL, CTL_CALL_REPEATABLE | CTL_CALL_QUIET,
                                   MIN_OF(deadline_usec, usec_add(now_usec(), 2 * USEC_PER_SEC)),
                                   NULL);
                if (r == 0)
                        (void)poll(NULL, 0, 100);
        } while ((r == 0 || r == CTL_EXIT_TIMED_OUT) && now_usec() < deadline_usec);
        return r == CTL_EXIT_UNREACHABLE ? 0 : CTL_EXIT_TIMED_OUT;
}

static int await_end(Ctl *ctl, int gend_fd, usec_t deadline_usec)
{
        struct pollfd item = {.fd = gend_fd, .events = POLLIN};
        usec_t left;
        int r;

        if (gend_fd < 0)
                return await_silence(ctl, deadline_usec);
        do {
                left = deadline_usec == USEC_INFINITY
                               ? USEC_INFINITY
                               : usec_sub(deadline_usec, now_usec()) / USEC_PER_MSEC;
                r = poll(&item, 1, left > INT32_MAX ? -1 : (int)left);
        } while (r < 0 && errno == EINTR);
        return r > 0 ? 0 : CTL_EXIT_TIMED_OUT;
}

int verb_shutdown(Ctl *ctl)
{
        _cleanup_(closep) int gend_fd = -1;
        json_auto_t *tree = NULL, *result = NULL;
        usec_t deadline_usec = ctl_deadline(ctl, CTL_CALL_WAITS);
        int r;

        if (!ctl->options.no_wait) {
                r = ctl_call(ctl, "tree", NULL, CTL_CALL_REPEATABLE, &tree);
                if (r != 0)
                        return r;
                gend_fd = open_gend(ctl, get_int(tree, "pid"));
        }
        r = ctl_call(ctl, "shutdown", json_pack("{s:b}", "wait", false), CTL_CALL_REPEATABLE,
                     &result);
        if (r != 0)
                return r;
        if (!ctl->options.no_wait && await_end(ctl, gend_fd, deadline_usec) != 0)
                return ctl_fail(ctl, CTL_EXIT_TIMED_OUT,
                                "shutdown: timed out: gend is stopping, but not gone yet; see "
                                "'genctl tree'");
        if (ctl->options.is_json)
                print_json(result);
        return CTL_EXIT_DONE;
}
