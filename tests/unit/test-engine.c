/*
 * Starting, restarting and giving up as the catalogue has it (sections 1.1 to 1.4), and delays; on
 * a kernel of rows and a clock that moves when told to.
 */

#include "tests/support/engine-test.h"

/* --- 1.1 starting and stopping ------------------------------------------------------------- */

/* SUP-001, SUP-003 */
START_TEST(the_next_child_starts_when_the_previous_one_is_ready)
{
        fake = fake_new(TREE("", NOTIFY("a", "") "," NOTIFY("b", "") "," EXEC("c", "")));
        fake_script(fake, (FakeScript){.name = "a", .ready_usec = 150 * MSEC});
        fake_script(fake, (FakeScript){.name = "b", .ready_usec = 150 * MSEC});
        fake_boot(fake);
        assert_trace("+a");
        assert_state("a", STARTING);
        assert_state("x", STARTING);
        fake_advance(fake, 150 * MSEC);
        assert_trace("^a +b");
        assert_state("x", STARTING);
        fake_advance(fake, 150 * MSEC);
        assert_trace("^b +c");
        assert_state("x", RUNNING);
        ck_assert_int_eq(root_state(), LIFE_RUNNING);
}
END_TEST

/* SUP-002, SUP-015, SUP-096, SUP-103 */
START_TEST(children_stop_in_reverse_order_each_gone_before_the_next_is_asked)
{
        boot(TREE("", ABC));
        fake_script(fake, (FakeScript){.name = "a"});
        fake_node(fake, "c"); /* still there */
        fake_stop(fake, "x");
        assert_trace("-c .c -b .b -a .a");
        assert_state("x", STOPPED);
        ck_assert_str_eq(reason_of("x"), "shutdown");
        ck_assert_str_eq(reason_of("a"), "shutdown");
}
END_TEST

/* SUP-004 */
START_TEST(a_supervisor_without_children_starts_and_stops)
{
        boot(TREE("", SUP("s", "", "")));
        assert_state("s", RUNNING);
        fake_stop(fake, "s");
        assert_state("s", STOPPED);
        ck_assert_str_eq(reason_of("s"), "shutdown");
        fake_start(fake, "s");
        assert_state("s", RUNNING);
        shut_down();
        ck_assert_int_eq(root_state(), LIFE_STOPPED);
}
END_TEST

/* SUP-005, SUP-006, SUP-007 */
START_TEST(a_start_that_fails_in_the_middle_is_undone_in_reverse_and_never_tried_again)
{
        fake = fake_new(TREE("", ABCD));
        fake_script(fake, (FakeScript){.name = "c", .sin = FAKE_NO_EXEC});
        fake_boot(fake);
        assert_trace("+a +b ?c -b .b -a .a");
        assert_state("x", FAILED);
        assert_state("d", STOPPED);
        assert_state("c", FAILED);
        ck_assert_str_eq(reason_of("x"), "{shutdown,{failed_to_start_child,c,{exec,'ENOENT'}}}");
        ck_assert_uint_eq(used_of("x"), 0);
        ck_assert_int_eq(root_state(), LIFE_RUNNING);
}
END_TEST

START_TEST(a_child_that_cannot_even_be_ordered_fails_its_start)
{
        fake = fake_new(TREE("", ABC));
        fake_script(fake, (FakeScript){.name = "b", .sin = FAKE_NO_ORDER});
        fake_boot(fake);
        assert_trace("+a -a .a");
        assert_state("b", FAILED);
        assert_state("x", FAILED);
}
END_TEST

START_TEST(a_child_that_ends_before_it_is_ready_has_failed_to_start)
{
        fake = fake_new(TREE("", NOTIFY("a", "")));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_DIES});
        fake_boot(fake);
        assert_state("x", FAILED);
        ck_assert_str_eq(reason_of("a"), "{start,{exit_status,1}}");
}
END_TEST

START_TEST(a_child_that_is_not_ready_in_time_is_killed_and_has_failed_to_start)
{
        fake = fake_new(TREE("", NOTIFY("a", ",'start_timeout':'3s'")));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_NEVER_READY});
        fake_boot(fake);
        fake_advance(fake, 3 * SEC - 1);
        assert_trace("+a");
        fake_advance(fake, 1);
        assert_trace("!a .a");
        ck_assert_str_eq(reason_of("a"), "{start,timeout}");
        assert_state("x", FAILED);
}
END_TEST

/* SUP-014 */
START_TEST(a_supervisor_that_starts_can_be_stopped)
{
        fake = fake_new(TREE("", EXEC("a", "") "," NOTIFY("b", "") "," EXEC("c", "")));
        fake_script(fake, (FakeScript){.name = "b", .sin = FAKE_NEVER_READY});
        fake_boot(fake);
        fake_stop(fake, "x");
        assert_trace("+a +b -b .b -a .a");
        assert_state("x", STOPPED);
}
END_TEST

