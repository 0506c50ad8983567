/*
 * Owns the tables of verbs and options, and what is read off them: the help texts and the verb
 * "help". Called by main.c.
 */

#include "ctl/verbs.h"

#include <errno.h>
#include <string.h>

#include "ctl/out.h"
#include "protocols/reason.h"
#include "protocols/spec.h"

// clang-format off
const Verb verbs[] = {
        { "tree", "[PATH]", "draw the tree",
          0, 1, 0, 0, WORDS_PATH, verb_tree },
        { "status", "PATH…", "all there is to know about a node",
          1, VERB_MANY, 0, 0, WORDS_PATH, verb_status },
        { "list", "", "a line for each process",
          0, 0, 0, 0, WORDS_NONE, verb_list },
        { "top", "[-d INTERVAL]", "processes by CPU time and memory, live",
          0, 0, 0, VERB_INTERVAL, WORDS_NONE, verb_top },
        { "start", "[--no-wait] PATH…", "start, and wait until ready",
          1, VERB_MANY, 0, VERB_NO_WAIT, WORDS_PATH, verb_start },
        { "stop", "[--no-wait] PATH…", "stop, and keep stopped until started again",
          1, VERB_MANY, 0, VERB_NO_WAIT, WORDS_PATH, verb_stop },
        { "restart", "[--no-wait] PATH…", "stop and start",
          1, VERB_MANY, 0, VERB_NO_WAIT, WORDS_PATH, verb_restart },
        { "kill", "[-s SIGNAL] PATH", "send a signal; SIGKILL if not said",
          1, 1, 0, VERB_SIGNAL, WORDS_PATH, verb_kill },
        { "add", "PARENT JSON|@FILE|-", "put a new child into a running supervisor",
          2, 2, 0, 0, WORDS_PATH, verb_add },
        { "delete", "PATH", "remove a stopped child",
          1, 1, 0, 0, WORDS_PATH, verb_delete },
        { "spawn", "PATH [ARG…]", "start a dynamic child of a simple_one_for_one supervisor",
          1, VERB_MANY, 1, 0, WORDS_PATH, verb_spawn },
        { "reload", "[--dry-run]", "read the tree file again and apply what changed",
          0, 0, 0, VERB_DRY_RUN, WORDS_NONE, verb_reload },
        { "apps", "", "a line for each application",
          0, 0, 0, 0, WORDS_NONE, verb_apps },
        { "app", "start|stop|info [--no-wait] NAME", "one application",
          2, 2, 0, VERB_NO_WAIT, WORDS_APP, verb_app },
        { "events", "[--follow] [--since SEQ]", "what happened in the tree",
          0, 0, 0, VERB_FOLLOW | VERB_SINCE, WORDS_NONE, verb_events },
        { "logs", "[-n N] [-f] PATH", "what a process has written",
          1, 1, 0, VERB_LINES | VERB_FOLLOW, WORDS_PATH, verb_logs },
        { "call", "NAME TERM", "ask an actor, and print its reply",
          2, 2, 0, 0, WORDS_ACTOR, verb_call },
        { "cast", "NAME TERM", "tell an actor, without a reply",
          2, 2, 0, 0, WORDS_ACTOR, verb_cast },
        { "send", "NAME TERM", "send a plain message to an actor",
          2, 2, 0, 0, WORDS_ACTOR, verb_send },
        { "info", "PID-OR-NAME", "all there is to know about an actor",
          1, 1, 0, 0, WORDS_ACTOR, verb_info },
        { "nodes", "", "connected nodes",
          0, 0, 0, 0, WORDS_NONE, verb_nodes },
        { "rpc", "METHOD [PARAMS]", "send one request as it is, and print the result",
          1, 2, 0, 0, WORDS_METHOD, verb_rpc },
        { "check", "FILE", "list every fault of a tree file; asks nobody",
          1, 1, 0, 0, WORDS_FILE, verb_check },
        { "version", "", "versions of genctl and gend",
          0, 0, 0, 0, WORDS_NONE, verb_version },
        { "ping", "", "whether gend answers, and how fast",
          0, 0, 0, 0, WORDS_NONE, verb_ping },
        { "shutdown", "[--no-wait]", "stop everything in order, and gend itself",
          0, 0, 0, VERB_NO_WAIT, WORDS_NONE, verb_shutdown },
        { "help", "[VERB]", "this, or more about one verb",
          0, 1, 0, 0, WORDS_VERB, verb_help },
};
// clang-format on
const size_t verbs_count = ARRAY_LEN(verbs);

