/*
 * The check that every term of another process passes before anything looks into it. Owns what a
 * valid term is; keeps no state, follows no pointer, and takes no more stack for a deep term than
 * for a flat one.
 *
 * A frame is an open container: how many terms it still lacks; the keys of a map are noted on the
 * way and compared once it is complete. The tail of a list takes the place of its frame, so that
 * a list written cell by cell is as shallow as it means.
 */
#include "workerlib/term/etf.h"

#include <errno.h>
#include <stdlib.h>

#define FUN_DEPTH_MAX 4u /* funs among the variables of funs */
#define KEY_DEPTH_MAX 8u /* maps within a key, the one it belongs to included */
#define PAIRWISE_MAX  12u
#define KEYS_ON_STACK 64u

typedef enum FrameKind {
        FRAME_NONE = 0,
        FRAME_PLAIN,
        FRAME_LIST,
        FRAME_MAP,
        FRAME_COUNT
} FrameKind;

typedef struct Frame {
        uint64_t left;
        uint32_t pairs; /* of a map */
        uint8_t kind;
        uint8_t key_depth;
} Frame;

static const uint8_t *check_terms(const uint8_t *p, const uint8_t *end, uint64_t count,
                                  unsigned fun_depth);

/* ---- keys ---- */

static int by_term(const void *a, const void *b)
{
        const gen_term *left = a, *right = b;
        const uint8_t *p = left->data, *q = right->data;

        return etf_compare(p, p + left->size, q, q + right->size, true);
}

/* Two keys of which most differ in their first bytes. */
static bool keys_equal(gen_term a, gen_term b)
{
        const uint8_t *p = a.data, *q = b.data;

        if (*p == *q && (*p == ETF_SMALL_ATOM_UTF8 || *p == ETF_BINARY || *p == ETF_SMALL_INTEGER))
                return a.size == b.size && memcmp(p, q, a.size) == 0;
        return by_term(&a, &b) == 0;
}

static bool few_keys_differ(const gen_term *keys, size_t count)
{
        for (size_t i = 1; i < count; i++)
                for (size_t j = 0; j < i; j++)
                        if (keys_equal(keys[i], keys[j]))
                                return false;
        return true;
}

/*
 * The keys of all maps that are open, the innermost map's last: noted on the way, so that no value
 * is walked twice, however deep.
 */
typedef struct Keys {
        gen_term few[KEYS_ON_STACK];
        gen_term *all; /* few, or memory of its own */
        size_t count;
        size_t room;
} Keys;

static void keys_deinit(Keys *keys)
{
        if (keys->all != keys->few)
                free(keys->all);
}

static bool keys_grow(Keys *keys)
{
        size_t room = keys->room * 2;
        gen_term *all;

        all = realloc(keys->all == keys->few ? NULL : keys->all, room * sizeof(*all));
        if (!all)
                return false;
        if (keys->all == keys->few)
                memcpy(all, keys->few, sizeof(keys->few));
        keys->all = all;
        keys->room = room;
        return true;
}

/* A child of a map begins at @p: a key, or the value after one. False without memory. */
static bool keys_note(Keys *keys, uint64_t left, const uint8_t *p)
{
        gen_term *key;

        if (left % 2 != 0) {
                key = &keys->all[keys->count - 1];
                key->size = (size_t)(p - (const uint8_t *)key->data);
                return true;
        }
        if (keys->count == keys->room && !keys_grow(keys))
                return false;
        keys->all[keys->count++].data = p;
        return true;
}

/* The last @count keys make a map; they are forgotten. */
static bool keys_differ(Keys *keys, size_t count)
{
        gen_term *own = keys->all + (keys->count - count);

        keys->count -= count;
        if (count <= PAIRWISE_MAX)
                return few_keys_differ(own, count);
        qsort(own, count, sizeof(*own), by_term);
        for (size_t i = 1; i < count; i++)
                if (by_term(&own[i - 1], &own[i]) == 0)
                        return false;
        return true;
}

/* ---- scalars ---- */

static const uint8_t *check_any_atom(const uint8_t *p, const uint8_t *end)
{
        EtfAtom atom;

        p = etf_atom(p, end, &atom);
        if (!p)
                return NULL;
        if (atom.is_latin1)
                return atom.size <= ETF_ATOM_CHARS_MAX ? p : NULL;
        return etf_utf8_length(atom.text, atom.size) <= ETF_ATOM_CHARS_MAX ? p : NULL;
}

/* Most atoms are short, in ASCII, and not the last bytes of a term: one load tells. */
static inline const uint8_t *check_atom(const uint8_t *p, const uint8_t *end)
{
        uint64_t text;

        if (end - p >= 10 && *p == ETF_SMALL_ATOM_UTF8 && p[1] >= 1 && p[1] <= 8) {
                memcpy(&text, p + 2, 8);
                if (((text << (64 - 8 * p[1])) & UINT64_C(0x8080808080808080)) == 0)
                        return p + 2 + p[1];
        }
        return check_any_atom(p, end);
}

