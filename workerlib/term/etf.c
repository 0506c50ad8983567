/*
 * Heads and scalars of the external term format. Owns the meaning of every tag but the strictness:
 * what is a valid term is decided by valid.c; this file only refuses what it could not read safely.
 */
#include "workerlib/term/etf.h"

#include <errno.h>
#include <math.h>

const uint8_t etf_nil[1] = {ETF_NIL};

#define ROW1(n)                        \
        {                              \
                ETF_SMALL_INTEGER, (n) \
        }
#define ROW4(n)  ROW1(n), ROW1((n) + 1), ROW1((n) + 2), ROW1((n) + 3)
#define ROW16(n) ROW4(n), ROW4((n) + 4), ROW4((n) + 8), ROW4((n) + 12)
#define ROW64(n) ROW16(n), ROW16((n) + 16), ROW16((n) + 32), ROW16((n) + 48)
const uint8_t etf_bytes[256][2] = {ROW64(0), ROW64(64), ROW64(128), ROW64(192)};

/* @fixed bytes if they are there, else 0. */
static size_t fixed_size(size_t room, size_t fixed)
{
        return fixed <= room ? fixed : 0;
}

/* @head bytes and @size more. */
static size_t sized(size_t room, size_t head, uint64_t size)
{
        return head <= room && size <= room - head ? head + (size_t)size : 0;
}

/* A tag, @before bytes, one or two atoms, @after bytes: pids, references, ports, exported
 * functions. */
static size_t around_atoms(const uint8_t *p, const uint8_t *end, size_t before, unsigned atoms,
                           size_t after)
{
        const uint8_t *at = p;
        EtfAtom atom;

        if ((size_t)(end - p) < before)
                return 0;
        at += before;
        while (atoms-- > 0) {
                at = etf_atom(at, end, &atom);
                if (!at)
                        return 0;
        }
        return (size_t)(end - at) >= after ? (size_t)(at - p) + after : 0;
}

/* Forms that are rare in messages. */
static size_t rare_head(const uint8_t *p, const uint8_t *end)
{
        size_t room = (size_t)(end - p);

        switch (*p) {
        case ETF_ATOM:
        case ETF_ATOM_UTF8:
                return room < 3 ? 0 : sized(room, 3, etf_load16(p + 1));
        case ETF_LARGE_BIG:
                return room < 6 ? 0 : sized(room, 6, etf_load32(p + 1));
        case ETF_BIT_BINARY:
                return room < 6 ? 0 : sized(room, 6, etf_load32(p + 1));
        case ETF_NEW_FUN:
                return room < 5 ? 0 : sized(room, 1, etf_load32(p + 1));
        case ETF_EXPORT:
                return around_atoms(p, end, 1, 2, 2);
        case ETF_NEW_PORT:
                return around_atoms(p, end, 1, 1, 8);
        case ETF_V4_PORT:
                return around_atoms(p, end, 1, 1, 12);
        case ETF_NEW_PID:
                return around_atoms(p, end, 1, 1, 12);
        case ETF_NEWER_REFERENCE:
                return room < 3 ? 0 : around_atoms(p, end, 3, 1, 4 + 4 * (size_t)etf_load16(p + 1));
        default:
                return 0;
        }
}

size_t etf_head(const uint8_t *p, const uint8_t *end, uint64_t *ret_children)
{
        size_t room = (size_t)(end - p);

        *ret_children = 0;
        if (room == 0)
                return 0;
        switch (*p) {
        case ETF_SMALL_INTEGER:
                return fixed_size(room, 2);
        case ETF_INTEGER:
                return fixed_size(room, 5);
        case ETF_NEW_FLOAT:
                return fixed_size(room, 9);
        case ETF_NIL:
                return 1;
        case ETF_SMALL_ATOM:
        case ETF_SMALL_ATOM_UTF8:
                return room < 2 ? 0 : sized(room, 2, p[1]);
        case ETF_SMALL_BIG:
                return room < 3 ? 0 : sized(room, 3, p[1]);
        case ETF_STRING:
                return room < 3 ? 0 : sized(room, 3, etf_load16(p + 1));
        case ETF_BINARY:
                return room < 5 ? 0 : sized(room, 5, etf_load32(p + 1));
        case ETF_SMALL_TUPLE:
                *ret_children = room < 2 ? 0 : p[1];
                return fixed_size(room, 2);
        case ETF_LARGE_TUPLE:
                *ret_children = room < 5 ? 0 : etf_load32(p + 1);
                return fixed_size(room, 5);
        case ETF_LIST:
                *ret_children = room < 5 ? 0 : (uint64_t)etf_load32(p + 1) + 1;
                return fixed_size(room, 5);
        case ETF_MAP:
                *ret_children = room < 5 ? 0 : 2 * (uint64_t)etf_load32(p + 1);
                return fixed_size(room, 5);
        default:
                return rare_head(p, end);
        }
}

