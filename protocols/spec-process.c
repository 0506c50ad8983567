/*
 * Owns the keys of an OS process: its program, how it gets ready and stops, who it runs as, where
 * its output goes. Looks programs and users up; starts nothing.
 */

#include "protocols/spec-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocols/reason.h"
#include "protocols/record.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define FILE_BYTES   (sizeof(((RecordLog *)NULL)->file) - 1)

/* Return: 0; -EISDIR, -EACCES for what is there but no program; or what stat said. */
static int program_check(const char *file)
{
        struct stat st;

        if (stat(file, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) < 0)
                return -EACCES;
        return 0;
}

/* @name in the folder of @size bytes at @at, if it is a program there; otherwise NULL. */
static char *program_in(SpecReader *reader, const char *at, size_t size, const char *name)
{
        char *file = NULL;

        if (*at != '/') /* a relative one would depend on where gend was started */
                return NULL;
        if (asprintf(&file, "%.*s/%s", (int)size, at, name) < 0) {
                reader->is_out_of_memory = true;
                return NULL;
        }
        if (program_check(file) == 0)
                return file;
        free(file);
        return NULL;
}

/* The first executable @name in $PATH; NULL when there is none. */
static char *program_in_path(SpecReader *reader, const char *name)
{
        const char *at = getenv("PATH");
        char *file = NULL;

        if (!at || !*at)
                at = DEFAULT_PATH;
        while (*at && !file) {
                size_t size = strcspn(at, ":");

                file = program_in(reader, at, size, name);
                at += size + (at[size] == ':');
        }
        return file;
}

static void fault_program(SpecReader *reader, const char *file, int r, bool was_searched)
{
        const char *why = r == -EISDIR   ? "it is a directory"
                          : r == -EACCES ? "it may not be executed"
                                         : strerrordesc_np(-r);

        spec_fault(reader, "missing program %.300s: %s%s; expected an executable file", file,
                   why ? why : "it cannot be read",
                   was_searched ? ", and there is none in $PATH" : "");
}

/* @name as the tree file has it. A fault names the absolute path that was tried. */
static void read_program(SpecReader *reader, const char *name, ProcessSpec *process)
{
        _cleanup_(freep) char *file = NULL;
        bool has_slash = strchr(name, '/') != NULL;
        char *found;
        int r;

        if (!*name) {
                spec_fault(reader, "expected a program, found an empty string");
                return;
        }
        if (reader->last_file && strcmp(name, reader->last_program) == 0) {
                process->file = spec_strdup(reader, reader->last_file);
                return;
        }
        file = spec_resolve(reader, name);
        if (!file)
                return;
        r = program_check(file);
        if (r < 0 && !has_slash) {
                found = program_in_path(reader, name);
                if (found) {
                        free(file);
                        file = found;
                        r = 0;
                }
        }
        if (r < 0 && !reader->was_accepted) {
                fault_program(reader, file, r, !has_slash);
                return;
        }
        spec_set_text(reader, &reader->last_file, file);
        reader->last_program = name;
        process->file = steal_ptr(file);
}

static bool read_argument(SpecReader *reader, json_t *value, size_t index, char **argument)
{
        const char *text;
        size_t mark = spec_path_enter_index(&reader->path, index);
        bool is_right = spec_read_string(reader, value,
                                         "a string (numbers too are written in quotes)", &text);

        spec_path_leave(&reader->path, mark);
        if (is_right)
                *argument = spec_strdup(reader, text);
        return is_right && *argument;
}

/* A list: the program and its arguments. */
static void read_command(SpecReader *reader, json_t *list, ProcessSpec *process)
{
        size_t count = json_array_size(list), bytes = 0, mark;

        if (count == 0) {
                spec_fault(reader, "expected a program, found an empty list");
                return;
        }
        if (count > LIMIT_ARGS) {
                spec_fault(reader, "%zu arguments: expected at most %u", count, LIMIT_ARGS);
                return;
        }
        process->argv = spec_calloc(reader, count + 1, sizeof(process->argv[0]));
        for (size_t i = 0; process->argv && i < count; i++) {
                if (!read_argument(reader, json_array_get(list, i), i, &process->argv[i]))
                        return;
                bytes += strlen(process->argv[i]) + 1;
        }
        if (bytes > LIMIT_SPAWN_BYTES / 2)
                spec_fault(reader, "%zu bytes of arguments: expected at most %u", bytes,
                           LIMIT_SPAWN_BYTES / 2);
        if (!process->argv)
                return;
        mark = spec_path_enter_index(&reader->path, 0);
        read_program(reader, json_string_value(json_array_get(list, 0)), process);
        spec_path_leave(&reader->path, mark);
}