/* A pid, reference or port: its node is the atom at @p + @before, @after bytes come behind it. */
static const uint8_t *check_identity(const uint8_t *p, const uint8_t *end, size_t before,
                                     size_t after)
{
        if ((size_t)(end - p) < before)
                return NULL;
        if (end - p > (ptrdiff_t)before + 1 && p[before + 1] == 0 &&
            (p[before] == ETF_SMALL_ATOM_UTF8 || p[before] == ETF_SMALL_ATOM))
                return NULL; /* a node has a name */
        p = check_atom(p + before, end);
        return p && (size_t)(end - p) >= after ? p + after : NULL;
}

/* Size:32, arity:8, unique:128, index:32, count of variables:32, module, two integers, a pid, the
 * variables. */
static const uint8_t *check_fun(const uint8_t *p, const uint8_t *end, unsigned fun_depth)
{
        const uint8_t *fun_end;
        uint32_t size, variables;
        EtfInteger number;

        if (fun_depth >= FUN_DEPTH_MAX || end - p < 30)
                return NULL;
        size = etf_load32(p + 1);
        if (size < 29 || size > (size_t)(end - p) - 1)
                return NULL;
        fun_end = p + 1 + size;
        variables = etf_load32(p + 26);
        p = check_atom(p + 30, fun_end);
        for (int i = 0; i < 2 && p; i++)
                p = etf_integer(p, fun_end, &number);
        if (!p || p >= fun_end || *p != ETF_NEW_PID)
                return NULL;
        p = check_identity(p, fun_end, 1, 12);
        if (p && variables > 0)
                p = check_terms(p, fun_end, variables, fun_depth + 1);
        return p == fun_end ? p : NULL;
}

static const uint8_t *check_export(const uint8_t *p, const uint8_t *end)
{
        p = check_atom(p + 1, end);
        if (p)
                p = check_atom(p, end);
        return p && end - p >= 2 && *p == ETF_SMALL_INTEGER ? p + 2 : NULL;
}

static const uint8_t *check_large_big(const uint8_t *p, const uint8_t *end)
{
        if (end - p < 6 || p[5] > 1 || etf_load32(p + 1) > GEN_INTEGER_MAX ||
            etf_load32(p + 1) > (size_t)(end - p) - 6)
                return NULL;
        return p + 6 + etf_load32(p + 1);
}

static const uint8_t *check_bits(const uint8_t *p, const uint8_t *end)
{
        uint32_t size;

        if (end - p < 6)
                return NULL;
        size = etf_load32(p + 1);
        return size == 0 || p[5] == 0 || p[5] > 7 || size > (size_t)(end - p) - 6 ? NULL
                                                                                  : p + 6 + size;
}

/* Scalars that are rare in messages. */
static const uint8_t *check_rare(const uint8_t *p, const uint8_t *end, unsigned fun_depth)
{
        switch (*p) {
        case ETF_ATOM:
        case ETF_ATOM_UTF8:
        case ETF_SMALL_ATOM:
                return check_atom(p, end);
        case ETF_LARGE_BIG:
                return check_large_big(p, end);
        case ETF_BIT_BINARY:
                return check_bits(p, end);
        case ETF_NEW_FUN:
                return check_fun(p, end, fun_depth);
        case ETF_EXPORT:
                return check_export(p, end);
        case ETF_NEW_PORT:
                return check_identity(p, end, 1, 8);
        case ETF_V4_PORT:
                return check_identity(p, end, 1, 12);
        case ETF_NEWER_REFERENCE:
                if (end - p < 3 || etf_load16(p + 1) == 0 || etf_load16(p + 1) > GEN_REF_WORDS)
                        return NULL;
                return check_identity(p, end, 3, 4 + 4 * (size_t)etf_load16(p + 1));
        default:
                return NULL;
        }
}

/* Any term without children; NULL for another or a wrong one. */
static inline const uint8_t *check_scalar(const uint8_t *p, const uint8_t *end, unsigned fun_depth)
{
        size_t room = (size_t)(end - p);

        switch (*p) {
        case ETF_SMALL_INTEGER:
                return room >= 2 ? p + 2 : NULL;
        case ETF_INTEGER:
                return room >= 5 ? p + 5 : NULL;
        case ETF_NIL:
                return p + 1;
        case ETF_NEW_FLOAT:
                return room >= 9 && (etf_load16(p + 1) & 0x7ff0) != 0x7ff0 ? p + 9 : NULL;
        case ETF_SMALL_ATOM_UTF8:
                return check_atom(p, end);
        case ETF_BINARY:
                return room >= 5 && etf_load32(p + 1) <= room - 5 ? p + 5 + etf_load32(p + 1)
                                                                  : NULL;
        case ETF_STRING:
                if (room < 3 || etf_load16(p + 1) == 0 || etf_load16(p + 1) > room - 3)
                        return NULL;
                return p + 3 + etf_load16(p + 1);
        case ETF_SMALL_BIG:
                return room >= 3 && p[2] <= 1 && p[1] <= room - 3 ? p + 3 + p[1] : NULL;
        case ETF_NEW_PID:
                return check_identity(p, end, 1, 12);
        default:
                return check_rare(p, end, fun_depth);
        }
}

