/*
 * A real gend-log against a fake kernel: what it stores, where, and that neither its own violent
 * end nor a full disk nor a hung journal loses or stops anything it should not.
 */
#include "tests/integration/log/fake-kernel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/usec.h"
#include "tests/support/test-main.h"

static FakeKernel kernel;

static void setup_only(void)
{
        (void)unsetenv("JOURNAL_STREAM");
        fake_kernel_setup(&kernel);
}

static void setup(void)
{
        setup_only();
        fake_kernel_start(&kernel);
}

static void teardown(void)
{
        fake_kernel_teardown(&kernel);
}

static void assert_ring(uint32_t slot, const char *text)
{
        RingView view;
        _cleanup_(freep) char *ring = fake_kernel_ring(&kernel, slot, &view);

        ck_assert_str_eq(ring, text);
}

static void assert_file(const char *path, const char *text)
{
        _cleanup_(freep) char *content = file_text(path, NULL);

        ck_assert_str_eq(content, text);
}

static uint64_t dropped_of(uint32_t slot)
{
        RingView view;

        assert_ok(ring_read(&kernel.rings, slot, 0, NULL, 0, &view));
        return view.dropped;
}

START_TEST(what_a_child_writes_is_in_its_ring)
{
        int fd = fake_kernel_open(&kernel, 3, NULL);

        write_text(fd, "one\ntwo");
        fake_kernel_await(&kernel, 3, 7);
        assert_ring(3, "one\ntwo");
        write_text(fd, "\n");
        fake_kernel_await(&kernel, 3, 8);
        assert_ring(3, "one\ntwo\n");
        assert_ring(2, "");
        ck_assert_uint_eq(dropped_of(3), 0);
}
END_TEST

START_TEST(pings_are_answered)
{
        for (int i = 0; i < 100; i++)
                fake_kernel_ping(&kernel);
}
END_TEST

START_TEST(it_ends_with_the_kernel_and_drains_first)
{
        int fd = fake_kernel_open(&kernel, 0, fake_kernel_path(&kernel, "out"));

        fake_kernel_ping(&kernel);
        ck_assert_int_eq(kill(kernel.log_pid, SIGSTOP), 0);
        write_text(fd, "last words");
        closep(&kernel.socket_fd);
        ck_assert_int_eq(kill(kernel.log_pid, SIGCONT), 0);
        ck_assert_int_eq(fake_kernel_end(&kernel), 0);
        assert_ring(0, "last words");
        assert_file(fake_kernel_path(&kernel, "out"), "last words");
}
END_TEST

START_TEST(signals_to_the_whole_group_do_not_end_it)
{
        fake_kernel_ping(&kernel); /* it is up */
        ck_assert_int_eq(kill(kernel.log_pid, SIGINT), 0);
        ck_assert_int_eq(kill(kernel.log_pid, SIGTERM), 0);
        ck_assert_int_eq(kill(kernel.log_pid, SIGHUP), 0);
        fake_kernel_ping(&kernel);
}
END_TEST

START_TEST(a_close_drains_first)
{
        char lines[5000];
        RingView view;
        char *text;
        int fd = fake_kernel_open(&kernel, 1, NULL);

        memset(lines, 'x', sizeof(lines));
        fake_kernel_ping(&kernel);
        ck_assert_int_eq(kill(kernel.log_pid, SIGSTOP), 0);
        for (int i = 0; i < 6; i++)
                ck_assert_int_eq(write(fd, lines, sizeof(lines)), sizeof(lines));
        fake_kernel_send(&kernel, RECORD_LOG_CLOSE, 1);
        ck_assert_int_eq(kill(kernel.log_pid, SIGCONT), 0);
        fake_kernel_ping(&kernel);
        text = fake_kernel_ring(&kernel, 1, &view);
        ck_assert_uint_eq(view.end, 6 * sizeof(lines));
        free(text);

        write_text(fd, "after"); /* nobody reads this */
        fake_kernel_ping(&kernel);
        ck_assert(!fake_kernel_drained(&kernel, 1));
}
END_TEST