/* SUP-017, SUP-128 */
START_TEST(a_late_word_of_a_past_generation_is_dropped)
{
        RecordChild row = {.flags = CHILD_HAS_ENDED, .code = CLD_EXITED, .status = 1};

        boot(TREE("", ABC));
        ck_assert_int_eq(engine_row(fake->engine, fake_node(fake, "a"),
                                    fake_node(fake, "a")->life.generation - 1, &row),
                         ENGINE_E_STALE);
        ck_assert_int_eq(engine_row(fake->engine, fake_node(fake, "x"),
                                    fake_node(fake, "x")->life.generation, &row),
                         ENGINE_E_STALE);
        fake_turn(fake);
        assert_trace("");
        assert_state("a", RUNNING);
        ck_assert_uint_eq(used_of("x"), 0);
}
END_TEST

/* --- 1.2 restart types --------------------------------------------------------------------- */

typedef struct TypeRow {
        const char *restart;
        int status; /* as for fake_end() */
        bool comes_back;
} TypeRow;

/* SUP-030 to SUP-035, OSP: an unasked SIGTERM is a shutdown */
static const TypeRow type_rows[] = {
        {"permanent", 0, true},        {"permanent", 3, true},
        {"permanent", -SIGTERM, true}, {"permanent", -SIGKILL, true},
        {"transient", 0, false},       {"transient", -SIGTERM, false},
        {"transient", 3, true},        {"transient", -SIGKILL, true},
        {"transient", -SIGHUP, true},  {"temporary", 0, false},
        {"temporary", 3, false},       {"temporary", -SIGKILL, false},
};

START_TEST(the_restart_type_and_the_way_it_ended_decide)
{
        const TypeRow *row = &type_rows[_i];
        char json[512];

        (void)snprintf(json, sizeof(json), TREE(OFO(5), EXEC("a", ",'restart':'%s'")),
                       row->restart);
        boot(json);
        fake_exit(fake, "a", row->status);
        assert_trace(row->comes_back ? ".a +a" : ".a");
        ck_assert_int_eq(state_of("a"), row->comes_back ? LIFE_RUNNING : LIFE_FINISHED);
        ck_assert_uint_eq(restarts_of("a"), row->comes_back);
        ck_assert_uint_eq(used_of("x"), row->comes_back);
        assert_state("x", RUNNING);
}
END_TEST

/* SUP-035, SUP-039 */
START_TEST(a_temporary_child_leaves_nothing_behind)
{
        boot(TREE("", ABC "," EXEC("s", ",'restart':'temporary'")));
        fake_exit(fake, "s", 1);
        ck_assert(!fake_has(fake, "s"));
        fake_add(fake, "x", EXEC("t", ",'restart':'temporary'"));
        assert_state("t", RUNNING);
        fake_exit(fake, "t", 1);
        ck_assert(!fake_has(fake, "t"));
        fake_restart(fake, "x"); /* the tree file still names it */
        assert_state("s", RUNNING);
}
END_TEST

/* SUP-036 */
START_TEST(a_finished_transient_child_can_be_started_again)
{
        boot(TREE("", EXEC("a", ",'restart':'transient'")));
        fake_exit(fake, "a", 0);
        assert_state("a", FINISHED);
        fake_start(fake, "a");
        assert_state("a", RUNNING);
}
END_TEST

/* --- 1.3 strategies ------------------------------------------------------------------------ */

/* SUP-037, SUP-040 */
START_TEST(one_for_one_replaces_only_the_one_that_ended)
{
        boot(TREE(OFO(1), ABC));
        fake_exit(fake, "b", 1);
        assert_trace(".b +b");
        ck_assert_uint_eq(restarts_of("a"), 0);
}
END_TEST

/* SUP-041, SUP-076 */
START_TEST(one_for_all_stops_all_in_reverse_and_starts_all_in_order)
{
        boot(TREE(OFA(1), ABCD));
        fake_exit(fake, "b", 1);
        assert_trace(".b -d .d -c .c -a .a +a +b +c +d");
        ck_assert_uint_eq(used_of("x"), 1);
        ck_assert_uint_eq(restarts_of("a"), 1);
        ck_assert_uint_eq(restarts_of("b"), 1);
}
END_TEST

/* SUP-042 */
START_TEST(rest_for_one_touches_those_after_only)
{
        boot(TREE(RFO(1), ABCD));
        fake_exit(fake, "b", 1);
        assert_trace(".b -d .d -c .c +b +c +d");
}
END_TEST

