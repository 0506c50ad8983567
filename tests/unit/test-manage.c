/*
 * Stopping, requests, dynamic and significant children, trees and applications as the catalogue has
 * it (sections 1.5 to 1.9 and 8).
 */

#include "tests/support/engine-test.h"

/* --- 1.5 shutdown of children -------------------------------------------------------------- */

/* SUP-090, SUP-091, SUP-104 */
START_TEST(a_stubborn_child_is_killed_at_its_deadline)
{
        boot(TREE("", EXEC("a", "") "," EXEC("b", ",'shutdown':'300ms'")));
        fake->slots[fake_node(fake, "a")->id].script.stop_usec = USEC_INFINITY;
        fake->slots[fake_node(fake, "b")->id].script.stop_usec = USEC_INFINITY;
        fake_stop(fake, "x");
        fake_advance(fake, 300 * MSEC - 1);
        assert_trace("-b");
        fake_advance(fake, 1);
        assert_trace("!b .b -a");
        ck_assert_str_eq(reason_of("b"), "killed");
        fake_advance(fake, 5 * SEC - 1);
        assert_trace("");
        fake_advance(fake, 1);
        assert_trace("!a .a");
        assert_state("x", STOPPED);
        ck_assert_str_eq(reason_of("x"), "shutdown");
}
END_TEST

/* SUP-092, SUP-094 */
START_TEST(brutal_kill_asks_nobody_and_no_time_kills_at_once)
{
        boot(TREE("", EXEC("a", ",'shutdown':'brutal_kill'") "," EXEC("b", ",'shutdown':0")));
        fake->slots[fake_node(fake, "b")->id].script.stop_usec = USEC_INFINITY;
        fake_stop(fake, "x");
        fake_advance(fake, 0);
        assert_trace("-b !b .b !a .a");
        ck_assert_str_eq(reason_of("a"), "killed");
        ck_assert_uint_eq(fake_node(fake, "a")->life.flags & LIFE_IS_FORCED, 0);
}
END_TEST

/* SUP-093 */
START_TEST(infinity_waits_as_long_as_it_takes)
{
        boot(TREE("", EXEC("a", ",'shutdown':'infinity'")));
        fake->slots[fake_node(fake, "a")->id].script.stop_usec = 100000 * SEC;
        fake_stop(fake, "a");
        fake_advance(fake, 99999 * SEC);
        assert_trace("-a");
        assert_state("a", STOPPING);
        fake_advance(fake, SEC);
        assert_state("a", STOPPED);
}
END_TEST

/* SUP-097 */
START_TEST(dynamic_children_are_stopped_together)
{
        boot(TREE("'strategy':'simple_one_for_one',", EXEC("j", ",'shutdown':'300ms'")));
        fake_script(fake, (FakeScript){.name = "j@1", .stop_usec = USEC_INFINITY});
        fake_script(fake, (FakeScript){.name = "j@2", .stop_usec = USEC_INFINITY});
        for (unsigned i = 0; i < 3; i++)
                fake_spawn(fake, "x", NULL);
        (void)fake_take_trace(fake);
        fake_stop(fake, "x");
        assert_trace("-j@3 .j@3 -j@2 -j@1");
        fake_advance(fake, 300 * MSEC);
        ck_assert_uint_eq(fake_alive(fake), 0);
        assert_state("x", STOPPED);
        ck_assert_uint_eq(fake_node(fake, "x")->child_count, 0);
}
END_TEST

/* SUP-099, SUP-100 */
START_TEST(children_that_end_by_themselves_during_a_shutdown_are_not_restarted)
{
        boot(TREE(
                "",
                EXEC("a", ",'restart':'permanent'") "," EXEC(
                        "b",
                        ",'restart':'transient'") "," EXEC("c",
                                                           ",'restart':'temporary'") "," EXEC("z",
                                                                                              "")));
        fake->slots[fake_node(fake, "z")->id].script.stop_usec = SEC;
        fake_stop(fake, "x");
        fake_exit(fake, "a", 0);
        fake_exit(fake, "b", 42);
        fake_exit(fake, "c", -SIGTERM);
        fake_advance(fake, SEC);
        assert_trace("-z .a .b .c .z");
        assert_state("x", STOPPED);
        ck_assert_str_eq(reason_of("x"), "shutdown");
}
END_TEST