START_TEST(a_close_does_not_wait_for_one_who_writes_without_end)
{
        int fd = fake_kernel_open(&kernel, 1, NULL);
        pid_t flooder = fork();

        if (flooder == 0) {
                char block[4096];

                memset(block, 'f', sizeof(block));
                while (write(fd, block, sizeof(block)) > 0)
                        continue;
                _exit(0);
        }
        fake_kernel_await(&kernel, 1, 100000);
        fake_kernel_send(&kernel, RECORD_LOG_CLOSE, 1);
        fake_kernel_ping(&kernel);
        ck_assert_int_eq(kill(flooder, SIGKILL), 0);
        ck_assert_int_eq(waitpid(flooder, NULL, 0), flooder);
}
END_TEST

START_TEST(a_dropped_slot_forgets_its_ring)
{
        int fd = fake_kernel_open(&kernel, 1, NULL);
        RingView view;
        char *text;

        write_text(fd, "old\n");
        fake_kernel_settle(&kernel, 1);
        fake_kernel_send(&kernel, RECORD_LOG_CLOSE, 1);
        fake_kernel_send(&kernel, RECORD_LOG_DROP, 1);
        fake_kernel_ping(&kernel);
        text = fake_kernel_ring(&kernel, 1, &view);
        ck_assert_uint_eq(view.size, 0);
        free(text);
        fd = fake_kernel_open(&kernel, 1, NULL);
        write_text(fd, "new\n");
        fake_kernel_settle(&kernel, 1);
        assert_ring(1, "new\n");
}
END_TEST

START_TEST(a_pipe_announced_twice_is_read_once)
{
        int fd = fake_kernel_open(&kernel, 1, fake_kernel_path(&kernel, "out"));

        fake_kernel_announce(&kernel, 1);
        write_text(fd, "a\n");
        fake_kernel_announce(&kernel, 1);
        fake_kernel_settle(&kernel, 1);
        write_text(fd, "b\n");
        fake_kernel_settle(&kernel, 1);
        assert_ring(1, "a\nb\n");
        assert_file(fake_kernel_path(&kernel, "out"), "a\nb\n");
}
END_TEST

START_TEST(malformed_records_are_ignored)
{
        Record record = {.type = RECORD_LOG_OPEN, .slot = LIMIT_SLOTS, .generation = 1};
        int fd = fake_kernel_open(&kernel, 1, NULL);

        record.log.stream = 1;
        (void)snprintf(record.log.path, sizeof(record.log.path), "x/y");
        assert_ok(record_send(kernel.socket_fd, &record, &fd, 1));
        record.slot = UINT32_MAX;
        assert_ok(record_send(kernel.socket_fd, &record, &fd, 1));
        record.type = RECORD_LOG_DROP;
        assert_ok(record_send(kernel.socket_fd, &record, NULL, 0));
        record.type = RECORD_LOG_CLOSE;
        assert_ok(record_send(kernel.socket_fd, &record, NULL, 0));
        record.type = RECORD_LOG_OPEN;
        record.slot = 5;
        record.log.stream = 7;
        assert_ok(record_send(kernel.socket_fd, &record, &fd, 1));
        record.log.stream = 1;
        assert_ok(record_send(kernel.socket_fd, &record, NULL, 0));             /* no descriptor */
        assert_ok(record_send(kernel.socket_fd, &record, &kernel.event_fd, 1)); /* no pipe */
        memset(record.log.file, 'x', sizeof(record.log.file));                  /* not terminated */
        assert_ok(record_send(kernel.socket_fd, &record, &fd, 1));
        (void)snprintf(record.log.file, sizeof(record.log.file), "relative");
        assert_ok(record_send(kernel.socket_fd, &record, &fd, 1));
        ck_assert_int_eq(send(kernel.socket_fd, "short", 5, 0), 5);
        record.type = RECORD_SPAWN; /* not for gend-log */
        assert_ok(record_send(kernel.socket_fd, &record, &fd, 1));
        fake_kernel_ping(&kernel);
        write_text(fd, "alive\n");
        fake_kernel_settle(&kernel, 1);
        assert_ring(1, "alive\n");
}
END_TEST

/* Write numbered lines until @stop_fd is readable; then report how many there were through
 * @count_fd. */
static void write_numbers(int fd, int stop_fd, int count_fd)
{
        struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
        unsigned count = 0;
        char line[64];

        while (poll(&stop, 1, 0) == 0)
                for (int i = 0; i < 50; i++) {
                        int n = snprintf(line, sizeof(line), "line %u of a child\n", ++count);

                        if (write(fd, line, (size_t)n) != n)
                                _exit(1);
                }
        _exit(write(count_fd, &count, sizeof(count)) == sizeof(count) ? 0 : 1);
}

