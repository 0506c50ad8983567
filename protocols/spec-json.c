/*
 * Owns the way from bytes to JSON and back from a path to its line. jansson says nothing of where a
 * value stood, so the lines are found afterwards, and only when there is a fault: a walk over the
 * text that jansson has accepted keeps the same path as the reader did, and where the two are
 * equal, that is the line.
 */

#include "protocols/spec-private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void spec_path_leave(SpecPath *path, size_t mark)
{
        path->size = mark;
        path->text[mark] = '\0';
}

/* All or nothing: half a step would be a path of its own. */
static void path_append(SpecPath *path, const char *text, size_t size)
{
        if (size >= sizeof(path->text) - path->size)
                return;
        memcpy(path->text + path->size, text, size);
        path->size += size;
        path->text[path->size] = '\0';
}

static bool is_plain_key(const char *key)
{
        if (!*key)
                return false;
        for (; *key; key++)
                if (!isalnum((unsigned char)*key) && *key != '_' && *key != '-')
                        return false;
        return true;
}

size_t spec_path_enter_key(SpecPath *path, const char *key)
{
        size_t mark = path->size;
        char shown[SPEC_KEY_BYTES + 1], step[SPEC_KEY_BYTES + 8];
        int step_size;

        spec_shown(shown, sizeof(shown), key);
        if (is_plain_key(key))
                step_size = snprintf(step, sizeof(step), "%s%s", mark > 0 ? "." : "", shown);
        else
                step_size = snprintf(step, sizeof(step), "[\"%s\"]", shown);
        path_append(path, step, (size_t)step_size);
        return mark;
}

size_t spec_path_enter_index(SpecPath *path, size_t index)
{
        size_t mark = path->size;
        char step[32];
        int step_size = snprintf(step, sizeof(step), "[%zu]", index);

        path_append(path, step, (size_t)step_size);
        return mark;
}

#define LINE_IS_KNOWN SIZE_MAX

typedef struct Walk {
        const char *at;
        const char *end;
        int line;
        unsigned depth;
        SpecPath *path;
        SpecFaults *faults;         /* NULL: no lines are asked for */
        SpecReader *reader;         /* NULL: keys that stand twice are not asked for */
        size_t sizes[LIMIT_FAULTS]; /* of the faults' paths */
} Walk;

static bool walk_value(Walk *walk);

static void walk_blank(Walk *walk)
{
        while (walk->at < walk->end && strchr(" \t\r\n", *walk->at) && *walk->at) {
                if (*walk->at == '\n')
                        walk->line++;
                walk->at++;
        }
}

static bool walk_char(Walk *walk, char expected)
{
        walk_blank(walk);
        if (walk->at == walk->end || *walk->at != expected)
                return false;
        walk->at++;
        return true;
}

/* The token of a string, quotes included. */
static bool walk_string(Walk *walk, const char **ret_token, size_t *ret_size)
{
        const char *start;

        walk_blank(walk);
        start = walk->at;
        if (!walk_char(walk, '"'))
                return false;
        while (walk->at < walk->end && *walk->at != '"')
                walk->at += *walk->at == '\\' && walk->at + 1 < walk->end ? 2 : 1;
        if (walk->at == walk->end)
                return false;
        walk->at++;
        *ret_token = start;
        *ret_size = (size_t)(walk->at - start);
        return true;
}

/* Each place on the way to a fault is nearer than the last; a key that is missing has no other
 * line. */
static void walk_note(Walk *walk)
{
        size_t size = walk->path->size;

        for (size_t i = 0; walk->faults && i < walk->faults->count; i++) {
                SpecFault *fault = &walk->faults->items[i];

                if (walk->sizes[i] == LINE_IS_KNOWN || walk->sizes[i] < size ||
                    memcmp(fault->path, walk->path->text, size) != 0)
                        continue;
                if (size == 0 || strchr(".[", fault->path[size])) /* or the end */
                        fault->line = walk->line;
        }
}

/* @seen: the keys of this object so far. */
static void walk_seen(Walk *walk, json_t *seen, const char *key)
{
        if (!json_object_get(seen, key)) {
                if (json_object_set_new(seen, key, json_true()) < 0)
                        walk->reader->is_out_of_memory = true;
        } else if (spec_fault_add(walk->reader->faults, walk->line, walk->path->text,
                                  "this key stands twice in its object: expected it once") < 0) {
                walk->reader->is_out_of_memory = true;
        }
}

