#include "protocols/record.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define RECORD_FDS 2u

static const char *const step_names[SPAWN_STEP_COUNT] = {
        [SPAWN_STEP_NONE] = "none",     [SPAWN_STEP_SPEC] = "specification",
        [SPAWN_STEP_PIPE] = "pipe",     [SPAWN_STEP_NOTIFY] = "notify socket",
        [SPAWN_STEP_LISTEN] = "listen", [SPAWN_STEP_CGROUP] = "cgroup",
        [SPAWN_STEP_FORK] = "fork",     [SPAWN_STEP_SESSION] = "session",
        [SPAWN_STEP_STDIO] = "stdio",   [SPAWN_STEP_LIMITS] = "limits",
        [SPAWN_STEP_NICE] = "nice",     [SPAWN_STEP_GROUP] = "group",
        [SPAWN_STEP_USER] = "user",     [SPAWN_STEP_PRIVS] = "privileges",
        [SPAWN_STEP_CWD] = "cwd",       [SPAWN_STEP_EXEC] = "exec",
};

const char *spawn_step_name(uint32_t step)
{
        return step < SPAWN_STEP_COUNT ? step_names[step] : "?";
}

typedef union RecordControl {
        struct cmsghdr header; /* alignment */
        char bytes[CMSG_SPACE(RECORD_FDS * sizeof(int))];
} RecordControl;

int record_send(int socket_fd, const Record *record, const int fds[], unsigned fd_count)
{
        RecordControl control = {0};
        struct iovec iov;
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        Record copy = *record; /* an iovec has no const */

        if (fd_count > RECORD_FDS)
                return -EINVAL;
        iov = (struct iovec){.iov_base = &copy, .iov_len = sizeof(copy)};
        if (fd_count > 0) {
                struct cmsghdr *header;

                message.msg_control = control.bytes;
                message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
                header = CMSG_FIRSTHDR(&message);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
                memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
        }
        while (sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
                if (errno == EINTR)
                        continue;
                return errno == ECONNRESET ? -EPIPE : -errno;
        }
        return 0;
}

static void close_all(int fds[RECORD_FDS])
{
        for (unsigned i = 0; i < RECORD_FDS; i++)
                fds[i] = close_fd(fds[i]);
}

/* The descriptors of one message. The buffer has room for RECORD_FDS (and padding): the kernel
 * closes what does not fit. */
static void take_fds(struct msghdr *message, int ret_fds[RECORD_FDS])
{
        unsigned count = 0;

        for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
             header = CMSG_NXTHDR(message, header)) {
                size_t bytes = header->cmsg_len - CMSG_LEN(0);

                if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(header) + at, sizeof(fd));
                        if (count < RECORD_FDS)
                                ret_fds[count++] = fd;
                        else
                                (void)close_fd(fd);
                }
        }
}

int record_receive(int socket_fd, Record *ret_record, int ret_fds[2])
{
        RecordControl control;
        struct iovec iov = {.iov_base = ret_record, .iov_len = sizeof(*ret_record)};
        struct msghdr message;
        ssize_t size;

        ret_fds[0] = ret_fds[1] = -1;
        for (;;) {
                message = (struct msghdr){.msg_iov = &iov,
                                          .msg_iovlen = 1,
                                          .msg_control = control.bytes,
                                          .msg_controllen = sizeof(control.bytes)};
                size = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
                if (size >= 0)
                        break;
                /* ECONNRESET: the peer died with unread records of ours. What it had sent is still
                 * queued behind this error. */
                if (errno != EINTR && errno != ECONNRESET)
                        return -errno;
        }
        take_fds(&message, ret_fds);
        /* An empty message cannot be told from the end; no peer of ours sends one. */
        if (size == 0) {
                close_all(ret_fds);
                return 0;
        }
        if (size != sizeof(*ret_record) || (message.msg_flags & MSG_TRUNC) ||
            ret_record->type == RECORD_NONE || ret_record->type >= RECORD_TYPE_COUNT) {
                close_all(ret_fds);
                return -EPROTO;
        }
        return 1;
}
