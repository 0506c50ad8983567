/*
 * Owns the proof that what happened can be read: events without gaps, output with what was lost
 * said.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>

static const char *event_name(json_t *event)
{
        return json_string_value(json_object_get(event, "event"));
}

START_TEST(a_life_is_told_in_its_order)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        static const char *const story[] = {"starting",   "ready",    "exited",
                                            "restarting", "starting", "ready",
                                            "stopping",   "stopped",  NULL};
        size_t next = 0, i;
        json_t *list, *it;
        pid_t a = kill_child(h, "app/a", SIGKILL);

        expect_new_pid(h, "app/a", a);
        ctl(h, "stop", "{'paths':['app/a']}");
        list = json_object_get(ctl(h, "events", "{}"), "events");
        json_array_foreach(list, i, it)
        {
                if (strcmp(json_string_value(json_object_get(it, "path")), "app/a") != 0)
                        continue;
                check(h, story[next] != NULL);
                check_str(h, event_name(it), story[next]);
                check(h, json_integer_value(json_object_get(it, "time")) > 1600000000000);
                next++;
        }
        check(h, story[next] == NULL);
        events_check_gapless(h);
        harness_stop(h);
}
END_TEST

/* A long poll is answered by the first event, or when its time is over; others are served
 * meanwhile. */
START_TEST(a_reader_can_wait_for_the_next_event)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        json_t *now = ctl(h, "events", "{}"), *list;
        long long next = json_integer_value(json_object_get(now, "next"));
        CtlCall *reader, *other;
        pid_t a = child_pid(h, "app/a");

        reader = ctl_begin(h, "events", "{'since':%lld,'wait_ms':30000}", next);
        other = ctl_begin(h, "events", "{'since':%lld,'wait_ms':30}", next);
        list = json_object_get(json_object_get(ctl_end(h, other), "result"), "events");
        check(h, json_array_size(list) == 0);
        check_int(h, kill_child(h, "app/a", SIGKILL), a);
        list = json_object_get(json_object_get(ctl_end(h, reader), "result"), "events");
        check(h, json_array_size(list) > 0);
        check_str(h, event_name(json_array_get(list, 0)), "exited");
        check_int(h, json_integer_value(json_object_get(json_array_get(list, 0), "seq")), next + 1);
        harness_stop(h);
}
END_TEST

START_TEST(events_come_in_portions)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", "") TOY("c", ""))));
        long long next = 0;
        size_t total = json_array_size(json_object_get(ctl(h, "events", "{}"), "events"));

        for (size_t i = 1; i <= total; i++) {
                json_t *result = ctl(h, "events", "{'since':%lld,'limit':1}", next);
                json_t *list = json_object_get(result, "events");

                check(h, json_array_size(list) == 1);
                next = json_integer_value(json_object_get(result, "next"));
                check_int(h, json_integer_value(json_object_get(json_array_get(list, 0), "seq")),
                          next);
        }
        harness_stop(h);
}
END_TEST

/* A reader that falls behind is told how much it has missed, and seq goes on without a gap. */
START_TEST(a_reader_that_falls_behind_is_told_so)
{
        Harness *h = harness_start(
                TREE(APP("app", ",'intensity':10000",
                         SUP("jobs", SIMPLE, SIN("job", "ready exit=0", TEMPORARY)))));
        json_t *result, *first, *list;
        json_int_t lost;

        /* Each one is added, starts, is ready, and ends: more than is kept. */
        for (int i = 0; i < 300; i++)
                (void)ctl(h, "spawn", "{'path':'app/jobs'}");
        result = ctl(h, "events", "{'since':1}");
        list = json_object_get(result, "events");
        first = json_array_get(list, 0);
        check_str(h, event_name(first), "lost");
        lost = json_integer_value(json_object_get(first, "count"));
        check(h, lost > 0);
        check_int(h, json_integer_value(json_object_get(first, "seq")), 1 + lost);
        check_int(h, json_integer_value(json_object_get(json_array_get(list, 1), "seq")), 2 + lost);
        harness_stop(h);
}
END_TEST

static const char *log_text(Harness *h, const char *path, int lines)
{
        return json_string_value(
                json_object_get(ctl(h, "logs", "{'path':'%s','lines':%d}", path, lines), "text"));
}

/* Waits until the output has this text. */
static void expect_log(Harness *h, const char *path, const char *text)
{
        json_t *result = ctl(h, "logs", "{'path':'%s'}", path), *output;
        long long position;

        for (int i = 0; i < 100; i++) {
                output = json_object_get(result, "text");
                if (memmem(json_string_value(output), json_string_length(output), text,
                           strlen(text)))
                        return;
                position = json_integer_value(json_object_get(result, "position"));
                result = ctl(h, "logs", "{'path':'%s','position':%lld,'wait_ms':5000}", path,
                             position);
        }
        harness_failed(h, __FILE__, __LINE__, "%s never said %s", path, text);
}

