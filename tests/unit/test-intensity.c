/*
 * The restart budget: SUP-070..079, the edge of the window to the microsecond, and a comparison
 * with a list that keeps everything.
 */

#include "protocols/intensity.h"

#include "base/cleanup.h"
#include "protocols/limits.h"
#include "tests/support/test-main.h"

#define SEC USEC_PER_SEC
#define MS  USEC_PER_MSEC

/* SUP-070, with the defaults of the tree file: ten restarts in ten seconds are allowed. */
START_TEST(ten_in_ten_seconds_are_allowed_and_the_eleventh_is_not)
{
        usec_t times[11];
        Intensity intensity;

        intensity_init(&intensity, times, 10, 10 * SEC);
        for (unsigned i = 0; i < 10; i++)
                ck_assert(intensity_spend(&intensity, 1000 * SEC + i * SEC));
        ck_assert_uint_eq(intensity_used(&intensity, 1009 * SEC), 10);
        ck_assert(!intensity_spend(&intensity, 1009 * SEC + 500 * MS));
}
END_TEST

/* SUP-071 */
START_TEST(intensity_zero_allows_nothing)
{
        usec_t times[1];
        Intensity intensity;

        intensity_init(&intensity, times, 0, 10 * SEC);
        ck_assert(!intensity_spend(&intensity, 5 * SEC));
        ck_assert(!intensity_spend(&intensity, 500 * SEC));
}
END_TEST

/* SUP-072, SUP-075: N are allowed within the period, N+1 are not, whatever the reason of each. */
START_TEST(exactly_intensity_many_are_allowed_at_one_moment)
{
        usec_t times[4];
        Intensity intensity;

        intensity_init(&intensity, times, 3, 5 * SEC);
        for (unsigned i = 0; i < 3; i++)
                ck_assert(intensity_spend(&intensity, 7 * SEC));
        ck_assert(!intensity_spend(&intensity, 7 * SEC));
}
END_TEST

/* SUP-073: not in whole seconds. An entry exactly one period old still counts. */
START_TEST(the_window_is_exactly_the_period)
{
        static const struct {
                usec_t apart_usec;
                bool is_allowed;
        } rows[] = {
                {999 * MS, false},
                {1000 * MS, false},
                {1000 * MS + 1, true},
                {1001 * MS, true},
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                usec_t times[2];
                Intensity intensity;

                intensity_init(&intensity, times, 1, 1 * SEC);
                ck_assert(intensity_spend(&intensity, 3 * SEC + 700 * MS));
                ck_assert_int_eq(
                        intensity_spend(&intensity, 3 * SEC + 700 * MS + rows[i].apart_usec),
                        rows[i].is_allowed);
        }
}
END_TEST

/* SUP-074 */
START_TEST(the_window_slides_so_that_slow_crashes_never_add_up)
{
        usec_t times[2];
        Intensity intensity;

        intensity_init(&intensity, times, 1, 1 * SEC);
        for (unsigned i = 0; i < 100; i++)
                ck_assert(intensity_spend(&intensity, i * 2100 * MS));
}
END_TEST

/* SUP-074: a tumbling window would allow two on either side of its edge. */
START_TEST(the_window_has_no_edge_to_hide_behind)
{
        usec_t times[3];
        Intensity intensity;

        intensity_init(&intensity, times, 2, 10 * SEC);
        ck_assert(intensity_spend(&intensity, 9 * SEC));
        ck_assert(intensity_spend(&intensity, 9900 * MS));
        ck_assert(!intensity_spend(&intensity, 10100 * MS));
}
END_TEST

/* SUP-076..079: only what is spent counts, so a group costs one and a stop by hand nothing. */
START_TEST(looking_costs_nothing)
{
        usec_t times[2];
        Intensity intensity;

        intensity_init(&intensity, times, 1, 10 * SEC);
        for (unsigned i = 0; i < 5; i++)
                ck_assert_uint_eq(intensity_used(&intensity, i * SEC), 0);
        ck_assert(intensity_spend(&intensity, 5 * SEC));
        for (unsigned i = 0; i < 5; i++)
                ck_assert_uint_eq(intensity_used(&intensity, 6 * SEC), 1);
        ck_assert_uint_eq(intensity_used(&intensity, 15 * SEC), 1);
        ck_assert_uint_eq(intensity_used(&intensity, 15 * SEC + 1), 0);
}
END_TEST

START_TEST(an_endless_period_never_forgets)
{
        usec_t times[3];
        Intensity intensity;

        intensity_init(&intensity, times, 2, USEC_INFINITY);
        ck_assert(intensity_spend(&intensity, 1));
        ck_assert(intensity_spend(&intensity, 1000000 * SEC));
        ck_assert(!intensity_spend(&intensity, USEC_INFINITY - 1));
}
END_TEST

typedef struct NaiveList {
        usec_t times[4096];
        size_t count;
} NaiveList;

static size_t naive_used(const NaiveList *list, usec_t now, usec_t period)
{
        size_t used = 0;

        for (size_t i = 0; i < list->count; i++)
                if (now - list->times[i] <= period)
                        used++;
        return used;
}

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

START_TEST(the_ring_says_what_a_list_of_everything_says)
{
        static usec_t times[65];
        static NaiveList list;
        uint32_t state = 7;

        for (unsigned round = 0; round < 200; round++) {
                uint32_t limit = next_random(&state) % 64;
                usec_t period = 1 + next_random(&state) % 5000;
                usec_t now = next_random(&state);
                Intensity intensity;

                list.count = 0;
                intensity_init(&intensity, times, limit, period);
                for (unsigned i = 0; i < 400; i++) {
                        bool is_allowed;

                        now += next_random(&state) % 3 == 0 ? next_random(&state) % (2 * period)
                                                            : next_random(&state) % 100;
                        list.times[list.count++] = now;
                        is_allowed = naive_used(&list, now, period) <= limit;
                        ck_assert_int_eq(intensity_spend(&intensity, now), is_allowed);
                        ck_assert_uint_eq(
                                intensity_used(&intensity, now),
                                MIN_OF(naive_used(&list, now, period), (size_t)limit + 1));
                }
        }
}
END_TEST

START_TEST(the_largest_limit_works)
{
        static usec_t times[LIMIT_INTENSITY + 1];
        Intensity intensity;

        intensity_init(&intensity, times, LIMIT_INTENSITY, SEC);
        for (unsigned i = 0; i < LIMIT_INTENSITY; i++)
                ck_assert(intensity_spend(&intensity, i));
        ck_assert(!intensity_spend(&intensity, LIMIT_INTENSITY));
        ck_assert(intensity_spend(&intensity, 10 * SEC));
}
END_TEST

static TCase *intensity_case(void)
{
        TCase *tcase = tcase_create("intensity");

        tcase_add_test(tcase, ten_in_ten_seconds_are_allowed_and_the_eleventh_is_not);
        tcase_add_test(tcase, intensity_zero_allows_nothing);
        tcase_add_test(tcase, exactly_intensity_many_are_allowed_at_one_moment);
        tcase_add_test(tcase, the_window_is_exactly_the_period);
        tcase_add_test(tcase, the_window_slides_so_that_slow_crashes_never_add_up);
        tcase_add_test(tcase, the_window_has_no_edge_to_hide_behind);
        tcase_add_test(tcase, looking_costs_nothing);
        tcase_add_test(tcase, an_endless_period_never_forgets);
        tcase_add_test(tcase, the_ring_says_what_a_list_of_everything_says);
        tcase_add_test(tcase, the_largest_limit_works);
        return tcase;
}

TEST_MAIN("intensity", intensity_case())
