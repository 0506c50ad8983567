/*
 * Owns the proof that a reload touches what changed and nothing else, and that a bad file changes
 * nothing.
 */

#include "tests/support/harness.h"

#include <signal.h>

static json_t *reload(Harness *h, const char *tree)
{
        harness_write_tree(h, tree);
        return ctl(h, "reload", "{}");
}

/* What the reload says about @path: "added" ...; NULL: nothing. */
static const char *change_of(json_t *result, const char *path)
{
        json_t *it;
        size_t i;

        json_array_foreach(json_object_get(result, "changes"), i,
                           it) if (strcmp(json_string_value(json_object_get(it, "path")), path) ==
                                   0) return json_string_value(json_object_get(it, "change"));
        return NULL;
}

static size_t change_count(json_t *result)
{
        return json_array_size(json_object_get(result, "changes"));
}

#define BASE TREE(APP("app", "", TOY("a", "") TOY("b", "") TOY("c", "")))

START_TEST(a_reload_without_a_change_touches_nobody)
{
        Harness *h = harness_start(BASE);
        json_t *result = reload(h, BASE);

        check(h, change_count(result) == 0);
        check_int(h, json_integer_value(json_object_get(result, "unchanged")), 4);
        check_str(h, record_text(h), "a+ b+ c+");
        expect(h, "reloaded", NULL, NULL);
        harness_stop(h);
}
END_TEST

/* A new child is started, a missing one is stopped and gone: the deviation from SUP-197 and
 * SUP-198. */
START_TEST(a_reload_starts_what_is_new_and_stops_what_is_missing)
{
        Harness *h = harness_start(BASE);
        pid_t a = child_pid(h, "app/a"), c = child_pid(h, "app/c");
        json_t *result;

        record_clear(h);
        result = reload(h, TREE(APP("app", "", TOY("a", "") TOY("c", "") TOY("d", ""))));
        check_str(h, change_of(result, "app/b"), "removed");
        check_str(h, change_of(result, "app/d"), "added");
        check(h, change_count(result) == 2);
        expect_gone(h, "app/b");
        expect_state(h, "app/d", "running");
        check_int(h, child_pid(h, "app/a"), a);
        check_int(h, child_pid(h, "app/c"), c);
        check_int(h, record_count(h, "b."), 1);
        harness_stop(h);
}
END_TEST

/* SUP-195, SUP-196: settings that need no new process are taken over at once. */
START_TEST(new_settings_leave_the_process_alone)
{
        Harness *h = harness_start(BASE);
        pid_t a = child_pid(h, "app/a");
        json_t *result = reload(h, TREE(APP("app", ",'intensity':0",
                                            TOY("a", ",'restart':'transient','shutdown':'1s'")
                                                    TOY("b", "") TOY("c", ""))));

        check_str(h, change_of(result, "app"), "updated");
        check_str(h, change_of(result, "app/a"), "updated");
        check_int(h, child_pid(h, "app/a"), a);
        check_str(h, node_str(h, "app/a", "restart"), "transient");
        check_int(h, node_int(h, "app", "intensity"), 0);
        /* They apply to the next end: with intensity 0 the first one ends the application. */
        (void)kill_child(h, "app/b", SIGKILL);
        expect_state(h, "app", "failed");
        harness_stop(h);
}
END_TEST

/* APP-026: a changed command line or environment makes that process anew, and it alone. */
START_TEST(a_changed_process_is_made_anew)
{
        Harness *h = harness_start(BASE);
        json_t *result;

        record_clear(h);
        result = reload(
                h, TREE(APP("app", "", TOY("a", "") SIN("b", "mark=new ready", "") TOY("c", ""))));
        check_str(h, change_of(result, "app/b"), "changed");
        check(h, change_count(result) == 1);
        expect_state(h, "app/b", "running");
        expect_record(h, "b- b. b+ bnew");
        record_clear(h);
        result = reload(h, TREE(APP("app", ",'env':{'X':'1'}",
                                    TOY("a", ",'env':{'X':'0'}")
                                            SIN("b", "mark=new ready", ",'env':{'X':'2'}")
                                                    TOY("c", ",'env':{'X':'3'}"))));
        check_str(h, change_of(result, "app/c"), "changed");
        (void)record_wait(h, "a+", 1);
        (void)record_wait(h, "bnew", 1);
        (void)record_wait(h, "c+", 1);
        check_int(h, node_int(h, "app", "restarts_in_period"), 0);
        harness_stop(h);
}
END_TEST

