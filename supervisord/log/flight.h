#pragma once
/*
 * Nothing is lost when gend-log dies. Bytes are copied from a pipe without taking them out (tee),
 * stored, and only then taken out; RingFlight in the shared head says what is under way. A
 * successor finds the pipe as it was, compares, and does what was left undone, so that nothing is
 * stored twice.
 *
 * What cannot be told apart: a death between taking out and saying so, when the next bytes in the
 * pipe are the very same; these are then taken for the old ones. The window is one system call.
 *
 * Context: loop.
 */

#include "protocols/ring.h"

#include <stddef.h>
#include <stdint.h>

#define FLIGHT_BYTES_MAX (64u * 1024) /* in hand at once */

/* The bytes of one stream. */
typedef struct FlightKey {
        uint64_t generation;
        uint32_t slot;
        uint32_t stream;
} FlightKey;

/* What a predecessor had in hand. */
typedef struct FlightRest {
        FlightKey key;
        uint64_t bytes; /* 0: nothing */
        uint64_t done;  /* of them sent to the journal */
        uint64_t start;
        uint64_t file_size;
} FlightRest;

/* flight_begin() - @bytes of @key are about to be stored. @file_size: 0 without a file. */
void flight_begin(const RingSet *rings, const FlightKey *key, size_t bytes, uint64_t file_size);

/* flight_advance() - @bytes more of them were sent to the journal. */
void flight_advance(const RingSet *rings, size_t bytes);

/* flight_end() - they were stored, and taken out of the pipe. */
void flight_end(const RingSet *rings);

/* flight_rest() - what a predecessor left, checked; at the start only. */
FlightRest flight_rest(const RingSet *rings);

/**
 * flight_was_stored() - whether the predecessor stored these bytes in the ring, and did not take
 * them out
 * @data: the first @size bytes in the pipe now
 *
 * Return: true if the first @rest->bytes of @data stand in the ring where the predecessor put them.
 */
bool flight_was_stored(const RingSet *rings, const FlightRest *rest, const char *data, size_t size);