/* ---- containers ---- */

/* The head of a container at @p, as a frame. Return: its first child; NULL if it is a wrong one. */
static const uint8_t *open_frame(const uint8_t *p, const uint8_t *end, Frame *ret_frame)
{
        uint64_t children;
        size_t size;

        size = etf_head(p, end, &children);
        if (size == 0 || children > (size_t)(end - p) - size || (*p == ETF_LIST && children < 2))
                return NULL;
        *ret_frame = (Frame){
                .left = children,
                .pairs = (uint32_t)(children / 2),
                .kind = *p == ETF_LIST  ? FRAME_LIST
                        : *p == ETF_MAP ? FRAME_MAP
                                        : FRAME_PLAIN,
        };
        return p + size;
}

/* How many maps there are, from the outermost key that @child is part of. */
static inline unsigned child_key_depth(const Frame *frame, const Frame *child)
{
        bool is_key = frame->kind == FRAME_MAP && frame->left % 2 == 0;

        return frame->key_depth +
               (is_key || (frame->key_depth > 0 && child->kind == FRAME_MAP) ? 1u : 0u);
}

/* Put @child over *frame. False if that is too deep. */
static inline bool push_frame(Frame **frame, const Frame *last, Frame child)
{
        Frame *top = *frame;

        if (child.kind == FRAME_LIST && top->kind == FRAME_LIST && top->left == 1) {
                top->left = child.left;
                return true;
        }
        child.key_depth = (uint8_t)child_key_depth(top, &child);
        top->left--;
        if (top == last || child.key_depth > KEY_DEPTH_MAX)
                return false;
        *++*frame = child;
        return true;
}

/* The loop of check_terms(), which sets @frames and @keys up. */
static inline const uint8_t *check_run(const uint8_t *p, const uint8_t *end, Frame *frames,
                                       Keys *keys, unsigned fun_depth)
{
        Frame *frame = frames;
        Frame child;

        for (;;) {
                while (frame->left == 0) {
                        if (frame->kind == FRAME_MAP && !keys_differ(keys, frame->pairs))
                                return NULL;
                        if (frame == frames)
                                return p;
                        frame--;
                }
                if (p >= end || (frame->kind == FRAME_MAP && !keys_note(keys, frame->left, p)))
                        return NULL;
                switch (*p) {
                case ETF_SMALL_TUPLE:
                        if (end - p < 2)
                                return NULL;
                        child = (Frame){.left = p[1], .kind = FRAME_PLAIN};
                        p += 2;
                        break;
                case ETF_LARGE_TUPLE:
                case ETF_LIST:
                case ETF_MAP:
                        p = open_frame(p, end, &child);
                        if (!p)
                                return NULL;
                        break;
                default:
                        p = check_scalar(p, end, fun_depth);
                        if (!p)
                                return NULL;
                        frame->left--;
                        continue;
                }
                if (!push_frame(&frame, frames + GEN_DEPTH_MAX, child))
                        return NULL;
        }
}

static const uint8_t *check_terms(const uint8_t *p, const uint8_t *end, uint64_t count,
                                  unsigned fun_depth)
{
        unfilled Frame frames[GEN_DEPTH_MAX + 1];
        unfilled Keys keys;

        keys.all = keys.few;
        keys.count = 0;
        keys.room = KEYS_ON_STACK;
        frames[0] = (Frame){.left = count, .kind = FRAME_PLAIN};
        p = check_run(p, end, frames, &keys, fun_depth);
        keys_deinit(&keys);
        return p;
}

bool gen_term_is_valid(gen_term term)
{
        const uint8_t *p = term.data;

        if (!p || term.size == 0 || (term.size & TERM_REST_ANY))
                return false;
        return check_terms(p, p + term.size, 1, 0) == p + term.size;
}

int gen_term_from_external(const void *data, size_t size, gen_term *ret_term)
{
        const uint8_t *bytes = data;
        gen_term term;

        if (!bytes || size < 2 || bytes[0] != GEN_EXTERNAL_VERSION)
                return -EBADMSG;
        term = etf_view(bytes + 1, bytes + size);
        if (!gen_term_is_valid(term))
                return -EBADMSG;
        *ret_term = term;
        return 0;
}
