/*
 * Owns the proof that gend-supervisor and gend-log may die at any moment: no child is touched,
 * doubled or lost, no exit is forgotten, counters, events and what an operator wanted survive.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>

#define SUPERVISOR "gend-supervisor"

/* A new one serves. */
static void kill_supervisor(Harness *h)
{
        pid_t old = harness_kill_service(h, SUPERVISOR);

        check(h, harness_service_pid(h, SUPERVISOR) != old);
        (void)ctl(h, "ping", "{}");
}

START_TEST(its_death_touches_nobody)
{
        Harness *h = harness_start(
                TREE(APP("app", "", TOY("a", "") SUP("sub", "", TOY("b", "") TOY("c", "")))));
        pid_t a = child_pid(h, "app/a"), c = child_pid(h, "app/sub/c");
        long long seq;

        (void)events_mark(h);
        seq = json_integer_value(json_object_get(ctl(h, "events", "{}"), "next"));
        for (int i = 0; i < 5; i++)
                kill_supervisor(h);
        check_int(h, child_pid(h, "app/a"), a);
        check_int(h, child_pid(h, "app/sub/c"), c);
        check_str(h, record_text(h), "a+ b+ c+");
        check_int(h, node_int(h, "app/a", "restarts"), 0);
        check_int(h, json_integer_value(json_object_get(ctl(h, "events", "{}"), "next")), seq);
        events_check_gapless(h);
        harness_stop(h);
}
END_TEST

/* An exit while there is none is dealt with once, by the next. */
START_TEST(an_exit_in_its_absence_is_not_lost)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));
        pid_t a = child_pid(h, "app/a"), b = child_pid(h, "app/b"), supervisor;

        supervisor = harness_service_pid(h, SUPERVISOR);
        ck_assert_int_eq(kill(supervisor, SIGSTOP), 0);
        ck_assert_int_eq(kill(a, SIGKILL), 0);
        expect_dead(h, a);
        ck_assert_int_eq(kill(supervisor, SIGKILL), 0);
        expect_new_pid(h, "app/a", a);
        check_int(h, child_pid(h, "app/b"), b);
        check_int(h, record_count(h, "a+"), 2);
        check_int(h, node_int(h, "app/a", "restarts"), 1);
        check_int(h, events_count(h, 0, "exited", "app/a"), 1);
        events_check_gapless(h);
        harness_stop(h);
}
END_TEST

/* Counters survive: budget, restarts, last exit. */
START_TEST(counters_survive)
{
        Harness *h = harness_start(
                TREE(APP("app", ",'intensity':2,'period':'60s'", TOY("a", "") TOY("b", ""))));
        pid_t a = kill_child(h, "app/a", SIGKILL);

        a = expect_new_pid(h, "app/a", a);
        kill_supervisor(h);
        check_int(h, node_int(h, "app/a", "restarts"), 1);
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        check_str(h,
                  json_string_value(json_object_get(json_object_get(node(h, "app/a"), "last_exit"),
                                                    "reason")),
                  "killed");
        check_int(h, kill_child(h, "app/a", SIGKILL), a);
        expect_new_pid(h, "app/a", a);
        kill_supervisor(h);
        check_int(h, node_int(h, "app", "restarts_in_period"), 2);
        (void)kill_child(h, "app/a", SIGKILL);
        expect_state(h, "app", "failed");
        kill_supervisor(h);
        check_str(h, node_str(h, "app", "state"), "failed");
        harness_stop(h);
}
END_TEST

/* What an operator wanted survives: stopped, added, deleted, spawned. */
START_TEST(wishes_survive)
{
        Harness *h = harness_start(TREE(APP("app", "",
                                            TOY("a", "") TOY("b", "") TOY("c", "")
                                                    SUP("jobs", SIMPLE, TOY("job", "")))));
        const char *job;
        pid_t pid;

        ctl(h, "stop", "{'paths':['app/a','app/b']}");
        ctl(h, "delete", "{'path':'app/b'}");
        ctl(h, "add", "{'parent':'app','child':" TOY("d", "") "}");
        job = json_string_value(json_object_get(
                ctl(h, "spawn", "{'path':'app/jobs','args':['mark=mine']}"), "path"));
        pid = record_wait(h, "jobmine", 1);
        kill_supervisor(h);
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        check(h, !node_exists(h, "app/b"));
        check_str(h, node_str(h, "app/d", "state"), "running");
        check_int(h, kill_child(h, job, SIGKILL), pid);
        expect_new_pid(h, job, pid);
        (void)record_wait(h, "jobmine", 2);
        check_int(h, record_count(h, "d+"), 1);
        /* A stopped one stays stopped over its parent's restart, as before. */
        ctl(h, "restart", "{'paths':['app']}");
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        harness_stop(h);
}
END_TEST