/* SUP-043 */
START_TEST(rest_for_one_of_the_last_touches_only_it)
{
        boot(TREE(RFO(1), ABC));
        fake_exit(fake, "c", 1);
        assert_trace(".c +c");
}
END_TEST

/* SUP-044, SUP-110 */
START_TEST(an_added_child_is_the_last_of_its_group)
{
        boot(TREE(RFO(1), EXEC("a", "") "," EXEC("b", "")));
        fake_add(fake, "x", EXEC("y", ""));
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a -y .y -b .b +a +b +y");
}
END_TEST

/* SUP-045 */
START_TEST(one_for_all_of_added_children_restarts_them_all)
{
        boot(TREE(OFA(1), ""));
        fake_add(fake, "x", EXEC("a", ""));
        fake_add(fake, "x", EXEC("b", ""));
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a -b .b +a +b");
}
END_TEST

/* SUP-046 */
START_TEST(nothing_starts_before_the_whole_group_is_gone)
{
        boot(TREE(OFA(1), ABC));
        fake->slots[fake_node(fake, "b")->id].script.stop_usec = 200 * MSEC;
        fake_exit(fake, "a", 1);
        assert_trace(".a -c .c -b");
        fake_advance(fake, 199 * MSEC);
        assert_trace("");
        fake_advance(fake, MSEC);
        assert_trace(".b +a +b +c");
}
END_TEST

/* SUP-047 */
START_TEST(one_for_all_brings_a_stopped_sibling_back)
{
        boot(TREE(OFA(1), ABC));
        fake_stop(fake, "b");
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a -c .c +a +b +c");
}
END_TEST

/* SUP-047, of one that stayed stopped over its supervisor's restart */
START_TEST(a_child_left_out_of_its_supervisors_restart_comes_back_with_its_group)
{
        boot(TREE(OFO(5), SUP("s", OFA(5), EXEC("a", "") "," EXEC("b", ""))));
        fake_stop(fake, "b");
        fake_restart(fake, "s");
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a +a +b");
}
END_TEST

/* SUP-048 */
START_TEST(one_for_all_brings_a_finished_sibling_back)
{
        boot(TREE(OFA(1), EXEC("a", "") "," EXEC("b", ",'restart':'transient'")));
        fake_exit(fake, "b", 0);
        assert_trace(".b"); /* SUP-054 */
        fake_exit(fake, "a", 1);
        assert_trace(".a +a +b");
}
END_TEST

START_TEST(a_group_restart_does_not_start_what_was_never_started)
{
        boot(TREE(OFA(5), EXEC("a", "") "," EXEC("b", ",'autostart':false") "," EXEC("c", "")));
        fake_exit(fake, "a", 1);
        assert_trace(".a -c .c +a +c");
        fake_start(fake, "b");
        fake_exit(fake, "c", 1);
        assert_trace("+b .c -b .b -a .a +a +b +c");
}
END_TEST

/* SUP-049, SUP-050 */
START_TEST(rest_for_one_brings_later_stopped_siblings_back_and_no_earlier_one)
{
        boot(TREE(RFO(1), ABC));
        fake_stop(fake, "c");
        fake_stop(fake, "a");
        (void)fake_take_trace(fake);
        fake_exit(fake, "b", 1);
        assert_trace(".b +b +c");
        assert_state("a", STOPPED);
}
END_TEST

/* SUP-051 */
START_TEST(one_for_one_leaves_a_stopped_sibling_stopped)
{
        boot(TREE(OFO(1), ABC));
        fake_stop(fake, "b");
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a +a");
        assert_state("b", STOPPED);
}
END_TEST

/* SUP-052 */
START_TEST(a_group_restart_drops_its_temporary_members)
{
        boot(TREE(OFA(5), EXEC("a", "") "," EXEC("t", ",'restart':'temporary'")));
        fake_add(fake, "x", EXEC("u", ",'restart':'temporary'"));
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a -u .u -t .t +a");
        assert_state("t", FINISHED);
        ck_assert(!fake_has(fake, "u"));
        fake_exit(fake, "a", 1);
        assert_trace(".a +a");
}
END_TEST

/* SUP-053 */
START_TEST(a_temporary_member_that_crashes_moves_nobody)
{
        boot(TREE(OFA(0), EXEC("a", "") "," EXEC("t", ",'restart':'temporary'")));
        fake_exit(fake, "t", 1);
        assert_trace(".t");
        assert_state("x", RUNNING);
}
END_TEST

/* SUP-055 */
START_TEST(a_permanent_member_that_ends_normally_restarts_its_group)
{
        boot(TREE(OFA(1), ABC));
        fake_exit(fake, "c", 0);
        assert_trace(".c -b .b -a .a +a +b +c");
}
END_TEST

