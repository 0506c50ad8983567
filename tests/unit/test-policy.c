/*
 * The supervision decision: the matrix strategy by restart type by exit class as data, the rows of
 * auto_shutdown, and what must hold for any input.
 */

#include "protocols/policy.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"

typedef struct MatrixRow {
        Strategy strategy;
        RestartType restart;
        ExitClass how;
        PlanKind kind;
        size_t first;
        size_t last;
} MatrixRow;

/* Four children, number 1 ends, the budget is not used up. */
// clang-format off
static const MatrixRow matrix[] = {
        { STRATEGY_ONE_FOR_ONE,        RESTART_PERMANENT,   EXIT_CLASS_NORMAL,    PLAN_RESTART, 1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_PERMANENT,   EXIT_CLASS_SHUTDOWN,  PLAN_RESTART, 1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_PERMANENT,   EXIT_CLASS_ABNORMAL,  PLAN_RESTART, 1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_PERMANENT,   EXIT_CLASS_START,     PLAN_RESTART, 1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_TRANSIENT,   EXIT_CLASS_NORMAL,    PLAN_KEEP,    1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_TRANSIENT,   EXIT_CLASS_SHUTDOWN,  PLAN_KEEP,    1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_TRANSIENT,   EXIT_CLASS_ABNORMAL,  PLAN_RESTART, 1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_TRANSIENT,   EXIT_CLASS_START,     PLAN_RESTART, 1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_TEMPORARY,   EXIT_CLASS_NORMAL,    PLAN_DROP,    1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_TEMPORARY,   EXIT_CLASS_SHUTDOWN,  PLAN_DROP,    1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_TEMPORARY,   EXIT_CLASS_ABNORMAL,  PLAN_DROP,    1, 1 },
        { STRATEGY_ONE_FOR_ONE,        RESTART_TEMPORARY,   EXIT_CLASS_START,     PLAN_DROP,    1, 1 },

        { STRATEGY_ONE_FOR_ALL,        RESTART_PERMANENT,   EXIT_CLASS_NORMAL,    PLAN_RESTART, 0, 3 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_PERMANENT,   EXIT_CLASS_SHUTDOWN,  PLAN_RESTART, 0, 3 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_PERMANENT,   EXIT_CLASS_ABNORMAL,  PLAN_RESTART, 0, 3 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_PERMANENT,   EXIT_CLASS_START,     PLAN_RESTART, 0, 3 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_TRANSIENT,   EXIT_CLASS_NORMAL,    PLAN_KEEP,    1, 1 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_TRANSIENT,   EXIT_CLASS_SHUTDOWN,  PLAN_KEEP,    1, 1 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_TRANSIENT,   EXIT_CLASS_ABNORMAL,  PLAN_RESTART, 0, 3 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_TRANSIENT,   EXIT_CLASS_START,     PLAN_RESTART, 0, 3 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_TEMPORARY,   EXIT_CLASS_NORMAL,    PLAN_DROP,    1, 1 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_TEMPORARY,   EXIT_CLASS_SHUTDOWN,  PLAN_DROP,    1, 1 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_TEMPORARY,   EXIT_CLASS_ABNORMAL,  PLAN_DROP,    1, 1 },
        { STRATEGY_ONE_FOR_ALL,        RESTART_TEMPORARY,   EXIT_CLASS_START,     PLAN_DROP,    1, 1 },

        { STRATEGY_REST_FOR_ONE,       RESTART_PERMANENT,   EXIT_CLASS_NORMAL,    PLAN_RESTART, 1, 3 },
        { STRATEGY_REST_FOR_ONE,       RESTART_PERMANENT,   EXIT_CLASS_SHUTDOWN,  PLAN_RESTART, 1, 3 },
        { STRATEGY_REST_FOR_ONE,       RESTART_PERMANENT,   EXIT_CLASS_ABNORMAL,  PLAN_RESTART, 1, 3 },
        { STRATEGY_REST_FOR_ONE,       RESTART_PERMANENT,   EXIT_CLASS_START,     PLAN_RESTART, 1, 3 },
        { STRATEGY_REST_FOR_ONE,       RESTART_TRANSIENT,   EXIT_CLASS_NORMAL,    PLAN_KEEP,    1, 1 },
        { STRATEGY_REST_FOR_ONE,       RESTART_TRANSIENT,   EXIT_CLASS_SHUTDOWN,  PLAN_KEEP,    1, 1 },
        { STRATEGY_REST_FOR_ONE,       RESTART_TRANSIENT,   EXIT_CLASS_ABNORMAL,  PLAN_RESTART, 1, 3 },
        { STRATEGY_REST_FOR_ONE,       RESTART_TRANSIENT,   EXIT_CLASS_START,     PLAN_RESTART, 1, 3 },
        { STRATEGY_REST_FOR_ONE,       RESTART_TEMPORARY,   EXIT_CLASS_NORMAL,    PLAN_DROP,    1, 1 },
        { STRATEGY_REST_FOR_ONE,       RESTART_TEMPORARY,   EXIT_CLASS_SHUTDOWN,  PLAN_DROP,    1, 1 },
        { STRATEGY_REST_FOR_ONE,       RESTART_TEMPORARY,   EXIT_CLASS_ABNORMAL,  PLAN_DROP,    1, 1 },
        { STRATEGY_REST_FOR_ONE,       RESTART_TEMPORARY,   EXIT_CLASS_START,     PLAN_DROP,    1, 1 },

        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_PERMANENT,   EXIT_CLASS_NORMAL,    PLAN_RESTART, 1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_PERMANENT,   EXIT_CLASS_SHUTDOWN,  PLAN_RESTART, 1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_PERMANENT,   EXIT_CLASS_ABNORMAL,  PLAN_RESTART, 1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_PERMANENT,   EXIT_CLASS_START,     PLAN_RESTART, 1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_TRANSIENT,   EXIT_CLASS_NORMAL,    PLAN_DROP,    1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_TRANSIENT,   EXIT_CLASS_SHUTDOWN,  PLAN_DROP,    1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_TRANSIENT,   EXIT_CLASS_ABNORMAL,  PLAN_RESTART, 1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_TRANSIENT,   EXIT_CLASS_START,     PLAN_RESTART, 1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_TEMPORARY,   EXIT_CLASS_NORMAL,    PLAN_DROP,    1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_TEMPORARY,   EXIT_CLASS_SHUTDOWN,  PLAN_DROP,    1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_TEMPORARY,   EXIT_CLASS_ABNORMAL,  PLAN_DROP,    1, 1 },
        { STRATEGY_SIMPLE_ONE_FOR_ONE, RESTART_TEMPORARY,   EXIT_CLASS_START,     PLAN_DROP,    1, 1 },
};
// clang-format on

