/*
 * Owns what the shell may suggest: verbs and options from the tables, paths and names from gend, if
 * it answers at once. Says nothing else, whatever goes wrong. Called by main.c for the completion
 * scripts.
 */

#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/verbs.h"

#define COMPLETE_USEC (500 * USEC_PER_MSEC)

static void suggest(const char *word, const char *begin)
{
        if (word && strncmp(word, begin, strlen(begin)) == 0 && !strpbrk(word, "\n\r\t "))
                (void)puts(word);
}

static void suggest_tree(const json_t *node, const char *begin)
{
        const json_t *child;
        size_t i;

        suggest(get_text(node, "path"), begin);
        json_array_foreach(json_object_get(node, "children"), i, child) suggest_tree(child, begin);
}

static void suggest_from_gend(Ctl *ctl, VerbWords words, const char *begin)
{
        json_auto_t *tree = NULL;
        const json_t *app;
        size_t i;

        if (ctl_connect(ctl) != 0)
                return;
        client_set_patience(ctl->client, 0);
        if (ctl_call_until(ctl, "tree", NULL, CTL_CALL_REPEATABLE | CTL_CALL_QUIET,
                           usec_add(now_usec(), COMPLETE_USEC), &tree) != 0)
                return;
        json_array_foreach(json_object_get(tree, "applications"), i, app)
        {
                if (words == WORDS_APP)
                        suggest(get_text(app, "name"), begin);
                else
                        suggest_tree(app, begin);
        }
}

static void suggest_options(const Verb *verb, const char *begin)
{
        char option[64];

        for (size_t i = 0; i < option_rows_count; i++) {
                const OptionRow *row = &option_rows[i];

                if (row->verb_option && !(verb && (verb->options & row->verb_option)))
                        continue;
                (void)snprintf(option, sizeof(option), "--%s", row->name);
                suggest(option, begin);
        }
}

/* Finds the verb, the socket, and how many words follow the verb before the last. */
static const Verb *read_line(Ctl *ctl, char *const words[], size_t count, size_t *ret_words)
{
        const Verb *verb = NULL;

        *ret_words = 0;
        for (size_t i = 0; i + 1 < count; i++) {
                bool has_value = i + 2 < count;

                if (strcmp(words[i], "--socket") == 0 && has_value)
                        ctl->options.socket = words[++i];
                else if (strcmp(words[i], "--timeout") == 0 && has_value)
                        i++;
                else if (words[i][0] == '-')
                        continue;
                else if (verb)
                        ++*ret_words;
                else
                        verb = verb_find(words[i]);
        }
        return verb;
}

int complete(Ctl *ctl, char *const words[], size_t count)
{
        const char *begin = count > 0 ? words[count - 1] : "";
        const Verb *verb;
        size_t before;

        verb = read_line(ctl, words, count, &before);
        if (begin[0] == '-') {
                suggest_options(verb, begin);
                return CTL_EXIT_DONE;
        }
        if (!verb || verb->words == WORDS_VERB) {
                for (size_t i = 0; i < verbs_count; i++)
                        suggest(verbs[i].name, begin);
                return CTL_EXIT_DONE;
        }
        if (verb->words == WORDS_APP && before == 0) {
                suggest("start", begin);
                suggest("stop", begin);
                suggest("info", begin);
        } else if (verb->words == WORDS_APP ||
                   (verb->words == WORDS_PATH && (before == 0 || verb->args_max == VERB_MANY))) {
                suggest_from_gend(ctl, verb->words, begin);
        }
        return CTL_EXIT_DONE;
}
