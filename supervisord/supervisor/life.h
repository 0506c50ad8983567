#pragma once
/*
 * The life of one child, a process or a supervisor alike, as a table: state and event give the next
 * state and what is to be done. Pure; engine.c carries the actions out, in the order of their bits.
 */

#include <stdbool.h>
#include <stdint.h>

typedef enum LifeState {
        LIFE_NONE = 0,
        LIFE_STOPPED,  /* not started, or stopped by request */
        LIFE_STARTING, /* on its way to ready */
        LIFE_RUNNING,
        LIFE_STOPPING, /* asked to leave */
        LIFE_KILLING,  /* made to leave; what comes next is the end */
        LIFE_ABORTING, /* on its way down, but not by request: watchdog, start time-out, giving up
                        */
        LIFE_BACKOFF,  /* waits for its next try */
        LIFE_FAILED,   /* could not start, or its supervisor gave up because of it */
        LIFE_FINISHED, /* ended, and is not to be restarted */
        LIFE_STATE_COUNT
} LifeState;

typedef enum LifeEvent {
        LIFE_EV_NONE = 0,
        LIFE_EV_START,
        LIFE_EV_DELAY, /* start later: LIFE_BACKOFF */
        LIFE_EV_READY,
        LIFE_EV_EXIT, /* nothing of it is left */
        LIFE_EV_STOP,
        LIFE_EV_KILL,
        LIFE_EV_ABORT,
        LIFE_EV_TIMEOUT,
        LIFE_EVENT_COUNT
} LifeEvent;

/* Actions, carried out from the lowest bit up. */
typedef enum LifeAction {
        LIFE_DISARM = 1u << 0,
        LIFE_LAUNCH = 1u << 1, /* spawn the process; start the children */
        LIFE_ASK = 1u << 2,    /* the stop signal; stop the children */
        LIFE_UNDO =
                1u
                << 3, /* nothing for a process, which is being killed already; stop the children */
        LIFE_FORCE = 1u << 4, /* SIGKILL to all of it */
        LIFE_ARM_START = 1u << 5,
        LIFE_ARM_STOP = 1u << 6,
        LIFE_ARM_BACKOFF = 1u << 7,
        LIFE_ARM_LIFESPAN = 1u << 8,
        LIFE_TELL_READY = 1u << 9, /* the rest is told to the parent */
        LIFE_TELL_FAILED = 1u << 10,
        LIFE_TELL_ENDED = 1u << 11,
        LIFE_TELL_STOPPED = 1u << 12,
        LIFE_TELL_ABORTED = 1u << 13, /* failed or ended, as it was ever ready or not */
        LIFE_TELL_DUE = 1u << 14,     /* the delay is over */
} LifeAction;

typedef struct LifeStep {
        LifeState next;
        uint32_t actions; /* LifeAction */
} LifeStep;

/* life_step() - the table's cell. Never LIFE_NONE for a valid state and event. */
LifeStep life_step(LifeState state, LifeEvent event);

/* life_state_name() - as JSON has it: KILLING and ABORTING are "stopping". */
const char *life_state_name(LifeState state);

/* life_state_label(), life_event_label() - the names in this table, for docs/states.md and tests.
 */
const char *life_state_label(LifeState state);
const char *life_event_label(LifeEvent event);

/* life_is_active() - there is, or will be without further orders, something of it. */
bool life_is_active(LifeState state);

/* life_is_alive() - there may be a process: STARTING, RUNNING, STOPPING, KILLING, ABORTING. */
bool life_is_alive(LifeState state);
