/*
 * Reading a term step by step. The elements of a list of bytes are no terms in memory, so that the
 * reader stands on a constant for each of them, and on a constant [] at the end.
 */
#include "workerlib/term/etf.h"

#include <errno.h>

typedef enum ReaderMode {
        READER_TERMS = 0,
        READER_REST_LIST, /* at the start of one */
        READER_REST_STRING,
        READER_BYTES, /* within a list of bytes */
        READER_MODE_COUNT
} ReaderMode;

void gen_reader_init(gen_reader *reader, gen_term term)
{
        size_t size = term.size & ~TERM_REST_ANY;

        if (!term.data)
                term = (gen_term){.data = etf_nil, .size = size = 0};
        *reader = (gen_reader){.at = term.data, .end = (const uint8_t *)term.data + size};
        if (term.size & TERM_REST_LIST)
                reader->mode = READER_REST_LIST;
        if (term.size & TERM_REST_STRING)
                reader->mode = READER_REST_STRING;
}

/* The term that comes next, which may be a constant. */
static const uint8_t *reader_peek(const gen_reader *reader, const uint8_t **ret_end)
{
        if (reader->mode == READER_TERMS) {
                *ret_end = reader->end;
                return reader->at;
        }
        if (reader->mode == READER_BYTES && reader->string_left > 0) {
                *ret_end = etf_bytes[*reader->at] + 2;
                return etf_bytes[*reader->at];
        }
        *ret_end = reader->mode == READER_BYTES ? etf_nil + 1 : etf_nil; /* a rest is no scalar */
        return etf_nil;
}

/* Past the term that reader_peek() gave, whose end was @next. */
static void reader_advance(gen_reader *reader, const uint8_t *next)
{
        if (reader->mode == READER_TERMS) {
                reader->at = next;
        } else if (reader->string_left > 0) {
                reader->at++;
                reader->string_left--;
        } else {
                reader->mode = READER_TERMS;
        }
}

/* Why a step that found no term of its type failed. */
static int reader_why(const uint8_t *p, const uint8_t *end, gen_type type)
{
        gen_type there;

        if (p == end)
                return -ENODATA;
        there = etf_type(p, end);
        return there == GEN_TYPE_NONE || there == type ? -EBADMSG : -EINVAL;
}

gen_type gen_reader_type(const gen_reader *reader)
{
        const uint8_t *p, *end;

        if (reader->mode == READER_REST_LIST || reader->mode == READER_REST_STRING)
                return GEN_TYPE_LIST;
        p = reader_peek(reader, &end);
        return etf_type(p, end);
}

static int read_integer(const gen_reader *reader, EtfInteger *ret, const uint8_t **ret_next)
{
        const uint8_t *p, *end;

        if (reader->mode == READER_REST_LIST || reader->mode == READER_REST_STRING)
                return -EINVAL;
        p = reader_peek(reader, &end);
        *ret_next = etf_integer(p, end, ret);
        return *ret_next ? 0 : reader_why(p, end, GEN_TYPE_INTEGER);
}

int gen_reader_int(gen_reader *reader, int64_t *ret_value)
{
        const uint8_t *next;
        EtfInteger integer;
        int r;

        r = read_integer(reader, &integer, &next);
        if (r < 0)
                return r;
        if (!etf_fits_int64(&integer, ret_value))
                return -ERANGE;
        reader_advance(reader, next);
        return 0;
}

int gen_reader_uint(gen_reader *reader, uint64_t *ret_value)
{
        const uint8_t *next;
        EtfInteger integer;
        int r;

        r = read_integer(reader, &integer, &next);
        if (r < 0)
                return r;
        if (!etf_fits_uint64(&integer, ret_value))
                return -ERANGE;
        reader_advance(reader, next);
        return 0;
}

/* The next term if it is of @type, which is no integer and no list. */
static int read_other(const gen_reader *reader, gen_type type, const uint8_t **ret_next)
{
        gen_type there = gen_reader_type(reader);

        if (there == GEN_TYPE_NONE)
                return reader->at == reader->end ? -ENODATA : -EBADMSG;
        if (there != type)
                return -EINVAL;
        *ret_next = etf_skip(reader->at, reader->end);
        return *ret_next ? 0 : -EBADMSG;
}

int gen_reader_double(gen_reader *reader, double *ret_value)
{
        const uint8_t *next;
        int r;

        r = read_other(reader, GEN_TYPE_FLOAT, &next);
        if (r < 0)
                return r;
        if (!etf_double(reader->at, next, ret_value))
                return -EBADMSG;
        reader->at = next;
        return 0;
}

int gen_reader_atom(gen_reader *reader, char *ret_text)
{
        unfilled uint8_t buffer[GEN_ATOM_MAX];
        const uint8_t *next, *text;
        EtfAtom atom;
        size_t size;
        int r;

        r = read_other(reader, GEN_TYPE_ATOM, &next);
        if (r < 0)
                return r;
        if (!etf_atom(reader->at, next, &atom))
                return -EBADMSG;
        text = etf_atom_text(&atom, buffer, &size);
        if (memchr(text, 0, size))
                return -EINVAL;
        memcpy(ret_text, text, size);
        ret_text[size] = '\0';
        reader->at = next;
        return 0;
}