static Plan decide(const MatrixRow *row, bool has_budget)
{
        PolicyChild children[4];
        PolicyInput input = {
                .strategy = row->strategy,
                .auto_shutdown = AUTO_SHUTDOWN_NEVER,
                .children = children,
                .child_count = ARRAY_LEN(children),
                .ended = 1,
                .how = row->how,
                .has_budget = has_budget,
        };

        for (size_t i = 0; i < ARRAY_LEN(children); i++)
                children[i] = (PolicyChild){.restart = row->restart, .is_active = true};
        return policy_decide(&input);
}

static void assert_plan(Plan plan, PlanKind kind, size_t first, size_t last, size_t row)
{
        ck_assert_msg(plan.kind == kind && plan.first == first && plan.last == last,
                      "row %zu: %s [%zu, %zu], expected %s [%zu, %zu]", row,
                      plan_kind_name(plan.kind), plan.first, plan.last, plan_kind_name(kind), first,
                      last);
}

/* SUP-030..037, SUP-040..043, SUP-053..055, SUP-077, SUP-078 */
START_TEST(the_matrix_of_strategy_restart_and_class_decides)
{
        for (size_t i = 0; i < ARRAY_LEN(matrix); i++)
                assert_plan(decide(&matrix[i], true), matrix[i].kind, matrix[i].first,
                            matrix[i].last, i);
}
END_TEST

