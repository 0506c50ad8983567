/*
 * genctl's command line and exit statuses: what it asks, what it prints, how it ends.
 */

#include "tests/integration/ctl/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PONG "{'ping': {'result': {'pong': true, 'node': 'a@b'}}}"
#define WEB(state)                                                                            \
        "{'status': {'result': {'name': 'web', 'path': 'shop/web', 'kind': 'exec', 'state': " \
        "'" state "', 'restart': 'permanent', 'pid': 42, 'restarts': 2}}}"
#define FAILS(method, code, message) \
        "{'" method "': {'error': {'code': " code ", 'message': '" message "'}}}"

START_TEST(a_verb_that_succeeds_exits_with_0)
{
        Cli *cli = cli_new();

        server_start(cli, PONG);
        run(cli, "ping");
        assert_exit(cli, 0);
        assert_out_has(cli, "pong from a@b");
        assert_err(cli, "");
        ck_assert_str_eq(server_request(cli), "ping {}");
        cli_free(cli);
}
END_TEST

START_TEST(each_error_code_has_its_exit_status)
{
        static const struct {
                const char *script;
                int status;
        } rows[] = {
                {FAILS("ping", "-32700", "x"), 1},
                {FAILS("ping", "-32600", "x"), 1},
                {FAILS("ping", "-32601", "x"), 1},
                {FAILS("ping", "-32602", "x"), 2},
                {FAILS("ping", "-32001", "x"), 1},
                {FAILS("ping", "-32002", "x"), 1},
                {FAILS("ping", "-32004", "x"), 4},
                {FAILS("ping", "-32005", "x"), 5},
                {FAILS("ping", "-32006", "x"), 6},
                {FAILS("ping", "-32007", "x"), 1},
                {FAILS("ping", "12345", "x"), 1},
                {"{'ping': {'error': {'code': -1, 'message': 'x', 'data': {'exit': 4}}}}", 4},
                {"{'ping': {'error': {'code': -1, 'message': 'x', 'data': {'exit': 77}}}}", 1},
                {"{'ping': {'error': {}}}", 1},
        };
        Cli *cli = cli_new();

        server_start(cli, rows[_i].script);
        run(cli, "ping");
        assert_exit(cli, rows[_i].status);
        assert_out(cli, "");
        assert_err_has(cli, "genctl: ");
        cli_free(cli);
}
END_TEST

START_TEST(status_of_what_is_not_running_exits_with_3)
{
        Cli *cli = cli_new();

        server_start(cli, WEB("backoff"));
        run(cli, "status", "web");
        assert_exit(cli, 3);
        assert_out_has(cli, "shop/web - exec, permanent");
        run(cli, "status", "web", "--json");
        assert_exit(cli, 3);
        server_start(cli, WEB("running"));
        run(cli, "status", "web");
        assert_exit(cli, 0);
        cli_free(cli);
}
END_TEST

START_TEST(a_wrong_command_line_exits_with_2_and_asks_nobody)
{
        static const char *const rows[][6] = {
                {NULL},
                {"frobnicate"},
                {"status"},
                {"ping", "more"},
                {"--frob", "ping"},
                {"ping", "--no-wait"},
                {"--timeout"},
                {"--timeout", "soon", "ping"},
                {"--timeout", "0", "ping"},
                {"--json=yes", "ping"},
                {"kill", "web", "--signal", "SIGFROB"},
                {"logs", "web", "-n", "-1"},
                {"logs", "web", "-n", "99999999999999999999"},
                {"events", "--since", "1x"},
                {"app", "frob", "shop"},
                {"add", "shop", "{"},
                {"rpc", "ping", "[1"},
                {"help", "frob"},
                {"top", "-d", "1ms"},
        };
        Cli *cli = cli_new();

        server_start(cli, PONG);
        cli_run(cli, rows[_i]);
        assert_exit(cli, 2);
        assert_out(cli, "");
        assert_that(cli, *err_of(cli));
        ck_assert_uint_eq(server_requests_left(cli), 0);
        cli_free(cli);
}
END_TEST

