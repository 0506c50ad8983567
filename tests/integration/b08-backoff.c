/*
 * Owns the proof of delayed restarts: they come after their delay, are seen, and can be called off.
 */

#include "tests/support/harness.h"

#include <signal.h>

#define DELAY(initial, max) \
        ",'backoff':{'initial':'" initial "','max':'" max "','factor':2,'jitter':0,'reset':'60s'}"
#define NEVER DELAY("60s", "60s")

START_TEST(a_delayed_restart_comes_after_its_delay)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", DELAY("150ms", "1s")))));
        json_t *exited, *starting;
        pid_t a = child_pid(h, "app/a");

        check_int(h, kill_child(h, "app/a", SIGKILL), a);
        exited = expect(h, "exited", "app/a", "killed");
        starting = expect(h, "starting", "app/a", NULL);
        check(h, json_integer_value(json_object_get(starting, "time")) -
                                 json_integer_value(json_object_get(exited, "time")) >=
                         149);
        expect_new_pid(h, "app/a", a);
        harness_stop(h);
}
END_TEST

/* The delay is listed, with the time of the next try. */
START_TEST(a_waiting_child_is_listed_with_its_next_try)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", NEVER) TOY("b", ""))));
        json_t *a, *event;

        (void)kill_child(h, "app/a", SIGKILL);
        event = expect(h, "restarting", "app/a", NULL);
        check(h, json_integer_value(json_object_get(event, "next_try_in_ms")) > 50000);
        expect_state(h, "app/a", "backoff");
        a = node(h, "app/a");
        check(h, json_is_null(json_object_get(a, "pid")));
        check(h, json_integer_value(json_object_get(a, "next_try_at")) > 0);
        check(h, json_integer_value(json_object_get(a, "next_try_in_ms")) > 50000);
        check(h, json_integer_value(json_object_get(a, "next_try_in_ms")) <= 60000);
        check_str(h, node_str(h, "app/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* The delay doubles from failure to failure, up to its maximum. */
START_TEST(the_delay_grows_up_to_its_maximum)
{
        Harness *h = harness_start(
                TREE(APP("app", "", SIN("a", "fail-if=bad ready", DELAY("20ms", "60ms")))));
        static const int delays[] = {20, 40, 60, 60};

        touch(h, "bad");
        (void)kill_child(h, "app/a", SIGKILL);
        for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
                json_t *event = expect(h, "restarting", "app/a", NULL);

                check_int(h, json_integer_value(json_object_get(event, "next_try_in_ms")),
                          delays[i]);
        }
        untouch(h, "bad");
        expect_state(h, "app/a", "running");
        harness_stop(h);
}
END_TEST

/* SUP-118, SUP-101: a stop cancels the delay; gend's own end does too, promptly. */
START_TEST(a_stop_cancels_the_delay)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", NEVER) TOY("b", NEVER))));

        (void)kill_child(h, "app/a", SIGKILL);
        expect_state(h, "app/a", "backoff");
        ctl(h, "stop", "{'paths':['app/a']}");
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        (void)kill_child(h, "app/b", SIGKILL);
        expect_state(h, "app/b", "backoff");
        harness_stop(h);
}
END_TEST

/* SUP-120: a start by hand does not wait for the delay to be over. */
START_TEST(a_start_ends_the_delay)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", NEVER))));

        (void)kill_child(h, "app/a", SIGKILL);
        expect_state(h, "app/a", "backoff");
        ctl(h, "start", "{'paths':['app/a']}");
        check_str(h, node_str(h, "app/a", "state"), "running");
        harness_stop(h);
}
END_TEST

/* A group restart does not wait for it either. */
START_TEST(a_group_restart_ends_the_delay)
{
        Harness *h = harness_start(
                TREE(APP("app", REST_FOR_ONE, TOY("a", "") TOY("b", NEVER) TOY("c", ""))));

        (void)kill_child(h, "app/b", SIGKILL);
        expect_state(h, "app/b", "backoff");
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/c", NULL);
        check_str(h, node_str(h, "app/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-119: rest_for_one: stopping the one that waits leaves it stopped; those before it run. */
START_TEST(stopping_the_one_that_a_group_waits_for_leaves_the_earlier_ones)
{
        Harness *h = harness_start(
                TREE(APP("app", REST_FOR_ONE, TOY("a", "") TOY("b", NEVER) TOY("c", ""))));
        pid_t a = child_pid(h, "app/a");

        (void)kill_child(h, "app/b", SIGKILL);
        expect_state(h, "app/b", "backoff");
        ctl(h, "stop", "{'paths':['app/b']}");
        check_str(h, node_str(h, "app/b", "state"), "stopped");
        check_int(h, child_pid(h, "app/a"), a);
        /* OTP leaves the followers stopped until somebody starts them; nobody must hang on it. */
        ctl(h, "start", "{'paths':['app/b']}");
        check_str(h, node_str(h, "app/b", "state"), "running");
        ctl(h, "start", "{'paths':['app/c']}");
        check_str(h, node_str(h, "app/c", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-084: a delay keeps a crash loop slow; without a ready in between it ends after max_failures.
 */
START_TEST(a_crash_loop_with_delays_ends_too)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':1000,'max_failures':4",
                                            SIN("a", "fail-if=bad ready", DELAY("1ms", "2ms")))));

        record_clear(h);
        touch(h, "bad");
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "escalated", "app", NULL);
        check_int(h, record_count(h, "a!"), 4);
        harness_stop(h);
}
END_TEST

/* SUP-101: a tree whose child fails for ever without any delay can be stopped at once. */
START_TEST(a_retry_loop_can_be_stopped_at_once)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':10000,'max_failures':0",
                                            TOY("z", "") SIN("a", "fail-if=bad ready", ""))));

        touch(h, "bad");
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "a!", 3);
        harness_stop(h);
}
END_TEST

static TCase *backoff_case(void)
{
        TCase *tcase = harness_case("backoff");

        tcase_add_test(tcase, a_delayed_restart_comes_after_its_delay);
        tcase_add_test(tcase, a_waiting_child_is_listed_with_its_next_try);
        tcase_add_test(tcase, the_delay_grows_up_to_its_maximum);
        tcase_add_test(tcase, a_stop_cancels_the_delay);
        tcase_add_test(tcase, a_start_ends_the_delay);
        tcase_add_test(tcase, a_group_restart_ends_the_delay);
        tcase_add_test(tcase, stopping_the_one_that_a_group_waits_for_leaves_the_earlier_ones);
        tcase_add_test(tcase, a_crash_loop_with_delays_ends_too);
        tcase_add_test(tcase, a_retry_loop_can_be_stopped_at_once);
        return tcase;
}

TEST_MAIN("b08-backoff", backoff_case())
