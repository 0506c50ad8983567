/*
 * Owns the proof of one_for_all: one ends, all stop in reverse, each gone before the next; then all
 * start in order.
 */

#include "tests/support/harness.h"

#include <signal.h>

#define FOUR TOY("a", "") TOY("b", "") TOY("c", "") TOY("d", "")

/* SUP-041, SUP-076: d, c, a stopped in this order, then a, b, c, d started; it counts once. */
START_TEST(the_whole_group_is_stopped_in_reverse_and_started_in_order)
{
        Harness *h = harness_start(TREE(APP("app", ONE_FOR_ALL, FOUR)));

        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "exited", "app/b", "killed");
        expect(h, "ready", "app/d", NULL);
        check_str(h, record_text(h), "d- d. c- c. a- a. a+ b+ c+ d+");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* SUP-045: also when all of them were added while it ran. */
START_TEST(a_group_that_was_added_later_is_a_group)
{
        Harness *h = harness_start(TREE(APP("app", ONE_FOR_ALL, "")));

        ctl(h, "add", "{'parent':'app','child':" TOY("a", "") "}");
        ctl(h, "add", "{'parent':'app','child':" TOY("b", "") "}");
        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/b", NULL);
        check_str(h, record_text(h), "b- b. a+ b+");
        harness_stop(h);
}
END_TEST

/* SUP-046: nothing is started before the slowest is fully gone. */
START_TEST(nothing_starts_before_all_are_gone)
{
        Harness *h = harness_start(TREE(APP(
                "app", ONE_FOR_ALL, TOY("a", "") SIN("b", "slow-term=go ready", "") TOY("c", ""))));

        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "b-", 1);
        check_str(h, record_text(h), "c- c. b-");
        check_str(h, node_str(h, "app/b", "state"), "stopping");
        touch(h, "go");
        expect_record(h, "c- c. b- b. a+ b+ c+");
        harness_stop(h);
}
END_TEST

/* SUP-047: one that was stopped by hand comes back with its group. */
START_TEST(a_stopped_sibling_is_started_with_its_group)
{
        Harness *h = harness_start(TREE(APP("app", ONE_FOR_ALL, TOY("a", "") TOY("b", ""))));

        ctl(h, "stop", "{'paths':['app/b']}");
        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/b", NULL);
        check_str(h, record_text(h), "a+ b+");
        check_str(h, node_str(h, "app/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-048: so does a transient one that had ended cleanly; SUP-054: whose end itself moved nobody.
 */
START_TEST(a_finished_sibling_is_started_with_its_group)
{
        Harness *h = harness_start(TREE(
                APP("app", ONE_FOR_ALL, TOY("a", "") SIN("b", "ready take=go exit=0", TRANSIENT))));

        touch(h, "go");
        expect(h, "exited", "app/b", "normal");
        expect_state(h, "app/b", "finished");
        check_str(h, record_text(h), "a+ b+ b.");
        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/b", NULL);
        check_str(h, record_text(h), "a+ b+");
        harness_stop(h);
}
END_TEST

/* SUP-052: a temporary sibling is stopped and dropped for good. */
START_TEST(a_temporary_sibling_is_dropped_by_the_group_restart)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL, TOY("a", "") TOY("b", TEMPORARY) TOY("c", ""))));

        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/c", NULL);
        check_str(h, record_text(h), "c- c. b- b. a+ c+");
        expect_dropped(h, "app/b");
        harness_stop(h);
}
END_TEST

/* SUP-053: a temporary child's own crash moves nobody. */
START_TEST(the_crash_of_a_temporary_child_moves_nobody)
{
        Harness *h = harness_start(TREE(APP("app", ONE_FOR_ALL, TOY("a", "") TOY("b", TEMPORARY))));

        (void)kill_child(h, "app/b", SIGKILL);
        expect(h, "exited", "app/b", "killed");
        expect_dropped(h, "app/b");
        check_str(h, record_text(h), "a+ b+");
        check_int(h, events_count(h, 0, "stopping", NULL), 0);
        harness_stop(h);
}
END_TEST

/* SUP-055: a permanent child that ends with normal restarts the whole group. */
START_TEST(a_permanent_child_that_is_done_restarts_the_group)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL, TOY("a", "") SIN("b", "ready take=go exit=0", ""))));

        record_clear(h);
        touch(h, "go");
        expect(h, "exited", "app/b", "normal");
        expect(h, "ready", "app/b", NULL);
        check_str(h, record_text(h), "b. a- a. a+ b+");
        harness_stop(h);
}
END_TEST

/* SUP-056: the second refuses: the first, just started, is stopped again, then the whole group is
 * tried again; the third is not started in between; each try counts. */
START_TEST(a_refusal_during_the_group_restart_unwinds_it)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL,
                         TOY("a", "") SIN("b", "fail-once=bad ready", "") TOY("c", ""))));

        record_clear(h);
        touch(h, "bad");
        (void)kill_child(h, "app/c", SIGKILL);
        expect(h, "exited", "app/c", "killed");
        expect(h, "failed", "app/b", NULL);
        expect(h, "ready", "app/c", NULL);
        check_str(h, record_text(h), "b- b. a- a. a+ b+ b! a- a. a+ b+ c+");
        check_int(h, node_int(h, "app", "restarts_in_period"), 2);
        harness_stop(h);
}
END_TEST

/* SUP-061: a sibling that is being stopped for the group and ends oddly is neither counted nor
 * restarted apart. */
START_TEST(an_odd_end_while_the_group_stops_is_absorbed)
{
        Harness *h = harness_start(TREE(APP("app", ONE_FOR_ALL ",'intensity':1,'period':'60s'",
                                            TOY("a", "") SIN("b", "term-exit=3 ready", "")
                                                    SIN("c", "term-exit=-11 ready", ""))));

        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/c", NULL);
        check_str(h, record_text(h), "c- c. b- b. a+ b+ c+");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-061: likewise one that dies on its own while its siblings are being stopped. */
START_TEST(a_death_during_the_group_stop_is_absorbed)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL ",'intensity':1,'period':'60s'",
                         TOY("a", "") TOY("b", "") SIN("c", "slow-term=go ready", ""))));

        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "c-", 1);
        expect_dead(h, kill_child(h, "app/b", SIGKILL));
        touch(h, "go");
        expect_record(h, "c- c. a+ b+ c+");
        expect_state(h, "app/c", "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

static TCase *one_for_all_case(void)
{
        TCase *tcase = harness_case("one-for-all");

        tcase_add_test(tcase, the_whole_group_is_stopped_in_reverse_and_started_in_order);
        tcase_add_test(tcase, a_group_that_was_added_later_is_a_group);
        tcase_add_test(tcase, nothing_starts_before_all_are_gone);
        tcase_add_test(tcase, a_stopped_sibling_is_started_with_its_group);
        tcase_add_test(tcase, a_finished_sibling_is_started_with_its_group);
        tcase_add_test(tcase, a_temporary_sibling_is_dropped_by_the_group_restart);
        tcase_add_test(tcase, the_crash_of_a_temporary_child_moves_nobody);
        tcase_add_test(tcase, a_permanent_child_that_is_done_restarts_the_group);
        tcase_add_test(tcase, a_refusal_during_the_group_restart_unwinds_it);
        tcase_add_test(tcase, an_odd_end_while_the_group_stops_is_absorbed);
        tcase_add_test(tcase, a_death_during_the_group_stop_is_absorbed);
        return tcase;
}

TEST_MAIN("b02-one-for-all", one_for_all_case())
