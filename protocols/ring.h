#pragma once
/*
 * The log rings: one memfd of fixed geometry that the kernel makes and keeps. gend-log appends,
 * gend-supervisor reads at any time without asking, so that neither waits for the other and the
 * last lines survive gend-log. A ring belongs to a slot and lives on over its generations.
 *
 * Layout: one page with RingHead, then LIMIT_SLOTS rings of one page with RingMeta and ring_bytes
 * of data each. Pages never touched cost nothing. Positions count bytes ever written and only grow;
 * the ring holds the last ring_bytes of them.
 *
 * The writer claims, stores, publishes: it raises RingMeta.claimed before it touches the first byte
 * and RingMeta.written after the last. A reader copies up to written and looks at claimed
 * afterwards: what lies more than ring_bytes before it may have changed under the copy and is
 * thrown away. Both move data with atomic release stores and acquire loads, so whoever saw a new
 * byte sees the claim for it. A writer that died between the two leaves a claim, which its
 * successor respects. The reader trusts no number it finds: the worst that a wild one does is a
 * wrong text.
 */

#include "base/usec.h"
#include "protocols/limits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_BYTES_MIN 4096u
#define RING_BYTES_MAX (16u * 1024 * 1024)

/* What gend-log has in hand: bytes copied from a pipe and not yet taken out of it. If it dies
 * there, its successor reads here how far it got (supervisord/log/flight.c). Nobody else looks. */
typedef struct RingFlight {
        _Atomic uint64_t bytes; /* 0: nothing in hand; written last, cleared last */
        _Atomic uint64_t done;  /* of them sent to the journal */
        uint64_t generation;
        uint64_t start;     /* ring position of the first byte */
        uint64_t file_size; /* of the file before it was written to */
        uint32_t slot;
        uint32_t stream;
} RingFlight;

typedef struct RingHead {
        uint32_t magic;
        uint32_t ring_bytes;        /* capacity of one ring; a power of two */
        _Atomic uint32_t followers; /* clients that follow, says gend-supervisor; 0: no events */
        RingFlight flight;
} RingHead;

typedef struct RingMeta {
        _Atomic uint64_t claimed; /* bytes up to here may be overwritten at any moment */
        _Atomic uint64_t written; /* bytes ever appended */
        _Atomic uint64_t dropped; /* bytes that could not be stored in the file or journal */
        _Atomic uint64_t begin;   /* where this child begins: earlier bytes were another's */
} RingMeta;

typedef struct RingSet {
        void *map;
        size_t map_bytes;
        uint32_t ring_bytes; /* checked when opened; the one in the map is not looked at again */
        bool is_writer;
} RingSet;

#define RING_SET_NULL ((RingSet){0})

/**
 * ring_set_create() - size a new memfd and write its head
 * @fd:         borrowed; where it allows seals (MFD_ALLOW_SEALING), its size is sealed, so that no
 *              process that has it can make another one fault
 * @ring_bytes: a power of two, RING_BYTES_MIN to RING_BYTES_MAX
 *
 * Context: the kernel only, once.
 * Return: 0; -EINVAL for another @ring_bytes; another negative errno.
 */
int ring_set_create(int fd, uint32_t ring_bytes);

/**
 * ring_set_open() - map all rings
 * @fd:        borrowed; may be closed afterwards
 * @is_writer: true in gend-log alone, of which there is one at a time
 * @ret_set:   unmap with ring_set_close()
 *
 * Return: 0; -EPROTO for what ring_set_create() has not made; another negative errno.
 */
int ring_set_open(int fd, bool is_writer, RingSet *ret_set);

/* ring_set_close() - accepts RING_SET_NULL, and leaves it. */
void ring_set_close(RingSet *set);

/* ring_append() - writer only. Never fails: old bytes give way. A @slot that does not exist is
 * ignored. */
void ring_append(RingSet *set, uint32_t slot, const void *data, size_t size);

/* ring_count_dropped() - writer only: @bytes were read from the child, and stored here but nowhere
 * else. */
void ring_count_dropped(RingSet *set, uint32_t slot, uint64_t bytes);

/* ring_written() - writer only: the position of the next byte; 0 for a slot that does not exist. */
uint64_t ring_written(const RingSet *set, uint32_t slot);

/* ring_reset() - writer only: the slot has a new owner; the memory goes back to the system.
 * Positions go on from where they were; dropped begins at 0. */
void ring_reset(RingSet *set, uint32_t slot);

/* ring_flight() - writer only: in the map, lives as long as @set. */
RingFlight *ring_flight(const RingSet *set);

typedef struct RingView {
        uint64_t position; /* of the first byte copied */
        uint64_t end;      /* position after the last byte copied */
        uint64_t lost; /* bytes of this child between the position asked for and the first copied */
        uint64_t dropped; /* RingMeta.dropped */
        size_t size;
} RingView;

/**
 * ring_read() - copy what is there from @position on
 * @position: of the first byte wanted; 0 for the oldest there is. Beyond the end counts as the end.
 * @buffer:   at least ring_bytes long for all of it; a shorter one gets the first @size bytes, and
 *            view.end is where to go on
 *
 * Takes no lock and never waits for the writer; it tries again a few times when overtaken, and
 * answers with size 0 and what was lost if it is overtaken again and again.
 *
 * Context: any process, any thread.
 * Return: 0, also when nothing is new (size 0); -ERANGE for a slot that does not exist.
 */
int ring_read(const RingSet *set, uint32_t slot, uint64_t position, void *buffer, size_t size,
              RingView *ret_view);

/* ring_set_followers() - gend-supervisor only: how many clients follow some ring now. */
void ring_set_followers(RingSet *set, uint32_t count);

/* ring_has_followers() - writer only. */
bool ring_has_followers(const RingSet *set);
