#pragma once
/*
 * A cgroup per child, where a part of the cgroup v2 tree is ours: limits, a kill that misses
 * nothing, and the OOM killer's trace. Without one everything here does nothing, successfully.
 */

#include "supervisord/kernel/kernel.h"

/**
 * cgroup_open() - find our part of the tree, move gend into a leaf of it, empty what a predecessor
 * left
 * @option: "auto" (only what the service manager delegated), "off", or a folder
 *
 * Return: 0, also without any; a negative errno when a folder was named and cannot be used.
 */
int cgroup_open(Kernel *kernel, const char *option);

/* cgroup_make() - for the slot's generation, with its limits. @ret_fd: its cgroup.procs, to be
 * written by the child; -1 without one. Return: 0; -ENOTSUP for a limit that cannot be had; another
 * negative errno. */
int cgroup_make(Slot *slot, const SpawnSpec *spec, int *ret_fd);

/* cgroup_kill() - SIGKILL to all in it. */
void cgroup_kill(Slot *slot);

/* cgroup_finish() - read what it tells (CHILD_OOM) and remove it. Return: whether it is gone; if
 * not, what was left in it is being killed. */
bool cgroup_finish(Slot *slot);
