#include "supervisord/kernel/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/log.h"
#include "supervisord/kernel/cgroup.h"
#include "supervisord/kernel/listen.h"
#include "supervisord/kernel/notify.h"
#include "supervisord/kernel/output.h"
#include "supervisord/kernel/reap.h"
#include "supervisord/kernel/slot.h"

#define PID_DIGITS 10

/* Places in our own table where descriptors wait to be handed over; below FD_RAISED, and never used
 * for anything else (spawn_init). */
#define STAGE_FIRST  32
#define STAGE_OUT    STAGE_FIRST
#define STAGE_ERR    (STAGE_FIRST + 1)
#define STAGE_CGROUP (STAGE_FIRST + 2)
#define STAGE_PASS   (STAGE_FIRST + 3)

_Static_assert(STAGE_PASS + LIMIT_SOCKETS <= FD_RAISED, "no room to stage all sockets");

#define CHILD_STACK_BYTES (64u * 1024)

static bool use_vfork;

/* --- In the child: from clone to exec, on a stack that a sanitizer does not know --- */

#define ON_CHILD_STACK __attribute__((no_sanitize("address")))

ON_CHILD_STACK _Noreturn static void child_fail(Launch *what, SpawnStep step)
{
        what->failed_errno = errno;
        what->failed_step = step;
        _exit(127);
}

/* Where @fd was staged; the standard ones are where they are. */
ON_CHILD_STACK static int staged(int fd, int place)
{
        return fd > STDERR_FILENO ? place : fd;
}

/* A table of its own with the low descriptors only: thousands of others are neither copied nor
 * closed. */
ON_CHILD_STACK static void child_stdio(Launch *what)
{
        if (syscall(SYS_close_range, FD_RAISED, ~0u, CLOSE_RANGE_UNSHARE) < 0)
                child_fail(what, SPAWN_STEP_STDIO);
        if (what->out_fd >= 0 && dup2(staged(what->out_fd, STAGE_OUT), STDOUT_FILENO) < 0)
                child_fail(what, SPAWN_STEP_STDIO);
        if (what->err_fd >= 0 && dup2(staged(what->err_fd, STAGE_ERR), STDERR_FILENO) < 0)
                child_fail(what, SPAWN_STEP_STDIO);
        for (unsigned i = 0; i < what->pass_count; i++)
                if (dup2(STAGE_PASS + (int)i, 3 + (int)i) < 0)
                        child_fail(what, SPAWN_STEP_STDIO);
}

ON_CHILD_STACK static void child_limits(Launch *what)
{
        const SpawnSpec *spec = what->spec;

        if (what->nofile && !(spec && spec->limits[RLIMIT_NOFILE].is_set) &&
            setrlimit(RLIMIT_NOFILE, what->nofile) < 0)
                child_fail(what, SPAWN_STEP_LIMITS);
        for (int i = 0; spec && i < SPAWN_RLIMITS; i++) {
                struct rlimit limit = {.rlim_cur = spec->limits[i].soft,
                                       .rlim_max = spec->limits[i].hard};

                if (spec->limits[i].is_set && setrlimit((__rlimit_resource_t)i, &limit) < 0)
                        child_fail(what, SPAWN_STEP_LIMITS);
        }
}

/* Raw calls: glibc's wrappers are meant for processes that own their memory. */
ON_CHILD_STACK static void child_identity(Launch *what)
{
        const SpawnSpec *spec = what->spec;
        bool has_uid = spec->uid != SPAWN_ID_INHERIT, has_gid = spec->gid != SPAWN_ID_INHERIT;

        if (spec->nice != SPAWN_INHERIT && setpriority(PRIO_PROCESS, 0, spec->nice) < 0)
                child_fail(what, SPAWN_STEP_NICE);
        if (spec->umask != SPAWN_INHERIT)
                (void)umask((mode_t)spec->umask);
        if ((has_uid || has_gid) && syscall(SYS_setgroups, spec->group_count, spec->groups) < 0)
                child_fail(what, SPAWN_STEP_GROUP);
        if (has_gid && syscall(SYS_setresgid, spec->gid, spec->gid, spec->gid) < 0)
                child_fail(what, SPAWN_STEP_GROUP);
        if (has_uid && syscall(SYS_setresuid, spec->uid, spec->uid, spec->uid) < 0)
                child_fail(what, SPAWN_STEP_USER);
}

