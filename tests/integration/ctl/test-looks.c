/*
 * What genctl's output looks like: on a terminal, in a pipe, with and without colours and UTF-8,
 * and when what it shows is hostile.
 */

#include "tests/integration/ctl/cli.h"

#include <signal.h>

#define NODE(name, state, more)                                                                   \
        "{'name': '" name "', 'path': 'shop/" name "', 'kind': 'exec', 'state': '" state "'" more \
        "}"
#define TREE                                                                                     \
        "{'tree': {'result': {'node': 'a@b', 'version': '1.0', 'pid': 7, 'uptime_ms': 125000,"   \
        "'applications': [{'name': 'shop', 'kind': 'application', 'state': 'running',"           \
        "'strategy': 'one_for_one', 'pid': null, 'restarts': 0, 'children': [" NODE(             \
                "web", "running",                                                                \
                ", 'pid': 42, 'restarts': 1") "," NODE("db", "stopped",                          \
                                                       "") "," NODE("bad", "failed",             \
                                                                    ", 'last_exit': {'reason': " \
                                                                    "'{exit_status,3}'}") "]}]}}}"
#define LIST                                                                                      \
        "{'list': {'result': {'processes': [" NODE(                                               \
                "web", "running",                                                                 \
                ", 'pid': 42, 'uptime_ms': 5000, 'restarts': 1") "," NODE("db", "stopped",        \
                                                                          ", 'restarts': 12, "    \
                                                                          "'last_exit': "         \
                                                                          "{'reason': "           \
                                                                          "'{signal,SIGSEGV,and," \
                                                                          "more}'}") "]}}}"
#define ESCAPE "\x1b"

START_TEST(a_pipe_gets_no_colours_and_the_full_width)
{
        Cli *cli = cli_new();

        cli_env(cli, "LANG=C.UTF-8");
        server_start(cli, TREE);
        run(cli, "tree");
        assert_out(cli, "a@b  gend 1.0  pid 7  up 2min 5s\n"
                        "└─● shop  running  one_for_one\n"
                        "  ├─● web  running  pid 42  1 restart\n"
                        "  ├─○ db  stopped\n"
                        "  └─✗ bad  failed  last exit {exit_status,3}\n");
        server_start(cli, LIST);
        run(cli, "list");
        assert_out(cli, "PATH      STATE    PID  UPTIME  RESTARTS  LAST EXIT\n"
                        "shop/web  running   42    5.0s         1  -\n"
                        "shop/db   stopped    -       -        12  {signal,SIGSEGV,and,more}\n");
        cli_free(cli);
}
END_TEST

START_TEST(a_locale_without_utf8_gets_ascii)
{
        Cli *cli = cli_new();

        cli_env(cli, "LC_ALL=C");
        cli_env(cli, "LANG=C.UTF-8");
        server_start(cli, TREE);
        run(cli, "tree");
        assert_out_has(cli, "`-* shop  running");
        assert_out_has(cli, "  |-* web  running");
        for (const char *p = out_of(cli); *p; p++)
                assert_that(cli, (unsigned char)*p < 0x80);
        cli_free(cli);
}
END_TEST

START_TEST(a_terminal_gets_colours)
{
        Cli *cli = cli_new();

        cli_on_terminal(cli, 100);
        cli_env(cli, "TERM=xterm");
        server_start(cli, TREE);
        run(cli, "tree");
        assert_exit(cli, 0);
        assert_out_has(cli, ESCAPE "[32mrunning" ESCAPE "[0m");
        assert_out_has(cli, ESCAPE "[1;31mfailed" ESCAPE "[0m");
        run(cli, "tree", "--json");
        assert_out_lacks(cli, ESCAPE);
        cli_free(cli);
}
END_TEST

