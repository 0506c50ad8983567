#pragma once
/*
 * The record socket to gend: what comes in is handed over one record at a time, what goes out waits
 * here until the turn's commit is done. Home: the loop.
 */

#include "protocols/record.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Outgoing {
        Record record;
        int fd; /* owned; -1: none */
} Outgoing;

typedef struct KernelLink {
        int fd; /* owned */
        Outgoing *queue;
        size_t count;
        size_t room;
        size_t sent; /* of the queue, already gone */
} KernelLink;

/* kernel_link_queue() - an order, sent by the next flush. @take_fd (may be NULL) is taken in any
 * case. Return: 0; -ENOMEM. */
int kernel_link_queue(KernelLink *link, const Record *record, int *take_fd);

/* kernel_link_flush() - send what is queued. Return: 0; 1 when the socket is full and must be
 * waited for; a negative errno. */
int kernel_link_flush(KernelLink *link);

/* kernel_link_send_now() - past the queue, waiting for the socket where need be, for a few seconds
 * at most. @fd: borrowed; -1: none. Return: 0 or a negative errno. */
int kernel_link_send_now(KernelLink *link, const Record *record, int fd);
