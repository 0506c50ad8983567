/*
 * Owns the proof that the time of day decides nothing: it is set back by an hour under a running
 * gend. OSP-017.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>

static Harness *start_with_lie(const char *tree)
{
        Harness *h = harness_new();
        char preload[512];

        (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", getenv("GEND_CLOCKSKEW"));
        harness_env(h, preload);
        harness_run(h, tree, NULL);
        harness_wait_ready(h);
        return h;
}

/* A preloaded library and a sanitizer's runtime, or valgrind, do not go together. */
static bool can_lie(void)
{
        return getenv("GEND_CLOCKSKEW") && !getenv("GEND_VFORK") && !getenv("GEND_TEST_WRAP");
}

START_TEST(a_delayed_restart_comes_although_the_clock_was_set_back)
{
        Harness *h;
        json_int_t before, after;
        pid_t a;

        if (!can_lie())
                return;
        h = start_with_lie(
                TREE(APP("app", "", TOY("a", ",'backoff':{'initial':'300ms','jitter':0}"))));
        a = kill_child(h, "app/a", SIGKILL);
        before = json_integer_value(json_object_get(expect(h, "exited", "app/a", NULL), "time"));
        expect_state(h, "app/a", "backoff");
        touch(h, "clock-back");
        after = json_integer_value(json_object_get(expect(h, "ready", "app/a", NULL), "time"));
        /* The lie was believed where it does no harm. */
        check(h, after < before - 3500000);
        check(h, child_pid(h, "app/a") != a);
        harness_stop(h);
}
END_TEST

START_TEST(deadlines_hold_although_the_clock_was_set_back)
{
        Harness *h;
        CtlCall *stop;

        if (!can_lie())
                return;
        h = start_with_lie(
                TREE(APP("app", "",
                         SIN("a", "ignore-term ready", ",'shutdown':'300ms'")
                                 SIN("b", "hang-if=hang ready", ",'start_timeout':'300ms'")
                                         SIN("c", "ready watchdog-once", ",'watchdog':'300ms'"))));
        stop = ctl_begin(h, "stop", "{'paths':['app/a']}");
        (void)record_wait(h, "a-", 1);
        touch(h, "clock-back");
        check(h, json_object_get(ctl_end(h, stop), "result") != NULL);
        expect(h, "exited", "app/c", "watchdog");
        touch(h, "hang");
        (void)ctl_fails(h, -32001, "restart", "{'paths':['app/b']}");
        check(h, json_array_size(json_object_get(ctl(h, "events", "{'since':100000,'wait_ms':50}"),
                                                 "events")) == 0);
        harness_stop(h);
}
END_TEST

START_TEST(the_restart_budget_holds_although_the_clock_was_set_back)
{
        Harness *h;
        pid_t a;

        if (!can_lie())
                return;
        h = start_with_lie(TREE(APP("app", ",'intensity':1,'period':'200ms'", TOY("a", ""))));
        a = kill_child(h, "app/a", SIGKILL);
        a = expect_new_pid(h, "app/a", a);
        touch(h, "clock-back");
        harness_lives_for(h, 250);
        check_int(h, node_int(h, "app", "restarts_in_period"), 0);
        check_int(h, kill_child(h, "app/a", SIGKILL), a);
        expect_new_pid(h, "app/a", a);
        check_int(h, node_int(h, "app/a", "restarts"), 2);
        harness_stop(h);
}
END_TEST

static TCase *clock_case(void)
{
        TCase *tcase = harness_case("clock");

        tcase_add_test(tcase, a_delayed_restart_comes_although_the_clock_was_set_back);
        tcase_add_test(tcase, deadlines_hold_although_the_clock_was_set_back);
        tcase_add_test(tcase, the_restart_budget_holds_although_the_clock_was_set_back);
        return tcase;
}

TEST_MAIN("f02-clock", clock_case())
