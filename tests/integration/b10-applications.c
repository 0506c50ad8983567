/*
 * Owns the proof of applications: order among them, and what one's end means for all of gend.
 */

#include "tests/support/harness.h"

#include <signal.h>

#define PERMANENT_APP ",'start':'permanent'"
#define TRANSIENT_APP ",'start':'transient'"

static json_t *app_info(Harness *h, const char *name)
{
        return ctl(h, "app.info", "{'name':'%s'}", name);
}

/* APP-001, APP-003: what it requires does not run: nothing of it is started, and the error names
 * it. */
START_TEST(an_application_needs_those_it_requires)
{
        Harness *h = harness_start(TREE(APP("base", "", TOY("a", ""))
                                                APP("shop", ",'requires':['base']", TOY("b", ""))));
        json_t *error;

        ctl(h, "app.stop", "{'name':'shop'}");
        ctl(h, "app.stop", "{'name':'base'}");
        record_clear(h);
        error = ctl_fails(h, -32001, "app.start", "{'name':'shop'}");
        check(h, strstr(error_text(error), "not_started") && strstr(error_text(error), "base"));
        check_str(h, record_text(h), "");
        ctl(h, "app.start", "{'name':'base'}");
        ctl(h, "app.start", "{'name':'shop'}");
        check_str(h, record_text(h), "a+ b+");
        harness_stop(h);
}
END_TEST

/* APP-002, APP-009: started in the order of what they require, whatever the order of the file;
 * stopped in reverse, one after the other. */
START_TEST(applications_start_in_the_order_of_need)
{
        Harness *h = harness_start(TREE(APP("web", ",'requires':['db','cache']", TOY("w", "")) APP(
                "cache", ",'requires':['db']", TOY("c", "")) APP("db", "", TOY("d", ""))));

        check_str(h, record_text(h), "d+ c+ w+");
        record_clear(h);
        harness_signal(h, SIGTERM);
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "w- w. c- c. d- d.");
        harness_free(h);
}
END_TEST

/* APP-004's other side: a required application is started although it would not start by itself. */
START_TEST(what_is_required_is_started_too)
{
        Harness *h = harness_start(TREE(APP("base", ",'autostart':false", TOY("a", "")) APP(
                "idle", ",'autostart':false", TOY("i", ""))
                                                APP("shop", ",'requires':['base']", TOY("b", ""))));

        check_str(h, record_text(h), "a+ b+");
        check_str(h, node_str(h, "idle", "state"), "stopped");
        harness_stop(h);
}
END_TEST

/* APP-005: start of a running one is fine, also by two at a time: one instance. */
START_TEST(starting_twice_makes_one_instance)
{
        Harness *h = harness_start(
                TREE(APP("shop", ",'autostart':false", SIN("a", "wait=go ready", ""))));
        CtlCall *one = ctl_begin(h, "app.start", "{'name':'shop'}");
        CtlCall *two = ctl_begin(h, "app.start", "{'name':'shop'}");

        (void)record_wait(h, "a+", 1);
        touch(h, "go");
        check(h, json_object_get(ctl_end(h, one), "result") != NULL);
        check(h, json_object_get(ctl_end(h, two), "result") != NULL);
        ctl(h, "app.start", "{'name':'shop'}");
        check_str(h, record_text(h), "a+");
        check_str(h, json_string_value(json_object_get(app_info(h, "shop"), "state")), "running");
        harness_stop(h);
}
END_TEST

