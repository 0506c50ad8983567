/*
 * Owns the proof that a tree file, whatever it is, is either taken whole or refused with all its
 * faults.
 */

#include "tests/support/harness.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

static void tree_path(Harness *h, char path[256])
{
        (void)snprintf(path, 256, "%s/tree.json", harness_dir(h));
}

/* What `gend --check` says about a file; its exit status. */
static int check_file(Harness *h, const char *tree, char **ret_text)
{
        char path[256];
        const char *const argv[] = {harness_gend(), "--check", "-t", path, NULL};

        tree_path(h, path);
        harness_write_tree(h, tree);
        return harness_run_program(h, argv, ret_text);
}

/* No gend was ever started for @h. */
static void end_without_gend(Harness *h)
{
        check_str(h, record_text(h), "");
        harness_free(h);
}

START_TEST(a_good_file_passes_and_starts_nothing)
{
        Harness *h = harness_new();
        _cleanup_(freep) char *text = NULL;

        check_int(h, check_file(h, TREE(APP("app", "", TOY("a", ""))), &text), 0);
        end_without_gend(h);
}
END_TEST

typedef struct Fault {
        const char *tree;
        const char *words[4]; /* all of them are in the output */
} Fault;

// clang-format off
static const Fault faults[] = {
        /* SUP-185: flags. */
        { TREE(APP("app", ",'strategy':'best'", TOY("a", ""))),            { "applications[0].strategy", "best" } },
        { TREE(APP("app", ",'intensity':-1", TOY("a", ""))),               { "applications[0].intensity", "-1" } },
        { TREE(APP("app", ",'intensity':1.5", TOY("a", ""))),              { "applications[0].intensity", "1.5" } },
        { TREE(APP("app", ",'intensity':'infinity'", TOY("a", ""))),       { "applications[0].intensity", "infinity" } },
        { TREE(APP("app", ",'period':0", TOY("a", ""))),                   { "applications[0].period" } },
        { TREE(APP("app", ",'period':'-5s'", TOY("a", ""))),               { "applications[0].period", "-5s" } },
        { TREE(APP("app", ",'period':'infinity'", TOY("a", ""))),          { "applications[0].period" } },
        { TREE(APP("app", ",'auto_shutdown':'some'", TOY("a", ""))),       { "applications[0].auto_shutdown", "some" } },
        { "[]",                                                            { "tree.json:1" } },
        /* SUP-186, SUP-189: child specifications; the field and the value are named. */
        { TREE(APP("app", "", "{'exec':['@TOY@']}")),                      { "applications[0].children[0]", "name" } },
        { TREE(APP("app", "", "{'name':'a'}")),                            { "applications[0].children[0]" } },
        { TREE(APP("app", "", "{'name':'a','exec':['/no/such']}")),        { "children[0].exec", "/no/such" } },
        { TREE(APP("app", "", "{'name':'a','exec':['@DIR@']}")),           { "children[0].exec" } },
        { TREE(APP("app", "", TOY("a", ",'restart':'always'"))),           { "children[0].restart", "always" } },
        { TREE(APP("app", "", TOY("a", ",'shutdown':-1"))),                { "children[0].shutdown", "-1" } },
        { TREE(APP("app", "", TOY("a", ",'shutdown':'soon'"))),            { "children[0].shutdown", "soon" } },
        { TREE(APP("app", "", TOY("a", ",'significant':1"))),              { "children[0].significant" } },
        { TREE(APP("app", "", TOY("a", ",'significant':true"))),           { "children[0].significant", "permanent" } },
        { TREE(APP("app", "", TOY("a", ",'restart':'transient','significant':true"))), { "children[0].significant", "auto_shutdown" } },
        { TREE(APP("app", "", TOY("a", ",'colour':'blue'"))),              { "children[0].colour", "unknown" } },
        { TREE(APP("app", "", TOY("a", ",'user':'no-such-user'"))),        { "children[0].user", "no-such-user" } },
        { TREE(APP("app", "", TOY("a", ",'stop_signal':'SIGNONE'"))),      { "children[0].stop_signal", "SIGNONE" } },
        { TREE(APP("app", "", TOY("a", ",'success_exit':[256]"))),         { "children[0].success_exit", "256" } },
        { TREE(APP("app", "", TOY("a", ",'limits':{'nofiles':1}"))),       { "children[0].limits", "nofiles" } },
        { TREE(APP("app", "", TOY("a", ",'instances':0"))),                { "children[0].instances" } },
        { TREE(APP("app", "", TOY("a", ",'backoff':{'factor':0.5}"))),     { "children[0].backoff" } },
        { TREE(APP("app", "", TOY("a/b", ""))),                            { "children[0].name" } },
        /* SUP-187. */
        { TREE(APP("app", "", TOY("a", "") TOY("a", ""))),                 { "children[1].name", "\"a\"" } },
        { TREE(APP("app", "", "") APP("app", "", "")),                     { "applications[1].name", "\"app\"" } },
        { TREE(APP("app", "", TOY("a", ",'instances':2") TOY("a@1", ""))), { "children[1].name", "instances" } },
        /* SUP-140: simple_one_for_one has one template. */
        { TREE(APP("app", SIMPLE, "")),                                    { "applications[0].children" } },
        { TREE(APP("app", SIMPLE, TOY("a", "") TOY("b", ""))),             { "applications[0].children" } },
        /* SUP-168. */
        { TREE(APP("app", ",'auto_shutdown':'never'", TOY("a", TRANSIENT ",'significant':true"))), { "significant" } },
        /* Applications. */
        { TREE(APP("a", ",'requires':['b']", "")),                         { "applications[0].requires", "b" } },
        { TREE(APP("a", ",'requires':['b']", "") APP("b", ",'requires':['a']", "")), { "requires", "cycle" } },
        { TREE(APP("a", ",'requires':['a']", "")),                         { "requires" } },
        { TREE(APP("a", ",'start':'sometimes'", "")),                      { "applications[0].start", "sometimes" } },
        { "{'applications':[],'applications':[]}",                         { "applications" } },
        { "{'node':'no-host','applications':[]}",                          { "node", "no-host" } },
        { "{}",                                                            { "applications" } },
        { "",                                                              { "tree.json:1" } },
        { "{'applications':[\n\n}",                                        { "tree.json:3" } },
        { "\001\002\003",                                                  { "tree.json:1" } },
};
// clang-format on