START_TEST(options_may_stand_before_and_after_the_verb)
{
        Cli *cli = cli_new();

        server_start(cli, PONG);
        run(cli, "--json", "--timeout", "5s", "ping");
        assert_out(cli, "{\"pong\":true,\"node\":\"a@b\"}\n");
        run(cli, "ping", "--json", "--timeout=5s");
        assert_out(cli, "{\"pong\":true,\"node\":\"a@b\"}\n");
        run(cli, "--socket", "/nowhere/at/all.sock", "ping");
        assert_exit(cli, 5);
        assert_err_has(cli, "/nowhere/at/all.sock");
        cli_free(cli);
}
END_TEST

START_TEST(what_follows_the_path_of_spawn_is_verbatim)
{
        Cli *cli = cli_new();

        server_start(cli, "{'spawn': {'result': {'path': 'shop/jobs/job#1', 'pid': 5}}}");
        run(cli, "spawn", "jobs", "--json", "--", "-x", "");
        assert_exit(cli, 0);
        assert_out(cli, "shop/jobs/job#1\n");
        ck_assert_str_eq(server_request(cli),
                         "spawn {\"path\":\"jobs\",\"args\":[\"--json\",\"--\",\"-x\",\"\"]}");
        run(cli, "spawn", "--json", "jobs");
        assert_out(cli, "{\"path\":\"shop/jobs/job#1\",\"pid\":5}\n");
        ck_assert_str_eq(server_request(cli), "spawn {\"path\":\"jobs\",\"args\":[]}");
        cli_free(cli);
}
END_TEST

START_TEST(a_signal_is_named_in_any_way)
{
        Cli *cli = cli_new();

        server_start(cli, "{'kill': {'result': {'path': 'a/b', 'pid': 7, 'signal': 'SIGTERM'}}}");
        run(cli, "kill", "b", "--signal", "term");
        assert_out(cli, "a/b: SIGTERM sent to pid 7\n");
        ck_assert_str_eq(server_request(cli), "kill {\"path\":\"b\",\"signal\":\"SIGTERM\"}");
        run(cli, "kill", "-s15", "b");
        ck_assert_str_eq(server_request(cli), "kill {\"path\":\"b\",\"signal\":\"SIGTERM\"}");
        run(cli, "kill", "b");
        ck_assert_str_eq(server_request(cli), "kill {\"path\":\"b\",\"signal\":\"SIGKILL\"}");
        cli_free(cli);
}
END_TEST

START_TEST(all_paths_are_tried_though_one_fails)
{
        Cli *cli = cli_new();

        server_start(cli,
                     "{'start': ["
                     "{'error': {'code': -32001, 'message': 'a/x: {exec,enoent}'}},"
                     "{'result': {'results': [{'path': 'a/y', 'state': 'running', 'pid': 9}]}},"
                     "{'error': {'code': -32004, 'message': 'z: no such path'}}]}");
        run(cli, "start", "x", "y", "z");
        assert_exit(cli, 1);
        assert_out(cli, "a/y: running, pid 9\n");
        assert_err_has(cli, "genctl: a/x: {exec,enoent}\n");
        assert_err_has(cli, "genctl: z: no such path\n");
        ck_assert_uint_eq(server_requests_left(cli), 3);
        cli_free(cli);
}
END_TEST

START_TEST(an_unknown_path_brings_its_neighbours)
{
        Cli *cli = cli_new();

        server_start(cli,
                     "{'status': {'error': {'code': -32004, 'message': 'shop/wbe: no such path',"
                     "'data': {'exit': 4, 'candidates': ['shop/web', 'shop/wax']}}}}");
        run(cli, "status", "shop/wbe");
        assert_exit(cli, 4);
        assert_err(cli, "genctl: shop/wbe: no such path; did you mean shop/web, shop/wax?\n");
        cli_free(cli);
}
END_TEST

START_TEST(with_json_errors_are_objects)
{
        Cli *cli = cli_new();
        json_t *error;

        server_start(cli, FAILS("ping", "-32001", "no"));
        run(cli, "ping", "--json");
        assert_exit(cli, 1);
        assert_out(cli, "");
        assert_err(cli, "{\"code\":-32001,\"message\":\"no\"}\n");
        run(cli, "frobnicate", "--json");
        assert_exit(cli, 2);
        error = json_loads(err_of(cli), 0, NULL);
        assert_that(cli, json_is_null(json_object_get(error, "code")));
        ck_assert_int_eq(
                json_integer_value(json_object_get(json_object_get(error, "data"), "exit")), 2);
        json_decref(error);
        cli_free(cli);
}
END_TEST