/* APP-006: a start that fails is reported; it is there, not running, and can be started again. */
START_TEST(an_application_that_failed_to_start_can_be_started_again)
{
        Harness *h = harness_new();
        json_t *error;

        touch(h, "bad");
        harness_run(h, TREE(APP("shop", "", TOY("a", "") SIN("b", "fail-if=bad ready", ""))), NULL);
        harness_wait_ready(h);
        expect_state(h, "shop", "failed");
        error = ctl_fails(h, -32001, "app.start", "{'name':'shop'}");
        check(h, strstr(error_text(error), "b") != NULL);
        untouch(h, "bad");
        ctl(h, "app.start", "{'name':'shop'}");
        check_str(h, node_str(h, "shop/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* APP-007: stop: the tree in reverse; it stays known, with its env. APP-014: nobody else is
 * affected, whatever its start type. APP-021: stopping one that does not run. */
START_TEST(stopping_an_application_by_hand_harms_nobody)
{
        Harness *h = harness_start(TREE(APP("one", PERMANENT_APP, TOY("a", "") TOY("b", ""))
                                                APP("two", TRANSIENT_APP ",'env':{'K':'V'}",
                                                    TOY("c", "")) APP("three", "", TOY("d", ""))));
        json_t *info;

        record_clear(h);
        ctl(h, "app.stop", "{'name':'one'}");
        ctl(h, "app.stop", "{'name':'two'}");
        check_str(h, record_text(h), "b- b. a- a. c- c.");
        info = app_info(h, "two");
        check_str(h, json_string_value(json_object_get(info, "state")), "stopped");
        check_str(h, json_string_value(json_object_get(json_object_get(info, "env"), "K")), "V");
        check_str(h, node_str(h, "three/d", "state"), "running");
        ctl(h, "app.stop", "{'name':'one'}");
        ctl(h, "app.start", "{'name':'one'}");
        check_str(h, node_str(h, "one/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* APP-008: those that depend on a stopped one go on. */
START_TEST(dependents_of_a_stopped_application_go_on)
{
        Harness *h = harness_start(TREE(APP("base", "", TOY("a", ""))
                                                APP("shop", ",'requires':['base']", TOY("b", ""))));
        json_t *info;

        ctl(h, "app.stop", "{'name':'base'}");
        check_str(h, node_str(h, "shop/b", "state"), "running");
        info = app_info(h, "base");
        check_str(h, json_string_value(json_array_get(json_object_get(info, "required_by"), 0)),
                  "shop");
        info = app_info(h, "shop");
        check_str(h, json_string_value(json_array_get(json_object_get(info, "requires"), 0)),
                  "base");
        harness_stop(h);
}
END_TEST

/* Gend ends with 1 after an orderly stop of the others, in reverse. */
static void expect_end_of_all(Harness *h, const char *record)
{
        check_int(h, harness_await_exit(h), 1);
        check_str(h, record_text(h), record);
        harness_free(h);
}

/* APP-010: a permanent one that ends, also with normal, ends gend. */
START_TEST(the_end_of_a_permanent_application_ends_gend)
{
        Harness *h = harness_start(TREE(APP("other", "", TOY("x", "")) APP(
                "shop", PERMANENT_APP ",'lifespan':'50ms'", TOY("a", ""))));

        expect_end_of_all(h, "x+ a+ a- a. x- x.");
}
END_TEST

START_TEST(a_permanent_application_that_gives_up_ends_gend)
{
        Harness *h = harness_start(TREE(APP("other", "", TOY("x", "")) APP(
                "shop", PERMANENT_APP ",'intensity':0", TOY("a", "") TOY("b", ""))
                                                APP("third", "", TOY("y", ""))));

        record_clear(h);
        (void)kill_child(h, "shop/a", SIGKILL);
        expect_end_of_all(h, "b- b. y- y. x- x.");
}
END_TEST

/* APP-011: a transient one that ends with normal is reported, nothing else. lifespan is such an
 * end. */
START_TEST(a_transient_application_that_is_done_harms_nobody)
{
        Harness *h = harness_start(TREE(APP("other", "", TOY("x", "")) APP(
                "shop", TRANSIENT_APP ",'lifespan':'50ms'", TOY("a", ""))));

        expect(h, "exited", "shop", "normal");
        expect_state(h, "shop", "finished");
        check_str(h, node_str(h, "other/x", "state"), "running");
        harness_stop(h);
}
END_TEST

/* APP-012: a transient one whose top supervisor gave up: shutdown is not clean for applications. */
START_TEST(a_transient_application_that_gives_up_ends_gend)
{
        Harness *h = harness_start(TREE(APP("other", "", TOY("x", "")) APP(
                "shop", TRANSIENT_APP ",'intensity':0", TOY("a", "") TOY("b", ""))));

        record_clear(h);
        (void)kill_child(h, "shop/a", SIGKILL);
        expect_end_of_all(h, "b- b. x- x.");
}
END_TEST

/* APP-012: as does one that shut itself down. */
START_TEST(a_transient_application_that_shuts_itself_down_ends_gend)
{
        Harness *h = harness_start(TREE(APP(
                "shop", TRANSIENT_APP ",'auto_shutdown':'any_significant'",
                TOY("b", "") SIN("a", "ready take=go exit=0", TRANSIENT ",'significant':true"))));

        record_clear(h);
        touch(h, "go");
        expect_end_of_all(h, "a. b- b.");
}
END_TEST

/* APP-013: the end of a temporary one is reported, whatever the reason; others are unaffected. */
START_TEST(the_end_of_a_temporary_application_harms_nobody)
{
        Harness *h = harness_start(
                TREE(APP("other", "", TOY("x", "")) APP("shop", ",'intensity':0", TOY("a", ""))
                             APP("brief", ",'lifespan':'30ms'", TOY("b", ""))));

        (void)kill_child(h, "shop/a", SIGKILL);
        expect_state(h, "shop", "failed");
        expect_state(h, "brief", "finished");
        check_str(h, node_str(h, "other/x", "state"), "running");
        harness_stop(h);
}
END_TEST

/* APP-015, SUP-005: a permanent or transient one that cannot start ends gend; what was started is
 * stopped in reverse, what comes later is never tried. APP-002. */
START_TEST(an_application_that_must_start_and_cannot_ends_gend)
{
        static const char *const trees[] = {
                TREE(APP("one", "", TOY("x", ""))
                             APP("two", PERMANENT_APP, TOY("a", "") SIN("b", "exit=1", ""))
                                     APP("three", "", TOY("y", ""))),
                TREE(APP("one", "", TOY("x", ""))
                             APP("two", TRANSIENT_APP, TOY("a", "") SIN("b", "exit=1", ""))
                                     APP("three", "", TOY("y", ""))),
        };

        for (size_t i = 0; i < 2; i++) {
                Harness *h = harness_launch(trees[i], NULL);

                expect_end_of_all(h, "x+ a+ b+ b. a- a. x- x.");
        }
}
END_TEST

/* ... but one that an operator starts by hand takes nobody down (OTP returns the error to the
 * caller). */
START_TEST(a_start_by_hand_that_fails_harms_nobody)
{
        Harness *h = harness_start(TREE(APP("other", "", TOY("x", "")) APP(
                "shop", PERMANENT_APP ",'autostart':false", SIN("a", "exit=1", ""))));

        (void)ctl_fails(h, -32001, "app.start", "{'name':'shop'}");
        check_str(h, node_str(h, "other/x", "state"), "running");
        harness_stop(h);
}
END_TEST

/* APP-023: requests are answered while an application stops slowly. */
START_TEST(requests_are_answered_while_an_application_stops)
{
        Harness *h = harness_start(TREE(APP("shop", "", SIN("a", "slow-term=go ready", ""))
                                                APP("other", "", TOY("x", ""))));
        CtlCall *stop = ctl_begin(h, "app.stop", "{'name':'shop'}");
        pid_t x;

        (void)record_wait(h, "a-", 1);
        check_str(h, json_string_value(json_object_get(app_info(h, "shop"), "state")), "stopping");
        x = kill_child(h, "other/x", SIGKILL);
        expect_new_pid(h, "other/x", x);
        touch(h, "go");
        check(h, json_object_get(ctl_end(h, stop), "result") != NULL);
        harness_stop(h);
}
END_TEST

/* APP-024: a child that hangs does not keep gend from ending: its own deadline is the limit. */
START_TEST(a_hanging_child_does_not_keep_gend_from_ending)
{
        Harness *h = harness_start(TREE(APP(
                "shop", "", SIN("a", "ignore-term ready", ",'shutdown':'100ms'") TOY("b", ""))));

        harness_signal(h, SIGTERM);
        check_int(h, harness_await_exit(h), 0);
        check_str(h, record_text(h), "a+ b+ b- b. a-");
        harness_free(h);
}
END_TEST

START_TEST(the_list_of_applications_says_what_they_are)
{
        Harness *h = harness_start(TREE(APP(
                "shop", PERMANENT_APP ",'version':'1.2.0','description':'the shop','lifespan':'1h'",
                TOY("a", "") SUP("sub", "", TOY("b", "") TOY("c", ",'autostart':false")))));
        json_t *list = json_object_get(ctl(h, "apps", "{}"), "applications");
        json_t *app = json_array_get(list, 0);

        check(h, json_array_size(list) == 1);
        check_str(h, json_string_value(json_object_get(app, "name")), "shop");
        check_str(h, json_string_value(json_object_get(app, "version")), "1.2.0");
        check_str(h, json_string_value(json_object_get(app, "description")), "the shop");
        check_str(h, json_string_value(json_object_get(app, "start")), "permanent");
        check_int(h, json_integer_value(json_object_get(app, "lifespan_ms")), 3600000);
        check_int(h, json_integer_value(json_object_get(app, "processes")), 3);
        check_int(h, json_integer_value(json_object_get(app, "running")), 2);
        harness_stop(h);
}
END_TEST

static TCase *applications_case(void)
{
        TCase *tcase = harness_case("applications");

        tcase_add_test(tcase, an_application_needs_those_it_requires);
        tcase_add_test(tcase, applications_start_in_the_order_of_need);
        tcase_add_test(tcase, what_is_required_is_started_too);
        tcase_add_test(tcase, starting_twice_makes_one_instance);
        tcase_add_test(tcase, an_application_that_failed_to_start_can_be_started_again);
        tcase_add_test(tcase, stopping_an_application_by_hand_harms_nobody);
        tcase_add_test(tcase, dependents_of_a_stopped_application_go_on);
        tcase_add_test(tcase, the_end_of_a_permanent_application_ends_gend);
        tcase_add_test(tcase, a_permanent_application_that_gives_up_ends_gend);
        tcase_add_test(tcase, a_transient_application_that_is_done_harms_nobody);
        tcase_add_test(tcase, a_transient_application_that_gives_up_ends_gend);
        tcase_add_test(tcase, a_transient_application_that_shuts_itself_down_ends_gend);
        tcase_add_test(tcase, the_end_of_a_temporary_application_harms_nobody);
        tcase_add_test(tcase, an_application_that_must_start_and_cannot_ends_gend);
        tcase_add_test(tcase, a_start_by_hand_that_fails_harms_nobody);
        tcase_add_test(tcase, requests_are_answered_while_an_application_stops);
        tcase_add_test(tcase, a_hanging_child_does_not_keep_gend_from_ending);
        tcase_add_test(tcase, the_list_of_applications_says_what_they_are);
        return tcase;
}

TEST_MAIN("b10-applications", applications_case())
