#pragma once
/*
 * Nodes and events as the JSON of docs/rpc.md. Reads the tree and changes nothing. Every function
 * returns a new reference, or NULL without memory.
 */

#include "supervisord/supervisor/daemon.h"

#include <jansson.h>

/* view_node() - a NODE; @with_children: and all below it, else "children" is empty. */
json_t *view_node(const Daemon *daemon, const Node *node, bool with_children);

/* view_status() - a STATUS. */
json_t *view_status(Daemon *daemon, const Node *node);

/* view_tree() - the whole tree. */
json_t *view_tree(const Daemon *daemon);

/* view_app() - an APP. */
json_t *view_app(const Daemon *daemon, const Node *app);

json_t *view_event(const Event *event);

/* view_log() - the last @lines lines of a node's ring, or all from @position on when @lines is 0.
 */
json_t *view_log(Daemon *daemon, const Node *node, size_t lines, uint64_t position);
