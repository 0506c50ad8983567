/*
 * Owns the proof of rest_for_one: one ends, those after it stop in reverse; then it and they start
 * in order. Earlier ones never notice.
 */

#include "tests/support/harness.h"

#include <signal.h>

#define FOUR TOY("a", "") TOY("b", "") TOY("c", "") TOY("d", "")

/* SUP-042. */
START_TEST(the_child_and_those_after_it_are_restarted)
{
        Harness *h = harness_start(TREE(APP("app", REST_FOR_ONE, FOUR)));
        pid_t a = child_pid(h, "app/a");

        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "exited", "app/b", "killed");
        expect(h, "ready", "app/d", NULL);
        check_str(h, record_text(h), "d- d. c- c. b+ c+ d+");
        check_int(h, child_pid(h, "app/a"), a);
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* SUP-043. */
START_TEST(the_last_one_is_restarted_alone)
{
        Harness *h = harness_start(TREE(APP("app", REST_FOR_ONE, FOUR)));

        record_clear(h);
        (void)kill_child(h, "app/d", SIGKILL);
        expect(h, "exited", "app/d", "killed");
        expect(h, "ready", "app/d", NULL);
        check_str(h, record_text(h), "d+");
        harness_stop(h);
}
END_TEST

/* SUP-044, SUP-110: a child that was added is the last in the order. */
START_TEST(an_added_child_is_the_last_in_the_order)
{
        Harness *h = harness_start(TREE(APP("app", REST_FOR_ONE, TOY("a", "") TOY("b", ""))));

        ctl(h, "add", "{'parent':'app','child':" TOY("x", "") "}");
        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/x", NULL);
        check_str(h, record_text(h), "x- x. b- b. a+ b+ x+");
        harness_stop(h);
}
END_TEST

/* SUP-049: a later sibling that was stopped by hand is started again. */
START_TEST(a_later_stopped_sibling_is_started_again)
{
        Harness *h = harness_start(TREE(APP("app", REST_FOR_ONE, FOUR)));

        ctl(h, "stop", "{'paths':['app/c']}");
        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "exited", "app/b", "killed");
        expect(h, "ready", "app/d", NULL);
        check_str(h, record_text(h), "d- d. b+ c+ d+");
        harness_stop(h);
}
END_TEST

/* SUP-050: an earlier one stays stopped. */
START_TEST(an_earlier_stopped_sibling_stays_stopped)
{
        Harness *h = harness_start(TREE(APP("app", REST_FOR_ONE, FOUR)));

        ctl(h, "stop", "{'paths':['app/a']}");
        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "exited", "app/b", "killed");
        expect(h, "ready", "app/d", NULL);
        check_str(h, record_text(h), "d- d. c- c. b+ c+ d+");
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        harness_stop(h);
}
END_TEST

/* SUP-052: a temporary one after it is dropped, one before it is left alone. */
START_TEST(a_later_temporary_sibling_is_dropped)
{
        Harness *h = harness_start(
                TREE(APP("app", REST_FOR_ONE,
                         TOY("a", TEMPORARY) TOY("b", "") TOY("c", TEMPORARY) TOY("d", ""))));

        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "exited", "app/b", "killed");
        expect(h, "ready", "app/d", NULL);
        check_str(h, record_text(h), "d- d. c- c. b+ d+");
        check_str(h, node_str(h, "app/a", "state"), "running");
        expect_dropped(h, "app/c");
        harness_stop(h);
}
END_TEST

/* SUP-057: a later one refuses: those before it, the new culprit included, stay up; only the rest
 * is tried again. */
START_TEST(a_refusal_retries_only_the_rest)
{
        Harness *h = harness_start(TREE(
                APP("app", REST_FOR_ONE,
                    TOY("a", "") TOY("b", "") SIN("c", "fail-once=bad ready", "") TOY("d", ""))));
        pid_t a = child_pid(h, "app/a");

        record_clear(h);
        touch(h, "bad");
        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "exited", "app/b", "killed");
        expect(h, "failed", "app/c", NULL);
        expect(h, "ready", "app/d", NULL);
        check_str(h, record_text(h), "d- d. c- c. b+ c+ c! c+ d+");
        check_int(h, child_pid(h, "app/a"), a);
        check_int(h, node_int(h, "app", "restarts_in_period"), 2);
        harness_stop(h);
}
END_TEST

/* A death of an earlier one while later ones are being restarted widens the restart. */
START_TEST(an_earlier_death_during_the_restart_takes_all_with_it)
{
        Harness *h = harness_start(
                TREE(APP("app", REST_FOR_ONE,
                         TOY("a", "") TOY("b", "") SIN("c", "slow-term=go ready", ""))));

        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        (void)record_wait(h, "c-", 1);
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        touch(h, "go");
        expect(h, "ready", "app/c", NULL);
        expect_state(h, "app", "running");
        expect_state(h, "app/a", "running");
        expect_state(h, "app/b", "running");
        expect_state(h, "app/c", "running");
        /* Whatever was started before a was, has been stopped again: b runs after a. */
        check(h, record_usec(h, "b+", record_count(h, "b+")) > record_usec(h, "a+", 1));
        check(h, record_usec(h, "c+", record_count(h, "c+")) >
                         record_usec(h, "b+", record_count(h, "b+")));
        check_int(h, node_int(h, "app", "restarts_in_period"), 2);
        harness_stop(h);
}
END_TEST

static TCase *rest_for_one_case(void)
{
        TCase *tcase = harness_case("rest-for-one");

        tcase_add_test(tcase, the_child_and_those_after_it_are_restarted);
        tcase_add_test(tcase, the_last_one_is_restarted_alone);
        tcase_add_test(tcase, an_added_child_is_the_last_in_the_order);
        tcase_add_test(tcase, a_later_stopped_sibling_is_started_again);
        tcase_add_test(tcase, an_earlier_stopped_sibling_stays_stopped);
        tcase_add_test(tcase, a_later_temporary_sibling_is_dropped);
        tcase_add_test(tcase, a_refusal_retries_only_the_rest);
        tcase_add_test(tcase, an_earlier_death_during_the_restart_takes_all_with_it);
        return tcase;
}

TEST_MAIN("b03-rest-for-one", rest_for_one_case())
