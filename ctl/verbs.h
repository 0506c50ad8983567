#pragma once
/*
 * The verbs of genctl as rows of a table: the command line is read by it, and --help, the
 * completion and the test of the man page are made from it.
 */

#include "ctl/ctl.h"

/* Options beside the global ones that a verb takes. */
typedef enum VerbOption {
        VERB_NO_WAIT = 1u << 0,
        VERB_SIGNAL = 1u << 1,
        VERB_DRY_RUN = 1u << 2,
        VERB_FOLLOW = 1u << 3,
        VERB_SINCE = 1u << 4,
        VERB_LINES = 1u << 5,
        VERB_INTERVAL = 1u << 6,
} VerbOption;

/* What its words are; for the completion. */
typedef enum VerbWords {
        WORDS_NONE = 0,
        WORDS_PATH,
        WORDS_FILE,
        WORDS_APP, /* start|stop|info NAME */
        WORDS_VERB,
        WORDS_METHOD,
        WORDS_ACTOR,
} VerbWords;

#define VERB_MANY UINT32_MAX

typedef struct Verb {
        const char *name;
        const char *synopsis; /* after the name; "" for none */
        const char *summary;
        uint32_t args_min;
        uint32_t args_max;
        uint32_t verbatim_from; /* words from this one on are no options, whatever they look like;
                                   0: none */
        unsigned options;       /* VerbOption */
        VerbWords words;
        int (*run)(Ctl *ctl); /* Return: CtlExit */
} Verb;

extern const Verb verbs[];
extern const size_t verbs_count;

/* verb_find() - NULL if there is none of that name. */
const Verb *verb_find(const char *name);

typedef struct OptionRow {
        const char *name;     /* without -- */
        char letter;          /* 0: none */
        const char *value;    /* what it takes, "PATH"; NULL: nothing */
        unsigned verb_option; /* VerbOption, or 0: global */
        const char *summary;
        /* Return: 0, or -EINVAL for a wrong @value. */
        int (*set)(CtlOptions *options, const char *value);
} OptionRow;

extern const OptionRow option_rows[];
extern const size_t option_rows_count;

/* print_help() - all verbs; print_verb_help() - one. */
void print_help(FILE *file);
void print_verb_help(FILE *file, const Verb *verb);

/* complete() - candidates for the last of @words, a line each: what follows "genctl" on a command
 * line. Return: CTL_EXIT_DONE. */
int complete(Ctl *ctl, char *const words[], size_t count);

int verb_add(Ctl *ctl);
int verb_app(Ctl *ctl);
int verb_apps(Ctl *ctl);
int verb_call(Ctl *ctl);
int verb_cast(Ctl *ctl);
int verb_check(Ctl *ctl);
int verb_delete(Ctl *ctl);
int verb_events(Ctl *ctl);
int verb_help(Ctl *ctl);
int verb_info(Ctl *ctl);
int verb_kill(Ctl *ctl);
int verb_list(Ctl *ctl);
int verb_logs(Ctl *ctl);
int verb_nodes(Ctl *ctl);
int verb_ping(Ctl *ctl);
int verb_reload(Ctl *ctl);
int verb_restart(Ctl *ctl);
int verb_rpc(Ctl *ctl);
int verb_send(Ctl *ctl);
int verb_shutdown(Ctl *ctl);
int verb_spawn(Ctl *ctl);
int verb_start(Ctl *ctl);
int verb_status(Ctl *ctl);
int verb_stop(Ctl *ctl);
int verb_top(Ctl *ctl);
int verb_tree(Ctl *ctl);
int verb_version(Ctl *ctl);
