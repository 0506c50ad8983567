/*
 * Owns the table of ends: how a process can end, in which phase, with which restart type, and what
 * is made of it. OSP-012, SUP-030, SUP-031, SUP-032, SUP-033, SUP-034, SUP-035, each row with each
 * type.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"

static const char *const types[] = {"permanent", "transient", "temporary"};

typedef enum Class {
        CLEAN,
        ABNORMAL,
} Class;

typedef struct Row {
        const char *name;
        const char *sins; /* what it does once told to; NULL: a signal from outside */
        int signo;
        const char *more; /* of its specification */
        const char *reason;
        Class how;
} Row;

// clang-format off
static const Row running[] = {
        { "exit0",    "exit=0",   0,       "",                       "normal",              CLEAN },
        { "exit3",    "exit=3",   0,       "",                       "{exit_status,3}",     ABNORMAL },
        { "exit7ok",  "exit=7",   0,       ",'success_exit':[7]",    "normal",              CLEAN },
        { "exit143",  "exit=143", 0,       "",                       "{exit_status,143}",   ABNORMAL },
        { "exit255",  "exit=255", 0,       "",                       "{exit_status,255}",   ABNORMAL },
        { "abort",    "abort",    0,       "",                       "{signal,'SIGABRT'}",  ABNORMAL },
        { "segv",     "segv",     0,       "",                       "{signal,'SIGSEGV'}",  ABNORMAL },
        { "term",     NULL,       SIGTERM, "",                       "shutdown",            CLEAN },
        { "kill",     NULL,       SIGKILL, "",                       "killed",              ABNORMAL },
        { "hup",      NULL,       SIGHUP,  "",                       "{signal,'SIGHUP'}",   ABNORMAL },
        { "int",      NULL,       SIGINT,  "",                       "{signal,'SIGINT'}",   ABNORMAL },
        { "pipe",     NULL,       SIGPIPE, "",                       "{signal,'SIGPIPE'}",  ABNORMAL },
        { "usr1",     NULL,       SIGUSR1, "",                       "{signal,'SIGUSR1'}",  ABNORMAL },
};
// clang-format on

static char *tree_of_running(void)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        (void)fprintf(out, "{'node':'n@h','applications':[{'name':'app','intensity':1000,"
                           "'children':[");
        for (size_t i = 0; i < ARRAY_LEN(running); i++)
                for (size_t t = 0; t < ARRAY_LEN(types); t++)
                        (void)fprintf(
                                out,
                                "{'name':'%s-%s','restart':'%s','ready':'notify','exec':['@TOY@',"
                                "'%s-%s','default-term ready take=%s-%s %s']%s},",
                                running[i].name, types[t], types[t], running[i].name, types[t],
                                running[i].name, types[t], running[i].sins ? running[i].sins : "",
                                running[i].more);
        (void)fprintf(out, "]}]}");
        (void)fclose(out);
        return text;
}

static void check_running_row(Harness *h, const Row *row, size_t type)
{
        char name[64], path[80];
        pid_t pid;

        (void)snprintf(name, sizeof(name), "%s-%s", row->name, types[type]);
        (void)snprintf(path, sizeof(path), "app/%s", name);
        pid = child_pid(h, path);
        if (row->sins)
                touch(h, name);
        else
                check_int(h, kill_child(h, path, row->signo), pid);
        expect(h, "exited", path, row->reason);
        if (type == 0 || (type == 1 && row->how == ABNORMAL)) {
                expect_new_pid(h, path, pid);
                check_int(h, node_int(h, path, "restarts"), 1);
                check_str(h,
                          json_string_value(json_object_get(
                                  json_object_get(node(h, path), "last_exit"), "reason")),
                          row->reason);
        } else if (type == 1) {
                expect_state(h, path, "finished");
                check_int(h, node_int(h, path, "restarts"), 0);
        } else {
                expect_dropped(h, path);
        }
        expect_dead(h, pid);
}

/* SUP-030 permanent and normal, SUP-031 permanent and shutdown, SUP-032 and SUP-033 transient and
 * clean, SUP-034 transient and abnormal, SUP-035 temporary and anything. */
START_TEST(every_end_of_a_running_child_has_its_reason_and_consequence)
{
        _cleanup_(freep) char *tree = tree_of_running();
        Harness *h = harness_start(tree);

        for (size_t i = 0; i < ARRAY_LEN(running); i++)
                for (size_t type = 0; type < ARRAY_LEN(types); type++)
                        check_running_row(h, &running[i], type);
        harness_stop(h);
}
END_TEST

/* How a stop is answered: the reason, and whether it was an error worth a word. */
typedef struct StopRow {
        const char *name;
        const char *sins;
        const char *more;
        const char *reason;
} StopRow;

