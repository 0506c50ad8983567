#include "supervisord/kernel/link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "supervisord/kernel/finish.h"
#include "supervisord/kernel/listen.h"
#include "supervisord/kernel/notify.h"
#include "supervisord/kernel/service.h"
#include "supervisord/kernel/slot.h"
#include "supervisord/kernel/spawn.h"

#define SIGNAL_LARGEST 64

/* --- Orders --- */

static void count_malformed(Kernel *kernel, const char *what)
{
        if (is_nth_time(++kernel->malformed))
                log_warning("ignoring a record of a service: %s (%" PRIu64 " so far)", what,
                            kernel->malformed);
}

static Slot *slot_of(Kernel *kernel, const Record *record)
{
        Slot *slot = slot_get(kernel, record->slot);

        if (!slot)
                count_malformed(kernel, "no such slot");
        return slot;
}

/* The slot's row of this very generation; NULL when it has moved on. */
static Slot *row_of(Kernel *kernel, const Record *record)
{
        Slot *slot = slot_of(kernel, record);

        if (slot && slot->is_used && slot->generation == record->generation)
                return slot;
        if (slot)
                kernel->stale++;
        return NULL;
}

static void on_spawn(Kernel *kernel, const Record *record, int fds[2])
{
        Slot *slot = slot_of(kernel, record);
        SpawnBlock block = SPAWN_BLOCK_NULL;
        int r;

        if (!slot || kernel->finish != FINISH_NONE)
                return;
        if (slot->is_used || record->generation <= slot->generation) {
                kernel->stale++;
                return;
        }
        slot_begin(slot, record->generation);
        slot->watchdog_usec = record->spawn.watchdog_usec;
        r = fds[0] < 0 ? -EBADF : spawn_block_read(fds[0], &block);
        if (r == 0)
                r = slot_keep(slot, &block.spec);
        if (r == 0)
                spawn_child(slot, &block.spec);
        else
                slot_spawn_failed(slot, SPAWN_STEP_SPEC, -r);
        spawn_block_deinit(&block);
        if (record->spawn.watchdog_from_spawn && (slot->row.flags & CHILD_IS_ALIVE))
                notify_arm_watchdog(slot);
}

static void on_signal(Kernel *kernel, const Record *record, _unused_ int fds[2])
{
        const RecordSignal *order = &record->signal;
        Slot *slot = row_of(kernel, record);

        if (order->mode == SIGNAL_NONE || order->mode >= SIGNAL_MODE_COUNT ||
            (order->mode != SIGNAL_KILL && (order->signo <= 0 || order->signo > SIGNAL_LARGEST)))
                count_malformed(kernel, "no such signal");
        else if (slot)
                slot_signal(slot, (SignalMode)order->mode, order->signo);
}

static void on_forget(Kernel *kernel, const Record *record, _unused_ int fds[2])
{
        Slot *slot = row_of(kernel, record);

        if (!slot)
                return;
        if (slot->row.flags & (CHILD_HAS_ENDED | CHILD_NOT_SPAWNED))
                slot_forget(slot);
        else
                count_malformed(kernel, "a living child cannot be forgotten");
}

static void on_release(Kernel *kernel, const Record *record, _unused_ int fds[2])
{
        Slot *slot = slot_of(kernel, record);

        if (slot)
                slot_release(slot);
}

static void on_checkpoint(Kernel *kernel, _unused_ const Record *record, int fds[2])
{
        int raised = fds[0] < 0 ? -1 : fcntl(fds[0], F_DUPFD_CLOEXEC, FD_RAISED);

        if (raised < 0) {
                count_malformed(kernel, "a checkpoint without a descriptor");
                return;
        }
        (void)close_fd(kernel->checkpoint_fd);
        kernel->checkpoint_fd = raised;
}

/* A line each: what is no text would become variables of its own. */
static void clean_text(const char *text, char ret_text[LIMIT_STATUS_BYTES + 1])
{
        size_t size = strnlen(text, LIMIT_STATUS_BYTES);

        for (size_t i = 0; i < size; i++)
                ret_text[i] = (unsigned char)text[i] < 0x20 ? ' ' : text[i];
        ret_text[size] = '\0';
}

