/*
 * Owns the proof that what the system refuses (processes, descriptors, disk) is a failure of one
 * start or one line, said and survived.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* A user that nobody else is, not even this test in another run at the same time. */
static uid_t own_uid(void)
{
        return 60000 + (uid_t)getpid() % 5000;
}

/* Adds plain children until one is refused. Return: the error; the number of those added in
 * *ret_count. */
static json_t *add_until_refused(Harness *h, int *ret_count)
{
        for (int i = 0; i < 200; i++) {
                json_t *reply =
                        ctl_end(h, ctl_begin(h, "add",
                                             "{'parent':'app','child':" TOY("x%d", "") "}", i, i));
                json_t *error = json_object_get(reply, "error");

                if (!error)
                        continue;
                *ret_count = i;
                return error;
        }
        harness_failed(h, __FILE__, __LINE__, "200 children were added");
}

/* OSP-016: fork fails with EAGAIN: a start failure; the others live on; it works again once there
 * is room. */
START_TEST(no_process_is_left_to_fork)
{
        Harness *h;
        json_t *error;
        int count;

        if (getuid() != 0)
                return;
        h = harness_new();
        harness_wrap(h, "prlimit --nproc=40:40");
        harness_become(h, own_uid());
        harness_run(h, TREE(APP("app", ",'intensity':5,'period':'60s'", TOY("a", ""))), NULL);
        harness_wait_ready(h);
        error = add_until_refused(h, &count);
        check(h, count > 0);
        check(h, strstr(error_text(error), "EAGAIN") || strstr(error_text(error), "temporarily"));
        check_str(h, node_str(h, "app", "state"), "running");
        check_str(h, node_str(h, "app/a", "state"), "running");
        ctl(h, "stop", "{'paths':['app/x0']}");
        ctl(h, "start", "{'paths':['app/x0']}");
        check_str(h, node_str(h, "app/x0", "state"), "running");
        harness_stop(h);
}
END_TEST

/* The soft limit of a running gend, set by its own user. */
static void limit_processes(Harness *h, uid_t uid, const char *limit)
{
        char user[32], group[32], pid[32];
        const char *const argv[] = {"setpriv", user,  group, "--clear-groups", "prlimit", "--pid",
                                    pid,       limit, NULL};

        (void)snprintf(user, sizeof(user), "--reuid=%u", uid);
        (void)snprintf(group, sizeof(group), "--regid=%u", uid);
        (void)snprintf(pid, sizeof(pid), "%d", (int)harness_pid(h));
        check_int(h, harness_run_program(h, argv, NULL), 0);
}

/* OSP-016: at a restart it is tried again, and counts; SUP-075. The limit goes down under a running
 * gend. */
START_TEST(no_process_is_left_for_a_restart)
{
        uid_t uid = own_uid();
        Harness *h;
        pid_t a;

        if (getuid() != 0)
                return;
        h = harness_new();
        harness_become(h, uid);
        harness_run(h, TREE(APP("app", ",'intensity':3,'period':'60s'", TOY("b", "") TOY("a", ""))),
                    NULL);
        harness_wait_ready(h);
        a = child_pid(h, "app/a");
        limit_processes(h, uid, "--nproc=1:");
        (void)kill(a, SIGKILL);
        for (int i = 0; i < 3; i++)
                expect(h, "failed", "app/a", "{exec,'EAGAIN'}");
        expect_state(h, "app", "failed");
        check_int(h, events_count(h, 0, "failed", "app/a"), 3);
        limit_processes(h, uid, "--nproc=1000:");
        ctl(h, "start", "{'paths':['app']}");
        check_str(h, node_str(h, "app/a", "state"), "running");
        harness_stop(h);
}
END_TEST

/* Descriptors: gend runs out of them while it starts a crowd: that start fails, with its errno;
 * gend, the children that run and the control socket live on. */
START_TEST(no_descriptor_is_left)
{
        Harness *h = harness_new();
        json_t *error;
        pid_t a;
        int count;

        harness_wrap(h, "prlimit --nofile=80:80");
        harness_run(h, TREE(APP("app", ",'intensity':0", TOY("a", ""))), NULL);
        harness_wait_ready(h);
        a = child_pid(h, "app/a");
        error = add_until_refused(h, &count);
        check(h, count > 0);
        check(h, strstr(error_text(error), "EMFILE") || strstr(error_text(error), "open files"));
        check_str(h, node_str(h, "app", "state"), "running");
        check_int(h, child_pid(h, "app/a"), a);
        ctl(h, "stop", "{'paths':['app/x0','app/x1']}");
        ctl(h, "start", "{'paths':['app/x0']}");
        harness_stop(h);
}
END_TEST

