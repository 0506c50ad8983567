/*
 * Owns the list of faults and the words in them. Every text that leaves here is valid UTF-8 without
 * control characters, whatever stood in the file, for it goes to terminals and into JSON.
 */

#include "protocols/spec-private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_BYTES 1024u /* one message */
#define SHOWN_BYTES 60u   /* of a value in a message */

void spec_faults_deinit(SpecFaults *faults)
{
        for (size_t i = 0; i < faults->count; i++) {
                free(faults->items[i].path);
                free(faults->items[i].message);
        }
        *faults = (SpecFaults){.count = 0};
}

char *spec_faults_to_text(const SpecFaults *faults, const char *file)
{
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        for (size_t i = 0; i < faults->count; i++) {
                const SpecFault *fault = &faults->items[i];

                (void)fputs(file, stream);
                if (fault->line > 0)
                        (void)fprintf(stream, ":%d", fault->line);
                if (*fault->path)
                        (void)fprintf(stream, ": %s", fault->path);
                (void)fprintf(stream, ": %s\n", fault->message);
        }
        if (faults->suppressed > 0)
                (void)fprintf(stream, "%s: and %zu more\n", file, faults->suppressed);
        if (fclose(stream) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* Length of the valid UTF-8 sequence at @text that is fit to be shown, 0 for none. */
static size_t shown_length(const unsigned char *text)
{
        size_t size;

        if (text[0] >= 0x20 && text[0] < 0x7f)
                return 1;
        if (text[0] >= 0xc2 && text[0] <= 0xdf)
                size = 2;
        else if (text[0] >= 0xe0 && text[0] <= 0xef)
                size = 3;
        else if (text[0] >= 0xf0 && text[0] <= 0xf4)
                size = 4;
        else
                return 0;
        for (size_t i = 1; i < size; i++)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        if (text[0] == 0xc2 && text[1] < 0xa0) /* C1 controls */
                return 0;
        if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90) ||
            (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f))
                return 0;
        return size;
}

void spec_shown(char *to, size_t size, const char *from)
{
        size_t used = 0;

        while (*from) {
                size_t length = shown_length((const unsigned char *)from);

                if (used + MAX_OF(length, (size_t)1) >= size)
                        break;
                if (length == 0) {
                        to[used++] = '?';
                        from++;
                        continue;
                }
                memcpy(to + used, from, length);
                used += length;
                from += length;
        }
        to[used] = '\0';
}

static char *shown_copy(const char *text)
{
        size_t size = strlen(text) + 1;
        char *copy = malloc(size);

        if (copy)
                spec_shown(copy, size, text);
        return copy;
}

int spec_fault_add(SpecFaults *faults, int line, const char *path, const char *message)
{
        _cleanup_(freep) char *path_copy = NULL;
        _cleanup_(freep) char *message_copy = NULL;

        if (faults->count == LIMIT_FAULTS) {
                faults->suppressed++;
                return 0;
        }
        path_copy = shown_copy(path);
        message_copy = shown_copy(message);
        if (!path_copy || !message_copy)
                return -ENOMEM;
        faults->items[faults->count++] = (SpecFault){
                .line = line,
                .path = steal_ptr(path_copy),
                .message = steal_ptr(message_copy),
        };
        return 0;
}

static void _printf_(2, 0) fault_write(SpecReader *reader, const char *format, va_list args)
{
        char message[FAULT_BYTES];

        (void)vsnprintf(message, sizeof(message), format, args);
        if (spec_fault_add(reader->faults, 0, reader->path.text, message) < 0)
                reader->is_out_of_memory = true;
}

void spec_fault(SpecReader *reader, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        fault_write(reader, format, args);
        va_end(args);
}

void spec_fault_at_key(SpecReader *reader, const char *key, const char *format, ...)
{
        size_t mark = spec_path_enter_key(&reader->path, key);
        va_list args;

        va_start(args, format);
        fault_write(reader, format, args);
        va_end(args);
        spec_path_leave(&reader->path, mark);
}

static void describe(json_t *value, char text[FAULT_BYTES])
{
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                (void)snprintf(text, FAULT_BYTES, "an object");
                break;
        case JSON_ARRAY:
                (void)snprintf(text, FAULT_BYTES, "a list");
                break;
        case JSON_STRING:
                (void)snprintf(text, FAULT_BYTES, "\"%.*s\"%s", (int)SHOWN_BYTES,
                               json_string_value(value),
                               json_string_length(value) > SHOWN_BYTES ? "..." : "");
                break;
        case JSON_INTEGER:
                (void)snprintf(text, FAULT_BYTES, "the number %" JSON_INTEGER_FORMAT,
                               json_integer_value(value));
                break;
        case JSON_REAL:
                (void)snprintf(text, FAULT_BYTES, "the number %g", json_real_value(value));
                break;
        case JSON_TRUE:
                (void)snprintf(text, FAULT_BYTES, "true");
                break;
        case JSON_FALSE:
                (void)snprintf(text, FAULT_BYTES, "false");
                break;
        case JSON_NULL:
                (void)snprintf(text, FAULT_BYTES, "null");
                break;
        }
}