/* SUP-056 */
START_TEST(one_for_all_begins_anew_when_a_member_refuses)
{
        fake = fake_new(TREE(OFA(3), ABC));
        fake_script(fake, (FakeScript){.name = "b", .sin = FAKE_NO_EXEC, .skip = 1, .count = 1});
        fake_boot(fake);
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a -c .c -b .b +a ?b -a .a +a +b +c");
        ck_assert_uint_eq(used_of("x"), 2);
}
END_TEST

/* SUP-057 */
START_TEST(rest_for_one_keeps_those_before_the_one_that_refuses)
{
        fake = fake_new(TREE(RFO(3), ABCD));
        fake_script(fake, (FakeScript){.name = "c", .sin = FAKE_NO_EXEC, .skip = 1, .count = 2});
        fake_boot(fake);
        (void)fake_take_trace(fake);
        fake_exit(fake, "b", 1);
        assert_trace(".b -d .d -c .c +b ?c ?c +c +d");
        ck_assert_uint_eq(used_of("x"), 3);
}
END_TEST

static void end_two(const char *first, const char *second)
{
        fake_end(fake, first, 1);
        fake_end(fake, second, 1);
        (void)fake_take_trace(fake);
        fake_settle(fake);
}

/* SUP-058 */
START_TEST(two_deaths_at_once_count_once_in_one_for_all)
{
        boot(TREE(OFA(1), ABC));
        end_two("a", "b");
        assert_trace("-c .c +a +b +c");
        ck_assert_uint_eq(used_of("x"), 1);
}
END_TEST

/* SUP-059 */
START_TEST(two_deaths_at_once_count_twice_in_one_for_one)
{
        boot(TREE(OFO(1), ABC));
        end_two("a", "b");
        assert_state("x", FAILED);
        ck_assert_uint_eq(used_of("x"), 2);
        ck_assert_uint_eq(fake_alive(fake), 0);
}
END_TEST

/* SUP-060 */
START_TEST(two_deaths_at_once_in_rest_for_one_count_by_their_order)
{
        boot(TREE(RFO(1), ABC));
        end_two("a", "b");
        assert_trace("-c .c +a +b +c");
        ck_assert_uint_eq(used_of("x"), 1);
        teardown();
        boot(TREE(RFO(1), ABC));
        end_two("b", "a");
        assert_state("x", FAILED);
}
END_TEST

/* SUP-061 */
START_TEST(a_member_that_ends_oddly_while_its_group_stops_is_not_counted)
{
        boot(TREE(OFA(1), ABC));
        fake->slots[fake_node(fake, "c")->id].script.stop_usec = 200 * MSEC;
        fake->slots[fake_node(fake, "c")->id].script.stop_status = 42;
        fake_exit(fake, "a", 1);
        fake_exit(fake, "b", 7); /* nobody asked it yet */
        fake_advance(fake, 200 * MSEC);
        assert_trace(".a -c .b .c +a +b +c");
        ck_assert_uint_eq(used_of("x"), 1);
        assert_state("x", RUNNING);
}
END_TEST

/* SUP-062, SUP-083 */
START_TEST(a_sibling_is_restarted_while_another_one_is_in_its_loop)
{
        fake = fake_new(TREE(OFO(10), NOTIFY("a", "") "," EXEC("b", "")));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_NEVER_READY, .skip = 1});
        fake_boot(fake);
        fake_exit(fake, "a", 1);
        assert_state("a", STARTING);
        (void)fake_take_trace(fake);
        fake_exit(fake, "b", 1);
        assert_trace(".b +b");
        fake_stop(fake, "a");
        assert_state("a", STOPPED);
        assert_state("x", RUNNING);
}
END_TEST

START_TEST(an_earlier_death_takes_a_group_restart_over)
{
        boot(TREE(RFO(5), ABCD));
        fake->slots[fake_node(fake, "d")->id].script.stop_usec = 100 * MSEC;
        fake_exit(fake, "c", 1);
        fake_exit(fake, "a", 1);
        fake_advance(fake, SEC);
        assert_trace(".c -d .a .d -b .b +a +b +c +d");
        ck_assert_uint_eq(used_of("x"), 2);
}
END_TEST

/* --- 1.4 intensity ------------------------------------------------------------------------- */

/* SUP-071, SUP-077, SUP-078 */
START_TEST(intensity_0_gives_up_at_the_first_restart_and_only_then)
{
        boot(TREE(OFO(0), EXEC("t", ",'restart':'temporary'") "," EXEC(
                                  "n", ",'restart':'transient'") "," EXEC("a", "")));
        fake_exit(fake, "t", 1);
        fake_exit(fake, "n", 0);
        assert_state("x", RUNNING);
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a");
        assert_state("x", FAILED);
        ck_assert_str_eq(reason_of("x"), "shutdown");
}
END_TEST

