/*
 * Patterns, compiled: from the pieces of a text to the steps of match.c, in the order in which a
 * term is laid out. A key of a map is a literal of any shape; it is built by the sink that builds
 * terms.
 */
#include "workerlib/term/program.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

typedef struct Compile {
        TextBuild key; /* first: it is the sink of what builds; its bytes hold all literals */
        MatchProgram *program;
        size_t op_count;
        size_t op_room;
        bool is_in_key;
        bool has_failed; /* no memory */
        size_t key_start;
        TextPlace place;
        size_t depth;
        size_t lists_and_maps;
        struct {
                size_t op;
                TextKind kind;
        } open[GEN_DEPTH_MAX];
} Compile;

static MatchOp *add_op(Compile *compile, MatchCode code)
{
        static MatchOp nowhere;
        size_t room = compile->op_room * 2;
        MatchProgram *program;

        if (compile->op_count == compile->op_room) {
                program = realloc(compile->program, sizeof(*program) + room * sizeof(MatchOp));
                if (!program) {
                        compile->has_failed = true;
                        return &nowhere;
                }
                compile->program = program;
                compile->op_room = room;
        }
        compile->program->ops[compile->op_count] = (MatchOp){.code = (uint8_t)code};
        return &compile->program->ops[compile->op_count++];
}

static const char *pattern_place(void *sink, TextPlace place)
{
        Compile *compile = sink;

        if (compile->is_in_key)
                return NULL;
        compile->place = place;
        if (place == TEXT_PLACE_ELEMENT && compile->open[compile->depth - 1].kind == TEXT_KIND_LIST)
                (void)add_op(compile, MATCH_NEXT);
        if (place == TEXT_PLACE_KEY) {
                compile->is_in_key = true;
                compile->key.depth = 0;
                compile->key_start = compile->key.builder->size;
        }
        return NULL;
}

static const char *pattern_leaf(void *sink, const uint8_t *term, size_t size)
{
        Compile *compile = sink;
        EtfInteger integer;
        int64_t value;
        MatchOp *op;

        if (compile->is_in_key)
                return text_build_leaf(sink, term, size);
        if (compile->place == TEXT_PLACE_TAIL && *term == ETF_NIL)
                return "[H | []] is written [H]";
        if (compile->place == TEXT_PLACE_TAIL)
                return "behind | stands ~t or ~_";
        if (etf_integer(term, term + size, &integer) && etf_fits_int64(&integer, &value)) {
                op = add_op(compile, MATCH_INTEGER);
                op->value = value;
                return NULL;
        }
        op = add_op(compile, *term == ETF_SMALL_ATOM_UTF8 ? MATCH_ATOM : MATCH_EQUAL);
        op->offset = compile->key.builder->size;
        op->size = (uint32_t)size;
        return text_build_leaf(sink, term, size);
}

static const char *pattern_hole(void *sink, char letter)
{
        Compile *compile = sink;
        MatchProgram *program = compile->program;
        MatchOp *op;

        if (compile->is_in_key)
                return "a key of a pattern has no holes";
        if (letter == '\0' || !strchr("iudasbprt_", letter))
                return "no such hole: ~i ~u ~d ~a ~s ~b ~p ~r ~t ~_";
        if (compile->place == TEXT_PLACE_TAIL && letter != 't' && letter != '_')
                return "behind | stands ~t or ~_";
        if (letter != '_' && program->hole_count == HOLES_MAX)
                return "too many holes";
        if (letter != '_')
                program->holes[program->hole_count++] = letter;
        op = add_op(compile, compile->place == TEXT_PLACE_TAIL ? MATCH_REST : MATCH_HOLE);
        op->hole = letter;
        return NULL;
}

