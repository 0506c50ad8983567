/*
 * Owns the translation of an OS process's end into an exit reason (02, section 2) and the names of
 * signals. Refuses to wait for anything: the facts come from the kernel's record. Called by
 * gend-supervisor for every end, by the spec parser and genctl for signal names.
 */

#include "protocols/reason.h"

#include "base/cleanup.h"
#include "protocols/record.h"

#include <assert.h>
#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STATUS_OF_SIGTERM (128 + SIGTERM) /* how a shell reports that its child died of SIGTERM */

// clang-format off
static const char *const signal_names[] = {
        [SIGHUP]    = "SIGHUP",    [SIGINT]  = "SIGINT",  [SIGQUIT]   = "SIGQUIT",   [SIGILL]   = "SIGILL",
        [SIGTRAP]   = "SIGTRAP",   [SIGABRT] = "SIGABRT", [SIGBUS]    = "SIGBUS",    [SIGFPE]   = "SIGFPE",
        [SIGKILL]   = "SIGKILL",   [SIGUSR1] = "SIGUSR1", [SIGSEGV]   = "SIGSEGV",   [SIGUSR2]  = "SIGUSR2",
        [SIGPIPE]   = "SIGPIPE",   [SIGALRM] = "SIGALRM", [SIGTERM]   = "SIGTERM",   [SIGSTKFLT] = "SIGSTKFLT",
        [SIGCHLD]   = "SIGCHLD",   [SIGCONT] = "SIGCONT", [SIGSTOP]   = "SIGSTOP",   [SIGTSTP]  = "SIGTSTP",
        [SIGTTIN]   = "SIGTTIN",   [SIGTTOU] = "SIGTTOU", [SIGURG]    = "SIGURG",    [SIGXCPU]  = "SIGXCPU",
        [SIGXFSZ]   = "SIGXFSZ",   [SIGPROF] = "SIGPROF", [SIGVTALRM] = "SIGVTALRM", [SIGWINCH] = "SIGWINCH",
        [SIGIO]     = "SIGIO",     [SIGPWR]  = "SIGPWR",  [SIGSYS]    = "SIGSYS",
        /* Real-time signals by number: what SIGRTMIN is depends on the C library. */
        [32] = "SIG32", "SIG33", "SIG34", "SIG35", "SIG36", "SIG37", "SIG38", "SIG39", "SIG40", "SIG41", "SIG42",
        "SIG43", "SIG44", "SIG45", "SIG46", "SIG47", "SIG48", "SIG49", "SIG50", "SIG51", "SIG52", "SIG53",
        "SIG54", "SIG55", "SIG56", "SIG57", "SIG58", "SIG59", "SIG60", "SIG61", "SIG62", "SIG63", "SIG64",
};
// clang-format on

const char *signal_name(int signo)
{
        if (signo < 1 || (size_t)signo >= ARRAY_LEN(signal_names) || !signal_names[signo])
                return "SIG?";
        return signal_names[signo];
}

/* A decimal number and nothing else, in the range of signals; otherwise 0. */
static int signal_from_digits(const char *text)
{
        int signo = 0;

        if (!*text)
                return 0;
        for (; *text; text++) {
                if (!isdigit((unsigned char)*text))
                        return 0;
                signo = signo * 10 + (*text - '0');
                if ((size_t)signo >= ARRAY_LEN(signal_names))
                        return 0;
        }
        return signo;
}

int signal_from_name(const char *name)
{
        if (!name)
                return 0;
        if (strncasecmp(name, "SIG", 3) == 0)
                name += 3;
        for (size_t i = 1; i < ARRAY_LEN(signal_names); i++)
                if (signal_names[i] && strcasecmp(signal_names[i] + 3, name) == 0)
                        return (int)i;
        return signal_from_digits(name);
}

ExitClass reason_class(const char *text)
{
        if (strcmp(text, "normal") == 0)
                return EXIT_CLASS_NORMAL;
        if (strcmp(text, "shutdown") == 0 || strncmp(text, "{shutdown,", strlen("{shutdown,")) == 0)
                return EXIT_CLASS_SHUTDOWN;
        return EXIT_CLASS_ABNORMAL;
}

static void set_text(char text[REASON_BYTES], const char *format, ...) _printf_(2, 3);

static void set_text(char text[REASON_BYTES], const char *format, ...)
{
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, REASON_BYTES, format, args);
        va_end(args);
}

static bool is_success(const EndFacts *facts)
{
        if (facts->code != CLD_EXITED)
                return false;
        if (facts->status == 0)
                return true;
        for (size_t i = 0; i < facts->success_exit_count; i++)
                if (facts->success_exit[i] == facts->status)
                        return true;
        return false;
}