/* SUP-072, SUP-081, SUP-082 */
START_TEST(one_restart_more_than_intensity_ends_the_supervisor)
{
        boot(TREE(OFO(2), ABC));
        fake_exit(fake, "b", 1);
        fake_exit(fake, "c", 1);
        (void)fake_take_trace(fake);
        fake_exit(fake, "b", 9);
        assert_trace(".b -c .c -a .a");
        assert_state("x", FAILED);
        assert_state("b", FAILED);
        assert_state("a", STOPPED);
        ck_assert_str_eq(reason_of("x"), "shutdown");
        ck_assert_uint_eq(fake->event_counts[EVENT_ESCALATED], 1);
}
END_TEST

/* SUP-073, SUP-074: to the microsecond */
START_TEST(the_window_slides_and_is_exact)
{
        boot(TREE("'intensity':1,'period':'1s',", ABC));
        for (unsigned i = 0; i < 4; i++) {
                fake_exit(fake, "a", 1);
                assert_state("x", RUNNING);
                fake_advance(fake, SEC + 1);
        }
        fake_exit(fake, "a", 1);
        fake_advance(fake, SEC);
        fake_exit(fake, "b", 1);
        assert_state("x", FAILED);
}
END_TEST

/* SUP-075 */
START_TEST(failed_restart_attempts_count)
{
        fake = fake_new(TREE(OFO(3), EXEC("a", "")));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_NO_EXEC, .skip = 1});
        fake_boot(fake);
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a ?a ?a ?a");
        assert_state("x", FAILED);
        assert_state("a", FAILED);
}
END_TEST

START_TEST(orders_that_cannot_be_given_count_too)
{
        fake = fake_new(TREE(OFO(3), EXEC("a", "") "," EXEC("b", "")));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_NO_ORDER, .skip = 1});
        fake_boot(fake);
        fake_exit(fake, "a", 1);
        assert_state("x", FAILED);
        ck_assert_uint_eq(fake_alive(fake), 0);
}
END_TEST

/* SUP-079 */
START_TEST(restarts_by_request_do_not_count)
{
        boot(TREE(OFO(0), ABC));
        for (unsigned i = 0; i < 5; i++) {
                fake_restart(fake, "b");
                fake_stop(fake, "a");
                fake_start(fake, "a");
        }
        assert_state("x", RUNNING);
        assert_state("b", RUNNING);
        ck_assert_uint_eq(used_of("x"), 0);
}
END_TEST

/* SUP-080 */
START_TEST(a_start_by_request_that_fails_is_neither_counted_nor_tried_again)
{
        fake = fake_new(TREE(OFO(0), ABC));
        fake_script(fake, (FakeScript){.name = "b", .sin = FAKE_NO_EXEC, .skip = 1, .count = 1});
        fake_boot(fake);
        fake_stop(fake, "b");
        (void)fake_take_trace(fake);
        fake_start(fake, "b");
        assert_trace("?b");
        assert_state("b", FAILED);
        assert_state("x", RUNNING);
        fake_start(fake, "b");
        assert_state("b", RUNNING);
        ck_assert_uint_eq(used_of("x"), 0);
}
END_TEST

START_TEST(a_start_by_request_that_fails_does_not_undo_its_supervisors_start)
{
        fake = fake_new(TREE("", EXEC("m", ",'autostart':false") "," NOTIFY("b", "")));
        fake_script(fake, (FakeScript){.name = "b", .ready_usec = SEC});
        fake_script(fake, (FakeScript){.name = "m", .sin = FAKE_NO_EXEC});
        fake_boot(fake);
        fake_start(fake, "m");
        assert_state("m", FAILED);
        fake_advance(fake, SEC);
        assert_state("x", RUNNING);
}
END_TEST

/* SUP-084 */
START_TEST(a_slow_crash_loop_ends_after_20_failures_in_a_row)
{
        fake = fake_new(
                TREE("'intensity':1,'period':'1s',", NOTIFY("a", ",'start_timeout':'2.2s'")));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_NEVER_READY, .skip = 1});
        fake_boot(fake);
        fake_exit(fake, "a", 1);
        fake_advance(fake, 19 * 2200 * MSEC);
        assert_state("a", STARTING);
        ck_assert_uint_eq(fake_node(fake, "a")->life.failures, 19);
        fake_advance(fake, 2200 * MSEC);
        assert_state("x", FAILED);
        ck_assert_uint_eq(fake->spawned, 21);
}
END_TEST

START_TEST(max_failures_0_never_ends_a_slow_crash_loop)
{
        fake = fake_new(TREE("'intensity':1,'period':'1s','max_failures':0,",
                             NOTIFY("a", ",'start_timeout':'2.2s'")));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_NEVER_READY, .skip = 1});
        fake_boot(fake);
        fake_exit(fake, "a", 1);
        fake_advance(fake, 100 * SEC);
        assert_state("x", RUNNING);
}
END_TEST