static const char *pattern_open(void *sink, TextKind kind)
{
        static const MatchCode codes[TEXT_KIND_COUNT] = {[TEXT_KIND_TUPLE] = MATCH_TUPLE,
                                                         [TEXT_KIND_LIST] = MATCH_LIST,
                                                         [TEXT_KIND_MAP] = MATCH_MAP};
        Compile *compile = sink;

        if (compile->is_in_key)
                return text_build_open(sink, kind);
        if (compile->place == TEXT_PLACE_TAIL)
                return "behind | stands ~t or ~_";
        if (kind != TEXT_KIND_TUPLE && compile->lists_and_maps++ == PATTERN_DEPTH_MAX)
                return "nested too deep";
        compile->open[compile->depth].kind = kind;
        compile->open[compile->depth++].op = compile->op_count;
        (void)add_op(compile, codes[kind]);
        return NULL;
}

static const char *pattern_close(void *sink, TextKind kind, uint32_t count, bool has_tail)
{
        Compile *compile = sink;
        size_t op;

        if (compile->is_in_key)
                return text_build_close(sink, kind, count, has_tail);
        op = compile->open[--compile->depth].op;
        if (!compile->has_failed)
                compile->program->ops[op].size = count;
        if (kind != TEXT_KIND_TUPLE)
                compile->lists_and_maps--;
        if (kind == TEXT_KIND_MAP)
                (void)add_op(compile, MATCH_LEAVE);
        else if (kind == TEXT_KIND_LIST && !has_tail)
                (void)add_op(compile, MATCH_CLOSE);
        return NULL;
}

/* After a key, unless it is one within that key. */
static const char *pattern_arrow(void *sink, bool is_match)
{
        Compile *compile = sink;
        gen_builder *bytes = compile->key.builder;
        MatchOp *op;

        if (compile->key.depth > 0)
                return is_match ? "a key is written with =>" : NULL;
        compile->is_in_key = false;
        if (!is_match)
                return "a map is matched with :=; => is for building";
        if (bytes->error == 0 && !gen_term_is_valid(etf_view(bytes->data + compile->key_start,
                                                             bytes->data + bytes->size)))
                return "the key has two equal keys";
        op = add_op(compile, MATCH_KEY);
        op->offset = compile->key_start;
        op->size = (uint32_t)(bytes->size - compile->key_start);
        return NULL;
}

static const TextSink pattern_sink = {
        .place = pattern_place,
        .leaf = pattern_leaf,
        .hole = pattern_hole,
        .open = pattern_open,
        .close = pattern_close,
        .arrow = pattern_arrow,
};

/* Literals have moved while there were more of them: now they stay. */
static void pattern_finish(Compile *compile, const char *format)
{
        MatchProgram *program = compile->program;
        gen_builder *bytes = compile->key.builder;

        program->format = format;
        program->bytes = bytes->data;
        bytes->data = NULL;
        for (size_t i = 0; i < compile->op_count; i++) {
                MatchOp *op = &program->ops[i];

                if (op->code == MATCH_ATOM || op->code == MATCH_EQUAL || op->code == MATCH_KEY)
                        op->bytes = program->bytes + op->offset;
        }
}

int match_program_new(const char *format, MatchProgram **ret_program)
{
        _cleanup_(gen_builder_deinit) gen_builder bytes;
        _cleanup_(freep) Compile *compile =
                malloc(sizeof(*compile)); /* too large for small stacks */
        gen_text_fault fault = {0};
        int r;

        gen_builder_init(&bytes);
        if (!compile)
                return -ENOMEM;
        compile->op_room = 8;
        compile->program =
                calloc(1, sizeof(*compile->program) + compile->op_room * sizeof(MatchOp));
        if (!compile->program)
                return -ENOMEM;
        compile->key.builder = &bytes;
        compile->key.depth = compile->op_count = compile->depth = compile->lists_and_maps = 0;
        compile->is_in_key = compile->has_failed = false;
        r = text_read(format, strlen(format), &pattern_sink, compile, &fault);
        (void)add_op(compile, MATCH_END);
        if (r == 0)
                r = compile->has_failed ? -ENOMEM : bytes.error;
        if (r < 0) {
                (void)match_program_free(compile->program);
                if (r == -EINVAL)
                        format_wrong(format, &fault);
                return r;
        }
        pattern_finish(compile, format);
        *ret_program = compile->program;
        return 0;
}

MatchProgram *match_program_free(MatchProgram *program)
{
        if (program)
                free(program->bytes);
        free(program);
        return NULL;
}
