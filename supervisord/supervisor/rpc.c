#include "supervisord/supervisor/rpc.h"

#include "base/buffer.h"
#include "base/list.h"
#include "protocols/sp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024u
#define CALLS_MAX                                                                      \
        (LIMIT_REQUESTS + 16u) /* of one connection; those above the limit are refused \
                                */
#define READ_BYTES      (64u * 1024)
#define FRAME_BYTES_MAX (LIMIT_REQUEST_BYTES + SP_HOPS_MAX * 4u)

typedef struct Connection {
        ListNode item;
        Rpc *rpc;
        int fd;
        sd_event_source *source;
        uint32_t id;
        RpcPeer peer;
        bool has_greeted;
        bool is_lost;   /* nothing more is sent; the loop will see its end */
        unsigned calls; /* given out and not answered */
        Buffer in;      /* what has arrived and is no whole frame yet */
        Buffer out;     /* what could not be sent yet */
        size_t out_sent;
} Connection;

struct RpcCall {
        uint32_t connection;
        RpcPeer peer;
        unsigned char hops[SP_HOPS_MAX * 4u];
        size_t hops_bytes;
        size_t size;
        unsigned char body[];
};

struct Rpc {
        sd_event *loop;
        const RpcHandlers *handlers;
        sd_event_source *listener;
        int reserve_fd; /* given up for a moment to turn a client away when there are no descriptors
                         */
        ListNode connections;
        unsigned connection_count;
        uint32_t last_id;
};

static void connection_free(Connection *connection)
{
        (void)sd_event_source_disable_unref(connection->source);
        (void)close_fd(connection->fd);
        buffer_deinit(&connection->in);
        buffer_deinit(&connection->out);
        if (list_is_linked(&connection->item)) {
                list_remove(&connection->item);
                connection->rpc->connection_count--;
        }
        free(connection);
}

/* The client is gone, or is no client. */
static void hang_up(Connection *connection)
{
        const RpcHandlers *handlers = connection->rpc->handlers;
        uint32_t id = connection->id;

        connection_free(connection);
        handlers->gone(handlers->context, id);
}

static Connection *find(const Rpc *rpc, uint32_t id)
{
        LIST_FOREACH (item, &rpc->connections) {
                Connection *connection = LIST_ENTRY(item, Connection, item);

                if (connection->id == id)
                        return connection;
        }
        return NULL;
}

/* --- sending ------------------------------------------------------------------------------- */

static void listen_to(Connection *connection)
{
        bool takes_more = connection->calls < CALLS_MAX;
        bool has_more = connection->out_sent < connection->out.size;

        (void)sd_event_source_set_io_events(connection->source, (takes_more ? EPOLLIN : 0u) |
                                                                        (has_more ? EPOLLOUT : 0u));
}

/* Return: 0, also when the rest has to wait; a negative errno when the client is lost. */
static int flush(Connection *connection)
{
        Buffer *out = &connection->out;

        while (connection->out_sent < out->size) {
                ssize_t n = send(connection->fd, out->data + connection->out_sent,
                                 out->size - connection->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0)
                        return -errno;
                connection->out_sent += (size_t)n;
        }
        buffer_clear(out);
        connection->out_sent = 0;
        return 0;
}

/* Whoever answers may be going through all waiting requests, so the connection goes later, by its
 * own event. */
static void give_up(Connection *connection)
{
        connection->is_lost = true;
        buffer_clear(&connection->out);
        connection->out_sent = 0;
        (void)shutdown(connection->fd, SHUT_RDWR);
        (void)sd_event_source_set_io_events(connection->source, EPOLLIN);
}

void rpc_reply(Rpc *rpc, RpcCall **take_call, const char *text, size_t size)
{
        _cleanup_(rpc_call_dropp) RpcCall *call = steal_ptr(*take_call);
        Connection *connection = find(rpc, call->connection);
        unsigned char head[SP_HEAD_BYTES];

        if (!connection)
                return;
        connection->calls--;
        if (connection->is_lost)
                return;
        if (size > LIMIT_REPLY_BYTES || connection->out.size > LIMIT_REPLY_BYTES) {
                give_up(connection); /* it does not read, or asks for more than can be said */
                return;
        }
        sp_head_write(head, call->hops_bytes + size);
        buffer_append(&connection->out, head, sizeof(head));
        buffer_append(&connection->out, call->hops, call->hops_bytes);
        buffer_append(&connection->out, text, size);
        if (connection->out.has_failed || flush(connection) < 0)
                give_up(connection);
        else
                listen_to(connection);
}

/* --- receiving ----------------------------------------------------------------------------- */

/* A whole frame's body becomes a call. Return: 0; -EPROTO without a way back; -ENOMEM. */
static int deliver(Connection *connection, const unsigned char *body, size_t size)
{
        const RpcHandlers *handlers = connection->rpc->handlers;
        _cleanup_(rpc_call_dropp) RpcCall *call = NULL;
        size_t hops_bytes = sp_hops_bytes(body, size);

        if (hops_bytes == 0)
                return -EPROTO;
        call = malloc(sizeof(*call) + size - hops_bytes);
        if (!call)
                return -ENOMEM;
        call->connection = connection->id;
        call->peer = connection->peer;
        call->hops_bytes = hops_bytes;
        call->size = size - hops_bytes;
        memcpy(call->hops, body, hops_bytes);
        memcpy(call->body, body + hops_bytes, call->size);
        connection->calls++;
        handlers->request(handlers->context, &call);
        return 0;
}

static void consume(Buffer *in, size_t bytes)
{
        in->size -= bytes;
        if (in->size > 0)
                memmove(in->data, in->data + bytes, in->size);
        else
                buffer_clear(in);
}

