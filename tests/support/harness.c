/*
 * Owns gend's process in a test: folder, environment, start, READY=1, end, and the proof that
 * nothing is left. Refuses to ask gend anything (harness-ctl.c). Called by tests.
 */

#include "tests/support/harness-private.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/support/procs.h"

#define PAUSE_MSEC 2
#define ARGS_MAX   48

/* The harness of the running test, for the fixture. */
static Harness *current;

static const char *program(const char *variable)
{
        const char *path = getenv(variable);

        ck_assert_msg(path != NULL, "%s is not set: run the tests by meson test", variable);
        return path;
}

const char *harness_gend(void)
{
        return program("GEND_BIN");
}

const char *harness_genctl(void)
{
        return program("GENCTL_BIN");
}

const char *harness_toy(void)
{
        return program("GEND_TOY");
}

const char *harness_rpcat(void)
{
        return program("GEND_RPCAT");
}

void harness_set_current(Harness *h)
{
        current = h;
}

usec_t harness_deadline(void)
{
        const char *text = getenv("GEND_TEST_DEADLINE");
        long msec = text ? strtol(text, NULL, 10) : HARNESS_DEADLINE_MSEC;

        return now_usec() + (usec_t)msec * USEC_PER_MSEC;
}

int harness_left_msec(usec_t deadline)
{
        return (int)(usec_sub(deadline, now_usec()) / USEC_PER_MSEC);
}

void harness_pause(void)
{
        (void)poll(NULL, 0, PAUSE_MSEC);
}

void harness_path(const Harness *h, const char *name, char buffer[PATH_BYTES])
{
        ck_assert_int_lt(snprintf(buffer, PATH_BYTES, "%s/%s", h->dir, name), PATH_BYTES);
}

char *harness_read_file(const char *path)
{
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        size_t size = 0, room = 4096, n;
        char *text;

        if (!file)
                return NULL;
        text = malloc(room);
        while (text && (n = fread(text + size, 1, room - size - 1, file)) > 0) {
                size += n;
                if (size == room - 1)
                        text = realloc(text, room *= 2);
        }
        ck_assert_ptr_nonnull(text);
        text[size] = '\0';
        return text;
}

char *harness_text(const Harness *h, const char *text)
{
        char *result = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&result, &size);

        ck_assert_ptr_nonnull(out);
        for (const char *c = text; *c; c++) {
                if (strncmp(c, "@TOY@", 5) == 0) {
                        (void)fputs(harness_toy(), out);
                        c += 4;
                } else if (strncmp(c, "@DIR@", 5) == 0) {
                        (void)fputs(h->dir, out);
                        c += 4;
                } else if (*c != ',' || (c[1] != ']' && c[1] != '}')) {
                        (void)fputc(*c == '\'' ? '"' : *c, out);
                }
        }
        (void)fclose(out);
        return result;
}

/* ------------------------------------------------------------------------------- making */

static void make_folder(Harness *h)
{
        char template[] = "/tmp/gend-XXXXXX";
        char run[PATH_BYTES];

        ck_assert_msg(mkdtemp(template) != NULL, "mkdtemp: %s", strerror(errno));
        /* Children of other users write their record here. */
        ck_assert_int_eq(chmod(template, 0777), 0);
        (void)snprintf(h->dir, sizeof(h->dir), "%s", template);
        harness_path(h, "run", run);
        ck_assert_int_eq(mkdir(run, 0755), 0);
        harness_path(h, "run/ctl.sock", h->socket);
}

static void bind_notify(Harness *h)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        h->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(h->notify_fd, 0);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", h->dir);
        ck_assert_int_eq(bind(h->notify_fd, (struct sockaddr *)&address, sizeof(address)), 0);
        ck_assert_int_eq(chmod(address.sun_path, 0777), 0); /* gend may be another user */
}