static bool walk_key(Walk *walk, json_t *seen, size_t *ret_mark)
{
        json_auto_t *decoded = NULL;
        const char *token;
        size_t size;

        if (!walk_string(walk, &token, &size))
                return false;
        decoded = json_loadb(token, size, JSON_DECODE_ANY, NULL);
        if (!decoded)
                return false;
        *ret_mark = spec_path_enter_key(walk->path, json_string_value(decoded));
        walk_note(walk);
        if (seen)
                walk_seen(walk, seen, json_string_value(decoded));
        return true;
}

static bool walk_object(Walk *walk)
{
        json_auto_t *seen = walk->reader ? json_object() : NULL;
        size_t mark;

        if (walk_char(walk, '}'))
                return true;
        do {
                if (!walk_key(walk, seen, &mark) || !walk_char(walk, ':') || !walk_value(walk))
                        return false;
                spec_path_leave(walk->path, mark);
        } while (walk_char(walk, ','));
        return walk_char(walk, '}');
}

static bool walk_array(Walk *walk)
{
        size_t index = 0;

        if (walk_char(walk, ']'))
                return true;
        do {
                size_t mark = spec_path_enter_index(walk->path, index++);

                walk_blank(walk);
                walk_note(walk);
                if (!walk_value(walk))
                        return false;
                spec_path_leave(walk->path, mark);
        } while (walk_char(walk, ','));
        return walk_char(walk, ']');
}

/* The path is left where it was, or, on failure, stays where the text went wrong. */
static bool walk_value(Walk *walk)
{
        const char *token;
        size_t size;
        bool is_whole;

        walk_blank(walk);
        if (walk->at == walk->end)
                return false;
        if (*walk->at == '"')
                return walk_string(walk, &token, &size);
        if (*walk->at == '{' || *walk->at == '[') {
                if (walk->depth == LIMIT_JSON_DEPTH)
                        return false;
                walk->depth++;
                is_whole = *walk->at++ == '{' ? walk_object(walk) : walk_array(walk);
                walk->depth--;
                return is_whole;
        }
        token = walk->at;
        while (walk->at < walk->end &&
               (isalnum((unsigned char)*walk->at) || strchr("+-.", *walk->at)) && *walk->at)
                walk->at++;
        /* At the very end there may have been more of it. */
        return walk->at > token && walk->at < walk->end;
}

/* In the order of the file; those of one line stay in the order in which they were found. */
static void sort_faults(SpecFaults *faults)
{
        for (size_t i = 1; i < faults->count; i++) {
                SpecFault fault = faults->items[i];
                size_t j = i;

                for (; j > 0 && faults->items[j - 1].line > fault.line; j--)
                        faults->items[j] = faults->items[j - 1];
                faults->items[j] = fault;
        }
}

void spec_locate(SpecReader *reader, const char *text, size_t size)
{
        Walk walk = {
                .at = text,
                .end = text + size,
                .line = 1,
                .path = &reader->path,
                .faults = reader->faults,
        };

        if (reader->faults->count == 0)
                return;
        for (size_t i = 0; i < reader->faults->count; i++) {
                const SpecFault *fault = &reader->faults->items[i];

                walk.sizes[i] = fault->line > 0 ? LINE_IS_KNOWN : strlen(fault->path);
        }
        spec_path_leave(&reader->path, 0);
        walk_blank(&walk);
        walk_note(&walk);
        (void)walk_value(&walk);
        spec_path_leave(&reader->path, 0);
        sort_faults(reader->faults);
}

/* A fault of the text itself, at the byte where it went wrong. */
static int fault_of_text(SpecReader *reader, const char *text, size_t position, const char *message)
{
        Walk walk = {.at = text, .end = text + position, .line = 1, .path = &reader->path};
        int line = 1;
        int r;

        for (size_t i = 0; i < position; i++)
                if (text[i] == '\n')
                        line++;
        (void)walk_value(&walk);
        r = spec_fault_add(reader->faults, line, reader->path.text, message);
        spec_path_leave(&reader->path, 0);
        return r < 0 ? r : SPEC_E_INVALID;
}