/* -------------------------------------------------------------------------------------- options */

static int set_socket(CtlOptions *options, const char *value)
{
        options->socket = value;
        return *value ? 0 : -EINVAL;
}

static int set_json(CtlOptions *options, const char *value)
{
        (void)value;
        options->is_json = options->saw_json = true;
        return 0;
}

static int set_timeout(CtlOptions *options, const char *value)
{
        options->has_timeout = true;
        if (duration_parse(value, &options->timeout_usec) < 0 || options->timeout_usec == 0)
                return -EINVAL;
        return 0;
}

static int set_help(CtlOptions *options, const char *value)
{
        (void)value;
        options->is_help = true;
        return 0;
}

static int set_version(CtlOptions *options, const char *value)
{
        (void)value;
        options->is_version = true;
        return 0;
}

static int set_no_wait(CtlOptions *options, const char *value)
{
        (void)value;
        options->no_wait = true;
        return 0;
}

static int set_signal(CtlOptions *options, const char *value)
{
        int signo = signal_from_name(value);

        if (signo <= 0)
                return -EINVAL;
        options->signal = signal_name(signo);
        return 0;
}

static int set_dry_run(CtlOptions *options, const char *value)
{
        (void)value;
        options->is_dry_run = true;
        return 0;
}

static int set_follow(CtlOptions *options, const char *value)
{
        (void)value;
        options->is_follow = true;
        return 0;
}

static int parse_count(const char *text, json_int_t max, json_int_t *ret)
{
        char *end = NULL;
        long long value;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        errno = 0;
        value = strtoll(text, &end, 10);
        if (errno != 0 || *end || value > max)
                return -EINVAL;
        *ret = value;
        return 0;
}

static int set_since(CtlOptions *options, const char *value)
{
        options->has_since = true;
        return parse_count(value, INT64_MAX, &options->since);
}

static int set_lines(CtlOptions *options, const char *value)
{
        options->has_lines = true;
        return parse_count(value, INT32_MAX, &options->lines);
}

static int set_interval(CtlOptions *options, const char *value)
{
        if (duration_parse(value, &options->interval_usec) < 0 ||
            options->interval_usec < 100 * USEC_PER_MSEC ||
            options->interval_usec > 3600 * USEC_PER_SEC)
                return -EINVAL;
        return 0;
}

// clang-format off
const OptionRow option_rows[] = {
        { "socket",   0,   "PATH",     0,             "gend's control socket", set_socket },
        { "json",     0,   NULL,       0,             "output for programs; errors, too, are JSON, on stderr", set_json },
        { "timeout",  0,   "DURATION", 0,             "give up after so long: \"500ms\", \"5s\", \"2m\", \"infinity\"", set_timeout },
        { "help",     'h', NULL,       0,             "this", set_help },
        { "version",  'V', NULL,       0,             "genctl's version", set_version },
        { "no-wait",  0,   NULL,       VERB_NO_WAIT,  "return at once, not when it is done", set_no_wait },
        { "signal",   's', "SIGNAL",   VERB_SIGNAL,   "a name, with or without SIG, or a number", set_signal },
        { "dry-run",  0,   NULL,       VERB_DRY_RUN,  "only say what would change", set_dry_run },
        { "follow",   'f', NULL,       VERB_FOLLOW,   "go on with what comes", set_follow },
        { "since",    0,   "SEQ",      VERB_SINCE,    "only events after this one", set_since },
        { "lines",    'n', "N",        VERB_LINES,    "begin with the last N lines; 10 if not said", set_lines },
        { "interval", 'd', "INTERVAL", VERB_INTERVAL, "time between two looks; 1s if not said, at least 100ms", set_interval },
};
// clang-format on
const size_t option_rows_count = ARRAY_LEN(option_rows);

