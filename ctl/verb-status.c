/*
 * Owns the verb "status": one node in full, for people.
 */

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/event.h"
#include "ctl/out.h"
#include "ctl/verbs.h"

static void label(const char *text)
{
        (void)printf("%11s: ", text);
}

static void line_text(const char *name, const char *text)
{
        if (!text || !*text)
                return;
        label(name);
        out_text(text);
        (void)fputc('\n', stdout);
}

static int64_t now_msec(void)
{
        return (int64_t)now_real_msec();
}

/* "Sun 2026-11-22 18:15:37 UTC; 5s ago" */
static void put_moment(int64_t msec)
{
        char when[TIME_TEXT_BYTES], ago[TIME_TEXT_BYTES];

        (void)printf("%s; %s ago", format_time(when, msec),
                     format_duration(ago, now_msec() - msec));
}

static void line_head(const json_t *node)
{
        const char *state = get_text_or(node, "state", "?");

        (void)printf("%s%s%s ", colour_on(state_colour(state)), state_symbol(state), colour_off());
        out_in(COLOUR_BOLD, get_text_or(node, "path", "?"));
        (void)fputs(" - ", stdout);
        out_text(get_text_or(node, "kind", "?"));
        if (get_text(node, "restart")) {
                (void)fputs(", ", stdout);
                out_text(get_text(node, "restart"));
        }
        if (get_text(node, "strategy")) {
                (void)fputs(", ", stdout);
                out_text(get_text(node, "strategy"));
        }
        (void)fputc('\n', stdout);
}

static void line_state(const json_t *node)
{
        const char *state = get_text_or(node, "state", "?");
        const char *ready = get_text(node, "ready");

        label("State");
        out_in(state_colour(state), state);
        if (ready && has_int(node, "pid"))
                (void)fputs(get_bool(node, "is_ready") ? " (ready)" : " (not ready)", stdout);
        if (get_bool(node, "stopped_by_request"))
                (void)fputs(" (by request, until started again)", stdout);
        if (has_int(node, "started_at")) {
                (void)fputs(" since ", stdout);
                put_moment(get_int(node, "started_at"));
        }
        (void)fputc('\n', stdout);
        line_text("Why", get_text(node, "why"));
}

static void line_next_try(const json_t *node)
{
        char when[TIME_TEXT_BYTES], left[TIME_TEXT_BYTES];

        if (!has_int(node, "next_try_at") && !has_int(node, "next_try_in_ms"))
                return;
        label("Next try");
        (void)printf("in %s",
                     format_duration(left, has_int(node, "next_try_in_ms")
                                                   ? get_int(node, "next_try_in_ms")
                                                   : get_int(node, "next_try_at") - now_msec()));
        if (has_int(node, "next_try_at"))
                (void)printf(" (%s)", format_time(when, get_int(node, "next_try_at")));
        (void)fputc('\n', stdout);
}

static void line_last_exit(const json_t *node)
{
        const json_t *last = json_object_get(node, "last_exit");

        if (!json_is_object(last))
                return;
        label("Last exit");
        out_text(get_text_or(last, "reason", "?"));
        if (get_text(last, "detail")) {
                (void)fputs(", ", stdout);
                out_text(get_text(last, "detail"));
        }
        if (has_int(last, "status"))
                (void)printf(" (exit status %" JSON_INTEGER_FORMAT ")", get_int(last, "status"));
        if (get_text(last, "signal")) {
                (void)fputs(" (", stdout);
                out_text(get_text(last, "signal"));
                (void)fputs(")", stdout);
        }
        if (has_int(last, "at")) {
                (void)fputs(", ", stdout);
                put_moment(get_int(last, "at"));
        }
        (void)fputc('\n', stdout);
}

static void line_restarts(const json_t *node)
{
        char period[TIME_TEXT_BYTES];

        label("Restarts");
        (void)printf("%" JSON_INTEGER_FORMAT, get_int(node, "restarts"));
        if (get_int(node, "consecutive_failures") > 0)
                (void)printf(", %" JSON_INTEGER_FORMAT " failed attempts in a row",
                             get_int(node, "consecutive_failures"));
        (void)fputc('\n', stdout);
        if (!has_int(node, "intensity") || !has_int(node, "period_ms"))
                return;
        label("Budget");
        (void)printf("%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                     " restarts used in the last %s\n",
                     get_int(node, "restarts_in_period"), get_int(node, "intensity"),
                     format_duration(period, get_int(node, "period_ms")));
}

/* A word of a command line so that a shell would read it as one. */
static void put_word(const char *word)
{
        bool is_plain = *word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_-+=./:,@%") == strlen(word);
        const char *quote;

        if (is_plain) {
                out_text(word);
                return;
        }
        (void)fputc('\'', stdout);
        while ((quote = strchr(word, '\''))) {
                _cleanup_(freep) char *before = strndup(word, (size_t)(quote - word));

                out_text(before);
                (void)fputs("'\\''", stdout);
                word = quote + 1;
        }
        out_text(word);
        (void)fputc('\'', stdout);
}