/* SUP-102, SUP-020: nobody outlives its supervisor */
START_TEST(a_supervisor_that_is_late_is_killed_with_all_below_it)
{
        boot(TREE("", SUP("s", "'shutdown':'200ms',", EXEC("p", "") "," EXEC("q", ""))));
        fake->slots[fake_node(fake, "q")->id].script.stop_usec = 600 * MSEC;
        fake_stop(fake, "s");
        fake_advance(fake, 200 * MSEC);
        assert_trace("-q !q .q !p .p");
        assert_state("s", STOPPED);
}
END_TEST

START_TEST(a_watchdog_kills_after_the_shutdown_time_and_the_child_comes_back)
{
        FakeSlot *slot;

        boot(TREE(OFO(1), EXEC("a", ",'watchdog':'1s','shutdown':'2s'")));
        slot = &fake->slots[fake_node(fake, "a")->id];
        slot->row.flags |= CHILD_WATCHDOG_HIT;
        list_append(&fake->dirty, &slot->dirty);
        fake_settle(fake);
        assert_state("a", ABORTING);
        fake_advance(fake, 2 * SEC);
        assert_trace("!a .a +a");
        ck_assert_str_eq(reason_of("a"), "watchdog");
        ck_assert_uint_eq(used_of("x"), 1);
}
END_TEST

/* --- 1.6 managing children ----------------------------------------------------------------- */

/* SUP-112 */
START_TEST(an_added_child_that_cannot_start_is_not_kept)
{
        fake = fake_new(TREE(OFO(0), ABC));
        fake_script(fake, (FakeScript){.name = "y", .sin = FAKE_NO_EXEC});
        fake_boot(fake);
        fake_add(fake, "x", EXEC("y", ""));
        ck_assert(!fake_has(fake, "y"));
        assert_state("x", RUNNING);
}
END_TEST

/* SUP-114, SUP-115, SUP-121 */
START_TEST(a_stopped_child_stays_listed_until_it_is_deleted)
{
        boot(TREE("", ABC));
        fake_stop(fake, "b");
        fake_stop(fake, "b");
        assert_trace("-b .b");
        assert_state("b", STOPPED);
        fake_delete(fake, "b");
        ck_assert(!fake_has(fake, "b"));
        fake_delete(fake, "c");
        assert_trace("-c .c");
        ck_assert(!fake_has(fake, "c"));
}
END_TEST

/* SUP-117 */
START_TEST(an_added_temporary_child_that_is_stopped_is_gone)
{
        boot(TREE("", EXEC("t", ",'restart':'temporary'")));
        fake_add(fake, "x", EXEC("u", ",'restart':'temporary'"));
        fake_stop(fake, "u");
        ck_assert(!fake_has(fake, "u"));
        fake_stop(fake, "t");
        assert_state("t", STOPPED);
}
END_TEST

/* SUP-127: both in one turn, either way round the child is down, and nothing is doubled */
START_TEST(a_stop_that_crosses_a_death_leaves_the_child_stopped)
{
        boot(TREE(OFO(0), ABC));
        fake_end(fake, "a", 1);
        ck_assert_int_eq(engine_row(fake->engine, fake_node(fake, "a"),
                                    fake_node(fake, "a")->life.generation,
                                    &fake->slots[fake_node(fake, "a")->id].row),
                         0);
        list_remove(&fake->slots[fake_node(fake, "a")->id].dirty);
        if (_i == 0)
                engine_stop(fake->engine, fake_node(fake, "a"));
        else
                engine_start(fake->engine, fake_node(fake, "a"));
        fake_turn(fake);
        fake_settle(fake);
        assert_trace(_i == 0 ? ".a" : ".a +a");
        ck_assert_int_eq(state_of("a"), _i == 0 ? LIFE_STOPPED : LIFE_RUNNING);
        assert_state("x", RUNNING);
}
END_TEST

