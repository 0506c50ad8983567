/*
 * Owns the proof that a stop is a stop: whoever ignores it, sleeps through it or hides from it is
 * gone at its deadline, and nothing of it is left.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>

/* OSP-005, SUP-091: a child that ignores the signal is killed at the deadline, not before, not much
 * later. */
START_TEST(a_deaf_child_is_killed_at_its_deadline)
{
        Harness *h = harness_start(TREE(
                APP("app", "", SIN("a", "ignore-term ready", ",'shutdown':'200ms'") TOY("b", ""))));
        pid_t a = child_pid(h, "app/a");
        json_t *event, *stopping;

        ctl(h, "stop", "{'paths':['app/a']}");
        check(h, !is_alive(a));
        stopping = expect(h, "stopping", "app/a", NULL);
        event = expect(h, "stopped", "app/a", "killed");
        check(h, json_integer_value(json_object_get(event, "time")) -
                                 json_integer_value(json_object_get(stopping, "time")) >=
                         199);
        check_int(h, record_count(h, "a-"), 1);
        check_str(h, node_str(h, "app/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* OSP-006: a stopped child is woken up by the stop. */
START_TEST(a_sleeping_child_is_woken_to_be_stopped)
{
        Harness *h = harness_start(TREE(
                APP("app", "", SIN("a", "ready stop-self", ",'shutdown':'30s'") TOY("b", ""))));
        pid_t a = record_wait(h, "a!", 1);

        ctl(h, "stop", "{'paths':['app/a']}");
        check(h, !is_alive(a));
        expect(h, "stopped", "app/a", "shutdown");
        check_int(h, record_count(h, "a."), 1);
        harness_stop(h);
}
END_TEST

/* OSP-006, with one that is stopped again and again: gone at the deadline at the latest. */
START_TEST(a_child_that_will_not_wake_is_killed_at_its_deadline)
{
        Harness *h = harness_start(
                TREE(APP("app", "", SIN("a", "ready ignore-term", ",'shutdown':'100ms'"))));
        pid_t a = child_pid(h, "app/a");

        ck_assert_int_eq(kill(a, SIGSTOP), 0);
        ctl(h, "stop", "{'paths':['app/a']}");
        check(h, !is_alive(a));
        harness_stop(h);
}
END_TEST

/* SIGSTOP and SIGCONT are no ends. 11.3: report, change nothing. */
START_TEST(stopping_and_continuing_is_no_end)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':0", TOY("a", ""))));
        pid_t a = kill_child(h, "app/a", SIGSTOP);

        check_str(h, node_str(h, "app/a", "state"), "running");
        check_int(h, kill_child(h, "app/a", SIGCONT), a);
        check_str(h, node_str(h, "app/a", "state"), "running");
        check_int(h, child_pid(h, "app/a"), a);
        harness_stop(h);
}
END_TEST

static void expect_no_grandchild(const char *sins)
{
        char tree[512];
        Harness *h;
        pid_t g;

        (void)snprintf(tree, sizeof(tree),
                       TREE(APP("app", "", SIN("a", "%s ready", "") TOY("b", ""))), sins);
        h = harness_start(tree);
        g = record_wait(h, "a.g+", 1);
        ctl(h, "stop", "{'paths':['app/a']}");
        check(h, !is_alive(g));
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        harness_stop(h);
}

/* OSP-007: a grandchild does not survive the stop of its parent. */
START_TEST(a_grandchild_does_not_survive_a_stop)
{
        expect_no_grandchild("grandchild");
}
END_TEST

/* OSP-007: nor the crash of its parent: the next life begins without it. */
START_TEST(a_grandchild_does_not_survive_a_crash)
{
        Harness *h =
                harness_start(TREE(APP("app", "", SIN("a", "grandchild ready", "") TOY("b", ""))));
        pid_t g = record_wait(h, "a.g+", 1), a = kill_child(h, "app/a", SIGKILL);

        expect_new_pid(h, "app/a", a);
        check(h, !is_alive(g));
        harness_stop(h);
}
END_TEST

/* OSP-015: one in a session of its own is found too. */
START_TEST(a_grandchild_in_its_own_session_does_not_survive_a_stop)
{
        expect_no_grandchild("grandchild-setsid");
}
END_TEST

/* OSP-015: as is a daemon that forked twice and belongs to nobody. */
START_TEST(a_daemonised_grandchild_does_not_survive_a_stop)
{
        expect_no_grandchild("double-fork");
}
END_TEST

/* OSP-015: the crash of its parent ends it as well. */
START_TEST(a_daemonised_grandchild_does_not_survive_a_crash)
{
        Harness *h =
                harness_start(TREE(APP("app", "", SIN("a", "double-fork ready", "") TOY("b", ""))));
        pid_t g = record_wait(h, "a.g+", 1), a = kill_child(h, "app/a", SIGKILL);

        expect_new_pid(h, "app/a", a);
        expect_dead(h, g);
        harness_stop(h);
}
END_TEST

/* A child that double-forks itself away: its main process ended, so it ended; what it left goes
 * too. */
START_TEST(a_child_that_daemonises_itself_has_ended)
{
        Harness *h = harness_start(TREE(APP(
                "app", "", SIN("a", "ready double-fork take=go exit=0", TRANSIENT) TOY("b", ""))));
        pid_t g = record_wait(h, "a.g+", 1);

        touch(h, "go");
        expect(h, "exited", "app/a", "normal");
        expect_dead(h, g);
        harness_stop(h);
}
END_TEST

/* SUP-096: two deaf ones are stopped one after the other, each with its own deadline. */
START_TEST(deaf_siblings_are_stopped_one_after_the_other)
{
        Harness *h = harness_start(
                TREE(APP("app", "",
                         SIN("a", "ignore-term ready", ",'shutdown':'100ms'")
                                 SIN("b", "ignore-term ready", ",'shutdown':'100ms'"))));

        ctl(h, "stop", "{'paths':['app']}");
        check(h, record_usec(h, "a-", 1) >= record_usec(h, "b-", 1) + 99000);
        harness_stop(h);
}
END_TEST

/* SUP-093: infinity waits as long as it takes. */
START_TEST(infinity_waits_as_long_as_it_takes)
{
        Harness *h = harness_start(
                TREE(APP("app", "", SIN("a", "slow-term=go ready", ",'shutdown':'infinity'"))));
        CtlCall *stop = ctl_begin(h, "stop", "{'paths':['app/a']}");
        pid_t a = record_wait(h, "a-", 1);

        harness_lives_for(h, 300);
        check(h, is_alive(a));
        touch(h, "go");
        (void)ctl_end(h, stop);
        expect(h, "stopped", "app/a", "shutdown");
        harness_stop(h);
}
END_TEST

/* A kill by hand ends even that wait. */
START_TEST(a_stop_without_end_can_be_ended_by_a_kill)
{
        Harness *h = harness_start(
                TREE(APP("app", "", SIN("a", "ignore-term ready", ",'shutdown':'infinity'"))));
        CtlCall *stop = ctl_begin(h, "stop", "{'paths':['app/a']}");

        (void)record_wait(h, "a-", 1);
        ctl(h, "kill", "{'path':'app/a'}");
        check(h, json_object_get(ctl_end(h, stop), "result") != NULL);
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        harness_stop(h);
}
END_TEST

/* SUP-092: brutal_kill asks nobody. */
START_TEST(brutal_kill_asks_nobody)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ",'shutdown':'brutal_kill'"))));
        pid_t a = child_pid(h, "app/a");

        ctl(h, "stop", "{'paths':['app/a']}");
        check(h, !is_alive(a));
        check_str(h, record_text(h), "a+");
        harness_stop(h);
}
END_TEST