void spec_expected(SpecReader *reader, json_t *value, const char *what)
{
        char found[FAULT_BYTES];

        describe(value, found);
        spec_fault(reader, "expected %s, found %s", what, found);
}

static unsigned min_of(unsigned a, unsigned b)
{
        return a < b ? a : b;
}

/* Edits from @a to @b: insert, remove, replace, swap of neighbours. Both at most LIMIT_NAME_BYTES.
 */
static unsigned edit_distance(const char *a, const char *b)
{
        unsigned rows[3][LIMIT_NAME_BYTES + 1];
        size_t a_size = strlen(a), b_size = strlen(b);

        for (unsigned j = 0; j <= b_size; j++)
                rows[0][j] = j;
        for (unsigned i = 1; i <= a_size; i++) {
                unsigned *row = rows[i % 3];
                const unsigned *above = rows[(i + 2) % 3], *twice = rows[(i + 1) % 3];

                row[0] = i;
                for (unsigned j = 1; j <= b_size; j++) {
                        bool is_swap =
                                i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];

                        row[j] = min_of(row[j - 1] + 1, above[j] + 1);
                        row[j] = min_of(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
                        row[j] = is_swap ? min_of(row[j], twice[j - 2] + 1) : row[j];
                }
        }
        return rows[a_size % 3][b_size];
}

const char *spec_suggest(const SpecKey keys[], unsigned places, const char *word)
{
        const char *best = NULL;
        unsigned least = 3; /* two slips at most */

        if (strlen(word) > LIMIT_NAME_BYTES)
                return NULL;
        for (const SpecKey *key = keys; key->name; key++) {
                unsigned distance;

                if (!(key->places & places))
                        continue;
                distance = edit_distance(word, key->name);
                if (distance < least && distance < strlen(key->name) / 2 + 1) {
                        least = distance;
                        best = key->name;
                }
        }
        return best;
}

// clang-format off
static const struct {
        unsigned places;
        const char *one;
} place_names[] = {
        { PLACE_TOP,         "the top of the file" },
        { PLACE_APPLICATION, "an application" },
        { PLACE_SUPERVISOR,  "a supervisor" },
        { PLACE_WORKER,      "a worker" },
        { PLACE_EXEC,        "an exec child" },
        { PLACE_ACTOR,       "an actor" },
};
// clang-format on

/* "a worker or an exec child" */
static void describe_places(unsigned places, char text[FAULT_BYTES])
{
        unsigned left = places;
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < ARRAY_LEN(place_names); i++) {
                if (!(places & place_names[i].places))
                        continue;
                left &= ~place_names[i].places;
                used += (size_t)snprintf(text + used, FAULT_BYTES - used, "%s%s",
                                         used == 0   ? ""
                                         : left == 0 ? " or "
                                                     : ", ",
                                         place_names[i].one);
        }
}

static void fault_misplaced(SpecReader *reader, const SpecKey *key, unsigned places)
{
        char here[FAULT_BYTES], there[FAULT_BYTES];

        describe_places(places, here);
        describe_places(key->places, there);
        spec_fault_at_key(reader, key->name,
                          "\"%s\" does not apply to %.400s; it belongs to %.400s", key->name, here,
                          there);
}

static void fault_unknown(SpecReader *reader, const SpecKey keys[], unsigned places,
                          const char *name)
{
        const char *near = spec_suggest(keys, places, name);
        char known[FAULT_BYTES];
        size_t used = 0;

        if (near) {
                spec_fault_at_key(reader, name, "unknown key \"%.*s\"; did you mean \"%s\"?",
                                  (int)SHOWN_BYTES, name, near);
                return;
        }
        known[0] = '\0';
        for (const SpecKey *key = keys; key->name && used < sizeof(known) - LIMIT_NAME_BYTES; key++)
                if (key->places & places)
                        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
                                                 used == 0 ? "" : ", ", key->name);
        spec_fault_at_key(reader, name, "unknown key \"%.*s\"; expected one of %.800s",
                          (int)SHOWN_BYTES, name, known);
}

static const SpecKey *find_key(const SpecKey keys[], const char *name)
{
        for (const SpecKey *key = keys; key->name; key++)
                if (key->name[0] == name[0] && strcmp(key->name, name) == 0)
                        return key;
        return NULL;
}

void spec_read_object(SpecReader *reader, json_t *object, const SpecKey keys[], unsigned places,
                      void *target)
{
        const char *name;
        json_t *value;

        json_object_foreach(object, name, value)
        {
                const SpecKey *key = find_key(keys, name);
                size_t mark;

                if (!key) {
                        fault_unknown(reader, keys, places, name);
                } else if (!(key->places & places)) {
                        fault_misplaced(reader, key, places);
                } else if (key->read) {
                        mark = spec_path_enter_key(&reader->path, name);
                        key->read(reader, value, (char *)target + key->offset);
                        spec_path_leave(&reader->path, mark);
                }
        }
}
