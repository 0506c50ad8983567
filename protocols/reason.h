#pragma once
/*
 * How an OS process ended, as an exit reason in Erlang's terms (02, section 2): one table for
 * events, JSON, logs, and later for links and monitors.
 */

#include "protocols/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REASON_BYTES 256u /* the text, with its terminating zero */

/* What was under way when the process ended. */
typedef enum EndPhase {
        END_PHASE_NONE = 0,
        END_PHASE_STARTING, /* not ready */
        END_PHASE_RUNNING,
        END_PHASE_STOPPING, /* stop signal sent by us */
        END_PHASE_KILLING,  /* SIGKILL sent by us after the stop's deadline */
        END_PHASE_COUNT
} EndPhase;

typedef struct EndFacts {
        EndPhase phase;
        bool is_brutal;    /* KILLING by brutal_kill: not "forced" */
        bool was_watchdog; /* killed by us: WATCHDOG=1 stayed out */
        bool was_start_timeout;
        bool was_oom;
        bool dumped_core;
        int code;                    /* CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: never spawned */
        int status;                  /* exit status or signal */
        int stop_signal;             /* the signal a stop of this child begins with */
        const uint8_t *success_exit; /* statuses that count as normal; borrowed */
        size_t success_exit_count;
        uint32_t spawn_step; /* SpawnStep when it never came to be */
        int spawn_errno;
        const char *spawn_path; /* what could not be executed, entered ...; borrowed, may be NULL */
} EndFacts;

typedef struct Reason {
        ExitClass how;             /* NORMAL, SHUTDOWN or ABNORMAL; START for a failed start */
        bool is_shutdown_error;    /* a stop that ended oddly: reported, otherwise a shutdown */
        bool is_forced;            /* SIGKILL was needed to stop it */
        char text[REASON_BYTES];   /* "normal", "{exit_status,3}", "{signal,'SIGSEGV',core}", ... */
        char detail[REASON_BYTES]; /* for people: "exec of /x/y failed: No such file or directory"
                                      or "" */
} Reason;

/* reason_translate() - the table. Context: any; pure. */
void reason_translate(const EndFacts *facts, Reason *ret_reason);

/* reason_class() - "normal", "shutdown" and "{shutdown,...}" are clean, all else is abnormal. */
ExitClass reason_class(const char *text);

/* signal_name() - "SIGTERM"; "SIG42" for real-time ones. signal_from_name(): with or without SIG,
 * or a number; 0 when unknown. */
const char *signal_name(int signo);
int signal_from_name(const char *name);
