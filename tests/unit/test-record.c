#include "protocols/record.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"

static int ends[2];

static void open_pair(void)
{
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void close_pair(void)
{
        ends[0] = close_fd(ends[0]);
        ends[1] = close_fd(ends[1]);
}

static int count_fds(void)
{
        int count = 0;

        for (int fd = 0; fd < 256; fd++)
                count += fcntl(fd, F_GETFD) >= 0;
        return count;
}

START_TEST(a_record_arrives_as_it_was_sent)
{
        Record sent = {.type = RECORD_SIGNAL, .slot = 7, .generation = 1ull << 40};
        Record got;
        int fds[2];

        sent.signal = (RecordSignal){.mode = SIGNAL_STOP, .signo = 15};
        assert_ok(record_send(ends[0], &sent, NULL, 0));
        ck_assert_int_eq(record_receive(ends[1], &got, fds), 1);
        ck_assert_uint_eq(got.type, RECORD_SIGNAL);
        ck_assert_uint_eq(got.slot, 7);
        ck_assert_uint_eq(got.generation, 1ull << 40);
        ck_assert_int_eq(got.signal.signo, 15);
        ck_assert_int_eq(fds[0], -1);
        ck_assert_int_eq(fds[1], -1);
        assert_fails(record_receive(ends[1], &got, fds), EAGAIN);
}
END_TEST

START_TEST(descriptors_arrive_close_on_exec)
{
        Record record = {.type = RECORD_SPAWN};
        int pipe_fds[2], fds[2];

        ck_assert_int_eq(pipe(pipe_fds), 0);
        assert_ok(record_send(ends[0], &record, pipe_fds, 2));
        ck_assert_int_eq(record_receive(ends[1], &record, fds), 1);
        ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
        ck_assert_int_eq(write(fds[1], "x", 1), 1);
        for (int i = 0; i < 2; i++) {
                (void)close(pipe_fds[i]);
                (void)close(fds[i]);
        }
        assert_fails(record_send(ends[0], &record, pipe_fds, 3), EINVAL);
}
END_TEST

/* More descriptors than a record has, or on something that is none: nothing stays open. */
static void send_raw(const void *data, size_t size, unsigned fd_count)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(8 * sizeof(int))];
        } control = {0};
        char copy[sizeof(Record) + 1];
        struct iovec iov = {.iov_base = copy, .iov_len = size};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        int fds[8] = {0};

        memcpy(copy, data, size);
        if (fd_count > 0) {
                message.msg_control = control.bytes;
                message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
                memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
        }
        ck_assert_int_eq(sendmsg(ends[0], &message, 0), (ssize_t)size);
}

START_TEST(what_is_no_record_is_refused_and_leaves_nothing_open)
{
        char raw[sizeof(Record) + 1] = {0};
        int before = count_fds(), fds[2];
        Record got;

        send_raw(raw, 1, 2);
        assert_fails(record_receive(ends[1], &got, fds), EPROTO);
        send_raw(raw, sizeof(Record), 1); /* RECORD_NONE */
        assert_fails(record_receive(ends[1], &got, fds), EPROTO);
        raw[0] = RECORD_TYPE_COUNT;
        send_raw(raw, sizeof(Record), 0);
        assert_fails(record_receive(ends[1], &got, fds), EPROTO);
        raw[0] = RECORD_PING;
        send_raw(raw, sizeof(Record) + 1, 2);
        assert_fails(record_receive(ends[1], &got, fds), EPROTO);
        ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(surplus_descriptors_are_closed)
{
        Record record = {.type = RECORD_PING};
        int before = count_fds(), fds[2];

        send_raw(&record, sizeof(record), 8);
        ck_assert_int_eq(record_receive(ends[1], &record, fds), 1);
        (void)close_fd(fds[0]);
        (void)close_fd(fds[1]);
        ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(the_end_is_told_from_an_empty_queue)
{
        Record record = {.type = RECORD_PING};
        int fds[2];

        assert_ok(record_send(ends[0], &record, NULL, 0));
        ends[0] = close_fd(ends[0]);
        ck_assert_int_eq(record_receive(ends[1], &record, fds), 1);
        ck_assert_int_eq(record_receive(ends[1], &record, fds), 0);
        assert_fails(record_send(ends[1], &record, NULL, 0), EPIPE);
}
END_TEST

/* A peer that dies with unread records makes an error come first. */
START_TEST(what_the_dead_had_sent_is_read_even_if_it_had_not_read_ours)
{
        Record record = {.type = RECORD_PING};
        int fds[2];

        assert_ok(record_send(ends[0], &record, NULL, 0));
        assert_ok(record_send(ends[1], &record, NULL, 0));
        ends[0] = close_fd(ends[0]);
        ck_assert_int_eq(record_receive(ends[1], &record, fds), 1);
        ck_assert_int_eq(record_receive(ends[1], &record, fds), 0);
}
END_TEST

START_TEST(a_full_queue_does_not_block)
{
        Record record = {.type = RECORD_PING};
        int r = 0;

        for (unsigned i = 0; r == 0 && i < 100000; i++)
                r = record_send(ends[0], &record, NULL, 0);
        assert_fails(r, EAGAIN);
}
END_TEST

START_TEST(every_step_has_a_name)
{
        for (uint32_t i = 0; i < SPAWN_STEP_COUNT; i++)
                ck_assert_ptr_nonnull(spawn_step_name(i));
        ck_assert_str_eq(spawn_step_name(SPAWN_STEP_EXEC), "exec");
        ck_assert_str_eq(spawn_step_name(SPAWN_STEP_COUNT), "?");
}
END_TEST

static TCase *record_case(void)
{
        TCase *tc = tcase_create("record");

        tcase_add_checked_fixture(tc, open_pair, close_pair);
        tcase_add_test(tc, a_record_arrives_as_it_was_sent);
        tcase_add_test(tc, descriptors_arrive_close_on_exec);
        tcase_add_test(tc, what_is_no_record_is_refused_and_leaves_nothing_open);
        tcase_add_test(tc, surplus_descriptors_are_closed);
        tcase_add_test(tc, the_end_is_told_from_an_empty_queue);
        tcase_add_test(tc, what_the_dead_had_sent_is_read_even_if_it_had_not_read_ours);
        tcase_add_test(tc, a_full_queue_does_not_block);
        tcase_add_test(tc, every_step_has_a_name);
        return tc;
}

TEST_MAIN("record", record_case())
