#pragma once
/*
 * Erlang's external term format, as far as terms of gend use it: tags, heads, integers, atoms.
 * Every function here is given the end of the bytes and never reads beyond it.
 *
 * These few lines are our own and not libei's: its decoders take no length, its encoders need a
 * buffer whose size somebody has computed, and its pid takes a kilobyte. tests/unit/test-term-ei.c
 * holds every form against libei.
 */

#include <gen/term.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "terms are loaded and stored swapped");

enum {
        ETF_NEW_FLOAT = 70,
        ETF_BIT_BINARY = 77,
        ETF_NEW_PID = 88,
        ETF_NEW_PORT = 89,
        ETF_NEWER_REFERENCE = 90,
        ETF_SMALL_INTEGER = 97,
        ETF_INTEGER = 98,
        ETF_ATOM = 100, /* Latin-1, as 115 */
        ETF_SMALL_TUPLE = 104,
        ETF_LARGE_TUPLE = 105,
        ETF_NIL = 106,
        ETF_STRING = 107,
        ETF_LIST = 108,
        ETF_BINARY = 109,
        ETF_SMALL_BIG = 110,
        ETF_LARGE_BIG = 111,
        ETF_NEW_FUN = 112,
        ETF_EXPORT = 113,
        ETF_SMALL_ATOM = 115,
        ETF_MAP = 116,
        ETF_ATOM_UTF8 = 118,
        ETF_SMALL_ATOM_UTF8 = 119,
        ETF_V4_PORT = 120,
};

#define ETF_ATOM_CHARS_MAX 255u
#define ETF_ATOM_BYTES_MAX 1020u

/* How the rest of a list is marked in gen_term.size: its data are elements and then the tail, or
 * the bytes of a list of bytes. There is always at least one element. */
#define TERM_REST_LIST   ((size_t)1 << (sizeof(size_t) * 8 - 1))
#define TERM_REST_STRING ((size_t)1 << (sizeof(size_t) * 8 - 2))
#define TERM_REST_ANY    (TERM_REST_LIST | TERM_REST_STRING)

/* The build fills every automatic variable with zeros; large ones that are written before they are
 * read say so. */
#define unfilled __attribute__((uninitialized))
#if !__has_attribute(uninitialized)
#undef unfilled
#define unfilled
#endif

/* The bytes of one term, or of what is left of one. */
typedef struct EtfAtom {
        const uint8_t *text;
        size_t size;
        bool is_latin1;
} EtfAtom;

/* An integer of any size: sign and magnitude, the least significant byte first. */
typedef struct EtfInteger {
        bool is_negative;
        bool is_big; /* the magnitude needs more than 64 bits */
        uint64_t magnitude;
        const uint8_t *digits; /* only for the big forms */
        size_t digit_count;
} EtfInteger;