START_TEST(the_matrix_has_a_row_for_every_combination)
{
        bool seen[STRATEGY_COUNT][RESTART_TYPE_COUNT][EXIT_CLASS_COUNT] = {0};

        ck_assert_uint_eq(ARRAY_LEN(matrix), 4 * 3 * 4);
        for (size_t i = 0; i < ARRAY_LEN(matrix); i++) {
                bool *cell = &seen[matrix[i].strategy][matrix[i].restart][matrix[i].how];

                ck_assert(!*cell);
                *cell = true;
        }
}
END_TEST

/* SUP-071, SUP-077, SUP-078, SUP-081 */
START_TEST(a_used_up_budget_gives_up_exactly_where_a_restart_was_wanted)
{
        for (size_t i = 0; i < ARRAY_LEN(matrix); i++) {
                const MatrixRow *row = &matrix[i];

                if (row->kind == PLAN_RESTART)
                        assert_plan(decide(row, false), PLAN_GIVE_UP, 0, 3, i);
                else
                        assert_plan(decide(row, false), row->kind, row->first, row->last, i);
        }
}
END_TEST

START_TEST(the_budget_is_asked_for_exactly_where_the_restart_type_wants_it)
{
        for (size_t i = 0; i < ARRAY_LEN(matrix); i++)
                ck_assert_int_eq(policy_wants_restart(matrix[i].restart, matrix[i].how),
                                 matrix[i].kind == PLAN_RESTART);
}
END_TEST

/* One end in a supervisor of three: a, b, c; a ends. */
typedef struct AutoRow {
        const char *claim;
        AutoShutdown mode;
        PolicyChild a, b;
        ExitClass how;
        PlanKind kind;
} AutoRow;

#define CHILD(type, significant, active)                                                      \
        {                                                                                     \
                .restart = RESTART_##type, .is_significant = significant, .is_active = active \
        }

// clang-format off
static const AutoRow auto_rows[] = {
        { "SUP-160 any: a significant transient one ends cleanly",
          AUTO_SHUTDOWN_ANY_SIGNIFICANT, CHILD(TRANSIENT, true, true), CHILD(PERMANENT, false, true),
          EXIT_CLASS_NORMAL, PLAN_SHUTDOWN },
        { "SUP-160 any: the same with shutdown",
          AUTO_SHUTDOWN_ANY_SIGNIFICANT, CHILD(TRANSIENT, true, true), CHILD(PERMANENT, false, true),
          EXIT_CLASS_SHUTDOWN, PLAN_SHUTDOWN },
        { "SUP-161 any: a significant transient one crashes",
          AUTO_SHUTDOWN_ANY_SIGNIFICANT, CHILD(TRANSIENT, true, true), CHILD(PERMANENT, false, true),
          EXIT_CLASS_ABNORMAL, PLAN_RESTART },
        { "SUP-161 any: and its restart fails",
          AUTO_SHUTDOWN_ANY_SIGNIFICANT, CHILD(TRANSIENT, true, true), CHILD(PERMANENT, false, true),
          EXIT_CLASS_START, PLAN_RESTART },
        { "SUP-162 any: a significant temporary one crashes",
          AUTO_SHUTDOWN_ANY_SIGNIFICANT, CHILD(TEMPORARY, true, true), CHILD(PERMANENT, false, true),
          EXIT_CLASS_ABNORMAL, PLAN_SHUTDOWN },
        { "SUP-162 all: the same, the only significant one",
          AUTO_SHUTDOWN_ALL_SIGNIFICANT, CHILD(TEMPORARY, true, true), CHILD(PERMANENT, false, true),
          EXIT_CLASS_ABNORMAL, PLAN_SHUTDOWN },
        { "SUP-163 any: one that is not significant ends",
          AUTO_SHUTDOWN_ANY_SIGNIFICANT, CHILD(TRANSIENT, false, true), CHILD(TRANSIENT, true, true),
          EXIT_CLASS_NORMAL, PLAN_KEEP },
        { "SUP-163 all: one that is not significant ends, no significant one is active",
          AUTO_SHUTDOWN_ALL_SIGNIFICANT, CHILD(TEMPORARY, false, true), CHILD(TRANSIENT, true, false),
          EXIT_CLASS_ABNORMAL, PLAN_DROP },
        { "SUP-166 all: the first of two ends",
          AUTO_SHUTDOWN_ALL_SIGNIFICANT, CHILD(TRANSIENT, true, true), CHILD(TRANSIENT, true, true),
          EXIT_CLASS_NORMAL, PLAN_KEEP },
        { "SUP-166 all: the second of two ends",
          AUTO_SHUTDOWN_ALL_SIGNIFICANT, CHILD(TRANSIENT, true, true), CHILD(TRANSIENT, true, false),
          EXIT_CLASS_NORMAL, PLAN_SHUTDOWN },
        { "SUP-167 all: the other was stopped by hand",
          AUTO_SHUTDOWN_ALL_SIGNIFICANT, CHILD(TEMPORARY, true, true), CHILD(TRANSIENT, true, false),
          EXIT_CLASS_NORMAL, PLAN_SHUTDOWN },
        { "SUP-168 never: significance is without effect",
          AUTO_SHUTDOWN_NEVER, CHILD(TRANSIENT, true, true), CHILD(TRANSIENT, true, true),
          EXIT_CLASS_NORMAL, PLAN_KEEP },
        { "SUP-168 permanent: never ends for good",
          AUTO_SHUTDOWN_ANY_SIGNIFICANT, CHILD(PERMANENT, true, true), CHILD(TRANSIENT, true, true),
          EXIT_CLASS_NORMAL, PLAN_RESTART },
};
// clang-format on

