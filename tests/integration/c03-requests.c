/*
 * Owns the proof that no client can harm gend: not by many requests, not by hanging, not by
 * garbage.
 */

#include "tests/support/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

static Harness *start(void)
{
        return harness_start(TREE(APP("shop", "",
                                      SUP("front", "", TOY("web", "") TOY("api", ""))
                                              SUP("back", "", TOY("web", "") TOY("db", "")))));
}

/* The error code of the reply to whatever text; 0 when it is no error. */
static json_int_t raw_code(Harness *h, const char *text, size_t size)
{
        _cleanup_(freep) char *reply = ctl_raw(h, text, size, 10000);
        json_t *root;
        json_int_t code;

        if (!reply)
                harness_failed(h, __FILE__, __LINE__, "no reply to %.100s", text);
        root = json_loads(reply, 0, NULL);
        check_str(h, json_string_value(json_object_get(root, "jsonrpc")), "2.0");
        check(h, json_object_get(root, "id") != NULL);
        code = json_integer_value(json_object_get(json_object_get(root, "error"), "code"));
        json_decref(root);
        return code;
}

typedef struct Garbage {
        const char *text;
        int code;
} Garbage;

/* SUP-019: what is no request is answered with an error; gend goes on. */
START_TEST(garbage_is_answered_with_an_error)
{
        // clang-format off
        static const Garbage garbage[] = {
                { "",                                                                -32700 },
                { "\377\376\375",                                                    -32700 },
                { "not json",                                                        -32700 },
                { "{\"jsonrpc\":\"2.0\"",                                            -32700 },
                { "[[[[[[[[[[[[[[[[[[[[[[[[",                                        -32700 },
                { "null",                                                            -32700 },
                { "42",                                                              -32700 },
                { "\"text\"",                                                        -32700 },
                { "[]",                                                              -32600 },
                { "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",            -32600 },
                { "{}",                                                              -32600 },
                { "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",              -32600 },
                { "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}",                  -32600 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1}",                                  -32600 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",                     -32600 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}",                  -32601 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nonsense\"}",          -32601 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", -32602 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":7}", -32602 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"x\":1}}", -32602 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"shutdown\"}", -32700 },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{}}x", -32700 },
        };
        // clang-format on
        Harness *h = start();

        for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
                json_int_t code = raw_code(h, garbage[i].text, strlen(garbage[i].text));

                /* A bare value may be called either no JSON or no request. */
                if (code != garbage[i].code && !(garbage[i].code == -32700 && code == -32600))
                        harness_failed(h, __FILE__, __LINE__, "%s: %d", garbage[i].text, (int)code);
        }
        check_str(h, record_text(h), "web+ api+ web+ db+");
        (void)ctl(h, "ping", "{}");
        harness_stop(h);
}
END_TEST

START_TEST(wrong_parameters_are_named)
{
        static const struct {
                const char *method, *params, *name;
        } rows[] = {
                {"stop", "{}", "paths"},
                {"stop", "{'paths':'shop'}", "paths"},
                {"stop", "{'paths':[1]}", "paths"},
                {"stop", "{'paths':[]}", "paths"},
                {"stop", "{'paths':['shop'],'wait':'yes'}", "wait"},
                {"stop", "{'paths':['shop'],'timeout_ms':-1}", "timeout_ms"},
                {"stop", "{'paths':['shop'],'timeout_ms':1.5}", "timeout_ms"},
                {"status", "{}", "path"},
                {"status", "{'path':null}", "path"},
                {"status", "{'path':{}}", "path"},
                {"events", "{'since':'1'}", "since"},
                {"events", "{'wait_ms':-5}", "wait_ms"},
                {"logs", "{'path':'db','lines':true}", "lines"},
                {"add", "{'parent':'shop'}", "child"},
                {"add", "{'parent':'shop','child':[]}", "child"},
                {"spawn", "{'path':'shop','args':[null]}", "args"},
                {"kill", "{'path':'db','signal':9}", "signal"},
                {"app.start", "{}", "name"},
                {"reload", "{'dry_run':1}", "dry_run"},
                {"ping", "{'whatever':1}", "whatever"},
        };
        Harness *h = start();

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                json_t *error = ctl_fails(h, -32602, rows[i].method, "%s", rows[i].params);

                check(h, strstr(error_text(error), rows[i].name) != NULL);
                check_int(
                        h,
                        json_integer_value(json_object_get(json_object_get(error, "data"), "exit")),
                        2);
        }
        harness_stop(h);
}
END_TEST

