/*
 * Owns the proof that a child starts in the world its specification describes and in no other:
 * clean signals, no stray descriptor, its own session, its environment, limits, user and sockets.
 */

#include "tests/support/harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Whether the dump has this very line. */
static bool has_line(const char *dump, const char *line)
{
        size_t len = strlen(line);

        for (const char *at = dump; (at = strstr(at, line)); at++)
                if ((at == dump || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
                        return true;
        return false;
}

/* What follows @key on its line, or NULL. */
static const char *value_of(const char *dump, const char *key, char buffer[256])
{
        size_t len = strlen(key);

        for (const char *at = dump; (at = strstr(at, key)); at++)
                if (at == dump || at[-1] == '\n') {
                        (void)snprintf(buffer, 256, "%.*s", (int)strcspn(at + len, "\n"), at + len);
                        return buffer;
                }
        return NULL;
}

static int count_lines(const char *dump, const char *prefix)
{
        int count = 0;

        for (const char *at = dump; (at = strstr(at, prefix)); at++)
                count += at == dump || at[-1] == '\n';
        return count;
}

START_TEST(a_child_gets_three_descriptors_and_no_more)
{
        Harness *h = harness_start(TREE(APP("app", "", SIN("a", "dump=a.dump ready", ""))));
        const char *dump = expect_file(h, "a.dump");
        char value[256];

        check_int(h, count_lines(dump, "fd "), 3);
        check(h, has_line(dump, "fd 0 /dev/null"));
        check(h, strncmp(value_of(dump, "fd 1 ", value), "pipe:", 5) == 0);
        check(h, strncmp(value_of(dump, "fd 2 ", value), "pipe:", 5) == 0);
        harness_stop(h);
}
END_TEST

START_TEST(a_child_starts_with_clean_signals_in_its_own_session)
{
        Harness *h = harness_start(TREE(APP("app", "", SIN("a", "dump=a.dump ready", ""))));
        const char *dump = expect_file(h, "a.dump");
        char line[64];
        pid_t pid = child_pid(h, "app/a");

        check(h, has_line(dump, "SigBlk:\t0000000000000000"));
        check(h, has_line(dump, "SigIgn:\t0000000000000000"));
        (void)snprintf(line, sizeof(line), "pid %d", (int)pid);
        check(h, has_line(dump, line));
        (void)snprintf(line, sizeof(line), "sid %d", (int)pid);
        check(h, has_line(dump, line));
        (void)snprintf(line, sizeof(line), "pgid %d", (int)pid);
        check(h, has_line(dump, line));
        check(h, has_line(dump, "no_new_privs 1"));
        harness_stop(h);
}
END_TEST

/* What gend was itself born with, ignored and blocked signals and stray descriptors, is not handed
 * on. */
START_TEST(a_child_inherits_no_odd_signals)
{
        Harness *h = harness_new();
        const char *dump;

        harness_wrap(h, "env --ignore-signal=HUP,PIPE,USR1,TTOU --block-signal=USR2,INT");
        harness_run(h, TREE(APP("app", "", SIN("a", "dump=a.dump ready", ""))), NULL);
        harness_wait_ready(h);
        dump = expect_file(h, "a.dump");
        check(h, has_line(dump, "SigBlk:\t0000000000000000"));
        check(h, has_line(dump, "SigIgn:\t0000000000000000"));
        check_int(h, count_lines(dump, "fd "), 3);
        harness_stop(h);
}
END_TEST

/* The nearest wins, downwards; APP-019 for the application's part. */
START_TEST(the_environment_is_inherited_downwards)
{
        Harness *h = harness_launch(
                "{'node':'n@h','env':{'A':'top','B':'top','C':'top','D':'top'},'applications':"
                "[" APP("app", ",'env':{'B':'app','C':'app','D':'app'}",
                        SUP("sup", ",'env':{'C':'sup','D':'sup'}",
                            SIN("a", "dump=a.dump ready", ",'env':{'D':'child','EMPTY':''}"))) "]}",
                NULL);
        const char *dump;

        harness_wait_ready(h);
        dump = expect_file(h, "a.dump");
        check(h, has_line(dump, "env A=top"));
        check(h, has_line(dump, "env B=app"));
        check(h, has_line(dump, "env C=sup"));
        check(h, has_line(dump, "env D=child"));
        check(h, has_line(dump, "env EMPTY="));
        check_int(h, count_lines(dump, "env NOTIFY_SOCKET="), 1);
        check_int(h, count_lines(dump, "env LISTEN_FDS="), 0);
        check_int(h, count_lines(dump, "env WATCHDOG_USEC="), 0);
        harness_stop(h);
}
END_TEST

START_TEST(limits_umask_nice_and_folder_are_set)
{
        Harness *h = harness_start(
                TREE(APP("app", "",
                         SIN("a", "dump=a.dump ready",
                             ",'limits':{'nofile':123,'core':0},'umask':'027','nice':5,'cwd':'/usr'"
                             ",'no_new_privileges':false"))));
        const char *dump = expect_file(h, "a.dump");

        check(h, has_line(dump, "nofile 123 123"));
        check(h, has_line(dump, "core 0"));
        check(h, has_line(dump, "umask 0027"));
        check(h, has_line(dump, "nice 5"));
        check(h, has_line(dump, "cwd /usr"));
        check(h, has_line(dump, "no_new_privs 0"));
        harness_stop(h);
}
END_TEST

START_TEST(a_child_can_run_as_another_user)
{
        const struct passwd *nobody = getpwnam("nobody");
        char tree[1024], line[64];
        const char *dump;
        Harness *h;

        if (getuid() != 0 || !nobody)
                return;
        (void)snprintf(tree, sizeof(tree), "%s",
                       TREE(APP("app", "", SIN("a", "dump=a.dump ready", ",'user':'nobody'"))));
        h = harness_start(tree);
        dump = expect_file(h, "a.dump");
        (void)snprintf(line, sizeof(line), "uid %u %u", nobody->pw_uid, nobody->pw_uid);
        check(h, has_line(dump, line));
        (void)snprintf(line, sizeof(line), "gid %u %u", nobody->pw_gid, nobody->pw_gid);
        check(h, has_line(dump, line));
        /* It may talk to its notify socket, and can be stopped. */
        expect_state(h, "app/a", "running");
        harness_stop(h);
}
END_TEST

static int connect_to(in_port_t port)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
        _cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

/* A port that nobody listens on at this moment. */
static in_port_t free_port(void)
{
        struct sockaddr_in at = {.sin_family = AF_INET};
        _cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof(at);

        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
        return ntohs(at.sin_port);
}

/* The socket is gend's: it is handed over in the way of sd_listen_fds, and stays over a restart. */
START_TEST(a_listening_socket_is_handed_over_and_outlives_the_child)
{
        in_port_t port = free_port();
        char tree[1024], line[64], value[256];
        const char *dump;
        Harness *h;
        pid_t pid;

        (void)snprintf(tree, sizeof(tree),
                       TREE(APP("app", "",
                                SIN("a", "dump=a.dump ready take=go",
                                    ",'sockets':[{'name':'http','listen':'127.0.0.1:%u'}]"))),
                       port);
        h = harness_start(tree);
        dump = expect_file(h, "a.dump");
        pid = child_pid(h, "app/a");
        check(h, has_line(dump, "env LISTEN_FDS=1"));
        check(h, has_line(dump, "env LISTEN_FDNAMES=http"));
        (void)snprintf(line, sizeof(line), "env LISTEN_PID=%d", (int)pid);
        check(h, has_line(dump, line));
        check_int(h, count_lines(dump, "fd "), 4);
        check(h, strncmp(value_of(dump, "fd 3 ", value), "socket:", 7) == 0);
        check_int(h, connect_to(port), 0);
        (void)kill_child(h, "app/a", SIGKILL);
        check_int(h, connect_to(port), 0);
        expect_new_pid(h, "app/a", pid);
        check_int(h, connect_to(port), 0);
        harness_stop(h);
        ck_assert_int_lt(connect_to(port), 0);
}
END_TEST

START_TEST(the_watchdog_is_announced)
{
        Harness *h = harness_start(
                TREE(APP("app", "", SIN("a", "dump=a.dump ready", ",'watchdog':'60s'"))));
        const char *dump = expect_file(h, "a.dump");
        char line[64];

        check(h, has_line(dump, "env WATCHDOG_USEC=60000000"));
        (void)snprintf(line, sizeof(line), "env WATCHDOG_PID=%d", (int)child_pid(h, "app/a"));
        check(h, has_line(dump, line));
        harness_stop(h);
}
END_TEST

START_TEST(output_goes_where_the_tree_says)
{
        Harness *h = harness_start(TREE(
                APP("app", "",
                    SIN("n", "dump=n.dump ready", ",'stdout':'null','stderr':'null'") SIN(
                            "f", "say=hello dump=f.dump ready", ",'stdout':'file:@DIR@/f.out'")
                            SIN("i", "say=inherited dump=i.dump ready", ",'stdout':'inherit'"))));
        const char *dump;

        dump = expect_file(h, "n.dump");
        check(h, has_line(dump, "fd 1 /dev/null"));
        check(h, has_line(dump, "fd 2 /dev/null"));
        dump = expect_file(h, "i.dump");
        check(h, strstr(dump, "gend.log") != NULL);
        ctl(h, "stop", "{'paths':['app/f']}");
        check_str(h, expect_file(h, "f.out"), "hello\n");
        harness_stop(h);
}
END_TEST

START_TEST(instances_are_children_of_their_own)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ",'instances':3"))));

        check_str(h, record_text(h), "a+ a+ a+");
        expect_state(h, "app/a@1", "running");
        expect_state(h, "app/a@3", "running");
        check(h, child_pid(h, "app/a@1") != child_pid(h, "app/a@2"));
        (void)ctl_fails(h, -32004, "status", "{'path':'app/a'}");
        harness_stop(h);
}
END_TEST

static TCase *environment_case(void)
{
        TCase *tcase = harness_case("environment");

        tcase_add_test(tcase, a_child_gets_three_descriptors_and_no_more);
        tcase_add_test(tcase, a_child_starts_with_clean_signals_in_its_own_session);
        tcase_add_test(tcase, a_child_inherits_no_odd_signals);
        tcase_add_test(tcase, the_environment_is_inherited_downwards);
        tcase_add_test(tcase, limits_umask_nice_and_folder_are_set);
        tcase_add_test(tcase, a_child_can_run_as_another_user);
        tcase_add_test(tcase, a_listening_socket_is_handed_over_and_outlives_the_child);
        tcase_add_test(tcase, the_watchdog_is_announced);
        tcase_add_test(tcase, output_goes_where_the_tree_says);
        tcase_add_test(tcase, instances_are_children_of_their_own);
        return tcase;
}

TEST_MAIN("a03-child-environment", environment_case())