static void on_service(Kernel *kernel, const Record *record, _unused_ int fds[2])
{
        char text[LIMIT_STATUS_BYTES + 1];

        clean_text(record->service.text, text);
        switch ((ServiceState)record->service.state) {
        case SERVICE_STARTING:
                (void)sd_notifyf(0, "STATUS=%s", text);
                break;
        case SERVICE_READY:
                (void)sd_notifyf(0, "READY=1\nSTATUS=%s", text);
                break;
        case SERVICE_RELOADING:
                (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=%s",
                                 now_usec(), text);
                break;
        case SERVICE_STOPPING:
                (void)sd_notifyf(0, "STOPPING=1\nSTATUS=%s", text);
                break;
        case SERVICE_NONE:
        case SERVICE_STATE_COUNT:
                count_malformed(kernel, "no such state");
                break;
        }
}

static void on_unlisten(Kernel *kernel, const Record *record, _unused_ int fds[2])
{
        listen_close(kernel, &record->listen);
}

static void on_finished(Kernel *kernel, const Record *record, _unused_ int fds[2])
{
        finish_told(kernel, record->finished.exit_status & 0xff);
}

typedef void (*RecordHandler)(Kernel *kernel, const Record *record, int fds[2]);

static const RecordHandler handlers[RECORD_TYPE_COUNT] = {
        [RECORD_SPAWN] = on_spawn,           [RECORD_SIGNAL] = on_signal,
        [RECORD_FORGET] = on_forget,         [RECORD_RELEASE] = on_release,
        [RECORD_CHECKPOINT] = on_checkpoint, [RECORD_SERVICE] = on_service,
        [RECORD_UNLISTEN] = on_unlisten,     [RECORD_FINISHED] = on_finished,
};

int link_receive(Service *service, unsigned max)
{
        Kernel *kernel = service->kernel;

        while (max-- > 0) {
                Record record;
                int fds[2];
                int r = record_receive(service->socket_fd, &record, fds);

                if (r == -EPROTO) {
                        count_malformed(kernel, "no record");
                        continue;
                }
                if (r <= 0)
                        return r;
                if (service->kind == SERVICE_SUPERVISOR && handlers[record.type])
                        handlers[record.type](kernel, &record, fds);
                else
                        count_malformed(kernel, "not for it to say");
                (void)close_fd(fds[0]);
                (void)close_fd(fds[1]);
        }
        return 1;
}

/* --- Reports --- */

void link_replay(Kernel *kernel)
{
        LIST_FOREACH (node, &kernel->used)
                slot_touch(LIST_ENTRY(node, Slot, used));
        kernel->needs_hello = kernel->needs_synced = true;
        kernel->needs_request = kernel->request.stop > 0 || kernel->request.reloads > 0 ||
                                kernel->request.service_died > 0;
}

void link_request(Kernel *kernel)
{
        kernel->needs_request = true;
}

static int send_hello(Kernel *kernel, Service *service)
{
        Record record = {.type = RECORD_HELLO};

        record.hello = (RecordHello){.version = RECORD_VERSION,
                                     .flags = kernel->cgroup_flags |
                                              (service->incarnation == 1 ? HELLO_FIRST : 0u),
                                     .incarnation = service->incarnation,
                                     .started_msec = kernel->started_msec,
                                     .gend_pid = getpid(),
                                     .rows = kernel->used_count};
        return service_send(service, &record, NULL, 0);
}

static int send_rows(Kernel *kernel, Service *service)
{
        LIST_FOREACH_SAFE (node, &kernel->dirty) {
                Slot *slot = LIST_ENTRY(node, Slot, dirty);
                Record record = {
                        .type = RECORD_CHILD, .slot = slot->index, .generation = slot->generation};
                int r;

                record.child = slot->row;
                r = service_send(service, &record, NULL, 0);
                if (r < 0)
                        return r;
                list_remove(&slot->dirty);
        }
        return 0;
}

static int send_synced(_unused_ Kernel *kernel, Service *service)
{
        Record record = {.type = RECORD_SYNCED};

        return service_send(service, &record, NULL, 0);
}

static int send_request(Kernel *kernel, Service *service)
{
        Record record = {.type = RECORD_REQUEST};
        int r;

        record.request = kernel->request;
        r = service_send(service, &record, NULL, 0);
        if (r == 0)
                kernel->request.service_died = 0;
        return r;
}

void link_flush(Kernel *kernel)
{
        Service *service = &kernel->services[SERVICE_SUPERVISOR];

        if (service->socket_fd < 0 || service->is_blocked)
                return;
        if (kernel->needs_hello && send_hello(kernel, service) < 0)
                return;
        kernel->needs_hello = false;
        if (send_rows(kernel, service) < 0)
                return;
        if (kernel->needs_synced && send_synced(kernel, service) < 0)
                return;
        kernel->needs_synced = false;
        if (kernel->needs_request && send_request(kernel, service) < 0)
                return;
        kernel->needs_request = false;
        service_flush_ping(service);
}
