/*
 * Owns the proof that gend can be stopped at any moment of its life.
 */

#include "tests/support/harness.h"

#include <signal.h>

#define FIVE TOY("a", "") TOY("b", "") SIN("c", "wait=go ready", "") TOY("d", "") TOY("e", "")

/* OSP-009: SIGTERM during the start of child 3 of 5: 4 and 5 are not started, 3, 2, 1 are stopped.
 */
START_TEST(a_stop_during_the_start_stops_what_was_started)
{
        Harness *h = harness_launch(TREE(APP("app", "", FIVE)), NULL);

        (void)record_wait(h, "c+", 1);
        harness_signal(h, SIGTERM);
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "a+ b+ c+ c- c. b- b. a- a.");
        harness_free(h);
}
END_TEST

/* OSP-009: the same by request, of one application. */
START_TEST(a_stop_by_request_during_the_start_stops_what_was_started)
{
        Harness *h = harness_launch(TREE(APP("app", "", FIVE)), NULL);

        (void)record_wait(h, "c+", 1);
        ctl(h, "stop", "{'paths':['app']}");
        check_str(h, record_text(h), "a+ b+ c+ c- c. b- b. a- a.");
        check_str(h, node_str(h, "app", "state"), "stopped");
        harness_stop(h);
}
END_TEST

/* OSP-010: SIGTERM during a group restart, while it stops: no further start. */
START_TEST(a_stop_during_a_group_stop_starts_nobody)
{
        Harness *h = harness_start(TREE(APP(
                "app", ONE_FOR_ALL, TOY("a", "") SIN("b", "slow-term=go ready", "") TOY("c", ""))));

        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "b-", 1);
        harness_signal(h, SIGTERM);
        touch(h, "go");
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "c- c. b- b.");
        harness_free(h);
}
END_TEST

/* OSP-010: while it starts. */
START_TEST(a_stop_during_a_group_start_starts_nobody_else)
{
        Harness *h = harness_new();

        touch(h, "go");
        harness_run(h,
                    TREE(APP("app", ONE_FOR_ALL,
                             TOY("a", "") SIN("b", "take=go ready", "") TOY("c", ""))),
                    NULL);
        harness_wait_ready(h);
        record_clear(h);
        (void)kill_child(h, "app/c", SIGKILL);
        (void)record_wait(h, "b+", 1);
        harness_signal(h, SIGTERM);
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "b- b. a- a. a+ b+ b- b. a- a.");
        harness_free(h);
}
END_TEST

/* OSP-011: SIGTERM again and again, and SIGINT, during the stop: no second pass, no crash. */
START_TEST(a_second_stop_is_no_second_pass)
{
        Harness *h = harness_start(
                TREE(APP("app", "", TOY("a", "") SIN("b", "slow-term=go ready", "") TOY("c", ""))));

        record_clear(h);
        harness_signal(h, SIGTERM);
        (void)record_wait(h, "b-", 1);
        for (int i = 0; i < 20; i++) {
                harness_signal(h, SIGTERM);
                harness_signal(h, SIGINT);
                harness_signal(h, SIGHUP);
        }
        touch(h, "go");
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "c- c. b- b. a- a.");
        harness_free(h);
}
END_TEST

/* At the very first moment: gend ends with 0 and leaves nothing, whatever it has come to. */
START_TEST(a_stop_at_the_first_moment_leaves_nothing)
{
        for (int delay = 0; delay < 12; delay++) {
                Harness *h = harness_launch(TREE(APP("app", "", FIVE)), NULL);
                int status;

                harness_lives_for(h, 2 + delay * 2);
                harness_signal(h, SIGTERM);
                status = harness_await_exit(h);
                /* Before main() there is no handler, and the signal ends it without a word. */
                check(h, status == 0 || (status == -SIGTERM && record_count(h, "a+") == 0));
                check_int(h, record_count(h, "d+"), 0);
                check_int(h, record_count(h, "a+"), record_count(h, "a."));
                harness_free(h);
        }
}
END_TEST

/* SUP-099: while the stop goes on, the others end by themselves in all ways: nobody is restarted.
 */
START_TEST(ends_during_the_stop_restart_nobody)
{
        Harness *h = harness_start(TREE(APP("app", "",
                                            TOY("a", "") TOY("b", TRANSIENT) TOY("c", TEMPORARY)
                                                    SIN("d", "ready wait=end exit=0", "") SIN(
                                                            "e", "ready wait=end exit=3", TRANSIENT)
                                                            SIN("z", "slow-term=go ready", ""))));
        pid_t a = child_pid(h, "app/a"), b = child_pid(h, "app/b"), c = child_pid(h, "app/c");
        pid_t d = child_pid(h, "app/d"), e = child_pid(h, "app/e");

        record_clear(h);
        harness_signal(h, SIGTERM);
        (void)record_wait(h, "z-", 1);
        ck_assert_int_eq(kill(a, SIGKILL), 0);
        ck_assert_int_eq(kill(b, SIGSEGV), 0);
        ck_assert_int_eq(kill(c, SIGUSR1), 0);
        touch(h, "end");
        expect_dead(h, a);
        expect_dead(h, b);
        expect_dead(h, c);
        expect_dead(h, d);
        expect_dead(h, e);
        touch(h, "go");
        check_int(h, harness_await_exit(h), 0);
        check_int(h,
                  record_count(h, "a+") + record_count(h, "b+") + record_count(h, "c+") +
                          record_count(h, "d+") + record_count(h, "e+"),
                  0);
        harness_free(h);
}
END_TEST

/* Requests during the stop are answered: what looks, looks; what starts is refused. */
START_TEST(requests_during_the_stop_are_answered)
{
        Harness *h = harness_start(
                TREE(APP("app", "", TOY("a", "") SIN("b", "slow-term=go ready", "") TOY("c", ""))));

        harness_signal(h, SIGTERM);
        (void)record_wait(h, "b-", 1);
        check_str(h, node_str(h, "app/b", "state"), "stopping");
        check_str(h, node_str(h, "app/c", "state"), "stopped");
        (void)ctl_fails(h, -32002, "start", "{'paths':['app/c']}");
        (void)ctl_fails(h, -32002, "add", "{'parent':'app','child':" TOY("x", "") "}");
        (void)ctl_fails(h, -32002, "reload", "{}");
        touch(h, "go");
        check_int(h, harness_await_exit(h), 0);
        check_int(h, record_count(h, "c+"), 1);
        harness_free(h);
}
END_TEST

static TCase *signals_case(void)
{
        TCase *tcase = harness_case("signals");

        tcase_add_test(tcase, a_stop_during_the_start_stops_what_was_started);
        tcase_add_test(tcase, a_stop_by_request_during_the_start_stops_what_was_started);
        tcase_add_test(tcase, a_stop_during_a_group_stop_starts_nobody);
        tcase_add_test(tcase, a_stop_during_a_group_start_starts_nobody_else);
        tcase_add_test(tcase, a_second_stop_is_no_second_pass);
        tcase_add_test(tcase, a_stop_at_the_first_moment_leaves_nothing);
        tcase_add_test(tcase, ends_during_the_stop_restart_nobody);
        tcase_add_test(tcase, requests_during_the_stop_are_answered);
        return tcase;
}

TEST_MAIN("d05-signals-during-start", signals_case())
