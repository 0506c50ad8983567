#include "supervisord/kernel/slot.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/log.h"
#include "supervisord/kernel/cgroup.h"
#include "supervisord/kernel/notify.h"
#include "supervisord/kernel/output.h"

void slots_init(Kernel *kernel)
{
        list_init(&kernel->used);
        list_init(&kernel->dirty);
        list_init(&kernel->ending);
        list_init(&kernel->watched);
}

/* Slots that were never used are untouched memory. */
Slot *slot_get(Kernel *kernel, uint32_t index)
{
        Slot *slot = index < LIMIT_SLOTS ? &kernel->slots[index] : NULL;

        if (slot && !slot->kernel) {
                slot->kernel = kernel;
                slot->index = index;
                slot->pidfd = slot->notify_fd = -1;
        }
        return slot;
}

static Slot **pid_place(Kernel *kernel, pid_t pid)
{
        Slot **place = &kernel->by_pid[(unsigned)pid % LIMIT_SLOTS];

        while (*place && (*place)->row.pid != pid)
                place = &(*place)->pid_next;
        return place;
}

Slot *slot_by_pid(Kernel *kernel, pid_t pid)
{
        return *pid_place(kernel, pid);
}

void slot_touch(Slot *slot)
{
        if (!list_is_linked(&slot->dirty))
                list_append(&slot->kernel->dirty, &slot->dirty);
}

void slot_begin(Slot *slot, uint64_t generation)
{
        slot->is_used = true;
        slot->is_ending = slot->has_escapees = slot->has_cgroup = false;
        slot->generation = generation;
        slot->row = (RecordChild){.started_usec = now_usec(), .started_msec = now_real_msec()};
        slot->watchdog_deadline = USEC_INFINITY;
        list_append(&slot->kernel->used, &slot->used);
        slot->kernel->used_count++;
        slot_touch(slot);
}

int slot_keep(Slot *slot, const SpawnSpec *spec)
{
        if (!slot->path || strcmp(slot->path, spec->path) != 0) {
                if (slot->path) /* its RELEASE was lost with a gend-supervisor */
                        output_drop(slot);
                free(slot->path);
                slot->path = strdup(spec->path);
                if (!slot->path)
                        return -ENOMEM;
        }
        slot->uid = spec->uid;
        slot->stop_signal = spec->stop_signal;
        slot->stop_usec = spec->stop_usec;
        return 0;
}

void slot_spawned(Slot *slot, pid_t pid, usec_t born_usec)
{
        SweepRow *note = &slot->kernel->state->rows[slot->index];
        Slot **place = pid_place(slot->kernel, pid);

        atomic_store_explicit(&note->born_usec, born_usec, memory_order_relaxed);
        atomic_store_explicit(&note->pid, pid, memory_order_release);
        slot->row.pid = pid;
        slot->row.flags |= CHILD_IS_ALIVE;
        slot->pid_next = NULL;
        *place = slot;
        slot->pidfd =
                pidfd_open(pid, 0); /* without one, signals go to the pid: we are its parent */
        output_started(slot);
        slot_touch(slot);
}

static void mark_end(Slot *slot)
{
        slot->row.ended_usec = now_usec();
        slot->row.ended_msec = now_real_msec();
        slot_touch(slot);
}

void slot_spawn_failed(Slot *slot, uint32_t step, int error)
{
        slot->row.flags |= CHILD_NOT_SPAWNED;
        slot->row.spawn_step = step;
        slot->row.spawn_errno = error;
        mark_end(slot);
        notify_close(slot);
        output_abandon(slot);
        (void)cgroup_finish(slot);
        log_debug("%s: spawn failed at step %s: %s", slot->path ? slot->path : "?",
                  spawn_step_name(step), strerror(error));
}

void slot_main_ended(Slot *slot, int code, int status, usec_t cpu_usec)
{
        Slot **place = pid_place(slot->kernel, slot->row.pid);

        *place = slot->pid_next;
        notify_drain(slot);
        notify_close(slot);
        slot->pidfd = close_fd(slot->pidfd);
        list_remove(&slot->watched);
        slot->row.flags &= ~(uint32_t)CHILD_IS_ALIVE;
        slot->row.flags |= code == CLD_DUMPED ? CHILD_DUMPED_CORE : 0u;
        slot->row.code = code;
        slot->row.status = status;
        slot->row.cpu_usec = cpu_usec;
        mark_end(slot);
        slot->is_ending = true;
        list_append(&slot->kernel->ending, &slot->ending);
}

void slot_ended(Slot *slot)
{
        atomic_store_explicit(&slot->kernel->state->rows[slot->index].pid, 0, memory_order_relaxed);
        slot->is_ending = false;
        list_remove(&slot->ending);
        slot->row.flags |= CHILD_HAS_ENDED;
        slot_touch(slot);
        output_ended(slot);
}

void slot_forget(Slot *slot)
{
        slot->is_used = false;
        slot->kernel->used_count--;
        list_remove(&slot->used);
        list_remove(&slot->dirty);
        if (slot->is_released)
                slot_release(slot);
}

void slot_release(Slot *slot)
{
        slot->is_released = slot->is_used;
        if (slot->is_used)
                return;
        free(steal_ptr(slot->path));
        output_drop(slot);
}

void slot_signal(Slot *slot, SignalMode mode, int signo)
{
        pid_t pid = slot->row.pid;

        if (!(slot->row.flags & CHILD_IS_ALIVE))
                return;
        switch (mode) {
        case SIGNAL_MAIN:
                if (slot->pidfd >= 0)
                        (void)pidfd_send_signal(slot->pidfd, signo, NULL, 0);
                else
                        (void)kill(pid, signo);
                break;
        case SIGNAL_STOP:
                if (slot->row.flags & CHILD_STOP_SENT)
                        break;
                (void)kill(-pid, signo);
                (void)kill(-pid, SIGCONT);
                slot->row.flags |= CHILD_STOP_SENT;
                slot_touch(slot);
                break;
        case SIGNAL_KILL:
                (void)kill(-pid, SIGKILL);
                cgroup_kill(slot);
                slot->row.flags |= CHILD_KILL_SENT;
                slot_touch(slot);
                break;
        case SIGNAL_NONE:
        case SIGNAL_MODE_COUNT:
                break;
        }
}