int gen_reader_binary(gen_reader *reader, const void **ret_data, size_t *ret_size)
{
        const uint8_t *next;
        int r;

        r = read_other(reader, GEN_TYPE_BINARY, &next);
        if (r < 0)
                return r;
        *ret_data = reader->at + 5;
        *ret_size = (size_t)(next - reader->at) - 5;
        reader->at = next;
        return 0;
}

int gen_reader_pid(gen_reader *reader, gen_pid *ret_pid)
{
        const uint8_t *next;
        int r;

        r = read_other(reader, GEN_TYPE_PID, &next);
        if (r == 0)
                r = etf_pid(reader->at, next, ret_pid);
        if (r == 0)
                reader->at = next;
        return r;
}

int gen_reader_ref(gen_reader *reader, gen_ref *ret_ref)
{
        const uint8_t *next;
        int r;

        r = read_other(reader, GEN_TYPE_REF, &next);
        if (r == 0)
                r = etf_ref(reader->at, next, ret_ref);
        if (r == 0)
                reader->at = next;
        return r;
}

/* A head of @type; @ret_children are the terms that follow. */
static int read_head(gen_reader *reader, gen_type type, uint64_t *ret_children)
{
        gen_type there = gen_reader_type(reader);
        size_t size;

        if (there == GEN_TYPE_NONE)
                return reader->at == reader->end ? -ENODATA : -EBADMSG;
        if (there != type)
                return -EINVAL;
        size = etf_head(reader->at, reader->end, ret_children);
        if (size == 0 || *ret_children > (size_t)(reader->end - reader->at) - size)
                return -EBADMSG;
        reader->at += size;
        return 0;
}

int gen_reader_tuple(gen_reader *reader, size_t *ret_arity)
{
        uint64_t children;
        int r;

        r = read_head(reader, GEN_TYPE_TUPLE, &children);
        if (r == 0)
                *ret_arity = (size_t)children;
        return r;
}

int gen_reader_map(gen_reader *reader, size_t *ret_pairs)
{
        uint64_t children;
        int r;

        r = read_head(reader, GEN_TYPE_MAP, &children);
        if (r == 0)
                *ret_pairs = (size_t)children / 2;
        return r;
}

static int read_rest(gen_reader *reader, size_t *ret_count)
{
        const uint8_t *at = reader->at;
        size_t terms = 0;

        while (at && at < reader->end) {
                at = etf_skip(at, reader->end);
                terms++;
        }
        if (!at || terms < 2)
                return -EBADMSG;
        reader->mode = READER_TERMS;
        *ret_count = terms - 1;
        return 0;
}

int gen_reader_list(gen_reader *reader, size_t *ret_count)
{
        const uint8_t *p = reader->at;
        uint64_t children;
        int r;

        if (reader->mode == READER_REST_LIST)
                return read_rest(reader, ret_count);
        if (reader->mode == READER_REST_STRING) {
                reader->mode = READER_BYTES;
                *ret_count = reader->string_left = (size_t)(reader->end - reader->at);
                return 0;
        }
        if (gen_reader_type(reader) != GEN_TYPE_LIST || *p == ETF_LIST) {
                r = read_head(reader, GEN_TYPE_LIST, &children);
                if (r == 0)
                        *ret_count = (size_t)children - 1;
                return r;
        }
        if (reader->end - p < 3 || etf_load16(p + 1) > reader->end - p - 3)
                return -EBADMSG;
        *ret_count = reader->string_left = etf_load16(p + 1);
        reader->at = p + 3;
        reader->mode = READER_BYTES;
        return 0;
}

int gen_reader_nil(gen_reader *reader)
{
        gen_type there = gen_reader_type(reader);

        if (there != GEN_TYPE_NIL)
                return there != GEN_TYPE_NONE      ? -EINVAL
                       : reader->at == reader->end ? -ENODATA
                                                   : -EBADMSG;
        reader_advance(reader, reader->at + 1);
        return 0;
}

int gen_reader_term(gen_reader *reader, gen_term *ret_term)
{
        const uint8_t *p, *end, *next;

        if (reader->mode == READER_REST_LIST || reader->mode == READER_REST_STRING) {
                *ret_term = etf_view(reader->at, reader->end);
                ret_term->size |=
                        reader->mode == READER_REST_LIST ? TERM_REST_LIST : TERM_REST_STRING;
                reader->at = reader->end;
                reader->mode = READER_TERMS;
                return 0;
        }
        p = reader_peek(reader, &end);
        if (p == end)
                return -ENODATA;
        next = etf_skip(p, end);
        if (!next)
                return -EBADMSG;
        *ret_term = etf_view(p, next);
        reader_advance(reader, next);
        return 0;
}

int gen_reader_skip(gen_reader *reader)
{
        gen_term term;

        return gen_reader_term(reader, &term);
}
