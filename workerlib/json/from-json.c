/*
 * From JSON to a term. Parsing is jansson's; its nesting is looked at before, since it recurses.
 */
#include <gen/term-json.h>

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"

static int put_value(gen_builder *builder, const json_t *value, unsigned depth);

static int put_object(gen_builder *builder, const json_t *value, unsigned depth)
{
        union {
                const json_t *borrowed;
                json_t *object;
        } map = {.borrowed = value};
        int r = 0;

        gen_builder_map(builder, json_object_size(value));
        for (void *at = json_object_iter(map.object); at && r == 0;
             at = json_object_iter_next(map.object, at)) {
                gen_builder_text(builder, json_object_iter_key(at));
                r = put_value(builder, json_object_iter_value(at), depth + 1);
        }
        return r;
}

static int put_array(gen_builder *builder, const json_t *value, unsigned depth)
{
        size_t count = json_array_size(value);
        int r = 0;

        gen_builder_list(builder, count);
        for (size_t i = 0; i < count && r == 0; i++)
                r = put_value(builder, json_array_get(value, i), depth + 1);
        gen_builder_nil(builder);
        return r;
}

static int put_value(gen_builder *builder, const json_t *value, unsigned depth)
{
        if (!value || depth > GEN_JSON_DEPTH_MAX)
                return -EINVAL;
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return put_object(builder, value, depth);
        case JSON_ARRAY:
                return put_array(builder, value, depth);
        case JSON_STRING:
                gen_builder_binary(builder, json_string_value(value), json_string_length(value));
                break;
        case JSON_INTEGER:
                gen_builder_int(builder, json_integer_value(value));
                break;
        case JSON_REAL:
                gen_builder_double(builder, json_real_value(value));
                break;
        case JSON_TRUE:
                gen_builder_atom(builder, "true");
                break;
        case JSON_FALSE:
                gen_builder_atom(builder, "false");
                break;
        case JSON_NULL:
                gen_builder_atom(builder, "null");
                break;
        }
        return builder->error;
}

int gen_term_from_json_value(const json_t *value, gen_term *ret_term)
{
        gen_builder builder;
        int r;

        gen_builder_init(&builder);
        r = put_value(&builder, value, 0);
        if (r == 0)
                r = gen_builder_finish(&builder, ret_term);
        if (r < 0)
                gen_builder_deinit(&builder);
        return r;
}

/* Where a bracket opens the level above the limit; NULL if none does. */
static const char *too_deep(const char *text, size_t size)
{
        bool is_string = false;
        unsigned depth = 0;

        for (const char *p = text; p < text + size; p++) {
                if (is_string) {
                        if (*p == '\\' && p + 1 < text + size)
                                p++;
                        else if (*p == '"')
                                is_string = false;
                } else if (*p == '"') {
                        is_string = true;
                } else if (*p == '{' || *p == '[') {
                        if (++depth > GEN_JSON_DEPTH_MAX)
                                return p;
                } else if ((*p == '}' || *p == ']') && depth > 0) {
                        depth--;
                }
        }
        return NULL;
}

int gen_term_from_json(const char *text, size_t size, gen_term *ret_term,
                       gen_text_fault *reterr_fault)
{
        const char *deep = too_deep(text, size);
        gen_text_fault fault = {.message = "this is no JSON"};
        json_error_t error;
        json_t *value;
        int r = -EINVAL;

        if (deep) {
                fault = (gen_text_fault){(size_t)(deep - text), "nested too deep"};
        } else {
                value = json_loadb(text, size,
                                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                                   &error);
                if (value) {
                        r = gen_term_from_json_value(value, ret_term);
                        json_decref(value);
                } else {
                        enum json_error_code code = json_error_code(&error);

                        fault.position = error.position > 0 ? (size_t)error.position : 0;
                        if (code == json_error_duplicate_key)
                                fault.message = "an object has two equal keys";
                        else if (code == json_error_numeric_overflow)
                                fault.message = "the number is too large";
                        r = code == json_error_out_of_memory ? -ENOMEM : -EINVAL;
                }
        }
        if (r == -EINVAL && reterr_fault)
                *reterr_fault = fault;
        return r;
}
