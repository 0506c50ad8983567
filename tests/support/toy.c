/*
 * Owns the misbehaviour of a child under test: `toy NAME "SIN SIN=VALUE ..."` commits its sins in
 * order and then waits for SIGTERM. Every start and end is a line "NAME MARK PID USEC" in
 * $TOY_DIR/record, so that orders can be asserted; files in $TOY_DIR steer it, so that no test
 * sleeps. Refuses to know anything about gend but NOTIFY_SOCKET. Started by gend in every
 * integration test.
 *
 * Marks: "+" started, "-" asked to stop, "." ends by itself, "!" a sin of its own choice.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/usec.h"

/* What the process is; filled by main() and by its sins, read when SIGTERM comes. */
static struct {
        const char *name;
        int signals; /* signalfd of SIGTERM, or -1 once it is handled by default */
        bool ignores_term;
        bool is_brief;         /* no mark when asked to stop */
        const char *slow_file; /* waits for this file when asked to stop */
        int term_status; /* how it ends when asked to stop: an exit status, or minus a signal */
        char status_at_birth[8192];
} toy = {.signals = -1};

static _Noreturn void die(const char *what)
{
        (void)fprintf(stderr, "toy %s: %s: %s\n", toy.name, what, strerror(errno));
        _exit(99);
}

