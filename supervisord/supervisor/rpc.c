#include "supervisord/supervisor/rpc.h"

#include "base/list.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

struct RpcCall {
        ListNode item;
        nng_msg *msg; /* NULL: word that a connection has closed */
        uint32_t connection;
        RpcPeer peer;
};

struct Rpc {
        nng_socket socket;
        nng_aio *receive;
        int event_fd;
        pthread_mutex_t lock; /* over what follows */
        ListNode inbox;
        size_t inbox_len;
        bool is_paused; /* the inbox is full: no receive is posted */
};

/* NNG's vocabulary ends here. */
static int from_nng(int error)
{
        switch (error) {
        case 0:
                return 0;
        case NNG_ENOMEM:
                return -ENOMEM;
        case NNG_EADDRINUSE:
                return -EADDRINUSE;
        case NNG_EPERM:
                return -EPERM;
        case NNG_EINVAL:
        case NNG_EADDRINVAL:
                return -EINVAL;
        case NNG_ENOFILES:
                return -EMFILE;
        default:
                return error & NNG_ESYSERR ? -(error & ~NNG_ESYSERR) : -EPROTO;
        }
}

/* Context: NNG's threads and the loop. */
static bool inbox_put(Rpc *rpc, RpcCall *call)
{
        const uint64_t one = 1;
        bool has_room;

        (void)pthread_mutex_lock(&rpc->lock);
        list_append(&rpc->inbox, &call->item);
        has_room = ++rpc->inbox_len < LIMIT_REQUESTS;
        rpc->is_paused |= !has_room && call->msg;
        (void)pthread_mutex_unlock(&rpc->lock);
        if (write(rpc->event_fd, &one, sizeof(one)) < 0) {
                /* Full only when the loop has not looked for 2^64 messages. */
        }
        return has_room;
}

static void read_peer(nng_pipe pipe, RpcPeer *ret_peer)
{
        uint64_t uid = UINT64_MAX, gid = UINT64_MAX, pid = 0;

        (void)nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid);
        (void)nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_GID, &gid);
        (void)nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_PID, &pid);
        *ret_peer = (RpcPeer){.uid = (uid_t)uid, .gid = (gid_t)gid, .pid = (pid_t)pid};
}

/* Context: NNG's threads; one receive is posted at a time. */
static void on_receive(void *context)
{
        Rpc *rpc = context;
        RpcCall *call;
        nng_msg *msg;

        if (nng_aio_result(rpc->receive) != 0)
                return; /* closed */
        msg = nng_aio_get_msg(rpc->receive);
        call = calloc(1, sizeof(*call));
        if (!call) {
                nng_msg_free(msg);
                nng_recv_aio(rpc->socket, rpc->receive);
                return;
        }
        call->msg = msg;
        call->connection = (uint32_t)nng_pipe_id(nng_msg_get_pipe(msg));
        read_peer(nng_msg_get_pipe(msg), &call->peer);
        if (inbox_put(rpc, call))
                nng_recv_aio(rpc->socket, rpc->receive);
}

/* Context: NNG's threads. */
static void on_gone(nng_pipe pipe, nng_pipe_ev event, void *context)
{
        RpcCall *call = calloc(1, sizeof(*call));

        (void)event;
        if (!call)
                return; /* its requests are answered into the void */
        call->connection = (uint32_t)nng_pipe_id(pipe);
        (void)inbox_put(context, call);
}

static int rpc_listen(Rpc *rpc, const char *path, mode_t mode, gid_t gid)
{
        nng_listener listener;
        char url[LIMIT_PATH_BYTES + 16];
        int r;

        if ((size_t)snprintf(url, sizeof(url), "ipc://%s", path) >= sizeof(url))
                return -ENAMETOOLONG;
        r = nng_listener_create(&listener, rpc->socket, url);
        if (r == 0)
                r = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, LIMIT_REQUEST_BYTES);
        if (r == 0)
                r = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, (int)mode);
        if (r == 0)
                r = nng_listener_start(listener, 0);
        if (r != 0)
                return from_nng(r);
        if (gid != (gid_t)-1 && chown(path, (uid_t)-1, gid) < 0)
                return -errno;
        return 0;
}

