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
        size_t pairs; /* of a map */
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

static const uint8_t *check_atom(const uint8_t *p, const uint8_t *end)
{
        EtfAtom atom;

        p = etf_atom(p, end, &atom);
        if (!p)
                return NULL;
        if (atom.is_latin1)
                return atom.size <= ETF_ATOM_CHARS_MAX ? p : NULL;
        return etf_utf8_length(atom.text, atom.size) <= ETF_ATOM_CHARS_MAX ? p : NULL;
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

/* The head of a container at @p, as a frame. Return: its first child; NULL if it is none, or a
 * wrong one. */
static inline const uint8_t *open_frame(const uint8_t *p, const uint8_t *end, Frame *ret_frame)
{
        uint64_t children;
        size_t size;

        switch (*p) {
        case ETF_SMALL_TUPLE:
        case ETF_LARGE_TUPLE:
                ret_frame->kind = FRAME_PLAIN;
                break;
        case ETF_LIST:
                ret_frame->kind = FRAME_LIST;
                break;
        case ETF_MAP:
                ret_frame->kind = FRAME_MAP;
                break;
        default:
                return NULL;
        }
        size = etf_head(p, end, &children);
        if (size == 0 || children > (size_t)(end - p) - size ||
            (ret_frame->kind == FRAME_LIST && children < 2))
                return NULL;
        ret_frame->left = children;
        ret_frame->pairs = (size_t)children / 2;
        return p + size;
}

/* How many maps there are, from the outermost key that @child is part of. */
static inline unsigned child_key_depth(const Frame *frame, const Frame *child)
{
        bool is_key = frame->kind == FRAME_MAP && frame->left % 2 == 0;

        return frame->key_depth +
               (is_key || (frame->key_depth > 0 && child->kind == FRAME_MAP) ? 1u : 0u);
}

typedef struct Check {
        const uint8_t *at;
        const uint8_t *end;
        unsigned fun_depth;
        Frame *top;
        Frame frames[GEN_DEPTH_MAX + 1];
        Keys keys;
} Check;

/* The term at check->at: past a scalar, into a container. */
static inline bool check_step(Check *check)
{
        Frame *frame = check->top;
        const uint8_t *next;
        Frame child;

        if (check->at >= check->end ||
            (frame->kind == FRAME_MAP && !keys_note(&check->keys, frame->left, check->at)))
                return false;
        next = open_frame(check->at, check->end, &child);
        if (!next) {
                check->at = check_scalar(check->at, check->end, check->fun_depth);
                frame->left--;
                return check->at;
        }
        check->at = next;
        if (child.kind == FRAME_LIST && frame->kind == FRAME_LIST && frame->left == 1) {
                frame->left = child.left;
                return true;
        }
        child.key_depth = (uint8_t)child_key_depth(frame, &child);
        frame->left--;
        if (frame == check->frames + GEN_DEPTH_MAX || child.key_depth > KEY_DEPTH_MAX)
                return false;
        *++check->top = child;
        return true;
}

static bool check_run(Check *check)
{
        for (;;) {
                Frame *frame = check->top;

                if (frame->left > 0) {
                        if (!check_step(check))
                                return false;
                        continue;
                }
                if (frame->kind == FRAME_MAP && !keys_differ(&check->keys, frame->pairs))
                        return false;
                if (frame == check->frames)
                        return true;
                check->top--;
        }
}

static const uint8_t *check_terms(const uint8_t *p, const uint8_t *end, uint64_t count,
                                  unsigned fun_depth)
{
        unfilled Check check;
        bool is_valid;

        check.at = p;
        check.end = end;
        check.fun_depth = fun_depth;
        check.top = check.frames;
        check.frames[0] = (Frame){.left = count, .kind = FRAME_PLAIN};
        check.keys.all = check.keys.few;
        check.keys.count = 0;
        check.keys.room = KEYS_ON_STACK;
        is_valid = check_run(&check);
        keys_deinit(&check.keys);
        return is_valid ? check.at : NULL;
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
