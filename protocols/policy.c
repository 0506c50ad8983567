/*
 * Owns the supervision decision and the names of its words. Refuses I/O, clocks and memory. Called
 * by gend-supervisor for OS processes and by workerlib for actors, who carry the same plans out.
 */

#include "protocols/policy.h"

#include "base/cleanup.h"

#include <assert.h>
#include <string.h>

// clang-format off
static const char *const strategy_names[STRATEGY_COUNT] = {
        [STRATEGY_ONE_FOR_ONE]        = "one_for_one",
        [STRATEGY_ONE_FOR_ALL]        = "one_for_all",
        [STRATEGY_REST_FOR_ONE]       = "rest_for_one",
        [STRATEGY_SIMPLE_ONE_FOR_ONE] = "simple_one_for_one",
};

static const char *const restart_names[RESTART_TYPE_COUNT] = {
        [RESTART_PERMANENT] = "permanent",
        [RESTART_TRANSIENT] = "transient",
        [RESTART_TEMPORARY] = "temporary",
};

static const char *const auto_shutdown_names[AUTO_SHUTDOWN_COUNT] = {
        [AUTO_SHUTDOWN_NEVER]           = "never",
        [AUTO_SHUTDOWN_ANY_SIGNIFICANT] = "any_significant",
        [AUTO_SHUTDOWN_ALL_SIGNIFICANT] = "all_significant",
};

static const char *const exit_class_names[EXIT_CLASS_COUNT] = {
        [EXIT_CLASS_NORMAL]   = "normal",
        [EXIT_CLASS_SHUTDOWN] = "shutdown",
        [EXIT_CLASS_ABNORMAL] = "abnormal",
        [EXIT_CLASS_START]    = "start",
};

static const char *const plan_names[PLAN_KIND_COUNT] = {
        [PLAN_NONE]     = "none",
        [PLAN_KEEP]     = "keep",
        [PLAN_DROP]     = "drop",
        [PLAN_RESTART]  = "restart",
        [PLAN_SHUTDOWN] = "shutdown",
        [PLAN_GIVE_UP]  = "give_up",
};

/* By exit class: none, normal, shutdown, abnormal, start. */
static const bool wants_restart[RESTART_TYPE_COUNT][EXIT_CLASS_COUNT] = {
        [RESTART_PERMANENT] = { false, true,  true,  true,  true },
        [RESTART_TRANSIENT] = { false, false, false, true,  true },
        [RESTART_TEMPORARY] = { false, false, false, false, false },
};
// clang-format on

static const char *name_of(const char *const names[], size_t count, size_t value)
{
        return value < count ? names[value] : NULL;
}

/* Place 0 is NONE and never found, for it has no name. */
static unsigned value_of(const char *const names[], unsigned count, const char *name)
{
        for (unsigned i = 1; name && i < count; i++)
                if (strcmp(names[i], name) == 0)
                        return i;
        return 0;
}

const char *strategy_name(Strategy strategy)
{
        return name_of(strategy_names, STRATEGY_COUNT, strategy);
}

Strategy strategy_from_name(const char *name)
{
        return (Strategy)value_of(strategy_names, STRATEGY_COUNT, name);
}

const char *restart_type_name(RestartType restart)
{
        return name_of(restart_names, RESTART_TYPE_COUNT, restart);
}

RestartType restart_type_from_name(const char *name)
{
        return (RestartType)value_of(restart_names, RESTART_TYPE_COUNT, name);
}

const char *auto_shutdown_name(AutoShutdown mode)
{
        return name_of(auto_shutdown_names, AUTO_SHUTDOWN_COUNT, mode);
}

AutoShutdown auto_shutdown_from_name(const char *name)
{
        return (AutoShutdown)value_of(auto_shutdown_names, AUTO_SHUTDOWN_COUNT, name);
}

const char *exit_class_name(ExitClass how)
{
        return name_of(exit_class_names, EXIT_CLASS_COUNT, how);
}

const char *plan_kind_name(PlanKind kind)
{
        return name_of(plan_names, PLAN_KIND_COUNT, kind);
}

bool policy_wants_restart(RestartType restart, ExitClass how)
{
        assert(restart > RESTART_NONE && restart < RESTART_TYPE_COUNT);
        assert(how > EXIT_CLASS_NONE && how < EXIT_CLASS_COUNT);

        return wants_restart[restart][how];
}

static bool is_last_significant(const PolicyInput *input)
{
        for (size_t i = 0; i < input->child_count; i++)
                if (i != input->ended && input->children[i].is_significant &&
                    input->children[i].is_active)
                        return false;
        return true;
}

/* The child ended for good: does its supervisor end with it? */
static bool ends_supervisor(const PolicyInput *input)
{
        if (!input->children[input->ended].is_significant)
                return false;

        switch (input->auto_shutdown) {
        case AUTO_SHUTDOWN_ANY_SIGNIFICANT:
                return true;
        case AUTO_SHUTDOWN_ALL_SIGNIFICANT:
                return is_last_significant(input);
        case AUTO_SHUTDOWN_NONE:
        case AUTO_SHUTDOWN_NEVER:
        case AUTO_SHUTDOWN_COUNT:
                break;
        }
        return false;
}

static Plan plan_of_all(const PolicyInput *input, PlanKind kind)
{
        return (Plan){.kind = kind, .first = 0, .last = input->child_count - 1};
}

static Plan plan_of_one(const PolicyInput *input, PlanKind kind)
{
        return (Plan){.kind = kind, .first = input->ended, .last = input->ended};
}

static Plan plan_restart(const PolicyInput *input)
{
        switch (input->strategy) {
        case STRATEGY_ONE_FOR_ALL:
                return plan_of_all(input, PLAN_RESTART);
        case STRATEGY_REST_FOR_ONE:
                return (Plan){
                        .kind = PLAN_RESTART,
                        .first = input->ended,
                        .last = input->child_count - 1,
                };
        case STRATEGY_NONE:
        case STRATEGY_ONE_FOR_ONE:
        case STRATEGY_SIMPLE_ONE_FOR_ONE:
        case STRATEGY_COUNT:
                break;
        }
        return plan_of_one(input, PLAN_RESTART);
}

Plan policy_decide(const PolicyInput *input)
{
        const PolicyChild *child;

        assert(input->strategy > STRATEGY_NONE && input->strategy < STRATEGY_COUNT);
        assert(input->ended < input->child_count);

        child = &input->children[input->ended];
        if (policy_wants_restart(child->restart, input->how))
                return input->has_budget ? plan_restart(input) : plan_of_all(input, PLAN_GIVE_UP);
        if (ends_supervisor(input))
                return plan_of_all(input, PLAN_SHUTDOWN);
        if (child->restart == RESTART_TEMPORARY || input->strategy == STRATEGY_SIMPLE_ONE_FOR_ONE)
                return plan_of_one(input, PLAN_DROP);
        return plan_of_one(input, PLAN_KEEP);
}
