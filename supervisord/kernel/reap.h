#pragma once
/*
 * The only reader of wait statuses; and what follows the end of a main process: the rest of its
 * group, its cgroup, and descendants that left both. A child's end is reported when nothing is
 * left.
 */

#include "supervisord/kernel/kernel.h"

int reap_init(Kernel *kernel);

/* reap_all() - every process that has ended by now; then reports. On SIGCHLD. */
void reap_all(Kernel *kernel);

/* reap_failed() - wait for a process that is on its way to _exit() without having been one. */
void reap_failed(pid_t pid);

/* reap_sweep() - look at our direct children, kill those that no living child of ours has made.
 * With
 * @everything: all that are no main process or service. Return: how many there were. */
unsigned reap_sweep(Kernel *kernel, bool everything);