/* The shortest unambiguous tail is a path; an ambiguous one is refused with the candidates. */
START_TEST(a_tail_is_a_path_unless_it_is_ambiguous)
{
        Harness *h = start();
        json_t *error;

        check_str(h, node_str(h, "db", "path"), "shop/back/db");
        check_str(h, node_str(h, "front/web", "path"), "shop/front/web");
        check_str(h, node_str(h, "shop", "path"), "shop");
        error = ctl_fails(h, -32004, "status", "{'path':'web'}");
        check(h, error_has_candidate(error, "shop/front/web"));
        check(h, error_has_candidate(error, "shop/back/web"));
        check_int(h, json_integer_value(json_object_get(json_object_get(error, "data"), "exit")),
                  4);
        (void)ctl_fails(h, -32004, "stop", "{'paths':['web']}");
        check_str(h, record_text(h), "web+ api+ web+ db+");
        harness_stop(h);
}
END_TEST

/* A whole path means that node, also where it is the tail of another's. */
START_TEST(a_whole_path_is_never_ambiguous)
{
        Harness *h = harness_start(TREE(APP("a", "", SUP("a", "", TOY("a", "") TOY("b", "")))
                                                APP("b", "", TOY("a", ""))));

        check_str(h, node_str(h, "a", "kind"), "application");
        check_str(h, node_str(h, "b", "kind"), "application");
        check_str(h, node_str(h, "a/a", "path"), "a/a");
        check_str(h, node_str(h, "a/a/a", "kind"), "exec");
        check_str(h, node_str(h, "b/a", "kind"), "exec");
        harness_stop(h);
}
END_TEST

/* The id of a request comes back as it was. */
START_TEST(the_id_comes_back)
{
        static const char *const ids[] = {"1",  "\"text\"",         "null",
                                          "-7", "9007199254740993", "\"\\u00e4\""};
        Harness *h = start();

        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                for (int wrong = 0; wrong < 2; wrong++) {
                        char text[256];
                        _cleanup_(freep) char *reply = NULL;
                        json_t *sent, *root;

                        (void)snprintf(text, sizeof(text),
                                       "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"%s\"}", ids[i],
                                       wrong ? "nonsense" : "ping");
                        sent = json_loads(text, 0, NULL);
                        reply = ctl_raw(h, text, strlen(text), 10000);
                        ck_assert_ptr_nonnull(reply);
                        root = json_loads(reply, 0, NULL);
                        check(h,
                              json_equal(json_object_get(root, "id"), json_object_get(sent, "id")));
                        json_decref(root);
                        json_decref(sent);
                }
        harness_stop(h);
}
END_TEST

START_TEST(a_mistyped_path_names_its_neighbours)
{
        static const char *const wrong[] = {
                "shop/back/bd", "shop//db",       "/shop/db",     "shop/db/", "",
                "../..",        "shop/back/db/x", "SHOP/BACK/DB", "%s%n",     "b"};
        Harness *h = start();

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                (void)ctl_fails(h, -32004, "status", "{'path':'%s'}", wrong[i]);
        check(h, error_has_candidate(ctl_fails(h, -32004, "status", "{'path':'shop/back/bd'}"),
                                     "shop/back/db"));
        harness_stop(h);
}
END_TEST

static json_int_t huge(Harness *h, size_t bytes, const char *head, const char *tail)
{
        _cleanup_(freep) char *text = malloc(bytes + strlen(head) + strlen(tail) + 1);
        _cleanup_(freep) char *reply = NULL;
        json_int_t code;
        json_t *root;
        size_t len = strlen(head);

        ck_assert_ptr_nonnull(text);
        memcpy(text, head, len);
        memset(text + len, 'x', bytes);
        memcpy(text + len + bytes, tail, strlen(tail));
        reply = ctl_raw(h, text, len + bytes + strlen(tail), 10000);
        if (!reply)
                return 0;
        root = json_loads(reply, 0, NULL);
        code = json_integer_value(json_object_get(json_object_get(root, "error"), "code"));
        json_decref(root);
        return code;
}

/* Deep nesting ends in an error, not on the stack. */
START_TEST(a_deep_request_is_refused)
{
        Harness *h = start();
        size_t depth = 200000;
        _cleanup_(freep) char *text = malloc(depth + 1);

        ck_assert_ptr_nonnull(text);
        memset(text, '[', depth);
        check(h, raw_code(h, text, depth) < 0);
        for (size_t i = 0; i + 4 < depth; i += 5)
                memcpy(text + i, "{\"a\":", 5);
        check(h, raw_code(h, text, depth) < 0);
        harness_stop(h);
}
END_TEST

