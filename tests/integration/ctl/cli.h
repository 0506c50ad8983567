#pragma once
/*
 * genctl as a user runs it, beside a server that does as it is told:
 *
 *      Cli *cli = cli_new();
 *
 *      server_start(cli, "{'ping': {'result': {'pong': true, 'node': 'a@b'}}}");
 *      run(cli, "ping");
 *      assert_exit(cli, 0);
 *
 * Scripts are JSON with ' for ". Everything lives in a private folder, which goes with cli_free().
 *
 * Context: one thread; one genctl and one server at a time.
 */

#include "tests/support/test-main.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_DEADLINE_MSEC 30000

typedef struct Cli Cli;

Cli *cli_new(void);
void cli_free(Cli *cli);

/* cli_socket() - where the server listens and genctl asks; cli_dir() - the private folder. */
const char *cli_socket(const Cli *cli);
const char *cli_dir(const Cli *cli);

/* cli_env() - one more NAME=VALUE for the genctl to come. Its environment is empty but for these,
 * GEND_SOCKET and PATH. */
void cli_env(Cli *cli, const char *assignment);

/* cli_on_terminal() - stdout of the genctl to come is a terminal of that width. */
void cli_on_terminal(Cli *cli, unsigned short width);

/* ---------------------------------------------------------------------------------- the server */

/* server_start() - returns once it listens. */
void server_start(Cli *cli, const char *script);

/* server_kill() - kill -9, and gone. */
void server_kill(Cli *cli);

/* server_request() - waits for the next request that came. Return: "METHOD PARAMS", borrowed until
 * the next call. */
const char *server_request(Cli *cli);

/* server_requests_left() - requests that came and were not asked for yet; the server is ended. */
size_t server_requests_left(Cli *cli);

/* -------------------------------------------------------------------------------------- genctl */

/* run() - genctl with these words to its end. */
#define run(cli, ...) cli_run(cli, (const char *const[]){__VA_ARGS__, NULL})
void cli_run(Cli *cli, const char *const words[]);

/* begin(), finish() - the same in two steps. */
#define begin(cli, ...) cli_begin(cli, (const char *const[]){__VA_ARGS__, NULL})
void cli_begin(Cli *cli, const char *const words[]);
void finish(Cli *cli);

/* type_keys() - on its terminal; interrupt() - a signal to genctl. */
void type_keys(Cli *cli, const char *keys);
void interrupt(Cli *cli, int signo);

/* await_output() - reads until stdout holds @text; the test fails when genctl ends before. */
void await_output(Cli *cli, const char *text);

/* What it has written up to now, and how it ended (minus the signal). */
const char *out_of(const Cli *cli);
const char *err_of(const Cli *cli);
int status_of(const Cli *cli);
uint64_t msec_of(const Cli *cli);

void cli_failed(const Cli *cli, const char *file, int line, const char *what)
        __attribute__((noreturn));

#define assert_that(cli, condition)                                      \
        do {                                                             \
                if (!(condition))                                        \
                        cli_failed(cli, __FILE__, __LINE__, #condition); \
        } while (0)
#define assert_exit(cli, status)    assert_that(cli, status_of(cli) == (status))
#define assert_out(cli, text)       assert_that(cli, strcmp(out_of(cli), text) == 0)
#define assert_out_has(cli, text)   assert_that(cli, strstr(out_of(cli), text))
#define assert_out_lacks(cli, text) assert_that(cli, !strstr(out_of(cli), text))
#define assert_err(cli, text)       assert_that(cli, strcmp(err_of(cli), text) == 0)
#define assert_err_has(cli, text)   assert_that(cli, strstr(err_of(cli), text))
