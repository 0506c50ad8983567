#include "supervisord/kernel/reap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"
#include "supervisord/kernel/cgroup.h"
#include "supervisord/kernel/finish.h"
#include "supervisord/kernel/service.h"
#include "supervisord/kernel/slot.h"

#define LEFT_OVER_USEC   (2 * USEC_PER_SEC)  /* what is not gone by then is not waited for */
#define RECHECK_USEC     (1 * USEC_PER_MSEC) /* doubles */
#define RECHECK_USEC_MAX (100 * USEC_PER_MSEC)
#define SWEEP_USEC       (20 * USEC_PER_MSEC) /* from an end to the look for what escaped it */

/* --- Descendants that left their group --- */

/* They are our direct children once their parents are gone, for we are their subreaper. Whose they
 * are is in their environment; failing that, the session tells. */
static Slot *find_owner(Kernel *kernel, pid_t pid, uint64_t *ret_generation)
{
        uint32_t index;
        Slot *owner;
        pid_t session;

        if (sweep_whose(pid, kernel->state->id, &index, ret_generation) == 0)
                return slot_get(kernel, index);
        session = getsid(pid);
        owner = session > 0 ? slot_by_pid(kernel, session) : NULL;
        LIST_FOREACH (node, &kernel->ending) {
                Slot *slot = LIST_ENTRY(node, Slot, ending);

                if (!owner && slot->row.pid == session)
                        owner = slot;
        }
        if (owner)
                *ret_generation = owner->generation;
        return owner;
}

/* Return: whether it was one to be killed. It is our child and not reaped: the pid is its own. */
static bool sweep_one(Kernel *kernel, pid_t pid, bool everything)
{
        uint64_t generation = 0;
        Slot *owner = find_owner(kernel, pid, &generation);
        bool is_current = owner && owner->is_used && owner->generation == generation;

        if (!everything && (!owner || (is_current && (owner->row.flags & CHILD_IS_ALIVE))))
                return false;
        if (is_current && owner->is_ending) {
                owner->has_escapees = true;
                owner->row.flags |= CHILD_LEFT_GROUP;
        }
        (void)kill(pid, SIGKILL);
        return true;
}

/* The list of our direct children, as text. */
static char *read_children(Kernel *kernel)
{
        size_t room = 4096, used = 0;
        char *text = malloc(room);

        while (text) {
                ssize_t n = pread(kernel->children_fd, text + used, room - used - 1, (off_t)used);
                char *grown;

                if (n <= 0)
                        break;
                used += (size_t)n;
                if (room - used > 64)
                        continue;
                room *= 2;
                grown = realloc(text, room);
                if (!grown)
                        break;
                text = grown;
        }
        if (text)
                text[used] = '\0';
        return text;
}

unsigned reap_sweep(Kernel *kernel, bool everything)
{
        _cleanup_(freep) char *text = kernel->children_fd >= 0 ? read_children(kernel) : NULL;
        unsigned count = 0;

        LIST_FOREACH (node, &kernel->ending)
                LIST_ENTRY(node, Slot, ending)->has_escapees = false;
        if (!text)
                return 0;
        for (char *at = text; *at;) {
                char *end;
                pid_t pid = (pid_t)strtol(at, &end, 10);

                if (end == at)
                        break;
                at = end;
                while (*at == ' ')
                        at++;
                if (!slot_by_pid(kernel, pid) && !service_by_pid(kernel, pid))
                        count += sweep_one(kernel, pid, everything);
        }
        return count;
}

/* Soon, not now: a restart under way does not wait for it, and many ends share one look. */
static void sweep_later(Kernel *kernel)
{
        if (kernel->is_sweep_due || kernel->children_fd < 0)
                return;
        kernel->is_sweep_due = true;
        timer_arm(kernel->sweep_timer, usec_add(now_usec(), SWEEP_USEC));
}

static int on_sweep_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        Kernel *kernel = userdata;

        kernel->is_sweep_due = false;
        if (reap_sweep(kernel, false) > 0)
                sweep_later(kernel); /* what those leave behind */
        return 0;
}

/* --- The end of a child --- */

static bool is_group_gone(const Slot *slot)
{
        return kill(-slot->row.pid, 0) < 0 && errno == ESRCH;
}

/* Who is being stopped is not reported before everything was looked for. A cgroup misses nothing.
 */
static bool wants_look(const Slot *slot)
{
        return (slot->row.flags & (CHILD_STOP_SENT | CHILD_KILL_SENT)) &&
               slot->kernel->cgroup_fd < 0 && slot->kernel->children_fd >= 0;
}

