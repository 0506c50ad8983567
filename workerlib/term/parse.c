/* From text to a term. What the reader lets pass and a term may not have, two equal keys, is found
 * by the same check that terms of other processes pass. */
#include "workerlib/term/text.h"

#include <errno.h>

#include "workerlib/term/etf.h"

static const char *take_place(void *sink, TextPlace place)
{
        (void)sink;
        (void)place;
        return NULL;
}

static const char *take_arrow(void *sink, bool is_match)
{
        (void)sink;
        return is_match ? "a map is written with =>" : NULL;
}

static const TextSink build_sink = {
        .place = take_place,
        .leaf = text_build_leaf,
        .open = text_build_open,
        .close = text_build_close,
        .arrow = take_arrow,
};

int gen_term_parse(const char *text, size_t size, gen_term *ret_term, gen_text_fault *reterr_fault)
{
        unfilled TextBuild build;
        gen_builder builder;
        gen_term term;
        int r;

        gen_builder_init(&builder);
        build.builder = &builder;
        build.depth = 0;
        r = text_read(text, size, &build_sink, &build, reterr_fault);
        if (r == 0)
                r = builder.error;
        term = (gen_term){.data = builder.data, .size = builder.size};
        if (r == 0 && !gen_term_is_valid(term)) {
                if (reterr_fault)
                        *reterr_fault = (gen_text_fault){
                                .message = "a map has two equal keys, or keys nested too deep"};
                r = -EINVAL;
        }
        if (r == 0)
                *ret_term = term;
        else
                gen_builder_deinit(&builder);
        return r;
}
