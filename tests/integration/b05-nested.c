/*
 * Owns the proof that supervisors are children: what one's end means for the one above.
 */

#include "tests/support/harness.h"

#include <signal.h>

/* SUP-179: a crash in one sub-tree moves nobody in another. */
START_TEST(a_crash_in_one_subtree_moves_nobody_in_another)
{
        Harness *h = harness_start(TREE(APP("app", ONE_FOR_ALL,
                                            SUP("left", ONE_FOR_ALL, TOY("a", "") TOY("b", ""))
                                                    SUP("right", "", TOY("c", "") TOY("d", "")))));

        record_clear(h);
        (void)kill_child(h, "app/left/a", SIGKILL);
        expect(h, "exited", "app/left/a", "killed");
        expect(h, "ready", "app/left/b", NULL);
        check_str(h, record_text(h), "b- b. a+ b+");
        check_int(h, node_int(h, "app", "restarts_in_period"), 0);
        harness_stop(h);
}
END_TEST

#define GIVING_UP(more)                                         \
        TREE(APP("app", "",                                     \
                 TOY("x", "") SUP("sub", ",'intensity':0" more, \
                                  TOY("a", "") TOY("b", "") TOY("c", ""))))

/* SUP-071, SUP-081, SUP-175, SUP-176: a supervisor that gives up stops the others in reverse and
 * ends with shutdown; a permanent one is restarted by its parent, which counts once there. SUP-085:
 * with an empty budget, so that it can happen again. */
START_TEST(a_permanent_supervisor_that_gave_up_is_restarted)
{
        Harness *h = harness_start(GIVING_UP(""));

        for (int i = 1; i <= 2; i++) {
                record_clear(h);
                (void)kill_child(h, "app/sub/b", SIGKILL);
                expect(h, "escalated", "app/sub", NULL);
                expect(h, "exited", "app/sub", "shutdown");
                expect(h, "ready", "app/sub/c", NULL);
                expect(h, "ready", "app/sub", NULL);
                check_str(h, record_text(h), "c- c. a- a. a+ b+ c+");
                check_int(h, node_int(h, "app", "restarts_in_period"), i);
                check_int(h, node_int(h, "app/sub", "restarts_in_period"), 0);
                check_int(h, node_int(h, "app/sub", "restarts"), i);
        }
        harness_stop(h);
}
END_TEST

/* SUP-175: a transient one is not: shutdown is clean. */
START_TEST(a_transient_supervisor_that_gave_up_is_not_restarted)
{
        Harness *h = harness_start(GIVING_UP(TRANSIENT));

        record_clear(h);
        (void)kill_child(h, "app/sub/b", SIGKILL);
        expect(h, "exited", "app/sub", "shutdown");
        expect_record(h, "c- c. a- a.");
        check(h, strcmp(node_str(h, "app/sub", "state"), "failed") == 0 ||
                         strcmp(node_str(h, "app/sub", "state"), "finished") == 0);
        check_str(h, node_str(h, "app", "state"), "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 0);
        harness_stop(h);
}
END_TEST

/* SUP-175: a temporary one is dropped. */
START_TEST(a_temporary_supervisor_that_gave_up_is_dropped)
{
        Harness *h = harness_start(GIVING_UP(TEMPORARY));

        (void)kill_child(h, "app/sub/b", SIGKILL);
        expect(h, "exited", "app/sub", "shutdown");
        expect_dropped(h, "app/sub");
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-176: the second within the period ends the parent too. */
START_TEST(giving_up_escalates_upwards)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':1,'period':'60s'",
                                       TOY("x", "") SUP("sub", ",'intensity':0", TOY("a", "")))));
        pid_t a = kill_child(h, "app/sub/a", SIGKILL);

        expect_new_pid(h, "app/sub/a", a);
        (void)kill_child(h, "app/sub/a", SIGKILL);
        expect(h, "escalated", "app/sub", NULL);
        expect(h, "escalated", "app", NULL);
        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "x+ a+ a+ x- x.");
        harness_stop(h);
}
END_TEST

/* SUP-177: children added while it ran are lost with their supervisor; those of its specification
 * come back. */
START_TEST(added_children_are_lost_when_their_supervisor_is_restarted)
{
        Harness *h = harness_start(GIVING_UP(""));

        ctl(h, "add", "{'parent':'app/sub','child':" TOY("added", "") "}");
        (void)kill_child(h, "app/sub/a", SIGKILL);
        expect(h, "exited", "app/sub", "shutdown");
        expect(h, "ready", "app/sub", NULL);
        expect_gone(h, "app/sub/added");
        expect_state(h, "app/sub/c", "running");
        harness_stop(h);
}
END_TEST