/* A client's bytes on the wire, without any library. */
static int raw_connect(Harness *h)
{
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        (void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", harness_socket(h));
        check(h, connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
        return fd;
}

/* The handshake of SP, protocol REQ; then frames of a type byte, a length, and the request's
 * number. */
static const unsigned char hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

static void raw_send(int fd, const void *data, size_t size)
{
        (void)!send(fd, data, size, MSG_NOSIGNAL);
}

/* A request over the bound is refused: the connection ends; gend goes on. */
START_TEST(a_huge_request_is_refused)
{
        static const char head[] =
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{\"path\":\"";
        static const unsigned char frame[] = {1, 0, 0, 0, 0, 0, 0x30, 0, 0, 0x80, 0, 0, 1};
        Harness *h = start();
        struct pollfd end = {.fd = raw_connect(h), .events = POLLIN};
        char byte[16];
        ssize_t n = 1;

        check_int(h, huge(h, (size_t)900 * 1024, head, "\"}}"), -32004);
        raw_send(end.fd, hello, sizeof(hello));
        raw_send(end.fd, frame, sizeof(frame));
        while (n > 0) {
                check(h, poll(&end, 1, HARNESS_DEADLINE_MSEC) == 1);
                n = recv(end.fd, byte, sizeof(byte), 0); /* gend's own hello comes first */
        }
        (void)close(end.fd);
        (void)ctl(h, "ping", "{}");
        harness_stop(h);
}
END_TEST

/* A client that stops in the middle of anything holds up nobody. */
START_TEST(a_client_that_hangs_harms_nobody)
{
        static const unsigned char half_frame[] = {1, 0, 0, 0, 0, 0, 0, 0, 100, 0x80, 0, 0, 1, '{'};
        static const unsigned char lie[] = {1, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'x'};
        static const unsigned char zero[] = {1, 0, 0, 0, 0, 0, 0, 0, 0};
        static const unsigned char odd[] = {7, 0, 0, 0, 0, 0, 0, 0, 4, 0x80, 0, 0, 1};
        Harness *h = start();
        int fds[40];

        for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
                fds[i] = raw_connect(h);
                if (i % 8 > 0)
                        raw_send(fds[i], hello, i % 8 == 1 ? 3 : sizeof(hello));
                if (i % 8 == 2)
                        raw_send(fds[i], half_frame, sizeof(half_frame));
                if (i % 8 == 3)
                        raw_send(fds[i], lie, sizeof(lie));
                if (i % 8 == 4)
                        raw_send(fds[i], zero, sizeof(zero));
                if (i % 8 == 5)
                        raw_send(fds[i], odd, sizeof(odd));
                if (i % 8 == 6)
                        raw_send(fds[i], "GET / HTTP/1.1\r\n\r\n", 18);
        }
        (void)ctl(h, "ping", "{}");
        check(h, kill_child(h, "shop/back/db", SIGKILL) > 0);
        expect(h, "ready", "shop/back/db", NULL);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                (void)close(fds[i]);
        (void)ctl(h, "ping", "{}");
        harness_stop(h);
}
END_TEST

/* A new client's ping, on a connection of its own. */
static void expect_service(Harness *h)
{
        const char *const argv[] = {
                harness_genctl(), "--socket", harness_socket(h), "--timeout", "10s", "ping", NULL};

        check_int(h, harness_run_program(h, argv, NULL), 0);
}

/* A client that is gone before it said a word, as one that was interrupted: the next one is served.
 */
START_TEST(a_client_that_leaves_at_once_harms_nobody)
{
        Harness *h = start();

        for (int i = 0; i < 20; i++) {
                (void)close(raw_connect(h));
                expect_service(h);
        }
        for (int i = 0; i < 20; i++) {
                int fd = raw_connect(h);

                raw_send(fd, hello, (size_t)i % sizeof(hello));
                (void)close(fd);
        }
        expect_service(h);
        harness_stop(h);
}
END_TEST

/* A crowd that says nothing keeps nobody out. */
START_TEST(a_crowd_of_silent_clients_harms_nobody)
{
        Harness *h = start();
        int fds[500];

        for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
                fds[i] = raw_connect(h);
                if (i % 2)
                        raw_send(fds[i], hello, sizeof(hello));
        }
        expect_service(h);
        check(h, kill_child(h, "shop/back/db", SIGKILL) > 0);
        expect(h, "ready", "shop/back/db", NULL);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                (void)close(fds[i]);
        expect_service(h);
        harness_stop(h);
}
END_TEST

/* A client that asks and never reads, and one that asks and goes. */
START_TEST(a_client_that_does_not_read_harms_nobody)
{
        static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tree\"}";
        unsigned char frame[9 + 4 + sizeof(request) - 1] = {1};
        Harness *h = start();
        int fd = raw_connect(h);

        frame[8] = (unsigned char)(4 + sizeof(request) - 1);
        frame[9] = 0x80;
        memcpy(frame + 13, request, sizeof(request) - 1);
        raw_send(fd, hello, sizeof(hello));
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        for (int i = 0; i < 20000; i++)
                raw_send(fd, frame, sizeof(frame));
        (void)ctl(h, "ping", "{}");
        (void)close(fd);
        for (int i = 0; i < 50; i++) {
                fd = raw_connect(h);
                raw_send(fd, hello, sizeof(hello));
                raw_send(fd, frame, sizeof(frame));
                (void)close(fd);
        }
        (void)ctl(h, "tree", "{}");
        harness_stop(h);
}
END_TEST

/* Many at a time: each gets its own answer. */
START_TEST(many_requests_at_a_time_are_all_answered)
{
        Harness *h = start();
        CtlCall *calls[200];

        for (size_t i = 0; i < ARRAY_LEN(calls); i++)
                calls[i] = i % 2 ? ctl_begin(h, "status", "{'path':'shop/back/db'}")
                                 : ctl_begin(h, "ping", "{}");
        for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
                json_t *result = json_object_get(ctl_end(h, calls[i]), "result");

                check(h, json_object_get(result, i % 2 ? "generation" : "pong") != NULL);
        }
        harness_stop(h);
}
END_TEST