START_TEST(a_death_before_a_stop_is_dealt_with_first)
{
        boot(TREE(OFO(0), ABC));
        fake_exit(fake, "a", 1);
        fake_stop(fake, "a");
        assert_state("x", FAILED);
}
END_TEST

START_TEST(a_child_stopped_by_request_stays_so_over_its_parents_restart)
{
        boot(TREE(OFO(5), SUP("s", OFO(5), ABC)));
        fake_stop(fake, "a");
        fake_restart(fake, "s");
        assert_state("s", RUNNING);
        assert_state("a", STOPPED);
        assert_state("b", RUNNING);
        fake_start(fake, "a");
        fake_restart(fake, "s");
        assert_state("a", RUNNING);
}
END_TEST

START_TEST(a_request_in_any_state_leaves_no_child_behind)
{
        static void (*const verbs[])(FakeWorld *, const char *) = {fake_start, fake_stop,
                                                                   fake_restart};
        unsigned first = (unsigned)_i % 3, second = (unsigned)_i / 3 % 3;

        boot(TREE(OFA(9), EXEC("a", "") "," EXEC("b", BACKOFF) "," EXEC("c", "")));
        fake->slots[fake_node(fake, "c")->id].script.stop_usec = SEC;
        fake_exit(fake, "b", 1);
        if (_i >= 9)
                fake_advance(fake, SEC);
        verbs[first](fake, _i >= 18 ? "b" : "a");
        verbs[second](fake, _i >= 18 ? "c" : "b");
        fake_advance(fake, 10 * SEC);
        ck_assert_int_eq(fake_node(fake, "x")->life.phase, PHASE_STEADY);
        for (size_t i = 0; i < 3; i++) {
                const Node *child = fake_node(fake, "x")->children[i];

                ck_assert_uint_eq(child->life.mark, MARK_NONE);
                ck_assert(child->life.state == LIFE_RUNNING || child->life.state == LIFE_STOPPED);
        }
        shut_down();
        fake_advance(fake, 10 * SEC);
        ck_assert_uint_eq(fake_alive(fake), 0);
}
END_TEST

START_TEST(a_start_while_its_supervisor_undoes_its_own_start_waits_for_it)
{
        fake = fake_new(
                TREE("", EXEC("a", "") "," EXEC("b", "") "," EXEC("m", ",'autostart':false")));
        fake_script(fake, (FakeScript){.name = "a", .stop_usec = SEC});
        fake_script(fake, (FakeScript){.name = "b", .sin = FAKE_NO_EXEC});
        fake_boot(fake);
        assert_trace("+a ?b -a");
        fake_start(fake, "m");
        fake_advance(fake, SEC);
        assert_trace(".a");
        assert_state("x", FAILED);
        ck_assert_uint_eq(fake_alive(fake), 0);
}
END_TEST

START_TEST(a_start_during_a_group_restart_comes_in_its_turn)
{
        boot(TREE(OFA(5), EXEC("a", "") "," EXEC("m", ",'autostart':false") "," EXEC("c", "")));
        fake->slots[fake_node(fake, "c")->id].script.stop_usec = SEC;
        fake_exit(fake, "a", 1);
        fake_start(fake, "m");
        assert_trace(".a -c");
        fake_advance(fake, SEC);
        assert_trace(".c +a +m +c");
        ck_assert_uint_eq(restarts_of("m"), 0);
}
END_TEST

START_TEST(a_child_that_is_to_be_deleted_cannot_be_started_again)
{
        boot(TREE("", ABC));
        fake->slots[fake_node(fake, "b")->id].script.stop_usec = SEC;
        fake_delete(fake, "b");
        fake_start(fake, "b");
        fake_restart(fake, "b");
        fake_advance(fake, SEC);
        assert_trace("-b .b");
        ck_assert(!fake_has(fake, "b"));
}
END_TEST

/* --- 1.7 dynamic children ------------------------------------------------------------------ */