/* A change of user clears the parent-death signal: it is set after. gend may have died before that.
 */
ON_CHILD_STACK static void child_bind_to_parent(Launch *what, pid_t parent)
{
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                child_fail(what, SPAWN_STEP_PRIVS);
        if (getppid() != parent)
                _exit(127);
        if (what->spec->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                child_fail(what, SPAWN_STEP_PRIVS);
        if (what->spec->cwd && chdir(what->spec->cwd) < 0)
                child_fail(what, SPAWN_STEP_CWD);
}

ON_CHILD_STACK static void write_pid(char *place, pid_t pid)
{
        char digits[PID_DIGITS + 1];
        unsigned at = PID_DIGITS;

        digits[at] = '\0';
        for (unsigned rest = (unsigned)pid; rest > 0 || at == PID_DIGITS; rest /= 10)
                digits[--at] = (char)('0' + rest % 10);
        for (char *from = digits + at; (*place++ = *from++);)
                ;
}

ON_CHILD_STACK _Noreturn static void child_main(Launch *what, pid_t parent)
{
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigset_t none;

        if (setsid() < 0)
                child_fail(what, SPAWN_STEP_SESSION);
        child_stdio(what);
        if (what->cgroup_fd >= 0 && write(STAGE_CGROUP, "0", 1) != 1)
                child_fail(what, SPAWN_STEP_CGROUP);
        child_limits(what);
        if (what->spec) {
                child_identity(what);
                child_bind_to_parent(what, parent);
        }
        for (unsigned i = 0; i < ARRAY_LEN(what->pid_slots); i++)
                if (what->pid_slots[i])
                        write_pid(what->pid_slots[i], getpid());
        if (syscall(SYS_close_range, 3 + what->pass_count, ~0u, 0) < 0)
                child_fail(what, SPAWN_STEP_STDIO);
        /* gend ignores SIGPIPE and nothing else (kernel_signals_init); it has no handlers. */
        (void)sigaction(SIGPIPE, &action, NULL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)execve(what->file, what->argv, what->envp);
        child_fail(what, SPAWN_STEP_EXEC);
}

typedef struct ChildStart {
        Launch *what;
        pid_t parent;
} ChildStart;

ON_CHILD_STACK static int child_start(void *context)
{
        const ChildStart *start = context;

        child_main(start->what, start->parent);
}

/* On its own, so that no variable of a caller lives in a register across the vfork. */
__attribute__((noinline)) static pid_t vfork_child(const ChildStart *start)
{
        pid_t pid = vfork();

        if (pid == 0)
                child_main(start->what, start->parent);
        return pid;
}

/* vfork's semantics, and the descriptor table shared as well until child_stdio() takes its part of
 * it. */
static pid_t clone_child(ChildStart *start)
{
        static _Alignas(64) unsigned char stack[CHILD_STACK_BYTES]; /* one child starts at a time */

        if (use_vfork)
                return vfork_child(start);
        return clone(child_start, stack + sizeof(stack),
                     CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, start);
}

static int stage_one(int fd, int place)
{
        return fd > STDERR_FILENO && dup3(fd, place, O_CLOEXEC) < 0 ? -errno : 0;
}

static int stage(const Launch *what)
{
        int r = stage_one(what->out_fd, STAGE_OUT);

        if (r == 0)
                r = stage_one(what->err_fd, STAGE_ERR);
        if (r == 0)
                r = stage_one(what->cgroup_fd, STAGE_CGROUP);
        for (unsigned i = 0; r == 0 && i < what->pass_count; i++)
                r = stage_one(what->pass_fds[i], STAGE_PASS + (int)i);
        return r;
}

/* A pipe must have no writer but the child. */
static void unstage(const Launch *what)
{
        for (int place = STAGE_OUT; place < STAGE_PASS + (int)what->pass_count; place++)
                (void)dup3(STDIN_FILENO, place, O_CLOEXEC);
}

int spawn_init(void)
{
        use_vfork = getenv("GEND_VFORK") != NULL;
        for (int place = STAGE_FIRST; place < FD_RAISED; place++)
                if (dup3(STDIN_FILENO, place, O_CLOEXEC) < 0)
                        return -errno;
        return 0;
}

pid_t launch(Launch *what)
{
        ChildStart start = {.what = what, .parent = getpid()};
        pid_t pid = -1;
        int r;

        what->failed_step = SPAWN_STEP_STDIO;
        r = stage(what);
        if (r == 0) {
                what->failed_step = SPAWN_STEP_NONE;
                pid = clone_child(&start);
                r = pid < 0 ? -errno : 0;
        }
        unstage(what);
        if (pid < 0) {
                if (what->failed_step == SPAWN_STEP_NONE)
                        what->failed_step = SPAWN_STEP_FORK;
                what->failed_errno = -r;
                return -1;
        }
        if (what->failed_step == SPAWN_STEP_NONE)
                return pid;
        reap_failed(pid);
        return -1;
}

/* --- Before: what a child needs, step by step --- */

/* The environment that is handed over; used by one spawn at a time. */
static struct {
        char *envp[LIMIT_ENV + 8];
        size_t count;
        char instance[sizeof(SWEEP_VARIABLE) + SWEEP_ID_BYTES + 40];
        char notify[64];
        char watchdog_usec[40];
        char watchdog_pid[sizeof("WATCHDOG_PID=") + PID_DIGITS];
        char listen_fds[40];
        char listen_pid[sizeof("LISTEN_PID=") + PID_DIGITS];
        char listen_names[sizeof("LISTEN_FDNAMES=") + LIMIT_SOCKETS * 256];
} env;

static const char *const kernel_variables[] = {
        SWEEP_VARIABLE "=", "NOTIFY_SOCKET=", "WATCHDOG_USEC=",  "WATCHDOG_PID=",
        "LISTEN_FDS=",      "LISTEN_PID=",    "LISTEN_FDNAMES=",
};

static bool is_kernel_variable(const char *variable)
{
        if (!strchr("GNWL", variable[0]))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(kernel_variables); i++)
                if (strncmp(variable, kernel_variables[i], strlen(kernel_variables[i])) == 0)
                        return true;
        return false;
}

