/*
 * Owns the scalars of the tree file: durations, sizes, words, numbers. Knows nothing of nodes.
 */

#include "protocols/spec-private.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_MAX_USEC (UINT64_C(36525) * 24 * 3600 * USEC_PER_SEC) /* a century */

// clang-format off
static const struct {
        const char *name;
        usec_t usec;
} duration_units[] = {
        { "ms", USEC_PER_MSEC },
        { "s",  USEC_PER_SEC },
        { "",   USEC_PER_SEC },
        { "m",  60 * USEC_PER_SEC },
        { "h",  3600 * USEC_PER_SEC },
};
// clang-format on

/* Digits with at most one point. What is finer than a microsecond is dropped. */
static int parse_decimal(const char **at, usec_t unit_usec, usec_t *ret_usec)
{
        const char *text = *at;
        usec_t whole = 0, part = 0, scale = unit_usec;

        if (!isdigit((unsigned char)*text))
                return -EINVAL;
        for (; isdigit((unsigned char)*text); text++) {
                whole = whole * 10 + (usec_t)(*text - '0');
                if (whole > DURATION_MAX_USEC)
                        return -ERANGE;
        }
        if (*text == '.') {
                text++;
                if (!isdigit((unsigned char)*text))
                        return -EINVAL;
                for (; isdigit((unsigned char)*text); text++) {
                        part += scale * (usec_t)(*text - '0') / 10;
                        scale /= 10;
                }
        }
        *at = text;
        if (whole > DURATION_MAX_USEC / unit_usec)
                return -ERANGE;
        *ret_usec = whole * unit_usec + part;
        return 0;
}

int duration_parse(const char *text, usec_t *ret_usec)
{
        const char *unit = text;
        usec_t usec;
        int r;

        if (strcmp(text, "infinity") == 0) {
                *ret_usec = USEC_INFINITY;
                return 0;
        }
        while (isdigit((unsigned char)*unit) || *unit == '.')
                unit++;
        for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
                if (strcmp(unit, duration_units[i].name) != 0)
                        continue;
                r = parse_decimal(&text, duration_units[i].usec, &usec);
                if (r < 0)
                        return r;
                if (text != unit)
                        return -EINVAL;
                *ret_usec = usec;
                return 0;
        }
        return -EINVAL;
}

/* Return: the power of two for a suffix, 0 for none; a negative errno. */
static int size_unit(const char *text)
{
        static const char *const units[] = {"", "K", "M", "G", "T"};

        for (size_t i = 0; i < ARRAY_LEN(units); i++)
                if (strcasecmp(text, units[i]) == 0)
                        return 10 * (int)i;
        return -EINVAL;
}

int size_parse(const char *text, uint64_t *ret_bytes)
{
        uint64_t bytes = 0;
        int shift;

        if (!isdigit((unsigned char)*text))
                return -EINVAL;
        for (; isdigit((unsigned char)*text); text++) {
                if (bytes > (UINT64_MAX - 9) / 10)
                        return -ERANGE;
                bytes = bytes * 10 + (uint64_t)(*text - '0');
        }
        shift = size_unit(text);
        if (shift < 0)
                return shift;
        if (bytes > (UINT64_MAX >> 1) >> shift)
                return -ERANGE;
        *ret_bytes = bytes << shift;
        return 0;
}

bool spec_read_string(SpecReader *reader, json_t *value, const char *what, const char **ret_text)
{
        if (!json_is_string(value)) {
                spec_expected(reader, value, what);
                return false;
        }
        *ret_text = json_string_value(value);
        return true;
}

bool spec_read_integer(SpecReader *reader, json_t *value, int64_t min, int64_t max, int64_t *ret)
{
        char what[96];

        if (!json_is_integer(value) || json_integer_value(value) < min ||
            json_integer_value(value) > max) {
                (void)snprintf(what, sizeof(what), "a whole number from %jd to %jd", (intmax_t)min,
                               (intmax_t)max);
                spec_expected(reader, value, what);
                return false;
        }
        *ret = json_integer_value(value);
        return true;
}

