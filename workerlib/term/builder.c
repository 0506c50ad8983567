/*
 * Writing a term step by step, into the caller's memory or into memory that grows. Owns the forms
 * in which this library writes values: always the shortest one. Hot: an integer is a handful of
 * instructions.
 */
#include "workerlib/term/etf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define ROOM_FIRST 128u

void builder_fail(gen_builder *builder, int error)
{
        if (builder->error == 0)
                builder->error = error;
}

bool builder_grow(gen_builder *builder, size_t bytes)
{
        size_t room = builder->room < ROOM_FIRST / 2 ? ROOM_FIRST : builder->room * 2;
        unsigned char *data;

        if (!builder->grows) {
                builder_fail(builder, -ENOBUFS);
                return false;
        }
        if (bytes > GEN_TERM_BYTES_MAX - builder->size) {
                builder_fail(builder, -EMSGSIZE);
                return false;
        }
        if (room < builder->size + bytes)
                room = builder->size + bytes;
        data = realloc(builder->data, room);
        if (!data) {
                builder_fail(builder, -ENOMEM);
                return false;
        }
        builder->data = data;
        builder->room = room;
        return true;
}

/* A term of @bytes is there, with @children more to come. */
static inline void builder_took(gen_builder *builder, size_t bytes, uint64_t children)
{
        if (builder->open == 0) {
                builder_fail(builder, -EINVAL);
                return;
        }
        builder->size += bytes;
        builder->open += children - 1;
}

void builder_raw(gen_builder *builder, const void *data, size_t size, uint64_t terms)
{
        uint8_t *p = builder_need(builder, size);

        if (!p || size == 0)
                return;
        if (terms > builder->open) {
                builder_fail(builder, -EINVAL);
                return;
        }
        memcpy(p, data, size);
        builder->size += size;
        builder->open -= terms;
}

void gen_builder_init(gen_builder *builder)
{
        *builder = (gen_builder){.open = 1, .grows = true};
}

void gen_builder_init_fixed(gen_builder *builder, void *buffer, size_t buffer_size)
{
        *builder = (gen_builder){.data = buffer, .room = buffer ? buffer_size : 0, .open = 1};
}

void gen_builder_deinit(gen_builder *builder)
{
        if (builder->grows)
                free(builder->data);
        *builder = (gen_builder){.open = 1, .grows = builder->grows};
}

void gen_builder_reset(gen_builder *builder)
{
        builder->size = 0;
        builder->open = 1;
        builder->error = 0;
}

int gen_builder_finish(gen_builder *builder, gen_term *ret_term)
{
        if (builder->error != 0)
                return builder->error;
        if (builder->open != 0)
                return -EINVAL;
        *ret_term = (gen_term){.data = builder->data, .size = builder->size};
        return 0;
}

static void put_integer(gen_builder *builder, bool is_negative, uint64_t magnitude)
{
        size_t count;
        uint8_t *p;

        if (!is_negative && magnitude <= UINT8_MAX) {
                p = builder_need(builder, 2);
                if (!p)
                        return;
                p[0] = ETF_SMALL_INTEGER;
                p[1] = (uint8_t)magnitude;
                builder_took(builder, 2, 0);
                return;
        }
        if (magnitude <= (uint64_t)INT32_MAX + (is_negative ? 1 : 0)) {
                p = builder_need(builder, 5);
                if (!p)
                        return;
                p[0] = ETF_INTEGER;
                etf_store32(p + 1, (uint32_t)(is_negative ? 0 - magnitude : magnitude));
                builder_took(builder, 5, 0);
                return;
        }
        count = (size_t)(64 - __builtin_clzll(magnitude) + 7) / 8;
        p = builder_need(builder, 3 + count);
        if (!p)
                return;
        p[0] = ETF_SMALL_BIG;
        p[1] = (uint8_t)count;
        p[2] = is_negative;
        for (size_t i = 0; i < count; i++)
                p[3 + i] = (uint8_t)(magnitude >> (8 * i));
        builder_took(builder, 3 + count, 0);
}