START_TEST(no_color_is_honoured)
{
        Cli *cli = cli_new();

        cli_on_terminal(cli, 100);
        cli_env(cli, "TERM=xterm");
        cli_env(cli, "NO_COLOR=1");
        server_start(cli, TREE);
        run(cli, "tree");
        assert_exit(cli, 0);
        assert_out_lacks(cli, ESCAPE);
        cli_free(cli);
}
END_TEST

START_TEST(a_table_is_cut_to_the_terminal)
{
        Cli *cli = cli_new();

        cli_on_terminal(cli, 60);
        cli_env(cli, "NO_COLOR=1");
        server_start(cli, LIST);
        run(cli, "list");
        assert_exit(cli, 0);
        assert_out(cli, "PATH      STATE    PID  UPTIME  RESTARTS  LAST EXIT\n"
                        "shop/web  running   42    5.0s         1  -\n"
                        "shop/db   stopped    -       -        12  {signal,SIGSEGV,an\n");
        cli_free(cli);
}
END_TEST

START_TEST(no_control_character_of_a_log_reaches_the_reader_of_status)
{
        Cli *cli = cli_new();

        server_start(
                cli,
                "{'status': {'result': {'path': 'shop/web', 'state': 'running',"
                "'status_text': 'a\\u001b[2Jb', 'why': '\\u0007\\u009b',"
                "'spec': {'exec': ['x\\u001by', '\\u202e']},"
                "'log': ['one\\u001b]0;title\\u0007', 'two\\rthree\\u0000', 'four\\tfive']}}}");
        run(cli, "status", "web");
        assert_exit(cli, 0);
        for (const char *p = out_of(cli); *p; p++)
                assert_that(cli,
                            *p == '\n' || *p == '\t' || ((unsigned char)*p >= ' ' && *p != 0x7f));
        assert_out_has(cli, "a\\x1b[2Jb");
        assert_out_has(cli, "\\x07\\xc2\\x9b");
        assert_out_has(cli, "one\\x1b]0;title\\x07");
        assert_out_has(cli, "two\\x0dthree\\x00");
        assert_out_has(cli, "four\tfive");
        assert_out_lacks(cli, "\xe2\x80\xae");
        cli_free(cli);
}
END_TEST

START_TEST(logs_are_raw_in_a_pipe_and_safe_on_a_terminal)
{
        Cli *cli = cli_new();

        server_start(cli, "{'logs': {'result': {'path': 'a', 'text': 'x\\u001b[31my\\r\\n',"
                          "'position': 8, 'lost': 0, 'dropped': 0}}}");
        run(cli, "logs", "a");
        assert_out(cli, "x\x1b[31my\r\n");
        ck_assert_str_eq(server_request(cli), "logs {\"path\":\"a\",\"lines\":10}");
        cli_on_terminal(cli, 80);
        run(cli, "logs", "a", "-n", "3");
        assert_out(cli, "x\\x1b[31my\n");
        ck_assert_str_eq(server_request(cli), "logs {\"path\":\"a\",\"lines\":3}");
        cli_free(cli);
}
END_TEST

START_TEST(an_error_message_can_do_nothing_to_the_terminal)
{
        Cli *cli = cli_new();

        server_start(cli, "{'ping': {'error': {'code': -32001, 'message': 'x\\u001b[2Jy'}}}");
        run(cli, "ping");
        assert_err(cli, "genctl: x\\x1b[2Jy\n");
        cli_free(cli);
}
END_TEST

