/*
 * Owns the proof of simple_one_for_one: children made on demand from one template.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>

#define POOL(sins, more, child_more) \
        TREE(APP("app", "", SUP("jobs", SIMPLE more, SIN("job", sins, child_more))))

/* Spawns one and returns its path, which lives as long as the harness. */
static const char *spawn_job(Harness *h, const char *args)
{
        json_t *result = ctl(h, "spawn", "{'path':'app/jobs','args':[%s]}", args);

        return json_string_value(json_object_get(result, "path"));
}

static size_t job_count(Harness *h)
{
        json_t *tree = ctl(h, "tree", "{'path':'app/jobs'}");

        return json_array_size(json_object_get(tree, "children"));
}

/* SUP-140: it starts without children; two templates or none are refused when the tree is read. */
START_TEST(it_starts_without_children)
{
        Harness *h = harness_start(POOL("ready", "", ""));

        check(h, job_count(h) == 0);
        check_str(h, node_str(h, "app/jobs", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-141: the template's arguments, then the given ones. SUP-142: a restarted one has the same. */
START_TEST(arguments_follow_those_of_the_template)
{
        Harness *h = harness_start(POOL("ready", "", ""));
        const char *path = spawn_job(h, "'mark=one mark=two'");
        pid_t pid = record_wait(h, "jobtwo", 1);

        check_int(h, kill_child(h, path, SIGKILL), pid);
        expect_new_pid(h, path, pid);
        (void)record_wait(h, "jobtwo", 2);
        check_str(h, record_text(h), "job+ jobone jobtwo job+ jobone jobtwo");
        harness_stop(h);
}
END_TEST

/* SUP-143: a finished one disappears, whatever its restart type. SUP-035. */
START_TEST(a_finished_one_disappears)
{
        Harness *h = harness_start(POOL("ready take=go exit=0", "", TRANSIENT));
        const char *path = spawn_job(h, "");

        check(h, job_count(h) == 1);
        touch(h, "go");
        expect(h, "exited", path, "normal");
        expect_gone(h, path);
        check(h, job_count(h) == 0);
        harness_stop(h);
}
END_TEST

/* SUP-144: one that is stopped by request disappears too; again is an error. */
START_TEST(a_stopped_one_disappears)
{
        Harness *h = harness_start(POOL("ready", "", ""));
        const char *path = spawn_job(h, "");
        pid_t pid = child_pid(h, path);

        ctl(h, "stop", "{'paths':['%s']}", path);
        check(h, !is_alive(pid));
        check(h, !node_exists(h, path));
        (void)ctl_fails(h, -32004, "stop", "{'paths':['%s']}", path);
        harness_stop(h);
}
END_TEST

/* SUP-145: what makes no sense is refused: add, and delete of an instance that runs. */
START_TEST(adding_and_deleting_are_refused)
{
        Harness *h = harness_start(POOL("ready", "", ""));
        const char *path = spawn_job(h, "");

        (void)ctl_fails(h, -32002, "add", "{'parent':'app/jobs','child':" TOY("x", "") "}");
        (void)ctl_fails(h, -32002, "delete", "{'path':'%s'}", path);
        (void)ctl_fails(h, -32002, "spawn", "{'path':'app'}");
        (void)ctl_fails(h, -32004, "spawn", "{'path':'nowhere'}");
        check(h, job_count(h) == 1);
        harness_stop(h);
}
END_TEST

/* SUP-146: a failing start is a plain error, nothing is stored, and not counted. */
START_TEST(a_failing_start_stores_nothing)
{
        Harness *h = harness_start(POOL("fail-if=bad ready", ",'intensity':0", ""));
        json_t *error;

        touch(h, "bad");
        error = ctl_fails(h, -32001, "spawn", "{'path':'app/jobs'}");
        check(h, strstr(error_text(error), "exit_status,1") != NULL);
        check(h, job_count(h) == 0);
        check_int(h, record_count(h, "job!"), 1);
        check_str(h, node_str(h, "app/jobs", "state"), "running");
        untouch(h, "bad");
        (void)spawn_job(h, "");
        harness_stop(h);
}
END_TEST

/* SUP-147: one in its retry loop is listed as such, and a stop cancels the retry. */
START_TEST(a_retry_is_listed_and_can_be_cancelled)
{
        Harness *h = harness_start(POOL("fail-if=bad ready", ",'max_failures':0",
                                        ",'backoff':{'initial':'60s','jitter':0}"));
        const char *path = spawn_job(h, "");

        touch(h, "bad");
        (void)kill_child(h, path, SIGKILL);
        expect_state(h, path, "backoff");
        check(h, job_count(h) == 1);
        ctl(h, "stop", "{'paths':['%s']}", path);
        check(h, !node_exists(h, path));
        check_int(h, record_count(h, "job+"), 1);
        harness_stop(h);
}
END_TEST

/* SUP-082: the budget is shared by all. SUP-081: giving up takes all of them. */
START_TEST(the_budget_is_shared)
{
        Harness *h = harness_start(POOL("ready", ",'intensity':1,'period':'60s'" TEMPORARY, ""));
        const char *one = spawn_job(h, ""), *two = spawn_job(h, "");
        pid_t pid = kill_child(h, one, SIGKILL);

        expect_new_pid(h, one, pid);
        (void)kill_child(h, two, SIGKILL);
        expect(h, "escalated", "app/jobs", NULL);
        expect_dropped(h, "app/jobs");
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-097: stubborn ones are stopped together, with one common deadline. SUP-096 is the other way.
 */
START_TEST(stubborn_ones_are_stopped_together)
{
        Harness *h = harness_start(POOL("ignore-term ready", "", ",'shutdown':'300ms'"));
        uint64_t first, last;

        for (int i = 0; i < 5; i++)
                (void)spawn_job(h, "");
        ctl(h, "stop", "{'paths':['app/jobs']}");
        check_int(h, record_count(h, "job-"), 5);
        first = record_usec(h, "job-", 1);
        last = record_usec(h, "job-", 5);
        /* One after the other, the second would be asked when the first was killed. */
        check(h, last - first < 300000);
        harness_stop(h);
}
END_TEST

/* SUP-177: dynamic children are gone with their supervisor, and do not come back with it. */
START_TEST(dynamic_children_are_lost_with_their_supervisor)
{
        Harness *h = harness_start(POOL("ready", "", ""));
        const char *path = spawn_job(h, "");

        ctl(h, "restart", "{'paths':['app/jobs']}");
        check(h, job_count(h) == 0);
        check(h, !node_exists(h, path));
        harness_stop(h);
}
END_TEST

/* SUP-150, SUP-151: an instance shows what it is made of. SUP-152 in small: many come and go. */
START_TEST(many_come_and_go)
{
        Harness *h = harness_start(POOL("ready", "", TEMPORARY));
        char last[128] = "";

        for (int i = 0; i < 30; i++)
                (void)snprintf(last, sizeof(last), "%s", spawn_job(h, ""));
        check(h, job_count(h) == 30);
        check_str(h, node_str(h, last, "restart"), "temporary");
        for (int i = 0; i < 30; i++) {
                json_t *tree = ctl(h, "tree", "{'path':'app/jobs'}");
                json_t *job = json_array_get(json_object_get(tree, "children"), 0);

                ctl(h, "stop", "{'paths':['%s']}", json_string_value(json_object_get(job, "path")));
        }
        check(h, job_count(h) == 0);
        harness_stop(h);
}
END_TEST

static TCase *simple_case(void)
{
        TCase *tcase = harness_case("simple");

        tcase_add_test(tcase, it_starts_without_children);
        tcase_add_test(tcase, arguments_follow_those_of_the_template);
        tcase_add_test(tcase, a_finished_one_disappears);
        tcase_add_test(tcase, a_stopped_one_disappears);
        tcase_add_test(tcase, adding_and_deleting_are_refused);
        tcase_add_test(tcase, a_failing_start_stores_nothing);
        tcase_add_test(tcase, a_retry_is_listed_and_can_be_cancelled);
        tcase_add_test(tcase, the_budget_is_shared);
        tcase_add_test(tcase, stubborn_ones_are_stopped_together);
        tcase_add_test(tcase, dynamic_children_are_lost_with_their_supervisor);
        tcase_add_test(tcase, many_come_and_go);
        return tcase;
}

TEST_MAIN("b04-simple", simple_case())