/* SUP-185, SUP-186, SUP-187, SUP-188, SUP-189: each fault is found, with its place; exit status 1,
 * nothing is started. */
START_TEST(every_fault_is_found_with_its_place)
{
        const Fault *fault = &faults[_i];
        Harness *h = harness_new();
        _cleanup_(freep) char *text = NULL;

        check_int(h, check_file(h, fault->tree, &text), 1);
        for (size_t i = 0; i < ARRAY_LEN(fault->words) && fault->words[i]; i++)
                if (!strstr(text, fault->words[i]))
                        harness_failed(h, __FILE__, __LINE__, "%s\n is not in\n%s\n for\n%s",
                                       fault->words[i], text, fault->tree);
        end_without_gend(h);
}
END_TEST

/* SUP-188: all of them at once, each on a line of its own, in the order of the file. */
START_TEST(all_faults_are_listed)
{
        Harness *h = harness_new();
        _cleanup_(freep) char *text = NULL;
        const char *first, *second, *third;

        check_int(h,
                  check_file(h,
                             "{'node':'x','applications':[\n"
                             "{'name':'a','intensity':-1,'children':[\n"
                             "{'name':'b','exec':['/no/such'],'restart':'x'},\n"
                             "{'name':'b','exec':['@TOY@'],'shutdwon':1}]}]}",
                             &text),
                  1);
        check(h, strstr(text, "tree.json:1: node"));
        first = strstr(text, "tree.json:2: applications[0].intensity");
        second = strstr(text, "tree.json:3: applications[0].children[0].");
        third = strstr(text, "tree.json:4: applications[0].children[1].shutdwon");
        check(h, first && second && third);
        check(h, strstr(text, "children[1].name"));
        check(h, strstr(third, "shutdown")); /* what was meant */
        end_without_gend(h);
}
END_TEST

/* gend itself refuses it the same way, before anything is started. */
START_TEST(gend_does_not_start_from_a_bad_file)
{
        Harness *h = harness_launch(
                TREE(APP("a", "", TOY("x", "")) APP("b", ",'start':'x'", TOY("y", ""))), NULL);
        _cleanup_(freep) char *log = NULL;

        check_int(h, harness_await_exit(h), 1);
        log = harness_log(h);
        check(h, strstr(log, "applications[1].start") != NULL);
        check_str(h, record_text(h), "");
        harness_free(h);
}
END_TEST

