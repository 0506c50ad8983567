#include "supervisord/supervisor/life.h"

#include <stddef.h>

#define TO(state, actions)              \
        {                               \
                LIFE_##state, (actions) \
        }
#define SAME(state)             \
        {                       \
                LIFE_##state, 0 \
        }

// clang-format off
static const LifeStep table[LIFE_STATE_COUNT][LIFE_EVENT_COUNT] = {
        [LIFE_STOPPED] = {
                [LIFE_EV_START]   = TO(STARTING, LIFE_LAUNCH | LIFE_ARM_START),
                [LIFE_EV_DELAY]   = TO(BACKOFF, LIFE_ARM_BACKOFF),
                [LIFE_EV_READY]   = SAME(STOPPED),
                [LIFE_EV_EXIT]    = SAME(STOPPED),
                [LIFE_EV_STOP]    = TO(STOPPED, LIFE_TELL_STOPPED),
                [LIFE_EV_KILL]    = TO(STOPPED, LIFE_TELL_STOPPED),
                [LIFE_EV_ABORT]   = SAME(STOPPED),
                [LIFE_EV_TIMEOUT] = SAME(STOPPED),
        },
        [LIFE_STARTING] = {
                [LIFE_EV_START]   = SAME(STARTING),
                [LIFE_EV_DELAY]   = SAME(STARTING),
                [LIFE_EV_READY]   = TO(RUNNING, LIFE_DISARM | LIFE_ARM_LIFESPAN | LIFE_TELL_READY),
                [LIFE_EV_EXIT]    = TO(FAILED, LIFE_DISARM | LIFE_TELL_FAILED),
                [LIFE_EV_STOP]    = TO(STOPPING, LIFE_DISARM | LIFE_ASK | LIFE_ARM_STOP),
                [LIFE_EV_KILL]    = TO(KILLING, LIFE_DISARM | LIFE_FORCE),
                [LIFE_EV_ABORT]   = TO(ABORTING, LIFE_DISARM | LIFE_UNDO | LIFE_ARM_STOP),
                [LIFE_EV_TIMEOUT] = TO(ABORTING, LIFE_FORCE),
        },
        [LIFE_RUNNING] = {
                [LIFE_EV_START]   = SAME(RUNNING),
                [LIFE_EV_DELAY]   = SAME(RUNNING),
                [LIFE_EV_READY]   = SAME(RUNNING),
                [LIFE_EV_EXIT]    = TO(FINISHED, LIFE_DISARM | LIFE_TELL_ENDED),
                [LIFE_EV_STOP]    = TO(STOPPING, LIFE_DISARM | LIFE_ASK | LIFE_ARM_STOP),
                [LIFE_EV_KILL]    = TO(KILLING, LIFE_DISARM | LIFE_FORCE),
                [LIFE_EV_ABORT]   = TO(ABORTING, LIFE_DISARM | LIFE_UNDO | LIFE_ARM_STOP),
                /* Only an application's lifespan is armed here. */
                [LIFE_EV_TIMEOUT] = TO(ABORTING, LIFE_UNDO | LIFE_ARM_STOP),
        },
        [LIFE_STOPPING] = {
                [LIFE_EV_START]   = SAME(STOPPING),
                [LIFE_EV_DELAY]   = SAME(STOPPING),
                [LIFE_EV_READY]   = SAME(STOPPING),
                [LIFE_EV_EXIT]    = TO(STOPPED, LIFE_DISARM | LIFE_TELL_STOPPED),
                [LIFE_EV_STOP]    = SAME(STOPPING),
                [LIFE_EV_KILL]    = TO(KILLING, LIFE_DISARM | LIFE_FORCE),
                [LIFE_EV_ABORT]   = SAME(STOPPING),
                [LIFE_EV_TIMEOUT] = TO(KILLING, LIFE_FORCE),
        },
        [LIFE_KILLING] = {
                [LIFE_EV_START]   = SAME(KILLING),
                [LIFE_EV_DELAY]   = SAME(KILLING),
                [LIFE_EV_READY]   = SAME(KILLING),
                [LIFE_EV_EXIT]    = TO(STOPPED, LIFE_DISARM | LIFE_TELL_STOPPED),
                [LIFE_EV_STOP]    = SAME(KILLING),
                [LIFE_EV_KILL]    = SAME(KILLING),
                [LIFE_EV_ABORT]   = SAME(KILLING),
                [LIFE_EV_TIMEOUT] = SAME(KILLING),
        },
        [LIFE_ABORTING] = {
                [LIFE_EV_START]   = SAME(ABORTING),
                [LIFE_EV_DELAY]   = SAME(ABORTING),
                [LIFE_EV_READY]   = SAME(ABORTING),
                [LIFE_EV_EXIT]    = TO(FAILED, LIFE_DISARM | LIFE_TELL_ABORTED),
                [LIFE_EV_STOP]    = TO(STOPPING, LIFE_DISARM | LIFE_ASK | LIFE_ARM_STOP),
                [LIFE_EV_KILL]    = TO(KILLING, LIFE_DISARM | LIFE_FORCE),
                [LIFE_EV_ABORT]   = SAME(ABORTING),
                [LIFE_EV_TIMEOUT] = TO(ABORTING, LIFE_FORCE),
        },
        [LIFE_BACKOFF] = {
                [LIFE_EV_START]   = TO(STARTING, LIFE_DISARM | LIFE_LAUNCH | LIFE_ARM_START),
                [LIFE_EV_DELAY]   = TO(BACKOFF, LIFE_ARM_BACKOFF),
                [LIFE_EV_READY]   = SAME(BACKOFF),
                [LIFE_EV_EXIT]    = SAME(BACKOFF),
                [LIFE_EV_STOP]    = TO(STOPPED, LIFE_DISARM | LIFE_TELL_STOPPED),
                [LIFE_EV_KILL]    = TO(STOPPED, LIFE_DISARM | LIFE_TELL_STOPPED),
                [LIFE_EV_ABORT]   = SAME(BACKOFF),
                [LIFE_EV_TIMEOUT] = TO(BACKOFF, LIFE_TELL_DUE),
        },
        [LIFE_FAILED] = {
                [LIFE_EV_START]   = TO(STARTING, LIFE_LAUNCH | LIFE_ARM_START),
                [LIFE_EV_DELAY]   = TO(BACKOFF, LIFE_ARM_BACKOFF),
                [LIFE_EV_READY]   = SAME(FAILED),
                [LIFE_EV_EXIT]    = SAME(FAILED),
                [LIFE_EV_STOP]    = TO(STOPPED, LIFE_TELL_STOPPED),
                [LIFE_EV_KILL]    = TO(STOPPED, LIFE_TELL_STOPPED),
                [LIFE_EV_ABORT]   = SAME(FAILED),
                [LIFE_EV_TIMEOUT] = SAME(FAILED),
        },
        [LIFE_FINISHED] = {
                [LIFE_EV_START]   = TO(STARTING, LIFE_LAUNCH | LIFE_ARM_START),
                [LIFE_EV_DELAY]   = TO(BACKOFF, LIFE_ARM_BACKOFF),
                [LIFE_EV_READY]   = SAME(FINISHED),
                [LIFE_EV_EXIT]    = SAME(FINISHED),
                [LIFE_EV_STOP]    = TO(STOPPED, LIFE_TELL_STOPPED),
                [LIFE_EV_KILL]    = TO(STOPPED, LIFE_TELL_STOPPED),
                [LIFE_EV_ABORT]   = SAME(FINISHED),
                [LIFE_EV_TIMEOUT] = SAME(FINISHED),
        },
};

