#pragma once
/*
 * The log rings: one memfd of fixed geometry that the kernel makes and keeps. gend-log appends,
 * gend-supervisor reads at any time without asking, so that neither waits for the other and the last
 * lines survive gend-log. A ring belongs to a slot and lives on over its generations.
 *
 * Layout: one RingHead page, then LIMIT_SLOTS rings of (RingMeta + bytes) each, page aligned. Pages
 * never touched cost nothing. Positions count bytes ever written and only grow; the ring holds the
 * last RingHead.ring_bytes of them. A reader copies first and checks afterwards whether the writer has
 * overtaken what it copied. It trusts no number it finds.
 */

#include "base/usec.h"
#include "protocols/limits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct RingHead {
        uint32_t magic;
        uint32_t ring_bytes;            /* capacity of one ring; a power of two */
        _Atomic uint32_t followers;     /* written by gend-supervisor: clients that follow; 0: no events */
} RingHead;

typedef struct RingMeta {
        _Atomic uint64_t claimed;  /* bytes up to here may be overwritten at any moment */
        _Atomic uint64_t written;  /* bytes ever appended */
        _Atomic uint64_t dropped;  /* bytes that could not be stored in the file or journal */
        _Atomic uint64_t begin;    /* position of the slot's first byte: earlier ones were another child's */
} RingMeta;

typedef struct RingSet {
        void *map;
        size_t map_bytes;
        uint32_t ring_bytes;
        bool is_writer;
} RingSet;

#define RING_SET_NULL ((RingSet){ 0 })

/* ring_set_create() - size the memfd @fd and write its head. Kernel only. Return: 0 or a negative errno. */
int ring_set_create(int fd, uint32_t ring_bytes);

/* ring_set_open() - map @fd (borrowed). Return: 0; -EPROTO for a wrong head; another negative errno. */
int ring_set_open(int fd, bool is_writer, RingSet *ret_set);

void ring_set_close(RingSet *set);

/* ring_append() - writer only. Never fails: old bytes give way. */
void ring_append(RingSet *set, uint32_t slot, const void *data, size_t size);

/* ring_count_dropped() - writer only: @bytes were read from the child, and stored here but nowhere else. */
void ring_count_dropped(RingSet *set, uint32_t slot, uint64_t bytes);

/* ring_reset() - writer only: the slot has a new owner; the memory goes back to the system. */
void ring_reset(RingSet *set, uint32_t slot);

typedef struct RingView {
        uint64_t position; /* of the first byte copied */
        uint64_t end;      /* position after the last byte copied */
        uint64_t lost;     /* bytes between the position asked for and the first copied */
        uint64_t dropped;
        size_t size;
} RingView;

/**
 * ring_read() - copy what is there from @position on
 * @position: 0 for the oldest there is
 * @buffer:   at least ring_bytes long for all of it
 *
 * Return: 0, also when nothing is new (size 0); -ERANGE for a slot that does not exist.
 */
int ring_read(const RingSet *set, uint32_t slot, uint64_t position, void *buffer, size_t size,
              RingView *ret_view);

/* ring_set_followers() - gend-supervisor only: how many clients follow some ring now. */
void ring_set_followers(RingSet *set, uint32_t count);

/* ring_has_followers() - writer only. */
bool ring_has_followers(const RingSet *set);
