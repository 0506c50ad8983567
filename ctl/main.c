/*
 * genctl: looks at a tree of gend, and commands it. Owns the command line; the rest is in the
 * verbs.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/verbs.h"

#define INTERVAL_USEC USEC_PER_SEC

typedef struct Reader {
        Ctl *ctl;
        char **words; /* NULL terminated: what is not read yet */
        bool no_more_options;
} Reader;

static int fail_usage(const Ctl *ctl, const char *what, const char *word)
{
        const char *verb = ctl->verb ? ctl->verb->name : "";

        return ctl_fail(ctl, CTL_EXIT_USAGE, "%s: %s; see 'genctl help%s%s'", word, what,
                        *verb ? " " : "", verb);
}

static bool takes_option(const Verb *verb, const OptionRow *row)
{
        return row->verb_option == 0 || (verb && (verb->options & row->verb_option));
}

static const OptionRow *find_option(const Verb *verb, const char *name, size_t size, char letter)
{
        for (size_t i = 0; i < option_rows_count; i++) {
                const OptionRow *row = &option_rows[i];

                if (!takes_option(verb, row))
                        continue;
                if (name ? strlen(row->name) == size && strncmp(row->name, name, size) == 0
                         : row->letter == letter)
                        return row;
        }
        return NULL;
}

/* @value: NULL if it stands in the next word. */
static int apply_option(Reader *reader, const OptionRow *row, const char *value)
{
        const Ctl *ctl = reader->ctl;
        char dashed[32];

        (void)snprintf(dashed, sizeof(dashed), "--%s", row->name);
        if (row->value && !value) {
                value = *reader->words;
                if (!value)
                        return fail_usage(ctl, "a value is missing", dashed);
                reader->words++;
        }
        if (!row->value && value)
                return fail_usage(ctl, "takes no value", dashed);
        if (row->set(&reader->ctl->options, value) == 0)
                return 0;
        return ctl_fail(ctl, CTL_EXIT_USAGE, "%s: \"%s\" is no %s; %s", dashed, value, row->value,
                        row->summary);
}

static int read_long(Reader *reader, const char *word)
{
        const char *name = word + 2, *equals = strchr(name, '=');
        size_t size = equals ? (size_t)(equals - name) : strlen(name);
        const OptionRow *row = find_option(reader->ctl->verb, name, size, 0);

        if (!row)
                return fail_usage(reader->ctl, "no such option", word);
        return apply_option(reader, row, equals ? equals + 1 : NULL);
}

/* "-f", "-n5", "-fn5" */
static int read_short(Reader *reader, const char *word)
{
        const OptionRow *row;
        int r;

        for (const char *p = word + 1; *p; p++) {
                row = find_option(reader->ctl->verb, NULL, 0, *p);
                if (!row)
                        return fail_usage(reader->ctl, "no such option", word);
                if (row->value)
                        return apply_option(reader, row, p[1] ? p + 1 : NULL);
                r = apply_option(reader, row, NULL);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* "-" and "-5" are words. */
static bool is_option(const Reader *reader, const char *word)
{
        return !reader->no_more_options && word[0] == '-' && word[1] &&
               !strchr("0123456789", word[1]);
}

static int read_words(Reader *reader)
{
        Ctl *ctl = reader->ctl;
        const char *word;
        int r;

        while ((word = *reader->words)) {
                reader->words++;
                if (!reader->no_more_options && strcmp(word, "--") == 0) {
                        reader->no_more_options = true;
                        continue;
                }
                if (is_option(reader, word)) {
                        r = word[1] == '-' ? read_long(reader, word) : read_short(reader, word);
                        if (r != 0)
                                return r;
                        continue;
                }
                if (ctl->verb) {
                        ctl->args[ctl->arg_count++] = word;
                        if (ctl->verb->verbatim_from == ctl->arg_count)
                                reader->no_more_options = true;
                        continue;
                }
                ctl->verb = verb_find(word);
                if (!ctl->verb)
                        return fail_usage(ctl, "no such verb", word);
        }
        return 0;
}

/* A word that cannot be read is told as JSON if there is a --json anywhere. */
static bool wants_json(char **words)
{
        for (; *words; words++)
                if (strcmp(*words, "--json") == 0)
                        return true;
        return false;
}

static int run(Ctl *ctl)
{
        const Verb *verb = ctl->verb;

        if (ctl->options.is_version) {
                (void)puts("genctl " GEND_VERSION);
                return CTL_EXIT_DONE;
        }
        if (ctl->options.is_help) {
                if (verb)
                        print_verb_help(stdout, verb);
                else
                        print_help(stdout);
                return CTL_EXIT_DONE;
        }
        if (!verb && ctl->options.is_json)
                return ctl_fail(ctl, CTL_EXIT_USAGE, "a verb is missing; see 'genctl help'");
        if (!verb) {
                print_help(stderr);
                return CTL_EXIT_USAGE;
        }
        if (ctl->arg_count < verb->args_min)
                return ctl_fail(ctl, CTL_EXIT_USAGE, "usage: genctl %s %s", verb->name,
                                verb->synopsis);
        if (ctl->arg_count > verb->args_max)
                return fail_usage(ctl, "one word too many", ctl->args[verb->args_max]);
        return verb->run(ctl);
}

/* What could not be written was not done. The rest, connection and memory, is the system's to take
 * back. */
static _Noreturn void leave(int status)
{
        if ((fflush(stdout) != 0 || ferror(stdout)) && status == CTL_EXIT_DONE) {
                if (errno != EPIPE)
                        (void)fprintf(stderr, "genctl: stdout: %s\n", strerror(errno));
                status = CTL_EXIT_FAILED;
        }
        _exit(status);
}

int main(int argc, char **argv)
{
        Ctl ctl = {.options = {.timeout_usec = USEC_INFINITY,
                               .interval_usec = INTERVAL_USEC,
                               .lines = 10}};
        Reader reader = {.ctl = &ctl, .words = argv + 1};
        int r;

        out_init();
        ctl.args = calloc((size_t)argc + 1, sizeof(*ctl.args));
        if (argc < 1 || !ctl.args)
                leave(CTL_EXIT_FAILED);
        if (argc > 1 && strcmp(argv[1], "--complete") == 0)
                leave(complete(&ctl, argv + 2, (size_t)argc - 2));
        ctl.options.is_json = wants_json(argv + 1);
        r = read_words(&reader);
        if (r != 0)
                leave(r);
        ctl.options.is_json = ctl.options.saw_json;
        leave(run(&ctl));
}