/* The services die when nothing is left to give: they come back, too. */
START_TEST(a_service_comes_back_when_descriptors_are_short)
{
        Harness *h = harness_new();
        pid_t a;
        int count;

        harness_wrap(h, "prlimit --nofile=80:80");
        harness_run(h, TREE(APP("app", ",'intensity':0", TOY("a", ""))), NULL);
        harness_wait_ready(h);
        a = child_pid(h, "app/a");
        (void)add_until_refused(h, &count);
        (void)harness_kill_service(h, "gend-supervisor");
        (void)harness_kill_service(h, "gend-log");
        (void)ctl(h, "ping", "{}");
        check_int(h, child_pid(h, "app/a"), a);
        harness_stop(h);
}
END_TEST

/* A full disk: the child goes on, what could not be written is counted, the ring has it. OSP-019.
 */
START_TEST(no_space_is_left_for_logs)
{
        Harness *h = harness_start(TREE(APP("app", "",
                                            SIN("a", "ready flood=300000 say=end mark=done",
                                                ",'stdout':'file:/dev/full'") TOY("b", ""))));
        json_t *result;
        const char *text = "";

        (void)record_wait(h, "adone", 1);
        for (long long position = 0; !strstr(text, "end\n");) {
                result = ctl(h, "logs", "{'path':'app/a','position':%lld,'wait_ms':10000}",
                             position);
                text = json_string_value(json_object_get(result, "text"));
                position = json_integer_value(json_object_get(result, "position"));
                check(h, *text != '\0');
        }
        check(h, node_int(h, "app/a", "log_dropped") > 0);
        check_str(h, node_str(h, "app/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* A log file that cannot be made is no reason not to run; but it is said. */
START_TEST(a_log_file_that_cannot_be_made_is_said)
{
        Harness *h = harness_start(
                TREE(APP("app", "",
                         SIN("a", "say=hello ready", ",'stdout':'file:@DIR@/no/such/folder/log'")
                                 TOY("b", ""))));

        expect_state(h, "app/a", "running");
        harness_expect_logged(h, "no/such/folder");
        harness_stop(h);
}
END_TEST

/* A gend-log that hangs is not found out at once: until then, children that end and come back go on
 * doing so, and their output does not pile up in gend without a bound. */
START_TEST(a_gend_log_that_hangs_does_not_use_up_the_descriptors)
{
        static const char *const arguments[] = {"--ping", "60000", NULL};
        Harness *h = harness_new();
        pid_t log, a;

        harness_wrap(h, "prlimit --nofile=128:128");
        harness_run(h, TREE(APP("app", ",'intensity':1000", SIN("a", "say=hello ready", ""))),
                    arguments);
        harness_wait_ready(h);
        log = harness_service_pid(h, "gend-log");
        a = child_pid(h, "app/a");
        ck_assert_int_eq(kill(log, SIGSTOP), 0);
        for (int i = 0; i < 150; i++) {
                check_int(h, kill_child(h, "app/a", SIGKILL), a);
                a = expect_new_pid(h, "app/a", a);
        }
        check_int(h, events_count(h, 0, "failed", NULL), 0);
        ck_assert_int_eq(kill(log, SIGCONT), 0);
        harness_stop(h);
}
END_TEST

/* A child that floods its notify socket: others are served, it is stopped like any. */
START_TEST(a_flood_of_notifications_blocks_nobody)
{
        Harness *h = harness_start(TREE(
                APP("app", "",
                    SIN("a", "ready notify-flood=100000000", ",'shutdown':'100ms'") TOY("b", ""))));
        pid_t b;

        for (int i = 0; i < 5; i++) {
                b = kill_child(h, "app/b", SIGKILL);
                expect_new_pid(h, "app/b", b);
                (void)ctl(h, "tree", "{}");
        }
        ctl(h, "stop", "{'paths':['app/a']}");
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        harness_stop(h);
}
END_TEST

static TCase *resources_case(void)
{
        TCase *tcase = harness_case("resources");

        tcase_add_test(tcase, no_process_is_left_to_fork);
        tcase_add_test(tcase, no_process_is_left_for_a_restart);
        tcase_add_test(tcase, no_descriptor_is_left);
        tcase_add_test(tcase, a_service_comes_back_when_descriptors_are_short);
        tcase_add_test(tcase, no_space_is_left_for_logs);
        tcase_add_test(tcase, a_log_file_that_cannot_be_made_is_said);
        tcase_add_test(tcase, a_gend_log_that_hangs_does_not_use_up_the_descriptors);
        tcase_add_test(tcase, a_flood_of_notifications_blocks_nobody);
        return tcase;
}

TEST_MAIN("f01-resources", resources_case())
