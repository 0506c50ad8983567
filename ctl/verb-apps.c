/*
 * Owns the verbs about applications: "apps" and "app".
 */

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/verbs.h"

static void app_row(Table *table, const json_t *app)
{
        const char *state = get_text_or(app, "state", "?");
        char text[TIME_TEXT_BYTES];

        table_cell(table, COLOUR_NONE, get_text(app, "name"));
        table_cell(table, COLOUR_NONE, get_text(app, "version"));
        table_cell(table, state_colour(state), state);
        table_cell(table, COLOUR_NONE, get_text(app, "start"));
        text_format(text, sizeof(text), "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT,
                    get_int(app, "running"), get_int(app, "processes"));
        table_cell(table, COLOUR_NONE, text);
        table_cell(table, COLOUR_NONE,
                   has_int(app, "uptime_ms") ? format_duration(text, get_int(app, "uptime_ms"))
                                             : NULL);
        table_cell(table, COLOUR_NONE, get_text(app, "description"));
}

int verb_apps(Ctl *ctl)
{
        static const char *const titles[] = {"NAME",     "VERSION", "STATE",       "START",
                                             ">RUNNING", ">UPTIME", "DESCRIPTION", NULL};
        json_auto_t *result = NULL;
        json_t *app;
        Table *table;
        size_t i;
        int r;

        r = ctl_call(ctl, "apps", NULL, CTL_CALL_REPEATABLE, &result);
        if (r != 0)
                return r;
        if (ctl->options.is_json) {
                print_json(result);
                return CTL_EXIT_DONE;
        }
        table = table_new(titles);
        json_array_foreach(json_object_get(result, "applications"), i, app) app_row(table, app);
        table_print(table, out_width(), 0);
        (void)table_free(table);
        return CTL_EXIT_DONE;
}

static void line_names(const char *label, const json_t *names)
{
        const json_t *it;
        size_t i;

        if (json_array_size(names) == 0)
                return;
        (void)printf("%12s:", label);
        json_array_foreach(names, i, it)
        {
                (void)fputc(' ', stdout);
                out_text(json_string_value(it));
        }
        (void)fputc('\n', stdout);
}

static void line(const char *label, const char *text)
{
        if (!text || !*text)
                return;
        (void)printf("%12s: ", label);
        out_text(text);
        (void)fputc('\n', stdout);
}

static void show_app(const json_t *app)
{
        const char *state = get_text_or(app, "state", "?"), *key;
        char text[TIME_TEXT_BYTES], uptime[TIME_TEXT_BYTES];
        json_t *value;

        (void)printf("%s%s%s ", colour_on(state_colour(state)), state_symbol(state), colour_off());
        out_in(COLOUR_BOLD, get_text_or(app, "name", "?"));
        (void)fputc(' ', stdout);
        out_text(get_text(app, "version"));
        (void)fputc('\n', stdout);
        line("About", get_text(app, "description"));
        (void)printf("%12s: ", "State");
        out_in(state_colour(state), state);
        if (has_int(app, "started_at"))
                (void)printf(" since %s; %s ago", format_time(text, get_int(app, "started_at")),
                             format_duration(uptime, get_int(app, "uptime_ms")));
        (void)fputc('\n', stdout);
        line("Reason", get_text(app, "reason"));
        line("Start", get_text(app, "start"));
        (void)printf("%12s: %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT " running\n",
                     "Processes", get_int(app, "processes"), get_int(app, "running"));
        line_names("Requires", json_object_get(app, "requires"));
        line_names("Required by", json_object_get(app, "required_by"));
        if (has_int(app, "lifespan_ms"))
                line("Lifespan", format_duration(text, get_int(app, "lifespan_ms")));
        json_object_foreach(json_object_get(app, "env"), key, value)
        {
                (void)printf("%12s: ", "Env");
                out_text(key);
                (void)fputc('=', stdout);
                out_text(json_string_value(value));
                (void)fputc('\n', stdout);
        }
}

int verb_app(Ctl *ctl)
{
        // clang-format off
        static const struct {
                const char *word, *method;
                unsigned flags;
                bool can_wait;
        } rows[] = {
                { "start", "app.start", CTL_CALL_REPEATABLE, true },
                { "stop",  "app.stop",  CTL_CALL_REPEATABLE, true },
                { "info",  "app.info",  CTL_CALL_REPEATABLE, false },
        };
        // clang-format on
        const char *word = ctl->args[0], *state;
        bool waits = !ctl->options.no_wait;
        json_auto_t *app = NULL;
        json_t *params;
        size_t i = 0;
        int r;

        while (i < ARRAY_LEN(rows) && strcmp(rows[i].word, word) != 0)
                i++;
        if (i == ARRAY_LEN(rows))
                return ctl_fail(ctl, CTL_EXIT_USAGE, "app %s: start, stop or info is expected",
                                word);
        params = json_pack("{s:s}", "name", ctl->args[1]);
        if (!params)
                return ctl_fail(ctl, CTL_EXIT_NO_PATH, "the name is no UTF-8");
        if (rows[i].can_wait)
                (void)json_object_set_new(params, "wait", json_boolean(waits));
        r = ctl_call(ctl, rows[i].method, params,
                     rows[i].flags | (rows[i].can_wait && waits ? (unsigned)CTL_CALL_WAITS : 0),
                     &app);
        if (r != 0)
                return r;
        state = get_text_or(app, "state", "?");
        if (ctl->options.is_json) {
                print_json(app);
        } else if (!rows[i].can_wait) {
                show_app(app);
        } else {
                out_text(get_text_or(app, "name", ctl->args[1]));
                (void)fputs(": ", stdout);
                out_in(state_colour(state), state);
                (void)fputc('\n', stdout);
        }
        return CTL_EXIT_DONE;
}