/* The order added to the specification survives, too: b was added last. */
START_TEST(the_start_order_survives)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("z", "") TOY("y", ""))));

        ctl(h, "add", "{'parent':'app','child':" TOY("a", "") "}");
        kill_supervisor(h);
        record_clear(h);
        ctl(h, "stop", "{'paths':['app']}");
        check_str(h, record_text(h), "a- a. y- y. z- z.");
        harness_stop(h);
}
END_TEST

/* In the middle of a start: it goes on with the next child, and none is started twice. */
START_TEST(a_start_goes_on)
{
        Harness *h = harness_launch(
                TREE(APP("app", "", TOY("a", "") SIN("b", "take=go ready", "") TOY("c", ""))),
                NULL);

        (void)record_wait(h, "b+", 1);
        kill_supervisor(h);
        check_str(h, node_str(h, "app/b", "state"), "starting");
        touch(h, "go");
        harness_wait_ready(h);
        check_str(h, record_text(h), "a+ b+ c+");
        harness_stop(h);
}
END_TEST

/* READY=1 that came in its absence counts. */
START_TEST(readiness_in_its_absence_counts)
{
        Harness *h = harness_launch(
                TREE(APP("app", "",
                         TOY("a", "") SIN("b", "take=go ready mark=up", "") TOY("c", ""))),
                NULL);
        pid_t supervisor;

        (void)record_wait(h, "b+", 1);
        supervisor = harness_service_pid(h, SUPERVISOR);
        ck_assert_int_eq(kill(supervisor, SIGSTOP), 0);
        touch(h, "go");
        (void)record_wait(h, "bup", 1);
        ck_assert_int_eq(kill(supervisor, SIGKILL), 0);
        harness_wait_ready(h);
        check_str(h, record_text(h), "a+ b+ bup c+");
        harness_stop(h);
}
END_TEST

/* In the middle of a group restart, while it stops. */
START_TEST(a_group_stop_goes_on)
{
        Harness *h = harness_start(TREE(APP("app", ONE_FOR_ALL,
                                            TOY("a", "") SIN("b", "slow-term=go ready", "")
                                                    TOY("c", "") TOY("d", ""))));

        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "b-", 1);
        kill_supervisor(h);
        check_str(h, record_text(h), "d- d. c- c. b-");
        touch(h, "go");
        expect_record(h, "d- d. c- c. b- b. a+ b+ c+ d+");
        expect_state(h, "app/d", "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* In the middle of a group restart, while it starts. */
START_TEST(a_group_start_goes_on)
{
        Harness *h = harness_new();

        touch(h, "go");
        harness_run(h,
                    TREE(APP("app", ONE_FOR_ALL,
                             TOY("a", "") SIN("b", "take=go ready", "") TOY("c", ""))),
                    NULL);
        harness_wait_ready(h);
        record_clear(h);
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "b+", 1);
        kill_supervisor(h);
        check_str(h, record_text(h), "c- c. b- b. a+ b+");
        touch(h, "go");
        expect_record(h, "c- c. b- b. a+ b+ c+");
        expect_state(h, "app/c", "running");
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        harness_stop(h);
}
END_TEST

/* A stop under way is finished, once, and its deadline holds. */
START_TEST(a_stop_goes_on_with_its_deadline)
{
        Harness *h = harness_start(TREE(
                APP("app", "", SIN("a", "ignore-term ready", ",'shutdown':'400ms'") TOY("b", ""))));
        CtlCall *stop = ctl_begin(h, "stop", "{'paths':['app/a'],'wait':false}");
        pid_t a = record_wait(h, "a-", 1);

        (void)ctl_end(h, stop);
        kill_supervisor(h);
        expect_state(h, "app/a", "stopped");
        check(h, !is_alive(a));
        check_int(h, record_count(h, "a-"), 1);
        harness_stop(h);
}
END_TEST

