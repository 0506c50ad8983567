#include "supervisord/supervisor/events.h"

#include <stdlib.h>
#include <string.h>

static void event_clear(Event *event)
{
        free(event->path);
        free(event->reason);
        free(event->detail);
        *event = (Event){0};
}

Event *event_log_add(EventLog *log, const Event *event)
{
        uint64_t seq = event->seq ? event->seq : log->last_seq + 1;
        Event *place = &log->ring[seq % LIMIT_EVENTS];

        event_clear(place);
        *place = *event;
        place->seq = seq;
        place->path = strdup(event->path ? event->path : "");
        place->reason = event->reason ? strdup(event->reason) : NULL;
        place->detail = event->detail && event->detail[0] ? strdup(event->detail) : NULL;
        if (seq > log->last_seq)
                log->last_seq = seq;
        return place;
}

uint64_t event_log_first(const EventLog *log)
{
        uint64_t oldest = log->last_seq > LIMIT_EVENTS ? log->last_seq - LIMIT_EVENTS + 1 : 1;

        for (uint64_t seq = oldest; seq <= log->last_seq; seq++)
                if (log->ring[seq % LIMIT_EVENTS].seq == seq)
                        return seq;
        return 0;
}

const Event *event_log_get(const EventLog *log, uint64_t seq)
{
        const Event *event = &log->ring[seq % LIMIT_EVENTS];

        return seq != 0 && event->seq == seq ? event : NULL;
}

void event_log_deinit(EventLog *log)
{
        for (size_t i = 0; i < LIMIT_EVENTS; i++)
                event_clear(&log->ring[i]);
}
