/*
 * Plays gend towards genctl: answers as a script says, well or badly. `fake-server SOCKET SCRIPT`,
 * SCRIPT being JSON:
 *
 *      { "tree": { "result": {...} }, "kill": { "die": true }, "*": { "hang": true } }
 *
 * or `fake-server SOCKET raw:KIND` for what no SP library would send. Every request is a line
 * "METHOD PARAMS" on stdout, after a line "listening". Started by the tests beside it.
 *
 * Answers: "result", "error": as said; "text": a reply that is this text; "hang": none ever; "die":
 * the process ends at once; a list: one after the other, the last one again and again.
 */

#include <errno.h>
#include <jansson.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"

#define FRAME_HEAD 9

static void say(const char *text, const char *more)
{
        (void)printf("%s%s%s\n", text, *more ? " " : "", more);
        (void)fflush(stdout);
}

static _Noreturn void die(const char *what)
{
        (void)fprintf(stderr, "fake-server: %s\n", what);
        _exit(99);
}

/* --------------------------------------------------------------------------------- by script */

/* The answer that is due; a list loses its first one, but for the last. */
static json_t *next_answer(const json_t *script, const char *method)
{
        json_t *answer = json_object_get(script, method), *first;

        if (!answer)
                answer = json_object_get(script, "*");
        if (!json_is_array(answer))
                return json_incref(answer);
        first = json_incref(json_array_get(answer, 0));
        if (json_array_size(answer) > 1)
                (void)json_array_remove(answer, 0);
        return first;
}

static char *build_reply(const json_t *request, const json_t *answer)
{
        json_auto_t *reply = NULL;
        const json_t *id = json_object_get(answer, "id");

        if (json_object_get(answer, "text"))
                return strdup(json_string_value(json_object_get(answer, "text")));
        reply = json_pack("{s:s, s:O, s:O*, s:O*}", "jsonrpc", "2.0", "id",
                          id ? id : json_object_get(request, "id"), "result",
                          json_object_get(answer, "result"), "error",
                          json_object_get(answer, "error"));
        return json_dumps(reply, JSON_COMPACT);
}

static void answer_one(nng_socket socket, const json_t *script)
{
        json_auto_t *request = NULL, *answer = NULL;
        _cleanup_(freep) char *params = NULL, *reply = NULL;
        const char *method;
        nng_msg *msg;

        if (nng_recvmsg(socket, &msg, 0) != 0)
                die("receive");
        request = json_loadb(nng_msg_body(msg), nng_msg_len(msg), 0, NULL);
        method = json_string_value(json_object_get(request, "method"));
        if (!method)
                die("what came is no request");
        params = json_dumps(json_object_get(request, "params"), JSON_COMPACT | JSON_ENCODE_ANY);
        answer = next_answer(script, method);
        say(method, params ? params : "-");
        if (!answer)
                die("the script knows no answer");
        if (json_object_get(answer, "die"))
                _exit(0);
        nng_msg_clear(msg);
        if (json_object_get(answer, "hang"))
                return;
        reply = build_reply(request, answer);
        if (!reply || nng_msg_append(msg, reply, strlen(reply)) != 0 ||
            nng_sendmsg(socket, msg, 0) != 0)
                die("send");
}

static _Noreturn void serve(const char *path, const char *text)
{
        json_t *script = json_loads(text, JSON_ALLOW_NUL, NULL);
        char url[256];
        nng_socket socket;

        (void)snprintf(url, sizeof(url), "ipc://%s", path);
        if (!script)
                die("the script is not JSON");
        if (nng_rep0_open(&socket) != 0 || nng_listen(socket, url, NULL, 0) != 0)
                die("listen");
        say("listening", "");
        for (;;)
                answer_one(socket, script);
}

/* ---------------------------------------------------------------------------------------- raw */

static bool read_all(int fd, void *data, size_t size)
{
        return recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

static void send_all(int fd, const void *data, size_t size)
{
        if (send(fd, data, size, MSG_NOSIGNAL) < 0)
                return; /* the peer saw enough */
}

static bool shake_hands(int fd)
{
        static const unsigned char hello[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
        unsigned char peer[8];

        send_all(fd, hello, sizeof(hello));
        return read_all(fd, peer, sizeof(peer));
}

/* A whole frame of any size up to that of @data. */
static bool read_frame(int fd, unsigned char *data, size_t size)
{
        unsigned char head[FRAME_HEAD];
        uint64_t length = 0;

        if (!read_all(fd, head, sizeof(head)))
                return false;
        for (size_t i = 1; i < sizeof(head); i++)
                length = length << 8 | head[i];
        return length <= size && read_all(fd, data, length);
}

/* A frame that claims @length bytes, and ten of them. */
static void send_part(int fd, uint64_t length)
{
        unsigned char frame[FRAME_HEAD + 10] = {1};

        for (size_t i = 0; i < 8; i++)
                frame[1 + i] = (unsigned char)(length >> (8 * (7 - i)));
        send_all(fd, frame, sizeof(frame));
}

static void misbehave(int fd, const char *kind)
{
        unsigned char request[4096];

        if (strcmp(kind, "raw:mute") == 0) {
                (void)read_all(fd, request, sizeof(request));
                return;
        }
        if (strcmp(kind, "raw:noise") == 0) {
                send_all(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
                return;
        }
        if (!shake_hands(fd) || !read_frame(fd, request, sizeof(request)))
                return;
        say("request", "");
        if (strcmp(kind, "raw:half") == 0)
                send_part(fd, 100);
        else if (strcmp(kind, "raw:huge") == 0)
                send_part(fd, UINT64_C(1) << 40);
}

static _Noreturn void serve_raw(const char *path, const char *kind)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                die("path");
        memcpy(address.sun_path, path, strlen(path));
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, 128) < 0)
                die(strerror(errno));
        say("listening", "");
        for (;;) {
                _cleanup_(closep) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                if (peer < 0)
                        die(strerror(errno));
                misbehave(peer, kind);
        }
}

int main(int argc, char **argv)
{
        if (argc != 3)
                die("usage: fake-server SOCKET SCRIPT|raw:KIND");
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (strncmp(argv[2], "raw:", 4) == 0)
                serve_raw(argv[1], argv[2]);
        serve(argv[1], argv[2]);
}