static void env_listen(const SpawnSpec *spec, Launch *what)
{
        char *end = stpcpy(env.listen_names, "LISTEN_FDNAMES=");

        if (spec->socket_count == 0)
                return;
        (void)snprintf(env.listen_fds, sizeof(env.listen_fds), "LISTEN_FDS=%zu",
                       spec->socket_count);
        for (size_t i = 0; i < spec->socket_count; i++)
                end = stpcpy(stpcpy(end, i > 0 ? ":" : ""), spec->sockets[i].name);
        what->pid_slots[0] = stpcpy(env.listen_pid, "LISTEN_PID=");
        env.envp[env.count++] = env.listen_fds;
        env.envp[env.count++] = env.listen_pid;
        env.envp[env.count++] = env.listen_names;
}

static void env_watchdog(const Slot *slot, Launch *what)
{
        if (slot->watchdog_usec == 0)
                return;
        (void)snprintf(env.watchdog_usec, sizeof(env.watchdog_usec), "WATCHDOG_USEC=%" PRIu64,
                       slot->watchdog_usec);
        what->pid_slots[1] = stpcpy(env.watchdog_pid, "WATCHDOG_PID=");
        env.envp[env.count++] = env.watchdog_usec;
        env.envp[env.count++] = env.watchdog_pid;
}

