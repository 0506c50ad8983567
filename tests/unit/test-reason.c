/*
 * From the end of an OS process to its exit reason: every row of the table as data (OSP-012), and
 * what each means for each restart type.
 */

#include "protocols/reason.h"

#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "protocols/record.h"
#include "tests/support/test-main.h"

/* How a stop went. */
typedef enum Manner {
        PLAINLY = 0,
        ODDLY,  /* reported as a shutdown error */
        FORCED, /* SIGKILL was needed */
} Manner;

typedef struct ReasonRow {
        const char *text;
        ExitClass how;
        Manner manner;
        EndFacts facts;
} ReasonRow;

static const uint8_t success[] = {0, 3};

#define EXITED(n) .code = CLD_EXITED, .status = n
#define KILLED(s) .code = CLD_KILLED, .status = s
#define RUNNING   .phase = END_PHASE_RUNNING, .stop_signal = SIGTERM
#define STARTING  .phase = END_PHASE_STARTING, .stop_signal = SIGTERM
#define STOPPING  .phase = END_PHASE_STOPPING, .stop_signal = SIGTERM
#define KILLING   .phase = END_PHASE_KILLING, .stop_signal = SIGTERM
#define SUCCESS   .success_exit = success, .success_exit_count = ARRAY_LEN(success)

