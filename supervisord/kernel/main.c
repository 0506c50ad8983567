/*
 * gend, the kernel: the start, the loop, the end. Owns what a process has once: its options,
 * limits, signals, lock and environment. Decides nothing about children.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/runtime-dir.h"
#include "supervisord/kernel/cgroup.h"
#include "supervisord/kernel/control.h"
#include "supervisord/kernel/finish.h"
#include "supervisord/kernel/link.h"
#include "supervisord/kernel/listen.h"
#include "supervisord/kernel/notify.h"
#include "supervisord/kernel/options.h"
#include "supervisord/kernel/output.h"
#include "supervisord/kernel/reap.h"
#include "supervisord/kernel/service.h"
#include "supervisord/kernel/slot.h"
#include "supervisord/kernel/spawn.h"

#define EXIT_USAGE         2
#define LOCK_FILE          "gend.lock"
#define LOCK_TRIES         10
#define SWEEP_TIMEOUT_USEC (4 * USEC_PER_SEC)

/* Pages of slots that were never used cost nothing. */
static Kernel the_kernel;

void timer_arm(sd_event_source *source, usec_t usec)
{
        if (sd_event_source_set_time(source, usec) >= 0 &&
            sd_event_source_set_enabled(source, usec == USEC_INFINITY ? SD_EVENT_OFF
                                                                      : SD_EVENT_ONESHOT) >= 0)
                return;
        log_error("a timer cannot be armed, giving up");
        abort();
}

bool is_nth_time(uint64_t count)
{
        return (count & (count - 1)) == 0;
}

/* --- What a process has once --- */

/* Descriptors 0 to 2 exist, so that none of ours gets their numbers; standard input is /dev/null,
 * for the children too. */
static int init_stdio(void)
{
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        while (fd >= 0 && fd <= STDERR_FILENO)
                fd = fcntl(fd, F_DUPFD, 0);
        if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
                return -errno;
        (void)close_fd(fd);
        return 0;
}

/* Children inherit what is ignored, so nothing is but SIGPIPE, which they set back. */
static int init_signals(void)
{
        struct sigaction action = {.sa_handler = SIG_DFL};
        static const uint64_t kernel_default[8]; /* the kernel's struct sigaction is shorter */
        sigset_t mask;

        /* Past glibc, which will not touch the two signals that it keeps for threads; all zero is
         * SIG_DFL. */
        for (int signo = 1; signo < NSIG; signo++)
                (void)syscall(SYS_rt_sigaction, signo, &kernel_default, NULL, sizeof(uint64_t));
        action.sa_handler = SIG_IGN;
        if (sigaction(SIGPIPE, &action, NULL) < 0 || sigemptyset(&mask) < 0 ||
            sigaddset(&mask, SIGTERM) < 0 || sigaddset(&mask, SIGINT) < 0 ||
            sigaddset(&mask, SIGHUP) < 0 || sigaddset(&mask, SIGCHLD) < 0 ||
            sigprocmask(SIG_SETMASK, &mask, NULL) < 0)
                return -errno;
        return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static void init_limits(Kernel *kernel)
{
        struct rlimit raised;

        if (getrlimit(RLIMIT_NOFILE, &kernel->nofile) < 0)
                return;
        raised = (struct rlimit){.rlim_cur = kernel->nofile.rlim_max,
                                 .rlim_max = kernel->nofile.rlim_max};
        kernel->is_nofile_raised = kernel->nofile.rlim_cur != kernel->nofile.rlim_max &&
                                   setrlimit(RLIMIT_NOFILE, &raised) == 0;
}

static bool is_ours_alone(const char *variable)
{
        static const char *const names[] = {
                "NOTIFY_SOCKET=",  "WATCHDOG_USEC=", "WATCHDOG_PID=",         "LISTEN_FDS=",
                "LISTEN_FDNAMES=", "LISTEN_PID=",    SERVICE_ENV_INSTANCE "="};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strncmp(variable, names[i], strlen(names[i])) == 0)
                        return true;
        return false;
}

/* What the service manager said to us is not for the services, and through them not for children.
 */