static void check_ending(Kernel *kernel)
{
        usec_t now = now_usec();
        bool needs_look = false;

        LIST_FOREACH (node, &kernel->ending)
                needs_look = needs_look || wants_look(LIST_ENTRY(node, Slot, ending));
        if (needs_look)
                (void)reap_sweep(kernel, false);
        LIST_FOREACH_SAFE (node, &kernel->ending) {
                Slot *slot = LIST_ENTRY(node, Slot, ending);
                bool is_gone = is_group_gone(slot) && !slot->has_escapees;

                is_gone = cgroup_finish(slot) && is_gone;
                if (!is_gone && !(slot->row.flags & CHILD_LEFT_GROUP)) {
                        slot->row.flags |= CHILD_LEFT_GROUP;
                        slot_touch(slot);
                }
                if (!is_gone && now < slot->end_deadline)
                        continue;
                if (!is_gone)
                        log_warning(
                                "%s: something of it survives SIGKILL, going on without waiting",
                                slot->path);
                slot_ended(slot);
                if (kernel->cgroup_fd < 0)
                        sweep_later(kernel);
        }
        if (list_is_empty(&kernel->ending))
                return;
        timer_arm(kernel->ending_timer, usec_add(now, kernel->ending_delay));
        kernel->ending_delay = MIN_OF(kernel->ending_delay * 2, RECHECK_USEC_MAX);
}

static int on_ending_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *kernel)
{
        check_ending(kernel);
        return 0;
}

/* --- Wait statuses --- */

/* glibc's waitid() has no place for the usage. */
static int wait_for(pid_t pid, siginfo_t *ret_info, struct rusage *ret_usage)
{
        *ret_info = (siginfo_t){0};
        if (syscall(SYS_waitid, P_PID, pid, ret_info, WEXITED, ret_usage) < 0)
                return -errno;
        return 0;
}

static usec_t cpu_usec(const struct rusage *usage)
{
        return ((usec_t)usage->ru_utime.tv_sec + (usec_t)usage->ru_stime.tv_sec) * USEC_PER_SEC +
               (usec_t)usage->ru_utime.tv_usec + (usec_t)usage->ru_stime.tv_usec;
}

/* While the main process is a zombie its pid, and so the group's number, cannot be another's: what
 * is left of the group is killed before it is reaped. */
static void reap_one(Kernel *kernel, pid_t pid)
{
        Service *service = service_by_pid(kernel, pid);
        Slot *slot = slot_by_pid(kernel, pid);
        struct rusage usage = {0};
        siginfo_t info;

        if (slot)
                (void)kill(-pid, SIGKILL);
        if (wait_for(pid, &info, &usage) < 0)
                return;
        if (service)
                service_died(service, info.si_code, info.si_status);
        if (!slot)
                return;
        slot_main_ended(slot, info.si_code, info.si_status, cpu_usec(&usage));
        slot->end_deadline = usec_add(now_usec(), LEFT_OVER_USEC);
        kernel->ending_delay = RECHECK_USEC;
}

void reap_all(Kernel *kernel)
{
        for (;;) {
                siginfo_t info = {0};

                if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
                        break;
                if (info.si_pid == 0)
                        break;
                reap_one(kernel, info.si_pid);
        }
        if (!list_is_empty(&kernel->ending))
                check_ending(kernel);
}

void reap_failed(pid_t pid)
{
        siginfo_t info;
        struct rusage usage;

        while (wait_for(pid, &info, &usage) == -EINTR)
                ;
}

static int on_sigchld(_unused_ sd_event_source *source,
                      _unused_ const struct signalfd_siginfo *info, void *kernel)
{
        reap_all(kernel);
        return 0;
}

int reap_init(Kernel *kernel)
{
        char path[64];
        int r;

        (void)snprintf(path, sizeof(path), "/proc/self/task/%" PRId32 "/children", getpid());
        kernel->children_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (kernel->children_fd < 0)
                log_notice("%s: %s: processes that leave their group and session may outlive their "
                           "child",
                           path, strerror(errno));
        kernel->ending_delay = RECHECK_USEC;
        r = sd_event_add_signal(kernel->event, NULL, SIGCHLD, on_sigchld, kernel);
        if (r >= 0)
                r = sd_event_add_time(kernel->event, &kernel->ending_timer, CLOCK_MONOTONIC,
                                      USEC_INFINITY, 1, on_ending_timer, kernel);
        if (r >= 0)
                r = sd_event_add_time(kernel->event, &kernel->sweep_timer, CLOCK_MONOTONIC,
                                      USEC_INFINITY, 1, on_sweep_timer, kernel);
        return r;
}
