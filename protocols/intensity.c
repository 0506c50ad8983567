/*
 * Owns the restart budget's arithmetic (SUP-070..079). Refuses to read a clock or to allocate: the
 * caller brings both. Called by gend-supervisor for OS processes and by workerlib for actors.
 */

#include "protocols/intensity.h"

#include <assert.h>

static uint32_t intensity_oldest(const Intensity *intensity)
{
        uint32_t capacity = intensity->limit + 1;

        return (intensity->next + capacity - intensity->count) % capacity;
}

/* usec_sub() gives 0 for a time in the future, so a clock that stands still or errs never frees a
 * place. */
static bool intensity_counts(const Intensity *intensity, usec_t entry_usec, usec_t at_usec)
{
        return usec_sub(at_usec, entry_usec) <= intensity->period_usec;
}

void intensity_init(Intensity *intensity, usec_t *times, uint32_t limit, usec_t period_usec)
{
        assert(times);
        assert(limit < UINT32_MAX / 2);

        *intensity = (Intensity){
                .limit = limit,
                .period_usec = period_usec,
        };
        intensity->times = times;
}

bool intensity_spend(Intensity *intensity, usec_t now_usec)
{
        uint32_t capacity = intensity->limit + 1;

        /* With the ring full the oldest place is the next one: overwritten, the count stays. */
        intensity->times[intensity->next] = now_usec;
        intensity->next = (intensity->next + 1) % capacity;
        if (intensity->count < capacity)
                intensity->count++;

        while (!intensity_counts(intensity, intensity->times[intensity_oldest(intensity)],
                                 now_usec))
                intensity->count--;

        return intensity->count <= intensity->limit;
}

uint32_t intensity_used(const Intensity *intensity, usec_t now_usec)
{
        uint32_t capacity = intensity->limit + 1;
        uint32_t used = 0;

        for (uint32_t i = 0; i < intensity->count; i++) {
                uint32_t place = (intensity_oldest(intensity) + i) % capacity;

                if (intensity_counts(intensity, intensity->times[place], now_usec))
                        used++;
        }
        return used;
}