const Verb *verb_find(const char *name)
{
        for (size_t i = 0; i < verbs_count; i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}

/* ----------------------------------------------------------------------------------------- help */

static void print_options(FILE *file, unsigned verb_options, bool want_global)
{
        char names[64];

        for (size_t i = 0; i < option_rows_count; i++) {
                const OptionRow *row = &option_rows[i];

                if (row->verb_option == 0 ? !want_global : !(row->verb_option & verb_options))
                        continue;
                (void)snprintf(names, sizeof(names), "%c%c%s--%s%s%s", row->letter ? '-' : ' ',
                               row->letter ? row->letter : ' ', row->letter ? ", " : "  ",
                               row->name, row->value ? " " : "", row->value ? row->value : "");
                (void)fprintf(file, "  %-24s  %s\n", names, row->summary);
        }
}

/* "…" is for those who see it. */
static void print_synopsis(FILE *file, const char *text)
{
        const char *dots;

        while (!out_is_utf8() && (dots = strstr(text, "…"))) {
                (void)fprintf(file, "%.*s...", (int)(dots - text), text);
                text = dots + strlen("…");
        }
        (void)fputs(text, file);
}

static void print_verb_line(FILE *file, const Verb *verb)
{
        size_t columns = strlen(verb->name) + 1 + text_columns(verb->synopsis);

        (void)fprintf(file, "  %s ", verb->name);
        print_synopsis(file, verb->synopsis);
        if (!out_is_utf8() && strstr(verb->synopsis, "…"))
                columns += 2;
        if (columns > 40)
                (void)fprintf(file, "\n%42s", "");
        else
                (void)fprintf(file, "%*s", (int)(40 - columns), "");
        (void)fprintf(file, "  %s\n", verb->summary);
}

void print_help(FILE *file)
{
        (void)fputs(
                "usage: genctl [OPTION]... VERB ...\n\n"
                "Looks at the processes that gend supervises, and commands them. A PATH is that of "
                "a node,\n\"shop/front/web\", or an unambiguous tail of it, \"web\".\n\n",
                file);
        for (size_t i = 0; i < verbs_count; i++)
                print_verb_line(file, &verbs[i]);
        (void)fputc('\n', file);
        print_options(file, 0, true);
        (void)fputs(
                "\nThe socket is --socket, $GEND_SOCKET, or ctl.sock in $RUNTIME_DIRECTORY, else "
                "in "
                "/run/gend\n(root) or $XDG_RUNTIME_DIR/gend. More: genctl help VERB, genctl(1).\n",
                file);
}

void print_verb_help(FILE *file, const Verb *verb)
{
        (void)fprintf(file, "usage: genctl [OPTION]... %s ", verb->name);
        print_synopsis(file, verb->synopsis);
        (void)fprintf(file, "\n\n%s\n\n", verb->summary);
        print_options(file, verb->options, true);
}

static json_t *verb_to_json(const Verb *verb)
{
        json_t *options = json_array();

        for (size_t i = 0; i < option_rows_count; i++)
                if (option_rows[i].verb_option & verb->options)
                        (void)json_array_append_new(options, json_string(option_rows[i].name));
        return json_pack("{s:s, s:s, s:s, s:o}", "verb", verb->name, "synopsis", verb->synopsis,
                         "summary", verb->summary, "options", options);
}

int verb_help(Ctl *ctl)
{
        const Verb *verb = NULL;
        json_auto_t *list = NULL;

        if (ctl->arg_count > 0) {
                verb = verb_find(ctl->args[0]);
                if (!verb)
                        return ctl_fail(ctl, CTL_EXIT_USAGE, "%s: no such verb; see 'genctl help'",
                                        ctl->args[0]);
        }
        if (!ctl->options.is_json) {
                if (verb)
                        print_verb_help(stdout, verb);
                else
                        print_help(stdout);
                return CTL_EXIT_DONE;
        }
        list = verb ? verb_to_json(verb) : json_array();
        for (size_t i = 0; !verb && i < verbs_count; i++)
                (void)json_array_append_new(list, verb_to_json(&verbs[i]));
        print_json(list);
        return CTL_EXIT_DONE;
}
