/*
 * Owns the verbs that read on and on: "events" and "logs". Where a reader stands is a number of its
 * own, so that a new gend-supervisor goes on where the last one was: no gap, nothing twice.
 */

#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/event.h"
#include "ctl/out.h"
#include "ctl/verbs.h"

#define EVENTS_LIMIT         1000
#define WAIT_MSEC            25000 /* of one long poll; the protocol allows 30,000 */
#define FOLLOW_GRACE_USEC    (10 * USEC_PER_SEC)
#define FOLLOW_PATIENCE_USEC (5 * USEC_PER_SEC)

// clang-format off
static const struct {
        const char *event;
        Colour colour;
} colours[] = {
        { "ready",      COLOUR_GOOD }, { "starting",   COLOUR_DIM },
        { "exited",     COLOUR_BUSY }, { "restarting", COLOUR_BUSY },
        { "failed",     COLOUR_BAD },  { "escalated",  COLOUR_BAD },
        { "lost",       COLOUR_BAD },
};
// clang-format on

static Colour event_colour(const char *event)
{
        for (size_t i = 0; i < ARRAY_LEN(colours); i++)
                if (strcmp(colours[i].event, event) == 0)
                        return colours[i].colour;
        return COLOUR_NONE;
}

/* The columns of the event's name: blanks only before something. */
static void put_name(const char *name, bool is_last)
{
        out_in(event_colour(name), name);
        for (size_t i = strlen(name); i < 10 && !is_last; i++)
                (void)fputc(' ', stdout);
}

void print_event(const json_t *event, bool with_path)
{
        const char *path = with_path ? get_text(event, "path") : NULL;
        const char *reason = get_text(event, "reason"), *detail = get_text(event, "detail");
        bool has_pid = has_int(event, "pid"), has_count = has_int(event, "count");
        bool has_next_try = has_int(event, "next_try_in_ms");
        char text[TIME_TEXT_BYTES];

        (void)printf("%s%s%s  ", colour_on(COLOUR_DIM), format_stamp(text, get_int(event, "time")),
                     colour_off());
        put_name(get_text_or(event, "event", "?"),
                 !path && !reason && !has_pid && !has_count && !has_next_try);
        if (path) {
                (void)fputs("  ", stdout);
                out_text(path);
        }
        if (has_pid)
                (void)printf("  pid %" JSON_INTEGER_FORMAT, get_int(event, "pid"));
        if (reason) {
                (void)fputs("  ", stdout);
                out_text(reason);
        }
        if (detail && *detail) {
                (void)fputs(": ", stdout);
                out_text(detail);
        }
        if (has_next_try)
                (void)printf("  next try in %s",
                             format_duration(text, get_int(event, "next_try_in_ms")));
        if (has_count)
                (void)printf("  %" JSON_INTEGER_FORMAT " events", get_int(event, "count"));
        (void)fputc('\n', stdout);
}

/* -------------------------------------------------------------------------------------- events */

static void show_events(const Ctl *ctl, const json_t *events, json_int_t *since)
{
        const json_t *event;
        size_t i;

        json_array_foreach(events, i, event)
        {
                if (get_int(event, "seq") <= *since)
                        continue;
                *since = get_int(event, "seq");
                if (ctl->options.is_json)
                        (void)json_dumpf(event, stdout, JSON_COMPACT);
                else
                        (void)printf("%6" JSON_INTEGER_FORMAT "  ", *since);
                if (ctl->options.is_json)
                        (void)fputc('\n', stdout);
                else
                        print_event(event, true);
        }
}

static int begin_follow(Ctl *ctl)
{
        int r;

        r = ctl_connect(ctl);
        if (r == 0)
                client_set_patience(ctl->client, FOLLOW_PATIENCE_USEC);
        return r;
}

static usec_t follow_deadline(void)
{
        return usec_add(now_usec(), WAIT_MSEC * USEC_PER_MSEC + FOLLOW_GRACE_USEC);
}