/* SUP-141, SUP-142, SUP-143 */
START_TEST(an_instance_keeps_its_arguments_and_leaves_when_it_is_done)
{
        boot(TREE("'strategy':'simple_one_for_one',", EXEC("j", ",'restart':'transient'")));
        fake_spawn(fake, "x", "one");
        fake_spawn(fake, "x", "two");
        fake_exit(fake, "j@1", 1);
        assert_trace("+j@1 +j@2 .j@1 +j@1");
        ck_assert_str_eq(fake_node(fake, "j@1")->spec->process.argv[1], "one");
        fake_exit(fake, "j@1", 0);
        ck_assert(!fake_has(fake, "j@1"));
        ck_assert(fake_has(fake, "j@2"));
}
END_TEST

/* SUP-144, SUP-146, SUP-147 */
START_TEST(an_instance_that_is_stopped_or_cannot_start_is_not_kept)
{
        fake = fake_new(TREE("'strategy':'simple_one_for_one','intensity':9,", EXEC("j", BACKOFF)));
        fake_script(fake, (FakeScript){.name = "j@2", .sin = FAKE_NO_EXEC});
        fake_boot(fake);
        fake_spawn(fake, "x", NULL);
        fake_spawn(fake, "x", NULL);
        fake_spawn(fake, "x", NULL);
        ck_assert(!fake_has(fake, "j@2"));
        fake_stop(fake, "j@1");
        ck_assert(!fake_has(fake, "j@1"));
        fake_exit(fake, "j@3", 1);
        assert_state("j@3", BACKOFF);
        fake_stop(fake, "j@3");
        ck_assert(!fake_has(fake, "j@3"));
        fake_advance(fake, SEC);
        ck_assert_uint_eq(fake_alive(fake), 0);
}
END_TEST

/* --- 1.8 significant children -------------------------------------------------------------- */

#define ANY           "'auto_shutdown':'any_significant',"
#define ALL           "'auto_shutdown':'all_significant',"
#define SIG_TRANSIENT ",'restart':'transient','significant':true"
#define SIG_TEMPORARY ",'restart':'temporary','significant':true"

/* SUP-160, SUP-161 */
START_TEST(a_significant_end_shuts_the_supervisor_down)
{
        boot(TREE(ANY, EXEC("a", SIG_TRANSIENT) "," EXEC("b", "") "," EXEC("c", "")));
        fake_exit(fake, "a", 1);
        assert_trace(".a +a");
        fake_exit(fake, "a", 0);
        assert_trace(".a -c .c -b .b");
        assert_state("x", FINISHED);
        ck_assert_str_eq(reason_of("x"), "shutdown");
}
END_TEST

/* SUP-162 */
START_TEST(a_significant_temporary_crash_shuts_the_supervisor_down)
{
        boot(TREE(ANY, EXEC("a", SIG_TEMPORARY) "," EXEC("b", "")));
        fake_exit(fake, "a", 1);
        assert_trace(".a -b .b");
}
END_TEST

/* SUP-163, SUP-164 */
START_TEST(other_ends_and_requests_do_not_shut_the_supervisor_down)
{
        boot(TREE(ANY, EXEC("a", SIG_TRANSIENT) "," EXEC("b", ",'restart':'transient'")));
        fake_exit(fake, "b", 0);
        fake_stop(fake, "a");
        assert_state("x", RUNNING);
}
END_TEST

/* SUP-165 */
START_TEST(a_significant_bystander_does_not_shut_the_supervisor_down)
{
        boot(TREE(ANY OFA(3), EXEC("a", SIG_TEMPORARY) "," EXEC("b", "")));
        fake_exit(fake, "b", 1);
        assert_trace(".b -a .a +b");
        assert_state("x", RUNNING);
}
END_TEST

/* SUP-166, SUP-167 */
START_TEST(all_significant_waits_for_the_last_one)
{
        boot(TREE(ALL, EXEC("a", SIG_TRANSIENT) "," EXEC("b", SIG_TRANSIENT) "," EXEC("c", "")));
        if (_i == 0)
                fake_exit(fake, "b", 0);
        else
                fake_stop(fake, "b");
        assert_state("x", RUNNING);
        fake_exit(fake, "a", 0);
        assert_state("x", FINISHED);
        ck_assert_uint_eq(fake_alive(fake), 0);
}
END_TEST