START_TEST(a_dry_run_says_what_it_would_do_and_does_nothing)
{
        Harness *h = harness_start(BASE);
        json_t *result;

        harness_write_tree(
                h, TREE(APP("app", "", TOY("a", "") SIN("b", "mark=x ready", "") TOY("d", ""))));
        result = ctl(h, "reload", "{'dry_run':true}");
        check_str(h, change_of(result, "app/b"), "changed");
        check_str(h, change_of(result, "app/c"), "removed");
        check_str(h, change_of(result, "app/d"), "added");
        check_str(h, record_text(h), "a+ b+ c+");
        check_str(h, node_str(h, "app/c", "state"), "running");
        check(h, !node_exists(h, "app/d"));
        harness_stop(h);
}
END_TEST

/* SUP-199, SUP-185, SUP-186, SUP-187: a bad file is refused with its faults, all of them; nothing
 * changes.
 */
START_TEST(a_bad_file_changes_nothing)
{
        Harness *h = harness_start(BASE);
        static const char *const bad[] = {
                "this is not JSON",
                "{'applications':[",
                TREE(APP("app", "", TOY("a", "") TOY("a", ""))),
                TREE(APP("app", ",'strategy':'best_effort'", TOY("a", ""))),
                TREE(APP("app", ",'intensity':-1,'period':0", TOY("x", ",'restart':'never'"))),
        };
        json_t *error;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                harness_write_tree(h, bad[i]);
                error = ctl_fails(h, -32001, "reload", "{}");
                check(h, json_array_size(
                                 json_object_get(json_object_get(error, "data"), "faults")) > 0);
        }
        check(h, json_array_size(json_object_get(json_object_get(error, "data"), "faults")) == 3);
        check_str(h, record_text(h), "a+ b+ c+");
        check_int(h, events_count(h, 0, "reloaded", NULL), 0);
        /* SIGHUP likewise: gend goes on. */
        harness_signal(h, SIGHUP);
        (void)ctl(h, "ping", "{}");
        check_str(h, node_str(h, "app/c", "state"), "running");
        harness_stop(h);
}
END_TEST

START_TEST(sighup_reloads)
{
        Harness *h = harness_start(BASE);

        harness_write_tree(h, TREE(APP("app", "", TOY("a", "") TOY("b", ""))));
        harness_signal(h, SIGHUP);
        expect(h, "reloaded", NULL, NULL);
        expect_gone(h, "app/c");
        check_int(h, record_count(h, "a+"), 1);
        harness_stop(h);
}
END_TEST

/* A child that was stopped by hand stays stopped if it is the same, and starts if it changed. */
START_TEST(a_stopped_child_starts_again_when_it_changed)
{
        Harness *h = harness_start(BASE);

        ctl(h, "stop", "{'paths':['app/a','app/b']}");
        (void)reload(h,
                     TREE(APP("app", "", TOY("a", "") SIN("b", "mark=x ready", "") TOY("c", ""))));
        expect_state(h, "app/b", "running");
        check_int(h, record_count(h, "c+"), 1);
        harness_stop(h);
}
END_TEST

