#pragma once
/*
 * A real gend in a private folder, driven from outside as an operator would: tree file, signals,
 * JSON-RPC. What a test says reads like a script:
 *
 *      Harness *h = harness_start(TREE(APP("app", "", TOY("a", "") TOY("b", ""))));
 *
 *      kill_child(h, "app/a", SIGKILL);
 *      expect(h, "exited", "app/a", "killed");
 *      expect(h, "ready", "app/a", NULL);
 *      harness_stop(h);
 *
 * Nothing here sleeps: each expectation waits for an event, with one generous deadline, and a
 * failure prints the events, the tree and what gend logged. When a test dies, a guardian ends all
 * that it started. All returned JSON is borrowed and lives as long as the harness.
 *
 * Context: one thread.
 */

#include "tests/support/test-main.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A tree in JSON with ' for " and two words replaced: @TOY@ the toy program, @DIR@ the private
 * folder. A comma before ] or } goes, so that children stand side by side. "more" is further
 * members, each with a comma before it: ",'restart':'transient'". */
#define TREE(apps)            "{'node':'test@localhost','applications':[" apps "]}"
#define APP(name, more, list) "{'name':'" name "'" more ",'children':[" list "]},"
#define SUP(name, more, list) APP(name, more, list)
#define SIN(name, sins, more) \
        "{'name':'" name "','exec':['@TOY@','" name "','" sins "'],'ready':'notify'" more "},"
#define TOY(name, more) SIN(name, "ready", more)

#define ONE_FOR_ALL  ",'strategy':'one_for_all'"
#define REST_FOR_ONE ",'strategy':'rest_for_one'"
#define SIMPLE       ",'strategy':'simple_one_for_one'"
#define TRANSIENT    ",'restart':'transient'"
#define TEMPORARY    ",'restart':'temporary'"

#define HARNESS_DEADLINE_MSEC 60000
#define HARNESS_TCASE_SECONDS 110

typedef struct Harness Harness;

/* ------------------------------------------------------------------------------- gend's life */

/* harness_start() - gend with this tree, ready. */
Harness *harness_start(const char *tree);

/**
 * harness_launch() - the same in steps
 * @tree:      NULL: no tree file is written
 * @arguments: further arguments of gend, NULL terminated; NULL: none
 *
 * Returns before gend is ready.
 */
Harness *harness_launch(const char *tree, const char *const arguments[]);

/* harness_new() - a private folder and its guardian, and no gend yet; then harness_run(). */
Harness *harness_new(void);
void harness_run(Harness *h, const char *tree, const char *const arguments[]);

void harness_wait_ready(Harness *h);

/* harness_stop() - SIGTERM; gend must exit with 0 and leave nothing. Frees the harness. */
void harness_stop(Harness *h);

/* harness_await_exit() - waits for gend's end. Return: exit status, or minus the signal. */
int harness_await_exit(Harness *h);

/* harness_free() - gend has ended (after harness_await_exit()): nothing may be left. */
void harness_free(Harness *h);

/* harness_lives_for() - gend goes on for this long: for what must be seen not to happen, or to be
 * over. */
void harness_lives_for(Harness *h, int msec);

/* harness_signal() - to gend itself. */
void harness_signal(Harness *h, int signo);

pid_t harness_pid(const Harness *h);
const char *harness_dir(const Harness *h);
const char *harness_socket(const Harness *h);

/* harness_env() - one more NAME=VALUE for the gend to come. */
void harness_env(Harness *h, const char *assignment);

/* harness_wrap() - the gend to come is run by this command, space separated ("prlimit
 * --nofile=64"). */
void harness_wrap(Harness *h, const char *command);

/* harness_become() - the gend to come runs as this user, what was wrapped before included; root
 * only. */
void harness_become(Harness *h, uid_t uid);

/* harness_service_pid() - the pid of gend-supervisor or gend-log; waits until there is one. */
pid_t harness_service_pid(Harness *h, const char *program);

/* harness_kill_service() - kill -9, then wait until it is gone. Return: the pid it had. */
pid_t harness_kill_service(Harness *h, const char *program);

/* harness_write_tree() - replaces the tree file. */
void harness_write_tree(Harness *h, const char *tree);

/* harness_reset_ready() - forget the READY=1 of an earlier gend. */
void harness_reset_ready(Harness *h);

/* harness_log() - what gend and its services wrote to stderr; malloc'ed. */
char *harness_log(Harness *h);

/* harness_count() - processes that carry this instance's marker. */
int harness_count(Harness *h);

/* harness_expect_logged() - waits until gend or a service of its has said this. */
void harness_expect_logged(Harness *h, const char *text);

/* harness_expect_count() - waits until as many processes carry the marker: gend, its two services,
 * and what they have started. */
void harness_expect_count(Harness *h, int count);

/* harness_expect_nobody() - waits until no process carries the marker. */
void harness_expect_nobody(Harness *h);

/* harness_run_program() - a program to its end; its output, malloc'ed, in *ret_text when not NULL.
 * Return: exit status, or minus the signal. */
int harness_run_program(Harness *h, const char *const argv[], char **ret_text);

/* Paths of the programs under test. */
const char *harness_gend(void);
const char *harness_genctl(void);
const char *harness_toy(void);
const char *harness_rpcat(void);

/* ------------------------------------------------------------------------------ requests */

