/*
 * The reader of Erlang text: values and what stands between them. Scalars are in text-scalar.c.
 * Keeps the open containers in frames of its own, GEN_DEPTH_MAX of them.
 */
#include "workerlib/term/text-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

void text_skip_space(TextReader *reader)
{
        while (reader->at < reader->end) {
                if (*reader->at == '%')
                        while (reader->at < reader->end && *reader->at != '\n')
                                reader->at++;
                else if (is_space(*reader->at))
                        reader->at++;
                else
                        break;
        }
}

int text_fault(TextReader *reader, const char *at, const char *message)
{
        reader->fault =
                (gen_text_fault){.position = (size_t)(at - reader->start), .message = message};
        return -EINVAL;
}

bool text_take(TextReader *reader, const char *word)
{
        size_t length = strlen(word);

        if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
                return false;
        reader->at += length;
        return true;
}

static int text_answer(TextReader *reader, const char *at, const char *message)
{
        return message ? text_fault(reader, at, message) : 0;
}

static int read_hole(TextReader *reader)
{
        const char *at = reader->at++;

        if (!reader->sink->hole)
                return text_fault(reader, at, "there are no holes in a text");
        if (reader->at == reader->end)
                return text_fault(reader, at, "a letter is missing after ~");
        return text_answer(reader, at, reader->sink->hole(reader->data, *reader->at++));
}

/* Close the innermost container; [] and such are leaves or empty. */
static int close_top(TextReader *reader, const char *at)
{
        TextFrame *frame = &reader->frames[--reader->depth];

        return text_answer(reader, at,
                           reader->sink->close(reader->data, frame->kind, frame->count,
                                               frame->place == TEXT_PLACE_TAIL));
}

static int open_container(TextReader *reader, TextKind kind, const char *closer)
{
        const char *at = reader->at;
        const uint8_t nil = 106;
        int r;

        text_skip_space(reader);
        if (kind == TEXT_KIND_LIST && text_take(reader, closer))
                return text_answer(reader, at, reader->sink->leaf(reader->data, &nil, 1));
        if (reader->depth == GEN_DEPTH_MAX)
                return text_fault(reader, at, "nested too deep");
        r = text_answer(reader, at, reader->sink->open(reader->data, kind));
        if (r < 0)
                return r;
        reader->frames[reader->depth++] = (TextFrame){
                .kind = kind,
                .place = kind == TEXT_KIND_MAP ? TEXT_PLACE_KEY : TEXT_PLACE_ELEMENT,
        };
        if (text_take(reader, closer))
                return close_top(reader, at);
        reader->wants_value = true;
        return 0;
}

static int read_value(TextReader *reader)
{
        TextPlace place = TEXT_PLACE_ALONE;
        const char *at = reader->at;
        int r;

        if (at == reader->end)
                return text_fault(reader, at, "a value is missing");
        if (reader->depth > 0)
                place = reader->frames[reader->depth - 1].place;
        r = text_answer(reader, at, reader->sink->place(reader->data, place));
        if (r < 0)
                return r;
        reader->wants_value = false;
        if (text_take(reader, "{"))
                return open_container(reader, TEXT_KIND_TUPLE, "}");
        if (text_take(reader, "["))
                return open_container(reader, TEXT_KIND_LIST, "]");
        if (text_take(reader, "#{"))
                return open_container(reader, TEXT_KIND_MAP, "}");
        if (*at == '~')
                return read_hole(reader);
        reader->scalar.size = 0;
        r = text_read_scalar(reader);
        if (r < 0)
                return r;
        if (reader->scalar.error != 0)
                return reader->scalar.error == -EINVAL ? text_fault(reader, at, "no such value")
                                                       : reader->scalar.error;
        return text_answer(
                reader, at,
                reader->sink->leaf(reader->data, reader->scalar.data, reader->scalar.size));
}

/* After a key: the arrow. */
static int read_arrow(TextReader *reader, TextFrame *frame)
{
        const char *at = reader->at;
        bool is_match;

        is_match = text_take(reader, ":=");
        if (!is_match && !text_take(reader, "=>"))
                return text_fault(reader, at, "=> or := is missing after a key");
        frame->place = TEXT_PLACE_VALUE;
        reader->wants_value = true;
        return text_answer(reader, at, reader->sink->arrow(reader->data, is_match));
}