/* A delay under way goes on, not anew. */
START_TEST(a_delay_goes_on)
{
        Harness *h = harness_start(
                TREE(APP("app", "",
                         TOY("a", ",'backoff':{'initial':'60s','jitter':0}")
                                 TOY("b", ",'backoff':{'initial':'500ms','jitter':0}"))));
        json_int_t before;
        pid_t b;

        (void)kill_child(h, "app/a", SIGKILL);
        expect_state(h, "app/a", "backoff");
        before = node_int(h, "app/a", "next_try_at");
        b = kill_child(h, "app/b", SIGKILL);
        expect_state(h, "app/b", "backoff");
        kill_supervisor(h);
        check_str(h, node_str(h, "app/a", "state"), "backoff");
        check(h, node_int(h, "app/a", "next_try_at") - before < 50);
        check(h, node_int(h, "app/a", "next_try_at") - before > -50);
        expect_new_pid(h, "app/b", b);
        ctl(h, "start", "{'paths':['app/a']}");
        check_str(h, node_str(h, "app/a", "state"), "running");
        harness_stop(h);
}
END_TEST

/* The whole stop of gend goes on, too, and ends with 0. */
START_TEST(the_stop_of_everything_goes_on)
{
        Harness *h = harness_start(
                TREE(APP("app", "", TOY("a", "") SIN("b", "slow-term=go ready", "") TOY("c", ""))));

        record_clear(h);
        harness_signal(h, SIGTERM);
        (void)record_wait(h, "b-", 1);
        (void)harness_kill_service(h, SUPERVISOR);
        (void)harness_service_pid(h, SUPERVISOR);
        touch(h, "go");
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "c- c. b- b. a- a.");
        harness_free(h);
}
END_TEST

/* One that hangs is found out and replaced, within the time of its ping. */
START_TEST(one_that_hangs_is_replaced)
{
        static const char *const arguments[] = {"--ping", "100", NULL};
        Harness *h = harness_launch(TREE(APP("app", "", TOY("a", ""))), arguments);
        pid_t a, supervisor;

        harness_wait_ready(h);
        a = child_pid(h, "app/a");
        /* It has answered a ping; before that it would be given longer. */
        harness_lives_for(h, 300);
        supervisor = harness_service_pid(h, SUPERVISOR);
        ck_assert_int_eq(kill(supervisor, SIGSTOP), 0);
        expect_dead(h, supervisor);
        (void)ctl(h, "ping", "{}");
        check_int(h, child_pid(h, "app/a"), a);
        check_str(h, record_text(h), "a+");
        harness_stop(h);
}
END_TEST

/* SUP-016: a signal from somebody to a service is no order to the tree: children are untouched. */
START_TEST(a_signal_to_a_service_stops_nobody)
{
        static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE, SIGCONT};
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));
        pid_t a = child_pid(h, "app/a");

        (void)kill(harness_service_pid(h, SUPERVISOR), signals[_i]);
        (void)kill(harness_service_pid(h, "gend-log"), signals[_i]);
        (void)ctl(h, "ping", "{}");
        (void)ctl(h, "tree", "{}");
        check_int(h, child_pid(h, "app/a"), a);
        check_str(h, record_text(h), "a+ b+");
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

/* Killed at every step of a history: whatever the moment, the outcome is that of an undisturbed
 * run. */
static void disturbed_history(int victim_step)
{
        Harness *h = harness_start(TREE(APP(
                "app", REST_FOR_ONE, TOY("a", "") TOY("b", "") TOY("t", TEMPORARY) TOY("c", ""))));
        static const char *const steps[] = {"exited", "stopping", "stopped", "starting",
                                            "ready",  "starting", "ready"};
        pid_t a = child_pid(h, "app/a");

        (void)events_mark(h);
        record_clear(h);
        (void)kill_child(h, "app/b", SIGKILL);
        for (int i = 0; i <= victim_step; i++)
                expect(h, steps[i], NULL, NULL);
        (void)harness_kill_service(h, SUPERVISOR);
        expect_record(h, "c- c. t- t. b+ c+");
        expect_state(h, "app/c", "running");
        expect_state(h, "app/b", "running");
        check_int(h, child_pid(h, "app/a"), a);
        check_int(h, node_int(h, "app", "restarts_in_period"), 1);
        check_int(h, node_int(h, "app/b", "restarts"), 1);
        expect_dropped(h, "app/t");
        events_check_gapless(h);
        harness_expect_count(h, 3 + 3);
        harness_stop(h);
}

START_TEST(its_death_at_any_step_changes_nothing)
{
        disturbed_history(_i);
}
END_TEST

