/*
 * Owns the proof that nothing outlives gend, however it ends, and that the next one starts from
 * nothing.
 */

#include "tests/support/harness.h"

#include <signal.h>

#define TREE_OF_ALL                                                                               \
        TREE(APP("app", "",                                                                       \
                 TOY("a", "") SIN("deaf", "ignore-term ready", ",'shutdown':'100ms'")             \
                         SIN("g", "grandchild ready", "") SIN("s", "grandchild-setsid ready", "") \
                                 SIN("d", "double-fork ready", "") SUP("sub", "", TOY("b", ""))))

/* Everything that gend had started is gone; waits for each. */
static void expect_nobody(Harness *h, const pid_t pids[], size_t count)
{
        for (size_t i = 0; i < count; i++)
                expect_dead(h, pids[i]);
}

/* OSP-008, SUP-020: gend is killed: no child survives, not the deaf, not the hidden. */
START_TEST(nobody_survives_gend)
{
        Harness *h = harness_start(TREE_OF_ALL);
        pid_t pids[] = {
                record_wait(h, "a+", 1),
                record_wait(h, "deaf+", 1),
                record_wait(h, "g+", 1),
                record_wait(h, "g.g+", 1),
                record_wait(h, "s+", 1),
                record_wait(h, "s.g+", 1),
                record_wait(h, "d+", 1),
                record_wait(h, "d.g+", 1),
                record_wait(h, "b+", 1),
                harness_service_pid(h, "gend-supervisor"),
                harness_service_pid(h, "gend-log"),
        };

        harness_signal(h, SIGKILL);
        check_int(h, harness_await_exit(h), -SIGKILL);
        expect_nobody(h, pids, sizeof(pids) / sizeof(pids[0]));
        harness_expect_nobody(h);
        harness_free(h);
}
END_TEST

/* ... and a new gend in the same folder has each of them once. */
START_TEST(a_new_gend_starts_clean_with_single_copies)
{
        Harness *h = harness_start(TREE_OF_ALL);

        for (int i = 0; i < 3; i++) {
                harness_signal(h, SIGKILL);
                check_int(h, harness_await_exit(h), -SIGKILL);
                harness_reset_ready(h);
                record_clear(h);
                harness_run(h, NULL, NULL);
                harness_wait_ready(h);
                check_int(h, record_count(h, "a+"), 1);
                check_int(h, record_count(h, "b+"), 1);
                check_int(h, node_int(h, "app/a", "restarts"), 0);
                /* a deaf g g.g s s.g d d.g b, two services, gend. */
                harness_expect_count(h, 12);
        }
        harness_stop(h);
}
END_TEST

/* The signals that end a program without a handler: as good as a kill. */
START_TEST(a_crash_of_gend_leaves_nobody)
{
        Harness *h = harness_start(TREE_OF_ALL);
        pid_t b = child_pid(h, "app/sub/b"), g = record_wait(h, "d.g+", 1);
        int status;

        harness_signal(h, SIGSEGV);
        status = harness_await_exit(h);
        check(h, status == -SIGSEGV);
        expect_dead(h, b);
        expect_dead(h, g);
        /* The last of the hidden ones may take the sweep a moment. */
        expect_dead(h, record_wait(h, "g.g+", 1));
        expect_dead(h, record_wait(h, "s.g+", 1));
        expect_dead(h, record_wait(h, "deaf+", 1));
        harness_expect_nobody(h);
        harness_free(h);
}
END_TEST

/* SIGINT is as orderly as SIGTERM; SIGQUIT and SIGHUP are no end. */
START_TEST(sigint_stops_everything_in_order)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));

        harness_signal(h, SIGHUP);
        (void)ctl(h, "ping", "{}");
        harness_signal(h, SIGINT);
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "a+ b+ b- b. a- a.");
        harness_free(h);
}
END_TEST

/* Gend is killed while it stops everything. */
START_TEST(a_kill_in_the_middle_of_the_stop_leaves_nobody)
{
        Harness *h = harness_start(TREE(APP(
                "app", "",
                TOY("a", "") SIN("b", "slow-term=never ready", ",'shutdown':'60s'") TOY("c", ""))));
        pid_t a = child_pid(h, "app/a"), b;

        harness_signal(h, SIGTERM);
        b = record_wait(h, "b-", 1);
        harness_signal(h, SIGKILL);
        check_int(h, harness_await_exit(h), -SIGKILL);
        expect_dead(h, a);
        expect_dead(h, b);
        harness_expect_nobody(h);
        harness_free(h);
}
END_TEST

static TCase *kernel_death_case(void)
{
        TCase *tcase = harness_case("kernel-death");

        tcase_add_test(tcase, nobody_survives_gend);
        tcase_add_test(tcase, a_new_gend_starts_clean_with_single_copies);
        tcase_add_test(tcase, a_crash_of_gend_leaves_nobody);
        tcase_add_test(tcase, sigint_stops_everything_in_order);
        tcase_add_test(tcase, a_kill_in_the_middle_of_the_stop_leaves_nobody);
        return tcase;
}

TEST_MAIN("d02-kernel-death", kernel_death_case())
