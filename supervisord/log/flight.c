/*
 * What is in hand, in shared memory. It owns RingHead.flight. Called by stream.c.
 */
#include "supervisord/log/flight.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void flight_begin(const RingSet *rings, const FlightKey *key, size_t bytes, uint64_t file_size)
{
        RingFlight *flight = ring_flight(rings);

        flight->generation = key->generation;
        flight->slot = key->slot;
        flight->stream = key->stream;
        flight->start = ring_written(rings, key->slot);
        flight->file_size = file_size;
        atomic_store_explicit(&flight->done, 0, memory_order_relaxed);
        atomic_store_explicit(&flight->bytes, bytes, memory_order_release);
}

void flight_advance(const RingSet *rings, size_t bytes)
{
        (void)atomic_fetch_add_explicit(&ring_flight(rings)->done, bytes, memory_order_relaxed);
}

void flight_end(const RingSet *rings)
{
        atomic_store_explicit(&ring_flight(rings)->bytes, 0, memory_order_release);
}

FlightRest flight_rest(const RingSet *rings)
{
        const RingFlight *flight = ring_flight(rings);
        FlightRest rest = {
                .bytes = atomic_load_explicit(&flight->bytes, memory_order_acquire),
                .key = {.generation = flight->generation,
                        .slot = flight->slot,
                        .stream = flight->stream},
                .done = atomic_load_explicit(&flight->done, memory_order_relaxed),
                .start = flight->start,
                .file_size = flight->file_size,
        };

        if (rest.bytes > FLIGHT_BYTES_MAX || rest.key.slot >= LIMIT_SLOTS)
                rest.bytes = 0;
        return rest;
}

bool flight_was_stored(const RingSet *rings, const FlightRest *rest, const char *data, size_t size)
{
        size_t bytes = (size_t)rest->bytes, tail = MIN_OF(bytes, (size_t)rings->ring_bytes);
        _cleanup_(freep) char *stored = NULL;
        RingView view;

        if (bytes == 0 || size < bytes ||
            ring_written(rings, rest->key.slot) != rest->start + rest->bytes)
                return false;
        stored = malloc(tail);
        if (!stored ||
            ring_read(rings, rest->key.slot, rest->start + bytes - tail, stored, tail, &view) < 0)
                return false;
        return view.size == tail && memcmp(stored, data + bytes - tail, tail) == 0;
}