START_TEST(a_child_that_becomes_ready_once_begins_its_failures_anew)
{
        fake = fake_new(TREE("'intensity':100,'max_failures':3,", NOTIFY("a", "")));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_DIES, .skip = 1, .count = 2});
        fake_boot(fake);
        fake_exit(fake, "a", 1);
        assert_state("a", RUNNING);
        ck_assert_uint_eq(fake_node(fake, "a")->life.failures, 0);
}
END_TEST

/* SUP-085 */
START_TEST(a_supervisor_begins_with_an_empty_budget)
{
        boot(TREE(OFO(5), SUP("s", OFO(1), EXEC("a", ""))));
        fake_exit(fake, "a", 1);
        fake_exit(fake, "a", 1);
        assert_state("s", RUNNING);
        ck_assert_uint_eq(used_of("s"), 0);
        ck_assert_uint_eq(used_of("x"), 1);
        fake_exit(fake, "a", 1);
        assert_state("s", RUNNING);
        ck_assert_uint_eq(used_of("x"), 1);
}
END_TEST

/* --- backoff ------------------------------------------------------------------------------- */

static usec_t delay_of(const char *path)
{
        return usec_sub(fake_node(fake, path)->life.deadline_usec, fake->now);
}

START_TEST(a_delay_grows_to_its_cap_and_is_reset_by_a_healthy_run)
{
        static const usec_t delays[] = {100, 200, 300, 300};

        boot(TREE(OFO(50), EXEC("a", BACKOFF)));
        for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
                fake_exit(fake, "a", 1);
                assert_state("a", BACKOFF);
                ck_assert_uint_eq(delay_of("a"), delays[i] * MSEC);
                (void)fake_take_trace(fake);
                fake_advance(fake, delays[i] * MSEC - 1);
                assert_trace("");
                fake_advance(fake, 1);
                assert_trace("+a");
                assert_state("a", RUNNING);
        }
        fake_advance(fake, 60 * SEC);
        fake_exit(fake, "a", 1);
        ck_assert_uint_eq(delay_of("a"), 100 * MSEC);
        ck_assert_uint_eq(restarts_of("a"), 5);
}
END_TEST

START_TEST(jitter_spreads_a_delay_by_its_part)
{
        boot(TREE(OFO(50), EXEC("a", ",'backoff':{'initial':'1s','jitter':0.1}")));
        fake->random = 0;
        fake_exit(fake, "a", 1);
        ck_assert_uint_eq(delay_of("a"), 900 * MSEC);
        fake_advance(fake, SEC);
        fake->random = 1;
        fake_exit(fake, "a", 1);
        ck_assert_uint_eq(delay_of("a"), 2200 * MSEC);
}
END_TEST

/* SUP-101 */
START_TEST(a_supervisor_is_stopped_at_once_while_a_child_waits_for_its_next_try)
{
        boot(TREE(OFO(50), EXEC("a", BACKOFF) "," EXEC("b", "")));
        fake->slots[fake_node(fake, "b")->id].script.stop_usec = SEC;
        fake_exit(fake, "a", 1);
        (void)fake_take_trace(fake);
        fake_stop(fake, "x");
        fake_advance(fake, 10 * SEC);
        assert_trace("-b .b");
        assert_state("a", STOPPED);
        assert_state("x", STOPPED);
}
END_TEST

/* SUP-118 */
START_TEST(a_stop_cancels_the_next_try)
{
        boot(TREE(OFO(50), EXEC("a", BACKOFF)));
        fake_exit(fake, "a", 1);
        (void)fake_take_trace(fake);
        fake_stop(fake, "a");
        fake_advance(fake, 10 * SEC);
        assert_trace("");
        assert_state("a", STOPPED);
}
END_TEST

START_TEST(a_start_by_request_tries_at_once_and_goes_on_trying)
{
        fake = fake_new(TREE(OFO(50), EXEC("a", BACKOFF)));
        fake_script(fake, (FakeScript){.name = "a", .sin = FAKE_NO_EXEC, .skip = 1, .count = 2});
        fake_boot(fake);
        fake_exit(fake, "a", 1);
        assert_state("a", BACKOFF);
        (void)fake_take_trace(fake);
        fake_start(fake, "a");
        assert_trace("?a");
        assert_state("a", BACKOFF);
        fake_restart(fake, "a");
        assert_trace("?a");
        fake_advance(fake, SEC);
        assert_trace("+a");
        assert_state("a", RUNNING);
}
END_TEST