START_TEST(nothing_is_lost_or_doubled_when_it_is_killed)
{
        const char *path = fake_kernel_path(&kernel, "numbers");
        _cleanup_(freep) char *text = NULL;
        unsigned count = 0, seen = 0;
        int stop[2], result[2];
        uint64_t ring_end = 0;
        RingView view;
        pid_t writer;
        int fd;

        ck_assert_int_eq(pipe2(stop, O_CLOEXEC) + pipe2(result, O_CLOEXEC), 0);
        fd = fake_kernel_open(&kernel, 1, path);
        writer = fork();
        if (writer == 0)
                write_numbers(fd, stop[0], result[1]);
        for (int round = 0; round < 60; round++) {
                ring_end += 20000 + (uint64_t)round * 1777;
                fake_kernel_await(&kernel, 1, ring_end);
                fake_kernel_kill(&kernel);
                fake_kernel_start(&kernel);
        }
        write_text(stop[1], "x");
        ck_assert_int_eq(read(result[0], &count, sizeof(count)), sizeof(count));
        ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
        fake_kernel_settle(&kernel, 1);

        text = file_text(path, NULL);
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
                char expected[64];

                *end = '\0';
                (void)snprintf(expected, sizeof(expected), "line %u of a child", ++seen);
                ck_assert_str_eq(line, expected);
        }
        ck_assert_uint_eq(seen, count);
        free(fake_kernel_ring(&kernel, 1, &view));
        free(text);
        text = file_text(path, &(size_t){0});
        ck_assert_uint_eq(view.end, strlen(text)); /* the ring counted the same bytes */
        for (size_t i = 0; i < ARRAY_LEN(stop); i++) {
                (void)close(stop[i]);
                (void)close(result[i]);
        }
}
END_TEST

START_TEST(a_flood_of_one_does_not_starve_another)
{
        int flood_fd = fake_kernel_open(&kernel, 1, NULL);
        int other_fd = fake_kernel_open(&kernel, 2, NULL);
        pid_t flooder = fork();
        RingView before, after;

        if (flooder == 0) {
                char block[8192];

                memset(block, 'f', sizeof(block));
                while (write(flood_fd, block, sizeof(block)) > 0)
                        continue;
                _exit(0);
        }
        fake_kernel_await(&kernel, 1, 1000000);
        for (uint64_t i = 1; i <= 100; i++) {
                usec_t start = now_usec();

                write_text(other_fd, "tick\n");
                fake_kernel_await(&kernel, 2, 5 * i);
                ck_assert_uint_lt(now_usec() - start, 5 * USEC_PER_SEC);
        }
        assert_ok(ring_read(&kernel.rings, 1, 0, NULL, 0, &before));
        fake_kernel_ping(&kernel);
        assert_ok(ring_read(&kernel.rings, 1, 0, NULL, 0, &after));
        ck_assert_int_eq(kill(flooder, SIGKILL), 0);
        ck_assert_int_eq(waitpid(flooder, NULL, 0), flooder);
}
END_TEST

static uint64_t event_count(void)
{
        struct pollfd moved = {.fd = kernel.event_fd, .events = POLLIN};
        uint64_t count = 0;

        ck_assert_int_eq(poll(&moved, 1, 10000), 1);
        ck_assert_int_eq(read(kernel.event_fd, &count, sizeof(count)), sizeof(count));
        return count;
}

START_TEST(followers_are_told_and_nobody_else)
{
        int fd = fake_kernel_open(&kernel, 1, NULL);
        uint64_t count;

        write_text(fd, "unseen\n");
        fake_kernel_settle(&kernel, 1);
        ck_assert_int_lt(read(kernel.event_fd, &count, sizeof(count)), 0);
        ring_set_followers(&kernel.rings, 1);
        write_text(fd, "seen\n");
        ck_assert_uint_eq(event_count(), 1);
        ring_set_followers(&kernel.rings, 0);
        write_text(fd, "unseen\n");
        fake_kernel_settle(&kernel, 1);
        ck_assert_int_lt(read(kernel.event_fd, &count, sizeof(count)), 0);
}
END_TEST