static size_t column_of(const char *text, size_t position)
{
        size_t column = 1;

        while (position > 0 && text[position - 1] != '\n') {
                position--;
                column++;
        }
        return column;
}

static int fault_of_depth(SpecReader *reader, const char *text, size_t position)
{
        char message[128];

        (void)snprintf(message, sizeof(message),
                       "nested too deep: expected at most %u levels of {} and []",
                       LIMIT_JSON_DEPTH);
        return fault_of_text(reader, text, position, message);
}

/* What jansson leaves to its caller: zero bytes, and the depth, before it recurses. */
static int check_bytes(SpecReader *reader, const char *text, size_t size)
{
        const char *zero = size > 0 ? memchr(text, '\0', size) : NULL;
        bool is_in_string = false;
        unsigned depth = 0;

        if (zero)
                return fault_of_text(reader, text, (size_t)(zero - text),
                                     "a zero byte: this is not JSON text");
        for (size_t i = 0; i < size; i++) {
                char c = text[i];

                if (is_in_string) {
                        i += c == '\\';
                        is_in_string = c != '"';
                } else if (c == '{' || c == '[') {
                        if (++depth > LIMIT_JSON_DEPTH)
                                return fault_of_depth(reader, text, i);
                } else if ((c == '}' || c == ']') && depth > 0) {
                        depth--;
                } else {
                        is_in_string = c == '"';
                }
        }
        return 0;
}

/* What people do to JSON most often. */
static const char *syntax_hint(const char *text, size_t size, size_t position)
{
        size_t i = MIN_OF(position, size);

        if (i > 0 && (text[i - 1] == '}' || text[i - 1] == ']')) {
                for (i--; i > 0 && isspace((unsigned char)text[i - 1]);)
                        i--;
                return i > 0 && text[i - 1] == ',' ? " (JSON has no comma before a closing bracket)"
                                                   : "";
        }
        if (i > 0 && (text[i - 1] == '/' || text[i - 1] == '#'))
                return " (JSON has no comments)";
        return "";
}

static int fault_of_syntax(SpecReader *reader, const char *text, size_t size,
                           const json_error_t *error)
{
        size_t position = error->position > 0 ? MIN_OF((size_t)error->position, size) : 0;
        enum json_error_code code = json_error_code(error);
        char message[512];

        if (code == json_error_out_of_memory)
                return -ENOMEM;
        if (code == json_error_null_character || code == json_error_null_byte_in_key)
                (void)snprintf(message, sizeof(message),
                               "a zero character, \\u0000: expected text without it");
        else if (code == json_error_premature_end_of_input)
                (void)snprintf(message, sizeof(message),
                               "the JSON text ends too early: a bracket or quote is not closed");
        else
                (void)snprintf(message, sizeof(message), "not JSON, column %zu: %s%s",
                               column_of(text, position), error->text,
                               syntax_hint(text, size, position));
        /* jansson stops behind what it could not take. */
        if (code != json_error_premature_end_of_input && position > 0)
                position--;
        return fault_of_text(reader, text, position, message);
}

/* Of text that jansson takes but for that. */
static void find_duplicates(SpecReader *reader, const char *text, size_t size)
{
        Walk walk = {
                .at = text,
                .end = text + size,
                .line = 1,
                .path = &reader->path,
                .reader = reader,
        };

        (void)walk_value(&walk);
        spec_path_leave(&reader->path, 0);
}

int spec_load(SpecReader *reader, const char *text, size_t size, json_t **ret_root)
{
        json_auto_t *root = NULL;
        json_error_t error = {.line = 0};
        char message[128];
        int r;

        if (size > LIMIT_TREE_FILE_BYTES) {
                (void)snprintf(message, sizeof(message), "%zu bytes: expected at most %u", size,
                               LIMIT_TREE_FILE_BYTES);
                return fault_of_text(reader, text, 0, message);
        }
        r = check_bytes(reader, text, size);
        if (r != 0)
                return r;
        root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
        if (!root && json_error_code(&error) == json_error_duplicate_key) {
                root = json_loadb(text, size, 0, &error);
                if (root)
                        find_duplicates(reader, text, size);
        }
        if (!root)
                return fault_of_syntax(reader, text, size, &error);
        if (!json_is_object(root))
                return fault_of_text(reader, text, 0, "expected an object: { ... }");
        *ret_root = steal_ptr(root);
        return 0;
}
