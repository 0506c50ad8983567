/*
 * Owns the proof that "up" is what the child says it is, and that what it says is gossip: checked,
 * bounded, and never believed about anybody else.
 */

#include "tests/support/harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(a_child_with_ready_spawn_runs_once_exec_succeeded)
{
        Harness *h = harness_start(TREE(
                APP("app", "", "{'name':'a','exec':['@TOY@','a','never-ready']}," TOY("b", ""))));

        expect_state(h, "app/a", "running");
        check_str(h, node_str(h, "app/a", "ready"), "spawn");
        check_str(h, node_str(h, "app/b", "ready"), "notify");
        check(h, json_is_true(json_object_get(node(h, "app/b"), "is_ready")));
        harness_stop(h);
}
END_TEST

/* OSP-002: ended before ready is a failed start, ended afterwards is a crash. */
START_TEST(an_end_before_ready_is_a_failed_start)
{
        Harness *h = harness_start(
                TREE(APP("app", "", TOY("a", "")) APP("bad", "", SIN("b", "exit=3", ""))));

        expect(h, "failed", "bad/b", "{start,{exit_status,3}}");
        expect_state(h, "bad", "failed");
        check_int(h, record_count(h, "b+"), 1);
        check(h, strstr(node_str(h, "bad", "why"), "b") != NULL);
        (void)kill_child(h, "app/a", SIGKILL);
        expect(h, "exited", "app/a", "killed");
        expect(h, "ready", "app/a", NULL);
        harness_stop(h);
}
END_TEST

/* OSP-003: a child that never says it is ready is killed at the end of start_timeout. */
START_TEST(a_start_that_takes_too_long_is_killed)
{
        Harness *h = harness_start(TREE(
                APP("app", "",
                    SIN("a", "never-ready ignore-term", ",'start_timeout':'200ms'") TOY("b", ""))));
        pid_t pid;

        expect(h, "failed", "app/a", "{start,timeout}");
        pid = record_wait(h, "a+", 1);
        expect_dead(h, pid);
        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "a+");
        harness_stop(h);
}
END_TEST

/* SUP-005, SUP-006: the first start fails in the middle: one attempt, the started ones are stopped
 * in reverse, later ones are never tried, the error names the child and the reason. */
START_TEST(a_failed_first_start_is_unwound)
{
        Harness *h = harness_start(TREE(
                APP("app", "", TOY("a", "") TOY("b", "") SIN("c", "exit=1", "") TOY("d", ""))));

        expect(h, "failed", "app/c", "{start,{exit_status,1}}");
        expect_state(h, "app", "failed");
        check_str(h, record_text(h), "a+ b+ c+ c. b- b. a- a.");
        check(h, strstr(node_str(h, "app", "why"), "c") != NULL);
        check(h, strstr(node_str(h, "app", "why"), "exit_status,1") != NULL ||
                         strstr(node_str(h, "app", "why"), "before it was ready") != NULL);
        check_int(h, node_int(h, "app/a", "restarts"), 0);
        harness_stop(h);
}
END_TEST

/* SUP-007: a crash during the start is the reason. SUP-021: the same start may be tried again at
 * once. */
START_TEST(a_crash_while_starting_is_the_reason)
{
        Harness *h = harness_start(
                TREE(APP("app", "", TOY("a", "") SIN("b", "fail-if=never hang-if=x segv", ""))));
        json_t *error;

        expect(h, "failed", "app/b", "{start,{signal,'SIGSEGV'}}");
        expect_state(h, "app", "failed");
        error = ctl_fails(h, -32001, "start", "{'paths':['app']}");
        check(h, strstr(error_text(error), "SIGSEGV") != NULL);
        check_int(h, record_count(h, "a+"), 2);
        check_int(h, record_count(h, "a."), 2);
        harness_stop(h);
}
END_TEST

static void write_script(Harness *h, const char *name, const char *text, mode_t mode)
{
        char path[256];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s", harness_dir(h), name);
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        (void)fputs(text, file);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(chmod(path, mode), 0);
}

/* OSP-001: a program that cannot be executed is a start failure with the errno, not a crash loop.
 */
START_TEST(an_exec_that_fails_says_why)
{
        Harness *h = harness_new();
        const char *why;

        write_script(h, "bad", "#!/nonexistent/interpreter\n", 0755);
        harness_run(h, TREE(APP("app", "", "{'name':'a','exec':['@DIR@/bad']}")), NULL);
        harness_wait_ready(h);
        expect(h, "failed", "app/a", "{exec,'ENOENT'}");
        why = node_str(h, "app/a", "why");
        check(h, strstr(why, "exec") && strstr(why, "/bad") && strstr(why, "No such file"));
        check_int(h, events_count(h, 0, "starting", "app/a"), 1);
        harness_stop(h);
}
END_TEST

