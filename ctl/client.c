/*
 * Owns nng in genctl. Refuses to know what a request means. Called by request.c.
 *
 * nng answers in its own threads; they note what happened under the lock and wake the one thread
 * that everything else runs in. No client is ever closed: genctl ends with its one connection, and
 * nng takes longer to take it down than the kernel does.
 */

#include "ctl/client.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "protocols/limits.h"

#define RECONNECT_MIN_MSEC 5
#define RECONNECT_MAX_MSEC 50
#define RESEND_MSEC        (24 * 3600 * 1000) /* on a new connection at once; never on a living one */
#define PATIENCE_USEC      (1200 * USEC_PER_MSEC)
#define PROBE_USEC         (20 * USEC_PER_MSEC) /* without a connection: how often to ask why */
#define PROBE_AGAIN_USEC   USEC_PER_SEC         /* after somebody did accept one */
#define LOSSES_MAX         10u

struct Client {
        nng_socket socket;
        const char *path;
        usec_t patience_usec;
        usec_t away_usec; /* since when there is no connection; 0: there is one, or was not asked */
        usec_t probe_usec; /* when to ask next */
        int reason;        /* errno of the last probe */
        int probe_fd;      /* a connection that was not greeted yet, or -1 */

        pthread_mutex_t lock;
        pthread_cond_t changed;
        unsigned pipes;  /* lock */
        unsigned losses; /* lock */
};

struct ClientCall {
        Client *client;
        nng_ctx context;
        nng_aio *aio;
        unsigned losses_before;
        bool is_receiving; /* only touched by whoever the aio belongs to at the moment */
        bool is_done;      /* lock */
};

/* Context: nng thread. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
        Client *client = arg;

        (void)pipe;
        (void)pthread_mutex_lock(&client->lock);
        if (event == NNG_PIPE_EV_ADD_POST) {
                client->pipes++;
        } else {
                client->pipes--;
                client->losses++;
        }
        (void)pthread_cond_broadcast(&client->changed);
        (void)pthread_mutex_unlock(&client->lock);
}

/* Context: nng thread. Sent: now receive. Received, or failed: hand over. */
static void on_step(void *arg)
{
        ClientCall *call = arg;

        if (nng_aio_result(call->aio) == 0 && !call->is_receiving) {
                call->is_receiving = true;
                nng_ctx_recv(call->context, call->aio);
                return;
        }
        (void)pthread_mutex_lock(&call->client->lock);
        call->is_done = true;
        (void)pthread_cond_broadcast(&call->client->changed);
        (void)pthread_mutex_unlock(&call->client->lock);
}

static int init_lock(Client *client)
{
        pthread_condattr_t attr;
        int r;

        r = pthread_condattr_init(&attr);
        if (r == 0)
                r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        if (r == 0)
                r = pthread_cond_init(&client->changed, &attr);
        if (r == 0)
                r = pthread_mutex_init(&client->lock, NULL);
        return -r;
}