/* The next thing in the buffer. Return: 1 when there was one; 0 when it is not whole; a negative
 * errno. */
static int take_one(Connection *connection)
{
        Buffer *in = &connection->in;
        uint64_t body_bytes;
        int r;

        if (!connection->has_greeted) {
                if (in->size < SP_HELLO_BYTES)
                        return 0;
                if (sp_hello_check(in->data, SP_PROTOCOL_REQ) < 0)
                        return -EPROTO;
                connection->has_greeted = true;
                consume(in, SP_HELLO_BYTES);
                return 1;
        }
        if (in->size < SP_HEAD_BYTES)
                return 0;
        r = sp_head_read(in->data, FRAME_BYTES_MAX, &body_bytes);
        if (r < 0)
                return r;
        if (in->size - SP_HEAD_BYTES < body_bytes)
                return 0;
        r = deliver(connection, in->data + SP_HEAD_BYTES, body_bytes);
        consume(in, SP_HEAD_BYTES + body_bytes);
        return r < 0 ? r : 1;
}

/* Return: whether the connection is still there. */
static bool take_all(Connection *connection)
{
        int r = 1;

        while (r > 0 && connection->calls < CALLS_MAX)
                r = take_one(connection);
        if (r < 0)
                hang_up(connection);
        return r >= 0;
}

/* Return: bytes read; 0 when there is nothing now; -ECONNRESET at the end; another negative errno.
 */
static ssize_t receive(Connection *connection)
{
        static unsigned char chunk[READ_BYTES]; /* of the loop, which reads one at a time */
        ssize_t n = recv(connection->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        buffer_append(&connection->in, chunk, (size_t)n);
        return connection->in.has_failed ? -ENOMEM : n;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *context)
{
        Connection *connection = context;

        (void)source;
        (void)fd;
        if ((events & EPOLLOUT) && flush(connection) < 0) {
                hang_up(connection);
                return 0;
        }
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                if (receive(connection) < 0) {
                        hang_up(connection);
                        return 0;
                }
        }
        if (take_all(connection) && !connection->is_lost)
                listen_to(connection);
        return 0;
}

/* --- accepting ----------------------------------------------------------------------------- */

static int greet(Connection *connection)
{
        unsigned char hello[SP_HELLO_BYTES];

        sp_hello_write(hello, SP_PROTOCOL_REP);
        buffer_append(&connection->out, hello, sizeof(hello));
        return connection->out.has_failed ? -ENOMEM : flush(connection);
}

static int read_peer(int fd, RpcPeer *ret_peer)
{
        struct ucred peer;
        socklen_t len = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
                return -errno;
        *ret_peer = (RpcPeer){.uid = peer.uid, .gid = peer.gid, .pid = peer.pid};
        return 0;
}

static void add_connection(Rpc *rpc, int *take_fd)
{
        Connection *connection = calloc(1, sizeof(*connection));
        int r;

        if (!connection)
                return;
        connection->rpc = rpc;
        connection->fd = steal_fd(take_fd);
        connection->id = ++rpc->last_id;
        r = read_peer(connection->fd, &connection->peer);
        if (r == 0)
                r = greet(connection);
        if (r == 0)
                r = sd_event_add_io(rpc->loop, &connection->source, connection->fd, EPOLLIN,
                                    on_connection, connection);
        if (r < 0) {
                connection_free(connection);
                return;
        }
        list_append(&rpc->connections, &connection->item);
        rpc->connection_count++;
}

/* Without a free descriptor the client would stay in the queue and wake us for ever. */
static void turn_away(Rpc *rpc, int listen_fd)
{
        rpc->reserve_fd = close_fd(rpc->reserve_fd);
        (void)close_fd(accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC));
        rpc->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int on_listener(sd_event_source *source, int listen_fd, uint32_t events, void *context)
{
        _cleanup_(closep) int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Rpc *rpc = context;

        (void)source;
        (void)events;
        if (fd < 0 && (errno == EMFILE || errno == ENFILE))
                turn_away(rpc, listen_fd);
        else if (fd >= 0 && rpc->connection_count < CONNECTIONS_MAX)
                add_connection(rpc, &fd);
        return 0;
}

int rpc_open(sd_event *loop, int listen_fd, const RpcHandlers *handlers, Rpc **ret_rpc)
{
        _cleanup_(rpc_closep) Rpc *rpc = calloc(1, sizeof(*rpc));
        int r;

        if (!rpc)
                return -ENOMEM;
        list_init(&rpc->connections);
        rpc->loop = loop;
        rpc->handlers = handlers;
        rpc->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        r = sd_event_add_io(loop, &rpc->listener, listen_fd, EPOLLIN, on_listener, rpc);
        if (r < 0)
                return r;
        *ret_rpc = steal_ptr(rpc);
        return 0;
}

const void *rpc_call_body(const RpcCall *call, size_t *ret_size)
{
        *ret_size = call->size;
        return call->body;
}

const RpcPeer *rpc_call_peer(const RpcCall *call)
{
        return &call->peer;
}

uint32_t rpc_call_connection(const RpcCall *call)
{
        return call->connection;
}

void rpc_call_drop(RpcCall *call)
{
        free(call);
}

void rpc_close(Rpc *rpc)
{
        if (!rpc)
                return;
        LIST_FOREACH_SAFE (item, &rpc->connections)
                connection_free(LIST_ENTRY(item, Connection, item));
        (void)sd_event_source_disable_unref(rpc->listener);
        (void)close_fd(rpc->reserve_fd);
        free(rpc);
}
