#include "tests/integration/kernel/rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/fake-service.h"

#define DEADLINE_USEC (30 * USEC_PER_SEC)

static int remaining_msec(usec_t deadline)
{
        return (int)(usec_sub(deadline, now_usec()) / USEC_PER_MSEC);
}

/* --- gend --- */

static void make_links(Rig *rig)
{
        static const char *const names[] = {"gend-supervisor", "gend-log"};
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/bin", rig->dir);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                (void)snprintf(path, sizeof(path), "%s/bin/%s", rig->dir, names[i]);
                ck_assert_int_eq(symlink(getenv("GEND_FAKE_SERVICE"), path), 0);
        }
}

static int bind_socket(const char *path, int type)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        memcpy(address.sun_path, path, strlen(path));
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static _Noreturn void exec_gend(const Rig *rig, char *const args[], bool with_services)
{
        const char *bin = getenv("GEND_BIN");
        char run[128], path[128];
        const char *argv[16] = {bin, "-t", "/dev/null", "--runtime-dir", run};
        size_t count = 5;
        struct rlimit files;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = RIG_NOFILE;
        (void)setrlimit(RLIMIT_NOFILE, &files);
        (void)snprintf(run, sizeof(run), "%s/run", rig->dir);
        (void)snprintf(path, sizeof(path), "%s/bin", rig->dir);
        (void)setenv("GEND_LIBEXECDIR", path, 1);
        (void)snprintf(path, sizeof(path), "%s/double", rig->dir);
        if (with_services)
                (void)setenv("GEND_DOUBLE_SOCKET", path, 1);
        (void)snprintf(path, sizeof(path), "%s/notify", rig->dir);
        (void)setenv("NOTIFY_SOCKET", path, 1);
        for (size_t i = 0; args && args[i]; i++)
                argv[count++] = args[i];
        (void)execv(bin, (char *const *)(void *)argv);
        _exit(126);
}

void rig_launch(Rig *rig, char *const args[], bool with_services)
{
        char path[128];

        *rig = (Rig){.supervisor = {.control = -1, .link = -1}, .log = {.control = -1, .link = -1}};
        (void)snprintf(rig->dir, sizeof(rig->dir), "/tmp/gend-kernel-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(rig->dir));
        make_links(rig);
        (void)snprintf(path, sizeof(path), "%s/double", rig->dir);
        rig->listen_fd = bind_socket(path, SOCK_SEQPACKET);
        ck_assert_int_eq(listen(rig->listen_fd, 8), 0);
        (void)snprintf(path, sizeof(path), "%s/notify", rig->dir);
        rig->notify_fd = bind_socket(path, SOCK_DGRAM);
        rig->gend = fork();
        ck_assert_int_ge(rig->gend, 0);
        if (rig->gend == 0)
                exec_gend(rig, args, with_services);
}

void rig_second(Rig *rig, char *const args[])
{
        rig->gend = fork();
        ck_assert_int_ge(rig->gend, 0);
        if (rig->gend == 0)
                exec_gend(rig, args, true);
}

void rig_relaunch(Rig *rig, char *const args[])
{
        rig->supervisor.link = close_fd(rig->supervisor.link);
        rig->log.link = close_fd(rig->log.link);
        rig_second(rig, args);
        rig_accept(rig);
        rig_accept(rig);
        while (!rig->is_synced)
                rig_pump(rig);
}

void rig_start(Rig *rig, char *const args[])
{
        rig_launch(rig, args, true);
        rig_accept(rig);
        rig_accept(rig);
        while (!rig->is_synced)
                rig_pump(rig);
}

int rig_wait_exit(Rig *rig)
{
        usec_t deadline = now_usec() + 2 * DEADLINE_USEC;
        siginfo_t info = {0};

        while (now_usec() < deadline) {
                ck_assert_int_eq(waitid(P_PID, (id_t)rig->gend, &info, WEXITED | WNOHANG), 0);
                if (info.si_pid != 0)
                        return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
                (void)rig_pump_for(rig, 10);
        }
        ck_abort_msg("gend does not exit");
        return -1;
}

static void remove_file(const Rig *rig, const char *name)
{
        char path[160];

        (void)snprintf(path, sizeof(path), "%s/%s", rig->dir, name);
        ck_assert_msg(remove(path) == 0 || errno == ENOENT, "%s: %s", path, strerror(errno));
}

void rig_cleanup(Rig *rig)
{
        static const char *const names[] = {"bin/gend-supervisor",
                                            "bin/gend-log",
                                            "bin",
                                            "double",
                                            "notify",
                                            "run/child.sock",
                                            "run/order",
                                            "run/kernel.state",
                                            "run/gend.lock",
                                            "run",
                                            ""};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                remove_file(rig, names[i]);
}

void rig_stop(Rig *rig, int status)
{
        Record record = {.type = RECORD_FINISHED, .finished = {.exit_status = status}};

        assert_ok(record_send(rig->supervisor.link, &record, NULL, 0));
        rig->supervisor.control = close_fd(rig->supervisor.control);
        ck_assert_int_eq(rig_wait_exit(rig), status);
        rig_cleanup(rig);
}

/* --- The services --- */

static void take_fds(struct msghdr *message, int fds[FAKE_FDS])
{
        struct cmsghdr *header = CMSG_FIRSTHDR(message);

        ck_assert_ptr_nonnull(header);
        for (size_t i = 0; i < FAKE_FDS; i++)
                fds[i] = -1;
        memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
}

void rig_accept(Rig *rig)
{
        struct pollfd ready = {.fd = rig->listen_fd, .events = POLLIN};
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(FAKE_FDS * sizeof(int))];
        } control_data;
        FakeHello hello;
        struct iovec iov = {.iov_base = &hello, .iov_len = sizeof(hello)};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = control_data.bytes,
                                 .msg_controllen = sizeof(control_data.bytes)};
        int fds[FAKE_FDS], control;
        RigPeer *peer;

        ck_assert_int_eq(poll(&ready, 1, remaining_msec(now_usec() + DEADLINE_USEC)), 1);
        control = accept4(rig->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        ck_assert_int_ge(control, 0);
        ck_assert_int_eq(recvmsg(control, &message, MSG_CMSG_CLOEXEC), sizeof(hello));
        take_fds(&message, fds);
        peer = strcmp(hello.name, "gend-log") == 0 ? &rig->log : &rig->supervisor;
        *peer = (RigPeer){.control = control,
                          .link = fds[0],
                          .fds = {fds[2], fds[3], fds[4]},
                          .pid = hello.pid,
                          .page = mmap(NULL, sizeof(ServicePage), PROT_READ | PROT_WRITE,
                                       MAP_SHARED, fds[1], 0)};
        ck_assert_ptr_ne(peer->page, MAP_FAILED);
        (void)close(fds[1]);
        if (peer == &rig->supervisor)
                rig->is_synced = false;
}