/* What a process has cost: its threads' voluntary switches, and memory of its own in KiB. */
static long status_number(const char *file, const char *key)
{
        _cleanup_(fclosep) FILE *status = NULL;
        char path[64], line[256];

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)kernel.log_pid, file);
        status = fopen(path, "re");
        ck_assert_ptr_nonnull(status);
        while (fgets(line, sizeof(line), status))
                if (strncmp(line, key, strlen(key)) == 0)
                        return strtol(line + strlen(key), NULL, 10);
        ck_abort_msg("%s has no %s", path, key);
        return -1;
}

START_TEST(a_thousand_children_at_rest_wake_nobody_and_cost_little)
{
        struct pollfd end = {.fd = kernel.log_pidfd, .events = POLLIN};
        struct rlimit limit;
        uint32_t children;
        long before;

        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = limit.rlim_max;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        children = (uint32_t)MIN_OF((limit.rlim_max - 100) / 2, (rlim_t)1000); /* two ends each */
        for (uint32_t slot = 0; slot < children; slot++)
                (void)fake_kernel_open(&kernel, slot, NULL);
        fake_kernel_ping(&kernel);
        before = status_number("status", "voluntary_ctxt_switches:");
        ck_assert_int_eq(poll(&end, 1, 300), 0);
        ck_assert_int_le(status_number("status", "voluntary_ctxt_switches:") - before, 1);
        /* Its own; the text of libraries is shared with gend and gend-supervisor. */
        if (!getenv("GEND_TEST_NO_MEMORY"))
                ck_assert_int_lt(status_number("smaps_rollup", "Private_Dirty:"), 1000);
}
END_TEST

START_TEST(a_file_is_appended_to_and_not_for_everyone)
{
        const char *path = fake_kernel_path(&kernel, "out");
        int fd = fake_kernel_open(&kernel, 1, path);
        struct stat st;

        write_text(fd, "one\n");
        fake_kernel_settle(&kernel, 1);
        fake_kernel_kill(&kernel);
        fake_kernel_start(&kernel);
        write_text(fd, "two\n");
        fake_kernel_settle(&kernel, 1);
        assert_file(path, "one\ntwo\n");
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0137, 0);
}
END_TEST

START_TEST(a_symbolic_link_is_not_followed)
{
        const char *victim = fake_kernel_path(&kernel, "victim");
        const char *path = fake_kernel_path(&kernel, "out");
        int fd;

        ck_assert_int_eq(symlink(victim, path), 0);
        fd = fake_kernel_open(&kernel, 1, path);
        write_text(fd, "one\n");
        fake_kernel_settle(&kernel, 1);
        ck_assert_int_lt(access(victim, F_OK), 0);
        ck_assert_uint_eq(dropped_of(1), 4);
        assert_ring(1, "one\n");
}
END_TEST

START_TEST(files_are_rotated_between_lines)
{
        static const char *const rotated[] = {"out", "out.1", "out.2", "out.3"};
        const char *path = fake_kernel_path(&kernel, "out");
        int fd;

        kernel.rotate_bytes = 100;
        kernel.keep_files = 3;
        fd = fake_kernel_open(&kernel, 1, path);
        for (int i = 0; i < 50; i++) {
                char line[64];

                (void)snprintf(line, sizeof(line), "this is line number %d\n", i);
                write_text(fd, line);
                if (i % 7 == 0)
                        fake_kernel_settle(&kernel, 1);
        }
        fake_kernel_settle(&kernel, 1);
        ck_assert_int_lt(access(fake_kernel_path(&kernel, "out.4"), F_OK), 0);
        for (size_t i = 0; i < ARRAY_LEN(rotated); i++) {
                size_t size;
                _cleanup_(freep) char *text =
                        file_text(fake_kernel_path(&kernel, rotated[i]), &size);

                ck_assert_uint_gt(size, 0);
                ck_assert_uint_le(size, 100);
                ck_assert_int_eq(strncmp(text, "this", 4), 0);
                ck_assert_int_eq(text[size - 1], '\n');
                ck_assert(i > 0 || strstr(text, "number 49\n"));
        }
        ck_assert_uint_eq(dropped_of(1), 0);
}
END_TEST

