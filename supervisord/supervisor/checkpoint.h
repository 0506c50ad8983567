#pragma once
/*
 * What outlives gend-supervisor: a log in a memfd that the kernel keeps. Every turn of the loop
 * ends with one commit, a batch of entries with a checksum, before any order of that turn is sent;
 * so the state is always that of a whole turn, and a batch torn by a kill is as if the turn had not
 * been. The cost of a commit depends on what changed, not on the tree; now and then the log is
 * written anew.
 *
 * Entries: the tree file's text, nodes, their lives, restart times, events. Home: the loop.
 */

#include "base/buffer.h"
#include "supervisord/supervisor/events.h"
#include "supervisord/supervisor/node.h"

typedef struct Checkpoint {
        int fd;                 /* owned */
        uint64_t size;          /* bytes in use */
        uint64_t snapshot_size; /* of these, the part written by the last snapshot */
        uint64_t number;        /* of the last batch */
        Buffer pending;         /* entries of the batch being made */
        uint64_t reloads_done;  /* RecordRequest.reloads that were carried out */
        /* The tree file as it was accepted, for snapshots; owned. */
        char *text;
        size_t text_size;
        char *folder;
} Checkpoint;

#define CHECKPOINT_NULL ((Checkpoint){.fd = -1})

enum {
        CHECKPOINT_E_EMPTY = 1, /* nothing was ever committed */
};

/**
 * checkpoint_load() - read the log and build the tree that it describes
 * @take_fd:  taken in any case
 * @ret_tree: a new tree with all lives as committed
 * @events:   filled
 *
 * Return: 0; CHECKPOINT_E_EMPTY: @checkpoint is ready for a first snapshot; -EPROTO for a log that
 * is no log, -EINVAL for a tree text that does not parse any more, another negative errno.
 */
int checkpoint_load(Checkpoint *checkpoint, int *take_fd, Tree **ret_tree, EventLog *events);

/* checkpoint_set_text() - the accepted tree file; copied. It gets into the log with the next
 * snapshot. */
int checkpoint_set_text(Checkpoint *checkpoint, const char *text, size_t size, const char *folder);

/* Entries for the next commit. Without memory the commit fails. */
void checkpoint_note_node(Checkpoint *checkpoint, const Node *node);
void checkpoint_note_drop(Checkpoint *checkpoint, uint32_t id);
void checkpoint_note_event(Checkpoint *checkpoint, const Event *event);
void checkpoint_note_budget(Checkpoint *checkpoint, const Node *node, usec_t when);

/* checkpoint_commit() - the noted entries and all dirty nodes, in one write. Return: 0 or a
 * negative errno. */
int checkpoint_commit(Checkpoint *checkpoint, Tree *tree);

/* checkpoint_is_long() - the log has grown so that it pays to write it anew. */
bool checkpoint_is_long(const Checkpoint *checkpoint);

/**
 * checkpoint_snapshot() - all of it into a new memfd
 * @ret_fd: borrowed by the caller: the new memfd, which the kernel must be given before the next
 * commit
 *
 * The old memfd stays valid until then, and is closed. Return: 0 or a negative errno (nothing
 * changed).
 */
int checkpoint_snapshot(Checkpoint *checkpoint, Tree *tree, const EventLog *events, int *ret_fd);

void checkpoint_deinit(Checkpoint *checkpoint);
