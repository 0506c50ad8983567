/*
 * Datagrams for journald, written by hand: sd_journal_sendv() waits without end when journald
 * hangs, and whoever reads the output of all children must not. Called by stream.c.
 */
#include "supervisord/log/journal.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "protocols/limits.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

#define WAIT_USEC_MAX    (100 * USEC_PER_MSEC) /* at once */
#define WAIT_PERIOD_USEC USEC_PER_SEC
#define WAIT_BUDGET_USEC (WAIT_PERIOD_USEC / 2)

/* Path and identifier, and the rest with its numbers. */
#define FIELDS_BYTES (2 * LIMIT_PATH_BYTES + 256)

int journal_open(Journal *journal)
{
        const char *path = getenv("GEND_JOURNAL_SOCKET");
        const char *stream = getenv("JOURNAL_STREAM");
        struct stat st;

        *journal = JOURNAL_NULL;
        if (!path)
                path = JOURNAL_SOCKET;
        if (!stream || stream[0] == '\0' || stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
                return JOURNAL_E_NONE;
        if (strlen(path) >= sizeof(journal->address.sun_path))
                return -ENAMETOOLONG;
        journal->address.sun_family = AF_UNIX;
        memcpy(journal->address.sun_path, path, strlen(path) + 1);
        journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return journal->fd < 0 ? -errno : 0;
}

void journal_close(Journal *journal)
{
        closep(&journal->fd);
}

bool journal_is_open(const Journal *journal)
{
        return journal->fd >= 0;
}

int journal_priority(const char **text, size_t *size)
{
        const char *at = *text;

        if (*size < 3 || at[0] != '<' || at[1] < '0' || at[1] > '7' || at[2] != '>')
                return LOG_INFO;
        *text += 3;
        *size -= 3;
        return at[1] - '0';
}

/* Whether @text may stand behind MESSAGE= as it is. */
static bool is_plain(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
                        return false;
        return true;
}

static size_t write_fields(const JournalOrigin *origin, int priority, char fields[FIELDS_BYTES])
{
        const char *slash = strrchr(origin->path, '/');
        char pid[32] = "";
        int n;

        if (origin->pid > 0)
                (void)snprintf(pid, sizeof(pid), "GEND_CHILD_PID=%" PRId32 "\n", origin->pid);
        n = snprintf(fields, FIELDS_BYTES,
                     "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nGEND_PATH=%s\n%sGEND_GENERATION=%" PRIu64
                     "\nGEND_STREAM=%" PRIu32 "\n",
                     priority, slash ? slash + 1 : origin->path, origin->path, pid,
                     origin->generation, origin->stream);
        return n < 0 ? 0 : MIN_OF((size_t)n, (size_t)FIELDS_BYTES - 1);
}

/* The queue is full. Return: whether there is room now. */
static bool journal_wait(Journal *journal)
{
        struct pollfd room = {.fd = journal->fd, .events = POLLOUT};
        usec_t now = now_usec(), left;
        int n;

        if (usec_sub(now, journal->period_usec) >= WAIT_PERIOD_USEC) {
                journal->period_usec = now;
                journal->waited_usec = 0;
        }
        left = usec_sub(WAIT_BUDGET_USEC, journal->waited_usec);
        left = MIN_OF(left, WAIT_USEC_MAX);
        if (journal->hangs || left < USEC_PER_MSEC)
                return false;
        /* Only a connected socket can say that its peer's queue has room. */
        if (connect(journal->fd, (const struct sockaddr *)&journal->address,
                    sizeof(journal->address)) < 0)
                return false;
        n = poll(&room, 1, (int)(left / USEC_PER_MSEC));
        journal->waited_usec += now_usec() - now;
        journal->hangs = n == 0 && left == WAIT_USEC_MAX;
        return n > 0;
}

int journal_send(Journal *journal, const JournalOrigin *origin, int priority, const char *text,
                 size_t size)
{
        static char text_name[] = "MESSAGE=", bytes_name[] = "MESSAGE\n", newline[] = "\n";
        bool plain = is_plain(text, size);
        uint64_t prefix = htole64(size);
        char fields[FIELDS_BYTES];
        struct sockaddr_un address = journal->address;
        union {
                const char *borrowed;
                void *base; /* an iovec has no const */
        } message = {.borrowed = text};
        struct iovec parts[] = {
                {.iov_base = fields, .iov_len = write_fields(origin, priority, fields)},
                {.iov_base = plain ? text_name : bytes_name, .iov_len = sizeof(text_name) - 1},
                {.iov_base = &prefix, .iov_len = plain ? 0 : sizeof(prefix)},
                {.iov_base = message.base, .iov_len = size},
                {.iov_base = newline, .iov_len = 1},
        };
        struct msghdr datagram = {
                .msg_name = &address,
                .msg_namelen = sizeof(address),
                .msg_iov = parts,
                .msg_iovlen = ARRAY_LEN(parts),
        };

        while (sendmsg(journal->fd, &datagram, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                if (!journal_wait(journal))
                        return -EAGAIN;
        }
        journal->hangs = false;
        return 0;
}