static int init_service_env(Kernel *kernel)
{
        size_t count = 0, used = 0;

        while (environ[count])
                count++;
        kernel->service_env = calloc(count + 2, sizeof(char *));
        if (!kernel->service_env ||
            asprintf(&kernel->service_env[used], SERVICE_ENV_INSTANCE "=%s", kernel->state->id) < 0)
                return -ENOMEM;
        used++;
        for (size_t i = 0; i < count; i++)
                if (!is_ours_alone(environ[i]))
                        kernel->service_env[used++] = environ[i];
        return 0;
}

static int find_group(Kernel *kernel)
{
        const char *name = kernel->options.admin_group;
        const struct group *group;

        kernel->admin_gid = (gid_t)-1;
        if (!name)
                return 0;
        group = getgrnam(name);
        if (!group) {
                log_error("--admin-group %s: there is no such group", name);
                return -ENOENT;
        }
        kernel->admin_gid = group->gr_gid;
        return 0;
}

/* --- The runtime folder --- */

/* One that was there keeps its mode, but for what an admin group needs. Return: 0 or a negative
 * errno. */
static int make_runtime_dir(const char *path, gid_t admin_gid)
{
        mode_t mode = admin_gid != (gid_t)-1 ? 0750 : 0700;
        bool is_new = mkdir(path, mode) == 0;
        struct stat st;

        if (!is_new && errno != EEXIST)
                return -errno;
        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        if (st.st_uid != geteuid() || (st.st_mode & S_IWOTH))
                return -EPERM; /* somebody else's, or everybody's */
        if (admin_gid != (gid_t)-1 && chown(path, (uid_t)-1, admin_gid) < 0)
                return -errno;
        mode |= is_new ? 0 : st.st_mode & 07777;
        return chmod(path, mode) < 0 ? -errno : 0;
}

static int open_runtime_dir(Kernel *kernel)
{
        int r;

        r = runtime_dir_find(kernel->options.runtime_dir, &kernel->runtime_dir);
        if (r == -ENXIO)
                log_error("no runtime folder: neither $RUNTIME_DIRECTORY nor $XDG_RUNTIME_DIR is "
                          "set; "
                          "give one with --runtime-dir");
        if (r < 0)
                return r;
        r = make_runtime_dir(kernel->runtime_dir, kernel->admin_gid);
        if (r < 0)
                log_error("runtime folder %s: %s%s", kernel->runtime_dir, strerror(-r),
                          r == -EPERM ? " (it must be ours, and not writable by all)" : "");
        return r;
}

/* The file of the lock is removed at the end: who got a lock on a removed one tries again. */
static int lock_runtime_dir(Kernel *kernel)
{
        _cleanup_(freep) char *path = NULL;

        if (asprintf(&path, "%s/" LOCK_FILE, kernel->runtime_dir) < 0)
                return -ENOMEM;
        for (unsigned i = 0; i < LOCK_TRIES; i++) {
                _cleanup_(closep) int fd =
                        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                struct stat ours, there;

                if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        int r = -errno;

                        if (fd >= 0 && r == -EWOULDBLOCK)
                                log_error("another gend runs in %s", kernel->runtime_dir);
                        else
                                log_error("%s: %s", path, strerror(-r));
                        return r;
                }
                if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
                    ours.st_ino == there.st_ino) {
                        kernel->lock_fd = steal_fd(&fd);
                        return 0;
                }
        }
        return -EAGAIN;
}

static void leave_runtime_dir(Kernel *kernel)
{
        _cleanup_(freep) char *path = NULL;

        sweep_state_remove(kernel->runtime_dir, kernel->state);
        if (asprintf(&path, "%s/" LOCK_FILE, kernel->runtime_dir) >= 0)
                (void)unlink(path);
        kernel->lock_fd = close_fd(kernel->lock_fd);
}

static int take_over(Kernel *kernel)
{
        unsigned killed = 0;
        int r;

        r = sweep_predecessor(kernel->runtime_dir, NULL, SWEEP_TIMEOUT_USEC, &killed);
        if (killed > 0)
                log_notice("killed %u processes that a predecessor had left", killed);
        if (r < 0)
                log_warning("looking for what a predecessor had left: %s, going on", strerror(-r));
        r = sweep_state_create(kernel->runtime_dir, &kernel->state);
        if (r < 0)
                log_error("%s/" SWEEP_FILE ": %s", kernel->runtime_dir, strerror(-r));
        return r;
}

/* --- The loop --- */