/* harness_failed() - print all there is to know, and fail the test. */
_Noreturn void harness_failed(Harness *h, const char *file, int line, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* ck_assert with the dump. */
#define check(h, condition)                                                      \
        do {                                                                     \
                if (!(condition))                                                \
                        harness_failed(h, __FILE__, __LINE__, "%s", #condition); \
        } while (0)

#define check_int(h, expr, expected)                                                              \
        do {                                                                                      \
                long long got_ = (expr), want_ = (expected);                                      \
                if (got_ != want_)                                                                \
                        harness_failed(h, __FILE__, __LINE__, "%s is %lld, expected %lld", #expr, \
                                       got_, want_);                                              \
        } while (0)

#define check_str(h, expr, expected)                                                             \
        do {                                                                                     \
                const char *got_ = (expr), *want_ = (expected);                                  \
                if (!got_ || !want_ || strcmp(got_, want_) != 0)                                 \
                        harness_failed(h, __FILE__, __LINE__, "%s is \"%s\", expected \"%s\"",   \
                                       #expr, got_ ? got_ : "(null)", want_ ? want_ : "(null)"); \
        } while (0)

/* ctl() - the result of a request, which must succeed. Parameters: JSON text with ' for ", printf
 * style. */
#define ctl(h, method, ...) ctl_at(h, __FILE__, __LINE__, method, __VA_ARGS__)
json_t *ctl_at(Harness *h, const char *file, int line, const char *method, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

/* ctl_fails() - the error object of a request that must fail with @code. */
#define ctl_fails(h, code, method, ...) ctl_fails_at(h, __LINE__, code, method, __VA_ARGS__)
json_t *ctl_fails_at(Harness *h, int line, int code, const char *method, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

/* ctl_error() - the same, whatever the code. */
#define ctl_error(h, method, ...) ctl_fails_at(h, __LINE__, 0, method, __VA_ARGS__)

/* error_text() - an error's "message". error_has_candidate() - whether it names @path among those.
 */
const char *error_text(const json_t *error);
bool error_has_candidate(const json_t *error, const char *path);

/* ctl_begin(), ctl_end() - the same for requests that take their time. ctl_end() returns the whole
 * reply: {"result": ...} or {"error": ...}. */
typedef struct CtlCall CtlCall;
CtlCall *ctl_begin(Harness *h, const char *method, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
json_t *ctl_end(Harness *h, CtlCall *call);

/* ctl_raw() - the reply to whatever text; NULL when none came within @timeout_msec. malloc'ed. */
char *ctl_raw(Harness *h, const char *text, size_t size, int timeout_msec);

/* ------------------------------------------------------------------------------- the tree */

/* node() - `status` of a path. */
json_t *node(Harness *h, const char *path);
const char *node_str(Harness *h, const char *path, const char *member);
json_int_t node_int(Harness *h, const char *path, const char *member);
pid_t child_pid(Harness *h, const char *path);
bool node_exists(Harness *h, const char *path);

/* expect_state() - waits until the node is in this state. */
#define expect_state(h, path, state) expect_state_at(h, __LINE__, path, state)
void expect_state_at(Harness *h, int line, const char *path, const char *state);

/* expect_new_pid() - waits until the node runs with another pid than @old. Return: that pid. */
#define expect_new_pid(h, path, old) expect_new_pid_at(h, __LINE__, path, old)
pid_t expect_new_pid_at(Harness *h, int line, const char *path, pid_t old);

/* expect_gone() - waits until there is no such node. */
#define expect_gone(h, path) expect_gone_at(h, __LINE__, path)
void expect_gone_at(Harness *h, int line, const char *path);

/* expect_dropped() - waits until a temporary child that ended is forgotten. */
#define expect_dropped(h, path) expect_gone_at(h, __LINE__, path)

/* kill_child() - from outside, as an operator with kill(1). Return: the pid it had. */
pid_t kill_child(Harness *h, const char *path, int signo);

/* expect_dead() - waits until @pid is gone, zombies included. */
void expect_dead(Harness *h, pid_t pid);
bool is_alive(pid_t pid);

/* expect_reaped() - waits until gend has looked at that death, too. */
void expect_reaped(Harness *h, pid_t pid);

/* ------------------------------------------------------------------------------- events */

/* expect() - the next such event after the one that was expected last. NULL: any path, reason. */
#define expect(h, event, path, reason) expect_at(h, __LINE__, event, path, reason)
json_t *expect_at(Harness *h, int line, const char *event, const char *path, const char *reason);

/* events_mark(), events_rewind() - where expect() goes on; for events whose order is not fixed. */
size_t events_mark(Harness *h);
void events_rewind(Harness *h, size_t mark);

/* events_count() - such events among all that gend has up to this moment, from @mark on. */
int events_count(Harness *h, size_t mark, const char *event, const char *path);

/* events_check_gapless() - seq grows by one from event to event. */
void events_check_gapless(Harness *h);

/* ---------------------------------------------------------------- what the toys left behind */

/* The record since the last record_clear() as "a+ b+ b- b. a- a.". */
void record_clear(Harness *h);
const char *record_text(Harness *h);

/* expect_record() - waits until the record is exactly this. */
#define expect_record(h, text) expect_record_at(h, __LINE__, text)
void expect_record_at(Harness *h, int line, const char *text);

/* record_wait() - waits for the @nth (from 1) such word. Return: the pid that wrote it. */
#define record_wait(h, word, nth) record_wait_at(h, __LINE__, word, nth)
pid_t record_wait_at(Harness *h, int line, const char *word, int nth);

/* record_count() - how often the word stands in the record by now. */
int record_count(Harness *h, const char *word);

/* record_usec() - when the @nth such word was written; monotonic. It must be there. */
uint64_t record_usec(Harness *h, const char *word, int nth);

/* Files in the private folder, which steer the toys. */
void touch(Harness *h, const char *name);
void untouch(Harness *h, const char *name);
bool is_there(Harness *h, const char *name);

/* expect_file() - waits until there is such a file. Return: its text. */
const char *expect_file(Harness *h, const char *name);

/* harness_case() - a TCase with the fixture that ends what a failed test left. */
TCase *harness_case(const char *name);
