#pragma once
/*
 * The last LIMIT_EVENTS lifecycle events, numbered without gaps. Home: the loop.
 */

#include "supervisord/supervisor/engine.h"

#include <stdint.h>

typedef struct Event {
        uint64_t seq;
        uint64_t msec;          /* realtime */
        uint32_t type;          /* EventType */
        int32_t pid;            /* 0: none */
        uint64_t next_try_msec; /* restarting, after a delay: how long it is; 0: at once */
        char *path;
        char *reason; /* NULL: none */
        char *detail; /* NULL: none */
} Event;

typedef struct EventLog {
        Event ring[LIMIT_EVENTS];
        uint64_t last_seq; /* 0: none yet */
} EventLog;

/* event_log_add() - copies; @event->seq 0: the next one, else (replay) that one. Return: the entry,
 * or NULL without memory: the number is then used up by an event without text. */
Event *event_log_add(EventLog *log, const Event *event);

/* event_log_first() - the oldest seq still kept; 0 when there is none. */
uint64_t event_log_first(const EventLog *log);

/* event_log_get() - NULL when it is not kept any more, or not there yet. */
const Event *event_log_get(const EventLog *log, uint64_t seq);

void event_log_deinit(EventLog *log);
