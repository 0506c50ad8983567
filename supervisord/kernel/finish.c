#include "supervisord/kernel/finish.h"

#include <signal.h>

#include "base/log.h"
#include "supervisord/kernel/output.h"
#include "supervisord/kernel/reap.h"
#include "supervisord/kernel/service.h"
#include "supervisord/kernel/slot.h"

#define LAST_WAIT_USEC (2 * USEC_PER_SEC)
#define STOP_USEC_MAX  (60 * USEC_PER_SEC) /* for a child that may take for ever */

static void enter(Kernel *kernel, FinishPhase phase, usec_t wait_usec)
{
        kernel->finish = phase;
        kernel->finish_deadline = usec_add(now_usec(), wait_usec);
        timer_arm(kernel->finish_timer, kernel->finish_deadline);
}

static bool is_over(const Kernel *kernel)
{
        return now_usec() >= kernel->finish_deadline;
}

static void enter_kill(Kernel *kernel)
{
        enter(kernel, FINISH_KILL, LAST_WAIT_USEC);
        LIST_FOREACH (node, &kernel->used)
                slot_signal(LIST_ENTRY(node, Slot, used), SIGNAL_KILL, 0);
}

static bool is_there(const Slot *slot)
{
        return (slot->row.flags & CHILD_IS_ALIVE) || slot->is_ending;
}

/* The one that was started last. */
static Slot *newest(Kernel *kernel)
{
        Slot *best = NULL;

        LIST_FOREACH (node, &kernel->used) {
                Slot *slot = LIST_ENTRY(node, Slot, used);

                if (is_there(slot) && (!best || slot->generation > best->generation))
                        best = slot;
        }
        return best;
}

static void step_orderly(Kernel *kernel)
{
        Slot *slot = newest(kernel);
        usec_t wait_usec;

        if (!slot) {
                enter_kill(kernel);
                return;
        }
        if (slot->is_ending || (slot->row.flags & CHILD_KILL_SENT))
                return;
        if (kernel->finish_slot == slot) {
                if (is_over(kernel))
                        slot_signal(slot, SIGNAL_KILL, 0);
                return;
        }
        wait_usec = MIN_OF(slot->stop_usec, STOP_USEC_MAX);
        kernel->finish_slot = slot;
        slot_signal(slot, SIGNAL_STOP, slot->stop_signal);
        enter(kernel, FINISH_ORDERLY, wait_usec);
}

static void step_kill(Kernel *kernel)
{
        bool is_done =
                reap_sweep(kernel, true) == 0 && !newest(kernel) &&
                (list_is_empty(&kernel->log_queue) || kernel->services[SERVICE_LOG].pid == 0);

        if (!is_done && !is_over(kernel))
                return;
        output_flush(kernel);
        enter(kernel, FINISH_SERVICES, LAST_WAIT_USEC);
        for (unsigned i = 0; i < SERVICE_KIND_COUNT; i++)
                service_hang_up(&kernel->services[i]);
}

static void step_services(Kernel *kernel)
{
        unsigned left = 0;

        for (unsigned i = 0; i < SERVICE_KIND_COUNT; i++) {
                const Service *service = &kernel->services[i];

                left += service->pid > 0;
                if (service->pid > 0 && is_over(kernel))
                        (void)kill(service->pid, SIGKILL);
        }
        if (left == 0)
                (void)sd_event_exit(kernel->event, kernel->exit_status);
}

void finish_step(Kernel *kernel)
{
        FinishPhase before;

        do {
                before = kernel->finish;
                switch (kernel->finish) {
                case FINISH_NONE:
                        break;
                case FINISH_ORDERLY:
                        step_orderly(kernel);
                        break;
                case FINISH_KILL:
                        step_kill(kernel);
                        break;
                case FINISH_SERVICES:
                        step_services(kernel);
                        break;
                }
        } while (kernel->finish != before);
}

void finish_told(Kernel *kernel, int exit_status)
{
        if (kernel->finish != FINISH_NONE)
                return;
        kernel->exit_status = exit_status;
        enter_kill(kernel);
}

void finish_alone(Kernel *kernel)
{
        const Service *supervisor = &kernel->services[SERVICE_SUPERVISOR];

        if (kernel->finish != FINISH_NONE)
                return;
        kernel->exit_status = EXIT_FAILURE;
        /* It would restart what is stopped now. */
        if (supervisor->pid > 0)
                (void)kill(supervisor->pid, SIGKILL);
        enter(kernel, FINISH_ORDERLY, 0);
}
