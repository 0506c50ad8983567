#include "supervisord/kernel/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/text.h"
#include "supervisord/kernel/slot.h"

#define DATAGRAMS_MAX 16 /* read in one turn; more wait for the next */
#define FDS_MAX       16

/* Names are drawn in batches: one system call for many spawns. */
static int random_name(char ret_name[NOTIFY_NAME_BYTES])
{
        static uint64_t pool[16];
        static size_t left;

        if (left == 0) {
                if (getrandom(pool, sizeof(pool), GRND_NONBLOCK) != sizeof(pool))
                        return -EAGAIN;
                left = ARRAY_LEN(pool);
        }
        (void)snprintf(ret_name, NOTIFY_NAME_BYTES, "gend/%016" PRIx64, pool[--left]);
        return 0;
}

/* --- What it may say --- */

/* The bytes of one well-formed UTF-8 character; 0 when it is none. */
static size_t utf8_size(const unsigned char *at)
{
        uint32_t least, code;
        size_t size;

        if (at[0] < 0x80)
                return 1;
        size = (at[0] & 0xe0) == 0xc0   ? 2
               : (at[0] & 0xf0) == 0xe0 ? 3
               : (at[0] & 0xf8) == 0xf0 ? 4
                                        : 0;
        if (size == 0)
                return 0;
        code = at[0] & (0x7fu >> size);
        for (size_t i = 1; i < size; i++) {
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (at[i] & 0x3fu);
        }
        least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
        return code >= least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? size : 0;
}