START_TEST(output_is_captured)
{
        Harness *h = harness_start(
                TREE(APP("app", "",
                         SIN("a", "say=one say=two complain=three ready take=go say=four", "")
                                 SIN("b", "ready", ""))));
        json_t *status, *list;

        expect_log(h, "app/a", "three\n");
        check_str(h, log_text(h, "app/a", 100), "one\ntwo\nthree\n");
        check_str(h, log_text(h, "app/a", 1), "three\n");
        check_str(h, log_text(h, "app/b", 10), "");
        touch(h, "go");
        expect_log(h, "app/a", "four\n");
        status = node(h, "app/a");
        list = json_object_get(status, "log");
        check(h, json_array_size(list) == 4);
        check_str(h, json_string_value(json_array_get(list, 3)), "four");
        (void)ctl_fails(h, -32002, "logs", "{'path':'app'}");
        harness_stop(h);
}
END_TEST

/* A follower gets what comes, as it comes. */
START_TEST(output_can_be_followed)
{
        Harness *h =
                harness_start(TREE(APP("app", "", SIN("a", "say=one ready take=go say=two", ""))));
        json_t *result;
        CtlCall *follower;
        long long position;

        expect_log(h, "app/a", "one\n");
        result = ctl(h, "logs", "{'path':'app/a'}");
        position = json_integer_value(json_object_get(result, "position"));
        follower =
                ctl_begin(h, "logs", "{'path':'app/a','position':%lld,'wait_ms':30000}", position);
        (void)ctl(h, "ping", "{}");
        touch(h, "go");
        result = json_object_get(ctl_end(h, follower), "result");
        check_str(h, json_string_value(json_object_get(result, "text")), "two\n");
        harness_stop(h);
}
END_TEST

/* The post-mortem: the last lines of the dead are there after the restart, and after its end. */
START_TEST(the_last_words_are_kept)
{
        Harness *h = harness_start(
                TREE(APP("app", "",
                         SIN("a", "ready take=go say=aaaargh segv", TRANSIENT)
                                 SIN("b", "ready take=gob say=bye exit=0", TRANSIENT))));
        pid_t a = child_pid(h, "app/a");

        touch(h, "go");
        expect_new_pid(h, "app/a", a);
        expect_log(h, "app/a", "aaaargh\n");
        touch(h, "gob");
        expect_state(h, "app/b", "finished");
        expect_log(h, "app/b", "bye\n");
        harness_stop(h);
}
END_TEST

/* OSP-019: a flood blocks neither the child nor gend, and what the ring cannot hold is said. */
START_TEST(a_flood_blocks_nobody)
{
        Harness *h = harness_start(
                TREE(APP("app", "", SIN("a", "flood=3000000 say=end ready", "") TOY("b", ""))));
        json_t *result;
        const char *text;

        expect_log(h, "app/a", "end\n");
        result = ctl(h, "logs", "{'path':'app/a','position':0}");
        text = json_string_value(json_object_get(result, "text"));
        check(h, strlen(text) <= 65536);
        check(h, json_integer_value(json_object_get(result, "lost")) > 2000000);
        check(h, strcmp(text + strlen(text) - 4, "end\n") == 0);
        harness_stop(h);
}
END_TEST

/* OSP-019: a child that closes its output is as good as any. */
START_TEST(a_mute_child_is_supervised)
{
        Harness *h = harness_start(TREE(
                APP("app", "", SIN("a", "mute ready", "") SIN("b", "ready close-all-fds", ""))));
        pid_t a = kill_child(h, "app/a", SIGKILL), b;

        expect_new_pid(h, "app/a", a);
        check_str(h, log_text(h, "app/a", 10), "");
        /* OSP-013: no descriptor at all is left to it; its pid is enough. */
        b = kill_child(h, "app/b", SIGKILL);
        expect_new_pid(h, "app/b", b);
        kill_child(h, "app/b", SIGKILL);
        harness_stop(h);
}
END_TEST

START_TEST(binary_output_does_no_harm)
{
        Harness *h = harness_new();
        char path[256];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/junk", harness_dir(h));
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        for (int i = 0; i < 100000; i++)
                (void)fputc(i * 7 % 256, file);
        (void)fputs("\ndone\n", file);
        ck_assert_int_eq(fclose(file), 0);
        harness_run(
                h,
                TREE(APP("app", "",
                         "{'name':'a','exec':['/bin/sh','-c','cat @DIR@/junk; exec @TOY@ a']},")),
                NULL);
        harness_wait_ready(h);
        expect_log(h, "app/a", "done\n");
        check(h, json_array_size(json_object_get(node(h, "app/a"), "log")) > 0);
        harness_stop(h);
}
END_TEST

static TCase *events_case(void)
{
        TCase *tcase = harness_case("events-logs");

        tcase_add_test(tcase, a_life_is_told_in_its_order);
        tcase_add_test(tcase, a_reader_can_wait_for_the_next_event);
        tcase_add_test(tcase, events_come_in_portions);
        tcase_add_test(tcase, a_reader_that_falls_behind_is_told_so);
        tcase_add_test(tcase, output_is_captured);
        tcase_add_test(tcase, output_can_be_followed);
        tcase_add_test(tcase, the_last_words_are_kept);
        tcase_add_test(tcase, a_flood_blocks_nobody);
        tcase_add_test(tcase, a_mute_child_is_supervised);
        tcase_add_test(tcase, binary_output_does_no_harm);
        return tcase;
}

TEST_MAIN("c02-events-logs", events_case())