START_TEST(a_line_longer_than_the_file_may_be_is_kept_whole)
{
        const char *path = fake_kernel_path(&kernel, "out");
        char line[1000];
        size_t size;
        int fd;

        kernel.rotate_bytes = 100;
        kernel.keep_files = 2;
        memset(line, 'x', sizeof(line));
        line[sizeof(line) - 2] = '\n';
        line[sizeof(line) - 1] = '\0';
        fd = fake_kernel_open(&kernel, 1, path);
        write_text(fd, "short\n");
        write_text(fd, line);
        write_text(fd, "short\n");
        fake_kernel_settle(&kernel, 1);
        assert_file(path, "short\n");
        free(file_text(fake_kernel_path(&kernel, "out.1"), &size));
        ck_assert_uint_eq(size, sizeof(line) - 1);
        assert_file(fake_kernel_path(&kernel, "out.2"), "short\n");
}
END_TEST

START_TEST(a_file_without_lines_is_rotated_all_the_same)
{
        const char *path = fake_kernel_path(&kernel, "out");
        uint64_t total = 0;
        char block[4001];
        int fd;

        kernel.rotate_bytes = 10000;
        kernel.keep_files = 1;
        memset(block, 'x', sizeof(block));
        block[sizeof(block) - 1] = '\0';
        fd = fake_kernel_open(&kernel, 1, path);
        for (int i = 0; i < 50; i++) {
                struct stat st;

                write_text(fd, block);
                total += 4000;
                fake_kernel_await(&kernel, 1, total);
                ck_assert_int_eq(stat(path, &st), 0);
                ck_assert_int_le(st.st_size, 10000 + LIMIT_LOG_LINE_BYTES + 8000);
        }
        ck_assert_int_eq(access(fake_kernel_path(&kernel, "out.1"), F_OK), 0);
}
END_TEST

START_TEST(files_are_opened_again_when_someone_else_rotates_them)
{
        const char *path = fake_kernel_path(&kernel, "out");
        const char *old = fake_kernel_path(&kernel, "old");
        int fd = fake_kernel_open(&kernel, 1, path);

        write_text(fd, "one\n");
        fake_kernel_settle(&kernel, 1);
        ck_assert_int_eq(rename(path, old), 0);
        fake_kernel_send(&kernel, RECORD_LOG_ROTATE, 0);
        fake_kernel_ping(&kernel);
        write_text(fd, "two\n");
        fake_kernel_settle(&kernel, 1);
        assert_file(old, "one\n");
        assert_file(path, "two\n");
        ck_assert_int_eq(unlink(path), 0); /* and when it was just removed */
        write_text(fd, "three\n");
        fake_kernel_settle(&kernel, 1);
        assert_file(path, "three\n");
}
END_TEST

START_TEST(two_children_may_share_a_file)
{
        const char *path = fake_kernel_path(&kernel, "out");
        int one, two;
        size_t size;

        kernel.rotate_bytes = 1000;
        kernel.keep_files = 1;
        one = fake_kernel_open(&kernel, 1, path);
        two = fake_kernel_open(&kernel, 2, path);
        for (int i = 0; i < 15; i++) {
                write_text(one, "this is one of forty bytes of the first\n");
                fake_kernel_settle(&kernel, 1);
                write_text(two, "this is one of forty bytes of the other\n");
                fake_kernel_settle(&kernel, 2);
        }
        free(file_text(path, &size));
        ck_assert_uint_eq(size, 200);
        free(file_text(fake_kernel_path(&kernel, "out.1"), &size));
        ck_assert_uint_eq(size, 1000);
}
END_TEST

START_TEST(a_full_device_is_counted_and_blocks_nobody)
{
        int full = fake_kernel_open(&kernel, 1, "/dev/full");
        int fine = fake_kernel_open(&kernel, 2, fake_kernel_path(&kernel, "out"));

        for (int i = 0; i < 100; i++)
                write_text(full, "0123456789\n");
        fake_kernel_settle(&kernel, 1);
        ck_assert_uint_eq(dropped_of(1), 1100);
        write_text(fine, "fine\n");
        fake_kernel_settle(&kernel, 2);
        assert_file(fake_kernel_path(&kernel, "out"), "fine\n");
        ck_assert_uint_eq(dropped_of(2), 0);
}
END_TEST

