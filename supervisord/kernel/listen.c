#include "supervisord/kernel/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"

static Listener *free_place(Kernel *kernel)
{
        for (size_t i = 0; i < LIMIT_LISTENERS; i++)
                if (kernel->listeners[i].fd < 0)
                        return &kernel->listeners[i];
        return NULL;
}

static void listener_close(Listener *listener)
{
        struct stat st;

        if (listener->unlink_path && lstat(listener->unlink_path, &st) == 0 &&
            st.st_dev == listener->device && st.st_ino == listener->inode)
                (void)unlink(listener->unlink_path);
        free(listener->unlink_path);
        free(listener->name);
        (void)close_fd(listener->fd);
        *listener = (Listener){.fd = -1};
}

int listen_init(Kernel *kernel)
{
        char **names = NULL;
        int count;

        for (size_t i = 0; i < LIMIT_LISTENERS; i++)
                kernel->listeners[i].fd = -1;
        count = sd_listen_fds_with_names(1, &names);
        for (int i = 0; i < count; i++) {
                Listener *listener = free_place(kernel);
                struct sockaddr_storage address = {0};
                socklen_t size = sizeof(address), type_size = sizeof(listener->socktype);
                int fd = SD_LISTEN_FDS_START + i;
                int raised = listener ? fcntl(fd, F_DUPFD_CLOEXEC, FD_RAISED) : -1;

                (void)close_fd(fd);
                if (raised < 0) {
                        free(names[i]);
                        continue;
                }
                *listener = (Listener){.fd = raised, .name = names[i]};
                (void)getsockopt(raised, SOL_SOCKET, SO_TYPE, &listener->socktype, &type_size);
                if (getsockname(raised, (struct sockaddr *)&address, &size) == 0 &&
                    size <= sizeof(listener->address)) {
                        memcpy(listener->address, &address, size);
                        listener->address_len = size;
                }
        }
        free(names);
        return count < 0 ? count : 0;
}

static bool has_address(const Listener *listener, uint32_t socktype, const unsigned char *address,
                        uint32_t size)
{
        return listener->fd >= 0 && listener->socktype == socktype &&
               listener->address_len == size && memcmp(listener->address, address, size) == 0;
}

static Listener *find(Kernel *kernel, uint32_t socktype, const unsigned char *address,
                      uint32_t size)
{
        for (size_t i = 0; i < LIMIT_LISTENERS; i++)
                if (has_address(&kernel->listeners[i], socktype, address, size))
                        return &kernel->listeners[i];
        return NULL;
}

/* One that the service manager named so. From now on it answers to the address asked for. */
static Listener *find_named(Kernel *kernel, const SpawnSocket *wanted)
{
        for (size_t i = 0; i < LIMIT_LISTENERS; i++) {
                Listener *listener = &kernel->listeners[i];

                if (listener->fd < 0 || !listener->name || listener->socktype != wanted->socktype ||
                    strcmp(listener->name, wanted->name) != 0)
                        continue;
                memcpy(listener->address, wanted->address, wanted->address_len);
                listener->address_len = wanted->address_len;
                free(listener->name);
                listener->name = NULL;
                return listener;
        }
        return NULL;
}

/* The path of a socket in the file system; NULL for any other address. */
static char *unix_path(const SpawnSocket *wanted)
{
        size_t offset = offsetof(struct sockaddr_un, sun_path);
        const char *path = (const char *)wanted->address + offset;
        sa_family_t family;

        memcpy(&family, wanted->address, sizeof(family));
        if (family != AF_UNIX || wanted->address_len <= offset || path[0] == '\0')
                return NULL;
        return strndup(path, wanted->address_len - offset);
}

/* A socket file that nobody listens on any more. */
static void remove_stale(const char *path, const SpawnSocket *wanted)
{
        _cleanup_(closep) int fd = -1;
        struct stat st;

        if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
                return;
        fd = socket(AF_UNIX, (int)wanted->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 &&
            connect(fd, (const struct sockaddr *)(const void *)wanted->address,
                    wanted->address_len) < 0 &&
            errno == ECONNREFUSED)
                (void)unlink(path);
}

static int bind_and_listen(int fd, const SpawnSocket *wanted)
{
        int one = 1;

        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (const struct sockaddr *)(const void *)wanted->address, wanted->address_len) <
            0)
                return -errno;
        if (wanted->socktype != SOCK_DGRAM && listen(fd, SOMAXCONN) < 0)
                return -errno;
        return 0;
}

static int open_raised(const SpawnSocket *wanted)
{
        _cleanup_(closep) int fd = -1;
        sa_family_t family;
        int raised;

        memcpy(&family, wanted->address, sizeof(family));
        fd = socket(family, (int)wanted->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        raised = fcntl(fd, F_DUPFD_CLOEXEC, FD_RAISED);
        return raised < 0 ? -errno : raised;
}

static int listener_open(Listener *listener, const SpawnSocket *wanted)
{
        _cleanup_(freep) char *path = unix_path(wanted);
        _cleanup_(closep) int fd = -1;
        struct stat st = {0};
        int r;

        if (path)
                remove_stale(path, wanted);
        fd = open_raised(wanted);
        if (fd < 0)
                return fd;
        r = bind_and_listen(fd, wanted);
        if (r < 0)
                return r;
        if (path)
                (void)lstat(path, &st);
        *listener = (Listener){.fd = steal_fd(&fd),
                               .socktype = wanted->socktype,
                               .address_len = wanted->address_len,
                               .unlink_path = steal_ptr(path),
                               .device = st.st_dev,
                               .inode = st.st_ino};
        memcpy(listener->address, wanted->address, wanted->address_len);
        return 0;
}

int listen_get(Kernel *kernel, const SpawnSocket *wanted, int *ret_fd)
{
        Listener *listener = find(kernel, wanted->socktype, wanted->address, wanted->address_len);
        int r;

        if (!listener)
                listener = find_named(kernel, wanted);
        if (!listener) {
                listener = free_place(kernel);
                if (!listener)
                        return -ENOSPC;
                r = listener_open(listener, wanted);
                if (r < 0)
                        return r;
        }
        *ret_fd = listener->fd;
        return 0;
}

void listen_close(Kernel *kernel, const RecordListen *which)
{
        Listener *listener = NULL;

        if (which->address_len <= sizeof(which->address))
                listener = find(kernel, which->socktype, which->address, which->address_len);
        if (listener)
                listener_close(listener);
}

void listen_deinit(Kernel *kernel)
{
        for (size_t i = 0; i < LIMIT_LISTENERS; i++)
                listener_close(&kernel->listeners[i]);
}