/* Killed at moments that nobody chose, while children crash. */
START_TEST(its_death_at_any_moment_changes_nothing)
{
        Harness *h = harness_start(TREE(APP(
                "app", ",'intensity':10000",
                SUP("one", ",'intensity':10000", TOY("a", "") TOY("b", ""))
                        SUP("all", ONE_FOR_ALL ",'intensity':10000", TOY("c", "") TOY("d", "")))));
        static const char *const paths[] = {"app/one/a", "app/one/b", "app/all/c", "app/all/d"};

        for (int i = 0; i < 8; i++) {
                const char *path = paths[i % 4];
                pid_t pid = expect_new_pid(h, path, 0),
                      supervisor = harness_service_pid(h, SUPERVISOR);

                ck_assert_int_eq(kill(pid, SIGKILL), 0);
                /* From at once to a few milliseconds later: all stages of the restart. */
                if (i > 0)
                        harness_lives_for(h, i / 2);
                (void)kill(supervisor, SIGKILL);
                expect_new_pid(h, path, pid);
        }
        for (int i = 0; i < 4; i++)
                expect_state(h, paths[i], "running");
        harness_expect_count(h, 4 + 3);
        check_int(h, node_int(h, "app/one/a", "restarts"), 2);
        check_int(h, node_int(h, "app/all", "restarts_in_period"), 4);
        events_check_gapless(h);
        harness_stop(h);
}
END_TEST

/* gend-log likewise: children go on writing, nothing blocks, the last lines are there. */
START_TEST(the_death_of_gend_log_touches_nobody)
{
        Harness *h = harness_start(TREE(APP(
                "app", "",
                SIN("a", "say=before ready take=go say=after flood=500000 say=end mark=done", "")
                        TOY("b", ""))));
        pid_t a = child_pid(h, "app/a");
        json_t *result;
        const char *text = "";

        for (int i = 0; i < 3; i++) {
                pid_t old = harness_kill_service(h, "gend-log");

                check(h, harness_service_pid(h, "gend-log") != old);
        }
        touch(h, "go");
        (void)record_wait(h, "adone", 1);
        check_int(h, child_pid(h, "app/a"), a);
        for (long long position = 0; !strstr(text, "end\n");) {
                result = ctl(h, "logs", "{'path':'app/a','position':%lld,'wait_ms':10000}",
                             position);
                text = json_string_value(json_object_get(result, "text"));
                check(h, *text != '\0');
                position = json_integer_value(json_object_get(result, "position"));
        }
        harness_stop(h);
}
END_TEST

START_TEST(a_gend_log_that_hangs_blocks_nobody_for_long)
{
        static const char *const arguments[] = {"--ping", "100", NULL};
        Harness *h = harness_launch(
                TREE(APP("app", "",
                         SIN("a", "ready take=go flood=500000 mark=done", "") TOY("b", ""))),
                arguments);
        pid_t log;

        harness_wait_ready(h);
        harness_lives_for(h, 300);
        log = harness_service_pid(h, "gend-log");
        ck_assert_int_eq(kill(log, SIGSTOP), 0);
        touch(h, "go");
        (void)record_wait(h, "adone", 1);
        expect_dead(h, log);
        harness_stop(h);
}
END_TEST

/* Both at once. */
START_TEST(the_death_of_both_touches_nobody)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));
        pid_t a = child_pid(h, "app/a"), supervisor, log;

        supervisor = harness_service_pid(h, SUPERVISOR);
        log = harness_service_pid(h, "gend-log");
        ck_assert_int_eq(kill(supervisor, SIGKILL), 0);
        ck_assert_int_eq(kill(log, SIGKILL), 0);
        expect_dead(h, supervisor);
        (void)ctl(h, "ping", "{}");
        check_int(h, child_pid(h, "app/a"), a);
        check_str(h, record_text(h), "a+ b+");
        harness_stop(h);
}
END_TEST

/* A reload is not lost: the new tree is the one that survives. */
START_TEST(a_reloaded_tree_survives)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));

        harness_write_tree(h, TREE(APP("app", ",'intensity':77", TOY("b", "") TOY("c", ""))));
        (void)ctl(h, "reload", "{}");
        expect_gone(h, "app/a");
        kill_supervisor(h);
        check(h, !node_exists(h, "app/a"));
        check_str(h, node_str(h, "app/c", "state"), "running");
        check_int(h, node_int(h, "app", "intensity"), 77);
        record_clear(h);
        ctl(h, "stop", "{'paths':['app']}");
        check_str(h, record_text(h), "c- c. b- b.");
        harness_stop(h);
}
END_TEST

/* Killed at any moment of a reload: the outcome is one of the two trees, and the next reload makes
 * it the new one; nobody is left over from the old one. */
