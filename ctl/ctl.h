#pragma once
/*
 * What the verbs of genctl share: the command line as read, the exit statuses, and requests whose
 * failures are told to the user on the spot. A verb is a function from Ctl to an exit status; what
 * returns "int status" here is 0 or such a status, and then the reason is on stderr already.
 *
 * Context: one thread; a program that ends soon: what lives as long as it does is not freed.
 */

#include "base/cleanup.h"
#include "base/usec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CtlExit {
        CTL_EXIT_DONE = 0,
        CTL_EXIT_FAILED = 1,
        CTL_EXIT_USAGE = 2,
        CTL_EXIT_NOT_RUNNING = 3, /* status of something that is not */
        CTL_EXIT_NO_PATH = 4,
        CTL_EXIT_UNREACHABLE = 5, /* gend is not there, or refused the caller */
        CTL_EXIT_TIMED_OUT = 6,
} CtlExit;

struct Verb;

typedef struct CtlOptions {
        const char *socket;
        const char *signal;
        usec_t timeout_usec; /* USEC_INFINITY: none */
        bool has_timeout;
        bool is_json;
        bool saw_json; /* is_json is a guess before all words are read */
        bool is_help;
        bool is_version;
        bool no_wait;
        bool is_dry_run;
        bool is_follow;
        bool has_since;
        bool has_lines;
        json_int_t since;
        json_int_t lines;
        usec_t interval_usec;
} CtlOptions;

typedef struct Ctl {
        const struct Verb *verb;
        CtlOptions options;
        const char **args; /* words after the verb that are no options */
        size_t arg_count;
        char *socket_path;
        struct Client *client; /* NULL before the first request */
        unsigned last_id;
} Ctl;

/* ---------------------------------------------------------------------------------- requests */

typedef enum CtlCallFlag {
        CTL_CALL_REPEATABLE = 1u << 0, /* does no harm if it is carried out twice */
        CTL_CALL_WAITS = 1u << 1,      /* takes its time: no time-out by default, and timeout_ms */
        CTL_CALL_QUIET = 1u << 2,      /* failures are not told */
} CtlCallFlag;

/* ctl_deadline() - when a request that starts now times out; USEC_INFINITY: never. */
usec_t ctl_deadline(const Ctl *ctl, unsigned flags);

/**
 * ctl_call() - one request and its result
 * @take_params: an object, taken; NULL: {}
 * @flags:       CtlCallFlag
 * @ret_result:  json_decref() it; NULL if not wanted
 *
 * Return: 0 or a CtlExit.
 */
int ctl_call(Ctl *ctl, const char *method, json_t *take_params, unsigned flags,
             json_t **ret_result);

/* ctl_call_until() - the same with a deadline of its own. */
int ctl_call_until(Ctl *ctl, const char *method, json_t *take_params, unsigned flags,
                   usec_t deadline_usec, json_t **ret_result);

/* ctl_begin(), ctl_end() - the same in two steps, for several at once. */
typedef struct CtlCall CtlCall;
int ctl_begin(Ctl *ctl, const char *method, json_t *take_params, unsigned flags,
              CtlCall **ret_call);
int ctl_end(CtlCall **take_call, usec_t deadline_usec, json_t **ret_result);

/* ctl_connect() - makes ctl->client, if there is none yet. ctl_call() does that too. */
int ctl_connect(Ctl *ctl);

/* ------------------------------------------------------------------------------------ errors */

/* ctl_fail() - tells "genctl: TEXT", or a JSON object with --json. Return: @status. */
int ctl_fail(const Ctl *ctl, int status, const char *format, ...) _printf_(3, 4);

/* ctl_fail_with() - the same with further members for "data"; @take_data may be NULL. */
int ctl_fail_with(const Ctl *ctl, int status, json_t *take_data, const char *format, ...)
        _printf_(4, 5);

/* ctl_fail_reply() - tells the error object of a reply. Return: its exit status. */
int ctl_fail_reply(const Ctl *ctl, const json_t *error);

/* ctl_fail_memory() - there is none left. Return: CTL_EXIT_FAILED. */
int ctl_fail_memory(const Ctl *ctl);

/* ---------------------------------------------------------------------------------- members */

/* Of objects that came from outside: a member of another type counts as missing. */
const char *get_text(const json_t *object, const char *key); /* NULL */
const char *get_text_or(const json_t *object, const char *key, const char *missing);
json_int_t get_int(const json_t *object, const char *key); /* 0 */
bool get_bool(const json_t *object, const char *key);      /* false */
bool has_int(const json_t *object, const char *key);

/* print_json() - a result on stdout: on a terminal for people, otherwise in one line. */
void print_json(const json_t *value);

/* print_json_line() - in one line in any case, and at once. */
void print_json_line(const json_t *value);
