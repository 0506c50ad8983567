/*
 * Building with a format: the literal parts were encoded when the format was compiled, so that what
 * is left is to copy them and to put values into the holes between.
 */
#include "workerlib/term/program.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* ---- compiling ---- */

typedef struct Compile {
        TextBuild text; /* first: it is the sink of what builds */
        BuildProgram *program;
        size_t hole_offsets[HOLES_MAX];
        size_t hole_count;
        TextPlace place;
        size_t key_depth; /* containers around, from an open key on; 0: not in a key */
} Compile;

static const char *compile_place(void *sink, TextPlace place)
{
        Compile *compile = sink;

        compile->place = place;
        if (place == TEXT_PLACE_KEY && compile->key_depth == 0)
                compile->key_depth = compile->text.depth + 1;
        return NULL;
}

static const char *compile_arrow(void *sink, bool is_match)
{
        Compile *compile = sink;

        if (compile->key_depth == compile->text.depth + 1)
                compile->key_depth = 0;
        return is_match ? "a map is built with =>; := is for matching" : NULL;
}

static const char *compile_hole(void *sink, char letter)
{
        Compile *compile = sink;
        BuildProgram *program = compile->program;

        if (letter == '_')
                return "~_ is for matching";
        if (letter == '\0' || !strchr("iudasbprt", letter))
                return "no such hole: ~i ~u ~d ~a ~s ~b ~p ~r ~t";
        if (compile->hole_count == HOLES_MAX)
                return "too many holes";
        if (compile->key_depth != 0)
                program->has_open_keys = true;
        compile->hole_offsets[compile->hole_count] = compile->text.builder->size;
        program->ops[compile->hole_count++].hole = letter;
        return NULL;
}

/* A tuple's head becomes shorter when its arity is known: the holes in it move. */
static const char *compile_close(void *sink, TextKind kind, uint32_t count, bool has_tail)
{
        Compile *compile = sink;
        size_t mark = compile->text.marks[compile->text.depth - 1];

        for (size_t i = 0; kind == TEXT_KIND_TUPLE && count <= UINT8_MAX && i < compile->hole_count;
             i++)
                if (compile->hole_offsets[i] > mark)
                        compile->hole_offsets[i] -= 3;
        return text_build_close(sink, kind, count, has_tail);
}

static const TextSink compile_sink = {
        .place = compile_place,
        .leaf = text_build_leaf,
        .hole = compile_hole,
        .open = text_build_open,
        .close = compile_close,
        .arrow = compile_arrow,
};

/* With a different number in each hole, the literal rest has to be a valid term. */
static bool literals_are_valid(const Compile *compile)
{
        const gen_builder *bytes = compile->text.builder;
        gen_builder trial;
        size_t done = 0;
        bool is_valid;

        gen_builder_init(&trial);
        for (size_t i = 0; i <= compile->hole_count; i++) {
                size_t to = i < compile->hole_count ? compile->hole_offsets[i] : bytes->size;

                builder_raw(&trial, bytes->size > 0 ? bytes->data + done : NULL, to - done, 0);
                done = to;
                trial.open = UINT32_MAX;
                if (i < compile->hole_count)
                        gen_builder_int(&trial, INT64_MIN + (int64_t)i);
        }
        is_valid = trial.error == 0 &&
                   gen_term_is_valid((gen_term){.data = trial.data, .size = trial.size});
        gen_builder_deinit(&trial);
        return is_valid;
}

/* From offsets to lengths between holes. */
static void compile_finish(Compile *compile)
{
        BuildProgram *program = compile->program;
        gen_builder *bytes = compile->text.builder;
        size_t done = 0;

        for (size_t i = 0; i < compile->hole_count; i++) {
                program->ops[i].literal = (uint32_t)(compile->hole_offsets[i] - done);
                done = compile->hole_offsets[i];
        }
        program->ops[compile->hole_count] = (BuildOp){.literal = (uint32_t)(bytes->size - done)};
        program->op_count = compile->hole_count + 1;
        program->bytes = bytes->data;
        bytes->data = NULL;
}

DEFINE_CLEANUP(BuildProgram *, build_program_free);

int build_program_new(const char *format, BuildProgram **ret_program)
{
        _cleanup_(build_program_freep) BuildProgram *program = calloc(1, sizeof(*program));
        _cleanup_(gen_builder_deinit) gen_builder bytes;
        gen_text_fault fault = {0};
        _cleanup_(freep) Compile *compile =
                malloc(sizeof(*compile)); /* too large for small stacks */
        int r;

        gen_builder_init(&bytes);
        if (!program || !compile)
                return -ENOMEM;
        compile->program = program;
        compile->text.builder = &bytes;
        compile->text.depth = compile->hole_count = compile->key_depth = 0;
        r = text_read(format, strlen(format), &compile_sink, compile, &fault);
        if (r == 0)
                r = bytes.error;
        if (r == 0 && !literals_are_valid(compile)) {
                fault = (gen_text_fault){.message = "a map has two equal keys"};
                r = -EINVAL;
        }
        if (r < 0) {
                if (r == -EINVAL)
                        format_wrong(format, &fault);
                return r;
        }
        compile_finish(compile);
        program->format = format;
        *ret_program = steal_ptr(program);
        return 0;
}

BuildProgram *build_program_free(BuildProgram *program)
{
        if (program)
                free(program->bytes);
        free(program);
        return NULL;
}