// clang-format off
static const ReasonRow rows[] = {
        /* status 0 or in success_exit */
        { "normal",   EXIT_CLASS_NORMAL,   PLAINLY,  { RUNNING, EXITED(0) } },
        { "normal",   EXIT_CLASS_NORMAL,   PLAINLY,  { RUNNING, EXITED(0), SUCCESS } },
        { "normal",   EXIT_CLASS_NORMAL,   PLAINLY,  { RUNNING, EXITED(3), SUCCESS } },
        { "normal",   EXIT_CLASS_NORMAL,   PLAINLY,  { RUNNING, EXITED(0), .success_exit = success + 1, .success_exit_count = 1 } },

        /* in the course of a stop: 0, success_exit, 143, the stop signal */
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { STOPPING, EXITED(0) } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { STOPPING, EXITED(3), SUCCESS } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { STOPPING, EXITED(143) } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { STOPPING, KILLED(SIGTERM) } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { .phase = END_PHASE_STOPPING, .stop_signal = SIGQUIT, KILLED(SIGQUIT) } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { .phase = END_PHASE_STOPPING, .stop_signal = SIGQUIT, .code = CLD_DUMPED, .status = SIGQUIT } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { .phase = END_PHASE_STOPPING, .stop_signal = SIGKILL, KILLED(SIGKILL) } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { KILLING, EXITED(0) } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { KILLING, EXITED(143) } },
        { "shutdown", EXIT_CLASS_SHUTDOWN, PLAINLY,  { KILLING, KILLED(SIGTERM) } },

        /* another status or signal during a stop */
        { "{exit_status,3}",         EXIT_CLASS_SHUTDOWN, ODDLY,    { STOPPING, EXITED(3) } },
        { "{exit_status,1}",         EXIT_CLASS_SHUTDOWN, ODDLY,    { KILLING, EXITED(1) } },
        { "{signal,'SIGSEGV'}",      EXIT_CLASS_SHUTDOWN, ODDLY,    { STOPPING, KILLED(SIGSEGV) } },
        { "{signal,'SIGINT'}",       EXIT_CLASS_SHUTDOWN, ODDLY,    { STOPPING, KILLED(SIGINT) } },
        { "killed",                  EXIT_CLASS_SHUTDOWN, ODDLY,    { STOPPING, KILLED(SIGKILL) } },
        { "oom",                     EXIT_CLASS_SHUTDOWN, ODDLY,    { STOPPING, KILLED(SIGKILL), .was_oom = true } },
        { "watchdog",                EXIT_CLASS_SHUTDOWN, ODDLY,    { STOPPING, KILLED(SIGABRT), .was_watchdog = true } },

        /* killed after its shutdown time, or at once */
        { "killed",   EXIT_CLASS_SHUTDOWN, FORCED,   { KILLING, KILLED(SIGKILL) } },
        { "killed",   EXIT_CLASS_SHUTDOWN, FORCED,   { KILLING, KILLED(SIGKILL), .was_oom = true } },
        { "killed",   EXIT_CLASS_SHUTDOWN, PLAINLY,  { KILLING, KILLED(SIGKILL), .is_brutal = true } },

        /* status N */
        { "{exit_status,1}",         EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, EXITED(1) } },
        { "{exit_status,143}",       EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, EXITED(143) } },
        { "{exit_status,255}",       EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, EXITED(255), SUCCESS } },

        /* signals that gend did not send */
        { "shutdown",                EXIT_CLASS_SHUTDOWN, PLAINLY,  { RUNNING, KILLED(SIGTERM) } },
        { "{signal,'SIGHUP'}",       EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(SIGHUP) } },
        { "{signal,'SIGINT'}",       EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(SIGINT) } },
        { "{signal,'SIGPIPE'}",      EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(SIGPIPE) } },
        { "{signal,'SIGSEGV'}",      EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(SIGSEGV) } },
        { "{signal,'SIGSEGV',core}", EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(SIGSEGV), .dumped_core = true } },
        { "{signal,'SIGABRT',core}", EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, .code = CLD_DUMPED, .status = SIGABRT } },
        { "{signal,'SIG42'}",        EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(42) } },
        { "{signal,'SIGQUIT'}",      EXIT_CLASS_ABNORMAL, PLAINLY,  { .phase = END_PHASE_RUNNING, .stop_signal = SIGQUIT, KILLED(SIGQUIT) } },
        { "killed",                  EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(SIGKILL) } },

        /* watchdog, memory */
        { "watchdog", EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(SIGABRT), .was_watchdog = true } },
        { "watchdog", EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, EXITED(0), .was_watchdog = true } },
        { "oom",      EXIT_CLASS_ABNORMAL, PLAINLY,  { RUNNING, KILLED(SIGKILL), .was_oom = true } },
        { "normal",   EXIT_CLASS_NORMAL,   PLAINLY,  { RUNNING, EXITED(0), .was_oom = true } }, /* another of its group */

        /* ended before ready */
        { "{start,normal}",             EXIT_CLASS_START, PLAINLY,  { STARTING, EXITED(0) } },
        { "{start,{exit_status,7}}",    EXIT_CLASS_START, PLAINLY,  { STARTING, EXITED(7) } },
        { "{start,{signal,'SIGSEGV'}}", EXIT_CLASS_START, PLAINLY,  { STARTING, KILLED(SIGSEGV) } },
        { "{start,shutdown}",           EXIT_CLASS_START, PLAINLY,  { STARTING, KILLED(SIGTERM) } },
        { "{start,killed}",             EXIT_CLASS_START, PLAINLY,  { STARTING, KILLED(SIGKILL) } },
        { "{start,oom}",                EXIT_CLASS_START, PLAINLY,  { STARTING, KILLED(SIGKILL), .was_oom = true } },
        { "{start,watchdog}",           EXIT_CLASS_START, PLAINLY,  { STARTING, KILLED(SIGABRT), .was_watchdog = true } },
        { "{start,timeout}",            EXIT_CLASS_START, PLAINLY,  { STARTING, KILLED(SIGKILL), .was_start_timeout = true } },
        { "{start,timeout}",            EXIT_CLASS_START, PLAINLY,  { KILLING, KILLED(SIGKILL), .was_start_timeout = true } },
        { "{start,timeout}",            EXIT_CLASS_START, PLAINLY,  { STARTING, EXITED(0), .was_start_timeout = true } },

        /* never came to be */
        { "{exec,'ENOENT'}", EXIT_CLASS_START, PLAINLY,  { STARTING, .spawn_step = SPAWN_STEP_EXEC, .spawn_errno = ENOENT } },
        { "{exec,'EACCES'}", EXIT_CLASS_START, PLAINLY,  { STARTING, .spawn_step = SPAWN_STEP_CWD, .spawn_errno = EACCES } },
        { "{exec,9999}",     EXIT_CLASS_START, PLAINLY,  { STARTING, .spawn_step = SPAWN_STEP_FORK, .spawn_errno = 9999 } },
        { "{exec,'ENOENT'}", EXIT_CLASS_SHUTDOWN, ODDLY,    { STOPPING, .spawn_step = SPAWN_STEP_EXEC, .spawn_errno = ENOENT } },
};
// clang-format on

/* OSP-001, OSP-002, OSP-003, OSP-012 */
START_TEST(every_row_of_the_table_holds)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                Reason reason;

                reason_translate(&rows[i].facts, &reason);
                ck_assert_msg(strcmp(reason.text, rows[i].text) == 0, "row %zu: %s, expected %s", i,
                              reason.text, rows[i].text);
                ck_assert_msg(reason.how == rows[i].how, "row %zu, %s: %s, expected %s", i,
                              reason.text, exit_class_name(reason.how),
                              exit_class_name(rows[i].how));
                ck_assert_msg(reason.is_shutdown_error == (rows[i].manner == ODDLY), "row %zu", i);
                ck_assert_msg(reason.is_forced == (rows[i].manner == FORCED), "row %zu", i);
        }
}
END_TEST

