/*
 * Owns the table of the tree file's keys, which key stands where and who reads it, and the readers
 * of those that concern supervision. A key that is not in the table is unknown.
 */

#include "protocols/spec-private.h"

#include <stdlib.h>
#include <string.h>

#define FACTOR_MAX 1000.0

static const Backoff backoff_default = {
        .is_set = true,
        .initial_usec = 100 * USEC_PER_MSEC,
        .max_usec = 30 * USEC_PER_SEC,
        .factor = 2,
        .jitter = 0.1,
        .reset_usec = 60 * USEC_PER_SEC,
};

static void row_start(SpecReader *reader, json_t *value, void *field)
{
        static const char *const words[] = {NULL, "permanent", "transient", "temporary"};
        unsigned word = spec_read_word(reader, value, words, ARRAY_LEN(words));

        if (word > 0)
                *(StartType *)field = (StartType)word;
}

static void row_strategy(SpecReader *reader, json_t *value, void *field)
{
        const char *words[STRATEGY_COUNT];
        unsigned word;

        for (unsigned i = 0; i < STRATEGY_COUNT; i++)
                words[i] = strategy_name((Strategy)i);
        word = spec_read_word(reader, value, words, STRATEGY_COUNT);
        if (word > 0)
                *(Strategy *)field = (Strategy)word;
}

static void row_auto_shutdown(SpecReader *reader, json_t *value, void *field)
{
        const char *words[AUTO_SHUTDOWN_COUNT];
        unsigned word;

        for (unsigned i = 0; i < AUTO_SHUTDOWN_COUNT; i++)
                words[i] = auto_shutdown_name((AutoShutdown)i);
        word = spec_read_word(reader, value, words, AUTO_SHUTDOWN_COUNT);
        if (word > 0)
                *(AutoShutdown *)field = (AutoShutdown)word;
}

static void row_restart(SpecReader *reader, json_t *value, void *field)
{
        const char *words[RESTART_TYPE_COUNT];
        unsigned word;

        for (unsigned i = 0; i < RESTART_TYPE_COUNT; i++)
                words[i] = restart_type_name((RestartType)i);
        word = spec_read_word(reader, value, words, RESTART_TYPE_COUNT);
        if (word > 0)
                *(RestartType *)field = (RestartType)word;
}

static void row_shutdown(SpecReader *reader, json_t *value, void *field)
{
        ChildSpec *child = field;
        usec_t usec;

        if (json_is_string(value) && strcmp(json_string_value(value), "brutal_kill") == 0) {
                child->is_brutal = true;
                child->shutdown_usec = 0;
        } else if ((json_is_string(value) &&
                    duration_parse(json_string_value(value), &usec) == 0) ||
                   json_is_number(value)) {
                (void)spec_read_duration(reader, value, DURATION_ZERO | DURATION_INFINITY,
                                         &child->shutdown_usec);
        } else {
                spec_expected(reader, value,
                              "\"brutal_kill\", \"infinity\" or a duration like \"5s\" or 5");
        }
}

static void row_factor(SpecReader *reader, json_t *value, void *field)
{
        (void)spec_read_real(reader, value, 1, FACTOR_MAX, field);
}

static void row_jitter(SpecReader *reader, json_t *value, void *field)
{
        (void)spec_read_real(reader, value, 0, 1, field);
}

// clang-format off
static const SpecKey backoff_keys[] = {
        { "initial", PLACE_PART, spec_row_period, offsetof(Backoff, initial_usec) },
        { "max",     PLACE_PART, spec_row_period, offsetof(Backoff, max_usec) },
        { "factor",  PLACE_PART, row_factor,      offsetof(Backoff, factor) },
        { "jitter",  PLACE_PART, row_jitter,      offsetof(Backoff, jitter) },
        { "reset",   PLACE_PART, spec_row_period, offsetof(Backoff, reset_usec) },
        { .name = NULL },
};
// clang-format on

static void row_backoff(SpecReader *reader, json_t *value, void *field)
{
        Backoff *backoff = field;

        if (!json_is_object(value)) {
                spec_expected(reader, value,
                              "an object like { \"initial\": \"100ms\", \"max\": \"30s\" }");
                return;
        }
        *backoff = backoff_default;
        spec_read_object(reader, value, backoff_keys, PLACE_PART, backoff);
        if (backoff->initial_usec <= backoff->max_usec)
                return;
        if (json_object_get(value, "max"))
                spec_fault_at_key(reader, "max", "less than \"initial\": expected at least that");
        else
                backoff->max_usec = backoff->initial_usec;
}

static void row_requires(SpecReader *reader, json_t *value, void *field)
{
        char **required;
        size_t count = 0, index;
        json_t *name;

        if (!json_is_array(value)) {
                spec_expected(reader, value, "a list of names of applications");
                return;
        }
        required = spec_calloc(reader, json_array_size(value) + 1, sizeof(required[0]));
        if (!required)
                return;
        json_array_foreach(value, index, name)
        {
                size_t mark = spec_path_enter_index(&reader->path, index);
                const char *text;

                if (spec_read_string(reader, name, "the name of an application", &text)) {
                        required[count] = spec_strdup(reader, text);
                        count += required[count] != NULL;
                }
                spec_path_leave(&reader->path, mark);
        }
        free(*(char ***)field);
        *(char ***)field = required;
}

