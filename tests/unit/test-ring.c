#include "protocols/ring.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"

#define RING_BYTES 4096u
#define SLOT       7u

static int ring_fd = -1;
static RingSet ring = RING_SET_NULL;
static char buffer[2 * RING_BYTES];

static void setup(void)
{
        ring_fd = memfd_create("test-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        ck_assert_int_ge(ring_fd, 0);
        assert_ok(ring_set_create(ring_fd, RING_BYTES));
        assert_ok(ring_set_open(ring_fd, true, &ring));
}

static void teardown(void)
{
        ring_set_close(&ring);
        closep(&ring_fd);
}

/* What stands at a position says which position it is, far enough to notice any mix-up. */
static char byte_at(uint64_t position)
{
        return (char)((position * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static void append_pattern(RingSet *set, size_t size)
{
        uint64_t start = ring_written(set, SLOT);
        char data[3 * RING_BYTES];

        ck_assert_uint_le(size, sizeof(data));
        for (size_t i = 0; i < size; i++)
                data[i] = byte_at(start + i);
        ring_append(set, SLOT, data, size);
}

static void assert_pattern(const RingView *view)
{
        ck_assert_uint_eq(view->end, view->position + view->size);
        for (size_t i = 0; i < view->size; i++)
                if (buffer[i] != byte_at(view->position + i))
                        ck_abort_msg("byte %zu of %zu at %llu is wrong", i, view->size,
                                     (unsigned long long)view->position);
}

START_TEST(an_untouched_ring_is_empty)
{
        RingView view;

        assert_ok(ring_read(&ring, 0, 0, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.size, 0);
        ck_assert_uint_eq(view.end, 0);
        ck_assert_uint_eq(view.lost, 0);
        assert_ok(ring_read(&ring, LIMIT_SLOTS - 1, 99, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.end, 0);
}
END_TEST

START_TEST(what_is_appended_is_read_from_any_position)
{
        RingView view;

        for (size_t size = 1; size < 300; size++) {
                uint64_t start = ring_written(&ring, SLOT);

                append_pattern(&ring, size);
                assert_ok(ring_read(&ring, SLOT, start, buffer, sizeof(buffer), &view));
                ck_assert_uint_eq(view.size, size);
                ck_assert_uint_eq(view.lost, 0);
                assert_pattern(&view);
        }
}
END_TEST

START_TEST(old_bytes_give_way_and_are_counted_as_lost)
{
        RingView view;

        append_pattern(&ring, RING_BYTES + 100);
        assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.position, 100);
        ck_assert_uint_eq(view.lost, 100);
        ck_assert_uint_eq(view.size, RING_BYTES);
        assert_pattern(&view);

        append_pattern(&ring, 3 * RING_BYTES);
        assert_ok(ring_read(&ring, SLOT, 4000, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.position, 3 * RING_BYTES + 100);
        ck_assert_uint_eq(view.lost, 3 * RING_BYTES + 100 - 4000);
        assert_pattern(&view);
}
END_TEST

START_TEST(a_short_buffer_gets_the_first_bytes_and_where_to_go_on)
{
        RingView view;

        append_pattern(&ring, 1000);
        assert_ok(ring_read(&ring, SLOT, 10, buffer, 100, &view));
        ck_assert_uint_eq(view.position, 10);
        ck_assert_uint_eq(view.end, 110);
        assert_pattern(&view);
        assert_ok(ring_read(&ring, SLOT, view.end, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.size, 890);
        assert_pattern(&view);
        assert_ok(ring_read(&ring, SLOT, view.end, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.size, 0);
        ck_assert_uint_eq(view.end, 1000);
}
END_TEST

START_TEST(a_position_beyond_the_end_counts_as_the_end)
{
        RingView view;

        append_pattern(&ring, 10);
        assert_ok(ring_read(&ring, SLOT, UINT64_MAX, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.size, 0);
        ck_assert_uint_eq(view.end, 10);
        ck_assert_uint_eq(view.lost, 0);
}
END_TEST

START_TEST(a_slot_that_does_not_exist_is_refused)
{
        RingView view;

        assert_fails(ring_read(&ring, LIMIT_SLOTS, 0, buffer, sizeof(buffer), &view), ERANGE);
        ring_append(&ring, UINT32_MAX, "x", 1);
        ring_count_dropped(&ring, LIMIT_SLOTS, 1);
        ring_reset(&ring, LIMIT_SLOTS);
        ck_assert_uint_eq(ring_written(&ring, LIMIT_SLOTS), 0);
}
END_TEST

START_TEST(a_new_owner_of_a_slot_sees_nothing_of_the_last)
{
        RingView view;
        uint64_t start;

        append_pattern(&ring, RING_BYTES - 10);
        ring_count_dropped(&ring, SLOT, 5);
        ring_reset(&ring, SLOT);
        assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.size, 0);
        ck_assert_uint_eq(view.dropped, 0);
        ck_assert_uint_eq(view.lost, 0);

        start = ring_written(&ring, SLOT);
        append_pattern(&ring, 50);
        assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.position, start);
        ck_assert_uint_eq(view.size, 50);
        ck_assert_uint_eq(view.lost, 0);
        assert_pattern(&view);
}
END_TEST

START_TEST(a_full_ring_of_a_new_owner_is_read_whole)
{
        RingView view;

        append_pattern(&ring, 5000);
        ring_reset(&ring, SLOT);
        for (int i = 0; i < 64; i++)
                append_pattern(&ring, RING_BYTES / 64);
        assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.size, RING_BYTES);
        assert_pattern(&view);
}
END_TEST

START_TEST(memory_of_a_slot_goes_back_when_it_is_free)
{
        struct stat before, after;

        for (uint32_t slot = 0; slot < 64; slot++)
                ring_append(&ring, slot, buffer, RING_BYTES);
        ck_assert_int_eq(fstat(ring_fd, &before), 0);
        for (uint32_t slot = 0; slot < 64; slot++)
                ring_reset(&ring, slot);
        ck_assert_int_eq(fstat(ring_fd, &after), 0);
        ck_assert_int_le(after.st_blocks * 3, before.st_blocks * 2);
}
END_TEST

START_TEST(dropped_bytes_are_counted)
{
        RingView view;

        ring_count_dropped(&ring, SLOT, 5);
        ring_count_dropped(&ring, SLOT, 7);
        assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.dropped, 12);
}
END_TEST

START_TEST(followers_are_seen_through_another_mapping)
{
        RingSet reader;

        assert_ok(ring_set_open(ring_fd, false, &reader));
        ck_assert(!ring_has_followers(&ring));
        ring_set_followers(&reader, 2);
        ck_assert(ring_has_followers(&ring));
        ring_set_followers(&reader, 0);
        ck_assert(!ring_has_followers(&ring));
        ring_set_close(&reader);
        ring_set_close(&reader);
}
END_TEST

/* The meta data of SLOT, found the way an attacker would. */
static RingMeta *meta_of_slot(void)
{
        return (void *)((char *)ring.map + 4096 + SLOT * (4096 + RING_BYTES));
}

START_TEST(wild_numbers_in_shared_memory_do_no_harm)
{
        static const uint64_t wild[] = {
                0,
                1,
                4095,
                4096,
                4097,
                1u << 31,
                UINT64_C(1) << 63,
                UINT64_MAX - 4096,
                UINT64_MAX - 1,
                UINT64_MAX,
        };
        RingMeta *meta = meta_of_slot();
        RingView view;

        for (size_t i = 0; i < 10 * 10 * 10 * 10; i++) {
                atomic_store(&meta->written, wild[i % 10]);
                atomic_store(&meta->claimed, wild[i / 10 % 10]);
                atomic_store(&meta->begin, wild[i / 100 % 10]);
                assert_ok(ring_read(&ring, SLOT, wild[i / 1000], buffer, RING_BYTES, &view));
                ck_assert_uint_le(view.size, RING_BYTES);
                ck_assert_uint_eq(view.end, view.position + view.size);
                if (i < 100) /* the same for the writer */
                        append_pattern(&ring, 5000);
        }
}
END_TEST

START_TEST(a_writer_recovers_from_a_wild_claim)
{
        RingView view;

        append_pattern(&ring, 10);
        atomic_store(&meta_of_slot()->claimed, UINT64_MAX);
        append_pattern(&ring, 10);
        assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.size, 20);
}
END_TEST

/* A predecessor died when it had claimed 100 bytes: those it may have spoilt stay unread. */
START_TEST(a_claim_of_a_dead_writer_is_respected_by_the_next)
{
        RingView view;

        append_pattern(&ring, RING_BYTES);
        atomic_store(&meta_of_slot()->claimed, RING_BYTES + 100);
        append_pattern(&ring, 10);
        assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
        ck_assert_uint_eq(view.position, 100);
        ck_assert_uint_eq(view.end, RING_BYTES + 10);
        assert_pattern(&view);
}
END_TEST

START_TEST(only_what_was_created_as_rings_is_opened)
{
        _cleanup_(closep) int fd = memfd_create("other", MFD_CLOEXEC);
        _cleanup_(closep) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        RingSet set = RING_SET_NULL;

        assert_fails(ring_set_open(fd, false, &set), EPROTO);
        assert_fails(ring_set_open(null_fd, false, &set), EPROTO);
        assert_fails(ring_set_open(-1, false, &set), EBADF);
        assert_fails(ring_set_create(fd, 0), EINVAL);
        assert_fails(ring_set_create(fd, 5000), EINVAL);
        assert_fails(ring_set_create(fd, RING_BYTES_MAX * 2), EINVAL);
        assert_ok(ring_set_create(fd, RING_BYTES_MAX));
        ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
        assert_fails(ring_set_open(fd, false, &set), EPROTO);
        ck_assert_ptr_null(set.map);
}
END_TEST

START_TEST(the_size_of_a_sealable_memfd_is_fixed)
{
        ck_assert_int_lt(ftruncate(ring_fd, 4096), 0);
        ck_assert_int_eq(errno, EPERM);
}
END_TEST

/* Reads until @end_position, from one position to the next. Return: bytes seen. */
static uint64_t read_until(const RingSet *set, uint64_t end_position)
{
        uint64_t position = 0, seen = 0;
        RingView view;

        while (position < end_position) {
                assert_ok(ring_read(set, SLOT, position, buffer, sizeof(buffer), &view));
                ck_assert_uint_ge(view.end, position);
                ck_assert_uint_eq(view.position, position + view.lost);
                assert_pattern(&view);
                seen += view.size;
                position = view.end;
        }
        return seen;
}

#define FLOOD_BYTES (UINT64_C(8) * 1024 * 1024)

static void flood(RingSet *set)
{
        uint64_t state = 1;

        while (ring_written(set, SLOT) < FLOOD_BYTES) {
                state = state * UINT64_C(6364136223846793005) + 1;
                append_pattern(set, 1 + (state >> 33) % 700);
        }
}

static void *flood_thread(void *set)
{
        flood(set);
        return NULL;
}

START_TEST(a_reader_never_sees_a_torn_byte_of_a_writing_thread)
{
        RingSet reader;
        pthread_t thread;

        assert_ok(ring_set_open(ring_fd, false, &reader));
        ck_assert_int_eq(pthread_create(&thread, NULL, flood_thread, &ring), 0);
        ck_assert_uint_gt(read_until(&ring, FLOOD_BYTES), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ring_set_close(&reader);
}
END_TEST

START_TEST(a_reader_never_sees_a_torn_byte_of_a_writing_process)
{
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                flood(&ring);
                _exit(0);
        }
        ck_assert_uint_gt(read_until(&ring, FLOOD_BYTES), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_reader_is_right_after_each_violent_end_of_a_writer)
{
        for (int round = 0; round < 20; round++) {
                uint64_t start = ring_written(&ring, SLOT);
                RingView view;
                pid_t pid;

                pid = fork();
                if (pid == 0)
                        for (;;)
                                append_pattern(&ring, 600);
                while (ring_written(&ring, SLOT) < start + 100000)
                        continue;
                ck_assert_int_eq(kill(pid, SIGKILL), 0);
                ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
                assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
                ck_assert_uint_ge(view.size, RING_BYTES - 600);
                assert_pattern(&view);
                append_pattern(&ring, 10);
                assert_ok(ring_read(&ring, SLOT, 0, buffer, sizeof(buffer), &view));
                assert_pattern(&view);
        }
}
END_TEST

static TCase *ring_case(void)
{
        TCase *tc = tcase_create("ring");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_test(tc, an_untouched_ring_is_empty);
        tcase_add_test(tc, what_is_appended_is_read_from_any_position);
        tcase_add_test(tc, old_bytes_give_way_and_are_counted_as_lost);
        tcase_add_test(tc, a_short_buffer_gets_the_first_bytes_and_where_to_go_on);
        tcase_add_test(tc, a_position_beyond_the_end_counts_as_the_end);
        tcase_add_test(tc, a_slot_that_does_not_exist_is_refused);
        tcase_add_test(tc, a_new_owner_of_a_slot_sees_nothing_of_the_last);
        tcase_add_test(tc, a_full_ring_of_a_new_owner_is_read_whole);
        tcase_add_test(tc, memory_of_a_slot_goes_back_when_it_is_free);
        tcase_add_test(tc, dropped_bytes_are_counted);
        tcase_add_test(tc, followers_are_seen_through_another_mapping);
        tcase_add_test(tc, only_what_was_created_as_rings_is_opened);
        tcase_add_test(tc, the_size_of_a_sealable_memfd_is_fixed);
        return tc;
}

static TCase *hostile_case(void)
{
        TCase *tc = tcase_create("hostile");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, wild_numbers_in_shared_memory_do_no_harm);
        tcase_add_test(tc, a_writer_recovers_from_a_wild_claim);
        tcase_add_test(tc, a_claim_of_a_dead_writer_is_respected_by_the_next);
        tcase_add_test(tc, a_reader_never_sees_a_torn_byte_of_a_writing_thread);
        tcase_add_test(tc, a_reader_never_sees_a_torn_byte_of_a_writing_process);
        tcase_add_test(tc, a_reader_is_right_after_each_violent_end_of_a_writer);
        return tc;
}

TEST_MAIN("ring", ring_case(), hostile_case())