static int poll_events(Ctl *ctl, json_int_t since, bool may_wait, json_t **ret_result)
{
        json_t *params = json_pack("{s:I, s:i, s:i}", "since", since, "limit", EVENTS_LIMIT,
                                   "wait_ms", may_wait ? WAIT_MSEC : 0);

        if (!may_wait)
                return ctl_call(ctl, "events", params, CTL_CALL_REPEATABLE, ret_result);
        return ctl_call_until(ctl, "events", params, CTL_CALL_REPEATABLE, follow_deadline(),
                              ret_result);
}

/* A gend that numbers its events from 1 again has none that follows ours. */
static bool is_another_gend(const json_t *result, json_int_t since)
{
        return json_array_size(json_object_get(result, "events")) == 0 && has_int(result, "next") &&
               get_int(result, "next") < since;
}

int verb_events(Ctl *ctl)
{
        json_int_t since = ctl->options.since;
        bool is_waiting = false;
        int r;

        if (ctl->options.is_follow && begin_follow(ctl) != 0)
                return CTL_EXIT_UNREACHABLE;
        for (;;) {
                json_auto_t *result = NULL;
                json_int_t before = since;

                r = poll_events(ctl, since, is_waiting, &result);
                if (r != 0)
                        return r;
                show_events(ctl, json_object_get(result, "events"), &since);
                if (fflush(stdout) != 0)
                        return CTL_EXIT_FAILED;
                if (!ctl->options.is_follow && since == before)
                        return CTL_EXIT_DONE;
                if (is_waiting && is_another_gend(result, since)) {
                        (void)fputs("genctl: gend was started anew; its events begin again\n",
                                    stderr);
                        since = 0;
                }
                is_waiting = ctl->options.is_follow && since == before;
        }
}

/* ---------------------------------------------------------------------------------------- logs */

typedef struct LogReader {
        json_int_t position; /* -1: not asked yet */
        json_int_t dropped;
} LogReader;

static void show_log(const Ctl *ctl, const json_t *result, LogReader *reader)
{
        const json_t *text = json_object_get(result, "text");
        json_int_t lost = get_int(result, "lost"), dropped = get_int(result, "dropped");
        const char *bytes = json_string_value(text);
        bool is_following = reader->position >= 0;

        if (ctl->options.is_json) {
                if (!ctl->options.is_follow)
                        print_json(result);
                else if (json_string_length(text) > 0 || lost > 0)
                        print_json_line(result);
        } else if (bytes && out_is_terminal()) {
                out_text_lines(bytes, json_string_length(text));
        } else if (bytes) {
                (void)fwrite(bytes, 1, json_string_length(text), stdout);
        }
        (void)fflush(stdout);
        if (!ctl->options.is_json && is_following && lost > 0)
                (void)fprintf(stderr,
                              "genctl: %" JSON_INTEGER_FORMAT " bytes came too fast and "
                              "are not shown\n",
                              lost);
        if (!ctl->options.is_json && dropped > reader->dropped)
                (void)fprintf(stderr,
                              "genctl: %" JSON_INTEGER_FORMAT " bytes could not be stored\n",
                              dropped - reader->dropped);
        reader->dropped = dropped;
        reader->position = get_int(result, "position");
}

static int poll_log(Ctl *ctl, const LogReader *reader, json_t **ret_result)
{
        json_t *params;

        if (reader->position < 0) {
                params = json_pack("{s:s, s:I}", "path", ctl->args[0], "lines", ctl->options.lines);
                return ctl_call(ctl, "logs", params, CTL_CALL_REPEATABLE, ret_result);
        }
        params = json_pack("{s:s, s:I, s:i}", "path", ctl->args[0], "position", reader->position,
                           "wait_ms", WAIT_MSEC);
        return ctl_call_until(ctl, "logs", params, CTL_CALL_REPEATABLE, follow_deadline(),
                              ret_result);
}

int verb_logs(Ctl *ctl)
{
        LogReader reader = {.position = -1};
        int r;

        if (ctl->options.is_follow && begin_follow(ctl) != 0)
                return CTL_EXIT_UNREACHABLE;
        do {
                json_auto_t *result = NULL;

                r = poll_log(ctl, &reader, &result);
                if (r != 0)
                        return r;
                show_log(ctl, result, &reader);
                if (ferror(stdout))
                        return CTL_EXIT_FAILED;
        } while (ctl->options.is_follow);
        return CTL_EXIT_DONE;
}