/* SUP-169 */
START_TEST(an_auto_shutdown_is_a_shutdown_to_the_parent)
{
        static const char *const restart[] = {"permanent", "transient", "temporary"};
        char json[512];

        (void)snprintf(json, sizeof(json),
                       TREE(OFO(5), SUP("s", "'restart':'%s'," ANY, EXEC("a", SIG_TRANSIENT))),
                       restart[_i]);
        boot(json);
        fake_exit(fake, "a", 0);
        assert_trace(_i == 0 ? ".a +a" : ".a");
        ck_assert_int_eq(state_of("s"), _i == 0 ? LIFE_RUNNING : LIFE_FINISHED);
}
END_TEST

START_TEST(a_significant_supervisor_shuts_its_parent_down)
{
        boot(TREE(ANY, SUP("s", "'restart':'transient','significant':true," ANY,
                           EXEC("a", SIG_TRANSIENT)) "," EXEC("b", "")));
        fake_exit(fake, "a", 0);
        assert_trace(".a -b .b");
        assert_state("x", FINISHED);
}
END_TEST

/* --- 1.9 trees ----------------------------------------------------------------------------- */

/* SUP-175 */
START_TEST(a_supervisor_that_gave_up_is_restarted_as_a_permanent_child_only)
{
        static const char *const restart[] = {"permanent", "transient", "temporary"};
        char json[512];

        (void)snprintf(
                json, sizeof(json),
                TREE(OFO(5), SUP("s", "'restart':'%s'," OFO(0), EXEC("a", "") "," EXEC("b", ""))),
                restart[_i]);
        boot(json);
        fake_exit(fake, "a", 1);
        assert_trace(_i == 0 ? ".a -b .b +a +b" : ".a -b .b");
        if (_i < 2)
                ck_assert_int_eq(state_of("s"), _i == 0 ? LIFE_RUNNING : LIFE_FAILED);
        else
                ck_assert(!life_is_active(state_of("s")));
        ck_assert_uint_eq(used_of("x"), _i == 0);
        assert_state("x", RUNNING);
}
END_TEST

/* SUP-176 */
START_TEST(escalation_goes_up_level_by_level)
{
        boot(TREE(OFO(1), SUP("s", OFO(1), EXEC("a", "")) "," EXEC("z", "")));
        for (unsigned i = 0; i < 3; i++)
                fake_exit(fake, "a", 1);
        assert_state("s", RUNNING);
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a -z .z");
        assert_state("x", FAILED);
        assert_state("s", FAILED);
}
END_TEST

/* SUP-177 */
START_TEST(added_children_are_lost_when_their_supervisor_is_restarted)
{
        boot(TREE(OFO(5), SUP("s", OFO(0), EXEC("a", ""))));
        fake_add(fake, "s", EXEC("y", ""));
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a -y .y +a");
        ck_assert(!fake_has(fake, "y"));
}
END_TEST

/* SUP-178, SUP-179 */
START_TEST(a_tree_stops_depth_first_in_reverse)
{
        boot(TREE(OFO(5),
                  EXEC("p", "") "," SUP("s", OFA(5),
                                        EXEC("s1", "") "," EXEC("s2", "")) "," EXEC("q", "")));
        fake_exit(fake, "s1", 1);
        assert_trace(".s1 -s2 .s2 +s1 +s2");
        shut_down();
        assert_trace("-q .q -s2 .s2 -s1 .s1 -p .p");
        ck_assert_int_eq(root_state(), LIFE_STOPPED);
        ck_assert_uint_eq(fake->tree->root->life.flags & LIFE_ENDS_NODE, 0);
}
END_TEST