static void row_behaviour(SpecReader *reader, json_t *value, void *field)
{
        const char *text;

        (void)field; /* the worker reads it in the list of actors */
        if (spec_read_string(reader, value, "the name of a behaviour that the worker registers",
                             &text) &&
            !*text)
                spec_fault(reader, "expected the name of a behaviour, found an empty string");
}

#define AT(field)      offsetof(NodeSpec, field)
#define PROCESS(field) offsetof(NodeSpec, process.field)

// clang-format off
const SpecKey spec_node_keys[] = {
        { "name",              PLACE_APPLICATION | PLACE_CHILD | PLACE_ACTOR, spec_row_name, AT(name) },
        { "env",               PLACE_APPLICATION | PLACE_CHILD, spec_row_env,  AT(env) },
        { "autostart",         PLACE_APPLICATION | PLACE_CHILD, spec_row_bool, AT(child.is_autostart) },

        { "version",           PLACE_APPLICATION, spec_row_text,         AT(app.version) },
        { "description",       PLACE_APPLICATION, spec_row_text,         AT(app.description) },
        { "start",             PLACE_APPLICATION, row_start,             AT(app.start) },
        { "requires",          PLACE_APPLICATION, row_requires,          AT(app.required) },
        { "lifespan",          PLACE_APPLICATION, spec_row_timeout,      AT(app.lifespan_usec) },

        { "strategy",          PLACE_PARENT,      row_strategy,          AT(supervisor.strategy) },
        { "intensity",         PLACE_PARENT,      spec_row_count,        AT(supervisor.intensity) },
        { "period",            PLACE_PARENT,      spec_row_period,       AT(supervisor.period_usec) },
        { "max_failures",      PLACE_PARENT,      spec_row_count,        AT(supervisor.max_failures) },
        { "auto_shutdown",     PLACE_PARENT,      row_auto_shutdown,     AT(supervisor.auto_shutdown) },
        { "children",          PLACE_APPLICATION | PLACE_SUPERVISOR, NULL, 0 },
        { "actors",            PLACE_WORKER,      NULL,                  0 },

        { "restart",           PLACE_CHILD | PLACE_ACTOR, row_restart,   AT(child.restart) },
        { "significant",       PLACE_CHILD | PLACE_ACTOR, spec_row_bool, AT(child.is_significant) },
        { "shutdown",          PLACE_CHILD | PLACE_ACTOR, row_shutdown,  AT(child) },
        { "backoff",           PLACE_CHILD,       row_backoff,           AT(child.backoff) },

        { "behaviour",         PLACE_ACTOR,       row_behaviour,         0 },
        { "args",              PLACE_ACTOR,       NULL,                  0 },

        { "exec",              PLACE_EXEC,        spec_row_exec,         AT(process) },
        { "worker",            PLACE_WORKER,      spec_row_worker,       AT(process) },
        { "instances",         PLACE_PROCESS,     spec_row_instances,    PROCESS(instances) },
        { "ready",             PLACE_PROCESS,     spec_row_ready,        PROCESS(ready) },
        { "start_timeout",     PLACE_PROCESS,     spec_row_timeout,      PROCESS(start_timeout_usec) },
        { "watchdog",          PLACE_PROCESS,     spec_row_period,       PROCESS(watchdog_usec) },
        { "stop_signal",       PLACE_PROCESS,     spec_row_stop_signal,  PROCESS(stop_signal) },
        { "success_exit",      PLACE_PROCESS,     spec_row_success_exit, AT(process) },
        { "cwd",               PLACE_PROCESS,     spec_row_cwd,          PROCESS(cwd) },
        { "user",              PLACE_PROCESS,     spec_row_user,         AT(process) },
        { "group",             PLACE_PROCESS,     spec_row_group,        AT(process) },
        { "umask",             PLACE_PROCESS,     spec_row_umask,        PROCESS(umask) },
        { "nice",              PLACE_PROCESS,     spec_row_nice,         PROCESS(nice) },
        { "no_new_privileges", PLACE_PROCESS,     spec_row_bool,         PROCESS(no_new_privileges) },
        { "limits",            PLACE_PROCESS,     spec_row_limits,       AT(process) },
        { "cgroup",            PLACE_PROCESS,     spec_row_cgroup,       AT(process) },
        { "stdout",            PLACE_PROCESS,     spec_row_stdout,       AT(process) },
        { "stderr",            PLACE_PROCESS,     spec_row_stderr,       AT(process) },
        { "sockets",           PLACE_PROCESS,     spec_row_sockets,      AT(process) },
        { .name = NULL },
};
// clang-format on
