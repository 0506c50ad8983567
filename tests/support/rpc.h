#pragma once
/*
 * JSON-RPC over an SP REQ socket, as any client of gend does it; without any word of genctl's code.
 * Several requests may be under way on one connection. A request whose connection is lost is sent
 * again on the next one, as REQ does.
 */

#include <stddef.h>

typedef struct Rpc Rpc;
typedef struct RpcCall RpcCall;

/* rpc_open() - connects in the background, again and again. Return: 0 or -EIO. */
int rpc_open(const char *socket_path, Rpc **ret_rpc);

/* rpc_close() - calls that are under way are ended first. Return: NULL. */
Rpc *rpc_close(Rpc *rpc);

/* rpc_begin() - sends @text (borrowed); the reply may take @timeout_msec. Return: 0, -ENOMEM, -EIO.
 */
int rpc_begin(Rpc *rpc, const char *text, size_t size, int timeout_msec, RpcCall **ret_call);

/**
 * rpc_end() - waits for the reply
 * @take_call: NULL afterwards, whatever the answer
 * @ret_text:  malloc'ed, terminated
 *
 * Return: 0; -ETIMEDOUT; -EIO.
 */
int rpc_end(RpcCall **take_call, char **ret_text);
