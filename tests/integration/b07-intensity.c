/*
 * Owns the proof of the restart budget: what counts, what does not, and what happens beyond it.
 */

#include "tests/support/harness.h"

#include <signal.h>

#define LONG ",'period':'60s'"

/* SUP-071: intensity 0: the first crash ends the supervisor, no attempt is made. */
START_TEST(no_intensity_means_no_restart)
{
        Harness *h = harness_start(
                TREE(APP("app", ",'intensity':0", TOY("a", "") TOY("b", "") TOY("c", ""))));

        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "escalated", "app", NULL);
        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "c- c. a- a.");
        check_int(h, events_count(h, 0, "starting", "app/b"), 1);
        harness_stop(h);
}
END_TEST

/* SUP-072, SUP-070: N restarts within the period are made, number N+1 is not. SUP-082: whoever they
 * are. */
START_TEST(restart_number_n_is_made_and_the_next_is_not)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':3" LONG, TOY("a", "") TOY("b", ""))));
        static const char *const victims[] = {"app/a", "app/b", "app/a"};

        for (int i = 0; i < 3; i++) {
                pid_t pid = kill_child(h, victims[i], SIGKILL);

                expect_new_pid(h, victims[i], pid);
        }
        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "escalated", "app", NULL);
        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "a- a.");
        /* SUP-081: its own reason is shutdown, not the child's. */
        check_str(h,
                  json_string_value(
                          json_object_get(json_object_get(node(h, "app"), "last_exit"), "reason")),
                  "shutdown");
        check(h, strstr(node_str(h, "app", "why"), "b") != NULL);
        harness_stop(h);
}
END_TEST

/* SUP-075: attempts that fail count: intensity 3 is exactly 3 attempts. */
START_TEST(failed_attempts_count)
{
        Harness *h = harness_start(TREE(
                APP("app", ",'intensity':3" LONG, SIN("a", "fail-if=bad ready", "") TOY("b", ""))));

        record_clear(h);
        touch(h, "bad");
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "escalated", "app", NULL);
        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "a+ a! a+ a! a+ a! b- b.");
        harness_stop(h);
}
END_TEST

/* SUP-074: sliding, not tumbling: one restart in each period goes on for ever. SUP-073: by the
 * monotonic clock in milliseconds. */
START_TEST(old_restarts_do_not_count)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':1,'period':'150ms'", TOY("a", ""))));

        for (int i = 0; i < 3; i++) {
                pid_t a = kill_child(h, "app/a", SIGKILL);

                expect_new_pid(h, "app/a", a);
                harness_lives_for(h, 200);
        }
        check_int(h, node_int(h, "app", "restarts_in_period"), 0);
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-073, SUP-074: the window slides: two restarts at its end count together with the next. */
START_TEST(the_window_is_as_long_as_the_period)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':1,'period':'60s'", TOY("a", ""))));
        pid_t a = kill_child(h, "app/a", SIGKILL);

        expect_new_pid(h, "app/a", a);
        harness_lives_for(h, 1100);
        (void)kill_child(h, "app/a", SIGKILL);
        expect_state(h, "app", "failed");
        harness_stop(h);
}
END_TEST

/* SUP-076: a group restart counts once, however many children. */
START_TEST(a_group_restart_counts_once)
{
        Harness *h = harness_start(TREE(APP("app", ONE_FOR_ALL ",'intensity':1" LONG,
                                            TOY("a", "") TOY("b", "") TOY("c", ""))));

        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/c", NULL);
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* SUP-077 temporary ends, SUP-078 clean ends of transient ones, SUP-079 what an operator does: none
 * counts; with intensity 0 any that did would end the application. */
START_TEST(what_is_no_failure_does_not_count)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':0",
                                       TOY("temp", TEMPORARY) SIN("trans", "ready take=go exit=0",
                                                                  TRANSIENT) TOY("a", ""))));

        (void)kill_child(h, "app/temp", SIGSEGV);
        expect_dropped(h, "app/temp");
        touch(h, "go");
        expect_state(h, "app/trans", "finished");
        for (int i = 0; i < 5; i++) {
                ctl(h, "stop", "{'paths':['app/a']}");
                ctl(h, "start", "{'paths':['app/a']}");
        }
        ctl(h, "restart", "{'paths':['app/a']}");
        check_str(h, node_str(h, "app", "state"), "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 0);
        harness_stop(h);
}
END_TEST