START_TEST(a_supervisor_that_cannot_start_again_is_tried_until_the_budget_is_used_up)
{
        fake = fake_new(TREE(OFO(2), SUP("s", OFO(0), EXEC("a", "") "," EXEC("b", ""))));
        fake_script(fake, (FakeScript){.name = "b", .sin = FAKE_NO_EXEC, .skip = 1});
        fake_boot(fake);
        (void)fake_take_trace(fake);
        fake_exit(fake, "a", 1);
        assert_trace(".a -b .b +a ?b -a .a +a ?b -a .a");
        assert_state("x", FAILED);
        ck_assert_uint_eq(fake_alive(fake), 0);
}
END_TEST

/* --- 8 applications ------------------------------------------------------------------------ */

#define APP(name, head) SUP(name, head, EXEC("c" name, ""))

/* APP-002, APP-009 */
START_TEST(applications_start_after_what_they_require_and_stop_in_reverse)
{
        fake = fake_new(APPS(
                APP("p", "'requires':['q'],") "," APP("q", "'autostart':false,") "," APP("r", "")));
        fake_boot(fake);
        assert_trace("+cq +cp +cr");
        shut_down();
        assert_trace("-cr .cr -cp .cp -cq .cq");
        ck_assert_int_eq(root_state(), LIFE_STOPPED);
}
END_TEST

START_TEST(what_is_required_is_stopped_last_even_if_it_was_started_again)
{
        boot(APPS(APP("q", "") "," APP("p", "'requires':['q'],")));
        fake_restart(fake, "q");
        (void)fake_take_trace(fake);
        shut_down();
        assert_trace("-cp .cp -cq .cq");
}
END_TEST

/* APP-001, APP-003 */
START_TEST(an_application_whose_requirement_failed_is_not_started)
{
        fake = fake_new(APPS(APP("q", "") "," APP("p", "'requires':['q'],")));
        fake_script(fake, (FakeScript){.name = "cq", .sin = FAKE_NO_EXEC});
        fake_boot(fake);
        assert_trace("?cq");
        assert_state("p", FAILED);
        ck_assert_str_eq(reason_of("p"), "{not_started,q}");
        ck_assert_int_eq(root_state(), LIFE_RUNNING);
        fake_start(fake, "p");
        assert_state("p", FAILED);
        assert_trace("");
}
END_TEST

START_TEST(an_application_waits_for_a_requirement_that_was_started_by_hand)
{
        fake = fake_new(APPS(SUP("q", "", NOTIFY("cq", "")) "," APP("p", "'requires':['q'],")));
        fake_script(fake, (FakeScript){.name = "cq", .ready_usec = SEC, .stop_usec = MSEC});
        fake_boot(fake);
        fake_restart(fake, "q");
        fake_advance(fake, 10 * SEC);
        ck_assert_int_eq(root_state(), LIFE_RUNNING);
        assert_state("q", RUNNING);
        for (size_t i = 0; i < 2; i++)
                ck_assert_uint_eq(fake->tree->root->children[i]->life.mark, MARK_NONE);
}
END_TEST

/* APP-005, APP-006, APP-007, APP-008, APP-014 */
START_TEST(an_application_can_be_stopped_and_started_without_touching_others)
{
        boot(APPS(APP("q", "'start':'permanent',") "," APP(
                "p", "'start':'transient','requires':['q'],")));
        fake_start(fake, "q");
        assert_trace("");
        fake_stop(fake, "q");
        assert_trace("-cq .cq");
        assert_state("p", RUNNING);
        fake_stop(fake, "p");
        fake_start(fake, "p");
        assert_state("p", FAILED);
        fake_start(fake, "q");
        fake_start(fake, "p");
        assert_state("p", RUNNING);
        ck_assert_int_eq(root_state(), LIFE_RUNNING);
}
END_TEST

typedef struct StartRow {
        const char *start;
        const char *how; /* "shutdown": gives up; "normal": its lifespan; "fails" to start */
        bool ends_node;
} StartRow;

/* APP-010 to APP-013, APP-015 */
static const StartRow start_rows[] = {
        {"permanent", "normal", true},   {"permanent", "shutdown", true},
        {"permanent", "fails", true},    {"transient", "normal", false},
        {"transient", "shutdown", true}, {"transient", "fails", true},
        {"temporary", "normal", false},  {"temporary", "shutdown", false},
        {"temporary", "fails", false},
};

