/*
 * Owns the connection: the SP bytes of a REQ socket (protocols/sp.h) on a non-blocking Unix socket,
 * in the one thread there is, so that a command costs a connect and a round trip and no threads.
 * Refuses to know what a request means. Called by request.c.
 */

#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "protocols/limits.h"
#include "protocols/sp.h"

#define ID_BYTES      4u
#define PATIENCE_USEC (1200 * USEC_PER_MSEC)
#define RETRY_USEC    (5 * USEC_PER_MSEC) /* the first pause between two connects; doubles */
#define RETRY_MAX     (40 * USEC_PER_MSEC)
#define LOSSES_MAX    10u
#define READ_BYTES    (64u * 1024)

struct Client {
        const char *path;
        usec_t patience_usec;
        int fd;           /* -1: no connection */
        bool has_greeted; /* the peer has */
        Buffer in;
        Buffer out;
        size_t out_sent;
        int reason;        /* errno of the last connect */
        usec_t away_usec;  /* since when connects fail; 0: they do not */
        usec_t pause_usec; /* before the next connect */
        usec_t next_usec;  /* when that is due; 0: at once */
        uint32_t last_id;
        ListNode calls;
};

struct ClientCall {
        ListNode item;
        Client *client;
        uint32_t id;
        bool is_repeatable;
        bool was_sent; /* perhaps not all of it, or to nobody */
        bool is_done;
        int answer; /* of a call that is done: 0, CLIENT_E_* or a negative errno */
        unsigned losses;
        char *reply;
        size_t reply_size;
        size_t size;
        char text[];
};

