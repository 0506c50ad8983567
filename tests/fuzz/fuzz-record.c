/*
 * Records from a peer that sends anything: none is taken that is not one, and no descriptor is left
 * open. The first byte says how many descriptors come along.
 */
#include "tests/fuzz/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "protocols/record.h"

#define FDS_MAX 4u

static int send_any(int fd, const uint8_t *data, size_t size, unsigned fd_count)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        } control = {0};
        union {
                const uint8_t *borrowed;
                void *base;
        } bytes = {.borrowed = data};
        struct iovec part = {.iov_base = bytes.base, .iov_len = size};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        if (fd_count > 0) {
                int fds[FDS_MAX] = {fd, fd, fd, fd};
                struct cmsghdr *header = &control.header;

                message.msg_control = control.bytes;
                message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
                memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
        }
        return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The lowest number that is free; it rises when something is left open. */
static int free_fd(int any_fd)
{
        int fd = fcntl(any_fd, F_DUPFD_CLOEXEC, 0);

        (void)close(fd);
        return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(closep) int near = -1;
        _cleanup_(closep) int far = -1;
        int pair[2], fds[2], lowest, r;
        Record record;

        if (size < 2 || size > 8192 ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return 0;
        near = pair[0];
        far = pair[1];
        lowest = free_fd(near);
        if (send_any(far, data + 1, size - 1, data[0] % (FDS_MAX + 1)) < 0)
                return 0;
        r = record_receive(near, &record, fds);
        if (r == 1 && (size - 1 != sizeof(record) || record.type == RECORD_NONE ||
                       record.type >= RECORD_TYPE_COUNT))
                abort();
        if (r != 1 && (fds[0] >= 0 || fds[1] >= 0))
                abort();
        closep(&fds[0]);
        closep(&fds[1]);
        if (free_fd(near) != lowest)
                abort();
        if (record_receive(near, &record, fds) != -EAGAIN)
                abort();
        return 0;
}
