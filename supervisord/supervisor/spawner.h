#pragma once
/*
 * From a node of the tree to a sealed spawn specification: environment merged from the top down,
 * user and groups looked up, everything absolute. Home: the loop.
 */

#include "supervisord/supervisor/node.h"

/**
 * spawner_seal() - what the kernel needs to make @node's process
 * @socket_path: of the control socket, for the child's GEND_SOCKET
 * @ret_fd:      owned by the caller
 *
 * Return: 0; -ENOENT when the user is no longer known; what spawn_spec_seal() says.
 */
int spawner_seal(const Node *node, const char *socket_path, int *ret_fd);
