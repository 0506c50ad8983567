/*
 * Readers that go on and on: every event and byte once, whatever happens to the server.
 */

#include "tests/integration/ctl/cli.h"

#include <signal.h>

#define EVENT(seq, event)                              \
        "{'seq': " seq ", 'time': 0, 'event': '" event \
        "', 'path': 'a/b', 'pid': null, 'reason': null}"
#define EVENTS(list, next) "{'result': {'events': [" list "], 'next': " next "}}"
#define LOG(text, position)                                                    \
        "{'result': {'path': 'a/b', 'text': '" text "', 'position': " position \
        ", 'lost': 0, 'dropped': 0}}"
#define HANG "{'hang': true}"

START_TEST(events_end_when_there_are_no_more)
{
        Cli *cli = cli_new();

        server_start(cli, "{'events': [" EVENTS(EVENT("1", "ready") "," EVENT("2", "exited"),
                                                "2") "," EVENTS("", "2") "]}");
        run(cli, "events");
        assert_exit(cli, 0);
        assert_out(cli, "     1  1970-01-01 00:00:00.000  ready       a/b\n"
                        "     2  1970-01-01 00:00:00.000  exited      a/b\n");
        ck_assert_str_eq(server_request(cli), "events {\"since\":0,\"limit\":1000,\"wait_ms\":0}");
        cli_free(cli);
}
END_TEST

START_TEST(events_as_json_are_an_object_a_line)
{
        Cli *cli = cli_new();

        server_start(cli, "{'events': [" EVENTS(EVENT("8", "ready") "," EVENT("9", "exited"),
                                                "9") "," EVENTS("", "9") "]}");
        run(cli, "events", "--json", "--since", "7");
        assert_exit(cli, 0);
        assert_out(cli, "{\"seq\":8,\"time\":0,\"event\":\"ready\",\"path\":\"a/b\",\"pid\":null,"
                        "\"reason\":null}\n"
                        "{\"seq\":9,\"time\":0,\"event\":\"exited\",\"path\":\"a/b\",\"pid\":null,"
                        "\"reason\":null}\n");
        cli_free(cli);
}
END_TEST

START_TEST(followed_events_come_once_over_a_restart)
{
        Cli *cli = cli_new();

        server_start(cli, "{'events': [" EVENTS(EVENT("1", "ready"),
                                                "1") "," EVENTS("", "1") "," HANG "]}");
        begin(cli, "events", "--follow", "--json");
        await_output(cli, "\"seq\":1,");
        (void)server_request(cli);
        (void)server_request(cli);
        ck_assert_str_eq(server_request(cli),
                         "events {\"since\":1,\"limit\":1000,\"wait_ms\":25000}");
        server_start(cli, "{'events': [" EVENTS(EVENT("1", "ready") "," EVENT("2", "exited"),
                                                "2") "," EVENTS(EVENT("3", "starting"),
                                                                "3") "," HANG "]}");
        await_output(cli, "\"seq\":3,");
        ck_assert_str_eq(server_request(cli),
                         "events {\"since\":1,\"limit\":1000,\"wait_ms\":25000}");
        interrupt(cli, SIGINT);
        finish(cli);
        assert_exit(cli, -SIGINT);
        assert_that(cli, !strstr(strstr(out_of(cli), "\"seq\":1,") + 1, "\"seq\":1,"));
        assert_out_has(cli, "\"seq\":2,");
        cli_free(cli);
}
END_TEST

START_TEST(followed_events_begin_again_with_another_gend)
{
        Cli *cli = cli_new();

        server_start(cli, "{'events': [" EVENTS(EVENT("50", "ready"), "50") "," EVENTS(
                                  "", "50") "," EVENTS("", "3") "," EVENTS(EVENT("1", "starting"),
                                                                           "1") "," HANG "]}");
        begin(cli, "events", "-f");
        await_output(cli, "starting");
        interrupt(cli, SIGTERM);
        finish(cli);
        assert_err_has(cli, "started anew");
        cli_free(cli);
}
END_TEST

START_TEST(followed_logs_go_on_where_they_were)
{
        Cli *cli = cli_new();

        server_start(cli, "{'logs': [" LOG("one ", "4") "," LOG("two ", "8") "," HANG "]}");
        begin(cli, "logs", "-f", "-n", "0", "b");
        await_output(cli, "one two ");
        ck_assert_str_eq(server_request(cli), "logs {\"path\":\"b\",\"lines\":0}");
        ck_assert_str_eq(server_request(cli),
                         "logs {\"path\":\"b\",\"position\":4,\"wait_ms\":25000}");
        ck_assert_str_eq(server_request(cli),
                         "logs {\"path\":\"b\",\"position\":8,\"wait_ms\":25000}");
        server_start(cli, "{'logs': [" LOG("three", "13") "," HANG "]}");
        await_output(cli, "one two three");
        interrupt(cli, SIGINT);
        finish(cli);
        assert_out(cli, "one two three");
        cli_free(cli);
}
END_TEST

START_TEST(a_followed_log_ends_with_its_node)
{
        Cli *cli = cli_new();

        server_start(cli, "{'logs': [" LOG(
                                  "bye", "3") ", {'error': {'code': -32004, 'message': 'gone'}}]}");
        run(cli, "logs", "-f", "b");
        assert_exit(cli, 4);
        assert_out(cli, "bye");
        assert_err_has(cli, "gone");
        cli_free(cli);
}
END_TEST

START_TEST(a_follower_whose_gend_ends_exits_with_5)
{
        Cli *cli = cli_new();

        server_start(cli, "{'events': [" EVENTS(EVENT("1", "ready"),
                                                "1") "," EVENTS("", "1") ","
                                                                         "{'die': true}]}");
        run(cli, "events", "--follow");
        assert_exit(cli, 5);
        assert_out_has(cli, "ready");
        cli_free(cli);
}
END_TEST

static TCase *follow_case(void)
{
        TCase *tc = tcase_create("follow");

        tcase_set_timeout(tc, 100);
        tcase_add_test(tc, events_end_when_there_are_no_more);
        tcase_add_test(tc, events_as_json_are_an_object_a_line);
        tcase_add_test(tc, followed_events_come_once_over_a_restart);
        tcase_add_test(tc, followed_events_begin_again_with_another_gend);
        tcase_add_test(tc, followed_logs_go_on_where_they_were);
        tcase_add_test(tc, a_followed_log_ends_with_its_node);
        tcase_add_test(tc, a_follower_whose_gend_ends_exits_with_5);
        return tc;
}

TEST_MAIN("ctl-follow", follow_case())