/* Ours come first: a sweep finds the instance in the first bytes it reads. */
static void env_prepare(const Slot *slot, const char *notify_name, Launch *what)
{
        const SpawnSpec *spec = what->spec;

        env.count = 0;
        (void)snprintf(env.instance, sizeof(env.instance),
                       SWEEP_VARIABLE "=%s/%" PRIu32 ".%" PRIu64, slot->kernel->state->id,
                       slot->index, slot->generation);
        (void)snprintf(env.notify, sizeof(env.notify), "NOTIFY_SOCKET=@%s", notify_name);
        env.envp[env.count++] = env.instance;
        env.envp[env.count++] = env.notify;
        env_watchdog(slot, what);
        env_listen(spec, what);
        for (size_t i = 0; spec->envp[i]; i++)
                if (!is_kernel_variable(spec->envp[i]))
                        env.envp[env.count++] = spec->envp[i];
        env.envp[env.count] = NULL;
        what->envp = env.envp;
}

typedef struct Preparation {
        int write_fds[2]; /* of the output pipes */
        int cgroup_fd;
        int listen_fds[LIMIT_SOCKETS]; /* the kernel's */
        char notify_name[NOTIFY_NAME_BYTES];
} Preparation;

static void preparation_deinit(Preparation *prep)
{
        closep(&prep->write_fds[0]);
        closep(&prep->write_fds[1]);
        closep(&prep->cgroup_fd);
}

/* Return: 0, or the negative errno of @ret_step. */
static int prepare(Slot *slot, const SpawnSpec *spec, Preparation *prep, uint32_t *ret_step)
{
        int r;

        *ret_step = SPAWN_STEP_PIPE;
        r = output_open(slot, spec, prep->write_fds);
        if (r < 0)
                return r;
        *ret_step = SPAWN_STEP_NOTIFY;
        r = notify_open(slot, prep->notify_name);
        if (r < 0)
                return r;
        *ret_step = SPAWN_STEP_LISTEN;
        for (size_t i = 0; i < spec->socket_count; i++) {
                r = listen_get(slot->kernel, &spec->sockets[i], &prep->listen_fds[i]);
                if (r < 0)
                        return r;
        }
        *ret_step = SPAWN_STEP_CGROUP;
        return cgroup_make(slot, spec, &prep->cgroup_fd);
}

/* Descriptors that are kept for a gend-log which does not read are not worth a child. */
static int prepare_with_room(Slot *slot, const SpawnSpec *spec, Preparation *prep,
                             uint32_t *ret_step)
{
        for (;;) {
                int r = prepare(slot, spec, prep, ret_step);

                if ((r != -EMFILE && r != -ENFILE) || !output_shed(slot->kernel))
                        return r;
                preparation_deinit(prep);
                notify_close(slot);
                output_abandon(slot);
                (void)cgroup_finish(slot);
        }
}

/* Both streams by their mode: a pipe's end, gend's own (-1), or gend's standard input, which is
 * /dev/null. */
static int stdio_fd(StdioMode mode, int pipe_fd)
{
        if (mode == STDIO_INHERIT)
                return -1;
        return mode == STDIO_NULL ? STDIN_FILENO : pipe_fd;
}

void spawn_child(Slot *slot, const SpawnSpec *spec)
{
        _cleanup_(preparation_deinit) Preparation prep = {.write_fds = {-1, -1}, .cgroup_fd = -1};
        Launch what = {.spec = spec, .pass_fds = prep.listen_fds};
        usec_t born = boottime_usec();
        pid_t pid;
        int r;

        r = prepare_with_room(slot, spec, &prep, &what.failed_step);
        if (r < 0) {
                slot_spawn_failed(slot, what.failed_step, -r);
                return;
        }
        what.file = spec->file;
        what.argv = spec->argv;
        what.out_fd = stdio_fd(spec->out_mode, prep.write_fds[0]);
        what.err_fd = stdio_fd(spec->err_mode,
                               prep.write_fds[1] >= 0 ? prep.write_fds[1] : prep.write_fds[0]);
        what.pass_count = (unsigned)spec->socket_count;
        what.cgroup_fd = prep.cgroup_fd;
        what.nofile = slot->kernel->is_nofile_raised ? &slot->kernel->nofile : NULL;
        env_prepare(slot, prep.notify_name, &what);
        pid = launch(&what);
        if (pid < 0)
                slot_spawn_failed(slot, what.failed_step, what.failed_errno);
        else
                slot_spawned(slot, pid, born);
}