START_TEST(a_groups_delay_comes_between_its_stop_and_its_start)
{
        boot(TREE(OFA(50), EXEC("a", "") "," EXEC("b", BACKOFF) "," EXEC("c", "")));
        fake_exit(fake, "b", 1);
        assert_trace(".b -c .c -a .a");
        assert_state("b", BACKOFF);
        fake_advance(fake, 100 * MSEC - 1);
        assert_trace("");
        fake_advance(fake, 1);
        assert_trace("+a +b +c");
        ck_assert_uint_eq(restarts_of("b"), 1);
        ck_assert_uint_eq(used_of("x"), 1);
}
END_TEST

START_TEST(a_group_restart_cancels_the_delay_of_its_members)
{
        boot(TREE(RFO(50), EXEC("a", "") "," EXEC("b", BACKOFF) "," EXEC("c", "")));
        fake_exit(fake, "b", 1);
        assert_state("b", BACKOFF);
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a +a +b +c");
}
END_TEST

/* SUP-119 */
START_TEST(stopping_the_one_its_group_waits_for_leaves_the_rest_stopped)
{
        boot(TREE(RFO(50), EXEC("a", "") "," EXEC("b", BACKOFF) "," EXEC("c", "")));
        fake_exit(fake, "b", 1);
        (void)fake_take_trace(fake);
        fake_stop(fake, "b");
        fake_advance(fake, 10 * SEC);
        assert_trace("");
        assert_state("a", RUNNING);
        assert_state("b", STOPPED);
        assert_state("c", STOPPED);
        assert_state("x", RUNNING);
        fake_start(fake, "c");
        fake_start(fake, "b");
        assert_trace("+c +b");
}
END_TEST

START_TEST(starting_the_one_its_group_waits_for_starts_the_group_now)
{
        boot(TREE(OFA(50), EXEC("a", "") "," EXEC("b", BACKOFF) "," EXEC("c", "")));
        fake_exit(fake, "b", 1);
        (void)fake_take_trace(fake);
        if (_i == 0)
                fake_start(fake, "b");
        else
                fake_restart(fake, "b");
        assert_trace("+a +b +c");
        fake_advance(fake, 10 * SEC);
        assert_trace("");
        assert_state("x", RUNNING);
        ck_assert_int_eq(fake_node(fake, "x")->life.phase, PHASE_STEADY);
}
END_TEST

START_TEST(deleting_the_one_its_group_waits_for_lets_the_group_go_on)
{
        boot(TREE(OFA(50), EXEC("a", "") "," EXEC("b", BACKOFF) "," EXEC("c", "")));
        fake_exit(fake, "b", 1);
        (void)fake_take_trace(fake);
        fake_delete(fake, "b");
        assert_trace("+a +c");
        ck_assert(!fake_has(fake, "b"));
}
END_TEST

START_TEST(a_delay_within_a_supervisors_first_start_can_be_cancelled)
{
        fake = fake_new(TREE(RFO(50), EXEC("a", BACKOFF) "," NOTIFY("b", "")));
        fake_script(fake, (FakeScript){.name = "b", .ready_usec = SEC});
        fake_boot(fake);
        fake_exit(fake, "a", 1);
        assert_state("a", BACKOFF);
        fake_stop(fake, "a");
        assert_state("a", STOPPED);
        assert_state("x", RUNNING); /* it waits for nothing any more */
}
END_TEST

static void add_group_tests(TCase *tcase)
{
        tcase_add_test(tcase, one_for_one_replaces_only_the_one_that_ended);
        tcase_add_test(tcase, one_for_all_stops_all_in_reverse_and_starts_all_in_order);
        tcase_add_test(tcase, rest_for_one_touches_those_after_only);
        tcase_add_test(tcase, rest_for_one_of_the_last_touches_only_it);
        tcase_add_test(tcase, an_added_child_is_the_last_of_its_group);
        tcase_add_test(tcase, one_for_all_of_added_children_restarts_them_all);
        tcase_add_test(tcase, nothing_starts_before_the_whole_group_is_gone);
        tcase_add_test(tcase, one_for_all_brings_a_stopped_sibling_back);
        tcase_add_test(tcase,
                       a_child_left_out_of_its_supervisors_restart_comes_back_with_its_group);
        tcase_add_test(tcase, one_for_all_brings_a_finished_sibling_back);
        tcase_add_test(tcase, a_group_restart_does_not_start_what_was_never_started);
        tcase_add_test(tcase, rest_for_one_brings_later_stopped_siblings_back_and_no_earlier_one);
        tcase_add_test(tcase, one_for_one_leaves_a_stopped_sibling_stopped);
        tcase_add_test(tcase, a_group_restart_drops_its_temporary_members);
        tcase_add_test(tcase, a_temporary_member_that_crashes_moves_nobody);
        tcase_add_test(tcase, a_permanent_member_that_ends_normally_restarts_its_group);
        tcase_add_test(tcase, one_for_all_begins_anew_when_a_member_refuses);
        tcase_add_test(tcase, rest_for_one_keeps_those_before_the_one_that_refuses);
        tcase_add_test(tcase, two_deaths_at_once_count_once_in_one_for_all);
        tcase_add_test(tcase, two_deaths_at_once_count_twice_in_one_for_one);
        tcase_add_test(tcase, two_deaths_at_once_in_rest_for_one_count_by_their_order);
        tcase_add_test(tcase, a_member_that_ends_oddly_while_its_group_stops_is_not_counted);
        tcase_add_test(tcase, a_sibling_is_restarted_while_another_one_is_in_its_loop);
        tcase_add_test(tcase, an_earlier_death_takes_a_group_restart_over);
}

