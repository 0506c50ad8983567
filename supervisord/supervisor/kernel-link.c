#include "supervisord/supervisor/kernel-link.h"

#include "base/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define SEND_TIMEOUT_MSEC 5000
#define KEEP_ROOM         64

int kernel_link_queue(KernelLink *link, const Record *record, int *take_fd)
{
        _cleanup_(closep) int fd = take_fd ? steal_fd(take_fd) : -1;

        if (link->count == link->room) {
                size_t room = link->room ? link->room * 2 : 8;
                Outgoing *grown = reallocarray(link->queue, room, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                link->queue = grown;
                link->room = room;
        }
        link->queue[link->count++] = (Outgoing){.record = *record, .fd = steal_fd(&fd)};
        return 0;
}

int kernel_link_flush(KernelLink *link)
{
        while (link->sent < link->count) {
                Outgoing *next = &link->queue[link->sent];
                int r = record_send(link->fd, &next->record, &next->fd, next->fd >= 0 ? 1 : 0);

                if (r == -EAGAIN)
                        return 1;
                if (r < 0)
                        return r;
                next->fd = close_fd(next->fd);
                link->sent++;
        }
        link->sent = link->count = 0;
        if (link->room > KEEP_ROOM) { /* a burst is over; records are large */
                free(link->queue);
                link->queue = NULL;
                link->room = 0;
        }
        return 0;
}

int kernel_link_send_now(KernelLink *link, const Record *record, int fd)
{
        for (;;) {
                struct pollfd poll_fd = {.fd = link->fd, .events = POLLOUT};
                int r = record_send(link->fd, record, &fd, fd >= 0 ? 1 : 0);

                if (r != -EAGAIN)
                        return r;
                r = poll(&poll_fd, 1, SEND_TIMEOUT_MSEC);
                if (r == 0)
                        return -ETIMEDOUT;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
}
