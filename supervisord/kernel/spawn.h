#pragma once
/*
 * The only place where a process is made, and the only exec. Everything is prepared before; between
 * the two there are system calls on prepared data, nothing else. The child's failure comes back
 * through the memory that it shares with us until it execs. It shares the descriptor table too at
 * first and takes only the low part of it, so that a spawn costs the same with ten children and
 * with ten thousand.
 */

#include "supervisord/kernel/kernel.h"

/* What a process is made from. Every pointer is borrowed for the call. */
typedef struct Launch {
        const char *file;
        char *const *argv;
        char *const *envp;
        int out_fd, err_fd;  /* -1: as gend has it */
        const int *pass_fds; /* they become 3, 4 ...; all above FD_RAISED */
        unsigned pass_count;
        const SpawnSpec *spec; /* NULL: a service: no limits, no user, no parent-death signal */
        int cgroup_fd;         /* cgroup.procs to enter, -1: none */
        const struct rlimit *nofile; /* to set unless the specification does; NULL: as it is */
        char *pid_slots[2]; /* ten digits' room and a zero: the child's own pid goes there; or NULL
                             */
        uint32_t failed_step; /* result: SpawnStep */
        int failed_errno;
} Launch;

/* spawn_init() - once, when standard input is /dev/null. $GEND_VFORK makes it use vfork, for
 * valgrind, which knows no other clone. Return: 0 or a negative errno. */
int spawn_init(void);

/* launch() - Return: the pid; or -1, and failed_step and failed_errno say why. Blocks until the
 * exec. */
pid_t launch(Launch *what);

/* spawn_child() - make the process of @slot's row; the outcome is in the row. */
void spawn_child(Slot *slot, const SpawnSpec *spec);