const uint8_t *etf_skip_many(const uint8_t *p, const uint8_t *end, uint64_t count)
{
        while (count > 0) {
                uint64_t children;
                size_t size;

                if (count >
                    (uint64_t)(end - p)) /* a term takes a byte: so the sum cannot overflow */
                        return NULL;
                size = etf_head(p, end, &children);
                if (size == 0)
                        return NULL;
                p += size;
                count += children - 1;
        }
        return p;
}

// clang-format off
static const uint8_t types[256] = {
        [ETF_SMALL_INTEGER] = GEN_TYPE_INTEGER, [ETF_INTEGER]         = GEN_TYPE_INTEGER,
        [ETF_SMALL_BIG]     = GEN_TYPE_INTEGER, [ETF_LARGE_BIG]       = GEN_TYPE_INTEGER,
        [ETF_NEW_FLOAT]     = GEN_TYPE_FLOAT,
        [ETF_ATOM]          = GEN_TYPE_ATOM,    [ETF_SMALL_ATOM]      = GEN_TYPE_ATOM,
        [ETF_ATOM_UTF8]     = GEN_TYPE_ATOM,    [ETF_SMALL_ATOM_UTF8] = GEN_TYPE_ATOM,
        [ETF_NEWER_REFERENCE] = GEN_TYPE_REF,
        [ETF_NEW_FUN]       = GEN_TYPE_FUN,     [ETF_EXPORT]          = GEN_TYPE_FUN,
        [ETF_NEW_PORT]      = GEN_TYPE_PORT,    [ETF_V4_PORT]         = GEN_TYPE_PORT,
        [ETF_NEW_PID]       = GEN_TYPE_PID,
        [ETF_SMALL_TUPLE]   = GEN_TYPE_TUPLE,   [ETF_LARGE_TUPLE]     = GEN_TYPE_TUPLE,
        [ETF_MAP]           = GEN_TYPE_MAP,     [ETF_NIL]             = GEN_TYPE_NIL,
        [ETF_LIST]          = GEN_TYPE_LIST,    [ETF_STRING]          = GEN_TYPE_LIST,
        [ETF_BINARY]        = GEN_TYPE_BINARY,  [ETF_BIT_BINARY]      = GEN_TYPE_BITSTRING,
};
// clang-format on

gen_type etf_type(const uint8_t *p, const uint8_t *end)
{
        return p < end ? (gen_type)types[*p] : GEN_TYPE_NONE;
}

const uint8_t *etf_atom(const uint8_t *p, const uint8_t *end, EtfAtom *ret_atom)
{
        size_t room = (size_t)(end - p), head, size;

        if (room < 2 || !etf_is_atom_tag(*p))
                return NULL;
        if (*p == ETF_SMALL_ATOM_UTF8 || *p == ETF_SMALL_ATOM) {
                head = 2;
                size = p[1];
        } else {
                head = 3;
                if (room < head)
                        return NULL;
                size = etf_load16(p + 1);
        }
        if (size > room - head || size > ETF_ATOM_BYTES_MAX)
                return NULL;
        *ret_atom = (EtfAtom){.text = p + head,
                              .size = size,
                              .is_latin1 = *p == ETF_SMALL_ATOM || *p == ETF_ATOM};
        return p + head + size;
}

const uint8_t *etf_atom_text(const EtfAtom *atom, uint8_t *buffer, size_t *ret_size)
{
        size_t used = 0;

        *ret_size = atom->size;
        if (!atom->is_latin1)
                return atom->text;
        for (size_t i = 0; i < atom->size && used + 2 <= ETF_ATOM_BYTES_MAX; i++)
                used += etf_utf8_put(buffer + used, atom->text[i]);
        *ret_size = used;
        return buffer;
}

size_t etf_utf8_next(const uint8_t *text, size_t size, uint32_t *ret_char)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        uint32_t value;
        size_t length;

        if (size == 0)
                return 0;
        if (text[0] < 0x80) {
                *ret_char = text[0];
                return 1;
        }
        length = text[0] >= 0xf8 || text[0] < 0xc0 ? 0
                 : text[0] >= 0xf0                 ? 4
                 : text[0] >= 0xe0                 ? 3
                                                   : 2;
        if (length == 0 || length > size)
                return 0;
        value = text[0] & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
                value = value << 6 | (text[i] & 0x3f);
        }
        if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
                return 0;
        *ret_char = value;
        return length;
}