static void hang_up(RigPeer *peer)
{
        peer->control = close_fd(peer->control);
        peer->link = close_fd(peer->link);
        for (size_t i = 0; i < ARRAY_LEN(peer->fds); i++)
                peer->fds[i] = close_fd(peer->fds[i]);
        peer->pid = 0;
}

void rig_kill_peer(RigPeer *peer)
{
        pid_t pid = peer->pid;

        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        hang_up(peer);
        rig_gone(pid);
}

static void obey_log(Rig *rig, const Record *record, int fd)
{
        RigLog *log;

        if (record->type == RECORD_LOG_DROP)
                rig->drops++;
        for (unsigned i = 0; record->type == RECORD_LOG_CLOSE && i < rig->log_count; i++)
                if (rig->logs[i].slot == record->slot &&
                    rig->logs[i].generation == record->generation &&
                    rig->logs[i].stream == record->log.stream)
                        rig->logs[i].is_closed = true;
        if (record->type != RECORD_LOG_OPEN) {
                (void)close_fd(fd);
                return;
        }
        ck_assert_uint_lt(rig->log_count, RIG_LOGS);
        log = &rig->logs[rig->log_count++];
        *log = (RigLog){.slot = record->slot,
                        .generation = record->generation,
                        .stream = record->log.stream,
                        .fd = fd};
        (void)snprintf(log->file, sizeof(log->file), "%.60s", record->log.file);
}

static void obey(Rig *rig, RigPeer *peer, const Record *record, int fd)
{
        if (record->type == RECORD_PING && !peer->is_mute)
                atomic_store(&peer->page->pong, record->ping.number);
        if (peer == &rig->log) {
                obey_log(rig, record, fd);
                return;
        }
        ck_assert_int_eq(fd, -1);
        if (record->type == RECORD_HELLO)
                rig->hello = record->hello;
        if (record->type == RECORD_SYNCED)
                rig->is_synced = true;
        if (record->type == RECORD_REQUEST)
                rig->request = record->request;
        if (record->type == RECORD_CHILD) {
                ck_assert_uint_lt(record->slot, RIG_SLOTS);
                rig->rows[record->slot].generation = record->generation;
                rig->rows[record->slot].child = record->child;
                rig->rows[record->slot].reports++;
        }
}

static void read_peer(Rig *rig, RigPeer *peer)
{
        Record record;
        int fds[2], r;

        r = record_receive(peer->link, &record, fds);
        if (r == 0)
                peer->link = close_fd(peer->link);
        if (r == 0 && peer == &rig->log)
                hang_up(peer); /* as gend-log would */
        if (r > 0)
                obey(rig, peer, &record, fds[0]);
}

bool rig_pump_for(Rig *rig, int msec)
{
        struct pollfd ready[2] = {{.fd = rig->supervisor.link, .events = POLLIN},
                                  {.fd = rig->log.link, .events = POLLIN}};

        if (poll(ready, 2, msec) <= 0)
                return false;
        if (ready[0].revents)
                read_peer(rig, &rig->supervisor);
        if (ready[1].revents)
                read_peer(rig, &rig->log);
        return true;
}

void rig_pump(Rig *rig)
{
        ck_assert_msg(rig_pump_for(rig, (int)(DEADLINE_USEC / USEC_PER_MSEC)), "gend says nothing");
}

