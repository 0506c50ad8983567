/*
 * Terms as a whole: type, size, copies.
 */
#include "workerlib/term/etf.h"

#include <errno.h>
#include <stdlib.h>

gen_type gen_term_type(gen_term term)
{
        const uint8_t *p = term.data;

        if (!p || term.size == 0)
                return GEN_TYPE_NONE;
        if (term.size & TERM_REST_ANY)
                return GEN_TYPE_LIST;
        return etf_type(p, p + term.size);
}

bool gen_term_is_rest(gen_term term)
{
        return (term.size & TERM_REST_ANY) != 0;
}

size_t gen_term_size(gen_term term)
{
        if (!term.data)
                return 0;
        if (term.size & TERM_REST_STRING)
                return (term.size & ~TERM_REST_ANY) + 3;
        if (term.size & TERM_REST_LIST)
                return (term.size & ~TERM_REST_ANY) + 5;
        return term.size;
}

int gen_term_copy_to(gen_term term, void *buffer, size_t buffer_size, gen_term *ret_copy)
{
        gen_builder builder;

        gen_builder_init_fixed(&builder, buffer, buffer_size);
        gen_builder_term(&builder, term);
        return gen_builder_finish(&builder, ret_copy);
}

int gen_term_copy(gen_term term, gen_term *ret_copy)
{
        size_t size = gen_term_size(term);
        void *memory;
        int r;

        if (size == 0)
                return -EINVAL;
        memory = malloc(size);
        if (!memory)
                return -ENOMEM;
        r = gen_term_copy_to(term, memory, size, ret_copy);
        if (r < 0)
                free(memory);
        return r;
}

gen_term gen_term_free(gen_term term)
{
        union {
                const void *borrowed;
                void *own;
        } memory = {.borrowed = term.data};

        free(memory.own);
        return GEN_TERM_NULL;
}
