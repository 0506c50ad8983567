#pragma once
/*
 * The supervision decision, as Erlang/OTP takes it: a pure function from "who ended, and how" to a
 * plan. No I/O, no clock, no allocation; gend-supervisor carries plans out on OS processes,
 * workerlib the very same ones on actors.
 */

#include "base/usec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum Strategy {
        STRATEGY_NONE = 0,
        STRATEGY_ONE_FOR_ONE,
        STRATEGY_ONE_FOR_ALL,
        STRATEGY_REST_FOR_ONE,
        STRATEGY_SIMPLE_ONE_FOR_ONE,
        STRATEGY_COUNT
} Strategy;

typedef enum RestartType {
        RESTART_NONE = 0,
        RESTART_PERMANENT,
        RESTART_TRANSIENT,
        RESTART_TEMPORARY,
        RESTART_TYPE_COUNT
} RestartType;

typedef enum AutoShutdown {
        AUTO_SHUTDOWN_NONE = 0,
        AUTO_SHUTDOWN_NEVER,
        AUTO_SHUTDOWN_ANY_SIGNIFICANT,
        AUTO_SHUTDOWN_ALL_SIGNIFICANT,
        AUTO_SHUTDOWN_COUNT
} AutoShutdown;

/* What an end counts as. */
typedef enum ExitClass {
        EXIT_CLASS_NONE = 0,
        EXIT_CLASS_NORMAL,   /* normal */
        EXIT_CLASS_SHUTDOWN, /* shutdown, {shutdown,_} */
        EXIT_CLASS_ABNORMAL, /* anything else */
        EXIT_CLASS_START,    /* a restart attempt that failed: always tried again */
        EXIT_CLASS_COUNT
} ExitClass;

/* Names as they stand in the tree file and in JSON; NULL for what is none. Lookups: NONE when
 * unknown. */
const char *strategy_name(Strategy strategy);
Strategy strategy_from_name(const char *name);
const char *restart_type_name(RestartType restart);
RestartType restart_type_from_name(const char *name);
const char *auto_shutdown_name(AutoShutdown mode);
AutoShutdown auto_shutdown_from_name(const char *name);
const char *exit_class_name(ExitClass how);

/* One child as the decision sees it, in start order. */
typedef struct PolicyChild {
        RestartType restart;
        bool is_significant;
        bool is_active; /* up, starting, stopping or waiting for its restart: not stopped or
                           finished */
} PolicyChild;

typedef struct PolicyInput {
        Strategy strategy;
        AutoShutdown auto_shutdown;
        const PolicyChild *children; /* borrowed; in start order */
        size_t child_count;
        size_t ended; /* index of the one that ended */
        ExitClass how;
        bool has_budget; /* one more restart is within intensity and max_failures */
} PolicyInput;

typedef enum PlanKind {
        PLAN_NONE = 0,
        PLAN_KEEP,     /* nothing: the child is listed as finished */
        PLAN_DROP,     /* nothing: the child's specification goes (temporary, or dynamic) */
        PLAN_RESTART,  /* stop [first, last] in reverse order, then start it in order */
        PLAN_SHUTDOWN, /* auto_shutdown: stop all in reverse order and end with reason shutdown */
        PLAN_GIVE_UP,  /* the budget is used up: the same */
        PLAN_KIND_COUNT
} PlanKind;

/* A value that a test can print. For PLAN_RESTART the range includes the one that ended; of the
 * others in it, temporary ones are stopped and dropped, all else is started again, stopped and
 * finished ones too (SUP-047, 048, 052). */
typedef struct Plan {
        PlanKind kind;
        size_t first;
        size_t last;
} Plan;

/* policy_wants_restart() - the restart type's answer alone; the budget is only asked for then. */
bool policy_wants_restart(RestartType restart, ExitClass how);

/**
 * policy_decide() - what is to be done about one end
 *
 * Ends of children that were being stopped on request never come here.
 *
 * Context: any; pure.
 */
Plan policy_decide(const PolicyInput *input);

const char *plan_kind_name(PlanKind kind);