/* What is no regular file is refused, quickly. */
START_TEST(what_is_no_file_is_refused)
{
        static const char *const paths[] = {"/dev/zero", "/dev/null", "/tmp", "/no/such/file", ""};
        Harness *h = harness_new();
        char fifo[256];

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                const char *const argv[] = {harness_gend(), "--check", "-t", paths[i], NULL};

                check_int(h, harness_run_program(h, argv, NULL), 1);
        }
        tree_path(h, fifo);
        ck_assert_int_eq(mkfifo(fifo, 0600), 0);
        {
                const char *const argv[] = {harness_gend(), "--check", "-t", fifo, NULL};

                check_int(h, harness_run_program(h, argv, NULL), 1);
        }
        harness_free(h);
}
END_TEST

/* A file over the bound is refused without being read. */
START_TEST(a_huge_file_is_refused)
{
        Harness *h = harness_new();
        char path[256];
        const char *const argv[] = {harness_gend(), "--check", "-t", path, NULL};
        _cleanup_(freep) char *text = NULL;
        int fd;

        tree_path(h, path);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
        (void)close(fd);
        check_int(h, harness_run_program(h, argv, &text), 1);
        check(h, strlen(text) > 0 && strlen(text) < 2000);
        harness_free(h);
}
END_TEST

/* Nesting without end is a fault, not a crash. */
START_TEST(endless_nesting_is_a_fault)
{
        Harness *h = harness_new();
        size_t depth = 20000, used = 0;
        _cleanup_(freep) char *tree = malloc(depth * 64);
        _cleanup_(freep) char *text = NULL;

        ck_assert_ptr_nonnull(tree);
        for (size_t i = 0; i < depth; i++)
                used += (size_t)snprintf(tree + used, 64, "{'name':'a','%s':[",
                                         i == 0 ? "applications" : "children");
        check_int(h, check_file(h, tree, &text), 1);
        for (used = 0; used < 1000; used++)
                tree[used] = '[';
        check_int(h, check_file(h, tree, NULL), 1);
        harness_free(h);
}
END_TEST

/* Somebody writes it again and again while it is read again and again: what is taken is a whole
 * one. */
START_TEST(a_file_that_changes_while_it_is_read_is_taken_whole)
{
#define ONE TREE(APP("app", "", TOY("a", "") TOY("b", "")))
#define TWO TREE(APP("app", "", TOY("a", "") TOY("b", "") TOY("c", "") TOY("d", "")))
        Harness *h = harness_start(ONE);
        char script[1024];
        char *argv[] = {strdup("/bin/sh"), strdup("-c"), script, NULL};
        pid_t a = child_pid(h, "app/a"), writer;
        int reloads = 0;

        harness_write_tree(h, TWO);
        (void)snprintf(
                script, sizeof(script),
                "cd %s; cp tree.json two; while :; do cat one >tree.json; cat two >tree.json; done",
                harness_dir(h));
        harness_write_tree(h, ONE);
        {
                char from[256], to[256];

                tree_path(h, from);
                (void)snprintf(to, sizeof(to), "%s/one", harness_dir(h));
                ck_assert_int_eq(rename(from, to), 0);
                harness_write_tree(h, TWO);
        }
        ck_assert_int_eq(posix_spawn(&writer, argv[0], NULL, NULL, argv, environ), 0);
        for (int i = 0; i < 60; i++) {
                json_t *reply = ctl_end(h, ctl_begin(h, "reload", "{}"));
                size_t count;

                reloads += json_object_get(reply, "result") != NULL;
                count = json_array_size(
                        json_object_get(ctl(h, "tree", "{'path':'app'}"), "children"));
                check(h, count == 2 || count == 4 || count == 3);
        }
        (void)kill(writer, SIGKILL);
        (void)waitpid(writer, NULL, 0);
        free(argv[0]);
        free(argv[1]);
        check(h, reloads > 0);
        check_int(h, child_pid(h, "app/a"), a);
        harness_write_tree(h, ONE);
        (void)ctl(h, "reload", "{}");
        expect_gone(h, "app/d");
        harness_stop(h);
}
END_TEST

static TCase *tree_file_case(void)
{
        TCase *tcase = harness_case("tree-file");

        tcase_add_test(tcase, a_good_file_passes_and_starts_nothing);
        tcase_add_loop_test(tcase, every_fault_is_found_with_its_place, 0, (int)ARRAY_LEN(faults));
        tcase_add_test(tcase, all_faults_are_listed);
        tcase_add_test(tcase, gend_does_not_start_from_a_bad_file);
        tcase_add_test(tcase, what_is_no_file_is_refused);
        tcase_add_test(tcase, a_huge_file_is_refused);
        tcase_add_test(tcase, endless_nesting_is_a_fault);
        tcase_add_test(tcase, a_file_that_changes_while_it_is_read_is_taken_whole);
        return tcase;
}

TEST_MAIN("f03-tree-file", tree_file_case())