START_TEST(an_applications_end_means_what_its_start_type_says)
{
        const StartRow *row = &start_rows[_i];
        char json[512];

        (void)snprintf(json, sizeof(json),
                       APPS(APP("o", "") "," SUP("p", "'start':'%s'," OFO(0) "%s", EXEC("cp", ""))),
                       row->start, row->how[0] == 'n' ? "'lifespan':'10s'," : "");
        fake = fake_new(json);
        if (row->how[0] == 'f')
                fake_script(fake, (FakeScript){.name = "cp", .sin = FAKE_NO_EXEC});
        fake_boot(fake);
        if (row->how[0] == 's')
                fake_exit(fake, "cp", 1);
        fake_advance(fake, 20 * SEC);
        ck_assert_int_eq(root_state(), row->ends_node ? LIFE_STOPPED : LIFE_RUNNING);
        ck_assert_uint_eq(fake_alive(fake), row->ends_node ? 0 : 1);
        ck_assert_int_eq((fake->tree->root->life.flags & LIFE_ENDS_NODE) != 0, row->ends_node);
        ck_assert_int_ne(state_of("p"), LIFE_RUNNING);
}
END_TEST

START_TEST(a_lifespan_ends_an_application_normally)
{
        boot(APPS(APP("p", "'lifespan':'10s',")));
        fake_advance(fake, 10 * SEC - 1);
        assert_state("p", RUNNING);
        fake_advance(fake, 1);
        assert_trace("-cp .cp");
        assert_state("p", FINISHED);
        ck_assert_str_eq(reason_of("p"), "normal");
        fake_start(fake, "p");
        fake_stop(fake, "p");
        fake_advance(fake, 20 * SEC);
        ck_assert_str_eq(reason_of("p"), "shutdown");
}
END_TEST

/* APP-022 */
START_TEST(an_application_without_processes_counts_as_running)
{
        boot(APPS(SUP("lib", "", "") "," APP("p", "'requires':['lib'],")));
        assert_state("lib", RUNNING);
        assert_state("p", RUNNING);
}
END_TEST

/* APP-023 */
START_TEST(an_application_can_be_started_while_another_is_slow_to_stop)
{
        boot(APPS(APP("p", "") "," APP("q", "'autostart':false,")));
        fake->slots[fake_node(fake, "cp")->id].script.stop_usec = SEC;
        fake_stop(fake, "p");
        fake_start(fake, "q");
        assert_trace("-cp +cq");
        assert_state("q", RUNNING);
}
END_TEST

/* --- size ---------------------------------------------------------------------------------- */

/* SUP-131, SUP-152 */
START_TEST(ten_thousand_children_start_and_stop_in_reasonable_time)
{
        char json[600];

        (void)snprintf(json, sizeof(json),
                       TREE("'strategy':'%s','intensity':10000,",
                            EXEC("a", ",'instances':4000") "," EXEC(
                                    "b", ",'instances':4000") "," EXEC("c", ",'instances':2000")),
                       _i == 0 ? "one_for_one" : "one_for_all");
        boot(json);
        ck_assert_uint_eq(fake_alive(fake), 10000);
        fake_exit(fake, "a@1", 1);
        ck_assert_uint_eq(fake_alive(fake), 10000);
        shut_down();
        ck_assert_uint_eq(fake_alive(fake), 0);
        ck_assert_int_eq(root_state(), LIFE_STOPPED);
}
END_TEST