/* SUP-160..168. A child that is stopped by request (SUP-164) or with its group (SUP-165) never
 * comes before the decision. */
START_TEST(a_significant_child_that_ends_for_good_ends_its_supervisor)
{
        for (size_t i = 0; i < ARRAY_LEN(auto_rows); i++) {
                const AutoRow *row = &auto_rows[i];
                PolicyChild children[] = {row->a, row->b, CHILD(PERMANENT, false, true)};
                PolicyInput input = {
                        .strategy = STRATEGY_ONE_FOR_ONE,
                        .auto_shutdown = row->mode,
                        .children = children,
                        .child_count = ARRAY_LEN(children),
                        .ended = 0,
                        .how = row->how,
                        .has_budget = true,
                };
                Plan plan = policy_decide(&input);

                ck_assert_msg(plan.kind == row->kind, "%s: %s, expected %s", row->claim,
                              plan_kind_name(plan.kind), plan_kind_name(row->kind));
                if (plan.kind == PLAN_SHUTDOWN)
                        assert_plan(plan, PLAN_SHUTDOWN, 0, 2, i);
        }
}
END_TEST

/* A small generator, the same numbers every time. */
static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

static void random_input(uint32_t *state, PolicyChild children[16], PolicyInput *ret_input)
{
        size_t count = 1 + next_random(state) % 16;

        for (size_t i = 0; i < count; i++)
                children[i] = (PolicyChild){
                        .restart = (RestartType)(1 + next_random(state) % 3),
                        .is_significant = next_random(state) % 3 == 0,
                        .is_active = next_random(state) % 3 > 0,
                };
        *ret_input = (PolicyInput){
                .strategy = (Strategy)(1 + next_random(state) % 4),
                .auto_shutdown = (AutoShutdown)(1 + next_random(state) % 3),
                .children = children,
                .child_count = count,
                .ended = next_random(state) % count,
                .how = (ExitClass)(1 + next_random(state) % 4),
                .has_budget = next_random(state) % 2 == 0,
        };
}

START_TEST(any_plan_names_a_range_of_its_children_with_the_one_that_ended_in_it)
{
        uint32_t state = 1;

        for (unsigned round = 0; round < 100000; round++) {
                PolicyChild children[16];
                PolicyInput input;
                Plan plan;

                random_input(&state, children, &input);
                plan = policy_decide(&input);
                ck_assert(plan.kind > PLAN_NONE && plan.kind < PLAN_KIND_COUNT);
                ck_assert(plan.first <= input.ended && input.ended <= plan.last);
                ck_assert(plan.last < input.child_count);
        }
}
END_TEST