START_TEST(faults_of_a_reload_are_listed)
{
        Cli *cli = cli_new();

        server_start(cli, "{'reload': {'error': {'code': -32001, 'message': '2 faults', 'data':"
                          "{'faults': [{'line': 3, 'path': 'a.b', 'message': 'bad'},"
                          "{'line': 9, 'path': 'c', 'message': 'worse'}]}}}}");
        run(cli, "reload");
        assert_exit(cli, 1);
        assert_err(cli, "genctl: 2 faults\n  line 3: a.b: bad\n  line 9: c: worse\n");
        cli_free(cli);
}
END_TEST

START_TEST(a_reload_prints_the_difference)
{
        Cli *cli = cli_new();

        server_start(cli, "{'reload': {'result': {'changes': [{'path': 'a/b', 'change': 'added'},"
                          "{'path': 'a/c', 'change': 'changed'}], 'unchanged': 7}}}");
        run(cli, "reload", "--dry-run");
        assert_exit(cli, 0);
        assert_out(cli, "added    a/b\nchanged  a/c\n2 changes to make, 7 unchanged\n");
        ck_assert_str_eq(server_request(cli), "reload {\"dry_run\":true}");
        cli_free(cli);
}
END_TEST

START_TEST(no_wait_is_passed_on)
{
        Cli *cli = cli_new();

        server_start(cli, "{'*': {'result': {'results': []}}}");
        run(cli, "stop", "--no-wait", "a");
        ck_assert_str_eq(server_request(cli), "stop {\"paths\":[\"a\"],\"wait\":false}");
        run(cli, "app", "stop", "a", "--no-wait");
        ck_assert_str_eq(server_request(cli), "app.stop {\"name\":\"a\",\"wait\":false}");
        run(cli, "stop", "a", "--timeout", "2s");
        ck_assert_str_eq(server_request(cli),
                         "stop {\"paths\":[\"a\"],\"wait\":true,\"timeout_ms\":2000}");
        cli_free(cli);
}
END_TEST

START_TEST(a_child_comes_from_a_file_too)
{
        Cli *cli = cli_new();
        char path[128], word[130];
        FILE *file;

        server_start(cli, "{'add': {'result': {'paths': ['a/x@1', 'a/x@2']}}}");
        (void)snprintf(path, sizeof(path), "%s/child.json", cli_dir(cli));
        (void)snprintf(word, sizeof(word), "@%s", path);
        file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        (void)fputs("{ \"name\": \"x\",\n  \"exec\": [\"true\"] }\n", file);
        (void)fclose(file);
        run(cli, "add", "a", word);
        assert_exit(cli, 0);
        assert_out(cli, "a/x@1\na/x@2\n");
        ck_assert_str_eq(server_request(cli), "add {\"parent\":\"a\",\"child\":{\"name\":\"x\","
                                              "\"exec\":[\"true\"]}}");
        (void)unlink(path);
        run(cli, "add", "a", word);
        assert_exit(cli, 1);
        assert_err_has(cli, "No such file");
        cli_free(cli);
}
END_TEST

START_TEST(an_actor_verb_that_gend_does_not_know_says_so)
{
        Cli *cli = cli_new();

        server_start(cli, "{'*': {'error': {'code': -32601, 'message': 'no such method'}}}");
        run(cli, "call", "cache", "-5");
        assert_exit(cli, 1);
        assert_err(cli, "genctl: call: this gend has no actors: no such method\n");
        cli_free(cli);
}
END_TEST