void spec_row_exec(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;

        if (process->argv) /* "worker" stands there too, which is a fault already */
                return;
        if (json_is_array(value))
                read_command(reader, value, process);
        else
                spec_expected(reader, value, "a list like [\"program\", \"argument\"]");
}

void spec_row_worker(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;

        if (process->argv) /* as above */
                return;
        if (json_is_array(value)) {
                read_command(reader, value, process);
                return;
        }
        if (!json_is_string(value)) {
                spec_expected(reader, value,
                              "a program, or a list like [\"program\", \"argument\"]");
                return;
        }
        process->argv = spec_calloc(reader, 2, sizeof(process->argv[0]));
        if (!process->argv)
                return;
        process->argv[0] = spec_strdup(reader, json_string_value(value));
        read_program(reader, json_string_value(value), process);
}

void spec_row_ready(SpecReader *reader, json_t *value, void *field)
{
        static const char *const words[] = {NULL, "spawn", "notify"};
        unsigned word = spec_read_word(reader, value, words, ARRAY_LEN(words));

        if (word > 0)
                *(ReadyMode *)field = (ReadyMode)word;
}

void spec_row_stop_signal(SpecReader *reader, json_t *value, void *field)
{
        int signo = 0;

        if (json_is_string(value))
                signo = signal_from_name(json_string_value(value));
        if (signo == 0)
                spec_expected(reader, value, "the name of a signal like \"SIGTERM\"");
        else
                *(int *)field = signo;
}

void spec_row_success_exit(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;
        size_t count = json_array_size(value);

        if (!json_is_array(value) || count > UINT8_MAX + 1) {
                spec_expected(reader, value, "a list of exit statuses like [0, 3]");
                return;
        }
        if (count == 0)
                return;
        process->success_exit = spec_calloc(reader, count, sizeof(process->success_exit[0]));
        for (size_t i = 0; process->success_exit && i < count; i++) {
                size_t mark = spec_path_enter_index(&reader->path, i);
                int64_t status;

                if (spec_read_integer(reader, json_array_get(value, i), 0, UINT8_MAX, &status))
                        process->success_exit[process->success_exit_count++] = (uint8_t)status;
                spec_path_leave(&reader->path, mark);
        }
}

void spec_row_cwd(SpecReader *reader, json_t *value, void *field)
{
        const char *text;

        if (!spec_read_string(reader, value, "a folder", &text))
                return;
        if (*text)
                *(char **)field = spec_resolve(reader, text);
        else
                spec_fault(reader, "expected a folder, found an empty string");
}

void spec_row_umask(SpecReader *reader, json_t *value, void *field)
{
        const char *text = json_string_value(value);
        size_t size = text ? strlen(text) : 0;
        int32_t mask = 0;

        if (size == 0 || size > 4 || strspn(text, "01234567") != size ||
            (size == 4 && text[0] != '0')) {
                spec_expected(reader, value, "an octal number in quotes like \"022\"");
                return;
        }
        for (; *text; text++)
                mask = mask * 8 + (*text - '0');
        *(int32_t *)field = mask;
}

void spec_row_nice(SpecReader *reader, json_t *value, void *field)
{
        int64_t nice_value;

        if (spec_read_integer(reader, value, -20, 19, &nice_value))
                *(int32_t *)field = (int32_t)nice_value;
}

void spec_row_instances(SpecReader *reader, json_t *value, void *field)
{
        int64_t count;

        if (spec_read_integer(reader, value, 1, LIMIT_INSTANCES, &count))
                *(uint32_t *)field = (uint32_t)count;
}

static void read_stdio(SpecReader *reader, json_t *value, StdioMode *mode, char **file)
{
        static const char *const words[STDIO_MODE_COUNT] = {
                [STDIO_LOG] = "log",
                [STDIO_INHERIT] = "inherit",
                [STDIO_NULL] = "null",
        };
        const char *text = json_string_value(value);

        for (unsigned i = 0; text && i < STDIO_MODE_COUNT; i++) {
                if (words[i] && strcmp(words[i], text) == 0) {
                        *mode = (StdioMode)i;
                        return;
                }
        }
        if (!text || strncmp(text, "file:", 5) != 0 || !text[5]) {
                spec_expected(reader, value, "\"log\", \"inherit\", \"null\" or \"file:PATH\"");
                return;
        }
        *file = spec_resolve(reader, text + 5);
        *mode = STDIO_FILE;
        if (*file && strlen(*file) > FILE_BYTES)
                spec_fault(reader, "this path is too long: expected at most %zu bytes", FILE_BYTES);
}

void spec_row_stdout(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;

        read_stdio(reader, value, &process->out_mode, &process->out_file);
}

void spec_row_stderr(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;

        read_stdio(reader, value, &process->err_mode, &process->err_file);
}