START_TEST(any_temporary_child_is_never_restarted_and_no_budget_never_restarts)
{
        uint32_t state = 2;

        for (unsigned round = 0; round < 100000; round++) {
                PolicyChild children[16];
                PolicyInput input;
                Plan plan;

                random_input(&state, children, &input);
                plan = policy_decide(&input);
                if (children[input.ended].restart == RESTART_TEMPORARY)
                        ck_assert(plan.kind == PLAN_DROP || plan.kind == PLAN_SHUTDOWN);
                if (!input.has_budget)
                        ck_assert(plan.kind != PLAN_RESTART);
                else
                        ck_assert(plan.kind != PLAN_GIVE_UP);
        }
}
END_TEST

/* Siblings matter to all_significant only: the range and the kind depend on the one that ended. */
START_TEST(any_sibling_matters_only_by_its_significance)
{
        uint32_t state = 3;

        for (unsigned round = 0; round < 100000; round++) {
                PolicyChild children[16];
                PolicyInput input;
                Plan plan, again;

                random_input(&state, children, &input);
                plan = policy_decide(&input);
                for (size_t i = 0; i < input.child_count; i++)
                        if (i != input.ended)
                                children[i].restart = (RestartType)(1 + next_random(&state) % 3);
                again = policy_decide(&input);
                assert_plan(again, plan.kind, plan.first, plan.last, round);
        }
}
END_TEST

START_TEST(every_word_is_found_by_its_name_and_no_other)
{
        for (unsigned i = 1; i < STRATEGY_COUNT; i++)
                ck_assert_uint_eq(strategy_from_name(strategy_name((Strategy)i)), i);
        for (unsigned i = 1; i < RESTART_TYPE_COUNT; i++)
                ck_assert_uint_eq(restart_type_from_name(restart_type_name((RestartType)i)), i);
        for (unsigned i = 1; i < AUTO_SHUTDOWN_COUNT; i++)
                ck_assert_uint_eq(auto_shutdown_from_name(auto_shutdown_name((AutoShutdown)i)), i);
        for (unsigned i = 1; i < EXIT_CLASS_COUNT; i++)
                ck_assert_ptr_nonnull(exit_class_name((ExitClass)i));
        for (unsigned i = 0; i < PLAN_KIND_COUNT; i++)
                ck_assert_ptr_nonnull(plan_kind_name((PlanKind)i));
        ck_assert_uint_eq(strategy_from_name("one_for"), STRATEGY_NONE);
        ck_assert_uint_eq(restart_type_from_name(""), RESTART_NONE);
        ck_assert_uint_eq(auto_shutdown_from_name(NULL), AUTO_SHUTDOWN_NONE);
        ck_assert_ptr_null(strategy_name(STRATEGY_NONE));
        ck_assert_ptr_null(strategy_name(STRATEGY_COUNT));
}
END_TEST

static TCase *policy_case(void)
{
        TCase *tcase = tcase_create("policy");

        tcase_add_test(tcase, the_matrix_of_strategy_restart_and_class_decides);
        tcase_add_test(tcase, the_matrix_has_a_row_for_every_combination);
        tcase_add_test(tcase, a_used_up_budget_gives_up_exactly_where_a_restart_was_wanted);
        tcase_add_test(tcase, the_budget_is_asked_for_exactly_where_the_restart_type_wants_it);
        tcase_add_test(tcase, a_significant_child_that_ends_for_good_ends_its_supervisor);
        tcase_add_test(tcase, any_plan_names_a_range_of_its_children_with_the_one_that_ended_in_it);
        tcase_add_test(tcase, any_temporary_child_is_never_restarted_and_no_budget_never_restarts);
        tcase_add_test(tcase, any_sibling_matters_only_by_its_significance);
        tcase_add_test(tcase, every_word_is_found_by_its_name_and_no_other);
        return tcase;
}

TEST_MAIN("policy", policy_case())
