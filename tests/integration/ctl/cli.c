/*
 * Owns the processes of a test of genctl: genctl itself, the server that plays gend, and the bytes
 * between them and the test. Refuses to judge. Called by the tests beside it.
 */

#include "tests/integration/ctl/cli.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/usec.h"

#define ENV_MAX   16
#define WORDS_MAX 32

typedef struct Text {
        char *data;
        size_t size;
} Text;

struct Cli {
        char dir[64];
        char socket[96];
        char *env[ENV_MAX];
        size_t env_count;
        unsigned short width; /* 0: no terminal */

        pid_t server;
        int server_out;
        Text server_text;
        size_t server_read; /* of server_text: handed to the test */
        char line[4096];

        pid_t genctl;
        int out, err; /* read ends; of a terminal its master */
        Text out_text, err_text;
        usec_t begun_usec, ended_usec;
        int status;
};

static void text_append(Text *text, const char *data, size_t size)
{
        text->data = realloc(text->data, text->size + size + 1);
        ck_assert_ptr_nonnull(text->data);
        memcpy(text->data + text->size, data, size);
        text->size += size;
        text->data[text->size] = '\0';
}

/* Return: whether there may be more. */
static bool text_read(Text *text, int *fd)
{
        char data[8192];
        ssize_t size = read(*fd, data, sizeof(data));

        if (size > 0) {
                text_append(text, data, (size_t)size);
                return true;
        }
        *fd = close_fd(*fd);
        return false;
}

