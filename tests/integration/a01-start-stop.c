/*
 * Owns the proof that a tree starts in order, says so, and stops in reverse, leaving nothing.
 */

#include "tests/support/harness.h"

#include <signal.h>

/* SUP-004: without children. APP-022: an application without processes counts as running. */
START_TEST(an_empty_tree_starts_and_stops)
{
        Harness *h = harness_start(TREE(APP("app", "", "")));

        expect_state(h, "app", "running");
        harness_stop(h);
}
END_TEST

/* SUP-001, SUP-002: left to right, each once the one before is ready; back in reverse, each gone
 * before the next is asked. */
START_TEST(children_start_in_order_and_stop_in_reverse)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", "") TOY("c", ""))));
        json_t *stopped;

        check_str(h, record_text(h), "a+ b+ c+");
        stopped = ctl(h, "stop", "{'paths':['app']}");
        check(h, json_array_size(json_object_get(stopped, "results")) == 1);
        check_str(h, record_text(h), "a+ b+ c+ c- c. b- b. a- a.");
        harness_stop(h);
}
END_TEST

/* SUP-003: gend is ready only when all children are. */
START_TEST(ready_waits_for_every_child)
{
        Harness *h = harness_launch(
                TREE(APP("app", "", SIN("a", "wait=go ready", "") SIN("b", "wait=go ready", ""))),
                NULL);

        (void)record_wait(h, "a+", 1);
        check_int(h, record_count(h, "b+"), 0);
        expect_state(h, "app", "starting");
        touch(h, "go");
        harness_wait_ready(h);
        check_str(h, record_text(h), "a+ b+");
        harness_stop(h);
}
END_TEST

/* SUP-178: a tree x, sub(s1, s2), y stops as y, s2, s1, x. */
START_TEST(a_nested_tree_stops_in_reverse)
{
        Harness *h = harness_start(TREE(APP(
                "app", "", TOY("x", "") SUP("sub", "", TOY("s1", "") TOY("s2", "")) TOY("y", ""))));

        check_str(h, record_text(h), "x+ s1+ s2+ y+");
        record_clear(h);
        harness_signal(h, SIGTERM);
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "y- y. s2- s2. s1- s1. x- x.");
        harness_free(h);
}
END_TEST

static TCase *start_stop_case(void)
{
        TCase *tcase = harness_case("start-stop");

        tcase_add_test(tcase, an_empty_tree_starts_and_stops);
        tcase_add_test(tcase, children_start_in_order_and_stop_in_reverse);
        tcase_add_test(tcase, ready_waits_for_every_child);
        tcase_add_test(tcase, a_nested_tree_stops_in_reverse);
        return tcase;
}

TEST_MAIN("a01-start-stop", start_stop_case())
