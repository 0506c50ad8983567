/*
 * Owns nng in the tests. Refuses to read JSON. Called by the harness and by rpcat.
 */

#include "tests/support/rpc.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define RECONNECT_MSEC 5
/* Never by itself: but without a time NNG would not send it again on a new connection either. */
#define RESEND_MSEC    3600000
#define REPLY_BYTES    ((size_t)80 * 1024 * 1024)

struct Rpc {
        nng_socket socket;
};

struct RpcCall {
        nng_ctx context;
        nng_aio *aio;
        nng_time deadline;
};

/* NNG itself loses a request now and then that is under way when its connection ends. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
        return "leak:libnng.so\n";
}

int rpc_open(const char *socket_path, Rpc **ret_rpc)
{
        _cleanup_(freep) Rpc *rpc = calloc(1, sizeof(*rpc));
        char url[256];
        int r;

        if (!rpc)
                return -ENOMEM;
        if (snprintf(url, sizeof(url), "ipc://%s", socket_path) >= (int)sizeof(url))
                return -ENAMETOOLONG;
        if (nng_req0_open(&rpc->socket) != 0)
                return -EIO;
        r = nng_socket_set_ms(rpc->socket, NNG_OPT_REQ_RESENDTIME, RESEND_MSEC);
        if (r == 0)
                r = nng_socket_set_size(rpc->socket, NNG_OPT_RECVMAXSZ, REPLY_BYTES);
        if (r == 0)
                r = nng_socket_set_ms(rpc->socket, NNG_OPT_RECONNMINT, RECONNECT_MSEC);
        if (r == 0)
                r = nng_socket_set_ms(rpc->socket, NNG_OPT_RECONNMAXT, RECONNECT_MSEC);
        if (r == 0)
                r = nng_dial(rpc->socket, url, NULL, NNG_FLAG_NONBLOCK);
        if (r != 0) {
                (void)nng_close(rpc->socket);
                return -EIO;
        }
        *ret_rpc = steal_ptr(rpc);
        return 0;
}

Rpc *rpc_close(Rpc *rpc)
{
        if (rpc)
                (void)nng_close(rpc->socket);
        free(rpc);
        return NULL;
}

static void call_free(RpcCall *call)
{
        if (call->aio) {
                nng_aio_stop(call->aio);
                nng_aio_free(call->aio);
        }
        (void)nng_ctx_close(call->context);
        free(call);
}

int rpc_begin(Rpc *rpc, const char *text, size_t size, int timeout_msec, RpcCall **ret_call)
{
        RpcCall *call = calloc(1, sizeof(*call));
        nng_msg *msg = NULL;

        if (!call)
                return -ENOMEM;
        if (nng_ctx_open(&call->context, rpc->socket) != 0) {
                free(call);
                return -EIO;
        }
        if (nng_aio_alloc(&call->aio, NULL, NULL) != 0 || nng_msg_alloc(&msg, 0) != 0 ||
            nng_msg_append(msg, text, size) != 0) {
                nng_msg_free(msg);
                call_free(call);
                return -ENOMEM;
        }
        call->deadline = nng_clock() + (nng_time)timeout_msec;
        nng_aio_set_timeout(call->aio, timeout_msec);
        nng_aio_set_msg(call->aio, msg);
        nng_ctx_send(call->context, call->aio);
        *ret_call = call;
        return 0;
}

static int receive(RpcCall *call, nng_msg **ret_msg)
{
        nng_time now;
        int r;

        nng_aio_wait(call->aio);
        r = nng_aio_result(call->aio);
        if (r != 0) {
                nng_msg_free(nng_aio_get_msg(call->aio));
                return r == NNG_ETIMEDOUT ? -ETIMEDOUT : -EIO;
        }
        now = nng_clock();
        if (now >= call->deadline)
                return -ETIMEDOUT;
        nng_aio_set_timeout(call->aio, (nng_duration)(call->deadline - now));
        nng_ctx_recv(call->context, call->aio);
        nng_aio_wait(call->aio);
        r = nng_aio_result(call->aio);
        if (r != 0)
                return r == NNG_ETIMEDOUT ? -ETIMEDOUT : -EIO;
        *ret_msg = nng_aio_get_msg(call->aio);
        return 0;
}

int rpc_end(RpcCall **take_call, char **ret_text)
{
        RpcCall *call = steal_ptr(*take_call);
        nng_msg *msg = NULL;
        char *text;
        int r;

        r = receive(call, &msg);
        call_free(call);
        if (r < 0)
                return r;
        text = malloc(nng_msg_len(msg) + 1);
        if (text) {
                memcpy(text, nng_msg_body(msg), nng_msg_len(msg));
                text[nng_msg_len(msg)] = '\0';
                *ret_text = text;
        }
        nng_msg_free(msg);
        return text ? 0 : -ENOMEM;
}
