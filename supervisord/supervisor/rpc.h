#pragma once
/*
 * The control socket: the only file of gend-supervisor that knows NNG. A raw REP socket, so that
 * any number of requests may wait for their answers at once. NNG's threads do nothing but fill an
 * inbox; everything else happens in the loop. A client that does not read its answers loses them,
 * and nobody waits for it.
 */

#include "base/cleanup.h"
#include "protocols/limits.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Rpc Rpc;

/* A request, until it is answered or dropped. */
typedef struct RpcCall RpcCall;

typedef struct RpcPeer {
        uid_t uid;
        gid_t gid;
        pid_t pid;
} RpcPeer;

/**
 * rpc_open() - listen at ipc://@path
 * @mode: of the socket file; @gid: its group, (gid_t)-1: unchanged
 *
 * Return: 0; a negative errno; for a fault of NNG without one -EPROTO.
 */
int rpc_open(const char *path, mode_t mode, gid_t gid, Rpc **ret_rpc);

/* rpc_fd() - readable when rpc_next() has something. Borrowed. */
int rpc_fd(const Rpc *rpc);

/* rpc_next() - a request, owned by the caller; NULL when there is none now. @ret_gone: a connection
 * that closed, or 0: its waiting requests can be dropped. Call until both are empty. */
RpcCall *rpc_next(Rpc *rpc, uint32_t *ret_gone);

const void *rpc_call_body(const RpcCall *call, size_t *ret_size);
const RpcPeer *rpc_call_peer(const RpcCall *call);
uint32_t rpc_call_connection(const RpcCall *call);

/* rpc_reply() - takes the call in any case. */
void rpc_reply(Rpc *rpc, RpcCall **take_call, const char *text, size_t size);

void rpc_call_drop(RpcCall *call);
void rpc_close(Rpc *rpc);

DEFINE_CLEANUP(RpcCall *, rpc_call_drop);
DEFINE_CLEANUP(Rpc *, rpc_close);