static bool is_control(const unsigned char *at)
{
        return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

static bool says_ready(Slot *slot, const char *value)
{
        if (strcmp(value, "1") != 0)
                return false;
        if ((slot->row.flags & (CHILD_IS_READY | CHILD_IS_RELOADING)) == CHILD_IS_READY)
                return true;
        if (!(slot->row.flags & CHILD_IS_READY)) {
                slot->row.ready_usec = now_usec();
                if (slot->watchdog_deadline == USEC_INFINITY)
                        notify_arm_watchdog(slot);
        }
        slot->row.flags |= CHILD_IS_READY;
        slot->row.flags &= ~(uint32_t)CHILD_IS_RELOADING;
        slot_touch(slot);
        return true;
}

static bool says_flag(Slot *slot, const char *value, ChildFlag flag)
{
        if (strcmp(value, "1") != 0)
                return false;
        if (!(slot->row.flags & flag))
                slot_touch(slot);
        slot->row.flags |= flag;
        return true;
}

static bool says_stopping(Slot *slot, const char *value)
{
        return says_flag(slot, value, CHILD_SAID_STOPPING);
}

static bool says_reloading(Slot *slot, const char *value)
{
        return says_flag(slot, value, CHILD_IS_RELOADING);
}

static bool says_status(Slot *slot, const char *value)
{
        char text[LIMIT_STATUS_BYTES + 1] = {0};
        size_t used = 0;

        for (const unsigned char *at = (const unsigned char *)value; *at;) {
                size_t size = utf8_size(at);

                if (size == 0)
                        return false;
                if (!is_control(at)) {
                        if (used + size > LIMIT_STATUS_BYTES)
                                break;
                        memcpy(text + used, at, size);
                        used += size;
                }
                at += size;
        }
        if (memcmp(text, slot->row.status_text, sizeof(text)) == 0)
                return true;
        memcpy(slot->row.status_text, text, sizeof(text));
        slot_touch(slot);
        return true;
}

static void watchdog_hit(Slot *slot)
{
        list_remove(&slot->watched);
        slot->row.flags |= CHILD_WATCHDOG_HIT;
        slot_touch(slot);
        slot_signal(slot, SIGNAL_MAIN, SIGABRT);
        slot_signal(slot, SIGNAL_MAIN, SIGCONT); /* one that is stopped could not even die of it */
}

static bool says_watchdog(Slot *slot, const char *value)
{
        bool is_trigger = strcmp(value, "trigger") == 0;

        if (!is_trigger && strcmp(value, "1") != 0)
                return false;
        if (is_trigger && (slot->row.flags & CHILD_IS_ALIVE))
                watchdog_hit(slot);
        else
                notify_arm_watchdog(slot);
        return true;
}

/* A new time counts at once if the old one did; 0 switches off. */
static bool says_watchdog_usec(Slot *slot, const char *value)
{
        bool is_counting = slot->watchdog_deadline != USEC_INFINITY || slot->row.ready_usec > 0;

        if (!text_to_number(value, 0, USEC_INFINITY - 1, &slot->watchdog_usec))
                return false;
        list_remove(&slot->watched);
        if (is_counting)
                notify_arm_watchdog(slot);
        return true;
}

static bool says_extend(Slot *slot, const char *value)
{
        uint64_t usec;

        if (!text_to_number(value, 0, USEC_INFINITY - 1, &usec))
                return false;
        slot->row.extend_usec = usec_add(now_usec(), usec);
        slot_touch(slot);
        return true;
}

static bool says_errno(Slot *slot, const char *value)
{
        uint64_t number;

        if (!text_to_number(value, 0, 4095, &number))
                return false;
        if (slot->row.notify_errno != number)
                slot_touch(slot);
        slot->row.notify_errno = (uint32_t)number;
        return true;
}

/* gend starts every process that it supervises: a child cannot name another one. */
static bool says_main_pid(Slot *slot, const char *value)
{
        uint64_t pid;

        if (text_to_number(value, 0, INT32_MAX, &pid) && (pid_t)pid == slot->row.pid)
                return true;
        if (slot->row.notify_refused == 0)
                log_warning(
                        "%s: MAINPID on its NOTIFY_SOCKET is refused; further refusals are counted",
                        slot->path);
        return false;
}

static bool says_nothing(_unused_ Slot *slot, _unused_ const char *value)
{
        return true;
}

static const struct {
        const char *key;
        bool (*say)(Slot *slot, const char *value);
} words[] = {
        {"READY=", says_ready},
        {"STATUS=", says_status},
        {"STOPPING=", says_stopping},
        {"RELOADING=", says_reloading},
        {"WATCHDOG=", says_watchdog},
        {"WATCHDOG_USEC=", says_watchdog_usec},
        {"EXTEND_TIMEOUT_USEC=", says_extend},
        {"ERRNO=", says_errno},
        {"MAINPID=", says_main_pid},
        {"BARRIER=",
         says_nothing}, /* its descriptor is closed with all others: that is the answer */
        {"FDSTORE=", says_nothing}, /* there is no store */
};

static void refuse(Slot *slot)
{
        slot->row.notify_refused++;
        slot_touch(slot);
}

/* Unknown variables are none of our business, as with systemd. */
static void obey(Slot *slot, char *text)
{
        for (char *line; (line = strsep(&text, "\n"));) {
                for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                        size_t size = strlen(words[i].key);

                        if (strncmp(line, words[i].key, size) != 0)
                                continue;
                        if (!words[i].say(slot, line + size))
                                refuse(slot);
                        break;
                }
        }
}

/* --- The socket --- */

typedef union NotifyControl {
        struct cmsghdr header; /* alignment */
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
} NotifyControl;

static void close_received(const struct cmsghdr *header)
{
        const unsigned char *data = CMSG_DATA(header);
        size_t bytes = header->cmsg_len - CMSG_LEN(0);

        for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
                int fd;

                memcpy(&fd, data + at, sizeof(fd));
                (void)close_fd(fd);
        }
}

static bool is_welcome(const Slot *slot, const struct ucred *from)
{
        uint32_t uid = slot->uid;

        return from->uid == 0 || from->uid == geteuid() ||
               (uid != SPAWN_ID_INHERIT && from->uid == uid);
}

