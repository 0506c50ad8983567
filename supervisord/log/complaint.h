#pragma once
/*
 * A sink that fails is reported once per period, not once per line. Context: loop.
 */

#include "base/usec.h"

#include <stdbool.h>

#define COMPLAINT_PERIOD_USEC (60 * USEC_PER_SEC)

typedef struct Complaint {
        usec_t next_usec;       /* not again before */
        uint64_t dropped_bytes; /* since the sink worked last */
        bool is_said;           /* and its end has to be said, too */
} Complaint;

/* complaint_fails() - @bytes more were dropped. Return: whether it is to be said now. */
static inline bool complaint_fails(Complaint *complaint, uint64_t bytes)
{
        usec_t now = now_usec();

        complaint->dropped_bytes += bytes;
        if (now < complaint->next_usec)
                return false;
        complaint->next_usec = usec_add(now, COMPLAINT_PERIOD_USEC);
        complaint->is_said = true;
        return true;
}

/* complaint_ends() - the sink works. Return: bytes dropped when that is to be said now, else 0. */
static inline uint64_t complaint_ends(Complaint *complaint)
{
        uint64_t bytes = complaint->is_said ? complaint->dropped_bytes : 0;

        complaint->dropped_bytes = 0;
        complaint->is_said = false;
        return bytes;
}
