/*
 * Owns the proof of what an operator can do to single children, and of what is refused.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>

#define NEVER ",'backoff':{'initial':'60s','jitter':0}"

static const char *first_path(json_t *result)
{
        return json_string_value(json_array_get(json_object_get(result, "paths"), 0));
}

/* SUP-110: a new child is started, and the last in the order. */
START_TEST(an_added_child_is_started_and_is_the_last)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        json_t *result = ctl(h, "add", "{'parent':'app','child':" TOY("b", "") "}");

        check_str(h, first_path(result), "app/b");
        check_str(h, node_str(h, "app/b", "state"), "running");
        expect(h, "added", "app/b", NULL);
        record_clear(h);
        ctl(h, "stop", "{'paths':['app']}");
        check_str(h, record_text(h), "b- b. a- a.");
        harness_stop(h);
}
END_TEST

/* SUP-111: an id that is there: running, stopped, or in its retry. */
START_TEST(a_name_that_is_there_is_refused)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", "") TOY("c", NEVER))));
        json_t *error;

        error = ctl_fails(h, -32002, "add", "{'parent':'app','child':" TOY("a", "") "}");
        check(h, strstr(error_text(error), "already_started") != NULL);
        ctl(h, "stop", "{'paths':['app/b']}");
        error = ctl_fails(h, -32002, "add", "{'parent':'app','child':" TOY("b", "") "}");
        check(h, strstr(error_text(error), "already_present") != NULL);
        (void)kill_child(h, "app/c", SIGKILL);
        expect_state(h, "app/c", "backoff");
        error = ctl_fails(h, -32002, "add", "{'parent':'app','child':" TOY("c", "") "}");
        check(h, strstr(error_text(error), "already_present") != NULL);
        check_str(h, node_str(h, "app/c", "state"), "backoff");
        harness_stop(h);
}
END_TEST

/* SUP-036: one that is finished is there too, and can be started again. */
START_TEST(a_finished_child_can_be_started_again)
{
        Harness *h = harness_start(
                TREE(APP("app", "", SIN("a", "ready take=go exit=0", TRANSIENT) TOY("b", ""))));
        json_t *error;

        touch(h, "go");
        expect_state(h, "app/a", "finished");
        error = ctl_fails(h, -32002, "add", "{'parent':'app','child':" TOY("a", "") "}");
        check(h, strstr(error_text(error), "already_present") != NULL);
        ctl(h, "start", "{'paths':['app/a']}");
        check_str(h, node_str(h, "app/a", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-112: a child whose first start fails is not kept, not tried again; its supervisor is
 * unharmed. */
START_TEST(a_child_that_cannot_start_is_not_kept)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':0", TOY("a", ""))));
        json_t *error;

        error = ctl_fails(h, -32001, "add", "{'parent':'app','child':" SIN("b", "exit=4", "") "}");
        check(h, strstr(error_text(error), "{start,{exit_status,4}}") != NULL);
        check(h, !node_exists(h, "app/b"));
        check_int(h, record_count(h, "b+"), 1);
        check_str(h, node_str(h, "app", "state"), "running");
        ctl(h, "add", "{'parent':'app','child':" TOY("b", "") "}");
        harness_stop(h);
}
END_TEST

/* SUP-113, SUP-186, SUP-189: an invalid specification is refused with its fault; nothing changes.
 */
START_TEST(an_invalid_child_is_refused_with_its_fault)
{
        static const char *const children[] = {
                "{'name':'b','exec':['/nonexistent/program']}",
                "{'name':'b','exec':['@TOY@'],'restart':'sometimes'}",
                "{'name':'b','exec':['@TOY@'],'shutdown':-1}",
                "{'name':'b','exec':['@TOY@'],'shutdown':'soon'}",
                "{'name':'b','exec':['@TOY@'],'significant':'yes'}",
                "{'name':'b','exec':['@TOY@'],'significant':true}",
                "{'name':'b','exec':['@TOY@'],'colour':'blue'}",
                "{'name':'b','exec':[]}",
                "{'name':'b','exec':'@TOY@'}",
                "{'name':'b/c','exec':['@TOY@']}",
                "{'name':'','exec':['@TOY@']}",
                "{'exec':['@TOY@']}",
                "{'name':'b'}",
                "{'name':'b','exec':['@TOY@'],'children':[]}",
                "{}",
        };
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));

        for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
                json_t *error =
                        ctl_fails(h, -32001, "add", "{'parent':'app','child':%s}", children[i]);
                json_t *faults = json_object_get(json_object_get(error, "data"), "faults");

                check(h, json_array_size(faults) > 0);
        }
        check(h,
              json_array_size(json_object_get(ctl(h, "tree", "{'path':'app'}"), "children")) == 1);
        check_str(h, record_text(h), "a+");
        harness_stop(h);
}
END_TEST