bool spec_read_real(SpecReader *reader, json_t *value, double min, double max, double *ret)
{
        char what[96];
        double number = json_number_value(value);

        if (!json_is_number(value) || !(number >= min && number <= max)) {
                (void)snprintf(what, sizeof(what), "a number from %g to %g", min, max);
                spec_expected(reader, value, what);
                return false;
        }
        *ret = number;
        return true;
}

bool spec_read_size(SpecReader *reader, json_t *value, bool allows_infinity, uint64_t *ret)
{
        uint64_t bytes = 0;
        int r = -EINVAL;

        if (json_is_integer(value) && json_integer_value(value) >= 0) {
                bytes = (uint64_t)json_integer_value(value);
                r = 0;
        } else if (json_is_string(value)) {
                if (allows_infinity && strcmp(json_string_value(value), "infinity") == 0) {
                        bytes = UINT64_MAX;
                        r = 0;
                } else {
                        r = size_parse(json_string_value(value), &bytes);
                }
        }
        if (r < 0) {
                spec_expected(reader, value,
                              allows_infinity
                                      ? "a whole number, a size like \"512M\" (K, M, G, T) or "
                                        "\"infinity\""
                                      : "a whole number or a size like \"512M\" (K, M, G, T)");
                return false;
        }
        *ret = bytes;
        return true;
}

/* A number of seconds, or a string. Return: as duration_parse(). */
static int duration_of(json_t *value, usec_t *ret_usec)
{
        double seconds;

        if (json_is_string(value))
                return duration_parse(json_string_value(value), ret_usec);
        if (!json_is_number(value))
                return -EINVAL;
        seconds = json_number_value(value);
        if (!(seconds >= 0))
                return -EINVAL;
        if (seconds > (double)DURATION_MAX_USEC / 1e6)
                return -ERANGE;
        *ret_usec = (usec_t)llround(seconds * 1e6);
        return 0;
}

bool spec_read_duration(SpecReader *reader, json_t *value, unsigned rule, usec_t *ret_usec)
{
        usec_t usec = 0;
        int r = duration_of(value, &usec);
        char what[128];

        if (r == 0 && (usec != USEC_INFINITY || (rule & DURATION_INFINITY)) &&
            (usec > 0 || (rule & DURATION_ZERO))) {
                *ret_usec = usec;
                return true;
        }
        (void)snprintf(what, sizeof(what),
                       "a duration%s like \"250ms\", \"5s\", \"2m\", \"1h\"%s%s",
                       rule & DURATION_ZERO ? "" : " above 0",
                       rule & DURATION_INFINITY ? ", a number of seconds or \"infinity\""
                                                : " or a number of seconds",
                       r == -ERANGE ? " of at most a century" : "");
        spec_expected(reader, value, what);
        return false;
}

unsigned spec_read_word(SpecReader *reader, json_t *value, const char *const words[],
                        unsigned count)
{
        char what[256] = "one of ";
        size_t used = strlen(what);

        for (unsigned i = 1; json_is_string(value) && i < count; i++)
                if (strcmp(words[i], json_string_value(value)) == 0)
                        return i;
        for (unsigned i = 1; i < count && used < sizeof(what) - LIMIT_NAME_BYTES; i++)
                used += (size_t)snprintf(what + used, sizeof(what) - used, "%s\"%s\"",
                                         i > 1 ? ", " : "", words[i]);
        spec_expected(reader, value, what);
        return 0;
}

void spec_row_bool(SpecReader *reader, json_t *value, void *field)
{
        if (json_is_boolean(value))
                *(bool *)field = json_is_true(value);
        else
                spec_expected(reader, value, "true or false");
}

void spec_row_text(SpecReader *reader, json_t *value, void *field)
{
        const char *text;

        if (spec_read_string(reader, value, "a string", &text))
                spec_set_text(reader, field, text);
}

void spec_row_count(SpecReader *reader, json_t *value, void *field)
{
        int64_t number;

        if (spec_read_integer(reader, value, 0, LIMIT_INTENSITY, &number))
                *(uint32_t *)field = (uint32_t)number;
}

void spec_row_period(SpecReader *reader, json_t *value, void *field)
{
        (void)spec_read_duration(reader, value, DURATION_POSITIVE, field);
}

void spec_row_timeout(SpecReader *reader, json_t *value, void *field)
{
        (void)spec_read_duration(reader, value, DURATION_INFINITY, field);
}
