/*
 * Owns the proof that gend answers in time, whatever its children do. SUP-083.
 */

#include "tests/support/harness.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/usec.h"

#define ANSWER_USEC (2 * USEC_PER_SEC)

/* The whole tree, in time; under valgrind and its like everything takes longer. */
static void expect_quick_tree(Harness *h)
{
        usec_t begin = now_usec();

        (void)ctl(h, "tree", "{}");
        if (!getenv("CK_TIMEOUT_MULTIPLIER"))
                check(h, now_usec() - begin < ANSWER_USEC);
}

/* A child that fails for ever, at full speed. */
START_TEST(a_child_that_fails_for_ever_blocks_nobody)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':10000,'period':'1s','max_failures':0",
                                       SIN("a", "fail-if=bad ready", "") TOY("b", ""))));
        pid_t b;

        touch(h, "bad");
        b = child_pid(h, "app/b");
        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "a!", 10);
        for (int i = 0; i < 20; i++)
                expect_quick_tree(h);
        check_int(h, kill_child(h, "app/b", SIGKILL), b);
        expect_new_pid(h, "app/b", b);
        check(h, record_count(h, "a!") > 10);
        ctl(h, "stop", "{'paths':['app/a']}");
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        harness_stop(h);
}
END_TEST

/* SUP-014: a child that is slow to start: the tree shows it as starting. */
START_TEST(a_slow_start_blocks_nobody)
{
        Harness *h = harness_launch(TREE(APP("app", "", TOY("a", "") SIN("b", "wait=go ready", ""))
                                                 APP("other", "", TOY("x", ""))),
                                    NULL);

        (void)record_wait(h, "b+", 1);
        expect_quick_tree(h);
        check_str(h, node_str(h, "app/b", "state"), "starting");
        check_str(h, node_str(h, "app", "state"), "starting");
        touch(h, "go");
        harness_wait_ready(h);
        check_str(h, node_str(h, "other/x", "state"), "running");
        harness_stop(h);
}
END_TEST

/* A child that is slow to stop, in the middle of a group restart. */
START_TEST(a_slow_stop_blocks_nobody)
{
        Harness *h = harness_start(
                TREE(APP("app", ONE_FOR_ALL,
                         TOY("a", "") SIN("b", "slow-term=go ready", ",'shutdown':'60s'"))
                             APP("other", "", TOY("x", ""))));
        pid_t x;

        (void)kill_child(h, "app/a", SIGKILL);
        (void)record_wait(h, "b-", 1);
        expect_quick_tree(h);
        x = kill_child(h, "other/x", SIGKILL);
        expect_new_pid(h, "other/x", x);
        ctl(h, "restart", "{'paths':['other/x']}");
        touch(h, "go");
        expect_state(h, "app/b", "running");
        harness_stop(h);
}
END_TEST

/* Many children: started and stopped in a time that grows with their number only. SUP-131 in small.
 */
START_TEST(many_children_are_no_trouble)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':1000",
                                            "{'name':'a','exec':['@TOY@','a'],'instances':200},")));

        harness_expect_count(h, 200 + 3);
        expect_quick_tree(h);
        for (int i = 1; i <= 200; i += 20) {
                char path[32];
                pid_t pid;

                (void)snprintf(path, sizeof(path), "app/a@%d", i);
                pid = kill_child(h, path, SIGKILL);
                expect_new_pid(h, path, pid);
        }
        harness_stop(h);
}
END_TEST

/* Open descriptors of gend and of its services. */
static int count_fds(Harness *h)
{
        const pid_t pids[] = {harness_pid(h), harness_service_pid(h, "gend-supervisor"),
                              harness_service_pid(h, "gend-log")};
        int count = 0;

        for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
                _cleanup_(closedirp) DIR *dir = NULL;
                char path[64];

                (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pids[i]);
                dir = opendir(path);
                while (dir && readdir(dir))
                        count++;
        }
        return count;
}

/* Resident memory of gend and its services, and the checkpoint with it, which is shared memory. */
static long count_kib(Harness *h)
{
        const pid_t pids[] = {harness_pid(h), harness_service_pid(h, "gend-supervisor"),
                              harness_service_pid(h, "gend-log")};
        long sum = 0;

        for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
                _cleanup_(fclosep) FILE *file = NULL;
                char path[64], line[256];

                (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pids[i]);
                file = fopen(path, "re");
                while (file && fgets(line, sizeof(line), file))
                        if (strncmp(line, "VmRSS:", 6) == 0)
                                sum += strtol(line + 6, NULL, 10);
        }
        return sum;
}

#ifdef __SANITIZE_ADDRESS__
#define GROWTH_KIB_MAX (512 * 1024)
#else
#define GROWTH_KIB_MAX 4096
#endif

static void come_and_go(Harness *h, int times)
{
        for (int i = 0; i < times; i++) {
                json_t *result = ctl(h, "spawn", "{'path':'app/jobs'}");

                ctl(h, "stop", "{'paths':['%s']}",
                    json_string_value(json_object_get(result, "path")));
                ctl(h, "restart", "{'paths':['app/a']}");
        }
}

/* Children that come and go leave no descriptor and no memory behind. */
START_TEST(what_comes_and_goes_leaves_no_trace)
{
        Harness *h = harness_start(TREE(APP(
                "app", "", TOY("a", "") SUP("jobs", SIMPLE, SIN("job", "say=hello ready", "")))));
        int fds = count_fds(h);
        long kib;

        come_and_go(h, 100);
        kib = count_kib(h);
        come_and_go(h, 300);
        harness_expect_count(h, 1 + 3);
        /* Output that is being drained, clients that have just gone. */
        for (int i = 0; count_fds(h) > fds + 3; i++) {
                check(h, i < 500);
                harness_lives_for(h, 10);
        }
        /* What was logged in rings may take its place, once; a sanitizer keeps what was freed. */
        check(h, count_kib(h) < kib + GROWTH_KIB_MAX);
        harness_stop(h);
}
END_TEST

/* A slow client's long poll, and a crowd of events. */
START_TEST(a_storm_of_ends_blocks_nobody)
{
        Harness *h =
                harness_start(TREE(APP("app", ",'intensity':10000,'period':'1s','max_failures':0",
                                       SIN("a", "ready exit=1", ",'instances':5") TOY("b", ""))));

        for (int i = 0; i < 20; i++)
                expect_quick_tree(h);
        check_str(h, node_str(h, "app/b", "state"), "running");
        harness_stop(h);
}
END_TEST

static TCase *liveness_case(void)
{
        TCase *tcase = harness_case("liveness");

        tcase_add_test(tcase, a_child_that_fails_for_ever_blocks_nobody);
        tcase_add_test(tcase, a_slow_start_blocks_nobody);
        tcase_add_test(tcase, a_slow_stop_blocks_nobody);
        tcase_add_test(tcase, many_children_are_no_trouble);
        tcase_add_test(tcase, what_comes_and_goes_leaves_no_trace);
        tcase_add_test(tcase, a_storm_of_ends_blocks_nobody);
        return tcase;
}

TEST_MAIN("d06-liveness", liveness_case())
