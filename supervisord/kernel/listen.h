#pragma once
/*
 * Listening sockets of children: bound once for each type and address, kept while children come and
 * go, so that no connection is refused in between. Those of the service manager (LISTEN_FDS) are
 * used where address or name is the one asked for.
 */

#include "supervisord/kernel/kernel.h"

/* listen_init() - take over what the service manager passed. Return: 0 or a negative errno. */
int listen_init(Kernel *kernel);

/* listen_get() - @ret_fd: stays the kernel's. Return: 0; -ENOSPC; what socket, bind, listen said.
 */
int listen_get(Kernel *kernel, const SpawnSocket *wanted, int *ret_fd);

/* listen_close() - no child has it any more. */
void listen_close(Kernel *kernel, const RecordListen *which);

/* listen_deinit() - all of them, and their files. */
void listen_deinit(Kernel *kernel);
