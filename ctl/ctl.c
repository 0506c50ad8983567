/*
 * Owns the small things that every verb needs: telling an error, reading members of JSON objects,
 * printing JSON.
 */

#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/out.h"

/* Context: the format is ours, what fills it may not be. */
static int _printf_(4, 0)
        tell(const Ctl *ctl, int status, json_t *take_data, const char *format, va_list args)
{
        _cleanup_(freep) char *text = NULL;
        json_auto_t *data = take_data ? take_data : json_object();
        json_auto_t *error = NULL;

        if (vasprintf(&text, format, args) < 0)
                return status;
        if (!ctl->options.is_json) {
                (void)fputs("genctl: ", stderr);
                out_text_to(stderr, text);
                (void)fputc('\n', stderr);
                return status;
        }
        (void)json_object_set_new(data, "exit", json_integer(status));
        error = json_pack("{s:n, s:s%, s:O}", "code", "message", text, strlen(text), "data", data);
        if (!error)
                error = json_pack("{s:n, s:s, s:O}", "code", "message", "failed", "data", data);
        (void)json_dumpf(error, stderr, JSON_COMPACT);
        (void)fputc('\n', stderr);
        return status;
}

int ctl_fail_with(const Ctl *ctl, int status, json_t *take_data, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = tell(ctl, status, take_data, format, args);
        va_end(args);
        return r;
}

int ctl_fail(const Ctl *ctl, int status, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = tell(ctl, status, NULL, format, args);
        va_end(args);
        return r;
}

int ctl_fail_memory(const Ctl *ctl)
{
        return ctl_fail(ctl, CTL_EXIT_FAILED, "out of memory");
}

const char *get_text(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

const char *get_text_or(const json_t *object, const char *key, const char *missing)
{
        const char *text = get_text(object, key);

        return text ? text : missing;
}

json_int_t get_int(const json_t *object, const char *key)
{
        return json_integer_value(json_object_get(object, key));
}

bool get_bool(const json_t *object, const char *key)
{
        return json_is_true(json_object_get(object, key));
}

bool has_int(const json_t *object, const char *key)
{
        return json_is_integer(json_object_get(object, key));
}

void print_json(const json_t *value)
{
        (void)json_dumpf(value, stdout,
                         JSON_ENCODE_ANY | (out_is_terminal() ? JSON_INDENT(2) : JSON_COMPACT));
        (void)fputc('\n', stdout);
}

void print_json_line(const json_t *value)
{
        (void)json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
        (void)fputc('\n', stdout);
        (void)fflush(stdout);
}