// clang-format off
static const StopRow stopping[] = {
        { "obeys",     "ready",                          "",                           "shutdown" },
        { "default",   "default-term ready",             "",                           "shutdown" },
        { "exit143",   "term-exit=143 ready",            "",                           "shutdown" },
        { "exit7ok",   "term-exit=7 ready",              ",'success_exit':[7]",        "shutdown" },
        { "exit3",     "term-exit=3 ready",              "",                           "{exit_status,3}" },
        { "dies",      "term-exit=-10 ready",            "",                           "{signal,'SIGUSR1'}" },
        { "killed",    "term-exit=-9 ready",             "",                           "killed" },
        { "deaf",      "ignore-term ready",              ",'shutdown':'50ms'",         "killed" },
        { "brutal",    "ready",                          ",'shutdown':'brutal_kill'",  "killed" },
        { "zero",      "ignore-term ready",              ",'shutdown':0",              "killed" },
        { "sigint",    "ready",                          ",'stop_signal':'SIGINT'",    "shutdown" },
        { "sigusr1",   "ready",                          ",'stop_signal':'SIGUSR1'",   "shutdown" },
};
// clang-format on

static char *tree_of_stopping(void)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        (void)fprintf(out,
                      "{'node':'n@h','applications':[{'name':'app','intensity':0,'children':[");
        for (size_t i = 0; i < ARRAY_LEN(stopping); i++)
                for (size_t t = 0; t < ARRAY_LEN(types); t++)
                        (void)fprintf(
                                out,
                                "{'name':'%s-%s','restart':'%s','ready':'notify','exec':['@TOY@',"
                                "'%s-%s','%s']%s},",
                                stopping[i].name, types[t], types[t], stopping[i].name, types[t],
                                stopping[i].sins, stopping[i].more);
        (void)fprintf(out, "]}]}");
        (void)fclose(out);
        return text;
}

/* SUP-090, SUP-091, SUP-092, SUP-093, SUP-094, SUP-095, SUP-114, SUP-117: whatever the answer, a
 * stop that was asked for restarts nobody; with intensity 0 one restart would end the application.
 * SUP-100: no odd end is an error of the tree. */
START_TEST(every_answer_to_a_stop_has_its_reason_and_restarts_nobody)
{
        _cleanup_(freep) char *tree = tree_of_stopping();
        Harness *h = harness_start(tree);

        for (size_t i = 0; i < ARRAY_LEN(stopping); i++)
                for (size_t type = 0; type < ARRAY_LEN(types); type++) {
                        char path[80];
                        pid_t pid;

                        (void)snprintf(path, sizeof(path), "app/%s-%s", stopping[i].name,
                                       types[type]);
                        pid = child_pid(h, path);
                        ctl(h, "stop", "{'paths':['%s']}", path);
                        check(h, !is_alive(pid));
                        expect(h, "stopped", path, stopping[i].reason);
                        if (type < 2)
                                check_str(h, node_str(h, path, "state"), "stopped");
                        else
                                expect_dropped(h, path);
                }
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

typedef struct StartRow {
        const char *sins;
        const char *more;
        const char *reason;
} StartRow;

// clang-format off
static const StartRow starting[] = {
        { "exit=0",      "",                         "{start,normal}" },
        { "exit=3",      "",                         "{start,{exit_status,3}}" },
        { "signal=9",    "",                         "{start,killed}" },
        { "signal=15",   "",                         "{start,shutdown}" },
        { "segv",        "",                         "{start,{signal,'SIGSEGV'}}" },
        { "never-ready", ",'start_timeout':'40ms'",  "{start,timeout}" },
};
// clang-format on

/* SUP-007, SUP-008, SUP-112: a start that fails is an error with its reason, and nothing is kept of
 * it. */
START_TEST(every_failed_start_has_its_reason)
{
        Harness *h = harness_start(TREE(APP("app", ",'intensity':0", TOY("a", ""))));

        for (size_t i = 0; i < ARRAY_LEN(starting); i++)
                for (size_t type = 0; type < ARRAY_LEN(types); type++) {
                        json_t *error = ctl_fails(
                                h, -32001, "add",
                                "{'parent':'app','child':{'name':'x%zu-%s','restart':'%s',"
                                "'exec':['@TOY@','x','%s'],'ready':'notify'%s}}",
                                i, types[type], types[type], starting[i].sins, starting[i].more);

                        check(h, strstr(error_text(error), starting[i].reason) != NULL);
                        expect(h, "failed", NULL, starting[i].reason);
                }
        check_int(h, (int)json_array_size(json_object_get(node(h, "app"), "children")), 1);
        check_str(h, node_str(h, "app", "state"), "running");
        harness_stop(h);
}
END_TEST

static TCase *exit_case(void)
{
        TCase *tcase = harness_case("exit-table");

        tcase_add_test(tcase, every_end_of_a_running_child_has_its_reason_and_consequence);
        tcase_add_test(tcase, every_answer_to_a_stop_has_its_reason_and_restarts_nobody);
        tcase_add_test(tcase, every_failed_start_has_its_reason);
        return tcase;
}

TEST_MAIN("a04-exit-table", exit_case())