/* nng's threads inherit the mask of this moment: every signal is left to the program. */
static int open_socket(nng_socket *ret_socket)
{
        sigset_t all, before;
        int r;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        r = nng_req0_open(ret_socket);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

static int map_error(int nng_error)
{
        return nng_error == NNG_ENOMEM ? -ENOMEM : -EPROTO;
}

int client_open(const char *socket_path, Client **ret_client)
{
        _cleanup_(freep) Client *client = calloc(1, sizeof(*client));
        char url[sizeof(struct sockaddr_un) + sizeof("ipc://")];
        int r;

        if (!client)
                return -ENOMEM;
        if (snprintf(url, sizeof(url), "ipc://%s", socket_path) >= (int)sizeof(url) ||
            strlen(socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                return -ENAMETOOLONG;
        client->path = socket_path;
        client->probe_fd = -1;
        client->patience_usec = PATIENCE_USEC;
        r = init_lock(client);
        if (r < 0)
                return r;
        r = open_socket(&client->socket);
        if (r == 0)
                r = nng_socket_set_size(client->socket, NNG_OPT_RECVMAXSZ, LIMIT_REPLY_BYTES);
        if (r == 0)
                r = nng_socket_set_ms(client->socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MSEC);
        if (r == 0)
                r = nng_socket_set_ms(client->socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MSEC);
        if (r == 0)
                r = nng_pipe_notify(client->socket, NNG_PIPE_EV_ADD_POST, on_pipe, client);
        if (r == 0)
                r = nng_pipe_notify(client->socket, NNG_PIPE_EV_REM_POST, on_pipe, client);
        if (r == 0)
                r = nng_dial(client->socket, url, NULL, NNG_FLAG_NONBLOCK);
        if (r != 0)
                return map_error(r);
        *ret_client = steal_ptr(client);
        return 0;
}

void client_set_patience(Client *client, usec_t patience_usec)
{
        client->patience_usec = patience_usec;
}

int client_errno(const Client *client)
{
        return client->reason;
}

/* Only when nothing is under way on the aio any more. */
static ClientCall *call_free(ClientCall *call)
{
        if (call->aio)
                nng_aio_free(call->aio);
        (void)nng_ctx_close(call->context);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(ClientCall *, call_free);

int client_begin(Client *client, const char *text, size_t size, bool is_repeatable,
                 ClientCall **ret_call)
{
        ClientCall *call = calloc(1, sizeof(*call));
        nng_msg *msg = NULL;
        int r;

        if (!call)
                return -ENOMEM;
        call->client = client;
        r = nng_ctx_open(&call->context, client->socket);
        if (r != 0) {
                free(call);
                return map_error(r);
        }
        /* Without a time to resend, nng ends the request with the connection. */
        r = nng_ctx_set_ms(call->context, NNG_OPT_REQ_RESENDTIME,
                           is_repeatable ? RESEND_MSEC : NNG_DURATION_INFINITE);
        if (r == 0)
                r = nng_aio_alloc(&call->aio, on_step, call);
        if (r == 0)
                r = nng_msg_alloc(&msg, 0);
        if (r == 0)
                r = nng_msg_append(msg, text, size);
        if (r != 0) {
                nng_msg_free(msg);
                (void)call_free(call);
                return map_error(r);
        }
        (void)pthread_mutex_lock(&client->lock);
        call->losses_before = client->losses;
        (void)pthread_mutex_unlock(&client->lock);
        nng_aio_set_timeout(call->aio, NNG_DURATION_INFINITE);
        nng_aio_set_msg(call->aio, msg);
        nng_ctx_send(call->context, call->aio);
        *ret_call = call;
        return 0;
}

/*
 * nng keeps to itself why it has no connection, so a connection of our own asks. It says hello as a
 * peer does and stays until it was greeted: a listener of nng 1.5 takes one that is closed before
 * that for its own end.
 *
 * Return: 0 when somebody accepts connections, else a positive errno.
 */
static int probe(Client *client)
{
        static const unsigned char hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_(closep) int fd = steal_fd(&client->probe_fd);
        unsigned char answer[sizeof(hello)];

        if (fd >= 0 && recv(fd, answer, sizeof(answer), MSG_DONTWAIT) < 0 && errno == EAGAIN) {
                client->probe_fd = steal_fd(&fd);
                return 0;
        }
        fd = close_fd(fd);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return 0; /* not known, then */
        memcpy(address.sun_path, client->path, strlen(client->path));
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return errno == EAGAIN ? 0 : errno;
        if (send(fd, hello, sizeof(hello), MSG_NOSIGNAL) == (ssize_t)sizeof(hello))
                client->probe_fd = steal_fd(&fd);
        return 0;
}

static bool has_folder(const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *folder = NULL;
        struct stat st;

        if (!slash || slash == path)
                return true;
        folder = strndup(path, (size_t)(slash - path));
        return !folder || stat(folder, &st) == 0;
}

/* Without a connection: why, and whether that is for good. */
static int look_why(Client *client, usec_t now)
{
        if (client->away_usec == 0) {
                client->away_usec = now;
                client->probe_usec = now;
        }
        if (now < client->probe_usec)
                return 0;
        client->reason = probe(client);
        client->probe_usec = usec_add(now, client->reason ? PROBE_USEC : PROBE_AGAIN_USEC);
        if (client->reason == 0)
                return 0;
        if (client->reason == EACCES || client->reason == EPERM)
                return CLIENT_E_DENIED;
        if (client->reason != ENOENT && client->reason != ECONNREFUSED)
                return CLIENT_E_ABSENT;
        if (client->reason == ENOENT && !has_folder(client->path))
                return CLIENT_E_ABSENT;
        return usec_sub(now, client->away_usec) >= client->patience_usec ? CLIENT_E_ABSENT : 0;
}

static void wait_until(Client *client, usec_t until)
{
        struct timespec ts = {.tv_sec = (time_t)(until / USEC_PER_SEC),
                              .tv_nsec = (long)(until % USEC_PER_SEC * NSEC_PER_USEC)};

        if (until == USEC_INFINITY)
                (void)pthread_cond_wait(&client->changed, &client->lock);
        else
                (void)pthread_cond_timedwait(&client->changed, &client->lock, &ts);
}

/* Called and left with the lock held. */
static int await_reply(ClientCall *call, usec_t deadline_usec)
{
        Client *client = call->client;
        usec_t now, until;
        bool is_away;
        int r;

        while (!call->is_done) {
                is_away = client->pipes == 0;
                until = deadline_usec;
                if (is_away)
                        until = MIN_OF(until, usec_add(now_usec(), PROBE_USEC));
                else
                        client->away_usec = 0;
                wait_until(client, until);
                now = now_usec();
                if (call->is_done)
                        break;
                if (now >= deadline_usec)
                        return CLIENT_E_SILENT;
                if (client->losses - call->losses_before > LOSSES_MAX)
                        return CLIENT_E_BROKEN;
                if (!is_away || client->pipes > 0)
                        continue;
                (void)pthread_mutex_unlock(&client->lock);
                r = look_why(client, now);
                (void)pthread_mutex_lock(&client->lock);
                if (r > 0 && !call->is_done)
                        return r;
        }
        return 0;
}

static int take_reply(nng_msg *msg, char **ret_text, size_t *ret_size)
{
        size_t size = nng_msg_len(msg);
        char *text = malloc(size + 1);

        if (text) {
                memcpy(text, nng_msg_body(msg), size);
                text[size] = '\0';
                *ret_text = text;
                *ret_size = size;
        }
        nng_msg_free(msg);
        return text ? 0 : -ENOMEM;
}

int client_end(ClientCall **take_call, usec_t deadline_usec, char **ret_text, size_t *ret_size)
{
        _cleanup_(call_freep) ClientCall *call = steal_ptr(*take_call);
        int r;

        (void)pthread_mutex_lock(&call->client->lock);
        r = await_reply(call, deadline_usec);
        (void)pthread_mutex_unlock(&call->client->lock);
        if (r != 0) {
                nng_aio_stop(call->aio);
                return r;
        }
        r = nng_aio_result(call->aio);
        if (r == 0)
                return take_reply(nng_aio_get_msg(call->aio), ret_text, ret_size);
        if (r == NNG_ENOMEM)
                return -ENOMEM;
        return r == NNG_ECONNRESET || r == NNG_ECLOSED ? CLIENT_E_LOST : CLIENT_E_BROKEN;
}
