#pragma once
/*
 * The control socket's connections. What is spoken is nng's REQ/REP over IPC (protocols/sp.h), so
 * that any nng program can be a client; it is spoken here, in the loop and without libnng, whose
 * listener stops accepting for good once a client has hung up at the wrong moment, and whose
 * threads would outnumber everything else in this process.
 *
 * Any number of requests may wait for their answers at once. A client that sends half a request,
 * floods, or does not read its answers, holds up nobody but itself. Home: the loop.
 */

#include "base/cleanup.h"
#include "protocols/limits.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

typedef struct Rpc Rpc;

/* A request, until it is answered or dropped. */
typedef struct RpcCall RpcCall;

typedef struct RpcPeer {
        uid_t uid;
        gid_t gid;
        pid_t pid;
} RpcPeer;

typedef struct RpcHandlers {
        void *context;
        void (*request)(void *context, RpcCall **take_call); /* may be kept: rpc_reply() it later */
        void (*gone)(void *context, uint32_t connection); /* its waiting requests can be dropped */
} RpcHandlers;

/**
 * rpc_open() - serve the clients of @listen_fd
 * @listen_fd: a listening, non-blocking Unix socket; borrowed
 * @handlers:  borrowed for the life of the Rpc
 *
 * Return: 0 or a negative errno.
 */
int rpc_open(sd_event *loop, int listen_fd, const RpcHandlers *handlers, Rpc **ret_rpc);

const void *rpc_call_body(const RpcCall *call, size_t *ret_size);
const RpcPeer *rpc_call_peer(const RpcCall *call);
uint32_t rpc_call_connection(const RpcCall *call);

/* rpc_reply() - takes the call in any case. A client that is gone, or takes no more, does not get
 * it. */
void rpc_reply(Rpc *rpc, RpcCall **take_call, const char *text, size_t size);

void rpc_call_drop(RpcCall *call);
void rpc_close(Rpc *rpc);

DEFINE_CLEANUP(RpcCall *, rpc_call_drop);
DEFINE_CLEANUP(Rpc *, rpc_close);