static TCase *manage_case(void)
{
        TCase *tcase = tcase_create("manage");

        tcase_add_checked_fixture(tcase, NULL, teardown);
        tcase_add_test(tcase, a_stubborn_child_is_killed_at_its_deadline);
        tcase_add_test(tcase, brutal_kill_asks_nobody_and_no_time_kills_at_once);
        tcase_add_test(tcase, infinity_waits_as_long_as_it_takes);
        tcase_add_test(tcase, dynamic_children_are_stopped_together);
        tcase_add_test(tcase, children_that_end_by_themselves_during_a_shutdown_are_not_restarted);
        tcase_add_test(tcase, a_supervisor_that_is_late_is_killed_with_all_below_it);
        tcase_add_test(tcase, a_watchdog_kills_after_the_shutdown_time_and_the_child_comes_back);
        tcase_add_test(tcase, an_added_child_that_cannot_start_is_not_kept);
        tcase_add_test(tcase, a_stopped_child_stays_listed_until_it_is_deleted);
        tcase_add_test(tcase, an_added_temporary_child_that_is_stopped_is_gone);
        tcase_add_loop_test(tcase, a_stop_that_crosses_a_death_leaves_the_child_stopped, 0, 2);
        tcase_add_test(tcase, a_death_before_a_stop_is_dealt_with_first);
        tcase_add_test(tcase, a_child_stopped_by_request_stays_so_over_its_parents_restart);
        tcase_add_loop_test(tcase, a_request_in_any_state_leaves_no_child_behind, 0, 27);
        tcase_add_test(tcase, a_start_while_its_supervisor_undoes_its_own_start_waits_for_it);
        tcase_add_test(tcase, a_start_during_a_group_restart_comes_in_its_turn);
        tcase_add_test(tcase, a_child_that_is_to_be_deleted_cannot_be_started_again);
        tcase_add_test(tcase, an_instance_keeps_its_arguments_and_leaves_when_it_is_done);
        tcase_add_test(tcase, an_instance_that_is_stopped_or_cannot_start_is_not_kept);
        return tcase;
}

static TCase *tree_case(void)
{
        TCase *tcase = tcase_create("tree");

        tcase_add_checked_fixture(tcase, NULL, teardown);
        tcase_set_timeout(tcase, 30);
        tcase_add_test(tcase, a_significant_end_shuts_the_supervisor_down);
        tcase_add_test(tcase, a_significant_temporary_crash_shuts_the_supervisor_down);
        tcase_add_test(tcase, other_ends_and_requests_do_not_shut_the_supervisor_down);
        tcase_add_test(tcase, a_significant_bystander_does_not_shut_the_supervisor_down);
        tcase_add_loop_test(tcase, all_significant_waits_for_the_last_one, 0, 2);
        tcase_add_loop_test(tcase, an_auto_shutdown_is_a_shutdown_to_the_parent, 0, 3);
        tcase_add_test(tcase, a_significant_supervisor_shuts_its_parent_down);
        tcase_add_loop_test(tcase, a_supervisor_that_gave_up_is_restarted_as_a_permanent_child_only,
                            0, 3);
        tcase_add_test(tcase, escalation_goes_up_level_by_level);
        tcase_add_test(tcase, added_children_are_lost_when_their_supervisor_is_restarted);
        tcase_add_test(tcase, a_tree_stops_depth_first_in_reverse);
        tcase_add_test(tcase,
                       a_supervisor_that_cannot_start_again_is_tried_until_the_budget_is_used_up);
        tcase_add_loop_test(tcase, ten_thousand_children_start_and_stop_in_reasonable_time, 0, 2);
        return tcase;
}

static TCase *application_case(void)
{
        TCase *tcase = tcase_create("application");

        tcase_add_checked_fixture(tcase, NULL, teardown);
        tcase_add_test(tcase, applications_start_after_what_they_require_and_stop_in_reverse);
        tcase_add_test(tcase, what_is_required_is_stopped_last_even_if_it_was_started_again);
        tcase_add_test(tcase, an_application_whose_requirement_failed_is_not_started);
        tcase_add_test(tcase, an_application_waits_for_a_requirement_that_was_started_by_hand);
        tcase_add_test(tcase, an_application_can_be_stopped_and_started_without_touching_others);
        tcase_add_loop_test(tcase, an_applications_end_means_what_its_start_type_says, 0,
                            ARRAY_LEN(start_rows));
        tcase_add_test(tcase, a_lifespan_ends_an_application_normally);
        tcase_add_test(tcase, an_application_without_processes_counts_as_running);
        tcase_add_test(tcase, an_application_can_be_started_while_another_is_slow_to_stop);
        return tcase;
}

TEST_MAIN("manage", manage_case(), tree_case(), application_case())
