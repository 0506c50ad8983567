#include "supervisord/kernel/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define CLIENTS_WAITING_MAX 256

static int address_of(const Kernel *kernel, struct sockaddr_un *ret)
{
        int n;

        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/" CONTROL_SOCKET,
                     kernel->runtime_dir);
        if (n < 0 || (size_t)n >= sizeof(ret->sun_path)) {
                log_error("%s/" CONTROL_SOCKET ": a socket's path has at most %zu bytes; choose a "
                          "shorter --runtime-dir",
                          kernel->runtime_dir, sizeof(ret->sun_path) - 1);
                return -ENAMETOOLONG;
        }
        return 0;
}

/* The mode is right from the first moment on. */
static int bind_with_mode(int fd, const struct sockaddr_un *address, mode_t mode)
{
        mode_t before = umask(~mode & 0777);
        int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

        (void)umask(before);
        return r;
}

int control_open(Kernel *kernel)
{
        bool has_group = kernel->admin_gid != (gid_t)-1;
        _cleanup_(closep) int fd = -1;
        struct sockaddr_un address;
        int r;

        r = address_of(kernel, &address);
        if (r < 0)
                return r;
        (void)unlink(address.sun_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        r = bind_with_mode(fd, &address, has_group ? 0660 : 0600);
        if (r < 0)
                return r;
        if ((has_group && chown(address.sun_path, (uid_t)-1, kernel->admin_gid) < 0) ||
            listen(fd, CLIENTS_WAITING_MAX) < 0)
                return -errno;
        kernel->control_fd = fcntl(fd, F_DUPFD_CLOEXEC, FD_RAISED);
        return kernel->control_fd < 0 ? -errno : 0;
}

void control_close(Kernel *kernel)
{
        struct sockaddr_un address;

        if (kernel->control_fd < 0)
                return;
        kernel->control_fd = close_fd(kernel->control_fd);
        if (address_of(kernel, &address) == 0)
                (void)unlink(address.sun_path);
}
