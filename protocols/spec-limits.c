/*
 * Owns the bounds a process is put under: resource limits by the names of setrlimit(2), and cgroup.
 */

#include "protocols/spec-private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static_assert(SPAWN_RLIMITS >= RLIM_NLIMITS, "a place for each resource limit");

#define CPU_MAX_PERCENT 100000u /* a thousand CPUs */

/* rlim_t's infinity is the same number as "infinity" read as a size. */
static_assert(RLIM_INFINITY == UINT64_MAX, "infinity");

typedef struct LimitPair {
        uint64_t soft;
        uint64_t hard;
        bool has_soft;
        bool has_hard;
} LimitPair;

static void row_soft(SpecReader *reader, json_t *value, void *field)
{
        LimitPair *pair = field;

        pair->has_soft = spec_read_size(reader, value, true, &pair->soft);
}

static void row_hard(SpecReader *reader, json_t *value, void *field)
{
        LimitPair *pair = field;

        pair->has_hard = spec_read_size(reader, value, true, &pair->hard);
}

// clang-format off
static const SpecKey pair_keys[] = {
        { "soft", PLACE_PART, row_soft, 0 },
        { "hard", PLACE_PART, row_hard, 0 },
        { .name = NULL },
};
// clang-format on

static void read_limit(SpecReader *reader, json_t *value, ProcessSpec *process, size_t resource)
{
        LimitPair pair = {0};

        if (json_is_object(value)) {
                spec_read_object(reader, value, pair_keys, PLACE_PART, &pair);
                if (!json_object_get(value, "soft") || !json_object_get(value, "hard"))
                        spec_fault(reader, "expected both \"soft\" and \"hard\"");
        } else {
                pair.has_soft = pair.has_hard = spec_read_size(reader, value, true, &pair.soft);
                pair.hard = pair.soft;
        }
        if (!pair.has_soft || !pair.has_hard)
                return;
        if (pair.soft > pair.hard) {
                spec_fault(reader, "\"soft\" is above \"hard\": expected at most that");
                return;
        }
        process->limits[resource].is_set = true;
        process->limits[resource].soft = pair.soft;
        process->limits[resource].hard = pair.hard;
}

#define ROW_OF_LIMIT(resource, name)                                           \
        static void row_##name(SpecReader *reader, json_t *value, void *field) \
        {                                                                      \
                read_limit(reader, value, field, resource);                    \
        }

ROW_OF_LIMIT(RLIMIT_AS, as)
ROW_OF_LIMIT(RLIMIT_CORE, core)
ROW_OF_LIMIT(RLIMIT_CPU, cpu)
ROW_OF_LIMIT(RLIMIT_DATA, data)
ROW_OF_LIMIT(RLIMIT_FSIZE, fsize)
ROW_OF_LIMIT(RLIMIT_LOCKS, locks)
ROW_OF_LIMIT(RLIMIT_MEMLOCK, memlock)
ROW_OF_LIMIT(RLIMIT_MSGQUEUE, msgqueue)
ROW_OF_LIMIT(RLIMIT_NICE, nice)
ROW_OF_LIMIT(RLIMIT_NOFILE, nofile)
ROW_OF_LIMIT(RLIMIT_NPROC, nproc)
ROW_OF_LIMIT(RLIMIT_RSS, rss)
ROW_OF_LIMIT(RLIMIT_RTPRIO, rtprio)
ROW_OF_LIMIT(RLIMIT_RTTIME, rttime)
ROW_OF_LIMIT(RLIMIT_SIGPENDING, sigpending)
ROW_OF_LIMIT(RLIMIT_STACK, stack)

// clang-format off
static const SpecKey limit_keys[] = {
        { "as",         PLACE_PART, row_as,         0 },
        { "core",       PLACE_PART, row_core,       0 },
        { "cpu",        PLACE_PART, row_cpu,        0 },
        { "data",       PLACE_PART, row_data,       0 },
        { "fsize",      PLACE_PART, row_fsize,      0 },
        { "locks",      PLACE_PART, row_locks,      0 },
        { "memlock",    PLACE_PART, row_memlock,    0 },
        { "msgqueue",   PLACE_PART, row_msgqueue,   0 },
        { "nice",       PLACE_PART, row_nice,       0 },
        { "nofile",     PLACE_PART, row_nofile,     0 },
        { "nproc",      PLACE_PART, row_nproc,      0 },
        { "rss",        PLACE_PART, row_rss,        0 },
        { "rtprio",     PLACE_PART, row_rtprio,     0 },
        { "rttime",     PLACE_PART, row_rttime,     0 },
        { "sigpending", PLACE_PART, row_sigpending, 0 },
        { "stack",      PLACE_PART, row_stack,      0 },
        { .name = NULL },
};
// clang-format on

void spec_row_limits(SpecReader *reader, json_t *value, void *field)
{
        if (json_is_object(value))
                spec_read_object(reader, value, limit_keys, PLACE_PART, field);
        else
                spec_expected(reader, value,
                              "an object like { \"nofile\": 4096, \"core\": \"infinity\" }");
}

/* "infinity" is what is without the key: no limit, 0 in the struct. */
static bool read_maximum(SpecReader *reader, json_t *value, uint64_t *ret)
{
        uint64_t number;

        if (!spec_read_size(reader, value, true, &number))
                return false;
        if (number == 0) {
                spec_fault(reader, "0 leaves nothing to run with: expected more");
                return false;
        }
        *ret = number == UINT64_MAX ? 0 : number;
        return true;
}

static void row_memory_max(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;

        (void)read_maximum(reader, value, &process->memory_max);
}

static void row_pids_max(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;

        (void)read_maximum(reader, value, &process->pids_max);
}

/* Digits and a percent sign. Return: 0 for anything else. */
static unsigned long percent_of(const char *text)
{
        unsigned long percent = 0;

        for (; *text >= '0' && *text <= '9' && percent <= CPU_MAX_PERCENT; text++)
                percent = percent * 10 + (unsigned long)(*text - '0');
        return strcmp(text, "%") == 0 && percent <= CPU_MAX_PERCENT ? percent : 0;
}

static void row_cpu_max(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;
        unsigned long percent = 0;

        if (json_is_string(value)) {
                if (strcmp(json_string_value(value), "infinity") == 0) {
                        process->cpu_max_percent = 0;
                        return;
                }
                percent = percent_of(json_string_value(value));
        }
        if (percent == 0)
                spec_expected(
                        reader, value,
                        "a share of one CPU like \"50%\" (two CPUs are \"200%\") or \"infinity\"");
        else
                process->cpu_max_percent = (uint32_t)percent;
}

static void row_optional(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;

        spec_row_bool(reader, value, &process->cgroup_optional);
}

// clang-format off
static const SpecKey cgroup_keys[] = {
        { "memory_max", PLACE_PART, row_memory_max, 0 },
        { "pids_max",   PLACE_PART, row_pids_max,   0 },
        { "cpu_max",    PLACE_PART, row_cpu_max,    0 },
        { "optional",   PLACE_PART, row_optional,   0 },
        { .name = NULL },
};
// clang-format on

void spec_row_cgroup(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;

        if (!json_is_object(value)) {
                spec_expected(reader, value,
                              "an object like { \"memory_max\": \"512M\", \"pids_max\": 64 }");
                return;
        }
        process->has_cgroup = true;
        spec_read_object(reader, value, cgroup_keys, PLACE_PART, process);
}