int client_open(const char *socket_path, Client **ret_client)
{
        Client *client;

        if (strlen(socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                return -ENAMETOOLONG;
        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;
        client->path = socket_path;
        client->fd = -1;
        client->patience_usec = PATIENCE_USEC;
        list_init(&client->calls);
        *ret_client = client;
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

static void finish(ClientCall *call, int answer)
{
        call->is_done = true;
        call->answer = answer;
}

static void finish_all(Client *client, int answer)
{
        LIST_FOREACH (item, &client->calls) {
                ClientCall *call = LIST_ENTRY(item, ClientCall, item);

                if (!call->is_done)
                        finish(call, answer);
        }
}

/* --- connecting ---------------------------------------------------------------------------- */

static void queue_call(Client *client, ClientCall *call)
{
        unsigned char head[SP_HEAD_BYTES + ID_BYTES];

        sp_head_write(head, ID_BYTES + call->size);
        for (unsigned i = 0; i < ID_BYTES; i++)
                head[SP_HEAD_BYTES + i] = (unsigned char)(call->id >> (24 - 8 * i));
        buffer_append(&client->out, head, sizeof(head));
        buffer_append(&client->out, call->text, call->size);
        call->was_sent = true;
}

static void plan_retry(Client *client)
{
        client->pause_usec = client->pause_usec ? MIN_OF(2 * client->pause_usec, (usec_t)RETRY_MAX)
                                                : (usec_t)RETRY_USEC;
        client->next_usec = usec_add(now_usec(), client->pause_usec);
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

/* Nobody took the connection. Whoever restarts a supervisor needs a moment; anything else is for
 * good. */
static void note_absence(Client *client)
{
        usec_t now = now_usec();
        bool may_come = client->reason == ECONNREFUSED ||
                        (client->reason == ENOENT && has_folder(client->path));

        if (client->away_usec == 0)
                client->away_usec = now;
        if (client->reason == EACCES || client->reason == EPERM)
                finish_all(client, CLIENT_E_DENIED);
        else if (client->reason != EAGAIN &&
                 (!may_come || usec_sub(now, client->away_usec) >= client->patience_usec))
                finish_all(client, CLIENT_E_ABSENT);
        plan_retry(client);
}

static void try_connect(Client *client)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        unsigned char hello[SP_HELLO_BYTES];

        client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (client->fd < 0) {
                finish_all(client, -errno);
                return;
        }
        memcpy(address.sun_path, client->path, strlen(client->path));
        if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                client->reason = errno;
                client->fd = close_fd(client->fd);
                note_absence(client);
                return;
        }
        client->away_usec = 0;
        sp_hello_write(hello, SP_PROTOCOL_REQ);
        buffer_append(&client->out, hello, sizeof(hello));
        LIST_FOREACH (item, &client->calls)
                if (!LIST_ENTRY(item, ClientCall, item)->is_done)
                        queue_call(client, LIST_ENTRY(item, ClientCall, item));
}

static void forget_connection(Client *client)
{
        client->fd = close_fd(client->fd);
        client->has_greeted = false;
        buffer_clear(&client->in);
        buffer_clear(&client->out);
        client->out_sent = 0;
}

/* It broke. What may be repeated is sent again with the next one. */
static void lose_connection(Client *client)
{
        forget_connection(client);
        plan_retry(client);
        LIST_FOREACH (item, &client->calls) {
                ClientCall *call = LIST_ENTRY(item, ClientCall, item);

                if (call->is_done)
                        continue;
                if (call->was_sent && !call->is_repeatable)
                        finish(call, CLIENT_E_LOST);
                else if (++call->losses > LOSSES_MAX)
                        finish(call, CLIENT_E_BROKEN);
        }
}

/* --- bytes --------------------------------------------------------------------------------- */

/* Return: 0; a negative errno when the connection is lost. */
static int send_some(Client *client)
{
        ssize_t n;

        if (client->out.has_failed)
                return -ENOMEM;
        if (client->out_sent == client->out.size)
                return 0;
        n = send(client->fd, client->out.data + client->out_sent,
                 client->out.size - client->out_sent, MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        client->out_sent += (size_t)n;
        if (client->out_sent == client->out.size) {
                buffer_clear(&client->out);
                client->out_sent = 0;
        }
        return 0;
}

static void take_reply(Client *client, const unsigned char *body, size_t size)
{
        uint32_t id = 0;

        for (unsigned i = 0; i < ID_BYTES; i++)
                id = id << 8 | body[i];
        LIST_FOREACH (item, &client->calls) {
                ClientCall *call = LIST_ENTRY(item, ClientCall, item);

                if (call->id != id || call->is_done)
                        continue;
                call->reply_size = size - ID_BYTES;
                call->reply = malloc(call->reply_size + 1);
                if (call->reply) {
                        memcpy(call->reply, body + ID_BYTES, call->reply_size);
                        call->reply[call->reply_size] = '\0';
                }
                finish(call, call->reply ? 0 : -ENOMEM);
                client->pause_usec = 0;
        }
}

/* How many bytes at @at are one whole thing, which is taken in; 0: more are needed; a negative
 * errno. */
static ssize_t take_one(Client *client, const unsigned char *at, size_t size)
{
        uint64_t body_bytes;
        int r;

        if (!client->has_greeted) {
                if (size < SP_HELLO_BYTES)
                        return 0;
                client->has_greeted = true;
                r = sp_hello_check(at, SP_PROTOCOL_REP);
                return r < 0 ? r : (ssize_t)SP_HELLO_BYTES;
        }
        if (size < SP_HEAD_BYTES)
                return 0;
        r = sp_head_read(at, LIMIT_REPLY_BYTES + ID_BYTES, &body_bytes);
        if (r < 0)
                return r;
        if (body_bytes < ID_BYTES)
                return -EPROTO;
        if (size - SP_HEAD_BYTES < body_bytes)
                return 0;
        take_reply(client, at + SP_HEAD_BYTES, body_bytes);
        return (ssize_t)(SP_HEAD_BYTES + body_bytes);
}

/* Return: 0; -EPROTO, -EMSGSIZE for what is no reply. */
static int take_all(Client *client)
{
        size_t used = 0;
        ssize_t n;

        do {
                n = take_one(client, client->in.data + used, client->in.size - used);
                if (n < 0)
                        return (int)n;
                used += (size_t)n;
        } while (n > 0);
        client->in.size -= used;
        if (used > 0 && client->in.size > 0)
                memmove(client->in.data, client->in.data + used, client->in.size);
        return 0;
}

/* Return: 0; -EPROTO, -EMSGSIZE; -ENOMEM; another negative errno when the connection is lost. */
static int receive_some(Client *client)
{
        static unsigned char chunk[READ_BYTES];
        ssize_t n = recv(client->fd, chunk, sizeof(chunk), 0);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        buffer_append(&client->in, chunk, (size_t)n);
        return client->in.has_failed ? -ENOMEM : take_all(client);
}

static void exchange(Client *client, short events)
{
        int r = 0;

        if (events & (POLLIN | POLLHUP | POLLERR))
                r = receive_some(client);
        if (r == 0 && (events & POLLOUT))
                r = send_some(client);
        if (r == -EPROTO || r == -EMSGSIZE || r == -ENOMEM) {
                forget_connection(client);
                finish_all(client, r == -ENOMEM ? r : CLIENT_E_BROKEN);
        } else if (r < 0) {
                lose_connection(client);
        }
}

/* --- calls --------------------------------------------------------------------------------- */

static int msec_until(usec_t until)
{
        usec_t left = usec_sub(until, now_usec());

        if (until == USEC_INFINITY)
                return -1;
        return (int)MIN_OF((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (usec_t)INT32_MAX);
}

/* One step towards an answer; waits until @deadline_usec at most. */
static void step(Client *client, usec_t deadline_usec)
{
        struct pollfd poll_fd = {.events = POLLIN};

        if (client->fd < 0 && now_usec() >= client->next_usec)
                try_connect(client);
        if (client->fd < 0) {
                (void)poll(NULL, 0, msec_until(MIN_OF(deadline_usec, client->next_usec)));
                return;
        }
        poll_fd.fd = client->fd;
        if (client->out_sent < client->out.size)
                poll_fd.events |= POLLOUT;
        if (poll(&poll_fd, 1, msec_until(deadline_usec)) > 0)
                exchange(client, poll_fd.revents);
}

static ClientCall *call_free(ClientCall *call)
{
        list_remove(&call->item);
        free(call->reply);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(ClientCall *, call_free);

int client_begin(Client *client, const char *text, size_t size, bool is_repeatable,
                 ClientCall **ret_call)
{
        ClientCall *call = calloc(1, sizeof(*call) + size);

        if (!call)
                return -ENOMEM;
        call->client = client;
        call->id = ++client->last_id | SP_REQUEST_ID_BIT;
        call->is_repeatable = is_repeatable;
        call->size = size;
        memcpy(call->text, text, size);
        list_append(&client->calls, &call->item);
        if (client->fd >= 0)
                queue_call(client, call);
        *ret_call = call;
        return 0;
}

int client_end(ClientCall **take_call, usec_t deadline_usec, char **ret_text, size_t *ret_size)
{
        _cleanup_(call_freep) ClientCall *call = steal_ptr(*take_call);

        while (!call->is_done) {
                step(call->client, deadline_usec);
                if (!call->is_done && now_usec() >= deadline_usec)
                        return CLIENT_E_SILENT;
        }
        if (call->answer != 0)
                return call->answer;
        *ret_text = steal_ptr(call->reply);
        *ret_size = call->reply_size;
        return 0;
}