START_TEST(whole_subtrees_and_instances_can_be_added)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        json_t *result;

        ctl(h, "add",
            "{'parent':'app','child':" SUP("sub", ONE_FOR_ALL, TOY("b", "") TOY("c", "")) "}");
        check_str(h, node_str(h, "app/sub/c", "state"), "running");
        result = ctl(h, "add", "{'parent':'app','child':" TOY("d", ",'instances':2") "}");
        check(h, json_array_size(json_object_get(result, "paths")) == 2);
        check_str(h, node_str(h, "app/d@2", "state"), "running");
        record_clear(h);
        (void)kill_child(h, "app/sub/b", SIGKILL);
        expect(h, "exited", "app/sub/b", "killed");
        expect(h, "ready", "app/sub/c", NULL);
        check_str(h, record_text(h), "c- c. b+ c+");
        (void)ctl_fails(h, -32002, "add", "{'parent':'app/a','child':" TOY("x", "") "}");
        harness_stop(h);
}
END_TEST

/* SUP-114, SUP-103: a stop returns when the child is gone; it is listed as stopped, and not
 * restarted. */
START_TEST(a_stop_returns_when_the_child_is_gone)
{
        Harness *h = harness_start(
                TREE(APP("app", "", SIN("a", "slow-term=go ready", "") TOY("b", ""))));
        pid_t a = child_pid(h, "app/a");
        CtlCall *stop = ctl_begin(h, "stop", "{'paths':['app/a']}");

        (void)record_wait(h, "a-", 1);
        check_str(h, node_str(h, "app/a", "state"), "stopping");
        touch(h, "go");
        check(h, json_object_get(ctl_end(h, stop), "result") != NULL);
        check(h, !is_alive(a));
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        check(h, json_is_true(json_object_get(node(h, "app/a"), "stopped_by_request")));
        /* SUP-115: again is fine. */
        ctl(h, "stop", "{'paths':['app/a']}");
        check_int(h, record_count(h, "a+"), 1);
        harness_stop(h);
}
END_TEST

START_TEST(a_stop_need_not_be_waited_for)
{
        Harness *h = harness_start(TREE(APP("app", "", SIN("a", "slow-term=go ready", ""))));
        json_t *result = ctl(h, "stop", "{'paths':['app/a'],'wait':false}");
        json_t *it = json_array_get(json_object_get(result, "results"), 0);

        check_str(h, json_string_value(json_object_get(it, "path")), "app/a");
        check_str(h, json_string_value(json_object_get(it, "state")), "stopping");
        (void)ctl_fails(h, -32006, "stop", "{'paths':['app/a'],'timeout_ms':30}");
        touch(h, "go");
        expect_state(h, "app/a", "stopped");
        harness_stop(h);
}
END_TEST

/* SUP-116, SUP-126: unknown paths are errors of their own, with the nearest ones. */
START_TEST(an_unknown_path_is_an_error_with_candidates)
{
        Harness *h = harness_start(TREE(APP("shop", "", TOY("front", "") TOY("db", ""))));
        static const char *const methods[] = {"stop", "start", "restart"};
        json_t *error;

        for (size_t i = 0; i < 3; i++)
                (void)ctl_fails(h, -32004, methods[i], "{'paths':['shop/nothing']}");
        (void)ctl_fails(h, -32004, "delete", "{'path':'shop/nothing'}");
        (void)ctl_fails(h, -32004, "kill", "{'path':'shop/nothing'}");
        (void)ctl_fails(h, -32004, "logs", "{'path':'shop/nothing'}");
        (void)ctl_fails(h, -32004, "tree", "{'path':'shop/nothing'}");
        (void)ctl_fails(h, -32004, "spawn", "{'path':'shop/nothing'}");
        (void)ctl_fails(h, -32004, "add", "{'parent':'nothing','child':" TOY("x", "") "}");
        (void)ctl_fails(h, -32004, "app.info", "{'name':'nothing'}");
        error = ctl_fails(h, -32004, "status", "{'path':'shop/frnt'}");
        check(h, error_has_candidate(error, "shop/front"));
        /* All or nothing: a wrong path among right ones changes nothing. */
        (void)ctl_fails(h, -32004, "stop", "{'paths':['shop/db','shop/nothing']}");
        check_str(h, node_str(h, "shop/db", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-117: a temporary child that is stopped is gone. */
START_TEST(a_stopped_temporary_child_is_gone)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", TEMPORARY) TOY("b", ""))));

        ctl(h, "stop", "{'paths':['app/a']}");
        check(h, !node_exists(h, "app/a"));
        (void)ctl_fails(h, -32004, "start", "{'paths':['app/a']}");
        (void)ctl_fails(h, -32004, "delete", "{'path':'app/a'}");
        harness_stop(h);
}
END_TEST

/* SUP-120: what runs needs no start: not an error here, and nothing is done; stopped ones start. */
START_TEST(a_start_starts_what_is_not_running)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));
        pid_t a = child_pid(h, "app/a");

        ctl(h, "stop", "{'paths':['app/b']}");
        ctl(h, "start", "{'paths':['app/a','app/b']}");
        check_int(h, child_pid(h, "app/a"), a);
        check_str(h, node_str(h, "app/b", "state"), "running");
        check_str(h, record_text(h), "a+ b+ b- b. b+");
        harness_stop(h);
}
END_TEST

