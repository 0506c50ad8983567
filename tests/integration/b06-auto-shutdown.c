/*
 * Owns the proof of significant children and of what their end means for their supervisor.
 */

#include "tests/support/harness.h"

#include <signal.h>

#define SIGNIFICANT        ",'significant':true"
#define ANY                ",'auto_shutdown':'any_significant'"
#define ALL                ",'auto_shutdown':'all_significant'"
#define SUB(mode, list)    TREE(APP("app", "", TOY("x", "") SUP("sub", mode TRANSIENT, list)))
#define ENDING(name, more) SIN(name, "ready take=" name ".go exit=0", more)

/* Is the supervisor over, by itself and without having failed? */
static void expect_over(Harness *h)
{
        expect(h, "exited", "app/sub", "shutdown");
        expect_state(h, "app/sub", "finished");
        check_str(h, node_str(h, "app", "state"), "running");
}

/* SUP-160: the rest is stopped in reverse order, the supervisor ends with shutdown. SUP-169: as a
 * transient child of another it is then listed as finished. */
START_TEST(any_significant_child_that_is_done_ends_the_supervisor)
{
        Harness *h = harness_start(
                SUB(ANY, ENDING("a", TRANSIENT SIGNIFICANT) TOY("b", "") TOY("c", "")));

        record_clear(h);
        touch(h, "a.go");
        expect(h, "exited", "app/sub/a", "normal");
        expect_over(h);
        check_str(h, record_text(h), "a. c- c. b- b.");
        harness_stop(h);
}
END_TEST