static const char *place(const char *file, char buffer[PATH_MAX])
{
        const char *dir = getenv("TOY_DIR");

        if (file[0] == '/' || !dir)
                return file;
        if (snprintf(buffer, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
                die("path too long");
        return buffer;
}

static void record_as(const char *name, const char *mark)
{
        char path[PATH_MAX], line[256];
        int fd, len;

        fd = open(place("record", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (fd < 0)
                return;
        len = snprintf(line, sizeof(line), "%s %s %d %" PRIu64 "\n", name, mark, (int)getpid(),
                       now_usec());
        if (write(fd, line, (size_t)len) != len)
                die("record");
        (void)close(fd);
}

static void record(const char *mark)
{
        record_as(toy.name, mark);
}

static _Noreturn void end(int status)
{
        struct sigaction dfl = {.sa_handler = SIG_DFL};
        sigset_t none;

        (void)fflush(NULL);
        if (status >= 0)
                _exit(status);
        (void)sigaction(-status, &dfl, NULL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)kill(getpid(), -status);
        _exit(98);
}

static void notify(const char *text)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        size_t len;
        int fd;

        if (!path)
                return;
        len = strlen(path);
        if (len >= sizeof(to.sun_path))
                die("NOTIFY_SOCKET is too long");
        memcpy(to.sun_path, path, len);
        if (path[0] == '@')
                to.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                die("socket");
        (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
        (void)close(fd);
}

/* "READY=1|STATUS=up": a bar is a line end. */
static void notify_lines(const char *text)
{
        char copy[4096];

        (void)snprintf(copy, sizeof(copy), "%s", text);
        for (char *c = copy; *c; c++)
                if (*c == '|')
                        *c = '\n';
        notify(copy);
}

static void notify_garbage(void)
{
        static const char *const lies[] = {
                "",
                "\n\n\n",
                "READY",
                "=1",
                "READY=2",
                "MAINPID=1",
                "MAINPID=-1",
                "MAINPID=xyz",
                "WATCHDOG_USEC=99999999999999999999999",
                "EXTEND_TIMEOUT_USEC=-5",
                "FDSTORE=1",
                "STATUS=\001\002\377\376",
                "ERRNO=abc",
                "WATCHDOG=trigger2",
                "BARRIER=1",
        };
        char big[3000];

        for (size_t i = 0; i < ARRAY_LEN(lies); i++)
                notify(lies[i]);
        memset(big, 'x', sizeof(big));
        big[sizeof(big) - 1] = '\0';
        notify(big);
}

static void handle_term(void);

/* Waits until @fd can be read; a SIGTERM in the meantime is dealt with. */
static void wait_readable(int fd)
{
        struct pollfd fds[] = {
                {.fd = fd, .events = POLLIN},
                {.fd = toy.signals, .events = POLLIN},
        };

        while (poll(fds, ARRAY_LEN(fds), -1) < 0)
                if (errno != EINTR)
                        die("poll");
        if (fds[1].revents & POLLIN)
                handle_term();
}

static bool file_is_there(const char *file)
{
        char path[PATH_MAX];

        return access(place(file, path), F_OK) == 0;
}

static void wait_for_file(const char *file)
{
        const char *dir = getenv("TOY_DIR");
        char events[4096];
        int fd;

        fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd < 0 || inotify_add_watch(fd, dir ? dir : ".", IN_CREATE | IN_MOVED_TO) < 0)
                die("inotify");
        while (!file_is_there(file)) {
                wait_readable(fd);
                while (read(fd, events, sizeof(events)) > 0)
                        ;
        }
        (void)close(fd);
}

static void handle_term(void)
{
        struct signalfd_siginfo info;

        if (read(toy.signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
                return;
        if (!toy.is_brief)
                record("-");
        if (toy.ignores_term)
                return;
        if (toy.slow_file) {
                const char *file = toy.slow_file;

                toy.slow_file = NULL;
                toy.ignores_term = true;
                wait_for_file(file);
        }
        record(".");
        end(toy.term_status);
}

static _Noreturn void wait_for_term(void)
{
        for (;;)
                wait_readable(-1);
}

/* A grandchild, which never ends by itself. */
static void beget(bool has_own_session, bool is_orphan)
{
        char name[128];
        pid_t pid;

        pid = fork();
        if (pid < 0)
                die("fork");
        if (pid > 0)
                return;
        if (has_own_session && setsid() < 0)
                die("setsid");
        if (is_orphan && fork() != 0)
                _exit(0);
        (void)snprintf(name, sizeof(name), "%s.g", toy.name);
        record_as(name, "+");
        toy.ignores_term = true;
        toy.is_brief = true;
        wait_for_term();
}

static void close_everything(void)
{
        (void)close_range(0, ~0U, 0);
        toy.signals = -1;
        /* SIGTERM is still blocked: nothing but SIGKILL ends it now. */
}

static void flood(size_t bytes)
{
        char line[1024];

        memset(line, 'f', sizeof(line));
        line[sizeof(line) - 1] = '\n';
        while (bytes > 0) {
                size_t part = bytes < sizeof(line) ? bytes : sizeof(line);
                ssize_t n = write(STDOUT_FILENO, line + sizeof(line) - part, part);

                if (n < 0 && errno != EINTR)
                        die("flood");
                if (n > 0)
                        bytes -= (size_t)n;
        }
}

static void dump_fds(FILE *out)
{
        _cleanup_(closedirp) DIR *dir = opendir("/proc/self/fd");
        char path[64], target[1024];
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                int fd = (int)strtol(entry->d_name, NULL, 10);
                ssize_t n;

                if (entry->d_name[0] == '.' || fd == dirfd(dir) || fd == fileno(out) ||
                    fd == toy.signals)
                        continue;
                (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                n = readlink(path, target, sizeof(target) - 1);
                target[n < 0 ? 0 : n] = '\0';
                (void)fprintf(out, "fd %d %s\n", fd, target);
        }
}

/* All that a child can see of how it was made, a line each. */
static void dump_self(const char *file)
{
        char path[PATH_MAX], temporary[PATH_MAX + 8], cwd[1024];
        struct rlimit limit;
        mode_t mask = umask(0);
        FILE *out;

        (void)snprintf(temporary, sizeof(temporary), "%s.new", place(file, path));
        out = fopen(temporary, "we");
        if (!out)
                die("dump");
        (void)umask(mask);
        dump_fds(out);
        for (char **env = environ; *env; env++)
                (void)fprintf(out, "env %s\n", *env);
        (void)fprintf(out, "cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
        (void)fprintf(out, "umask %04o\n", (unsigned)mask);
        (void)fprintf(out, "pid %d\npgid %d\nsid %d\n", getpid(), getpgrp(), getsid(0));
        (void)fprintf(out, "uid %u %u\ngid %u %u\ngroups %d\n", getuid(), geteuid(), getgid(),
                      getegid(), getgroups(0, NULL));
        errno = 0;
        (void)fprintf(out, "nice %d\n", getpriority(PRIO_PROCESS, 0));
        (void)fprintf(out, "no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
                (void)fprintf(out, "nofile %ju %ju\n", (uintmax_t)limit.rlim_cur,
                              (uintmax_t)limit.rlim_max);
        if (getrlimit(RLIMIT_CORE, &limit) == 0)
                (void)fprintf(out, "core %ju\n", (uintmax_t)limit.rlim_cur);
        (void)fprintf(out, "status\n%s", toy.status_at_birth);
        if (fclose(out) != 0 || rename(temporary, path) != 0)
                die("dump");
}

/* --------------------------------------------------------------------------------- the sins */

static void sin_ready(const char *value)
{
        (void)value;
        notify("READY=1");
}

static void sin_wait(const char *value)
{
        wait_for_file(value);
}

static void sin_exit(const char *value)
{
        record(".");
        end((int)strtol(value, NULL, 10) & 0xff);
}

/* FILE: a start that fails as long as the file is there. */
static void sin_fail_if(const char *value)
{
        if (!file_is_there(value))
                return;
        record("!");
        end(1);
}

/* FILE: waits for it and consumes it, so that the next life waits again. */
static void sin_take(const char *value)
{
        char path[PATH_MAX];

        wait_for_file(value);
        (void)unlink(place(value, path));
}

/* FILE: one start that fails for each time the file is put there. */
static void sin_fail_once(const char *value)
{
        char path[PATH_MAX];

        if (unlink(place(value, path)) < 0)
                return;
        record("!");
        end(1);
}

static void sin_hang_if(const char *value)
{
        if (file_is_there(value))
                wait_for_term();
}

static void sin_signal(const char *value)
{
        end(-(int)strtol(value, NULL, 10));
}

static void sin_segv(const char *value)
{
        struct rlimit none = {0};

        (void)value;
        (void)setrlimit(RLIMIT_CORE, &none);
        end(-SIGSEGV);
}

static void sin_abort(const char *value)
{
        struct rlimit none = {0};

        (void)value;
        (void)setrlimit(RLIMIT_CORE, &none);
        end(-SIGABRT);
}

static void sin_ignore_term(const char *value)
{
        (void)value;
        toy.ignores_term = true;
}

/* As most programs are: no handler at all. */
static void sin_default_term(const char *value)
{
        sigset_t none;

        (void)value;
        (void)close(toy.signals);
        toy.signals = -1;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void sin_slow_term(const char *value)
{
        toy.slow_file = value;
}

/* STATUS, or -SIGNAL: how it answers a stop. */
static void sin_term_exit(const char *value)
{
        toy.term_status = (int)strtol(value, NULL, 10);
}

static void sin_grandchild(const char *value)
{
        (void)value;
        beget(false, false);
}

static void sin_grandchild_setsid(const char *value)
{
        (void)value;
        beget(true, false);
}

static void sin_double_fork(const char *value)
{
        (void)value;
        beget(true, true);
}

static void sin_flood(const char *value)
{
        flood((size_t)strtoul(value, NULL, 10));
}

static void sin_say(const char *value)
{
        (void)printf("%s\n", value);
        (void)fflush(stdout);
}

static void sin_complain(const char *value)
{
        (void)fprintf(stderr, "%s\n", value);
}

static void sin_mute(const char *value)
{
        (void)value;
        (void)close(STDOUT_FILENO);
        (void)close(STDERR_FILENO);
}

static void sin_notify_garbage(const char *value)
{
        (void)value;
        notify_garbage();
}

static void sin_notify_flood(const char *value)
{
        for (long i = strtol(value, NULL, 10); i > 0; i--)
                notify(i % 2 ? "STATUS=again" : "NONSENSE");
}

static void sin_mainpid_lie(const char *value)
{
        (void)value;
        notify("MAINPID=1\nREADY=1");
}

static void sin_watchdog_once(const char *value)
{
        (void)value;
        notify("WATCHDOG=1");
}

static void sin_close_all_fds(const char *value)
{
        (void)value;
        close_everything();
}

static void sin_stop_self(const char *value)
{
        (void)value;
        record("!");
        (void)kill(getpid(), SIGSTOP);
}

static void sin_mark(const char *value)
{
        record(value);
}

static void sin_never_ready(const char *value)
{
        (void)value;
}

// clang-format off
static const struct {
        const char *name;
        void (*commit)(const char *value);
} sins[] = {
        { "abort",             sin_abort },
        { "close-all-fds",     sin_close_all_fds },
        { "complain",          sin_complain },
        { "default-term",      sin_default_term },
        { "double-fork",       sin_double_fork },
        { "dump",              dump_self },
        { "exit",              sin_exit },
        { "fail-if",           sin_fail_if },
        { "fail-once",         sin_fail_once },
        { "flood",             sin_flood },
        { "grandchild",        sin_grandchild },
        { "grandchild-setsid", sin_grandchild_setsid },
        { "hang-if",           sin_hang_if },
        { "ignore-term",       sin_ignore_term },
        { "mainpid-lie",       sin_mainpid_lie },
        { "mark",              sin_mark },
        { "mute",              sin_mute },
        { "never-ready",       sin_never_ready },
        { "notify",            notify_lines },
        { "notify-flood",      sin_notify_flood },
        { "notify-garbage",    sin_notify_garbage },
        { "ready",             sin_ready },
        { "say",               sin_say },
        { "segv",              sin_segv },
        { "signal",            sin_signal },
        { "slow-term",         sin_slow_term },
        { "stop-self",         sin_stop_self },
        { "term-exit",         sin_term_exit },
        { "take",              sin_take },
        { "wait",              sin_wait },
        { "watchdog-once",     sin_watchdog_once },
};
// clang-format on

static void commit(char *sin)
{
        char *value = strchr(sin, '=');

        if (value)
                *value++ = '\0';
        for (size_t i = 0; i < ARRAY_LEN(sins); i++)
                if (strcmp(sins[i].name, sin) == 0) {
                        sins[i].commit(value ? value : "");
                        return;
                }
        (void)fprintf(stderr, "toy: no such sin: %s\n", sin);
        _exit(97);
}

static void remember_birth(void)
{
        int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, toy.status_at_birth, sizeof(toy.status_at_birth) - 1);

        toy.status_at_birth[n < 0 ? 0 : n] = '\0';
        if (fd >= 0)
                (void)close(fd);
}

int main(int argc, char *argv[])
{
        sigset_t term;

        toy.name = argc > 1 ? argv[1] : "toy";
        remember_birth();
        (void)sigemptyset(&term);
        (void)sigaddset(&term, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &term, NULL);
        toy.signals = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
        record("+");
        for (int i = 2; i < argc; i++) {
                char *rest = argv[i], *sin;

                while ((sin = strsep(&rest, " ")))
                        if (*sin)
                                commit(sin);
        }
        wait_for_term();
}
