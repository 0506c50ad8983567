/*
 * Any text as a term, as a format, as a pattern, as JSON. What is read is valid, and its own text
 * is read as the same again.
 */
#include "tests/fuzz/replay.h"

#include <gen/term-json.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (16u * 1024)

static void claim(bool holds)
{
        if (!holds)
                abort();
}

static void ignore_fault(const char *format, size_t position, const char *message)
{
        claim(message && position <= strlen(format));
}

static void check_term(gen_term term)
{
        gen_term back = GEN_TERM_NULL;
        char *text = NULL;

        claim(gen_term_is_valid(term));
        claim(gen_term_text(term, 0, &text) == 0);
        claim(gen_term_parse(text, strlen(text), &back, NULL) == 0);
        claim(gen_term_equal(term, back));
        (void)gen_term_free(back);
        free(text);
}

/* As a format without arguments: only what has no holes but ~_ can be run. */
static void try_format(const char *format)
{
        gen_term term = GEN_TERM_NULL;
        bool has_holes = false;

        for (const char *p = format; (p = strchr(p, '~')); p++)
                has_holes = has_holes || p[1] != '_';
        if (has_holes)
                return;
        if (gen_term_build(&term, format) == 0)
                claim(gen_term_is_valid(term));
        (void)gen_match(term, format);
        (void)gen_term_free(term);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        gen_text_fault fault = {0};
        gen_term term = GEN_TERM_NULL;
        char *text;

        if (size > BYTES_MAX)
                return 0;
        text = malloc(size + 1);
        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        gen_set_format_handler(ignore_fault);
        if (gen_term_parse((const char *)data, size, &term, &fault) == 0) {
                check_term(term);
                (void)gen_term_free(term);
        } else {
                claim(fault.position <= size && fault.message);
        }
        try_format(text);
        if (gen_term_from_json(text, size, &term, NULL) == 0) {
                claim(gen_term_is_valid(term));
                (void)gen_term_free(term);
        }
        free(text);
        return 0;
}