/* OSP-012: of a running process; a permanent child always comes back, a temporary one never. */
START_TEST(a_transient_child_comes_back_exactly_after_what_is_not_clean)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                bool is_clean = strcmp(rows[i].text, "normal") == 0 ||
                                strcmp(rows[i].text, "shutdown") == 0;
                Reason reason;

                if (rows[i].facts.phase != END_PHASE_RUNNING)
                        continue;
                reason_translate(&rows[i].facts, &reason);
                ck_assert(policy_wants_restart(RESTART_PERMANENT, reason.how));
                ck_assert_int_eq(policy_wants_restart(RESTART_TRANSIENT, reason.how), !is_clean);
                ck_assert(!policy_wants_restart(RESTART_TEMPORARY, reason.how));
        }
}
END_TEST

/* OSP-001 */
START_TEST(a_failed_exec_is_told_with_step_path_and_cause)
{
        EndFacts facts = {
                STARTING,
                .spawn_step = SPAWN_STEP_EXEC,
                .spawn_errno = ENOENT,
                .spawn_path = "/x/y",
        };
        Reason reason;

        reason_translate(&facts, &reason);
        ck_assert_str_eq(reason.detail, "exec of /x/y failed: No such file or directory");
        facts.spawn_path = NULL;
        reason_translate(&facts, &reason);
        ck_assert_str_eq(reason.detail, "exec failed: No such file or directory");
}
END_TEST

START_TEST(a_long_path_is_cut_and_terminated)
{
        char path[4096];
        EndFacts facts = {
                STARTING,
                .spawn_step = SPAWN_STEP_EXEC,
                .spawn_errno = ENOENT,
                .spawn_path = path,
        };
        Reason reason;

        memset(path, 'x', sizeof(path));
        path[sizeof(path) - 1] = '\0';
        reason_translate(&facts, &reason);
        ck_assert_uint_eq(strlen(reason.detail), REASON_BYTES - 1);
}
END_TEST

START_TEST(the_text_alone_tells_clean_from_abnormal)
{
        ck_assert_int_eq(reason_class("normal"), EXIT_CLASS_NORMAL);
        ck_assert_int_eq(reason_class("shutdown"), EXIT_CLASS_SHUTDOWN);
        ck_assert_int_eq(reason_class("{shutdown,done}"), EXIT_CLASS_SHUTDOWN);
        ck_assert_int_eq(reason_class("{shutdown,{a,b}}"), EXIT_CLASS_SHUTDOWN);
        ck_assert_int_eq(reason_class("{shutdownx,b}"), EXIT_CLASS_ABNORMAL);
        ck_assert_int_eq(reason_class("killed"), EXIT_CLASS_ABNORMAL);
        ck_assert_int_eq(reason_class("normally"), EXIT_CLASS_ABNORMAL);
        ck_assert_int_eq(reason_class("{start,normal}"), EXIT_CLASS_ABNORMAL);
        ck_assert_int_eq(reason_class(""), EXIT_CLASS_ABNORMAL);
}
END_TEST

START_TEST(every_signal_has_a_name_that_leads_back)
{
        for (int signo = 1; signo <= SIGRTMAX; signo++) {
                char number[16];

                ck_assert_str_ne(signal_name(signo), "SIG?");
                ck_assert_int_eq(signal_from_name(signal_name(signo)), signo);
                ck_assert_int_eq(signal_from_name(signal_name(signo) + 3), signo);
                (void)snprintf(number, sizeof(number), "%d", signo);
                ck_assert_int_eq(signal_from_name(number), signo);
        }
        ck_assert_str_eq(signal_name(0), "SIG?");
        ck_assert_str_eq(signal_name(-1), "SIG?");
        ck_assert_str_eq(signal_name(65), "SIG?");
}
END_TEST

START_TEST(what_is_no_signal_has_no_number)
{
        static const char *const names[] = {
                "", "SIG", "SIGFOO", "0", "65", "-1", "TERM ", "15x", "9999999999999999999"};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                ck_assert_msg(signal_from_name(names[i]) == 0, "%s", names[i]);
        ck_assert_int_eq(signal_from_name(NULL), 0);
}
END_TEST

static TCase *reason_case(void)
{
        TCase *tcase = tcase_create("reason");

        tcase_add_test(tcase, every_row_of_the_table_holds);
        tcase_add_test(tcase, a_transient_child_comes_back_exactly_after_what_is_not_clean);
        tcase_add_test(tcase, a_failed_exec_is_told_with_step_path_and_cause);
        tcase_add_test(tcase, a_long_path_is_cut_and_terminated);
        tcase_add_test(tcase, the_text_alone_tells_clean_from_abnormal);
        tcase_add_test(tcase, every_signal_has_a_name_that_leads_back);
        tcase_add_test(tcase, what_is_no_signal_has_no_number);
        return tcase;
}

TEST_MAIN("reason", reason_case())
