/*
 * Owns the proof of one_for_one: a child that ends is nobody's business but its own.
 */

#include "tests/support/harness.h"

#include <signal.h>

/* SUP-040: only the one that crashed is replaced. SUP-037: it keeps its place. */
START_TEST(only_the_child_that_ended_is_replaced)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", "") TOY("c", ""))));
        pid_t a = child_pid(h, "app/a"), c = child_pid(h, "app/c"), b;

        b = kill_child(h, "app/b", SIGSEGV);
        expect(h, "exited", "app/b", NULL);
        expect(h, "ready", "app/b", NULL);
        check(h, child_pid(h, "app/b") != b);
        check_int(h, child_pid(h, "app/a"), a);
        check_int(h, child_pid(h, "app/c"), c);
        check_str(h, record_text(h), "a+ b+ c+ b+");
        record_clear(h);
        ctl(h, "stop", "{'paths':['app']}");
        check_str(h, record_text(h), "c- c. b- b. a- a.");
        harness_stop(h);
}
END_TEST

/* SUP-037: the same arguments and environment as before. */
START_TEST(a_restarted_child_has_its_original_arguments)
{
        Harness *h = harness_start(TREE(APP(
                "app", "", SIN("a", "mark=first ready", ",'env':{'COLOUR':'blue'}") TOY("b", ""))));
        pid_t a = kill_child(h, "app/a", SIGKILL);

        expect_new_pid(h, "app/a", a);
        check_str(h, record_text(h), "a+ afirst b+ a+ afirst");
        harness_stop(h);
}
END_TEST

/* SUP-051: one stopped by hand stays stopped when another one crashes. */
START_TEST(a_stopped_sibling_stays_stopped)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));

        ctl(h, "stop", "{'paths':['app/b']}");
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/a", NULL);
        check_str(h, node_str(h, "app/b", "state"), "stopped");
        check_str(h, record_text(h), "a+ b+ b- b. a+");
        harness_stop(h);
}
END_TEST

/* SUP-062, SUP-083: while one is in its retry loop, another one is restarted as ever. */
START_TEST(a_retry_loop_does_not_hold_up_the_others)
{
        Harness *h = harness_start(
                TREE(APP("app", ",'intensity':10000,'max_failures':0",
                         SIN("a", "fail-if=bad ready",
                             ",'backoff':{'initial':'1ms','max':'5ms','jitter':0}") TOY("b", ""))));
        pid_t b;

        touch(h, "bad");
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "a!", 3);
        b = kill_child(h, "app/b", SIGKILL);
        expect_new_pid(h, "app/b", b);
        untouch(h, "bad");
        expect_state(h, "app/a", "running");
        harness_stop(h);
}
END_TEST

/* SUP-035: a temporary child that ended is forgotten; SUP-077: and not counted. */
START_TEST(a_temporary_child_is_dropped)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':0", TOY("a", TEMPORARY) TOY("b", ""))));

        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect_dropped(h, "app/a");
        check_str(h, node_str(h, "app", "state"), "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 0);
        harness_stop(h);
}
END_TEST

/* SUP-032, SUP-078: a transient child that ended cleanly is listed as finished, and not counted. */
START_TEST(a_transient_child_that_is_done_is_listed)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':0",
                                       SIN("a", "ready take=go exit=0", TRANSIENT) TOY("b", ""))));

        touch(h, "go");
        expect(h, "exited", "app/a", "normal");
        expect_state(h, "app/a", "finished");
        check(h, json_is_null(json_object_get(node(h, "app/a"), "pid")));
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

/* Counted where the operator looks. */
START_TEST(restarts_are_counted)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));

        for (int i = 1; i <= 3; i++) {
                pid_t a = kill_child(h, "app/a", SIGKILL);

                expect_new_pid(h, "app/a", a);
                check_int(h, node_int(h, "app/a", "restarts"), i);
        }
        check_int(h, node_int(h, "app", "restarts_in_period"), 3);
        events_check_gapless(h);
        harness_stop(h);
}
END_TEST

static TCase *one_for_one_case(void)
{
        TCase *tcase = harness_case("one-for-one");

        tcase_add_test(tcase, only_the_child_that_ended_is_replaced);
        tcase_add_test(tcase, a_restarted_child_has_its_original_arguments);
        tcase_add_test(tcase, a_stopped_sibling_stays_stopped);
        tcase_add_test(tcase, a_retry_loop_does_not_hold_up_the_others);
        tcase_add_test(tcase, a_temporary_child_is_dropped);
        tcase_add_test(tcase, a_transient_child_that_is_done_is_listed);
        tcase_add_test(tcase, restarts_are_counted);
        return tcase;
}

TEST_MAIN("b01-one-for-one", one_for_one_case())