static int on_stop(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info,
                   void *userdata)
{
        Kernel *kernel = userdata;

        kernel->request.stop = 1;
        link_request(kernel);
        return 0;
}

static int on_hangup(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info,
                     void *userdata)
{
        Kernel *kernel = userdata;

        kernel->request.reloads++;
        kernel->needs_rotate = true;
        link_request(kernel);
        return 0;
}

static int on_finish_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec,
                           _unused_ void *kernel)
{
        return 0; /* finish_step() comes after every event */
}

static int init_event(Kernel *kernel)
{
        int r;

        r = sd_event_new(&kernel->event);
        if (r >= 0)
                r = sd_event_set_watchdog(kernel->event, true);
        if (r >= 0)
                r = sd_event_add_signal(kernel->event, NULL, SIGTERM, on_stop, kernel);
        if (r >= 0)
                r = sd_event_add_signal(kernel->event, NULL, SIGINT, on_stop, kernel);
        if (r >= 0)
                r = sd_event_add_signal(kernel->event, NULL, SIGHUP, on_hangup, kernel);
        kernel->watchdog_next = USEC_INFINITY;
        if (r >= 0)
                r = sd_event_add_time(kernel->event, &kernel->watchdog_timer, CLOCK_MONOTONIC,
                                      USEC_INFINITY, 1, notify_watchdog_timeout, kernel);
        if (r >= 0)
                r = sd_event_add_time(kernel->event, &kernel->finish_timer, CLOCK_MONOTONIC,
                                      USEC_INFINITY, 1, on_finish_timer, kernel);
        return r;
}

static int run(Kernel *kernel)
{
        int r = 0;

        while (r >= 0 && sd_event_get_state(kernel->event) != SD_EVENT_FINISHED) {
                link_flush(kernel);
                output_flush(kernel);
                finish_step(kernel);
                r = sd_event_run(kernel->event, UINT64_MAX);
        }
        return r < 0 ? r : kernel->exit_status;
}

static int init(Kernel *kernel)
{
        int r;

        kernel->started_msec = now_real_msec();
        list_init(&kernel->log_queue);
        list_init(&kernel->streams);
        slots_init(kernel);
        init_limits(kernel);
        r = listen_init(kernel);
        if (r >= 0)
                r = init_signals();
        if (r >= 0)
                r = init_event(kernel);
        if (r >= 0)
                r = init_stdio();
        if (r >= 0)
                r = spawn_init();
        if (r >= 0)
                r = reap_init(kernel);
        if (r >= 0)
                r = cgroup_open(kernel, kernel->options.cgroup);
        if (r >= 0)
                r = init_service_env(kernel);
        if (r >= 0)
                r = control_open(kernel);
        if (r >= 0)
                r = service_init(kernel);
        if (r < 0)
                log_error("cannot start: %s", strerror(-r));
        return r;
}

static int exec_check(const Options *options)
{
        _cleanup_(freep) char *file = NULL;
        int r = service_find("gend-supervisor", "../supervisor", &file);

        if (r >= 0) {
                (void)execl(file, "gend-supervisor", "--check", "--tree", options->tree,
                            (char *)NULL);
                r = -errno;
        }
        log_error("gend-supervisor: %s", strerror(-r));
        return EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
        Kernel *kernel = &the_kernel;
        int r;

        log_init("gend");
        kernel->lock_fd = kernel->rings_fd = kernel->log_event_fd = kernel->checkpoint_fd = -1;
        kernel->control_fd = -1;
        kernel->cgroup_fd = kernel->children_fd = -1;
        r = options_parse(argc, argv, &kernel->options);
        if (r != 0)
                return r == OPTIONS_E_DONE ? EXIT_SUCCESS : EXIT_USAGE;
        if (kernel->options.only_check)
                return exec_check(&kernel->options);
        if (find_group(kernel) < 0 || open_runtime_dir(kernel) < 0 ||
            lock_runtime_dir(kernel) < 0 || take_over(kernel) < 0)
                return EXIT_FAILURE;
        r = init(kernel);
        if (r >= 0) {
                for (unsigned i = 0; i < SERVICE_KIND_COUNT; i++)
                        service_start(&kernel->services[i]);
                r = run(kernel);
        }
        listen_deinit(kernel);
        control_close(kernel);
        leave_runtime_dir(kernel);
        return r < 0 ? EXIT_FAILURE : r;
}