START_TEST(status_shows_backoff_and_what_was_last)
{
        Cli *cli = cli_new();

        server_start(
                cli,
                "{'status': {'result': {'path': 'shop/bad', 'kind': 'exec', 'state': 'backoff',"
                "'restart': 'permanent', 'restarts': 4, 'why': '{exit_status,3}',"
                "'next_try_at': 90061000, 'next_try_in_ms': 1500, 'consecutive_failures': 2,"
                "'spec': {'exec': ['/bin/sh', '-c', 'it is'], 'cwd': '/srv'},"
                "'last_exit': {'reason': '{exit_status,3}', 'status': 3, 'signal': null,"
                "'at': 86400000}, 'recent_events': [{'seq': 1, 'time': 86400123,"
                "'event': 'exited', 'path': 'shop/bad', 'pid': 9, 'reason': 'x'}]}}}");
        run(cli, "status", "bad");
        assert_exit(cli, 3);
        assert_out_has(cli, "* shop/bad - exec, permanent\n");
        assert_out_has(cli, "Next try: in 1.5s (Fri 1970-01-02 01:01:01 UTC)\n");
        assert_out_has(cli, "Command: /bin/sh -c 'it is'\n");
        assert_out_has(cli, "Restarts: 4, 2 failed attempts in a row\n");
        assert_out_has(cli,
                       "Last exit: {exit_status,3} (exit status 3), Fri 1970-01-02 00:00:00 UTC; ");
        assert_out_has(cli, "Spec: cwd: \"/srv\"\n");
        assert_out_has(cli, "  1970-01-02 00:00:00.123  exited      pid 9  x\n");
        cli_free(cli);
}
END_TEST

START_TEST(top_is_one_table_in_a_pipe)
{
        Cli *cli = cli_new();

        server_start(cli, LIST);
        run(cli, "top");
        assert_exit(cli, 0);
        assert_out_has(cli, "CPU%");
        assert_out_has(cli, "shop/web");
        assert_out_lacks(cli, ESCAPE);
        run(cli, "top", "--json");
        assert_out_has(cli, "\"cpu_percent\"");
        cli_free(cli);
}
END_TEST

START_TEST(top_gives_the_terminal_back)
{
        Cli *cli = cli_new();

        cli_on_terminal(cli, 80);
        cli_env(cli, "TERM=xterm");
        server_start(cli, LIST);
        begin(cli, "top");
        await_output(cli, "shop/web");
        assert_out_has(cli, ESCAPE "[?1049h");
        if (_i == 0)
                type_keys(cli, "q");
        else
                interrupt(cli, (int[]){0, SIGINT, SIGTERM, SIGHUP}[_i]);
        finish(cli);
        assert_exit(cli, 0);
        assert_that(cli, strstr(out_of(cli), ESCAPE "[?25h" ESCAPE "[?1049l"));
        cli_free(cli);
}
END_TEST

START_TEST(top_ends_with_an_error_when_gend_ends)
{
        Cli *cli = cli_new();

        cli_on_terminal(cli, 80);
        server_start(cli, LIST);
        begin(cli, "top", "-d", "100ms");
        await_output(cli, "shop/web");
        server_kill(cli);
        finish(cli);
        assert_exit(cli, 5);
        assert_err_has(cli, "does not answer any more");
        assert_out_has(cli, ESCAPE "[?1049l");
        cli_free(cli);
}
END_TEST

static TCase *looks_case(void)
{
        TCase *tc = tcase_create("looks");

        tcase_set_timeout(tc, 100);
        tcase_add_test(tc, a_pipe_gets_no_colours_and_the_full_width);
        tcase_add_test(tc, a_locale_without_utf8_gets_ascii);
        tcase_add_test(tc, a_terminal_gets_colours);
        tcase_add_test(tc, no_color_is_honoured);
        tcase_add_test(tc, a_table_is_cut_to_the_terminal);
        tcase_add_test(tc, no_control_character_of_a_log_reaches_the_reader_of_status);
        tcase_add_test(tc, logs_are_raw_in_a_pipe_and_safe_on_a_terminal);
        tcase_add_test(tc, an_error_message_can_do_nothing_to_the_terminal);
        tcase_add_test(tc, status_shows_backoff_and_what_was_last);
        tcase_add_test(tc, top_is_one_table_in_a_pipe);
        tcase_add_loop_test(tc, top_gives_the_terminal_back, 0, 4);
        tcase_add_test(tc, top_ends_with_an_error_when_gend_ends);
        return tc;
}

TEST_MAIN("ctl-looks", looks_case())
