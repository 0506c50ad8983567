#pragma once
/*
 * The children's output pipes, and what gend-log has to know of them. gend keeps a copy of each
 * read end until gend-log has read it to its end, so that a dead gend-log loses nothing. Reports
 * are state: a new gend-log is told everything again.
 */

#include "supervisord/kernel/kernel.h"

/* output_open() - the pipes of one spawn. @ret_write_fds: -1 where there is none; both streams to
 * the same place share the first. Owned by the caller. Return: 0 or a negative errno. */
int output_open(Slot *slot, const SpawnSpec *spec, int ret_write_fds[2]);

/* output_started() - the process is there: gend-log may know. */
void output_started(Slot *slot);

/* output_ended() - nothing of the child is left: whatever is in the pipes is all. */
void output_ended(Slot *slot);

/* output_abandon() - it never came to be. */
void output_abandon(Slot *slot);

/* output_shed() - descriptors have run out, and gend-log does not read: some of the oldest pipes of
 * children that have ended go, with what is unread in them. Return: whether there were any. */
bool output_shed(Kernel *kernel);

/* output_drop() - the slot is free, and so is its ring. */
void output_drop(Slot *slot);

/* output_replay() - a new gend-log knows nothing. */
void output_replay(Kernel *kernel);

/* output_flush() - tell what there is to be told, as far as its queue goes. */
void output_flush(Kernel *kernel);

/* output_tick() - let go of the pipes that gend-log is done with. */
void output_tick(Kernel *kernel);
