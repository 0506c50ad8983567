/*
 * greeter TEXT: answers every HTTP request with TEXT, its pid and how many it has answered.
 *
 * Shows what a service can do for its supervisor with libsystemd alone: it takes its listening
 * socket from whoever started it (sd_listen_fds), says when it is ready and what it is doing
 * (sd_notify), and keeps a watchdog quiet. SIGTERM lets it finish the loop and leave with status 0.
 *
 * Every connection gets REQUEST_BYTES to say what it wants and CONNECTION_USEC to say it in.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64u
#define CONNECTION_USEC UINT64_C(2000000)
#define REQUEST_BYTES   4096u

typedef struct Greeter Greeter;

typedef struct Connection {
        Greeter *greeter; /* NULL: this place is free */
        int fd;
        sd_event_source *io;
        sd_event_source *deadline;
        bool has_answer;
} Connection;

struct Greeter {
        sd_event *event;
        const char *text;
        unsigned long answered;
        Connection connections[CONNECTIONS_MAX];
};

static void connection_close(Connection *connection)
{
        connection->io = sd_event_source_disable_unref(connection->io);
        connection->deadline = sd_event_source_disable_unref(connection->deadline);
        close(connection->fd);
        connection->greeter = NULL;
}

static void answer(Connection *connection)
{
        Greeter *greeter = connection->greeter;
        char body[512], reply[1024];
        int n;

        greeter->answered++;
        (void)snprintf(body, sizeof(body), "%s\npid %d, request %lu\n", greeter->text,
                       (int)getpid(), greeter->answered);
        n = snprintf(reply, sizeof(reply),
                     "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
        /* The reply fits into an empty socket buffer: what does not go at once never will. */
        (void)send(connection->fd, reply, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sd_notifyf(0, "STATUS=%lu requests answered", greeter->answered);
}

static int on_request(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Connection *connection = userdata;
        char request[REQUEST_BYTES];
        ssize_t n = recv(fd, request, sizeof(request), MSG_DONTWAIT);

        (void)source, (void)events;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                connection_close(connection);
                return 0;
        }
        if (!connection->has_answer)
                answer(connection);
        /* The client closes first: if we did, the rest of a request in pieces would be answered by
         * a reset. */
        connection->has_answer = true;
        (void)shutdown(fd, SHUT_WR);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        connection_close(userdata);
        return 0;
}

static Connection *connection_find_free(Greeter *greeter)
{
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (!greeter->connections[i].greeter)
                        return &greeter->connections[i];
        return NULL;
}

static int on_connect(sd_event_source *source, int listen_fd, uint32_t events, void *userdata)
{
        Greeter *greeter = userdata;
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Connection *connection = connection_find_free(greeter);

        (void)source, (void)events;
        if (fd < 0)
                return 0; /* another instance was faster, or the client has gone */
        if (!connection) {
                close(fd);
                return 0;
        }
        *connection = (Connection){.greeter = greeter, .fd = fd};
        if (sd_event_add_io(greeter->event, &connection->io, fd, EPOLLIN, on_request, connection) <
                    0 ||
            sd_event_add_time_relative(greeter->event, &connection->deadline, CLOCK_MONOTONIC,
                                       CONNECTION_USEC, 0, on_deadline, connection) < 0)
                connection_close(connection);
        return 0;
}

/* The socket is shared with other instances: whoever is late for a client must not wait for the
 * next. */
static int listen_fd_take(void)
{
        int n = sd_listen_fds(1);
        int flags;

        if (n < 0)
                return n;
        if (n != 1)
                return -ENOTSOCK;
        flags = fcntl(SD_LISTEN_FDS_START, F_GETFL);
        if (flags < 0 || fcntl(SD_LISTEN_FDS_START, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        return SD_LISTEN_FDS_START;
}

static int serve(Greeter *greeter)
{
        sigset_t term;
        int fd = listen_fd_take();
        int r;

        if (fd < 0)
                return fd;
        (void)sigemptyset(&term);
        (void)sigaddset(&term, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &term, NULL) < 0)
                return -errno;

        r = sd_event_default(&greeter->event);
        if (r < 0)
                return r;
        r = sd_event_add_signal(greeter->event, NULL, SIGTERM, NULL, NULL);
        if (r < 0)
                return r;
        r = sd_event_add_io(greeter->event, NULL, fd, EPOLLIN, on_connect, greeter);
        if (r < 0)
                return r;
        r = sd_event_set_watchdog(greeter->event, 1);
        if (r < 0)
                return r;

        (void)sd_notify(0, "READY=1\nSTATUS=waiting for the first request");
        r = sd_event_loop(greeter->event);
        (void)sd_notify(0, "STOPPING=1");
        return r;
}

int main(int argc, char *argv[])
{
        static Greeter greeter;
        int r;

        if (argc != 2) {
                fprintf(stderr, "usage: greeter TEXT, with one listening socket handed over\n");
                return 2;
        }
        greeter.text = argv[1];
        r = serve(&greeter);
        if (r < 0) {
                fprintf(stderr, "greeter: %s\n", strerror(-r));
                return 1;
        }
        return 0;
}
