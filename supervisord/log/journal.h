#pragma once
/*
 * The journal in its native protocol: one datagram per line, with fields. The socket holds a few
 * hundred lines at most, so a burst waits until journald has taken some: never for more than half
 * of the time, and not at all while it seems to hang. What it does not take then is refused, and
 * the caller counts it.
 *
 * Environment: JOURNAL_STREAM, set by systemd, says that there is a journal to write to at all;
 * GEND_JOURNAL_SOCKET names a socket in place of /run/systemd/journal/socket (for tests and for
 * journal namespaces).
 *
 * Context: loop.
 */

#include "base/usec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

typedef struct Journal {
        int fd; /* -1: there is none */
        struct sockaddr_un address;
        usec_t period_usec; /* began then */
        usec_t waited_usec; /* in this period */
        bool hangs;         /* took nothing for as long as we wait, and since */
} Journal;

#define JOURNAL_NULL ((Journal){.fd = -1})

/* Whose line it is. */
typedef struct JournalOrigin {
        const char *path; /* in the tree; no control characters */
        uint64_t generation;
        uint32_t stream;
        int32_t pid; /* 0: not known */
} JournalOrigin;

enum {
        JOURNAL_E_NONE = 1, /* not under systemd, or no such socket */
};

/* journal_open() - Return: 0; JOURNAL_E_NONE (@journal is JOURNAL_NULL); a negative errno. */
int journal_open(Journal *journal);

void journal_close(Journal *journal);

/* journal_is_open() - whether lines go to the journal. */
bool journal_is_open(const Journal *journal);

/* journal_priority() - take "<N>" off the beginning of a line. Return: N, else LOG_INFO. */
int journal_priority(const char **text, size_t *size);

/**
 * journal_send() - one line
 * @text: any bytes, no newline needed at the end
 *
 * Return: 0; -EAGAIN when journald does not keep up; another negative errno.
 */
int journal_send(Journal *journal, const JournalOrigin *origin, int priority, const char *text,
                 size_t size);