/* A start waits for readiness. */
START_TEST(a_start_waits_for_readiness)
{
        Harness *h =
                harness_start(TREE(APP("app", "",
                                       SIN("a", "hang-if=slow ready", "")
                                               SIN("b", "take=go ready", ",'autostart':false"))));
        CtlCall *start = ctl_begin(h, "start", "{'paths':['app/b']}");

        (void)record_wait(h, "b+", 1);
        check_str(h, node_str(h, "app/b", "state"), "starting");
        touch(h, "go");
        check(h, json_object_get(ctl_end(h, start), "result") != NULL);
        check_str(h, node_str(h, "app/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* A child of a stopped supervisor cannot be started alone. */
START_TEST(a_child_needs_its_supervisor)
{
        Harness *h = harness_start(TREE(APP("app", "", SUP("sub", "", TOY("a", "")))));
        json_t *error;

        ctl(h, "stop", "{'paths':['app/sub']}");
        error = ctl_fails(h, -32002, "start", "{'paths':['app/sub/a']}");
        check(h, strstr(error_text(error), "app/sub") != NULL);
        check_str(h, record_text(h), "a+ a- a.");
        ctl(h, "start", "{'paths':['app/sub']}");
        check_str(h, node_str(h, "app/sub/a", "state"), "running");
        harness_stop(h);
}
END_TEST

/* A child that was stopped by hand stays so over its parent's restart, as after terminate_child...
 */
START_TEST(a_stopped_child_stays_stopped_over_its_parents_restart)
{
        Harness *h = harness_start(TREE(APP("app", "", SUP("sub", "", TOY("a", "") TOY("b", "")))));

        ctl(h, "stop", "{'paths':['app/sub/a']}");
        ctl(h, "restart", "{'paths':['app/sub']}");
        check_str(h, node_str(h, "app/sub/a", "state"), "stopped");
        check_str(h, node_str(h, "app/sub/b", "state"), "running");
        ctl(h, "start", "{'paths':['app/sub/a']}");
        ctl(h, "restart", "{'paths':['app/sub']}");
        check_str(h, node_str(h, "app/sub/a", "state"), "running");
        harness_stop(h);
}
END_TEST

/* SUP-121: only a stopped child is deleted. */
START_TEST(only_a_stopped_child_is_deleted)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", NEVER) TOY("c", ""))));
        json_t *error;

        error = ctl_fails(h, -32002, "delete", "{'path':'app/a'}");
        check(h, strstr(error_text(error), "running") != NULL);
        (void)kill_child(h, "app/b", SIGKILL);
        expect_state(h, "app/b", "backoff");
        error = ctl_fails(h, -32002, "delete", "{'path':'app/b'}");
        check(h, strstr(error_text(error), "restarting") != NULL);
        ctl(h, "stop", "{'paths':['app/a','app/b']}");
        ctl(h, "delete", "{'path':'app/a'}");
        ctl(h, "delete", "{'path':'app/b'}");
        check(h, !node_exists(h, "app/a"));
        check(h, !node_exists(h, "app/b"));
        expect(h, "deleted", "app/a", NULL);
        (void)ctl_fails(h, -32004, "start", "{'paths':['app/a']}");
        /* The name is free. */
        ctl(h, "add", "{'parent':'app','child':" TOY("a", "") "}");
        harness_stop(h);
}
END_TEST

/* SUP-122, SUP-123, SUP-124: the list in start order, states, and the specification as written. */
START_TEST(the_list_has_every_process_in_start_order)
{
        static const char *const paths[] = {"app/a", "app/sub/b", "app/sub/c", "app/d"};
        Harness *h = harness_start(TREE(APP("app", "",
                                            TOY("a", "") SUP("sub", "", TOY("b", "") TOY("c", ""))
                                                    TOY("d", TRANSIENT))));
        json_t *list = json_object_get(ctl(h, "list", "{}"), "processes");
        json_t *spec;

        check(h, json_array_size(list) == 4);
        for (size_t i = 0; i < 4; i++)
                check_str(h, json_string_value(json_object_get(json_array_get(list, i), "path")),
                          paths[i]);
        check_str(h, node_str(h, "app/d", "restart"), "transient");
        check_str(h, node_str(h, "app/a", "restart"), "permanent");
        check_str(h, node_str(h, "app/sub", "strategy"), "one_for_one");
        check_str(h, node_str(h, "app/sub", "kind"), "supervisor");
        check_str(h, node_str(h, "app", "kind"), "application");
        check_str(h, node_str(h, "app/a", "kind"), "exec");
        check_str(h, node_str(h, "app/a", "parent"), "app");
        /* SUP-070: the defaults are the seed's, 10 in 10 s. */
        check_int(h, node_int(h, "app", "intensity"), 10);
        check_int(h, node_int(h, "app", "period_ms"), 10000);
        spec = json_object_get(node(h, "app/d"), "spec");
        check_str(h, json_string_value(json_object_get(spec, "restart")), "transient");
        (void)ctl_fails(h, -32004, "status", "{'path':'app/x'}");
        harness_stop(h);
}
END_TEST

/* SUP-127: a death that was there before the stop was asked for is dealt with first. */
START_TEST(a_death_before_a_stop_comes_first)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':0", TOY("a", "") TOY("b", ""))));
        pid_t supervisor = harness_service_pid(h, "gend-supervisor");
        CtlCall *stop;

        ck_assert_int_eq(kill(supervisor, SIGSTOP), 0);
        /* Its state is only known while it answers, so the pid comes from the record. */
        ck_assert_int_eq(kill(record_wait(h, "a+", 1), SIGKILL), 0);
        expect_dead(h, record_wait(h, "a+", 1));
        stop = ctl_begin(h, "stop", "{'paths':['app/a']}");
        harness_lives_for(h, 50);
        ck_assert_int_eq(kill(supervisor, SIGCONT), 0);
        (void)ctl_end(h, stop);
        expect_state(h, "app", "failed");
        harness_stop(h);
}
END_TEST

/* SUP-128: the late notice of an end that a stop had already dealt with is nobody's end. */
START_TEST(a_stop_and_a_kill_at_once_count_nothing)
{
        Harness *h = harness_start(TREE(
                APP("app", ",'intensity':0", SIN("a", "slow-term=never ready", "") TOY("b", ""))));
        CtlCall *stop = ctl_begin(h, "stop", "{'paths':['app/a']}");

        (void)record_wait(h, "a-", 1);
        (void)kill_child(h, "app/a", SIGKILL);
        (void)ctl_end(h, stop);
        check_str(h, node_str(h, "app/a", "state"), "stopped");
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

START_TEST(kill_is_a_death_like_any)
{
        Harness *h = harness_start(TREE(APP("app", "", TOY("a", ""))));
        pid_t a = child_pid(h, "app/a");
        json_t *result = ctl(h, "kill", "{'path':'app/a','signal':'SIGUSR1'}");

        check_int(h, json_integer_value(json_object_get(result, "pid")), a);
        expect(h, "exited", "app/a", "{signal,'SIGUSR1'}");
        a = expect_new_pid(h, "app/a", a);
        ctl(h, "kill", "{'path':'app/a'}");
        expect(h, "exited", "app/a", "killed");
        expect_new_pid(h, "app/a", a);
        (void)ctl_fails(h, -32602, "kill", "{'path':'app/a','signal':'SIGNONSENSE'}");
        (void)ctl_fails(h, -32602, "kill", "{'path':'app/a','signal':'0'}");
        (void)ctl_fails(h, -32002, "kill", "{'path':'app'}");
        harness_stop(h);
}
END_TEST

/* A restart by hand: stop, then start; not counted. */
START_TEST(a_restart_stops_and_starts)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':0", TOY("a", "") TOY("b", ""))));
        json_t *result = ctl(h, "restart", "{'paths':['app/a']}");
        json_t *it = json_array_get(json_object_get(result, "results"), 0);

        check_str(h, json_string_value(json_object_get(it, "state")), "running");
        check_int(h, json_integer_value(json_object_get(it, "pid")), child_pid(h, "app/a"));
        check_str(h, record_text(h), "a+ b+ a- a. a+");
        ctl(h, "restart", "{'paths':['app']}");
        check_str(h, record_text(h), "a+ b+ a- a. a+ b- b. a- a. a+ b+");
        harness_stop(h);
}
END_TEST

/* A wish that comes while its supervisor is on its way up is not forgotten. */
START_TEST(a_start_while_the_supervisor_starts_is_carried_out)
{
        static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one"};
        char tree[1024];
        CtlCall *restart, *begin;
        Harness *h;

        (void)snprintf(tree, sizeof(tree),
                       TREE(APP("app", "",
                                SUP("sub", ",'strategy':'%s'",
                                    TOY("a", "") TOY("b", "") SIN("c", "take=go ready", "")))),
                       strategies[_i]);
        h = harness_new();
        touch(h, "go");
        harness_run(h, tree, NULL);
        harness_wait_ready(h);
        ctl(h, "stop", "{'paths':['app/sub/b']}");
        record_clear(h);
        restart = ctl_begin(h, "restart", "{'paths':['app/sub']}");
        (void)record_wait(h, "c+", 1);
        begin = ctl_begin(h, "start", "{'paths':['app/sub/b']}");
        (void)ctl(h, "ping", "{}");
        touch(h, "go");
        check(h, json_object_get(ctl_end(h, restart), "result") != NULL);
        check(h, json_object_get(ctl_end(h, begin), "result") != NULL);
        check_str(h, node_str(h, "app/sub/b", "state"), "running");
        harness_stop(h);
}
END_TEST

/* The same while its group is being restarted, down and up: whatever was wanted last is what is. */
START_TEST(wishes_during_a_group_restart_are_carried_out)
{
        static const char *const wishes[] = {"start", "restart", "stop"};
        Harness *h = harness_start(TREE(APP(
                "app", ONE_FOR_ALL, TOY("a", "") SIN("b", "slow-term=go ready", "") TOY("c", ""))));
        CtlCall *call;

        (void)kill_child(h, "app/c", SIGKILL);
        (void)record_wait(h, "b-", 1);
        call = ctl_begin(h, wishes[_i / 3], "{'paths':['app/%c']}", "abc"[_i % 3]);
        (void)ctl(h, "ping", "{}");
        touch(h, "go");
        (void)ctl_end(h, call);
        for (const char *name = "abc"; *name; name++) {
                char path[8];

                (void)snprintf(path, sizeof(path), "app/%c", *name);
                expect_state(h, path,
                             _i / 3 == 2 && *name == "abc"[_i % 3] ? "stopped" : "running");
        }
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

static TCase *manage_case(void)
{
        TCase *tcase = harness_case("manage");

        tcase_add_test(tcase, an_added_child_is_started_and_is_the_last);
        tcase_add_test(tcase, a_name_that_is_there_is_refused);
        tcase_add_test(tcase, a_finished_child_can_be_started_again);
        tcase_add_test(tcase, a_child_that_cannot_start_is_not_kept);
        tcase_add_test(tcase, an_invalid_child_is_refused_with_its_fault);
        tcase_add_test(tcase, whole_subtrees_and_instances_can_be_added);
        tcase_add_test(tcase, a_stop_returns_when_the_child_is_gone);
        tcase_add_test(tcase, a_stop_need_not_be_waited_for);
        tcase_add_test(tcase, an_unknown_path_is_an_error_with_candidates);
        tcase_add_test(tcase, a_stopped_temporary_child_is_gone);
        tcase_add_test(tcase, a_start_starts_what_is_not_running);
        tcase_add_test(tcase, a_start_waits_for_readiness);
        tcase_add_test(tcase, a_child_needs_its_supervisor);
        tcase_add_test(tcase, a_stopped_child_stays_stopped_over_its_parents_restart);
        tcase_add_test(tcase, only_a_stopped_child_is_deleted);
        tcase_add_test(tcase, the_list_has_every_process_in_start_order);
        tcase_add_test(tcase, a_death_before_a_stop_comes_first);
        tcase_add_test(tcase, a_stop_and_a_kill_at_once_count_nothing);
        tcase_add_test(tcase, kill_is_a_death_like_any);
        tcase_add_test(tcase, a_restart_stops_and_starts);
        tcase_add_loop_test(tcase, a_start_while_the_supervisor_starts_is_carried_out, 0, 3);
        tcase_add_loop_test(tcase, wishes_during_a_group_restart_are_carried_out, 0, 9);
        return tcase;
}

TEST_MAIN("b09-manage", manage_case())
