#pragma once
/*
 * What a killed gend left behind, and how it is known: by the instance id in its children's
 * environment, and by the sessions they led. The table of them lies in a mapped file in the runtime
 * folder, so that noting a spawn down is a store. Used by gend when it starts, by gend-supervisor
 * when gend is gone without having said so, and by gend to tell its own escaped descendants apart.
 */

#include "base/usec.h"
#include "protocols/limits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SWEEP_FILE     "kernel.state"
#define SWEEP_VARIABLE "GEND_INSTANCE" /* ID/SLOT.GENERATION, in every child's environment */
#define SWEEP_ID_BYTES 32u

enum {
        SWEEP_ROW_SUPERVISOR = LIMIT_SLOTS, /* rows of the services */
        SWEEP_ROW_LOG,
        SWEEP_ROWS
};

typedef struct SweepRow {
        _Atomic int32_t pid; /* leader of a session of its own; 0: none */
        uint32_t reserved;
        _Atomic uint64_t born_usec; /* CLOCK_BOOTTIME, within a second */
} SweepRow;

/* The file. */
typedef struct SweepState {
        uint32_t magic;
        int32_t gend_pid;
        char id[SWEEP_ID_BYTES + 8]; /* instance id, random, with its zero */
        char boot_id[40];
        _Atomic uint64_t alive_usec; /* CLOCK_BOOTTIME: gend was there at this time */
        SweepRow rows[SWEEP_ROWS];
} SweepState;

/* sweep_state_create() - a new file in place of a predecessor's. Return: 0 or a negative errno. */
int sweep_state_create(const char *runtime_dir, SweepState **ret_state);

/* sweep_state_remove() - unmap, and remove the file. @state may be NULL. */
void sweep_state_remove(const char *runtime_dir, SweepState *state);

/* boottime_usec() - CLOCK_BOOTTIME, the clock of processes' start times. */
usec_t boottime_usec(void);

/**
 * sweep_predecessor() - end every process that a gend of this folder has left
 * @instance:     only if it was this one; NULL: whichever it was
 * @timeout_usec: how long to wait until they are gone
 * @ret_killed:   how many there were
 *
 * Children and their descendants get SIGKILL; services (with @instance NULL) first get the rest of
 * half of @timeout_usec to leave by themselves. The caller is spared. Processes whose pid was used
 * again are told apart by their start time and go unharmed.
 *
 * Context: any. Blocks up to @timeout_usec.
 * Return: 0, also when there was nothing; -ETIMEDOUT when something would not die; another negative
 * errno.
 */
int sweep_predecessor(const char *runtime_dir, const char *instance, usec_t timeout_usec,
                      unsigned *ret_killed);

/**
 * sweep_whose() - whose child's descendant a process is, by its environment
 * @id: of the instance
 *
 * Return: 0 and slot and generation; -ENOENT when it says nothing or another instance; -EACCES,
 * -ESRCH ... when it cannot be read.
 */
int sweep_whose(pid_t pid, const char *id, uint32_t *ret_slot, uint64_t *ret_generation);