/* OSP-001: the same at a restart: each attempt counts, none beyond the intensity. SUP-075. */
START_TEST(a_program_that_vanished_uses_up_the_intensity)
{
        Harness *h = harness_new();
        char path[256];

        write_script(h, "prog", "#!/bin/sh\nexec \"$GEND_TOY\" a ready\n", 0755);
        harness_env(h, "PATH=/usr/bin:/bin");
        (void)snprintf(path, sizeof(path), "GEND_TOY=%s", harness_toy());
        harness_env(h, path);
        harness_run(h,
                    TREE(APP("app", ",'intensity':3,'period':'60s'",
                             "{'name':'a','exec':['@DIR@/prog'],'ready':'notify'}")),
                    NULL);
        harness_wait_ready(h);
        (void)snprintf(path, sizeof(path), "%s/prog", harness_dir(h));
        ck_assert_int_eq(unlink(path), 0);
        (void)kill_child(h, "app/a", SIGKILL);
        expect_state(h, "app", "failed");
        check_int(h, events_count(h, 0, "starting", "app/a"), 1 + 3);
        check_int(h, events_count(h, 0, "failed", "app/a"), 3);
        harness_stop(h);
}
END_TEST

START_TEST(the_status_text_is_shown)
{
        Harness *h =
                harness_start(TREE(APP("app", "", SIN("a", "notify=STATUS=warm|READY=1", ""))));

        check_str(h, node_str(h, "app/a", "status_text"), "warm");
        harness_stop(h);
}
END_TEST

START_TEST(garbage_on_the_notify_socket_is_counted_and_ignored)
{
        Harness *h = harness_launch(
                TREE(APP("app", "", SIN("a", "notify-garbage mark=! take=go ready", ""))), NULL);

        (void)record_wait(h, "a!", 1);
        /* An empty datagram, the lies, and then the truth. */
        expect_state(h, "app/a", "starting");
        touch(h, "go");
        harness_wait_ready(h);
        check(h, node_int(h, "app/a", "notify_refused") > 0);
        check_int(h, child_pid(h, "app/a"), record_wait(h, "a+", 1));
        check_int(h, node_int(h, "app/a", "restarts"), 0);
        harness_stop(h);
}
END_TEST

/* A child may not hand its identity to another process. */
START_TEST(a_lie_about_the_main_pid_changes_nothing)
{
        Harness *h = harness_start(TREE(APP("app", "", SIN("a", "mainpid-lie", ""))));
        pid_t pid = record_wait(h, "a+", 1);

        check_int(h, child_pid(h, "app/a"), pid);
        ctl(h, "stop", "{'paths':['app/a']}");
        expect_dead(h, pid);
        harness_stop(h);
}
END_TEST

START_TEST(each_child_has_a_notify_socket_of_its_own)
{
        Harness *h = harness_start(TREE(APP(
                "app", "", SIN("a", "dump=a.dump ready", "") SIN("b", "dump=b.dump ready", ""))));
        char *a = strdup(strstr(expect_file(h, "a.dump"), "env NOTIFY_SOCKET="));
        char *b = strdup(strstr(expect_file(h, "b.dump"), "env NOTIFY_SOCKET="));

        *strchr(a, '\n') = '\0';
        *strchr(b, '\n') = '\0';
        check(h, strcmp(a, b) != 0);
        free(a);
        free(b);
        harness_stop(h);
}
END_TEST

START_TEST(a_watchdog_that_is_not_fed_ends_the_child)
{
        Harness *h = harness_start(TREE(APP(
                "app", "", SIN("a", "ready watchdog-once", ",'watchdog':'100ms'") TOY("b", ""))));
        pid_t pid = child_pid(h, "app/a");

        expect(h, "exited", "app/a", "watchdog");
        expect_new_pid(h, "app/a", pid);
        harness_stop(h);
}
END_TEST

static TCase *ready_case(void)
{
        TCase *tcase = harness_case("ready");

        tcase_add_test(tcase, a_child_with_ready_spawn_runs_once_exec_succeeded);
        tcase_add_test(tcase, an_end_before_ready_is_a_failed_start);
        tcase_add_test(tcase, a_start_that_takes_too_long_is_killed);
        tcase_add_test(tcase, a_failed_first_start_is_unwound);
        tcase_add_test(tcase, a_crash_while_starting_is_the_reason);
        tcase_add_test(tcase, an_exec_that_fails_says_why);
        tcase_add_test(tcase, a_program_that_vanished_uses_up_the_intensity);
        tcase_add_test(tcase, the_status_text_is_shown);
        tcase_add_test(tcase, garbage_on_the_notify_socket_is_counted_and_ignored);
        tcase_add_test(tcase, a_lie_about_the_main_pid_changes_nothing);
        tcase_add_test(tcase, each_child_has_a_notify_socket_of_its_own);
        tcase_add_test(tcase, a_watchdog_that_is_not_fed_ends_the_child);
        return tcase;
}

TEST_MAIN("a02-ready", ready_case())
