/*
 * Owns the proof that deaths at the same time are each dealt with, and counted as the strategy has
 * it.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>

#define LONG ",'intensity':1,'period':'60s'"

/* Two deaths before gend-supervisor looks: it is held, they die in this order, it goes on. */
static void die_together(Harness *h, const char *first, const char *second)
{
        pid_t supervisor = harness_service_pid(h, "gend-supervisor");
        pid_t one = child_pid(h, first), two = child_pid(h, second);

        ck_assert_int_eq(kill(supervisor, SIGSTOP), 0);
        ck_assert_int_eq(kill(one, SIGKILL), 0);
        expect_reaped(h, one);
        ck_assert_int_eq(kill(two, SIGKILL), 0);
        expect_reaped(h, two);
        ck_assert_int_eq(kill(supervisor, SIGCONT), 0);
}

/* OSP-004: one SIGCHLD may stand for many ends. */
START_TEST(ten_deaths_at_once_are_ten_deaths)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':10", TOY("a", ",'instances':10"))));
        char path[32];
        pid_t pids[10];

        for (int i = 0; i < 10; i++) {
                (void)snprintf(path, sizeof(path), "app/a@%d", i + 1);
                pids[i] = child_pid(h, path);
        }
        for (int i = 0; i < 10; i++)
                ck_assert_int_eq(kill(pids[i], SIGKILL), 0);
        for (int i = 0; i < 10; i++) {
                (void)snprintf(path, sizeof(path), "app/a@%d", i + 1);
                expect_new_pid(h, path, pids[i]);
        }
        check_int(h, record_count(h, "a+"), 20);
        check_int(h, node_int(h, "app", "restarts_in_period"), 10);
        harness_stop(h);
}
END_TEST

/* OSP-004: the same with a hundred that end by themselves. */
START_TEST(a_hundred_ends_at_once_are_a_hundred_ends)
{
        Harness *h = harness_start(TREE(
                APP("app", ",'intensity':100",
                    SIN("a", "ready wait=go exit=0", TRANSIENT ",'instances':100") TOY("b", ""))));

        touch(h, "go");
        for (int i = 0; i < 100; i++)
                expect(h, "exited", NULL, "normal");
        check_str(h, node_str(h, "app", "state"), "running");
        harness_expect_count(h, 1 + 3);
        events_check_gapless(h);
        harness_stop(h);
}
END_TEST