static void line_command(const json_t *spec)
{
        const json_t *words = json_object_get(spec, "exec"), *word;
        size_t i;

        if (json_is_array(words)) {
                label("Command");
                json_array_foreach(words, i, word)
                {
                        if (i > 0)
                                (void)fputc(' ', stdout);
                        if (json_is_string(word))
                                put_word(json_string_value(word));
                }
                (void)fputc('\n', stdout);
        }
        line_text("Worker", get_text(spec, "worker"));
}

/* The members of the specification that have no line of their own. */
static void line_spec(const json_t *spec)
{
        static const char *const shown[] = {"name",     "exec",    "worker",      "children",
                                            "strategy", "restart", "description", "intensity",
                                            "period",   "actors",  "watchdog"};
        const char *key;
        json_t *value;
        bool is_first = true, is_shown;
        char *text;

        json_object_foreach((json_t *)(uintptr_t)spec, key, value)
        {
                is_shown = false;
                for (size_t i = 0; i < ARRAY_LEN(shown); i++)
                        is_shown = is_shown || strcmp(shown[i], key) == 0;
                text = is_shown ? NULL : json_dumps(value, JSON_ENCODE_ANY);
                if (!text)
                        continue;
                if (is_first)
                        label("Spec");
                else
                        (void)printf("%13s", "");
                is_first = false;
                out_text(key);
                (void)fputs(": ", stdout);
                out_text(text);
                (void)fputc('\n', stdout);
                free(text);
        }
}

static void line_children(const json_t *node)
{
        const json_t *children = json_object_get(node, "children"), *child;
        size_t i, running = 0;

        if (!json_is_array(children) || json_array_size(children) == 0)
                return;
        json_array_foreach(children, i, child) running +=
                strcmp(get_text_or(child, "state", ""), "running") == 0;
        label("Children");
        (void)printf("%zu, %zu running\n", json_array_size(children), running);
        json_array_foreach(children, i, child)
        {
                const char *state = get_text_or(child, "state", "?");

                (void)printf("%13s%s%s%s ", "", colour_on(state_colour(state)), state_symbol(state),
                             colour_off());
                out_text(get_text_or(child, "name", "?"));
                (void)fputs("  ", stdout);
                out_in(state_colour(state), state);
                if (has_int(child, "pid"))
                        (void)printf("  pid %" JSON_INTEGER_FORMAT, get_int(child, "pid"));
                (void)fputc('\n', stdout);
        }
}

static void put_recent(const json_t *node)
{
        const json_t *list, *it;
        size_t i;

        list = json_object_get(node, "recent_events");
        if (json_array_size(list) > 0)
                (void)fputs("\nEvents:\n", stdout);
        json_array_foreach(list, i, it)
        {
                (void)fputs("  ", stdout);
                print_event(it, false);
        }
        list = json_object_get(node, "log");
        if (json_array_size(list) > 0)
                (void)fputs("\nLog:\n", stdout);
        json_array_foreach(list, i, it)
        {
                (void)fputs("  ", stdout);
                out_text_lines(json_string_value(it), json_string_length(it));
                (void)fputc('\n', stdout);
        }
        if (get_int(node, "log_dropped") > 0)
                (void)printf("  (%" JSON_INTEGER_FORMAT " bytes could not be stored)\n",
                             get_int(node, "log_dropped"));
}

static void show(const json_t *node)
{
        const json_t *spec = json_object_get(node, "spec");
        char text[TIME_TEXT_BYTES];

        line_head(node);
        line_state(node);
        line_next_try(node);
        line_text("Status", get_text(node, "status_text"));
        if (has_int(node, "pid")) {
                label("PID");
                (void)printf("%" JSON_INTEGER_FORMAT "\n", get_int(node, "pid"));
        }
        line_text("Actor", get_text(node, "gen_pid"));
        line_command(spec);
        line_text("About", get_text(spec, "description"));
        line_text("Parent", get_text(node, "parent"));
        line_restarts(node);
        line_last_exit(node);
        if (get_int(node, "watchdog_ms") > 0)
                line_text("Watchdog", format_duration(text, get_int(node, "watchdog_ms")));
        if (get_int(node, "notify_refused") > 0) {
                label("Refused");
                (void)printf("%" JSON_INTEGER_FORMAT " messages on its NOTIFY_SOCKET\n",
                             get_int(node, "notify_refused"));
        }
        line_spec(spec);
        line_children(node);
        put_recent(node);
}

static int status_of(Ctl *ctl, const char *path)
{
        json_t *params = json_pack("{s:s}", "path", path);
        json_auto_t *node = NULL;
        int r;

        if (!params)
                return ctl_fail(ctl, CTL_EXIT_NO_PATH, "the path is no UTF-8");
        r = ctl_call(ctl, "status", params, CTL_CALL_REPEATABLE, &node);
        if (r != 0)
                return r;
        if (ctl->options.is_json)
                print_json(node);
        else
                show(node);
        return strcmp(get_text_or(node, "state", ""), "running") == 0 ? CTL_EXIT_DONE
                                                                      : CTL_EXIT_NOT_RUNNING;
}

int verb_status(Ctl *ctl)
{
        int r, worst = CTL_EXIT_DONE;

        for (size_t i = 0; i < ctl->arg_count; i++) {
                if (i > 0 && !ctl->options.is_json)
                        (void)fputc('\n', stdout);
                r = status_of(ctl, ctl->args[i]);
                if (worst == CTL_EXIT_DONE)
                        worst = r;
        }
        return worst;
}