void gen_builder_int(gen_builder *builder, int64_t value)
{
        put_integer(builder, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void gen_builder_uint(gen_builder *builder, uint64_t value)
{
        put_integer(builder, false, value);
}

void builder_big(gen_builder *builder, bool is_negative, const uint8_t *digits, size_t count)
{
        size_t head = count <= UINT8_MAX ? 3 : 6;
        uint64_t magnitude = 0;
        uint8_t *p;

        while (count > 0 && digits[count - 1] == 0)
                count--;
        if (count <= 8) {
                for (size_t i = 0; i < count; i++)
                        magnitude |= (uint64_t)digits[i] << (8 * i);
                put_integer(builder, is_negative && magnitude != 0, magnitude);
                return;
        }
        if (count > GEN_INTEGER_MAX) {
                builder_fail(builder, -EINVAL);
                return;
        }
        head = count <= UINT8_MAX ? 3 : 6;
        p = builder_need(builder, head + count);
        if (!p)
                return;
        if (head == 3) {
                p[0] = ETF_SMALL_BIG;
                p[1] = (uint8_t)count;
        } else {
                p[0] = ETF_LARGE_BIG;
                etf_store32(p + 1, (uint32_t)count);
        }
        p[head - 1] = is_negative;
        memcpy(p + head, digits, count);
        builder_took(builder, head + count, 0);
}

void gen_builder_double(gen_builder *builder, double value)
{
        uint64_t bits;
        uint8_t *p;

        if (!isfinite(value)) {
                builder_fail(builder, -EINVAL);
                return;
        }
        p = builder_need(builder, 9);
        if (!p)
                return;
        memcpy(&bits, &value, sizeof(bits));
        p[0] = ETF_NEW_FLOAT;
        etf_store64(p + 1, bits);
        builder_took(builder, 9, 0);
}

void builder_text_atom(gen_builder *builder, const uint8_t *text, size_t size)
{
        size_t head = size <= UINT8_MAX ? 2 : 3;
        uint8_t *p;

        if (size > ETF_ATOM_BYTES_MAX || etf_utf8_length(text, size) > ETF_ATOM_CHARS_MAX) {
                builder_fail(builder, -EINVAL);
                return;
        }
        p = builder_need(builder, head + size);
        if (!p)
                return;
        if (head == 2) {
                p[0] = ETF_SMALL_ATOM_UTF8;
                p[1] = (uint8_t)size;
        } else {
                p[0] = ETF_ATOM_UTF8;
                etf_store16(p + 1, size);
        }
        if (size > 0)
                memcpy(p + head, text, size);
        builder_took(builder, head + size, 0);
}

void gen_builder_atom(gen_builder *builder, const char *text)
{
        if (text)
                builder_text_atom(builder, (const uint8_t *)text, strlen(text));
        else
                builder_fail(builder, -EINVAL);
}

void gen_builder_binary(gen_builder *builder, const void *data, size_t size)
{
        uint8_t *p;

        if ((!data && size > 0) || size > UINT32_MAX) {
                builder_fail(builder, -EINVAL);
                return;
        }
        p = builder_need(builder, 5 + size);
        if (!p)
                return;
        p[0] = ETF_BINARY;
        etf_store32(p + 1, (uint32_t)size);
        if (size > 0)
                memcpy(p + 5, data, size);
        builder_took(builder, 5 + size, 0);
}

void gen_builder_text(gen_builder *builder, const char *text)
{
        size_t size = text ? strlen(text) : 0;

        if (!text || etf_utf8_length((const uint8_t *)text, size) == SIZE_MAX) {
                builder_fail(builder, -EINVAL);
                return;
        }
        gen_builder_binary(builder, text, size);
}

void gen_builder_pid(gen_builder *builder, gen_pid pid)
{
        size_t atom_size = pid.node ? pid.node->atom_size : 0;
        uint8_t *p;

        if (!pid.node) {
                builder_fail(builder, -EINVAL);
                return;
        }
        p = builder_need(builder, 1 + atom_size + 12);
        if (!p)
                return;
        *p++ = ETF_NEW_PID;
        memcpy(p, pid.node->atom, atom_size);
        p += atom_size;
        etf_store32(p, pid.actor);
        etf_store32(p + 4, pid.worker);
        etf_store32(p + 8, pid.creation);
        builder_took(builder, 1 + atom_size + 12, 0);
}

void gen_builder_ref(gen_builder *builder, gen_ref ref)
{
        size_t atom_size = ref.node ? ref.node->atom_size : 0;
        uint8_t *p;

        if (!ref.node || ref.count == 0 || ref.count > GEN_REF_WORDS) {
                builder_fail(builder, -EINVAL);
                return;
        }
        p = builder_need(builder, 3 + atom_size + 4 + 4 * (size_t)ref.count);
        if (!p)
                return;
        p[0] = ETF_NEWER_REFERENCE;
        etf_store16(p + 1, ref.count);
        memcpy(p + 3, ref.node->atom, atom_size);
        p += 3 + atom_size;
        etf_store32(p, ref.creation);
        for (size_t i = 0; i < ref.count; i++)
                etf_store32(p + 4 + 4 * i, ref.words[i]);
        builder_took(builder, 3 + atom_size + 4 + 4 * (size_t)ref.count, 0);
}

/* A tag and a count of 32 bits. */
static void put_head(gen_builder *builder, uint8_t tag, size_t count, uint64_t children)
{
        uint8_t *p;

        if (count > UINT32_MAX) {
                builder_fail(builder, -EINVAL);
                return;
        }
        p = builder_need(builder, 5);
        if (!p)
                return;
        p[0] = tag;
        etf_store32(p + 1, (uint32_t)count);
        builder_took(builder, 5, children);
}

void gen_builder_tuple(gen_builder *builder, size_t arity)
{
        uint8_t *p;

        if (arity > UINT8_MAX) {
                put_head(builder, ETF_LARGE_TUPLE, arity, arity);
                return;
        }
        p = builder_need(builder, 2);
        if (!p)
                return;
        p[0] = ETF_SMALL_TUPLE;
        p[1] = (uint8_t)arity;
        builder_took(builder, 2, arity);
}

void gen_builder_map(gen_builder *builder, size_t pairs)
{
        put_head(builder, ETF_MAP, pairs, 2 * (uint64_t)pairs);
}

void gen_builder_list(gen_builder *builder, size_t count)
{
        if (count > 0)
                put_head(builder, ETF_LIST, count, (uint64_t)count + 1);
}

void gen_builder_nil(gen_builder *builder)
{
        uint8_t *p = builder_need(builder, 1);

        if (!p)
                return;
        *p = ETF_NIL;
        builder_took(builder, 1, 0);
}

size_t gen_builder_list_open(gen_builder *builder)
{
        size_t mark = builder->size;

        put_head(builder, ETF_LIST, 0, UINT32_MAX); /* owed: any number, until it is known */
        return mark;
}

void gen_builder_list_close(gen_builder *builder, size_t mark, size_t count)
{
        if (builder->error != 0)
                return;
        if (count >= UINT32_MAX || mark + 5 > builder->size || builder->data[mark] != ETF_LIST ||
            builder->open + count < UINT32_MAX) {
                builder_fail(builder, -EINVAL);
                return;
        }
        builder->open -= UINT32_MAX - count;
        builder->open++;
        if (count == 0)
                builder->size = mark;
        etf_store32(builder->data + mark + 1, (uint32_t)count);
        gen_builder_nil(builder);
}

/* The rest of a list: its header, its elements, its tail. */
static void put_rest(gen_builder *builder, gen_term term)
{
        size_t size = term.size & ~TERM_REST_ANY;
        const uint8_t *at = term.data, *end = at + size;
        uint64_t count = 0;
        uint8_t *p;

        if (term.size & TERM_REST_STRING) {
                p = builder_need(builder, 3 + size);
                if (!p)
                        return;
                p[0] = ETF_STRING;
                etf_store16(p + 1, size);
                memcpy(p + 3, term.data, size);
                builder_took(builder, 3 + size, 0);
                return;
        }
        while (at && at < end) { /* the last term is the tail, whatever it is */
                at = etf_skip(at, end);
                count++;
        }
        if (!at || count < 2 || count - 1 > UINT32_MAX) {
                builder_fail(builder, -EINVAL);
                return;
        }
        p = builder_need(builder, 5 + size);
        if (!p)
                return;
        p[0] = ETF_LIST;
        etf_store32(p + 1, (uint32_t)(count - 1));
        memcpy(p + 5, term.data, size);
        builder_took(builder, 5 + size, 0);
}

void gen_builder_term(gen_builder *builder, gen_term term)
{
        uint8_t *p;

        if (!term.data || term.size == 0) {
                builder_fail(builder, -EINVAL);
                return;
        }
        if (term.size & TERM_REST_ANY) {
                put_rest(builder, term);
                return;
        }
        p = builder_need(builder, term.size);
        if (!p)
                return;
        memcpy(p, term.data, term.size);
        builder_took(builder, term.size, 0);
}