/* SUP-058: one_for_all: the second death is absorbed by the group's stop: one restart. */
START_TEST(two_deaths_in_a_group_are_one_restart)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL LONG, TOY("a", "") TOY("b", "") TOY("c", ""))));

        record_clear(h);
        die_together(h, "app/a", "app/b");
        expect(h, "ready", "app/c", NULL);
        expect_record(h, "c- c. a+ b+ c+");
        expect_state(h, "app/c", "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

START_TEST(two_deaths_in_a_group_are_one_restart_in_any_order)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL LONG, TOY("a", "") TOY("b", "") TOY("c", ""))));

        record_clear(h);
        die_together(h, "app/c", "app/a");
        expect_record(h, "b- b. a+ b+ c+");
        expect_state(h, "app/c", "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* SUP-059: one_for_one: two are counted; with intensity 1 it gives up. */
START_TEST(two_deaths_alone_are_two_restarts)
{
        Harness *h = harness_start(TREE(APP("app", LONG, TOY("a", "") TOY("b", "") TOY("c", ""))));

        die_together(h, "app/a", "app/b");
        expect(h, "escalated", "app", NULL);
        expect_state(h, "app", "failed");
        harness_stop(h);
}
END_TEST

/* SUP-060: rest_for_one: a's death seen before b's: one, for b belongs to what is stopped. */
START_TEST(a_death_and_a_later_one_are_one_restart)
{
        Harness *h = harness_start(
                TREE(APP("app", REST_FOR_ONE LONG, TOY("a", "") TOY("b", "") TOY("c", ""))));

        record_clear(h);
        die_together(h, "app/a", "app/b");
        expect_record(h, "c- c. a+ b+ c+");
        expect_state(h, "app/c", "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* SUP-060: b's death seen before a's: two; with intensity 1 it gives up. */
START_TEST(a_death_and_an_earlier_one_are_two_restarts)
{
        Harness *h = harness_start(
                TREE(APP("app", REST_FOR_ONE LONG, TOY("a", "") TOY("b", "") TOY("c", ""))));

        die_together(h, "app/b", "app/a");
        expect(h, "escalated", "app", NULL);
        expect_state(h, "app", "failed");
        harness_stop(h);
}
END_TEST

/* A temporary sibling that died with the culprit, before it: dropped, not counted, not started
 * again. */
START_TEST(a_temporary_death_beside_another_does_not_count)
{
        Harness *h =
                harness_start(TREE(APP("app", ONE_FOR_ALL LONG, TOY("a", "") TOY("t", TEMPORARY))));

        record_clear(h);
        die_together(h, "app/t", "app/a");
        expect_record(h, "a+");
        expect_state(h, "app/a", "running");
        expect_dropped(h, "app/t");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* The same when gend-supervisor does not come back by itself: the next one sees both. */
START_TEST(two_deaths_in_its_absence_are_one_restart)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL LONG, TOY("a", "") TOY("b", "") TOY("c", ""))));
        pid_t supervisor = harness_service_pid(h, "gend-supervisor");
        pid_t a = child_pid(h, "app/a"), c = child_pid(h, "app/c");

        record_clear(h);
        ck_assert_int_eq(kill(supervisor, SIGSTOP), 0);
        ck_assert_int_eq(kill(c, SIGKILL), 0);
        expect_reaped(h, c);
        ck_assert_int_eq(kill(a, SIGKILL), 0);
        expect_reaped(h, a);
        ck_assert_int_eq(kill(supervisor, SIGKILL), 0);
        expect_record(h, "b- b. a+ b+ c+");
        expect_state(h, "app/c", "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* Everybody dies at once, in a deep tree: all are back. */
START_TEST(everybody_dies_at_once)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL,
                         TOY("a", "") SUP("s", ONE_FOR_ALL,
                                          TOY("b", "") TOY("c", "")
                                                  SUP("t", REST_FOR_ONE, TOY("d", "") TOY("e", "")))
                                 TOY("f", ""))));
        static const char *const paths[] = {"app/a",     "app/s/b",   "app/s/c",
                                            "app/s/t/d", "app/s/t/e", "app/f"};
        pid_t pids[6];

        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 6; i++)
                        pids[i] = child_pid(h, paths[i]);
                for (int i = 5; i >= 0; i--)
                        ck_assert_int_eq(kill(pids[i], SIGKILL), 0);
                for (int i = 0; i < 6; i++)
                        expect_new_pid(h, paths[i], pids[i]);
                expect_state(h, "app/f", "running");
        }
        harness_expect_count(h, 6 + 3);
        harness_stop(h);
}
END_TEST

static TCase *simultaneous_case(void)
{
        TCase *tcase = harness_case("simultaneous");

        tcase_add_test(tcase, ten_deaths_at_once_are_ten_deaths);
        tcase_add_test(tcase, a_hundred_ends_at_once_are_a_hundred_ends);
        tcase_add_test(tcase, two_deaths_in_a_group_are_one_restart);
        tcase_add_test(tcase, two_deaths_in_a_group_are_one_restart_in_any_order);
        tcase_add_test(tcase, two_deaths_alone_are_two_restarts);
        tcase_add_test(tcase, a_death_and_a_later_one_are_one_restart);
        tcase_add_test(tcase, a_death_and_an_earlier_one_are_two_restarts);
        tcase_add_test(tcase, a_temporary_death_beside_another_does_not_count);
        tcase_add_test(tcase, two_deaths_in_its_absence_are_one_restart);
        tcase_add_test(tcase, everybody_dies_at_once);
        return tcase;
}

TEST_MAIN("d04-simultaneous", simultaneous_case())