static TCase *stop_case(void)
{
        TCase *tcase = harness_case("stop-ladder");

        tcase_add_test(tcase, a_deaf_child_is_killed_at_its_deadline);
        tcase_add_test(tcase, a_sleeping_child_is_woken_to_be_stopped);
        tcase_add_test(tcase, a_child_that_will_not_wake_is_killed_at_its_deadline);
        tcase_add_test(tcase, stopping_and_continuing_is_no_end);
        tcase_add_test(tcase, a_grandchild_does_not_survive_a_stop);
        tcase_add_test(tcase, a_grandchild_does_not_survive_a_crash);
        tcase_add_test(tcase, a_grandchild_in_its_own_session_does_not_survive_a_stop);
        tcase_add_test(tcase, a_daemonised_grandchild_does_not_survive_a_stop);
        tcase_add_test(tcase, a_daemonised_grandchild_does_not_survive_a_crash);
        tcase_add_test(tcase, a_child_that_daemonises_itself_has_ended);
        tcase_add_test(tcase, deaf_siblings_are_stopped_one_after_the_other);
        tcase_add_test(tcase, infinity_waits_as_long_as_it_takes);
        tcase_add_test(tcase, a_stop_without_end_can_be_ended_by_a_kill);
        tcase_add_test(tcase, brutal_kill_asks_nobody);
        return tcase;
}

TEST_MAIN("d01-stop-ladder", stop_case())