size_t etf_utf8_length(const uint8_t *text, size_t size)
{
        size_t count = 0, at = 0;

        while (at < size) {
                uint32_t character;
                uint64_t eight;
                size_t length;

                if (size - at >= 8) {
                        memcpy(&eight, text + at, 8);
                        if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                                at += 8;
                                count += 8;
                                continue;
                        }
                }
                length = etf_utf8_next(text + at, size - at, &character);
                if (length == 0)
                        return SIZE_MAX;
                at += length;
                count++;
        }
        return count;
}

size_t etf_utf8_put(uint8_t *buffer, uint32_t character)
{
        if (character < 0x80) {
                buffer[0] = (uint8_t)character;
                return 1;
        }
        if (character < 0x800) {
                buffer[0] = (uint8_t)(0xc0 | character >> 6);
                buffer[1] = (uint8_t)(0x80 | (character & 0x3f));
                return 2;
        }
        if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
                return 0;
        if (character < 0x10000) {
                buffer[0] = (uint8_t)(0xe0 | character >> 12);
                buffer[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
                buffer[2] = (uint8_t)(0x80 | (character & 0x3f));
                return 3;
        }
        buffer[0] = (uint8_t)(0xf0 | character >> 18);
        buffer[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
        buffer[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
        buffer[3] = (uint8_t)(0x80 | (character & 0x3f));
        return 4;
}

static const uint8_t *big_integer(const uint8_t *p, const uint8_t *end, EtfInteger *ret)
{
        size_t room = (size_t)(end - p), head = *p == ETF_SMALL_BIG ? 3 : 6, count;

        if (room < head)
                return NULL;
        count = *p == ETF_SMALL_BIG ? p[1] : etf_load32(p + 1);
        if (count > room - head)
                return NULL;
        *ret = (EtfInteger){.is_negative = p[head - 1] != 0, .digits = p + head};
        ret->digit_count = count;
        while (ret->digit_count > 0 && ret->digits[ret->digit_count - 1] == 0)
                ret->digit_count--;
        ret->is_big = ret->digit_count > 8;
        for (size_t i = 0; i < ret->digit_count && i < 8; i++)
                ret->magnitude |= (uint64_t)ret->digits[i] << (8 * i);
        if (ret->digit_count == 0)
                ret->is_negative = false;
        return p + head + count;
}

const uint8_t *etf_integer(const uint8_t *p, const uint8_t *end, EtfInteger *ret)
{
        size_t room = (size_t)(end - p);

        if (room >= 2 && *p == ETF_SMALL_INTEGER) {
                *ret = (EtfInteger){.magnitude = p[1]};
                return p + 2;
        }
        if (room >= 5 && *p == ETF_INTEGER) {
                int64_t value = (int32_t)etf_load32(p + 1);

                *ret = (EtfInteger){.is_negative = value < 0,
                                    .magnitude = (uint64_t)(value < 0 ? -value : value)};
                return p + 5;
        }
        if (room > 0 && (*p == ETF_SMALL_BIG || *p == ETF_LARGE_BIG))
                return big_integer(p, end, ret);
        return NULL;
}

bool etf_double(const uint8_t *p, const uint8_t *end, double *ret_value)
{
        uint64_t bits;

        if (end - p < 9 || *p != ETF_NEW_FLOAT)
                return false;
        bits = etf_load64(p + 1);
        memcpy(ret_value, &bits, sizeof(bits));
        return isfinite(*ret_value);
}

int etf_pid(const uint8_t *p, const uint8_t *end, gen_pid *ret_pid)
{
        const gen_node *node = NULL;
        EtfAtom atom;
        int r;

        if (p >= end || *p != ETF_NEW_PID)
                return -EINVAL;
        p = etf_atom(p + 1, end, &atom);
        if (!p || end - p < 12)
                return -EINVAL;
        r = node_find(&atom, &node);
        if (r < 0)
                return r;
        *ret_pid = (gen_pid){.node = node,
                             .actor = etf_load32(p),
                             .worker = etf_load32(p + 4),
                             .creation = etf_load32(p + 8)};
        return 0;
}

int etf_ref(const uint8_t *p, const uint8_t *end, gen_ref *ret_ref)
{
        const gen_node *node = NULL;
        uint32_t count;
        EtfAtom atom;
        int r;

        if (end - p < 3 || *p != ETF_NEWER_REFERENCE)
                return -EINVAL;
        count = etf_load16(p + 1);
        p = etf_atom(p + 3, end, &atom);
        if (!p || count == 0 || count > GEN_REF_WORDS || (size_t)(end - p) < 4 + 4 * (size_t)count)
                return -EINVAL;
        r = node_find(&atom, &node);
        if (r < 0)
                return r;
        *ret_ref = (gen_ref){.node = node, .creation = etf_load32(p), .count = count};
        for (uint32_t i = 0; i < count; i++)
                ret_ref->words[i] = etf_load32(p + 4 + 4 * (size_t)i);
        return 0;
}