static const char *const state_labels[LIFE_STATE_COUNT] = {
        [LIFE_NONE]     = "none",
        [LIFE_STOPPED]  = "stopped",  [LIFE_STARTING] = "starting", [LIFE_RUNNING]  = "running",
        [LIFE_STOPPING] = "stopping", [LIFE_KILLING]  = "killing",  [LIFE_ABORTING] = "aborting",
        [LIFE_BACKOFF]  = "backoff",  [LIFE_FAILED]   = "failed",   [LIFE_FINISHED] = "finished",
};

static const char *const event_labels[LIFE_EVENT_COUNT] = {
        [LIFE_EV_NONE]  = "none",
        [LIFE_EV_START] = "START", [LIFE_EV_DELAY] = "DELAY", [LIFE_EV_READY]   = "READY",
        [LIFE_EV_EXIT]  = "EXIT",  [LIFE_EV_STOP]  = "STOP",  [LIFE_EV_KILL]    = "KILL",
        [LIFE_EV_ABORT] = "ABORT", [LIFE_EV_TIMEOUT] = "TIMEOUT",
};
// clang-format on

LifeStep life_step(LifeState state, LifeEvent event)
{
        return table[state][event];
}

const char *life_state_label(LifeState state)
{
        return state < LIFE_STATE_COUNT ? state_labels[state] : "?";
}

const char *life_event_label(LifeEvent event)
{
        return event < LIFE_EVENT_COUNT ? event_labels[event] : "?";
}

const char *life_state_name(LifeState state)
{
        if (state == LIFE_KILLING || state == LIFE_ABORTING)
                return state_labels[LIFE_STOPPING];
        return life_state_label(state);
}

bool life_is_alive(LifeState state)
{
        return state == LIFE_STARTING || state == LIFE_RUNNING || state == LIFE_STOPPING ||
               state == LIFE_KILLING || state == LIFE_ABORTING;
}

bool life_is_active(LifeState state)
{
        return life_is_alive(state) || state == LIFE_BACKOFF;
}