/* SUP-161: a significant transient one that crashes is restarted. */
START_TEST(a_significant_child_that_crashed_is_restarted)
{
        Harness *h = harness_start(SUB(ANY, TOY("a", TRANSIENT SIGNIFICANT) TOY("b", "")));
        pid_t a = kill_child(h, "app/sub/a", SIGKILL);

        expect_new_pid(h, "app/sub/a", a);
        check_str(h, node_str(h, "app/sub", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-162: a significant temporary one that crashes ends the supervisor. */
START_TEST(a_significant_temporary_child_that_crashed_ends_the_supervisor)
{
        Harness *h = harness_start(SUB(ANY, TOY("a", TEMPORARY SIGNIFICANT) TOY("b", "")));

        (void)kill_child(h, "app/sub/a", SIGKILL);
        expect_over(h);
        harness_stop(h);
}
END_TEST

/* SUP-163: one that is not significant ends nothing, in any mode. */
START_TEST(an_insignificant_child_ends_nothing)
{
        Harness *h = harness_start(TREE(
                APP("app", "",
                    SUP("any", ANY, ENDING("a", TRANSIENT) TOY("b", TRANSIENT SIGNIFICANT))
                            SUP("all", ALL, ENDING("c", TEMPORARY) TOY("d", TRANSIENT SIGNIFICANT))
                                    SUP("never", "", ENDING("e", TRANSIENT) TOY("f", "")))));

        touch(h, "a.go");
        touch(h, "c.go");
        touch(h, "e.go");
        expect_state(h, "app/any/a", "finished");
        expect_dropped(h, "app/all/c");
        expect_state(h, "app/never/e", "finished");
        check_str(h, node_str(h, "app/any", "state"), "running");
        check_str(h, node_str(h, "app/all", "state"), "running");
        check_str(h, node_str(h, "app/never", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-164: stopping a significant child by hand ends nothing. */
START_TEST(stopping_a_significant_child_ends_nothing)
{
        Harness *h = harness_start(SUB(ANY, TOY("a", TRANSIENT SIGNIFICANT) TOY("b", "")));

        ctl(h, "stop", "{'paths':['app/sub/a']}");
        check_str(h, node_str(h, "app/sub", "state"), "running");
        check_str(h, node_str(h, "app/sub/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-165: nor does stopping it as a bystander of a group restart. */
START_TEST(a_significant_bystander_ends_nothing)
{
        Harness *h = harness_start(SUB(ANY ONE_FOR_ALL,
                                       TOY("a", TEMPORARY SIGNIFICANT)
                                               TOY("b", TRANSIENT SIGNIFICANT) TOY("c", "")));

        (void)kill_child(h, "app/sub/c", SIGKILL);
        expect(h, "exited", "app/sub/c", "killed");
        expect(h, "ready", "app/sub/c", NULL);
        check_str(h, node_str(h, "app/sub", "state"), "running");
        check_str(h, node_str(h, "app/sub/b", "state"), "running");
        expect_dropped(h, "app/sub/a");
        harness_stop(h);
}
END_TEST

/* SUP-166: the last of all significant ones ends the supervisor. */
START_TEST(the_last_of_all_significant_children_ends_the_supervisor)
{
        Harness *h = harness_start(SUB(ALL, ENDING("a", TRANSIENT SIGNIFICANT) ENDING(
                                                    "b", TEMPORARY SIGNIFICANT) TOY("c", "")));

        touch(h, "a.go");
        expect_state(h, "app/sub/a", "finished");
        check_str(h, node_str(h, "app/sub", "state"), "running");
        touch(h, "b.go");
        expect_over(h);
        harness_stop(h);
}
END_TEST

/* SUP-167: one that was stopped by hand counts as ended. */
START_TEST(a_stopped_significant_child_counts_as_ended)
{
        Harness *h = harness_start(SUB(ALL, ENDING("a", TRANSIENT SIGNIFICANT)
                                                    TOY("b", TRANSIENT SIGNIFICANT) TOY("c", "")));

        ctl(h, "stop", "{'paths':['app/sub/b']}");
        touch(h, "a.go");
        expect_over(h);
        harness_stop(h);
}
END_TEST

/* SUP-169: a permanent supervisor that shut itself down is restarted by its parent, a temporary one
 * is dropped; a significant one takes its parent with it. */
START_TEST(what_the_parent_makes_of_it_depends_on_the_restart_type)
{
        Harness *h = harness_start(TREE(APP(
                "app", "",
                SUP("perm", ANY, SIN("a", "ready take=a.go exit=0", TRANSIENT SIGNIFICANT))
                        SUP("temp", ANY TEMPORARY,
                            SIN("b", "ready take=b.go exit=0", TRANSIENT SIGNIFICANT))
                                SUP("outer", ANY TRANSIENT,
                                    SUP("inner", ANY TRANSIENT SIGNIFICANT,
                                        SIN("c", "ready take=c.go exit=0", TRANSIENT SIGNIFICANT))
                                            TOY("d", "")))));
        pid_t a = child_pid(h, "app/perm/a");

        touch(h, "a.go");
        expect_new_pid(h, "app/perm/a", a);
        touch(h, "b.go");
        expect_dropped(h, "app/temp");
        touch(h, "c.go");
        expect(h, "exited", "app/outer/inner", "shutdown");
        expect(h, "exited", "app/outer", "shutdown");
        expect_state(h, "app/outer", "finished");
        harness_stop(h);
}
END_TEST

/* An application that shuts itself down: temporary, so it is reported and nothing else. APP-013. */
START_TEST(an_application_can_shut_itself_down)
{
        Harness *h =
                harness_start(TREE(APP("app", ANY, ENDING("a", TRANSIENT SIGNIFICANT) TOY("b", ""))
                                           APP("other", "", TOY("c", ""))));

        touch(h, "a.go");
        expect_state(h, "app", "finished");
        check_str(h, node_str(h, "other/c", "state"), "running");
        harness_stop(h);
}
END_TEST

static TCase *auto_shutdown_case(void)
{
        TCase *tcase = harness_case("auto-shutdown");

        tcase_add_test(tcase, any_significant_child_that_is_done_ends_the_supervisor);
        tcase_add_test(tcase, a_significant_child_that_crashed_is_restarted);
        tcase_add_test(tcase, a_significant_temporary_child_that_crashed_ends_the_supervisor);
        tcase_add_test(tcase, an_insignificant_child_ends_nothing);
        tcase_add_test(tcase, stopping_a_significant_child_ends_nothing);
        tcase_add_test(tcase, a_significant_bystander_ends_nothing);
        tcase_add_test(tcase, the_last_of_all_significant_children_ends_the_supervisor);
        tcase_add_test(tcase, a_stopped_significant_child_counts_as_ended);
        tcase_add_test(tcase, what_the_parent_makes_of_it_depends_on_the_restart_type);
        tcase_add_test(tcase, an_application_can_shut_itself_down);
        return tcase;
}

TEST_MAIN("b06-auto-shutdown", auto_shutdown_case())
