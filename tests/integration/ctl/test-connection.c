/*
 * genctl and a gend that is not there, hangs, talks nonsense, or is restarted in the middle.
 */

#include "tests/integration/ctl/cli.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PONG "{'ping': {'result': {'pong': true, 'node': 'a@b'}}}"
#define DIE  "{'*': {'die': true}}"
#define HANG "{'*': {'hang': true}}"

START_TEST(no_socket_exits_with_5_and_says_what_to_do)
{
        Cli *cli = cli_new();

        run(cli, "tree");
        assert_exit(cli, 5);
        assert_err_has(cli, cli_socket(cli));
        assert_err_has(cli, "gend -t FILE");
        assert_err_has(cli, "--socket");
        cli_free(cli);
}
END_TEST

START_TEST(a_socket_without_gend_exits_with_5)
{
        Cli *cli = cli_new();

        server_start(cli, PONG);
        server_kill(cli);
        run(cli, "tree");
        assert_exit(cli, 5);
        assert_err_has(cli, "nobody listens");
        run(cli, "kill", "a");
        assert_exit(cli, 5);
        cli_free(cli);
}
END_TEST

START_TEST(a_socket_that_may_not_be_opened_exits_with_5_at_once)
{
        Cli *cli = cli_new();

        if (geteuid() != 0) { /* root may open it */
                server_start(cli, PONG);
                ck_assert_int_eq(chmod(cli_socket(cli), 0), 0);
                run(cli, "ping");
                assert_exit(cli, 5);
                assert_err_has(cli, "admin-group");
        }
        cli_free(cli);
}
END_TEST

START_TEST(a_path_too_long_for_a_socket_exits_with_5)
{
        Cli *cli = cli_new();
        char path[200];

        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        run(cli, "--socket", path, "ping");
        assert_exit(cli, 5);
        assert_err_has(cli, "too long");
        cli_free(cli);
}
END_TEST

START_TEST(a_server_that_never_answers_exits_with_6)
{
        Cli *cli = cli_new();

        server_start(cli, HANG);
        run(cli, "--timeout", "200ms", "ping");
        assert_exit(cli, 6);
        assert_err_has(cli, "timed out");
        assert_that(cli, msec_of(cli) >= 200);
        run(cli, "--timeout", "200ms", "stop", "a");
        assert_exit(cli, 6);
        run(cli, "--timeout", "200ms", "--json", "kill", "a");
        assert_exit(cli, 6);
        assert_err_has(cli, "\"exit\":6");
        cli_free(cli);
}
END_TEST

START_TEST(a_server_that_accepts_and_says_nothing_exits_with_6)
{
        Cli *cli = cli_new();

        server_start(cli, "raw:mute");
        run(cli, "--timeout", "200ms", "ping");
        assert_exit(cli, 6);
        cli_free(cli);
}
END_TEST

START_TEST(a_server_of_another_protocol_ends_in_a_clean_error)
{
        Cli *cli = cli_new();

        server_start(cli, "raw:noise");
        run(cli, "ping");
        assert_exit(cli, 1);
        assert_err_has(cli, cli_socket(cli));
        cli_free(cli);
}
END_TEST

START_TEST(half_a_reply_is_a_clean_error)
{
        Cli *cli = cli_new();

        server_start(cli, "raw:half");
        run(cli, "ping");
        assert_exit(cli, 1);
        assert_err_has(cli, "no proper answer");
        cli_free(cli);
}
END_TEST

START_TEST(a_reply_that_claims_a_terabyte_is_a_clean_error)
{
        Cli *cli = cli_new();

        server_start(cli, "raw:huge");
        run(cli, "ping");
        assert_exit(cli, 1);
        assert_err_has(cli, "no proper answer");
        cli_free(cli);
}
END_TEST

START_TEST(a_malformed_reply_is_a_clean_error)
{
        static const char *const rows[] = {
                "{'*': {'text': ''}}",
                "{'*': {'text': 'hello'}}",
                "{'*': {'text': '[]'}}",
                "{'*': {'text': '{}'}}",
                "{'*': {'text': '{\\u0022result\\u0022: 1}'}}",
                "{'*': {'result': {}, 'id': 999}}",
                "{'*': {'result': {}, 'error': {'code': 1}}}",
                "{'*': {'error': 5}}",
        };
        Cli *cli = cli_new();

        server_start(cli, rows[_i]);
        run(cli, "ping");
        assert_exit(cli, 1);
        assert_err_has(cli, "malformed");
        cli_free(cli);
}
END_TEST