/* --- Orders --- */

SpawnSpec rig_spec(const char *script)
{
        static char name[] = "sh", option[] = "-c", path[] = "PATH=/usr/bin:/bin";
        static char *argv[4], *envp[2];
        static char text[1024];

        (void)snprintf(text, sizeof(text), "%s", script);
        argv[0] = name;
        argv[1] = option;
        argv[2] = text;
        envp[0] = path;
        return (SpawnSpec){.path = "app/child",
                           .file = "/bin/sh",
                           .argv = argv,
                           .envp = envp,
                           .uid = SPAWN_ID_INHERIT,
                           .gid = SPAWN_ID_INHERIT,
                           .umask = SPAWN_INHERIT,
                           .nice = SPAWN_INHERIT,
                           .out_mode = STDIO_LOG,
                           .err_mode = STDIO_LOG,
                           .stop_signal = SIGTERM,
                           .stop_usec = 100 * USEC_PER_MSEC};
}

void rig_spawn_spec(Rig *rig, uint32_t slot, uint64_t generation, const SpawnSpec *spec)
{
        Record record = {.type = RECORD_SPAWN, .slot = slot, .generation = generation};
        _cleanup_(closep) int fd = -1;

        assert_ok(spawn_spec_seal(spec, &fd));
        assert_ok(record_send(rig->supervisor.link, &record, &fd, 1));
}

void rig_spawn(Rig *rig, uint32_t slot, uint64_t generation, const char *script)
{
        SpawnSpec spec = rig_spec(script);

        rig_spawn_spec(rig, slot, generation, &spec);
}

void rig_send(Rig *rig, uint32_t type, uint32_t slot, uint64_t generation)
{
        Record record = {.type = type, .slot = slot, .generation = generation};

        assert_ok(record_send(rig->supervisor.link, &record, NULL, 0));
}

void rig_signal(Rig *rig, uint32_t slot, uint64_t generation, SignalMode mode, int signo)
{
        Record record = {.type = RECORD_SIGNAL, .slot = slot, .generation = generation};

        record.signal = (RecordSignal){.mode = mode, .signo = signo};
        assert_ok(record_send(rig->supervisor.link, &record, NULL, 0));
}

/* --- What comes of them --- */

const RecordChild *rig_row(Rig *rig, uint32_t slot, uint64_t generation, uint32_t flags)
{
        while (rig->rows[slot].generation != generation ||
               (rig->rows[slot].child.flags & flags) != flags)
                rig_pump(rig);
        return &rig->rows[slot].child;
}

static RigLog *find_log(Rig *rig, uint32_t slot, uint64_t generation, uint32_t stream)
{
        for (unsigned i = rig->log_count; i-- > 0;)
                if (rig->logs[i].slot == slot && rig->logs[i].generation == generation &&
                    rig->logs[i].stream == stream)
                        return &rig->logs[i];
        return NULL;
}

RigLog *rig_log(Rig *rig, uint32_t slot, uint64_t generation, uint32_t stream)
{
        while (!find_log(rig, slot, generation, stream))
                rig_pump(rig);
        return find_log(rig, slot, generation, stream);
}

const char *rig_line(Rig *rig, uint32_t slot, uint64_t generation)
{
        static char line[4096];
        const RigLog *log = rig_log(rig, slot, generation, 1);
        size_t used = 0;

        while (used + 1 < sizeof(line)) {
                struct pollfd ready = {.fd = log->fd, .events = POLLIN};

                ck_assert_msg(poll(&ready, 1, (int)(DEADLINE_USEC / USEC_PER_MSEC)) == 1,
                              "no output");
                if (read(log->fd, line + used, 1) != 1 || line[used] == '\n')
                        break;
                used++;
        }
        line[used] = '\0';
        return line;
}

void rig_notify(const char *address, const char *text, int fd)
{
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        _cleanup_(closep) int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        char copy[LIMIT_NOTIFY_BYTES * 2];
        struct iovec iov = {.iov_base = copy, .iov_len = strlen(text)};
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct msghdr message = {.msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1};

        ck_assert_int_ge(socket_fd, 0);
        ck_assert_uint_lt(strlen(text), sizeof(copy));
        memcpy(copy, text, strlen(text));
        memcpy(to.sun_path, address, strlen(address));
        to.sun_path[0] = '\0';
        message.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address));
        if (fd >= 0) {
                message.msg_control = control.bytes;
                message.msg_controllen = sizeof(control.bytes);
                *CMSG_FIRSTHDR(&message) = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                                            .cmsg_type = SCM_RIGHTS,
                                                            .cmsg_len = CMSG_LEN(sizeof(int))};
                memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
        }
        ck_assert_int_eq(sendmsg(socket_fd, &message, 0), (ssize_t)strlen(text));
}

void rig_gone(pid_t pid)
{
        usec_t deadline = now_usec() + DEADLINE_USEC;

        while (kill(pid, 0) == 0 && now_usec() < deadline)
                (void)poll(NULL, 0, 5);
        ck_assert_msg(kill(pid, 0) < 0, "process %d is still there", pid);
}