static inline uint32_t etf_load16(const uint8_t *p)
{
        return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t etf_load32(const uint8_t *p)
{
        uint32_t value;

        memcpy(&value, p, sizeof(value));
        return __builtin_bswap32(value);
}

static inline uint64_t etf_load64(const uint8_t *p)
{
        uint64_t value;

        memcpy(&value, p, sizeof(value));
        return __builtin_bswap64(value);
}

static inline void etf_store16(uint8_t *p, size_t value)
{
        p[0] = (uint8_t)(value >> 8);
        p[1] = (uint8_t)value;
}

static inline void etf_store32(uint8_t *p, uint32_t value)
{
        value = __builtin_bswap32(value);
        memcpy(p, &value, sizeof(value));
}

static inline void etf_store64(uint8_t *p, uint64_t value)
{
        value = __builtin_bswap64(value);
        memcpy(p, &value, sizeof(value));
}

static inline bool etf_is_atom_tag(uint8_t tag)
{
        return tag == ETF_SMALL_ATOM_UTF8 || tag == ETF_ATOM_UTF8 || tag == ETF_SMALL_ATOM ||
               tag == ETF_ATOM;
}

/* etf_head() - bytes of the term at @p up to its first child, and how many terms follow as its
 * children (a list's tail is one). Return: 0 if it is malformed or cut off. */
size_t etf_head(const uint8_t *p, const uint8_t *end, uint64_t *ret_children);

/* etf_skip() - what comes after @count terms; NULL if they are malformed or cut off. */
const uint8_t *etf_skip_many(const uint8_t *p, const uint8_t *end, uint64_t count);

static inline const uint8_t *etf_skip(const uint8_t *p, const uint8_t *end)
{
        return etf_skip_many(p, end, 1);
}

/* etf_type() - of the tag. */
gen_type etf_type(const uint8_t *p, const uint8_t *end);

/* etf_atom() - the atom at @p. Return: what comes after it; NULL if there is none. */
const uint8_t *etf_atom(const uint8_t *p, const uint8_t *end, EtfAtom *ret_atom);

/* etf_atom_text() - its text in UTF-8, borrowed from the term or put into @buffer of GEN_ATOM_MAX
 * bytes. Not terminated. */
const uint8_t *etf_atom_text(const EtfAtom *atom, uint8_t *buffer, size_t *ret_size);

/* etf_utf8_length() - characters of valid UTF-8; SIZE_MAX if it is not. */
size_t etf_utf8_length(const uint8_t *text, size_t size);

/* etf_utf8_next() - decode one character. Return: its bytes; 0 if it is not valid. */
size_t etf_utf8_next(const uint8_t *text, size_t size, uint32_t *ret_char);

/* etf_utf8_put() - encode a character. Return: its bytes, at most 4; 0 for no Unicode scalar. */
size_t etf_utf8_put(uint8_t *buffer, uint32_t character);

/* etf_integer() - the integer at @p. Return: what comes after it; NULL if there is none. */
const uint8_t *etf_integer(const uint8_t *p, const uint8_t *end, EtfInteger *ret_integer);

static inline bool etf_fits_int64(const EtfInteger *integer, int64_t *ret_value)
{
        if (integer->is_big ||
            integer->magnitude > (uint64_t)INT64_MAX + (integer->is_negative ? 1 : 0))
                return false;
        *ret_value = integer->is_negative ? (int64_t)(0 - integer->magnitude)
                                          : (int64_t)integer->magnitude;
        return true;
}

static inline bool etf_fits_uint64(const EtfInteger *integer, uint64_t *ret_value)
{
        if (integer->is_big || (integer->is_negative && integer->magnitude != 0))
                return false;
        *ret_value = integer->magnitude;
        return true;
}

/* etf_double() - the float at @p; false if there is none. */
bool etf_double(const uint8_t *p, const uint8_t *end, double *ret_value);

/* etf_pid(), etf_ref() - the pid or reference at @p, its node interned. Return: 0; -EINVAL if there
 * is none; -ENOSPC, -ENOMEM as gen_node_intern(). */
int etf_pid(const uint8_t *p, const uint8_t *end, gen_pid *ret_pid);
int etf_ref(const uint8_t *p, const uint8_t *end, gen_ref *ret_ref);

/* The small integers as terms, for the elements of a list of bytes, and the empty list. */
extern const uint8_t etf_bytes[256][2];
extern const uint8_t etf_nil[1];

/* What is known of a node: its name as an atom, ready to be copied into a term, and as a text. */
struct gen_node {
        struct gen_node *next;
        uint64_t hash;
        size_t atom_size;
        const char *name;
        uint8_t atom[];
};

/* node_find() - by its name. Return: as gen_node_intern(). */
int node_find(const EtfAtom *atom, const gen_node **ret_node);

/* node_is_local() - whether pids of this node and creation have the short form; node_local() - the
 * node of short forms, NULL if none was set. */
bool node_is_local(const gen_node *node, uint32_t creation);
const gen_node *node_local(uint32_t *ret_creation);

/*
 * The elements of a list, whichever of its forms it has: counted, a string of bytes, one within the
 * tail of another, or the rest of one.
 */
typedef enum WalkMode {
        WALK_NONE = 0,
        WALK_COUNTED, /* @left elements at @at, then the tail */
        WALK_REST,    /* elements at @at, the last term before @end is the tail */
        WALK_BYTES,   /* @left bytes at @at */
        WALK_TAIL,    /* no more elements; the tail is at @at */
        WALK_COUNT
} WalkMode;

typedef struct EtfWalk {
        const uint8_t *at;
        const uint8_t *end;
        uint64_t left;
        WalkMode mode;
} EtfWalk;

/* walk_start() - false unless @term is a list, the empty one included. */
bool walk_start(EtfWalk *walk, gen_term term);

/* walk_next() - the next element; false at the tail, or when what is there is malformed. */
bool walk_next(EtfWalk *walk, gen_term *ret_element);

/* walk_is_proper() - after the last element: whether the list ends in []. */
bool walk_is_proper(const EtfWalk *walk);

/* flat_term() - @term itself, or, for the rest of a list, a copy with a header, which the caller
 * releases. Return: 0; -ENOMEM; -EINVAL. */
int flat_term(gen_term term, gen_term *ret_flat, gen_term *ret_owned);

static inline void gen_term_freep(gen_term *term)
{
        *term = gen_term_free(*term);
}

static inline gen_term etf_view(const uint8_t *p, const uint8_t *end)
{
        return (gen_term){.data = p, .size = (size_t)(end - p)};
}

/* etf_compare() - two terms, well-formed or not; @is_exact tells 1 from 1.0, as keys of maps do. */
int etf_compare(const uint8_t *a, const uint8_t *a_end, const uint8_t *b, const uint8_t *b_end,
                bool is_exact);

/* builder_raw() - bytes of @terms whole terms. builder_grow() - make room for @bytes more.
 * builder_need() - where the next @bytes go; NULL if they cannot. */
void builder_raw(gen_builder *builder, const void *data, size_t size, uint64_t terms);
bool builder_grow(gen_builder *builder, size_t bytes);

static inline uint8_t *builder_need(gen_builder *builder, size_t bytes)
{
        if (builder->error != 0 ||
            (bytes > builder->room - builder->size && !builder_grow(builder, bytes)))
                return NULL;
        return builder->data + builder->size;
}

void builder_fail(gen_builder *builder, int error);

/* builder_text_atom() - an atom of @size bytes of UTF-8. */
void builder_text_atom(gen_builder *builder, const uint8_t *text, size_t size);

/* builder_big() - an integer of any size, the least significant byte first. */
void builder_big(gen_builder *builder, bool is_negative, const uint8_t *digits, size_t count);