static void start_guardian(Harness *h)
{
        const char *path = program("GEND_GUARDIAN");
        char *const argv[] = {strdup(path), h->marker, h->dir, NULL};
        posix_spawn_file_actions_t actions;
        int pipe_fds[2], r;

        ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_adddup2(&actions, pipe_fds[0], STDIN_FILENO);
        (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        r = posix_spawn(&h->guardian_pid, path, &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        ck_assert_msg(r == 0, "%s: %s", path, strerror(r));
        free(argv[0]);
        (void)close(pipe_fds[0]);
        h->guardian = pipe_fds[1];
}

void harness_env(Harness *h, const char *assignment)
{
        ck_assert_uint_lt(h->env_count, ENV_MAX - 1);
        h->env[h->env_count] = strdup(assignment);
        ck_assert_ptr_nonnull(h->env[h->env_count]);
        h->env_count++;
}

void harness_wrap(Harness *h, const char *command)
{
        free(h->wrap);
        h->wrap = strdup(command);
}

static void env_format(Harness *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void env_format(Harness *h, const char *format, ...)
{
        char text[512];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        harness_env(h, text);
}

static void inherit_env(Harness *h, const char *name)
{
        const char *value = getenv(name);

        if (value)
                env_format(h, "%s=%s", name, value);
}

static void fill_env(Harness *h)
{
        harness_env(h, h->marker);
        env_format(h, "TOY_DIR=%s", h->dir);
        env_format(h, "NOTIFY_SOCKET=%s/notify", h->dir);
        env_format(h, "GEND_LOG_LEVEL=%s",
                   getenv("GEND_LOG_LEVEL") ? getenv("GEND_LOG_LEVEL") : "debug");
        harness_env(h, "PATH=/usr/bin:/bin:/usr/sbin:/sbin");
        inherit_env(h, "ASAN_OPTIONS");
        inherit_env(h, "UBSAN_OPTIONS");
        inherit_env(h, "LSAN_OPTIONS");
        inherit_env(h, "LD_LIBRARY_PATH");
        inherit_env(h, "GEND_VFORK");
}

Harness *harness_new(void)
{
        Harness *h = calloc(1, sizeof(*h));

        ck_assert_ptr_nonnull(h);
        h->pidfd = -1;
        h->kept = json_array();
        h->events = json_array();
        make_folder(h);
        (void)snprintf(h->marker, sizeof(h->marker), "GEND_TEST_ID=%s", h->dir);
        start_guardian(h);
        bind_notify(h);
        fill_env(h);
        if (getenv("GEND_TEST_WRAP"))
                harness_wrap(h, getenv("GEND_TEST_WRAP"));
        current = h;
        return h;
}

void harness_become(Harness *h, uid_t uid)
{
        char run[PATH_BYTES], wrap[128];

        harness_path(h, "run", run);
        ck_assert_int_eq(chown(run, uid, (gid_t)uid), 0);
        (void)snprintf(wrap, sizeof(wrap), "setpriv --reuid=%u --regid=%u --clear-groups%s%s", uid,
                       uid, h->wrap ? " " : "", h->wrap ? h->wrap : "");
        harness_wrap(h, wrap);
}

void harness_write_tree(Harness *h, const char *tree)
{
        _cleanup_(freep) char *text = harness_text(h, tree);
        char path[PATH_BYTES], temporary[PATH_BYTES];
        FILE *file;

        harness_path(h, "tree.json", path);
        harness_path(h, "tree.json.new", temporary);
        file = fopen(temporary, "we");
        ck_assert_ptr_nonnull(file);
        (void)fputs(text, file);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(rename(temporary, path), 0);
}

/* -------------------------------------------------------------------------------- running */

/* The wrapper's words, gend, its arguments, further ones. Words of the wrapper live in *ret_words.
 */
static void fill_argv(Harness *h, char *argv[ARGS_MAX], char **ret_words,
                      const char *const arguments[])
{
        const char *ping = getenv("GEND_TEST_PING");
        size_t count = 0;
        char *rest, *word;

        *ret_words = rest = h->wrap ? strdup(h->wrap) : NULL;
        while (rest && (word = strsep(&rest, " ")))
                argv[count++] = word;
        argv[count++] = strdup(harness_gend());
        argv[count++] = strdup("--runtime-dir");
        ck_assert_int_gt(asprintf(&argv[count++], "%s/run", h->dir), 0);
        argv[count++] = strdup("-t");
        ck_assert_int_gt(asprintf(&argv[count++], "%s/tree.json", h->dir), 0);
        if (ping) {
                argv[count++] = strdup("--ping");
                argv[count++] = strdup(ping);
        }
        for (; arguments && *arguments; arguments++)
                argv[count++] = strdup(*arguments);
        ck_assert_uint_lt(count, ARGS_MAX);
        argv[count] = NULL;
}

static void spawn_gend(Harness *h, char *argv[])
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        char log[PATH_BYTES];
        int r;

        harness_path(h, "gend.log", log);
        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log,
                                               O_WRONLY | O_CREAT | O_APPEND, 0666);
        (void)posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        (void)posix_spawnattr_init(&attributes);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        (void)posix_spawnattr_setpgroup(&attributes, 0);
        r = posix_spawnp(&h->pid, argv[0], &actions, &attributes, argv, h->env);
        (void)posix_spawnattr_destroy(&attributes);
        (void)posix_spawn_file_actions_destroy(&actions);
        ck_assert_msg(r == 0, "%s: %s", argv[0], strerror(r));
        h->pidfd = pidfd_open(h->pid, 0);
        ck_assert_int_ge(h->pidfd, 0);
}

void harness_run(Harness *h, const char *tree, const char *const arguments[])
{
        char *argv[ARGS_MAX], *words;
        size_t wrapped = 0;

        if (tree)
                harness_write_tree(h, tree);
        fill_argv(h, argv, &words, arguments);
        spawn_gend(h, argv);
        for (const char *c = h->wrap; c && *c; c++)
                wrapped += *c == ' ';
        for (size_t i = h->wrap ? wrapped + 1 : 0; argv[i]; i++)
                free(argv[i]);
        free(words);
        if (!h->rpc)
                ck_assert_int_eq(rpc_open(h->socket, &h->rpc), 0);
}

Harness *harness_launch(const char *tree, const char *const arguments[])
{
        Harness *h = harness_new();

        harness_run(h, tree, arguments);
        return h;
}

Harness *harness_start(const char *tree)
{
        Harness *h = harness_launch(tree, NULL);

        harness_wait_ready(h);
        return h;
}

static void read_notification(Harness *h)
{
        char text[4096];
        ssize_t n = recv(h->notify_fd, text, sizeof(text) - 1, MSG_DONTWAIT);

        if (n < 0)
                return;
        text[n] = '\0';
        if (strncmp(text, "READY=1", 7) == 0 || strstr(text, "\nREADY=1"))
                h->is_ready = true;
}

void harness_reset_ready(Harness *h)
{
        h->is_ready = false;
}

void harness_wait_ready(Harness *h)
{
        usec_t deadline = harness_deadline();

        while (!h->is_ready) {
                struct pollfd fds[] = {
                        {.fd = h->notify_fd, .events = POLLIN},
                        {.fd = h->pidfd, .events = POLLIN},
                };

                if (poll(fds, ARRAY_LEN(fds), harness_left_msec(deadline)) == 0)
                        harness_failed(h, __FILE__, __LINE__, "gend did not become ready");
                if (fds[0].revents)
                        read_notification(h);
                else if (fds[1].revents)
                        harness_failed(h, __FILE__, __LINE__, "gend ended before it was ready: %d",
                                       harness_await_exit(h));
        }
}

void harness_signal(Harness *h, int signo)
{
        ck_assert_int_eq(pidfd_send_signal(h->pidfd, signo, NULL, 0), 0);
}

void harness_lives_for(Harness *h, int msec)
{
        struct pollfd end = {.fd = h->pidfd, .events = POLLIN};

        if (poll(&end, 1, msec) != 0)
                harness_failed(h, __FILE__, __LINE__, "gend has ended");
}

pid_t harness_pid(const Harness *h)
{
        return h->pid;
}

const char *harness_dir(const Harness *h)
{
        return h->dir;
}

const char *harness_socket(const Harness *h)
{
        return h->socket;
}

/* ----------------------------------------------------------------------------------- the end */

int harness_await_exit(Harness *h)
{
        struct pollfd end = {.fd = h->pidfd, .events = POLLIN};
        siginfo_t info = {0};

        if (poll(&end, 1, harness_left_msec(harness_deadline())) != 1)
                harness_failed(h, __FILE__, __LINE__, "gend does not end");
        ck_assert_int_eq(waitid(P_PIDFD, (id_t)h->pidfd, &info, WEXITED), 0);
        h->pidfd = close_fd(h->pidfd);
        return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

int harness_count(Harness *h)
{
        pid_t pids[1024];

        return (int)procs_find(h->marker, pids, ARRAY_LEN(pids));
}

void harness_expect_count(Harness *h, int count)
{
        usec_t deadline = harness_deadline();
        int found;

        while ((found = harness_count(h)) != count) {
                if (now_usec() > deadline)
                        harness_failed(h, __FILE__, __LINE__, "%d processes, expected %d", found,
                                       count);
                harness_pause();
        }
}

void harness_expect_nobody(Harness *h)
{
        usec_t deadline = harness_deadline();
        pid_t pid;

        while (procs_find(h->marker, &pid, 1) > 0) {
                if (now_usec() > deadline)
                        harness_failed(h, __FILE__, __LINE__, "process %d lives on", (int)pid);
                expect_dead(h, pid);
        }
}

static void check_no_process_is_left(Harness *h)
{
        pid_t pids[64];
        char name[512];
        size_t count = procs_find(h->marker, pids, ARRAY_LEN(pids));

        for (size_t i = 0; i < count; i++) {
                procs_name(pids[i], name, sizeof(name));
                (void)fprintf(stderr, "left behind: %d %s\n", (int)pids[i], name);
        }
        if (count > 0)
                harness_failed(h, __FILE__, __LINE__, "%zu processes are left", count);
}

static void check_runtime_folder_is_empty(Harness *h)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        char path[PATH_BYTES];

        harness_path(h, "run", path);
        dir = opendir(path);
        while (dir && (entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        harness_failed(h, __FILE__, __LINE__, "gend has left %s in its folder",
                                       entry->d_name);
}

/* What a sanitizer or an assertion has said, in gend, its services or the toys. */
static void check_log_is_clean(Harness *h)
{
        static const char *const cries[] = {"Sanitizer", "runtime error:", "Assertion "};
        _cleanup_(freep) char *log = harness_log(h);

        for (size_t i = 0; log && i < ARRAY_LEN(cries); i++)
                if (strstr(log, cries[i]))
                        harness_failed(h, __FILE__, __LINE__, "gend's log has: %.300s",
                                       strstr(log, cries[i]));
}

/* The guardian removes the folder; a byte tells it that all is well. */
static void dismiss_guardian(Harness *h, bool is_clean)
{
        if (is_clean)
                (void)!write(h->guardian, "q", 1);
        h->guardian = close_fd(h->guardian);
        (void)waitpid(h->guardian_pid, NULL, 0);
}

static void release(Harness *h, bool is_clean)
{
        current = NULL;
        h->rpc = rpc_close(h->rpc);
        dismiss_guardian(h, is_clean);
        if (h->pidfd >= 0) {
                (void)waitid(P_PIDFD, (id_t)h->pidfd, &(siginfo_t){0}, WEXITED);
                (void)close(h->pidfd);
        }
        (void)close(h->notify_fd);
        json_decref(h->kept);
        json_decref(h->events);
        for (size_t i = 0; i < h->env_count; i++)
                free(h->env[i]);
        free(h->wrap);
        free(h->record);
        free(h->file_text);
        free(h);
}

void harness_free(Harness *h)
{
        check_no_process_is_left(h);
        check_log_is_clean(h);
        release(h, true);
}

void harness_stop(Harness *h)
{
        int status;

        harness_signal(h, SIGTERM);
        status = harness_await_exit(h);
        if (status != 0)
                harness_failed(h, __FILE__, __LINE__, "gend ended with %d", status);
        check_no_process_is_left(h);
        check_runtime_folder_is_empty(h);
        check_log_is_clean(h);
        release(h, true);
}

static void teardown(void)
{
        if (current)
                release(current, false);
}

TCase *harness_case(const char *name)
{
        TCase *tcase = tcase_create(name);

        tcase_add_checked_fixture(tcase, NULL, teardown);
        tcase_set_timeout(tcase, HARNESS_TCASE_SECONDS);
        return tcase;
}

void harness_failed(Harness *h, const char *file, int line, const char *format, ...)
{
        char text[1024];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        (void)fprintf(stderr, "%s:%d: %s\n", file, line, text);
        if (!h->has_failed) {
                h->has_failed = true;
                (void)fprintf(stderr, "record: %s\n", record_text(h));
                harness_dump_ctl(h);
        }
        ck_abort_msg("%s:%d: %s", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line, text);
}

/* --------------------------------------------------------------------------------- services */

/* The parent and the name of a process, of /proc/PID/stat. */
static bool read_stat(const char *pid, int *ret_parent, char name[32])
{
        _cleanup_(freep) char *text = NULL;
        char path[PATH_BYTES], state;
        const char *open, *close;

        (void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
        text = harness_read_file(path);
        if (!text)
                return false;
        open = strchr(text, '(');
        close = strrchr(text, ')');
        if (!open || !close || close - open > 31)
                return false;
        (void)snprintf(name, 32, "%.*s", (int)(close - open - 1), open + 1);
        return sscanf(close + 1, " %c %d", &state, ret_parent) == 2 && state != 'Z';
}

static pid_t find_service(Harness *h, const char *name)
{
        _cleanup_(closedirp) DIR *dir = opendir("/proc");
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                char found[32] = "";
                int parent = 0;

                if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
                    read_stat(entry->d_name, &parent, found) && parent == h->pid &&
                    strncmp(found, name, 15) == 0)
                        return (pid_t)strtol(entry->d_name, NULL, 10);
        }
        return 0;
}

pid_t harness_service_pid(Harness *h, const char *name)
{
        usec_t deadline = harness_deadline();
        pid_t pid;

        while ((pid = find_service(h, name)) == 0) {
                if (now_usec() > deadline)
                        harness_failed(h, __FILE__, __LINE__, "there is no %s", name);
                harness_pause();
        }
        return pid;
}

pid_t harness_kill_service(Harness *h, const char *name)
{
        pid_t pid = harness_service_pid(h, name);
        _cleanup_(closep) int fd = pidfd_open(pid, 0);

        if (fd >= 0 && pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0)
                expect_dead(h, pid);
        return pid;
}

bool is_alive(pid_t pid)
{
        char text[32], name[32];
        int parent;

        (void)snprintf(text, sizeof(text), "%d", (int)pid);
        return read_stat(text, &parent, name);
}

void expect_dead(Harness *h, pid_t pid)
{
        _cleanup_(closep) int fd = pidfd_open(pid, 0);
        struct pollfd end = {.fd = fd, .events = POLLIN};

        if (fd >= 0 && poll(&end, 1, harness_left_msec(harness_deadline())) != 1)
                harness_failed(h, __FILE__, __LINE__, "process %d does not end", (int)pid);
}

void expect_reaped(Harness *h, pid_t pid)
{
        usec_t deadline = harness_deadline();

        expect_dead(h, pid);
        while (kill(pid, 0) == 0) {
                if (now_usec() > deadline)
                        harness_failed(h, __FILE__, __LINE__, "process %d is not reaped", (int)pid);
                harness_pause();
        }
}

int harness_run_program(Harness *h, const char *const argv[], char **ret_text)
{
        posix_spawn_file_actions_t actions;
        char out[PATH_BYTES];
        char *copy[ARGS_MAX] = {NULL};
        siginfo_t info = {0};
        pid_t pid;
        int r;

        harness_path(h, "program.out", out);
        for (size_t i = 0; argv[i] && i < ARGS_MAX - 1; i++)
                copy[i] = strdup(argv[i]);
        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out,
                                               O_WRONLY | O_CREAT | O_TRUNC, 0666);
        (void)posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        r = posix_spawnp(&pid, copy[0], &actions, NULL, copy, h->env);
        (void)posix_spawn_file_actions_destroy(&actions);
        ck_assert_msg(r == 0, "%s: %s", argv[0], strerror(r));
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
        for (size_t i = 0; copy[i]; i++)
                free(copy[i]);
        if (ret_text)
                *ret_text = harness_read_file(out);
        return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

char *harness_log(Harness *h)
{
        char path[PATH_BYTES];

        harness_path(h, "gend.log", path);
        return harness_read_file(path);
}

void harness_expect_logged(Harness *h, const char *text)
{
        usec_t deadline = harness_deadline();

        for (;;) {
                _cleanup_(freep) char *log = harness_log(h);

                if (log && strstr(log, text))
                        return;
                if (now_usec() > deadline)
                        harness_failed(h, __FILE__, __LINE__, "nobody said: %s", text);
                harness_pause();
        }
}
