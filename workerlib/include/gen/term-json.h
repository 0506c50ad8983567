#pragma once
/*
 * Terms from JSON and back; library genworker-json, which needs jansson.
 *
 *      JSON                    term                    and a term with no JSON of its own
 *      object                  map, keys: binaries     keys that are atoms: their text
 *      array                   list                    tuple: array
 *      string                  binary, UTF-8           atom: its text; pid, reference, port, fun:
 * as printed true, false, null       the atoms               undefined, nil: their text number,
 * whole           integer, 64 bits other number            float
 *
 * A list of small integers, "abc" in Erlang, is an array of numbers: only binaries are strings.
 * Refused: bit strings, binaries that are not UTF-8, improper lists, integers above 64 bits, keys
 * that are neither binaries nor atoms, two keys with one text, nesting above GEN_JSON_DEPTH_MAX.
 *
 * Context: any thread; both take up to 48 KiB of stack.
 */

#include <gen/term.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define GEN_JSON_DEPTH_MAX 64u

/*
 * gen_term_from_json() - the term that @size bytes of JSON say; any value may stand alone.
 *
 * @ret_term:     to be released with gen_term_free()
 * @reterr_fault: NULL or set for -EINVAL
 *
 * Return: 0; -EINVAL for what is no JSON, two equal keys, nesting too deep; -ENOMEM; -EMSGSIZE.
 */
int gen_term_from_json(const char *text, size_t size, gen_term *ret_term,
                       gen_text_fault *reterr_fault);

/* gen_term_from_json_value() - the same of a value that jansson has read; @value is a json_t. */
struct json_t;
int gen_term_from_json_value(const struct json_t *value, gen_term *ret_term);

/*
 * gen_term_to_json() - @term as JSON in one line, terminated.
 *
 * @ret_text: to be released with free()
 *
 * Return: 0; -EINVAL for what has no JSON, as above; -EBADMSG for a malformed term; -ENOMEM.
 */
int gen_term_to_json(gen_term term, char **ret_text);

/* gen_term_to_json_value() - the same as a value of jansson, whose reference is the caller's. */
int gen_term_to_json_value(gen_term term, struct json_t **ret_value);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