static bool is_killed_by(const EndFacts *facts, int signo)
{
        return facts->code != CLD_EXITED && facts->status == signo;
}

/* An end in the course of a stop that needs no word: the child obeyed. */
static bool is_obedient(const EndFacts *facts)
{
        if (facts->was_watchdog)
                return false;
        if (facts->code == CLD_EXITED)
                return is_success(facts) || facts->status == STATUS_OF_SIGTERM;
        return is_killed_by(facts, SIGTERM) || is_killed_by(facts, facts->stop_signal);
}

/* The rows that hold whatever was under way; the class is that of a running process. */
static void translate_running(const EndFacts *facts, Reason *reason)
{
        bool has_core = facts->dumped_core || facts->code == CLD_DUMPED;

        if (facts->was_watchdog) {
                set_text(reason->text, "watchdog");
                set_text(reason->detail, "WATCHDOG=1 stayed out for too long");
        } else if (facts->was_oom && is_killed_by(facts, SIGKILL)) {
                set_text(reason->text, "oom");
                set_text(reason->detail, "killed for using more memory than its cgroup may");
        } else if (is_success(facts)) {
                set_text(reason->text, "normal");
        } else if (facts->code == CLD_EXITED) {
                set_text(reason->text, "{exit_status,%d}", facts->status);
        } else if (is_killed_by(facts, SIGTERM)) {
                set_text(reason->text, "shutdown");
        } else if (is_killed_by(facts, SIGKILL)) {
                set_text(reason->text, "killed");
        } else {
                set_text(reason->text, "{signal,'%s'%s}", signal_name(facts->status),
                         has_core ? ",core" : "");
        }
        reason->how = reason_class(reason->text);
}

static void translate_not_spawned(const EndFacts *facts, Reason *reason)
{
        const char *errno_name = strerrorname_np(facts->spawn_errno);

        if (errno_name)
                set_text(reason->text, "{exec,'%s'}", errno_name);
        else
                set_text(reason->text, "{exec,%d}", facts->spawn_errno);
        set_text(reason->detail, "%s%s%s failed: %s", spawn_step_name(facts->spawn_step),
                 facts->spawn_path ? " of " : "", facts->spawn_path ? facts->spawn_path : "",
                 strerrordesc_np(facts->spawn_errno) ? strerrordesc_np(facts->spawn_errno)
                                                     : "unknown error");
        reason->how = EXIT_CLASS_START;
}

static void translate_starting(const EndFacts *facts, Reason *reason)
{
        Reason inner = {0};

        translate_running(facts, &inner);
        set_text(reason->text, "{start,%.*s}", (int)(REASON_BYTES - sizeof("{start,}")),
                 inner.text);
        set_text(reason->detail, "ended before it was ready");
        reason->how = EXIT_CLASS_START;
}

static void translate_start_timeout(Reason *reason)
{
        set_text(reason->text, "{start,timeout}");
        set_text(reason->detail, "was not ready within its start_timeout");
        reason->how = EXIT_CLASS_START;
}

static void translate_stopping(const EndFacts *facts, Reason *reason)
{
        if (facts->phase == END_PHASE_KILLING && is_killed_by(facts, SIGKILL)) {
                set_text(reason->text, "killed");
                reason->is_forced = !facts->is_brutal;
                if (reason->is_forced)
                        set_text(reason->detail, "did not stop within its shutdown time");
        } else if (is_obedient(facts)) {
                set_text(reason->text, "shutdown");
        } else {
                translate_running(facts, reason);
                reason->is_shutdown_error = true;
        }
        reason->how = EXIT_CLASS_SHUTDOWN;
}

void reason_translate(const EndFacts *facts, Reason *ret_reason)
{
        bool is_stop = facts->phase == END_PHASE_STOPPING || facts->phase == END_PHASE_KILLING;
        Reason reason = {0};

        assert(facts->phase > END_PHASE_NONE && facts->phase < END_PHASE_COUNT);

        if (facts->code == 0) {
                translate_not_spawned(facts, &reason);
                /* A stop that came too late for the spawn: nothing is left to be started again. */
                reason.is_shutdown_error = is_stop;
                if (is_stop)
                        reason.how = EXIT_CLASS_SHUTDOWN;
        } else if (facts->was_start_timeout) {
                translate_start_timeout(&reason);
        } else if (is_stop) {
                translate_stopping(facts, &reason);
        } else if (facts->phase == END_PHASE_STARTING) {
                translate_starting(facts, &reason);
        } else {
                translate_running(facts, &reason);
        }
        *ret_reason = reason;
}