int rpc_open(const char *path, mode_t mode, gid_t gid, Rpc **ret_rpc)
{
        _cleanup_(rpc_closep) Rpc *rpc = calloc(1, sizeof(*rpc));
        int r;

        if (!rpc)
                return -ENOMEM;
        list_init(&rpc->inbox);
        (void)pthread_mutex_init(&rpc->lock, NULL);
        rpc->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (rpc->event_fd < 0)
                return -errno;
        r = nng_rep0_open_raw(&rpc->socket);
        if (r == 0)
                r = nng_aio_alloc(&rpc->receive, on_receive, rpc);
        if (r == 0)
                r = nng_pipe_notify(rpc->socket, NNG_PIPE_EV_REM_POST, on_gone, rpc);
        if (r != 0)
                return from_nng(r);
        r = rpc_listen(rpc, path, mode, gid);
        if (r < 0)
                return r;
        nng_recv_aio(rpc->socket, rpc->receive);
        *ret_rpc = steal_ptr(rpc);
        return 0;
}

int rpc_fd(const Rpc *rpc)
{
        return rpc->event_fd;
}

RpcCall *rpc_next(Rpc *rpc, uint32_t *ret_gone)
{
        RpcCall *call = NULL;
        bool must_resume = false;
        uint64_t count;

        *ret_gone = 0;
        (void)pthread_mutex_lock(&rpc->lock);
        if (!list_is_empty(&rpc->inbox)) {
                call = LIST_ENTRY(rpc->inbox.next, RpcCall, item);
                list_remove(&call->item);
                rpc->inbox_len--;
                must_resume = rpc->is_paused;
                rpc->is_paused = false;
        } else if (read(rpc->event_fd, &count, sizeof(count)) < 0) {
                /* nothing was there */
        }
        (void)pthread_mutex_unlock(&rpc->lock);
        if (must_resume)
                nng_recv_aio(rpc->socket, rpc->receive);
        if (call && !call->msg) {
                *ret_gone = call->connection;
                rpc_call_drop(call);
                return NULL;
        }
        return call;
}

const void *rpc_call_body(const RpcCall *call, size_t *ret_size)
{
        *ret_size = nng_msg_len(call->msg);
        return nng_msg_body(call->msg);
}

const RpcPeer *rpc_call_peer(const RpcCall *call)
{
        return &call->peer;
}

uint32_t rpc_call_connection(const RpcCall *call)
{
        return call->connection;
}

typedef struct Sending {
        nng_aio *aio;
} Sending;

/* Context: NNG's threads. */
static void on_sent(void *context)
{
        Sending *sending = context;

        if (nng_aio_result(sending->aio) != 0)
                nng_msg_free(nng_aio_get_msg(sending->aio));
        nng_aio_reap(sending->aio);
        free(sending);
}

/* The request's header says where the answer goes, so the answer is the request with another body.
 */
void rpc_reply(Rpc *rpc, RpcCall **take_call, const char *text, size_t size)
{
        _cleanup_(rpc_call_dropp) RpcCall *call = steal_ptr(*take_call);
        Sending *sending = calloc(1, sizeof(*sending));

        if (!sending)
                return;
        nng_msg_clear(call->msg);
        if (nng_msg_append(call->msg, text, size) != 0 ||
            nng_aio_alloc(&sending->aio, on_sent, sending) != 0) {
                free(sending);
                return;
        }
        nng_aio_set_msg(sending->aio, steal_ptr(call->msg));
        nng_send_aio(rpc->socket, sending->aio);
}

void rpc_call_drop(RpcCall *call)
{
        if (!call)
                return;
        if (call->msg)
                nng_msg_free(call->msg);
        free(call);
}

void rpc_close(Rpc *rpc)
{
        if (!rpc)
                return;
        if (nng_socket_id(rpc->socket) > 0)
                (void)nng_close(rpc->socket);
        if (rpc->receive) {
                nng_aio_stop(rpc->receive);
                nng_aio_free(rpc->receive);
        }
        LIST_FOREACH_SAFE (item, &rpc->inbox)
                rpc_call_drop(LIST_ENTRY(item, RpcCall, item));
        (void)close_fd(rpc->event_fd);
        (void)pthread_mutex_destroy(&rpc->lock);
        free(rpc);
}