START_TEST(its_death_during_a_reload_leaves_one_of_the_two_trees)
{
        Harness *h = harness_start(
                TREE(APP("app", "", TOY("a", "") TOY("b", "") TOY("c", "") TOY("d", ""))));
        CtlCall *reload;
        pid_t a = child_pid(h, "app/a"), supervisor = harness_service_pid(h, SUPERVISOR);

        harness_write_tree(h, TREE(APP("app", "",
                                       TOY("a", "") SIN("b", "mark=new ready", "") TOY("e", "")
                                               TOY("f", ""))));
        reload = ctl_begin(h, "reload", "{}");
        if (_i > 0)
                harness_lives_for(h, _i);
        (void)kill(supervisor, SIGKILL);
        (void)ctl_end(h, reload);
        (void)ctl(h, "reload", "{}");
        expect_gone(h, "app/c");
        expect_gone(h, "app/d");
        expect_state(h, "app/b", "running");
        expect_state(h, "app/e", "running");
        expect_state(h, "app/f", "running");
        check_int(h, child_pid(h, "app/a"), a);
        check_int(h, record_count(h, "bnew"), 1);
        check_int(h, record_count(h, "e+"), 1);
        harness_expect_count(h, 4 + 3);
        harness_stop(h);
}
END_TEST

/* Killed while a child is being added, or a dynamic one spawned: there is one, whole, or none. */
START_TEST(its_death_during_an_add_leaves_one_or_none)
{
        Harness *h = harness_start(
                TREE(APP("app", "", TOY("a", "") SUP("jobs", SIMPLE, TOY("job", "")))));
        pid_t supervisor = harness_service_pid(h, SUPERVISOR);
        CtlCall *add = ctl_begin(h, "add", "{'parent':'app','child':" TOY("b", "") "}");
        json_t *tree;
        size_t jobs;
        int has_b;

        if (_i > 0)
                harness_lives_for(h, _i);
        (void)kill(supervisor, SIGKILL);
        (void)ctl_end(h, add);
        (void)ctl(h, "spawn", "{'path':'app/jobs'}");
        expect_state(h, "app/jobs", "running");
        has_b = node_exists(h, "app/b");
        if (has_b)
                expect_state(h, "app/b", "running");
        tree = ctl(h, "tree", "{'path':'app/jobs'}");
        jobs = json_array_size(json_object_get(tree, "children"));
        harness_expect_count(h, 1 + has_b + (int)jobs + 3);
        harness_stop(h);
}
END_TEST

/* A tree file that was broken meanwhile does no harm: the accepted one is in the checkpoint. */
START_TEST(the_file_may_be_broken_meanwhile)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));
        pid_t a = child_pid(h, "app/a");

        harness_write_tree(h, "broken");
        kill_supervisor(h);
        check_int(h, kill_child(h, "app/a", SIGKILL), a);
        expect_new_pid(h, "app/a", a);
        harness_stop(h);
}
END_TEST

static TCase *supervisor_death_case(void)
{
        TCase *tcase = harness_case("supervisor-death");

        tcase_add_test(tcase, its_death_touches_nobody);
        tcase_add_test(tcase, an_exit_in_its_absence_is_not_lost);
        tcase_add_test(tcase, counters_survive);
        tcase_add_test(tcase, wishes_survive);
        tcase_add_test(tcase, the_start_order_survives);
        tcase_add_test(tcase, a_start_goes_on);
        tcase_add_test(tcase, readiness_in_its_absence_counts);
        tcase_add_test(tcase, a_group_stop_goes_on);
        tcase_add_test(tcase, a_group_start_goes_on);
        tcase_add_test(tcase, a_stop_goes_on_with_its_deadline);
        tcase_add_test(tcase, a_delay_goes_on);
        tcase_add_test(tcase, the_stop_of_everything_goes_on);
        tcase_add_test(tcase, one_that_hangs_is_replaced);
        tcase_add_loop_test(tcase, a_signal_to_a_service_stops_nobody, 0, 6);
        tcase_add_loop_test(tcase, its_death_at_any_step_changes_nothing, 0, 7);
        tcase_add_test(tcase, its_death_at_any_moment_changes_nothing);
        tcase_add_test(tcase, the_death_of_gend_log_touches_nobody);
        tcase_add_test(tcase, a_gend_log_that_hangs_blocks_nobody_for_long);
        tcase_add_test(tcase, the_death_of_both_touches_nobody);
        tcase_add_test(tcase, a_reloaded_tree_survives);
        tcase_add_test(tcase, the_file_may_be_broken_meanwhile);
        tcase_add_loop_test(tcase, its_death_during_a_reload_leaves_one_of_the_two_trees, 0, 5);
        tcase_add_loop_test(tcase, its_death_during_an_add_leaves_one_or_none, 0, 4);
        return tcase;
}

TEST_MAIN("d03-supervisor-death", supervisor_death_case())
