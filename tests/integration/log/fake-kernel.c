#include "tests/integration/log/fake-kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/usec.h"
#include "tests/support/test-main.h"

#define DEADLINE_USEC (30 * USEC_PER_SEC)
#define RING_BYTES    (64u * 1024)
#define FIRST_FD      20 /* above the ones a service is born with */

static int high_fd(int fd)
{
        int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(high, FIRST_FD);
        (void)close(fd);
        return high;
}

void fake_kernel_setup(FakeKernel *kernel)
{
        *kernel = (FakeKernel){.socket_fd = -1, .log_pidfd = -1};
        for (uint32_t slot = 0; slot < FAKE_PIPES; slot++)
                kernel->pipes[slot] = (FakePipe){-1, -1};
        (void)snprintf(kernel->dir, sizeof(kernel->dir), "/tmp/gend-test-log-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(kernel->dir));
        kernel->rings_fd = high_fd(memfd_create("rings", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        kernel->page_fd = high_fd(memfd_create("page", MFD_CLOEXEC));
        kernel->event_fd = high_fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        assert_ok(ring_set_create(kernel->rings_fd, RING_BYTES));
        assert_ok(ring_set_open(kernel->rings_fd, false, &kernel->rings));
        ck_assert_int_eq(ftruncate(kernel->page_fd, 4096), 0);
        kernel->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, kernel->page_fd, 0);
        ck_assert_ptr_ne(kernel->page, MAP_FAILED);
}

static void remove_folder(const char *path)
{
        DIR *dir = opendir(path);
        char name[512];

        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
                (void)remove(name); /* an empty folder, too */
        }
        if (dir)
                (void)closedir(dir);
        (void)rmdir(path);
}

void fake_kernel_teardown(FakeKernel *kernel)
{
        if (kernel->log_pid > 0)
                fake_kernel_kill(kernel);
        remove_folder(kernel->dir);
}

void fake_kernel_start(FakeKernel *kernel)
{
        char program[] = "gend-log";
        char *argv[] = {program, NULL};
        posix_spawn_file_actions_t actions;
        int pair[2];

        ck_assert_ptr_nonnull(getenv("GEND_LOG"));
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        kernel->socket_fd = high_fd(pair[0]);
        pair[1] = high_fd(pair[1]);
        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_adddup2(&actions, pair[1], SERVICE_FD_KERNEL);
        (void)posix_spawn_file_actions_adddup2(&actions, kernel->page_fd, SERVICE_FD_PAGE);
        (void)posix_spawn_file_actions_adddup2(&actions, kernel->rings_fd, SERVICE_FD_RINGS);
        (void)posix_spawn_file_actions_adddup2(&actions, kernel->event_fd, SERVICE_FD_LOG_EVENT);
        ck_assert_int_eq(
                posix_spawn(&kernel->log_pid, getenv("GEND_LOG"), &actions, NULL, argv, environ),
                0);
        (void)posix_spawn_file_actions_destroy(&actions);
        (void)close(pair[1]);
        kernel->log_pidfd = high_fd((int)syscall(SYS_pidfd_open, kernel->log_pid, 0));
        for (uint32_t slot = 0; slot < FAKE_PIPES; slot++)
                if (kernel->pipes[slot].read_fd >= 0)
                        fake_kernel_announce(kernel, slot);
}

static int await_end(FakeKernel *kernel)
{
        struct pollfd end = {.fd = kernel->log_pidfd, .events = POLLIN};
        int status = -1;

        ck_assert_int_eq(poll(&end, 1, (int)(DEADLINE_USEC / USEC_PER_MSEC)), 1);
        ck_assert_int_eq(waitpid(kernel->log_pid, &status, 0), kernel->log_pid);
        kernel->log_pid = 0;
        closep(&kernel->log_pidfd);
        return status;
}

void fake_kernel_kill(FakeKernel *kernel)
{
        (void)kill(kernel->log_pid, SIGKILL);
        (void)await_end(kernel);
        closep(&kernel->socket_fd);
}

int fake_kernel_end(FakeKernel *kernel)
{
        int status;

        closep(&kernel->socket_fd);
        status = await_end(kernel);
        ck_assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void send_record(FakeKernel *kernel, const Record *record, int fd)
{
        struct pollfd ready = {.fd = kernel->socket_fd, .events = POLLOUT};
        usec_t deadline = usec_add(now_usec(), DEADLINE_USEC);
        int r;

        while ((r = record_send(kernel->socket_fd, record, &fd, fd >= 0 ? 1 : 0)) == -EAGAIN) {
                ck_assert(now_usec() < deadline);
                ck_assert_int_ge(poll(&ready, 1, 1000), 0);
        }
        assert_ok(r);
}

void fake_kernel_announce(FakeKernel *kernel, uint32_t slot)
{
        Record record = {.type = RECORD_LOG_OPEN, .slot = slot, .generation = 1};
        RecordLog *log = &record.log;

        log->stream = 1;
        log->pid = 1000 + (int)slot;
        log->rotate_bytes = kernel->rotate_bytes;
        log->keep_files = kernel->keep_files;
        (void)snprintf(log->path, sizeof(log->path), "shop/child%u", slot);
        (void)snprintf(log->file, sizeof(log->file), "%s", kernel->files[slot]);
        send_record(kernel, &record, kernel->pipes[slot].read_fd);
}

int fake_kernel_open(FakeKernel *kernel, uint32_t slot, const char *file)
{
        int pair[2];

        ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
        kernel->pipes[slot] = (FakePipe){.read_fd = high_fd(pair[0]), .write_fd = high_fd(pair[1])};
        (void)snprintf(kernel->files[slot], sizeof(kernel->files[slot]), "%s", file ? file : "");
        if (kernel->log_pid > 0)
                fake_kernel_announce(kernel, slot);
        return kernel->pipes[slot].write_fd;
}

void fake_kernel_send(FakeKernel *kernel, RecordType type, uint32_t slot)
{
        Record record = {.type = type, .slot = slot, .generation = 1};

        record.log.stream = 1;
        send_record(kernel, &record, -1);
}

/* Look again soon; gend-log tells nobody that it has done something. */
static void look_again(const FakeKernel *kernel, usec_t deadline)
{
        struct pollfd end = {.fd = kernel->log_pidfd, .events = POLLIN};

        ck_assert_msg(now_usec() < deadline, "gend-log does not do it");
        ck_assert_msg(poll(&end, 1, 1) == 0, "gend-log has ended");
}

void fake_kernel_ping(FakeKernel *kernel)
{
        usec_t deadline = usec_add(now_usec(), DEADLINE_USEC);
        Record record = {.type = RECORD_PING};

        record.ping.number = ++kernel->pings;
        send_record(kernel, &record, -1);
        while (atomic_load(&kernel->page->pong) != kernel->pings)
                look_again(kernel, deadline);
}

void fake_kernel_await(FakeKernel *kernel, uint32_t slot, uint64_t position)
{
        usec_t deadline = usec_add(now_usec(), DEADLINE_USEC);
        RingView view;
        char byte;

        for (;;) {
                assert_ok(ring_read(&kernel->rings, slot, position - 1, &byte, 1, &view));
                if (view.end >= position)
                        return;
                look_again(kernel, deadline);
        }
}

bool fake_kernel_drained(const FakeKernel *kernel, uint32_t slot)
{
        int bytes = -1;

        ck_assert_int_eq(ioctl(kernel->pipes[slot].read_fd, FIONREAD, &bytes), 0);
        return bytes == 0;
}

void fake_kernel_settle(FakeKernel *kernel, uint32_t slot)
{
        usec_t deadline = usec_add(now_usec(), DEADLINE_USEC);

        while (!fake_kernel_drained(kernel, slot))
                look_again(kernel, deadline);
        fake_kernel_ping(kernel);
}

char *fake_kernel_ring(FakeKernel *kernel, uint32_t slot, RingView *ret_view)
{
        char *text = calloc(1, RING_BYTES + 1);

        ck_assert_ptr_nonnull(text);
        assert_ok(ring_read(&kernel->rings, slot, 0, text, RING_BYTES, ret_view));
        return text;
}

const char *fake_kernel_path(const FakeKernel *kernel, const char *name)
{
        static char paths[8][128];
        static unsigned next;
        char *path = paths[next++ % ARRAY_LEN(paths)];

        (void)snprintf(path, sizeof(paths[0]), "%s/%s", kernel->dir, name);
        return path;
}

char *file_text(const char *path, size_t *ret_size)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st = {0};
        size_t size = 0;
        char *text;

        if (fd >= 0)
                ck_assert_int_eq(fstat(fd, &st), 0);
        text = calloc(1, (size_t)st.st_size + 1);
        ck_assert_ptr_nonnull(text);
        while (fd >= 0 && size < (size_t)st.st_size) {
                ssize_t n = read(fd, text + size, (size_t)st.st_size - size);

                ck_assert_int_gt(n, 0);
                size += (size_t)n;
        }
        if (ret_size)
                *ret_size = size;
        return text;
}

void write_text(int fd, const char *text)
{
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}
