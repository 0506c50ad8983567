/*
 * Owns the proof that only root, gend's own user and its admin group are obeyed. Becoming another
 * user takes root; without, only what a plain user can see is tested.
 */

#include "tests/support/harness.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define STOP "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stop\",\"params\":{\"paths\":[\"app\"]}}"

/* The exit status of a request as another user, and its reply. */
static int ask_as(Harness *h, unsigned uid, unsigned gid, const char *request, char **ret_reply)
{
        char user[16], group[16];
        const char *const argv[] = {harness_rpcat(), user, group, harness_socket(h), request, NULL};

        (void)snprintf(user, sizeof(user), "%u", uid);
        (void)snprintf(group, sizeof(group), "%u", gid);
        return harness_run_program(h, argv, ret_reply);
}

static bool is_refused(int status, const char *reply)
{
        /* By the file's mode, or by an answer. */
        return status == 3 || (status == 0 && reply && strstr(reply, "-32005"));
}

START_TEST(the_own_user_is_obeyed)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        _cleanup_(freep) char *reply = NULL;

        check_int(h, ask_as(h, getuid(), getgid(), PING, &reply), 0);
        check(h, strstr(reply, "pong") != NULL);
        harness_stop(h);
}
END_TEST

START_TEST(a_foreign_user_is_refused)
{
        Harness *h;
        _cleanup_(freep) char *ping = NULL, *stop = NULL;
        int status;

        if (getuid() != 0)
                return;
        h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        status = ask_as(h, 65534, 65534, PING, &ping);
        check(h, is_refused(status, ping));
        status = ask_as(h, 65534, 65534, STOP, &stop);
        check(h, is_refused(status, stop));
        check_str(h, node_str(h, "app/a", "state"), "running");
        harness_stop(h);
}
END_TEST

/* Any user may connect to the socket now. */
static void open_doors(Harness *h)
{
        char run[128];

        (void)snprintf(run, sizeof(run), "%s/run", harness_dir(h));
        ck_assert_int_eq(chmod(run, 0755), 0);
        ck_assert_int_eq(chmod(harness_socket(h), 0666), 0);
}

/* Even where the socket's mode lets it in, the credentials do not. */
START_TEST(credentials_decide_not_the_mode_of_the_socket)
{
        Harness *h;
        _cleanup_(freep) char *reply = NULL;

        if (getuid() != 0)
                return;
        h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        open_doors(h);
        check_int(h, ask_as(h, 65534, 65534, STOP, &reply), 0);
        check(h, strstr(reply, "-32005") != NULL);
        check(h, strstr(reply, "\"exit\":5") != NULL);
        check_str(h, node_str(h, "app/a", "state"), "running");
        harness_stop(h);
}
END_TEST

START_TEST(the_admin_group_is_obeyed)
{
        const struct group *group = getgrnam("nogroup");
        static const char *const arguments[] = {"--admin-group", "nogroup", NULL};
        _cleanup_(freep) char *member = NULL, *other = NULL;
        int status;
        Harness *h;

        if (getuid() != 0 || !group)
                return;
        h = harness_launch(TREE(APP("app", "", TOY("a", ""))), arguments);
        harness_wait_ready(h);
        check_int(h, ask_as(h, 54321, group->gr_gid, PING, &member), 0);
        check(h, strstr(member, "pong") != NULL);
        status = ask_as(h, 54321, 54321, PING, &other);
        check(h, is_refused(status, other));
        harness_stop(h);
}
END_TEST

START_TEST(an_admin_group_that_does_not_exist_is_an_error)
{
        static const char *const arguments[] = {"--admin-group", "no-such-group-here", NULL};
        Harness *h = harness_launch(TREE(APP("app", "", TOY("a", ""))), arguments);
        _cleanup_(freep) char *log = NULL;

        check(h, harness_await_exit(h) > 0);
        log = harness_log(h);
        check(h, strstr(log, "no-such-group-here") != NULL);
        check_str(h, record_text(h), "");
        harness_free(h);
}
END_TEST

/* What lies in the runtime folder is nobody else's to write or to connect to. */
START_TEST(the_socket_is_private)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        struct stat info;

        ck_assert_int_eq(stat(harness_socket(h), &info), 0);
        check(h, S_ISSOCK(info.st_mode));
        check(h, (info.st_mode & 0077) == 0);
        harness_stop(h);
}
END_TEST

/* A second gend in the same folder is refused, and does the first no harm. */
START_TEST(a_second_gend_in_the_same_folder_is_refused)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        pid_t a = child_pid(h, "app/a");
        _cleanup_(freep) char *text = NULL;
        char run[128], tree[128];
        const char *const argv[] = {harness_gend(), "--runtime-dir", run, "-t", tree, NULL};

        (void)snprintf(run, sizeof(run), "%s/run", harness_dir(h));
        (void)snprintf(tree, sizeof(tree), "%s/tree.json", harness_dir(h));
        check(h, harness_run_program(h, argv, &text) > 0);
        check(h, strlen(text) > 0);
        check_int(h, child_pid(h, "app/a"), a);
        check_int(h, record_count(h, "a+"), 1);
        (void)ctl(h, "ping", "{}");
        harness_stop(h);
}
END_TEST

static TCase *security_case(void)
{
        TCase *tcase = harness_case("security");

        tcase_add_test(tcase, the_own_user_is_obeyed);
        tcase_add_test(tcase, a_foreign_user_is_refused);
        tcase_add_test(tcase, credentials_decide_not_the_mode_of_the_socket);
        tcase_add_test(tcase, the_admin_group_is_obeyed);
        tcase_add_test(tcase, an_admin_group_that_does_not_exist_is_an_error);
        tcase_add_test(tcase, the_socket_is_private);
        tcase_add_test(tcase, a_second_gend_in_the_same_folder_is_refused);
        return tcase;
}

TEST_MAIN("c04-security", security_case())