/* Return: whether there was a datagram. Descriptors are closed last: a barrier follows what was
 * said. */
static bool receive(Slot *slot)
{
        char text[LIMIT_NOTIFY_BYTES + 1];
        NotifyControl control;
        struct iovec iov = {.iov_base = text, .iov_len = LIMIT_NOTIFY_BYTES};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        struct ucred from = {.uid = UINT32_MAX};
        ssize_t size = recvmsg(slot->notify_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (size < 0)
                return errno == EINTR;
        for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at))
                if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_CREDENTIALS)
                        memcpy(&from, CMSG_DATA(at), sizeof(from));
        text[size] = '\0';
        if ((message.msg_flags & MSG_TRUNC) || strlen(text) != (size_t)size ||
            !is_welcome(slot, &from))
                refuse(slot);
        else
                obey(slot, text);
        for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at))
                if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS)
                        close_received(at);
        return true;
}

static void receive_some(Slot *slot, unsigned max)
{
        while (max-- > 0 && receive(slot))
                ;
}

static int on_datagram(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t events,
                       void *slot)
{
        receive_some(slot, DATAGRAMS_MAX);
        return 0;
}

int notify_open(Slot *slot, char ret_name[NOTIFY_NAME_BYTES])
{
        _cleanup_(closep) int fd = -1;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t size;
        int one = 1, r;

        r = random_name(ret_name);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        memcpy(address.sun_path + 1, ret_name, strlen(ret_name));
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(ret_name));
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0 ||
            bind(fd, (struct sockaddr *)&address, size) < 0)
                return -errno;
        r = sd_event_add_io(slot->kernel->event, &slot->notify_source, fd, EPOLLIN, on_datagram,
                            slot);
        if (r < 0)
                return r;
        slot->notify_fd = steal_fd(&fd);
        return 0;
}

/* As many as the queue of a socket can hold, and no more: others may write to it still. */
void notify_drain(Slot *slot)
{
        if (slot->notify_fd >= 0)
                receive_some(slot, 1024);
}

void notify_close(Slot *slot)
{
        slot->notify_source = sd_event_source_disable_unref(slot->notify_source);
        slot->notify_fd = close_fd(slot->notify_fd);
}

/* --- Watchdogs --- */

static void watchdog_timer_at(Kernel *kernel, usec_t usec)
{
        kernel->watchdog_next = usec;
        timer_arm(kernel->watchdog_timer, usec);
}

/* The timer stays where it is when a deadline moves on: it finds out when it fires. */
void notify_arm_watchdog(Slot *slot)
{
        Kernel *kernel = slot->kernel;

        if (slot->watchdog_usec == 0 || (slot->row.flags & CHILD_WATCHDOG_HIT))
                return;
        slot->watchdog_deadline = usec_add(now_usec(), slot->watchdog_usec);
        if (!list_is_linked(&slot->watched))
                list_append(&kernel->watched, &slot->watched);
        if (slot->watchdog_deadline < kernel->watchdog_next)
                watchdog_timer_at(kernel, slot->watchdog_deadline);
}

int notify_watchdog_timeout(_unused_ sd_event_source *source, _unused_ uint64_t usec,
                            void *userdata)
{
        Kernel *kernel = userdata;
        usec_t now = now_usec(), next = USEC_INFINITY;

        LIST_FOREACH_SAFE (node, &kernel->watched) {
                Slot *slot = LIST_ENTRY(node, Slot, watched);

                /* A late gend is not the child's fault: what it has said by now counts. */
                if (slot->watchdog_deadline <= now)
                        receive_some(slot, DATAGRAMS_MAX);
                if (!list_is_linked(&slot->watched))
                        continue;
                if (slot->watchdog_deadline <= now)
                        watchdog_hit(slot);
                else
                        next = MIN_OF(next, slot->watchdog_deadline);
        }
        watchdog_timer_at(kernel, next);
        return 0;
}