/* SUP-015, SUP-002, SUP-178: a group restart of the parent stops the sub-tree in reverse. */
START_TEST(a_group_restart_takes_whole_subtrees)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL,
                         TOY("x", "") SUP("sub", "", TOY("a", "") TOY("b", "")) TOY("y", ""))));

        record_clear(h);
        (void)kill_child(h, "app/x", SIGKILL);
        expect(h, "exited", "app/x", "killed");
        expect(h, "ready", "app/y", NULL);
        check_str(h, record_text(h), "y- y. b- b. a- a. x+ a+ b+ y+");
        harness_stop(h);
}
END_TEST

/* SUP-104: a supervisor's own shutdown is infinity: its children get the time they have been given.
 */
START_TEST(a_supervisor_waits_for_its_children_as_long_as_they_may)
{
        Harness *h = harness_start(TREE(
                APP("app", "",
                    SUP("sub", "", SIN("a", "slow-term=go ready", ",'shutdown':'infinity'")))));
        CtlCall *stop;

        stop = ctl_begin(h, "stop", "{'paths':['app/sub']}");
        (void)record_wait(h, "a-", 1);
        check_str(h, node_str(h, "app/sub", "state"), "stopping");
        touch(h, "go");
        check(h, json_object_get(ctl_end(h, stop), "result") != NULL);
        check_str(h, record_text(h), "a+ a- a.");
        harness_stop(h);
}
END_TEST

/* SUP-102: a supervisor with a deadline of its own leaves nobody behind when that is over. */
START_TEST(a_supervisor_whose_time_is_over_leaves_nobody)
{
        Harness *h = harness_start(TREE(
                APP("app", "",
                    SUP("sub", ",'shutdown':'50ms'",
                        SIN("a", "ignore-term ready", ",'shutdown':'infinity'") TOY("b", "")))));
        pid_t a = child_pid(h, "app/sub/a");

        ctl(h, "stop", "{'paths':['app/sub']}");
        check(h, !is_alive(a));
        check_str(h, node_str(h, "app/sub", "state"), "stopped");
        harness_stop(h);
}
END_TEST

/* SUP-005 in depth: a failing start deep in the tree unwinds all of it in reverse. */
START_TEST(a_failed_start_deep_in_the_tree_unwinds_it)
{
        Harness *h = harness_start(TREE(APP(
                "app", "",
                TOY("x", "") SUP("sub", "", TOY("a", "") SIN("b", "exit=1", "")) TOY("y", ""))));

        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "x+ a+ b+ b. a- a. x- x.");
        harness_stop(h);
}
END_TEST

/* A sub-supervisor that cannot be restarted is tried again, and counts, like any child. SUP-075. */
START_TEST(a_subtree_that_does_not_restart_uses_up_the_budget)
{
        Harness *h = harness_start(
                TREE(APP("app", ",'intensity':3,'period':'60s'",
                         TOY("x", "") SUP("sub", ",'intensity':0",
                                          TOY("a", "") SIN("b", "fail-if=bad ready", "")))));

        record_clear(h);
        touch(h, "bad");
        (void)kill_child(h, "app/sub/b", SIGKILL);
        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "a- a. a+ b+ b! a- a. a+ b+ b! a- a. a+ b+ b! a- a. x- x.");
        harness_stop(h);
}
END_TEST

static TCase *nested_case(void)
{
        TCase *tcase = harness_case("nested");

        tcase_add_test(tcase, a_crash_in_one_subtree_moves_nobody_in_another);
        tcase_add_test(tcase, a_permanent_supervisor_that_gave_up_is_restarted);
        tcase_add_test(tcase, a_transient_supervisor_that_gave_up_is_not_restarted);
        tcase_add_test(tcase, a_temporary_supervisor_that_gave_up_is_dropped);
        tcase_add_test(tcase, giving_up_escalates_upwards);
        tcase_add_test(tcase, added_children_are_lost_when_their_supervisor_is_restarted);
        tcase_add_test(tcase, a_group_restart_takes_whole_subtrees);
        tcase_add_test(tcase, a_supervisor_waits_for_its_children_as_long_as_they_may);
        tcase_add_test(tcase, a_supervisor_whose_time_is_over_leaves_nobody);
        tcase_add_test(tcase, a_failed_start_deep_in_the_tree_unwinds_it);
        tcase_add_test(tcase, a_subtree_that_does_not_restart_uses_up_the_budget);
        return tcase;
}

TEST_MAIN("b05-nested", nested_case())