START_TEST(check_lists_every_fault_and_asks_nobody)
{
        Cli *cli = cli_new();
        char path[128];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/tree.json", cli_dir(cli));
        file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        (void)fputs("{ \"applications\": [\n  { \"name\": \"a\", \"colour\": 1,\n"
                    "    \"children\": [ { \"name\": \"b\", \"exec\": [\"/bin/true\"],\n"
                    "      \"shutdown\": \"soon\" } ] } ] }\n",
                    file);
        (void)fclose(file);
        run(cli, "check", path);
        assert_exit(cli, 1);
        assert_out(cli, "");
        assert_err_has(cli, "tree.json:2: applications[0]");
        assert_err_has(cli, "tree.json:4: applications[0].children[0].shutdown");
        file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        (void)fputs("{ \"applications\": [ { \"name\": \"a\", \"children\": [\n"
                    "  { \"name\": \"b\", \"exec\": [\"/bin/true\"], \"instances\": 3 } ] } ] }\n",
                    file);
        (void)fclose(file);
        run(cli, "check", path);
        assert_exit(cli, 0);
        assert_out_has(cli, "tree.json: ok, 1 application, 3 processes\n");
        (void)unlink(path);
        cli_free(cli);
}
END_TEST

START_TEST(help_and_version_ask_nobody)
{
        Cli *cli = cli_new();

        run(cli, "--help");
        assert_exit(cli, 0);
        assert_out_has(cli, "  restart [--no-wait] PATH...");
        run(cli, "kill", "--help");
        assert_exit(cli, 0);
        assert_out_has(cli, "usage: genctl [OPTION]... kill [-s SIGNAL] PATH");
        run(cli, "--version");
        assert_exit(cli, 0);
        assert_out_has(cli, "genctl ");
        run(cli, "help", "--json");
        assert_exit(cli, 0);
        assert_out_has(cli, "{\"verb\":\"tree\"");
        cli_free(cli);
}
END_TEST

START_TEST(the_completion_knows_verbs_options_and_paths)
{
        Cli *cli = cli_new();

        run(cli, "--complete", "sta");
        assert_out(cli, "status\nstart\n");
        run(cli, "--complete", "kill", "--s");
        assert_out(cli, "--socket\n--signal\n");
        server_start(cli, "{'tree': {'result': {'applications': [{'name': 'shop', 'path': 'shop',"
                          "'children': [{'path': 'shop/web'}, {'path': 'shop/db'}]}]}}}");
        run(cli, "--complete", "status", "shop/w");
        assert_out(cli, "shop/web\n");
        run(cli, "--complete", "app", "info", "");
        assert_out(cli, "shop\n");
        cli_free(cli);
}
END_TEST

START_TEST(the_socket_follows_from_the_environment)
{
        Cli *cli = cli_new();

        run(cli, "--socket", "", "ping");
        assert_exit(cli, 2);
        cli_env(cli, "RUNTIME_DIRECTORY=/nowhere/first:/nowhere/second");
        run(cli, "ping", "--timeout", "5s");
        assert_err_has(cli, cli_socket(cli)); /* $GEND_SOCKET comes first */
        cli_free(cli);
}
END_TEST

static TCase *answers_case(void)
{
        TCase *tc = tcase_create("answers");

        tcase_set_timeout(tc, 100);
        tcase_add_test(tc, a_verb_that_succeeds_exits_with_0);
        tcase_add_loop_test(tc, each_error_code_has_its_exit_status, 0, 14);
        tcase_add_test(tc, status_of_what_is_not_running_exits_with_3);
        tcase_add_loop_test(tc, a_wrong_command_line_exits_with_2_and_asks_nobody, 0, 19);
        tcase_add_test(tc, options_may_stand_before_and_after_the_verb);
        tcase_add_test(tc, what_follows_the_path_of_spawn_is_verbatim);
        tcase_add_test(tc, a_signal_is_named_in_any_way);
        tcase_add_test(tc, all_paths_are_tried_though_one_fails);
        tcase_add_test(tc, an_unknown_path_brings_its_neighbours);
        tcase_add_test(tc, with_json_errors_are_objects);
        tcase_add_test(tc, faults_of_a_reload_are_listed);
        tcase_add_test(tc, a_reload_prints_the_difference);
        tcase_add_test(tc, no_wait_is_passed_on);
        tcase_add_test(tc, a_child_comes_from_a_file_too);
        tcase_add_test(tc, an_actor_verb_that_gend_does_not_know_says_so);
        tcase_add_test(tc, check_lists_every_fault_and_asks_nobody);
        tcase_add_test(tc, help_and_version_ask_nobody);
        tcase_add_test(tc, the_completion_knows_verbs_options_and_paths);
        tcase_add_test(tc, the_socket_follows_from_the_environment);
        return tc;
}

TEST_MAIN("ctl-answers", answers_case())