START_TEST(a_file_at_its_size_limit_recovers_when_there_is_room)
{
        struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
        const char *path = fake_kernel_path(&kernel, "out");
        _cleanup_(freep) char *text = NULL;
        char block[4000];
        int fd;

        memset(block, 'x', sizeof(block));
        block[sizeof(block) - 2] = '\n';
        block[sizeof(block) - 1] = '\0';
        fd = fake_kernel_open(&kernel, 1, path);
        fake_kernel_ping(&kernel);
        ck_assert_int_eq(prlimit(kernel.log_pid, RLIMIT_FSIZE, &limit, NULL), 0);
        write_text(fd, block);
        fake_kernel_settle(&kernel, 1);
        write_text(fd, block);
        fake_kernel_settle(&kernel, 1);
        ck_assert_uint_eq(dropped_of(1), 2 * (sizeof(block) - 1) - 4096);
        limit.rlim_cur = RLIM_INFINITY;
        ck_assert_int_eq(prlimit(kernel.log_pid, RLIMIT_FSIZE, &limit, NULL), 0);
        write_text(fd, "after\n");
        fake_kernel_settle(&kernel, 1);
        text = file_text(path, NULL);
        ck_assert_str_eq(text + 4096, "\nafter\n"); /* the line that was cut ends there */
}
END_TEST

START_TEST(a_full_disk_recovers_when_there_is_space)
{
        const char *disk = fake_kernel_path(&kernel, "disk");
        char path[160], filler[160], block[4096];
        _cleanup_(freep) char *text = NULL;
        int fd, filler_fd;

        ck_assert_int_eq(mkdir(disk, 0700), 0);
        if (mount("tmpfs", disk, "tmpfs", 0, "size=64k,mode=0700") < 0)
                return; /* not allowed here; the size limit above shows the same */
        (void)snprintf(path, sizeof(path), "%s/out", disk);
        (void)snprintf(filler, sizeof(filler), "%s/filler", disk);
        memset(block, 'x', sizeof(block));
        filler_fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(filler_fd, block, sizeof(block)) > 0)
                continue;
        fd = fake_kernel_open(&kernel, 1, path);
        write_text(fd, "before\n");
        fake_kernel_settle(&kernel, 1);
        ck_assert_uint_eq(dropped_of(1), 7);
        ck_assert_int_eq(ftruncate(filler_fd, 0), 0);
        write_text(fd, "after\n");
        fake_kernel_settle(&kernel, 1);
        text = file_text(path, NULL);
        (void)close(filler_fd);
        fake_kernel_kill(&kernel);
        ck_assert_int_eq(umount2(disk, MNT_DETACH), 0);
        ck_assert_int_eq(rmdir(disk), 0);
        ck_assert_str_eq(text, "after\n");
}
END_TEST

static int journal_fd = -1;