/* After a value in a container: a comma, a bar, or its end. */
static int read_between(TextReader *reader)
{
        TextFrame *frame = &reader->frames[reader->depth - 1];
        const char *at = reader->at;

        if (frame->place == TEXT_PLACE_KEY)
                return read_arrow(reader, frame);
        if (frame->place != TEXT_PLACE_TAIL && frame->count++ == UINT32_MAX - 1)
                return text_fault(reader, at, "too many elements");
        if (text_take(reader, frame->kind == TEXT_KIND_LIST ? "]" : "}"))
                return close_top(reader, at);
        if (frame->place == TEXT_PLACE_TAIL)
                return text_fault(reader, at, "] is missing after the tail of a list");
        if (frame->kind == TEXT_KIND_LIST && text_take(reader, "|")) {
                frame->place = TEXT_PLACE_TAIL;
        } else if (text_take(reader, ",")) {
                if (frame->kind == TEXT_KIND_MAP)
                        frame->place = TEXT_PLACE_KEY;
        } else {
                return text_fault(reader, at,
                                  frame->kind == TEXT_KIND_LIST ? ", or | or ] is missing"
                                                                : ", or } is missing");
        }
        reader->wants_value = true;
        return 0;
}

static int read_all(TextReader *reader)
{
        int r;

        for (;;) {
                text_skip_space(reader);
                if (!reader->wants_value && reader->depth == 0)
                        break;
                r = reader->wants_value ? read_value(reader) : read_between(reader);
                if (r < 0)
                        return r;
        }
        (void)text_take(reader, ".");
        text_skip_space(reader);
        if (reader->at < reader->end)
                return text_fault(reader, reader->at, "there is more after the term");
        return 0;
}

int text_read(const char *text, size_t size, const TextSink *sink, void *data,
              gen_text_fault *reterr_fault)
{
        _cleanup_(freep) TextReader *reader =
                malloc(sizeof(*reader)); /* too large for small stacks */
        int r;

        if (!reader)
                return -ENOMEM;
        reader->start = reader->at = text;
        reader->end = text + size;
        reader->sink = sink;
        reader->data = data;
        reader->depth = 0;
        reader->wants_value = true;
        gen_builder_init(&reader->scalar);
        r = read_all(reader);
        gen_builder_deinit(&reader->scalar);
        if (r == -EINVAL && reterr_fault)
                *reterr_fault = reader->fault;
        return r;
}

/* ---- the sink that builds ---- */

const char *text_build_leaf(void *sink, const uint8_t *term, size_t size)
{
        TextBuild *build = sink;

        build->builder->open = UINT32_MAX;
        builder_raw(build->builder, term, size, 1);
        return NULL;
}

const char *text_build_open(void *sink, TextKind kind)
{
        static const uint8_t tags[TEXT_KIND_COUNT] = {[TEXT_KIND_TUPLE] = ETF_LARGE_TUPLE,
                                                      [TEXT_KIND_LIST] = ETF_LIST,
                                                      [TEXT_KIND_MAP] = ETF_MAP};
        uint8_t head[5] = {tags[kind]};
        TextBuild *build = sink;

        build->marks[build->depth++] = build->builder->size;
        return text_build_leaf(sink, head, sizeof(head));
}

/* A tuple began with the long head, before its arity was known; it gets the short one. */
static void shorten_tuple(gen_builder *builder, size_t mark, uint32_t count)
{
        uint8_t *head = builder->data + mark;

        head[0] = ETF_SMALL_TUPLE;
        head[1] = (uint8_t)count;
        memmove(head + 2, head + 5, builder->size - mark - 5);
        builder->size -= 3;
}

const char *text_build_close(void *sink, TextKind kind, uint32_t count, bool has_tail)
{
        TextBuild *build = sink;
        gen_builder *builder = build->builder;
        size_t mark = build->marks[--build->depth];

        if (builder->error != 0)
                return NULL;
        etf_store32(builder->data + mark + 1, count);
        if (kind == TEXT_KIND_TUPLE && count <= UINT8_MAX)
                shorten_tuple(builder, mark, count);
        if (kind == TEXT_KIND_LIST && !has_tail)
                return text_build_leaf(sink, etf_nil, 1);
        return NULL;
}
