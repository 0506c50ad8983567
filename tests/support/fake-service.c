/*
 * Stands in for gend-supervisor or gend-log, by the name it is called: hands the descriptors that
 * gend gave it to the test that listens on $GEND_DOUBLE_SOCKET, and stays until the test hangs up.
 * The test speaks for it. Without a listener it ends at once.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocols/record.h"
#include "tests/support/fake-service.h"

static int send_all(int fd, const char *name)
{
        FakeHello hello = {.pid = getpid()};
        int fds[FAKE_FDS] = {SERVICE_FD_KERNEL, SERVICE_FD_PAGE, SERVICE_FD_RINGS,
                             SERVICE_FD_LOG_EVENT, SERVICE_FD_CHECKPOINT};
        unsigned count = fcntl(SERVICE_FD_CHECKPOINT, F_GETFD) >= 0 ? FAKE_FDS : FAKE_FDS - 1;
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(fds))];
        } control = {0};
        struct iovec iov = {.iov_base = &hello, .iov_len = sizeof(hello)};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);

        strncpy(hello.name, name, sizeof(hello.name) - 1);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, count * sizeof(int));
        return sendmsg(fd, &message, MSG_NOSIGNAL) == sizeof(hello) ? 0 : -1;
}

int main(_unused_ int argc, char *argv[])
{
        const char *path = getenv("GEND_DOUBLE_SOCKET");
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const char *slash = strrchr(argv[0], '/');
        char byte;
        int fd;

        if (!path || strlen(path) >= sizeof(address.sun_path))
                return 3;
        memcpy(address.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            send_all(fd, slash ? slash + 1 : argv[0]) < 0)
                return 4;
        for (int i = SERVICE_FD_KERNEL; i <= SERVICE_FD_CHECKPOINT; i++)
                (void)close(i == fd ? -1 : i);
        return read(fd, &byte, 1) == 0 ? 0 : 5;
}
