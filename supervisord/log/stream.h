#pragma once
/*
 * The output of children: one pipe each, into the slot's ring, and into a file or the journal. A
 * stream is (slot, generation, 1 or 2). It ends with the last writer of the pipe, or when the
 * kernel says so.
 *
 * Fair: a stream gets FLIGHT_BYTES_MAX at a time, then the next one's turn. A stream at rest costs
 * its struct and an epoll entry, and wakes nobody.
 *
 * Context: loop.
 */

#include "protocols/record.h"
#include "protocols/ring.h"
#include "supervisord/log/file.h"
#include "supervisord/log/flight.h"
#include "supervisord/log/journal.h"

#include <systemd/sd-event.h>

typedef struct Stream Stream;

/* All streams, and where their bytes go. */
typedef struct StreamTable {
        sd_event *event;
        RingSet rings;
        Journal journal;
        Complaint journal_complaint;
        FileTable files;
        FlightRest rest;  /* of a predecessor, until its stream is announced */
        Stream **streams; /* two for each slot up to slot_count */
        uint32_t slot_count;
        char *chunk;     /* FLIGHT_BYTES_MAX: what is in hand */
        int peek_fds[2]; /* a pipe that chunks are copied through */
        int null_fd;
        int moved_fd; /* eventfd: a followed ring moved; borrowed */
        sd_event_source *moved;
} StreamTable;

#define STREAM_TABLE_NULL \
        ((StreamTable){   \
                .journal = JOURNAL_NULL, .null_fd = -1, .peek_fds = {-1, -1}, .moved_fd = -1})

/**
 * stream_table_init() - no streams
 * @event:    borrowed; must outlive the table
 * @rings_fd: borrowed
 * @moved_fd: borrowed
 *
 * Return: 0; a negative errno, and then @table may only be deinited.
 */
int stream_table_init(StreamTable *table, sd_event *event, int rings_fd, int moved_fd);

/* stream_table_deinit() - read what is in the pipes, without waiting, and close all. */
void stream_table_deinit(StreamTable *table);

/**
 * stream_open() - RECORD_LOG_OPEN
 * @record:  checked here: nothing in it is trusted
 * @take_fd: the pipe; -1 afterwards
 *
 * One that is known already keeps its pipe and takes over what else the record says. One of an
 * older generation is drained and closed first.
 *
 * Return: 0; -EINVAL for a malformed record or what is no pipe; -ESTALE for a past generation;
 * -ENOMEM or another negative errno.
 */
int stream_open(StreamTable *table, const Record *record, int *take_fd);

/* stream_close() - RECORD_LOG_CLOSE: read what is there, without waiting, and close. Stream 0:
 * both. */
void stream_close(StreamTable *table, const Record *record);

/* stream_drop() - RECORD_LOG_DROP: the slot is free. */
void stream_drop(StreamTable *table, const Record *record);
