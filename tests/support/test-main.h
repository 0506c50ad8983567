#pragma once
/*
 * The one main() of the Check programs, and what every test says. A program defines its cases:
 *
 *      TEST_MAIN("policy", policy_case(), matrix_case())
 */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define assert_ok(expr)                                                       \
        do {                                                                  \
                int ok_r_ = (expr);                                           \
                ck_assert_msg(ok_r_ >= 0, "%s: %s", #expr, strerror(-ok_r_)); \
        } while (0)

#define assert_fails(expr, error)                                                            \
        do {                                                                                 \
                int fails_r_ = (expr);                                                       \
                ck_assert_msg(fails_r_ == -(error), "%s: %d, expected -%s", #expr, fails_r_, \
                              #error);                                                       \
        } while (0)

/* The arguments are TCase pointers. */
#define TEST_MAIN(name, ...)                                                  \
        int main(void)                                                        \
        {                                                                     \
                TCase *cases[] = {__VA_ARGS__};                               \
                Suite *suite = suite_create(name);                            \
                SRunner *runner;                                              \
                int failed;                                                   \
                                                                              \
                for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) \
                        suite_add_tcase(suite, cases[i]);                     \
                runner = srunner_create(suite);                               \
                srunner_run_all(runner, CK_ENV);                              \
                failed = srunner_ntests_failed(runner);                       \
                srunner_free(runner);                                         \
                return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;             \
        }
