#pragma once
/*
 * The table: what the kernel knows about each slot, and how it becomes a row for gend-supervisor.
 */

#include "supervisord/kernel/kernel.h"

void slots_init(Kernel *kernel);

/* slot_get() - NULL when @index is none. */
Slot *slot_get(Kernel *kernel, uint32_t index);

/* slot_by_pid() - the slot whose main process this is; NULL when it is none's. */
Slot *slot_by_pid(Kernel *kernel, pid_t pid);

/* slot_touch() - the row changed: it will be reported. */
void slot_touch(Slot *slot);

/* slot_begin() - a new row for a new generation. */
void slot_begin(Slot *slot, uint64_t generation);

/* slot_keep() - copy what outlives the spawn. Return: 0 or -ENOMEM. */
int slot_keep(Slot *slot, const SpawnSpec *spec);

/* The outcome of a spawn. */
void slot_spawned(Slot *slot, pid_t pid, usec_t born_usec);
void slot_spawn_failed(Slot *slot, uint32_t step, int error);

/* slot_main_ended() - the main process was reaped. */
void slot_main_ended(Slot *slot, int code, int status, usec_t cpu_usec);

/* slot_ended() - nothing of it is left. */
void slot_ended(Slot *slot);

/* slot_forget() - the row goes. slot_release() - and the specification and ring with it. */
void slot_forget(Slot *slot);
void slot_release(Slot *slot);

/* slot_signal() - one order, see SignalMode. Nothing for a process that is gone. */
void slot_signal(Slot *slot, SignalMode mode, int signo);