/* Too many that wait: the next is told so, at once; those that wait are served. */
START_TEST(too_many_waiting_requests_are_refused)
{
        Harness *h = start();
        CtlCall *calls[600];
        int refused = 0, served = 0;

        for (size_t i = 0; i < ARRAY_LEN(calls); i++)
                calls[i] = ctl_begin(h, "events", "{'since':1000000,'wait_ms':1000}");
        (void)ctl(h, "version", "{}");
        for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
                json_t *reply = ctl_end(h, calls[i]);
                json_t *error = json_object_get(reply, "error");

                refused += json_integer_value(json_object_get(error, "code")) == -32007;
                served += json_object_get(reply, "result") != NULL;
        }
        check_int(h, refused + served, (int)ARRAY_LEN(calls));
        check(h, served >= 512);
        (void)ctl(h, "ping", "{}");
        harness_stop(h);
}
END_TEST

/* Two operators at cross purposes: the tree ends in one of the two states, not in between. */
START_TEST(contrary_requests_end_in_a_state)
{
        Harness *h = start();

        for (int i = 0; i < 10; i++) {
                CtlCall *stop = ctl_begin(h, "stop", "{'paths':['shop/back']}");
                CtlCall *start_call = ctl_begin(h, "start", "{'paths':['shop/back']}");
                CtlCall *restart =
                        ctl_begin(h, "restart", "{'paths':['shop/back/db'],'timeout_ms':20000}");
                const char *state;

                (void)ctl_end(h, stop);
                (void)ctl_end(h, start_call);
                (void)ctl_end(h, restart);
                state = node_str(h, "shop/back", "state");
                check(h, strcmp(state, "running") == 0 || strcmp(state, "stopped") == 0);
                check_str(h, node_str(h, "shop/back/db", "state"), state);
                ctl(h, "start", "{'paths':['shop/back']}");
        }
        ctl(h, "start", "{'paths':['shop/back/db','shop/back/web']}");
        check_str(h, node_str(h, "shop/back/db", "state"), "running");
        harness_stop(h);
}
END_TEST

START_TEST(shutdown_by_request_is_orderly)
{
        Harness *h = start();

        record_clear(h);
        (void)ctl(h, "shutdown", "{}");
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "db- db. web- web. api- api. web- web.");
        harness_free(h);
}
END_TEST

static TCase *requests_case(void)
{
        TCase *tcase = harness_case("requests");

        tcase_add_test(tcase, garbage_is_answered_with_an_error);
        tcase_add_test(tcase, wrong_parameters_are_named);
        tcase_add_test(tcase, a_tail_is_a_path_unless_it_is_ambiguous);
        tcase_add_test(tcase, a_whole_path_is_never_ambiguous);
        tcase_add_test(tcase, the_id_comes_back);
        tcase_add_test(tcase, a_mistyped_path_names_its_neighbours);
        tcase_add_test(tcase, a_huge_request_is_refused);
        tcase_add_test(tcase, a_deep_request_is_refused);
        tcase_add_test(tcase, a_client_that_hangs_harms_nobody);
        tcase_add_test(tcase, a_client_that_leaves_at_once_harms_nobody);
        tcase_add_test(tcase, a_crowd_of_silent_clients_harms_nobody);
        tcase_add_test(tcase, a_client_that_does_not_read_harms_nobody);
        tcase_add_test(tcase, many_requests_at_a_time_are_all_answered);
        tcase_add_test(tcase, too_many_waiting_requests_are_refused);
        tcase_add_test(tcase, contrary_requests_end_in_a_state);
        tcase_add_test(tcase, shutdown_by_request_is_orderly);
        return tcase;
}

TEST_MAIN("c03-requests", requests_case())