/* SUP-080: a start by hand that fails is neither counted nor tried again. */
START_TEST(a_failed_start_by_hand_does_not_count)
{
        Harness *h = harness_start(
                TREE(APP("app", ",'intensity':0", SIN("a", "fail-if=bad ready", "") TOY("b", ""))));
        json_t *error;

        ctl(h, "stop", "{'paths':['app/a']}");
        touch(h, "bad");
        record_clear(h);
        error = ctl_fails(h, -32001, "start", "{'paths':['app/a']}");
        check(h, strstr(error_text(error), "app/a") != NULL);
        check(h, strstr(error_text(error), "{start,{exit_status,1}}") != NULL);
        check_str(h, record_text(h), "a+ a!");
        check_str(h, node_str(h, "app", "state"), "running");
        check_str(h, node_str(h, "app/b", "state"), "running");
        untouch(h, "bad");
        ctl(h, "start", "{'paths':['app/a']}");
        check_str(h, node_str(h, "app/a", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-084: a crash loop too slow for the window ends too: so many failed attempts in a row are
 * enough. */
START_TEST(a_slow_crash_loop_ends_too)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':10000,'period':'1ms','max_failures':5",
                                       SIN("a", "fail-if=bad ready", "") TOY("b", ""))));

        record_clear(h);
        touch(h, "bad");
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "escalated", "app", NULL);
        expect_state(h, "app", "failed");
        check_int(h, record_count(h, "a!"), 5);
        harness_stop(h);
}
END_TEST

/* SUP-030: a permanent child that ends with normal counts as any. */
START_TEST(a_normal_end_of_a_permanent_child_counts)
{
        Harness *h = harness_start(
                TREE(APP("app", ",'intensity':1" LONG, SIN("a", "ready take=go exit=0", ""))));
        pid_t a = child_pid(h, "app/a");

        touch(h, "go");
        expect_new_pid(h, "app/a", a);
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        touch(h, "go");
        expect_state(h, "app", "failed");
        harness_stop(h);
}
END_TEST

/* SUP-099: while the supervisor gives up, the others end by themselves in all ways: it ends, nobody
 * is restarted. */
START_TEST(odd_ends_while_giving_up_restart_nobody)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':0",
                                       TOY("a", "") TOY("b", TRANSIENT) TOY("c", TEMPORARY)
                                               TOY("d", "") SIN("z", "slow-term=go ready", ""))));

        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "z-", 1);
        expect_dead(h, kill_child(h, "app/b", SIGSEGV));
        expect_dead(h, kill_child(h, "app/c", SIGUSR1));
        expect_dead(h, kill_child(h, "app/d", SIGKILL));
        touch(h, "go");
        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "z- z.");
        harness_stop(h);
}
END_TEST

/* A failed application can be started again, with an empty budget. SUP-085. */
START_TEST(a_failed_application_starts_again_with_an_empty_budget)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':1" LONG, TOY("a", "") TOY("b", ""))));

        for (int round = 0; round < 2; round++) {
                pid_t a = kill_child(h, "app/a", SIGKILL);

                expect_new_pid(h, "app/a", a);
                (void)kill_child(h, "app/a", SIGKILL);
                expect_state(h, "app", "failed");
                ctl(h, "start", "{'paths':['app']}");
                check_str(h, node_str(h, "app", "state"), "running");
                check_int(h, node_int(h, "app", "restarts_in_period"), 0);
        }
        harness_stop(h);
}
END_TEST

static TCase *intensity_case(void)
{
        TCase *tcase = harness_case("intensity");

        tcase_add_test(tcase, no_intensity_means_no_restart);
        tcase_add_test(tcase, restart_number_n_is_made_and_the_next_is_not);
        tcase_add_test(tcase, failed_attempts_count);
        tcase_add_test(tcase, old_restarts_do_not_count);
        tcase_add_test(tcase, the_window_is_as_long_as_the_period);
        tcase_add_test(tcase, a_group_restart_counts_once);
        tcase_add_test(tcase, what_is_no_failure_does_not_count);
        tcase_add_test(tcase, a_failed_start_by_hand_does_not_count);
        tcase_add_test(tcase, a_slow_crash_loop_ends_too);
        tcase_add_test(tcase, a_normal_end_of_a_permanent_child_counts);
        tcase_add_test(tcase, odd_ends_while_giving_up_restart_nobody);
        tcase_add_test(tcase, a_failed_application_starts_again_with_an_empty_budget);
        return tcase;
}

TEST_MAIN("b07-intensity", intensity_case())