/* ---- running ---- */

/* va_list is an array on some machines: so it travels in a struct. */
typedef struct Args {
        va_list list;
} Args;

static void put_hole(gen_builder *builder, char hole, Args *args)
{
        const void *data;

        switch (hole) {
        case 'i':
                gen_builder_int(builder, va_arg(args->list, int64_t));
                break;
        case 'u':
                gen_builder_uint(builder, va_arg(args->list, uint64_t));
                break;
        case 'd':
                gen_builder_double(builder, va_arg(args->list, double));
                break;
        case 'a':
                gen_builder_atom(builder, va_arg(args->list, const char *));
                break;
        case 's':
                gen_builder_text(builder, va_arg(args->list, const char *));
                break;
        case 'b':
                data = va_arg(args->list, const void *);
                gen_builder_binary(builder, data, va_arg(args->list, size_t));
                break;
        case 'p':
                gen_builder_pid(builder, va_arg(args->list, gen_pid));
                break;
        case 'r':
                gen_builder_ref(builder, va_arg(args->list, gen_ref));
                break;
        default:
                gen_builder_term(builder, va_arg(args->list, gen_term));
                break;
        }
}

static int program_run(const BuildProgram *program, gen_builder *builder, Args *args)
{
        uint64_t open = builder->open;
        const uint8_t *bytes = program->bytes;
        size_t start = builder->size;

        if (builder->error == 0 && open == 0)
                builder_fail(builder, -EINVAL);
        for (const BuildOp *op = program->ops;; op++) {
                uint8_t *p = builder_need(builder, op->literal);

                if (!p && builder->error != 0)
                        return builder->error;
                if (op->literal > 0)
                        memcpy(p, bytes, op->literal);
                builder->size += op->literal;
                bytes += op->literal;
                if (op->hole == 0)
                        break;
                builder->open = UINT32_MAX; /* the program counts, not the builder */
                put_hole(builder, op->hole, args);
        }
        builder->open = open - 1;
        if (program->has_open_keys &&
            !gen_term_is_valid(etf_view(builder->data + start, builder->data + builder->size)))
                builder_fail(builder, -EINVAL);
        return builder->error;
}

int gen_builder_vbuild(gen_site *site, gen_builder *builder, const char *format, va_list list)
{
        _cleanup_(build_program_freep) BuildProgram *made = NULL;
        const BuildProgram *program = site_get(site);
        Args args;
        int r;

        if (!program || program->format != format) {
                r = build_program_new(format, &made);
                if (r < 0) {
                        builder_fail(builder, r);
                        return r;
                }
                program = made;
                if (site_set(site, made))
                        made = NULL;
        }
        va_copy(args.list, list);
        r = program_run(program, builder, &args);
        va_end(args.list);
        return r;
}

/* The way of every literal format: hence as few steps as there can be. */
int gen_builder_build_at(gen_site *site, gen_builder *builder, const char *format, ...)
{
        const BuildProgram *program = site_get(site);
        Args args;
        int r;

        va_start(args.list, format);
        if (program && program->format == format)
                r = program_run(program, builder, &args);
        else
                r = gen_builder_vbuild(site, builder, format, args.list);
        va_end(args.list);
        return r;
}

int(gen_builder_build)(gen_builder *builder, const char *format, ...)
{
        va_list list;
        int r;

        va_start(list, format);
        r = gen_builder_vbuild(NULL, builder, format, list);
        va_end(list);
        return r;
}

static int build_own(gen_site *site, gen_term *ret_term, const char *format, va_list list)
{
        gen_builder builder;
        int r;

        gen_builder_init(&builder);
        r = gen_builder_vbuild(site, &builder, format, list);
        if (r == 0)
                r = gen_builder_finish(&builder, ret_term);
        if (r < 0)
                gen_builder_deinit(&builder);
        return r;
}

int gen_term_build_at(gen_site *site, gen_term *ret_term, const char *format, ...)
{
        va_list list;
        int r;

        va_start(list, format);
        r = build_own(site, ret_term, format, list);
        va_end(list);
        return r;
}

int(gen_term_build)(gen_term *ret_term, const char *format, ...)
{
        va_list list;
        int r;

        va_start(list, format);
        r = build_own(NULL, ret_term, format, list);
        va_end(list);
        return r;
}

int gen_term_build_in_at(gen_site *site, void *buffer, size_t buffer_size, gen_term *ret_term,
                         const char *format, ...)
{
        const BuildProgram *program = site_get(site);
        gen_builder builder;
        Args args;
        int r;

        gen_builder_init_fixed(&builder, buffer, buffer_size);
        va_start(args.list, format);
        if (program && program->format == format)
                r = program_run(program, &builder, &args);
        else
                r = gen_builder_vbuild(site, &builder, format, args.list);
        va_end(args.list);
        return r < 0 ? r : gen_builder_finish(&builder, ret_term);
}

int(gen_term_build_in)(void *buffer, size_t buffer_size, gen_term *ret_term, const char *format,
                       ...)
{
        gen_builder builder;
        va_list list;
        int r;

        gen_builder_init_fixed(&builder, buffer, buffer_size);
        va_start(list, format);
        r = gen_builder_vbuild(NULL, &builder, format, list);
        va_end(list);
        return r < 0 ? r : gen_builder_finish(&builder, ret_term);
}