/* The order of the file is the order of the next stop and start. */
START_TEST(the_new_order_counts_from_now_on)
{
        Harness *h = harness_start(BASE);

        (void)reload(h, TREE(APP("app", "", TOY("c", "") TOY("x", "") TOY("a", "") TOY("b", ""))));
        expect_state(h, "app/x", "running");
        record_clear(h);
        ctl(h, "stop", "{'paths':['app']}");
        check_str(h, record_text(h), "b- b. a- a. x- x. c- c.");
        ctl(h, "start", "{'paths':['app']}");
        check_str(h, record_text(h), "b- b. a- a. x- x. c- c. c+ x+ a+ b+");
        harness_stop(h);
}
END_TEST

START_TEST(whole_applications_come_and_go)
{
        Harness *h = harness_start(TREE(APP("one", "", TOY("a", "")) APP("two", "", TOY("b", ""))));
        pid_t b = child_pid(h, "two/b");
        json_t *result =
                reload(h, TREE(APP("two", "", TOY("b", "")) APP("three", ",'requires':['two']",
                                                                SUP("s", "", TOY("c", "")))));

        check_str(h, change_of(result, "one"), "removed");
        check_str(h, change_of(result, "three"), "added");
        check_str(h, change_of(result, "three/s/c"), "added");
        expect_gone(h, "one");
        expect_state(h, "three/s/c", "running");
        check_int(h, child_pid(h, "two/b"), b);
        record_clear(h);
        harness_signal(h, SIGTERM);
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "c- c. b- b.");
        harness_free(h);
}
END_TEST

/* SUP-200: a new auto_shutdown mode applies to later ends. */
START_TEST(a_new_auto_shutdown_mode_applies_to_later_ends)
{
#define WITH(mode)                                                                    \
        TREE(APP("app", "",                                                           \
                 SUP("sub", TRANSIENT mode,                                           \
                     SIN("a", "ready take=a exit=0", TRANSIENT ",'significant':true") \
                             SIN("b", "ready take=b exit=0", TRANSIENT ",'significant':true"))))
        Harness *h = harness_start(WITH(",'auto_shutdown':'all_significant'"));

        touch(h, "a");
        expect_state(h, "app/sub/a", "finished");
        (void)reload(h, WITH(",'auto_shutdown':'any_significant'"));
        check_str(h, node_str(h, "app/sub", "state"), "running");
        touch(h, "b");
        expect_state(h, "app/sub", "finished");
        harness_stop(h);
}
END_TEST

/* A child that comes and goes again and again leaves nothing behind. */
START_TEST(many_reloads_leave_nothing_behind)
{
        Harness *h = harness_start(BASE);

        for (int i = 0; i < 10; i++) {
                (void)reload(h, TREE(APP("app", "", TOY("a", "") TOY("x", ""))));
                expect_gone(h, "app/b");
                (void)reload(h, BASE);
                expect_gone(h, "app/x");
                expect_state(h, "app/c", "running");
        }
        check_int(h, record_count(h, "a+"), 1);
        check_int(h, record_count(h, "b+"), 11);
        check_int(h, record_count(h, "b."), 10);
        events_check_gapless(h);
        harness_stop(h);
}
END_TEST

static TCase *reload_case(void)
{
        TCase *tcase = harness_case("reload");

        tcase_add_test(tcase, a_reload_without_a_change_touches_nobody);
        tcase_add_test(tcase, a_reload_starts_what_is_new_and_stops_what_is_missing);
        tcase_add_test(tcase, new_settings_leave_the_process_alone);
        tcase_add_test(tcase, a_changed_process_is_made_anew);
        tcase_add_test(tcase, a_dry_run_says_what_it_would_do_and_does_nothing);
        tcase_add_test(tcase, a_bad_file_changes_nothing);
        tcase_add_test(tcase, sighup_reloads);
        tcase_add_test(tcase, a_stopped_child_starts_again_when_it_changed);
        tcase_add_test(tcase, the_new_order_counts_from_now_on);
        tcase_add_test(tcase, whole_applications_come_and_go);
        tcase_add_test(tcase, a_new_auto_shutdown_mode_applies_to_later_ends);
        tcase_add_test(tcase, many_reloads_leave_nothing_behind);
        return tcase;
}

TEST_MAIN("c01-reload-diff", reload_case())