static TCase *start_case(void)
{
        TCase *tcase = tcase_create("start");

        tcase_add_checked_fixture(tcase, NULL, teardown);
        tcase_add_test(tcase, the_next_child_starts_when_the_previous_one_is_ready);
        tcase_add_test(tcase, children_stop_in_reverse_order_each_gone_before_the_next_is_asked);
        tcase_add_test(tcase, a_supervisor_without_children_starts_and_stops);
        tcase_add_test(tcase,
                       a_start_that_fails_in_the_middle_is_undone_in_reverse_and_never_tried_again);
        tcase_add_test(tcase, a_child_that_cannot_even_be_ordered_fails_its_start);
        tcase_add_test(tcase, a_child_that_ends_before_it_is_ready_has_failed_to_start);
        tcase_add_test(tcase, a_child_that_is_not_ready_in_time_is_killed_and_has_failed_to_start);
        tcase_add_test(tcase, a_supervisor_that_starts_can_be_stopped);
        tcase_add_test(tcase, a_late_word_of_a_past_generation_is_dropped);
        tcase_add_loop_test(tcase, the_restart_type_and_the_way_it_ended_decide, 0,
                            ARRAY_LEN(type_rows));
        tcase_add_test(tcase, a_temporary_child_leaves_nothing_behind);
        tcase_add_test(tcase, a_finished_transient_child_can_be_started_again);
        add_group_tests(tcase);
        return tcase;
}

static TCase *budget_case(void)
{
        TCase *tcase = tcase_create("budget");

        tcase_add_checked_fixture(tcase, NULL, teardown);
        tcase_add_test(tcase, intensity_0_gives_up_at_the_first_restart_and_only_then);
        tcase_add_test(tcase, one_restart_more_than_intensity_ends_the_supervisor);
        tcase_add_test(tcase, the_window_slides_and_is_exact);
        tcase_add_test(tcase, failed_restart_attempts_count);
        tcase_add_test(tcase, orders_that_cannot_be_given_count_too);
        tcase_add_test(tcase, restarts_by_request_do_not_count);
        tcase_add_test(tcase, a_start_by_request_that_fails_is_neither_counted_nor_tried_again);
        tcase_add_test(tcase, a_start_by_request_that_fails_does_not_undo_its_supervisors_start);
        tcase_add_test(tcase, a_slow_crash_loop_ends_after_20_failures_in_a_row);
        tcase_add_test(tcase, max_failures_0_never_ends_a_slow_crash_loop);
        tcase_add_test(tcase, a_child_that_becomes_ready_once_begins_its_failures_anew);
        tcase_add_test(tcase, a_supervisor_begins_with_an_empty_budget);
        tcase_add_test(tcase, a_delay_grows_to_its_cap_and_is_reset_by_a_healthy_run);
        tcase_add_test(tcase, jitter_spreads_a_delay_by_its_part);
        tcase_add_test(tcase, a_supervisor_is_stopped_at_once_while_a_child_waits_for_its_next_try);
        tcase_add_test(tcase, a_stop_cancels_the_next_try);
        tcase_add_test(tcase, a_start_by_request_tries_at_once_and_goes_on_trying);
        tcase_add_test(tcase, a_groups_delay_comes_between_its_stop_and_its_start);
        tcase_add_test(tcase, a_group_restart_cancels_the_delay_of_its_members);
        tcase_add_test(tcase, stopping_the_one_its_group_waits_for_leaves_the_rest_stopped);
        tcase_add_loop_test(tcase, starting_the_one_its_group_waits_for_starts_the_group_now, 0, 2);
        tcase_add_test(tcase, deleting_the_one_its_group_waits_for_lets_the_group_go_on);
        tcase_add_test(tcase, a_delay_within_a_supervisors_first_start_can_be_cancelled);
        return tcase;
}

TEST_MAIN("engine", start_case(), budget_case())
