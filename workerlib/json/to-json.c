/*
 * From a term to JSON: through the public reader, one level of calls a level of the term, at most
 * GEN_JSON_DEPTH_MAX.
 */
#include <gen/term-json.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static inline void json_release(json_t **value)
{
        json_decref(*value);
}

static int take_value(gen_reader *reader, unsigned depth, json_t **ret_value);

/* @value may be NULL: jansson had no memory, or the text is not UTF-8. */
static int give(json_t *value, json_t **ret_value)
{
        if (!value)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

static int take_number(gen_reader *reader, json_t **ret_value)
{
        int64_t number;
        double real;
        int r;

        if (gen_reader_type(reader) == GEN_TYPE_INTEGER) {
                r = gen_reader_int(reader, &number);
                if (r < 0)
                        return r == -ERANGE ? -EINVAL : r;
                return give(json_integer(number), ret_value);
        }
        r = gen_reader_double(reader, &real);
        return r < 0 ? r : give(json_real(real), ret_value);
}

static int take_atom(gen_reader *reader, json_t **ret_value)
{
        char text[GEN_ATOM_MAX];
        int r;

        r = gen_reader_atom(reader, text);
        if (r < 0)
                return r;
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
                return give(json_boolean(text[0] == 't'), ret_value);
        return give(strcmp(text, "null") == 0 ? json_null() : json_string(text), ret_value);
}

static int take_binary(gen_reader *reader, json_t **ret_value)
{
        const void *data;
        size_t size;
        int r;

        r = gen_reader_binary(reader, &data, &size);
        if (r < 0)
                return r;
        *ret_value = json_stringn(data, size);
        return *ret_value ? 0 : -EINVAL; /* not UTF-8 */
}

static int take_printed(gen_reader *reader, json_t **ret_value)
{
        _cleanup_(freep) char *text = NULL;
        gen_term term;
        int r;

        r = gen_reader_term(reader, &term);
        if (r == 0)
                r = gen_term_text(term, 0, &text);
        return r < 0 ? r : give(json_string(text), ret_value);
}

static int append_value(gen_reader *reader, unsigned depth, json_t *array)
{
        json_t *value;
        int r;

        r = take_value(reader, depth, &value);
        if (r < 0)
                return r;
        return json_array_append_new(array, value) < 0 ? -ENOMEM : 0;
}

/* The elements of a list, those of a list in its tail included. */
static int take_list(gen_reader *reader, unsigned depth, json_t *array)
{
        size_t count;
        int r;

        while (gen_reader_type(reader) == GEN_TYPE_LIST) {
                r = gen_reader_list(reader, &count);
                for (; r == 0 && count > 0; count--)
                        r = append_value(reader, depth, array);
                if (r < 0)
                        return r;
        }
        return gen_reader_nil(reader);
}

static int take_array(gen_reader *reader, unsigned depth, json_t **ret_value)
{
        _cleanup_(json_release) json_t *array = json_array();
        size_t count;
        int r;

        if (!array)
                return -ENOMEM;
        if (gen_reader_type(reader) == GEN_TYPE_TUPLE) {
                r = gen_reader_tuple(reader, &count);
                for (; r == 0 && count > 0; count--)
                        r = append_value(reader, depth, array);
        } else {
                r = take_list(reader, depth, array);
        }
        if (r == 0)
                *ret_value = steal_ptr(array);
        return r;
}

static int take_pair(gen_reader *reader, unsigned depth, json_t *object)
{
        _cleanup_(json_release) json_t *key = NULL;
        gen_type type = gen_reader_type(reader);
        char text[GEN_ATOM_MAX];
        json_t *value;
        int r;

        if (type == GEN_TYPE_ATOM) {
                r = gen_reader_atom(reader, text);
                if (r == 0)
                        r = give(json_string(text), &key);
        } else {
                r = type == GEN_TYPE_BINARY ? take_binary(reader, &key) : -EINVAL;
        }
        if (r < 0)
                return r;
        if (strlen(json_string_value(key)) != json_string_length(key) ||
            json_object_get(object, json_string_value(key)))
                return -EINVAL;
        r = take_value(reader, depth, &value);
        if (r < 0)
                return r;
        return json_object_set_new(object, json_string_value(key), value) < 0 ? -ENOMEM : 0;
}

static int take_map(gen_reader *reader, unsigned depth, json_t **ret_value)
{
        _cleanup_(json_release) json_t *object = json_object();
        size_t pairs;
        int r;

        if (!object)
                return -ENOMEM;
        r = gen_reader_map(reader, &pairs);
        for (; r == 0 && pairs > 0; pairs--)
                r = take_pair(reader, depth, object);
        if (r == 0)
                *ret_value = steal_ptr(object);
        return r;
}

static int take_value(gen_reader *reader, unsigned depth, json_t **ret_value)
{
        switch (gen_reader_type(reader)) {
        case GEN_TYPE_INTEGER:
        case GEN_TYPE_FLOAT:
                return take_number(reader, ret_value);
        case GEN_TYPE_ATOM:
                return take_atom(reader, ret_value);
        case GEN_TYPE_BINARY:
                return take_binary(reader, ret_value);
        case GEN_TYPE_TUPLE:
        case GEN_TYPE_LIST:
        case GEN_TYPE_NIL:
                return depth == GEN_JSON_DEPTH_MAX ? -EINVAL
                                                   : take_array(reader, depth + 1, ret_value);
        case GEN_TYPE_MAP:
                return depth == GEN_JSON_DEPTH_MAX ? -EINVAL
                                                   : take_map(reader, depth + 1, ret_value);
        case GEN_TYPE_REF:
        case GEN_TYPE_FUN:
        case GEN_TYPE_PORT:
        case GEN_TYPE_PID:
                return take_printed(reader, ret_value);
        case GEN_TYPE_BITSTRING:
                return -EINVAL;
        case GEN_TYPE_NONE:
        case GEN_TYPE_COUNT:
                break;
        }
        return -EBADMSG;
}

int gen_term_to_json_value(gen_term term, json_t **ret_value)
{
        gen_reader reader;
        json_t *value;
        int r;

        gen_reader_init(&reader, term);
        r = take_value(&reader, 0, &value);
        if (r < 0)
                return r == -ENODATA ? -EBADMSG : r;
        if (gen_reader_type(&reader) != GEN_TYPE_NONE) {
                json_decref(value);
                return -EBADMSG;
        }
        *ret_value = value;
        return 0;
}

int gen_term_to_json(gen_term term, char **ret_text)
{
        _cleanup_(json_release) json_t *value = NULL;
        int r;

        r = gen_term_to_json_value(term, &value);
        if (r < 0)
                return r;
        *ret_text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        return *ret_text ? 0 : -ENOMEM;
}