START_TEST(a_result_of_another_shape_is_no_crash)
{
        static const char *const verbs[][4] = {
                {"tree"},           {"status", "a"}, {"list"},
                {"apps"},           {"top"},         {"events"},
                {"logs", "a"},      {"reload"},      {"kill", "a"},
                {"spawn", "a"},     {"start", "a"},  {"app", "info", "a"},
                {"add", "a", "{}"}, {"nodes"},       {"version"},
                {"ping"},
        };
        static const char *const results[] = {
                "{'*': {'result': []}}",
                "{'*': {'result': 5}}",
                "{'*': {'result': null}}",
                "{'*': {'result': {'applications': [5, null, {'children': 3}], 'processes': [[], "
                "{}],"
                "'log': [1], 'spec': [], 'last_exit': [], 'path': 1, 'state': 7, 'events': {}, "
                "'results': [4], 'changes': 'x', 'paths': [1], 'nodes': [3], 'env': 4}}}",
        };
        Cli *cli = cli_new();

        server_start(cli, results[_i % 4]);
        cli_run(cli, verbs[_i / 4]);
        assert_that(cli, status_of(cli) == 0 || status_of(cli) == 1 || status_of(cli) == 3);
        cli_free(cli);
}
END_TEST

START_TEST(what_may_be_repeated_outlives_the_server)
{
        static const char *const verbs[][4] = {
                {"ping"},       {"tree"},      {"list"},   {"events"},           {"apps"},
                {"start", "a"}, {"stop", "a"}, {"reload"}, {"app", "stop", "a"},
        };
        Cli *cli = cli_new();

        server_start(cli, HANG);
        cli_begin(cli, verbs[_i]);
        (void)server_request(cli);
        server_start(cli, "{'*': {'result': {'node': 'second'}}}");
        finish(cli);
        assert_exit(cli, 0);
        (void)server_request(cli);
        cli_free(cli);
}
END_TEST

START_TEST(what_does_harm_twice_is_not_sent_twice)
{
        static const char *const verbs[][4] = {
                {"kill", "a"},   {"restart", "a"},   {"spawn", "a"},
                {"delete", "a"}, {"add", "a", "{}"}, {"rpc", "frob"},
        };
        Cli *cli = cli_new();

        server_start(cli, HANG);
        cli_begin(cli, verbs[_i]);
        (void)server_request(cli);
        server_start(cli, "{'*': {'result': {}}}");
        finish(cli);
        assert_exit(cli, 1);
        assert_err_has(cli, "unknown");
        assert_err_has(cli, "genctl events");
        ck_assert_uint_eq(server_requests_left(cli), 0);
        cli_free(cli);
}
END_TEST

START_TEST(a_server_that_dies_of_the_request_and_stays_away_exits_with_5)
{
        Cli *cli = cli_new();

        server_start(cli, DIE);
        run(cli, "ping");
        assert_exit(cli, 5);
        server_start(cli, DIE);
        run(cli, "kill", "a");
        assert_exit(cli, 1);
        assert_err_has(cli, "unknown");
        cli_free(cli);
}
END_TEST

START_TEST(a_gend_that_is_just_being_started_is_waited_for)
{
        Cli *cli = cli_new();

        begin(cli, "ping");
        server_start(cli, PONG);
        finish(cli);
        assert_exit(cli, 0);
        begin(cli, "kill", "a");
        server_start(cli, "{'*': {'result': {'path': 'a', 'pid': 1, 'signal': 'SIGKILL'}}}");
        finish(cli);
        assert_that(cli, status_of(cli) == 0 || status_of(cli) == 1);
        cli_free(cli);
}
END_TEST

static TCase *connection_case(void)
{
        TCase *tc = tcase_create("connection");

        tcase_set_timeout(tc, 100);
        tcase_add_test(tc, no_socket_exits_with_5_and_says_what_to_do);
        tcase_add_test(tc, a_socket_without_gend_exits_with_5);
        tcase_add_test(tc, a_socket_that_may_not_be_opened_exits_with_5_at_once);
        tcase_add_test(tc, a_path_too_long_for_a_socket_exits_with_5);
        tcase_add_test(tc, a_server_that_never_answers_exits_with_6);
        tcase_add_test(tc, a_server_that_accepts_and_says_nothing_exits_with_6);
        tcase_add_test(tc, a_server_of_another_protocol_ends_in_a_clean_error);
        tcase_add_test(tc, half_a_reply_is_a_clean_error);
        tcase_add_test(tc, a_reply_that_claims_a_terabyte_is_a_clean_error);
        tcase_add_loop_test(tc, a_malformed_reply_is_a_clean_error, 0, 8);
        tcase_add_loop_test(tc, a_result_of_another_shape_is_no_crash, 0, 16 * 4);
        tcase_add_loop_test(tc, what_may_be_repeated_outlives_the_server, 0, 9);
        tcase_add_loop_test(tc, what_does_harm_twice_is_not_sent_twice, 0, 6);
        tcase_add_test(tc, a_server_that_dies_of_the_request_and_stays_away_exits_with_5);
        tcase_add_test(tc, a_gend_that_is_just_being_started_is_waited_for);
        return tc;
}

TEST_MAIN("ctl-connection", connection_case())