static void setup_journal(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int one = 1;

        setup_only();
        journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        (void)setsockopt(journal_fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/journal", kernel.dir);
        ck_assert_int_eq(bind(journal_fd, (struct sockaddr *)&address, sizeof(address)), 0);
        ck_assert_int_eq(setenv("GEND_JOURNAL_SOCKET", address.sun_path, 1), 0);
        ck_assert_int_eq(setenv("JOURNAL_STREAM", "1:2", 1), 0);
        fake_kernel_start(&kernel);
}

static char datagram[65536];

/* The next datagram, terminated. */
static size_t next_datagram(void)
{
        struct pollfd ready = {.fd = journal_fd, .events = POLLIN};
        ssize_t n;

        ck_assert_int_eq(poll(&ready, 1, 10000), 1);
        n = recv(journal_fd, datagram, sizeof(datagram) - 1, 0);
        ck_assert_int_gt(n, 0);
        datagram[n] = '\0';
        return (size_t)n;
}

START_TEST(a_line_is_a_datagram_with_fields)
{
        int fd = fake_kernel_open(&kernel, 4, NULL);

        write_text(fd, "hello ");
        write_text(fd, "world\n<3>bad\n\nunfinished");
        next_datagram();
        ck_assert_str_eq(datagram, "PRIORITY=6\nSYSLOG_IDENTIFIER=child4\nGEND_PATH=shop/child4\n"
                                   "GEND_CHILD_PID=1004\nGEND_GENERATION=1\nGEND_STREAM=1\n"
                                   "MESSAGE=hello world\n");
        next_datagram();
        ck_assert_ptr_nonnull(strstr(datagram, "PRIORITY=3\n"));
        ck_assert_ptr_nonnull(strstr(datagram, "\nMESSAGE=bad\n"));
        fake_kernel_settle(&kernel, 4);
        ck_assert_int_lt(recv(journal_fd, datagram, sizeof(datagram), MSG_DONTWAIT), 0);
        fake_kernel_send(&kernel, RECORD_LOG_CLOSE, 4);
        next_datagram();
        ck_assert_ptr_nonnull(strstr(datagram, "\nMESSAGE=unfinished\n"));
        assert_ring(4, "hello world\n<3>bad\n\nunfinished");
        ck_assert_uint_eq(dropped_of(4), 0);
}
END_TEST

START_TEST(binary_messages_carry_their_length)
{
        static const char binary[] = "a\0b\033c\n", tail[] = "MESSAGE\n\5\0\0\0\0\0\0\0a\0b\033c\n";
        int fd = fake_kernel_open(&kernel, 4, NULL);
        size_t n;

        ck_assert_int_eq(write(fd, binary, sizeof(binary) - 1), sizeof(binary) - 1);
        n = next_datagram();
        ck_assert_uint_gt(n, sizeof(tail) - 1);
        ck_assert_mem_eq(datagram + n - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
}
END_TEST

START_TEST(long_lines_are_split_and_keep_their_priority)
{
        static char line[LIMIT_LOG_LINE_BYTES + 1000];
        int fd = fake_kernel_open(&kernel, 4, NULL);

        memset(line, 'y', sizeof(line));
        memcpy(line, "<2>", 3);
        line[sizeof(line) - 2] = '\n';
        line[sizeof(line) - 1] = '\0';
        write_text(fd, line);
        next_datagram();
        ck_assert_ptr_nonnull(strstr(datagram, "PRIORITY=2\n"));
        ck_assert_uint_eq(strlen(strstr(datagram, "MESSAGE=")), 8 + LIMIT_LOG_LINE_BYTES - 3 + 1);
        next_datagram();
        ck_assert_ptr_nonnull(strstr(datagram, "PRIORITY=2\n"));
        ck_assert_uint_eq(strlen(strstr(datagram, "MESSAGE=")), 8 + 1000 - 2 + 1);
}
END_TEST

START_TEST(what_goes_to_a_file_does_not_go_to_the_journal)
{
        int fd = fake_kernel_open(&kernel, 4, fake_kernel_path(&kernel, "out"));

        write_text(fd, "hello\n");
        fake_kernel_settle(&kernel, 4);
        ck_assert_int_lt(recv(journal_fd, datagram, sizeof(datagram), MSG_DONTWAIT), 0);
        assert_file(fake_kernel_path(&kernel, "out"), "hello\n");
}
END_TEST

START_TEST(a_hung_journal_blocks_nobody_and_is_counted)
{
        int fd = fake_kernel_open(&kernel, 4, NULL);
        uint64_t total = 0;

        for (int i = 0; i < 2000; i++) {
                char line[128];
                int n = snprintf(line, sizeof(line), "line %d %0100d\n", i, i);

                ck_assert_int_eq(write(fd, line, (size_t)n), n);
                total += (uint64_t)n;
        }
        fake_kernel_await(&kernel, 4, total);
        fake_kernel_settle(&kernel, 4);
        ck_assert_uint_gt(dropped_of(4), 0);
        while (recv(journal_fd, datagram, sizeof(datagram), MSG_DONTWAIT) > 0)
                continue;
        write_text(fd, "it works again\n");
        next_datagram();
        ck_assert_ptr_nonnull(strstr(datagram, "MESSAGE=it works again\n"));
}
END_TEST

/* Queues of datagrams are short: 10 by default, a few hundred under systemd. */
START_TEST(a_burst_longer_than_the_queue_waits_for_the_journal)
{
        static const char line[] = "0123456789012345678\n";
        int fd = fake_kernel_open(&kernel, 4, NULL);
        unsigned received = 0, lost;
        char lines[10000];

        for (size_t i = 0; i < sizeof(lines); i++)
                lines[i] = line[i % 20];
        ck_assert_int_eq(write(fd, lines, sizeof(lines)), sizeof(lines));
        while (!fake_kernel_drained(&kernel, 4))
                received += recv(journal_fd, datagram, sizeof(datagram), MSG_DONTWAIT) > 0;
        fake_kernel_settle(&kernel, 4);
        while (recv(journal_fd, datagram, sizeof(datagram), MSG_DONTWAIT) > 0)
                received++;
        lost = (unsigned)(dropped_of(4) / 19);
        ck_assert_uint_eq(received + lost, 500);
        ck_assert_uint_ge(received, 100); /* all, on a machine that does nothing else */
}
END_TEST

START_TEST(no_line_is_lost_to_the_journal_when_it_is_killed)
{
        int fd = fake_kernel_open(&kernel, 4, NULL);
        unsigned sent = 0, next = 0;
        uint64_t total = 0;

        for (int round = 0; round < 30; round++) {
                for (int i = 0; i < 4; i++) {
                        char line[64];
                        int n = snprintf(line, sizeof(line), "line %u\n", sent++);

                        ck_assert_int_eq(write(fd, line, (size_t)n), n);
                        total += (uint64_t)n;
                }
                if (round % 3 == 0)
                        fake_kernel_await(&kernel, 4, total);
                fake_kernel_kill(&kernel);
                fake_kernel_start(&kernel);
                for (unsigned number = 0; next < sent; next = MAX_OF(next, number + 1)) {
                        next_datagram();
                        ck_assert_int_eq(
                                sscanf(strstr(datagram, "MESSAGE="), "MESSAGE=line %u", &number),
                                1);
                        ck_assert_uint_le(number, next); /* one may come twice */
                        ck_assert_uint_ge(number + 1, next);
                }
        }
}
END_TEST

static TCase *pipes_case(void)
{
        TCase *tc = tcase_create("pipes");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, what_a_child_writes_is_in_its_ring);
        tcase_add_test(tc, pings_are_answered);
        tcase_add_test(tc, it_ends_with_the_kernel_and_drains_first);
        tcase_add_test(tc, signals_to_the_whole_group_do_not_end_it);
        tcase_add_test(tc, a_close_drains_first);
        tcase_add_test(tc, a_close_does_not_wait_for_one_who_writes_without_end);
        tcase_add_test(tc, a_dropped_slot_forgets_its_ring);
        tcase_add_test(tc, a_pipe_announced_twice_is_read_once);
        tcase_add_test(tc, malformed_records_are_ignored);
        tcase_add_test(tc, nothing_is_lost_or_doubled_when_it_is_killed);
        tcase_add_test(tc, a_flood_of_one_does_not_starve_another);
        tcase_add_test(tc, followers_are_told_and_nobody_else);
        tcase_add_test(tc, a_thousand_children_at_rest_wake_nobody_and_cost_little);
        return tc;
}

static TCase *files_case(void)
{
        TCase *tc = tcase_create("files");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, a_file_is_appended_to_and_not_for_everyone);
        tcase_add_test(tc, a_symbolic_link_is_not_followed);
        tcase_add_test(tc, files_are_rotated_between_lines);
        tcase_add_test(tc, a_line_longer_than_the_file_may_be_is_kept_whole);
        tcase_add_test(tc, a_file_without_lines_is_rotated_all_the_same);
        tcase_add_test(tc, files_are_opened_again_when_someone_else_rotates_them);
        tcase_add_test(tc, two_children_may_share_a_file);
        tcase_add_test(tc, a_full_device_is_counted_and_blocks_nobody);
        tcase_add_test(tc, a_file_at_its_size_limit_recovers_when_there_is_room);
        tcase_add_test(tc, a_full_disk_recovers_when_there_is_space);
        return tc;
}

static TCase *journal_case(void)
{
        TCase *tc = tcase_create("journal");

        tcase_add_checked_fixture(tc, setup_journal, teardown);
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, a_line_is_a_datagram_with_fields);
        tcase_add_test(tc, binary_messages_carry_their_length);
        tcase_add_test(tc, long_lines_are_split_and_keep_their_priority);
        tcase_add_test(tc, what_goes_to_a_file_does_not_go_to_the_journal);
        tcase_add_test(tc, a_hung_journal_blocks_nobody_and_is_counted);
        tcase_add_test(tc, a_burst_longer_than_the_queue_waits_for_the_journal);
        tcase_add_test(tc, no_line_is_lost_to_the_journal_when_it_is_killed);
        return tc;
}

TEST_MAIN("log", pipes_case(), files_case(), journal_case())