Cli *cli_new(void)
{
        Cli *cli = calloc(1, sizeof(*cli));

        ck_assert_ptr_nonnull(cli);
        (void)snprintf(cli->dir, sizeof(cli->dir), "/tmp/genctl-test.XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(cli->dir));
        (void)snprintf(cli->socket, sizeof(cli->socket), "%s/ctl.sock", cli->dir);
        cli->server_out = cli->out = cli->err = -1;
        cli_env(cli, "PATH=/usr/bin:/bin");
        cli_env(cli, "TZ=UTC");
        return cli;
}

static void end(pid_t *pid)
{
        if (*pid > 0) {
                (void)kill(*pid, SIGKILL);
                (void)waitpid(*pid, NULL, 0);
        }
        *pid = 0;
}

void cli_free(Cli *cli)
{
        end(&cli->genctl);
        end(&cli->server);
        (void)close_fd(cli->server_out);
        (void)close_fd(cli->out);
        (void)close_fd(cli->err);
        (void)unlink(cli->socket);
        (void)rmdir(cli->dir);
        for (size_t i = 0; i < cli->env_count; i++)
                free(cli->env[i]);
        free(cli->server_text.data);
        free(cli->out_text.data);
        free(cli->err_text.data);
        free(cli);
}

const char *cli_socket(const Cli *cli)
{
        return cli->socket;
}

const char *cli_dir(const Cli *cli)
{
        return cli->dir;
}

void cli_env(Cli *cli, const char *assignment)
{
        ck_assert_uint_lt(cli->env_count, ENV_MAX - 1);
        cli->env[cli->env_count++] = strdup(assignment);
}

void cli_on_terminal(Cli *cli, unsigned short width)
{
        cli->width = width;
}

static const char *program(const char *variable)
{
        const char *path = getenv(variable);

        ck_assert_msg(path && access(path, X_OK) == 0, "$%s names no program", variable);
        return path;
}

static void open_pipe(int ends[2])
{
        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

/* -------------------------------------------------------------------------------------- server */

static void wait_readable(const Cli *cli, int fd, const char *what)
{
        struct pollfd item = {.fd = fd, .events = POLLIN};

        if (poll(&item, 1, CLI_DEADLINE_MSEC) != 1)
                cli_failed(cli, __FILE__, __LINE__, what);
}

static bool next_line(Cli *cli)
{
        const char *from = cli->server_text.data, *feed;

        if (!from)
                return false;
        from += cli->server_read;
        feed = strchr(from, '\n');
        if (!feed)
                return false;
        (void)snprintf(cli->line, sizeof(cli->line), "%.*s", (int)(feed - from), from);
        cli->server_read += (size_t)(feed - from) + 1;
        return true;
}

const char *server_request(Cli *cli)
{
        while (!next_line(cli)) {
                wait_readable(cli, cli->server_out, "no request came");
                if (!text_read(&cli->server_text, &cli->server_out))
                        cli_failed(cli, __FILE__, __LINE__, "the server has ended");
        }
        return cli->line;
}

size_t server_requests_left(Cli *cli)
{
        size_t count = 0;

        server_kill(cli);
        while (next_line(cli))
                count++;
        return count;
}

static char *with_quotes(const char *script)
{
        char *text = strdup(script);

        ck_assert_ptr_nonnull(text);
        for (char *p = text; *p; p++)
                if (*p == '\'')
                        *p = '"';
        return text;
}

void server_start(Cli *cli, const char *script)
{
        _cleanup_(freep) char *text = with_quotes(script);
        char *path = strdup(program("GENCTL_FAKE_SERVER"));
        char *argv[] = {path, cli->socket, text, NULL};
        posix_spawn_file_actions_t actions;
        int ends[2];

        end(&cli->server);
        cli->server_out = close_fd(cli->server_out);
        open_pipe(ends);
        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        ck_assert_int_eq(posix_spawn(&cli->server, path, &actions, NULL, argv, environ), 0);
        (void)posix_spawn_file_actions_destroy(&actions);
        (void)close(ends[1]);
        free(path);
        cli->server_out = ends[0];
        ck_assert_str_eq(server_request(cli), "listening");
}

void server_kill(Cli *cli)
{
        end(&cli->server);
        while (cli->server_out >= 0 && text_read(&cli->server_text, &cli->server_out))
                continue;
}

/* -------------------------------------------------------------------------------------- genctl */

static void open_terminal(const Cli *cli, int ends[2])
{
        struct winsize size = {.ws_row = 24, .ws_col = cli->width};
        struct termios raw;

        ck_assert_int_eq(openpty(&ends[0], &ends[1], NULL, NULL, &size), 0);
        (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
        (void)tcgetattr(ends[1], &raw);
        raw.c_oflag &= (tcflag_t)~OPOST;
        (void)tcsetattr(ends[1], TCSANOW, &raw);
}

static void build_environment(const Cli *cli, char *socket, size_t size, char *env[])
{
        size_t count = 0;

        for (; count < cli->env_count; count++)
                env[count] = cli->env[count];
        (void)snprintf(socket, size, "GEND_SOCKET=%s", cli->socket);
        env[count++] = socket;
        env[count] = NULL;
}

void cli_begin(Cli *cli, const char *const words[])
{
        char *path = strdup(program("GENCTL_BIN")), *argv[WORDS_MAX] = {path};
        char *env[ENV_MAX + 1], socket[128];
        posix_spawn_file_actions_t actions;
        int out[2], err[2];

        for (size_t i = 0; words[i]; i++) {
                ck_assert_uint_lt(i, WORDS_MAX - 2);
                argv[i + 1] = strdup(words[i]);
        }
        build_environment(cli, socket, sizeof(socket), env);
        if (cli->width > 0)
                open_terminal(cli, out);
        else
                open_pipe(out);
        open_pipe(err);
        (void)posix_spawn_file_actions_init(&actions);
        if (cli->width > 0)
                (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDIN_FILENO);
        (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
        (void)posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
        cli->begun_usec = now_usec();
        ck_assert_int_eq(posix_spawn(&cli->genctl, path, &actions, NULL, argv, env), 0);
        (void)posix_spawn_file_actions_destroy(&actions);
        (void)close(out[1]);
        (void)close(err[1]);
        for (size_t i = 0; argv[i]; i++)
                free(argv[i]);
        free(cli->out_text.data);
        free(cli->err_text.data);
        cli->out_text = cli->err_text = (Text){0};
        text_append(&cli->out_text, "", 0);
        text_append(&cli->err_text, "", 0);
        cli->out = out[0];
        cli->err = err[0];
}

/* Return: whether there may be more. */
static bool read_some(Cli *cli)
{
        struct pollfd items[] = {{.fd = cli->out, .events = POLLIN},
                                 {.fd = cli->err, .events = POLLIN}};

        if (cli->out < 0 && cli->err < 0)
                return false;
        if (poll(items, 2, CLI_DEADLINE_MSEC) <= 0)
                cli_failed(cli, __FILE__, __LINE__, "genctl neither writes nor ends");
        if (items[0].revents)
                (void)text_read(&cli->out_text, &cli->out);
        if (items[1].revents)
                (void)text_read(&cli->err_text, &cli->err);
        return true;
}

void await_output(Cli *cli, const char *text)
{
        while (!strstr(cli->out_text.data, text))
                if (!read_some(cli))
                        cli_failed(cli, __FILE__, __LINE__, text);
}

void finish(Cli *cli)
{
        int status;

        while (read_some(cli))
                continue;
        ck_assert_int_eq(waitpid(cli->genctl, &status, 0), cli->genctl);
        cli->genctl = 0;
        cli->ended_usec = now_usec();
        cli->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void cli_run(Cli *cli, const char *const words[])
{
        cli_begin(cli, words);
        finish(cli);
}

void type_keys(Cli *cli, const char *keys)
{
        ck_assert_int_eq(write(cli->out, keys, strlen(keys)), (ssize_t)strlen(keys));
}

void interrupt(Cli *cli, int signo)
{
        ck_assert_int_eq(kill(cli->genctl, signo), 0);
}

const char *out_of(const Cli *cli)
{
        return cli->out_text.data;
}

const char *err_of(const Cli *cli)
{
        return cli->err_text.data;
}

int status_of(const Cli *cli)
{
        return cli->status;
}

uint64_t msec_of(const Cli *cli)
{
        return usec_sub(cli->ended_usec, cli->begun_usec) / USEC_PER_MSEC;
}

void cli_failed(const Cli *cli, const char *file, int line, const char *what)
{
        ck_abort_msg("%s:%d: %s\nstatus %d after %llu ms\nstdout: <%s>\nstderr: <%s>\nserver: <%s>",
                     file, line, what, cli->status, (unsigned long long)msec_of(cli),
                     cli->out_text.data ? cli->out_text.data : "",
                     cli->err_text.data ? cli->err_text.data : "",
                     cli->server_text.data ? cli->server_text.data : "");
        __builtin_unreachable();
}
