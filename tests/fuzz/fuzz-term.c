/*
 * Any bytes as a term: the check, text, patterns, order, reader and JSON see them, valid or not. Of
 * valid ones it holds that they can be printed, that their text is read back as an equal term,
 * unless they hold a fun with an environment, and that they are equal to themselves and to their
 * copy.
 */
#include "tests/fuzz/replay.h"

#include <errno.h>
#include <gen/term-json.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (64u * 1024)

static void claim(bool holds)
{
        if (!holds)
                abort();
}

static void try_patterns(gen_term term)
{
        char atom[GEN_ATOM_MAX];
        gen_term head, tail;
        const char *text;
        const void *data;
        uint64_t large;
        int64_t number;
        size_t size;
        double real;
        gen_pid pid;
        gen_ref ref;

        (void)gen_match(term, "{~a, ~i, ~d}", atom, &number, &real);
        (void)gen_match(term, "{~p, ~r, ~u}", &pid, &ref, &large);
        (void)gen_match(term, "[~s, ~b | ~_]", &text, &size, &data, &size);
        (void)gen_match(term, "#{a := ~t, {b, \"c\"} := [~_ | ~t], 4 := 1.0}", &head, &tail);
        (void)gen_match(term, "{[1, \"ab\", {c}], #{}, <<1>>, -1, 'X'}");
        tail = term;
        for (size_t i = 0; i < BYTES_MAX && gen_match(tail, "[~t | ~t]", &head, &tail); i++)
                if (i < 16)
                        (void)gen_term_is_valid(head);
}

static void try_reader(gen_term term)
{
        gen_reader reader;
        size_t count;

        gen_reader_init(&reader, term);
        while (gen_reader_type(&reader) != GEN_TYPE_NONE)
                if (gen_reader_tuple(&reader, &count) < 0 && gen_reader_map(&reader, &count) < 0 &&
                    gen_reader_list(&reader, &count) < 0 && gen_reader_skip(&reader) < 0)
                        break;
}

static void check_valid(gen_term term, const char *text)
{
        gen_term back = GEN_TERM_NULL, copy = GEN_TERM_NULL;
        int r;

        claim(gen_term_equal(term, term) && gen_term_compare(term, term) == 0);
        claim(gen_term_copy(term, &copy) == 0 && gen_term_equal(copy, term));
        r = gen_term_parse(text, strlen(text), &back, NULL);
        if (r == 0)
                claim(gen_term_equal(term, back));
        else
                claim(strstr(text, "#Fun<") || strstr(text, "@"));
        (void)gen_term_free(back);
        (void)gen_term_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        gen_term term = {.data = data, .size = size};
        char *text = NULL, *json = NULL;
        int r;

        if (size > BYTES_MAX)
                return 0;
        r = gen_term_text(term, size % 2 ? GEN_PRINT_PLAIN : 0, &text);
        if (gen_term_is_valid(term)) {
                claim(r == 0);
                check_valid(term, text);
        }
        try_patterns(term);
        try_reader(term);
        (void)gen_term_compare(term, (gen_term){.data = "l\0\0\0\1ja\1", .size = 8});
        (void)gen_term_to_json(term, &json);
        free(text);
        free(json);
        return 0;
}
