/*
 * Equality and Erlang's order of terms. Two terms are walked side by side for as long as they are
 * equal; the first difference decides. What is open is kept in frames of our own, so that a deep
 * term takes no deep stack; only keys of maps are compared by a call of itself, at most
 * KEY_DEPTH_MAX deep, as valid.c promises. What is malformed is compared by its bytes.
 */
#include "workerlib/term/etf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define KEY_DEPTH_MAX 9u

#define FRAMES_INSIDE 8u /* without asking for memory */

/* A container that both terms have open. */
typedef struct CompareFrame {
        gen_type type;
        uint32_t next; /* of a map: the pair whose value comes next */
        uint64_t left[2];
        union {
                const uint8_t *bytes[2]; /* of a list: the next element if it is one of bytes */
                gen_term *keys[2];       /* of a map: sorted; a value stands behind its key */
        };
        const uint8_t
                *resume[2]; /* of a list of bytes: the end of the term; of a map: what follows */
} CompareFrame;

/* Two scalars, each with its own end. */
typedef struct Pair {
        const uint8_t *at[2];
        const uint8_t *end[2];
        bool is_exact;
} Pair;

/* The terms at both places, and all that is around them. */
typedef struct Compare {
        const uint8_t *at[2];
        const uint8_t *end[2];
        bool is_exact;
        unsigned key_depth;
        size_t frame_count;
        size_t frame_room;
        CompareFrame *frames;
        CompareFrame inside[FRAMES_INSIDE];
} Compare;

static int compare_keyed(gen_term a, gen_term b, bool is_exact, unsigned key_depth);

static int order(uint64_t a, uint64_t b)
{
        return a < b ? -1 : a > b;
}

static int sign(int difference)
{
        return difference < 0 ? -1 : difference > 0;
}

static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
        int r = memcmp(a, b, a_size < b_size ? a_size : b_size);

        return r != 0 ? sign(r) : order(a_size, b_size);
}

static int compare_pair_bytes(const Pair *c)
{
        return compare_bytes(c->at[0], (size_t)(c->end[0] - c->at[0]), c->at[1],
                             (size_t)(c->end[1] - c->at[1]));
}

/* ---- numbers ---- */

static int compare_magnitudes(const EtfInteger *a, const EtfInteger *b)
{
        if (!a->is_big && !b->is_big)
                return order(a->magnitude, b->magnitude);
        if (!a->is_big || !b->is_big)
                return a->is_big ? 1 : -1;
        if (a->digit_count != b->digit_count)
                return order(a->digit_count, b->digit_count);
        for (size_t i = a->digit_count; i-- > 0;)
                if (a->digits[i] != b->digits[i])
                        return order(a->digits[i], b->digits[i]);
        return 0;
}

static int compare_integers(const EtfInteger *a, const EtfInteger *b)
{
        if (a->is_negative != b->is_negative)
                return a->is_negative ? -1 : 1;
        return a->is_negative ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

#define DOUBLE_DIGITS 136u /* bytes of the largest double, and some */

/* The whole part of |@value|, exactly. */
static void whole_part(double value, uint8_t digits[DOUBLE_DIGITS], EtfInteger *ret)
{
        uint64_t mantissa;
        int exponent;
        size_t shift;

        memset(digits, 0, DOUBLE_DIGITS);
        *ret = (EtfInteger){.is_negative = value < 0, .digits = digits};
        value = trunc(fabs(value));
        if (value < 0x1p63) {
                ret->magnitude = (uint64_t)value;
                ret->is_negative = ret->is_negative && ret->magnitude != 0;
                return;
        }
        mantissa = (uint64_t)ldexp(frexp(value, &exponent), 53);
        shift = (size_t)(exponent - 53);
        for (size_t bit = 0; bit < 53; bit++)
                if (mantissa >> bit & 1)
                        digits[(bit + shift) / 8] |= (uint8_t)(1u << (bit + shift) % 8);
        for (size_t i = 0; i < 8; i++)
                ret->magnitude |= (uint64_t)digits[i] << (8 * i);
        ret->digit_count = DOUBLE_DIGITS;
        while (digits[ret->digit_count - 1] == 0)
                ret->digit_count--;
        ret->is_big = ret->digit_count > 8;
}

static int compare_integer_double(const EtfInteger *integer, double value)
{
        uint8_t digits[DOUBLE_DIGITS];
        double fraction;
        EtfInteger whole;
        int r;

        whole_part(value, digits, &whole);
        r = compare_integers(integer, &whole);
        if (r != 0)
                return r;
        fraction = value - trunc(value);
        return fraction > 0 ? -1 : fraction < 0;
}

static int compare_numbers(const Pair *c)
{
        EtfInteger integers[2];
        double doubles[2] = {0, 0};
        bool is_float[2];

        for (int i = 0; i < 2; i++) {
                is_float[i] = etf_double(c->at[i], c->end[i], &doubles[i]);
                if (!is_float[i] && !etf_integer(c->at[i], c->end[i], &integers[i]))
                        return compare_pair_bytes(c);
        }
        if (is_float[0] && is_float[1])
                return doubles[0] < doubles[1] ? -1 : doubles[0] > doubles[1];
        if (!is_float[0] && !is_float[1])
                return compare_integers(&integers[0], &integers[1]);
        if (c->is_exact)
                return is_float[0] ? 1 : -1;
        return is_float[0] ? -compare_integer_double(&integers[1], doubles[0])
                           : compare_integer_double(&integers[0], doubles[1]);
}

/* ---- other scalars ---- */

static int compare_atoms(const EtfAtom *a, const EtfAtom *b)
{
        unfilled uint8_t a_buffer[GEN_ATOM_MAX], b_buffer[GEN_ATOM_MAX];
        const uint8_t *a_text, *b_text;
        size_t a_size, b_size;

        a_text = etf_atom_text(a, a_buffer, &a_size);
        b_text = etf_atom_text(b, b_buffer, &b_size);
        return compare_bytes(a_text, a_size, b_text, b_size);
}

/* What pids, references and ports are made of, in the order in which it counts. */
typedef struct Identity {
        EtfAtom node;
        uint32_t creation;
        size_t count;
        uint32_t words[GEN_REF_WORDS];
} Identity;

static bool identity_read(const uint8_t *p, const uint8_t *end, Identity *ret)
{
        bool is_ref = *p == ETF_NEWER_REFERENCE;
        size_t size;

        *ret = (Identity){.count = *p == ETF_NEW_PORT ? 1 : 2};
        if (is_ref && end - p < 3)
                return false;
        if (is_ref)
                ret->count = etf_load16(p + 1);
        p = etf_atom(is_ref ? p + 3 : p + 1, end, &ret->node);
        size = 4 + 4 * ret->count;
        if (!p || ret->count > GEN_REF_WORDS || (size_t)(end - p) < size)
                return false;
        ret->creation = etf_load32(is_ref ? p : p + size - 4);
        for (size_t i = 0; i < ret->count; i++)
                ret->words[i] = etf_load32(p + 4 * i + (is_ref ? 4 : 0));
        return true;
}

/*
 * Numbers before nodes, as OTP does: pids by serial (ours: the worker) and then id, references by
 * their words, the last one first. A port of one word is one whose upper word is zero.
 */
static int compare_identities(const Pair *c, gen_type type)
{
        Identity ids[2];
        int r;

        for (int i = 0; i < 2; i++) {
                if (!identity_read(c->at[i], c->end[i], &ids[i]))
                        return compare_pair_bytes(c);
                if (type == GEN_TYPE_PORT && ids[i].count == 1) {
                        ids[i].words[1] = ids[i].words[0];
                        ids[i].words[0] = 0;
                        ids[i].count = 2;
                } else if (type == GEN_TYPE_PID) {
                        uint32_t actor = ids[i].words[0];

                        ids[i].words[0] = ids[i].words[1];
                        ids[i].words[1] = actor;
                }
        }
        if (type == GEN_TYPE_PORT) {
                r = compare_atoms(&ids[0].node, &ids[1].node);
                r = r != 0 ? r : order(ids[0].creation, ids[1].creation);
                if (r != 0)
                        return r;
        }
        for (size_t i = GEN_REF_WORDS; type == GEN_TYPE_REF && i-- > 0;)
                if (ids[0].words[i] != ids[1].words[i])
                        return order(ids[0].words[i], ids[1].words[i]);
        for (size_t i = 0; type != GEN_TYPE_REF && i < 2; i++)
                if (ids[0].words[i] != ids[1].words[i])
                        return order(ids[0].words[i], ids[1].words[i]);
        r = compare_atoms(&ids[0].node, &ids[1].node);
        r = r != 0 ? r : order(ids[0].creation, ids[1].creation);
        return r != 0 ? r : order(ids[0].count, ids[1].count);
}

static int compare_bits(const Pair *c)
{
        const uint8_t *data[2];
        size_t whole[2];
        unsigned bits[2], last[2] = {0, 0};
        int r;

        for (int i = 0; i < 2; i++) {
                bool has_rest = *c->at[i] == ETF_BIT_BINARY;
                uint32_t size = etf_load32(c->at[i] + 1);

                bits[i] = has_rest && size > 0 ? c->at[i][5] & 7u : 0;
                data[i] = c->at[i] + (has_rest ? 6 : 5);
                whole[i] = bits[i] > 0 ? size - 1 : size;
                if (bits[i] > 0)
                        last[i] = (unsigned)data[i][whole[i]] >> (8 - bits[i]) << (8 - bits[i]);
        }
        r = memcmp(data[0], data[1], whole[0] < whole[1] ? whole[0] : whole[1]);
        if (r != 0)
                return sign(r);
        if (whole[0] == whole[1])
                return last[0] != last[1] ? order(last[0], last[1]) : order(bits[0], bits[1]);
        /* The shorter one's last bits against as many of the longer one's next byte. */
        {
                int s = whole[0] < whole[1] ? 0 : 1;
                unsigned next = data[!s][whole[s]] & (0xffu << (8 - bits[s]) & 0xffu);

                r = last[s] <= next ? -1 : 1;
                return s == 0 ? r : -r;
        }
}

/* fun module:name/arity by these three; funs with an environment by their bytes. */
static int compare_funs(const Pair *c)
{
        const uint8_t *at[2] = {c->at[0] + 1, c->at[1] + 1};
        int r = 0;

        if (*c->at[0] != ETF_EXPORT || *c->at[1] != ETF_EXPORT)
                return compare_pair_bytes(c);
        for (int part = 0; part < 2 && r == 0; part++) {
                EtfAtom atoms[2];

                for (int i = 0; i < 2; i++) {
                        at[i] = etf_atom(at[i], c->end[i], &atoms[i]);
                        if (!at[i])
                                return compare_pair_bytes(c);
                }
                r = compare_atoms(&atoms[0], &atoms[1]);
        }
        return r != 0 ? r
                      : compare_bytes(at[0], (size_t)(c->end[0] - at[0]), at[1],
                                      (size_t)(c->end[1] - at[1]));
}

static int compare_scalars(const Pair *c, gen_type type)
{
        EtfAtom atoms[2];

        switch (type) {
        case GEN_TYPE_INTEGER:
        case GEN_TYPE_FLOAT:
                return compare_numbers(c);
        case GEN_TYPE_ATOM:
                if (!etf_atom(c->at[0], c->end[0], &atoms[0]) ||
                    !etf_atom(c->at[1], c->end[1], &atoms[1]))
                        break;
                return compare_atoms(&atoms[0], &atoms[1]);
        case GEN_TYPE_REF:
        case GEN_TYPE_PORT:
        case GEN_TYPE_PID:
                return compare_identities(c, type);
        case GEN_TYPE_BINARY:
        case GEN_TYPE_BITSTRING:
                return compare_bits(c);
        case GEN_TYPE_NIL:
                return 0;
        case GEN_TYPE_FUN:
                return compare_funs(c);
        case GEN_TYPE_NONE:
        case GEN_TYPE_TUPLE:
        case GEN_TYPE_MAP:
        case GEN_TYPE_LIST:
        case GEN_TYPE_COUNT:
                break;
        }
        return compare_pair_bytes(c);
}

/* ---- containers ---- */

static CompareFrame *frame_push(Compare *c, gen_type type)
{
        CompareFrame *frames = c->frames;

        if (c->frame_count > GEN_DEPTH_MAX)
                return NULL;
        if (c->frame_count == c->frame_room) {
                frames = realloc(frames == c->inside ? NULL : frames,
                                 2 * c->frame_room * sizeof(*frames));
                if (!frames)
                        return NULL;
                if (c->frames == c->inside)
                        memcpy(frames, c->inside, sizeof(c->inside));
                c->frames = frames;
                c->frame_room *= 2;
        }
        frames[c->frame_count] = (CompareFrame){.type = type};
        return &frames[c->frame_count++];
}

static void frame_pop(Compare *c)
{
        CompareFrame *frame = &c->frames[--c->frame_count];

        if (frame->type == GEN_TYPE_MAP) {
                free(frame->keys[0]);
                free(frame->keys[1]);
        }
}

static int by_key(const void *a, const void *b, void *key_depth)
{
        const gen_term *left = a, *right = b;
        const unsigned *depth = key_depth;

        return compare_keyed(*left, *right, true, *depth + 1);
}

/* The keys of the map of side @i, sorted. Return: NULL without memory, or if it is malformed. */
static gen_term *sorted_keys(Compare *c, int i, size_t count, const uint8_t **ret_after)
{
        gen_term *keys = malloc((count > 0 ? count : 1) * sizeof(*keys));
        const uint8_t *p = c->at[i];

        for (size_t k = 0; keys && k < count; k++) {
                const uint8_t *value = etf_skip(p, c->end[i]);
                const uint8_t *after = value ? etf_skip(value, c->end[i]) : NULL;

                if (!after) {
                        free(keys);
                        return NULL;
                }
                keys[k] = etf_view(p, value);
                p = after;
        }
        *ret_after = p;
        if (keys && count > 1)
                qsort_r(keys, count, sizeof(*keys), by_key, &c->key_depth);
        return keys;
}

/* The maps' keys decide at once; their values are left to the frame. False: no memory, or
 * malformed. */
static bool map_open(Compare *c, size_t count, int *ret_order)
{
        CompareFrame *frame;

        if (c->key_depth > KEY_DEPTH_MAX)
                return false;
        frame = frame_push(c, GEN_TYPE_MAP);
        if (!frame)
                return false;
        frame->left[0] = count;
        for (int i = 0; i < 2; i++) {
                frame->keys[i] = sorted_keys(c, i, count, &frame->resume[i]);
                if (!frame->keys[i])
                        return false;
        }
        for (size_t k = 0; k < count && *ret_order == 0; k++)
                *ret_order =
                        compare_keyed(frame->keys[0][k], frame->keys[1][k], true, c->key_depth + 1);
        return true;
}

/* To the next element of side @i, or to the tail. Return: whether there is an element. */
static bool list_next(Compare *c, CompareFrame *frame, int i)
{
        for (;;) {
                const uint8_t *p = c->at[i];

                if (frame->left[i] > 0) {
                        frame->left[i]--;
                        if (frame->bytes[i]) {
                                c->at[i] = etf_bytes[*frame->bytes[i]++];
                                c->end[i] = c->at[i] + 2;
                        }
                        return true;
                }
                if (frame->bytes[i]) {
                        c->at[i] = etf_nil;
                        c->end[i] = etf_nil + 1;
                        return false;
                }
                if (c->end[i] - p >= 5 && *p == ETF_LIST) {
                        frame->left[i] = etf_load32(p + 1);
                        c->at[i] = p + 5;
                } else if (c->end[i] - p >= 3 && *p == ETF_STRING &&
                           etf_load16(p + 1) <= c->end[i] - p - 3) {
                        frame->left[i] = etf_load16(p + 1);
                        frame->bytes[i] = p + 3;
                        frame->resume[i] = c->end[i];
                } else {
                        return false;
                }
        }
}

/* Malformed, or no memory: an order without meaning, but never equal, so that nothing goes on from
 * here. */
static int compare_rest(const Compare *c)
{
        int r = compare_bytes(c->at[0], (size_t)(c->end[0] - c->at[0]), c->at[1],
                              (size_t)(c->end[1] - c->at[1]));

        return r != 0 ? r : -1;
}

static int rank(gen_type type)
{
        if (type == GEN_TYPE_FLOAT)
                return GEN_TYPE_INTEGER;
        return type == GEN_TYPE_BITSTRING ? GEN_TYPE_BINARY : (int)type;
}

/* Two containers of one type: their heads, and a frame for what is in them. */
static int open_both(Compare *c, gen_type type, const size_t sizes[2], const uint64_t children[2])
{
        CompareFrame *frame;
        int r = 0;

        if (type == GEN_TYPE_LIST) {
                if (!frame_push(c, type))
                        return compare_rest(c);
                return 0;
        }
        if (children[0] != children[1])
                return order(children[0], children[1]);
        for (int i = 0; i < 2; i++) {
                c->at[i] += sizes[i];
                if (children[i] > (size_t)(c->end[i] - c->at[i]))
                        return compare_rest(c);
        }
        if (type == GEN_TYPE_MAP) {
                if (!map_open(c, (size_t)children[0] / 2, &r))
                        return compare_rest(c);
                return r;
        }
        frame = frame_push(c, type);
        if (!frame)
                return compare_rest(c);
        frame->left[0] = children[0];
        return 0;
}

/* The terms at both places. Return: their order; 0 if they are equal as far as was seen. */
static int compare_step(Compare *c)
{
        gen_type types[2];
        uint64_t children[2];
        size_t sizes[2];
        Pair own = {.is_exact = c->is_exact};
        int r;

        for (int i = 0; i < 2; i++) {
                types[i] = etf_type(c->at[i], c->end[i]);
                sizes[i] = etf_head(c->at[i], c->end[i], &children[i]);
        }
        if (rank(types[0]) != rank(types[1]))
                return rank(types[0]) < rank(types[1]) ? -1 : 1;
        if (sizes[0] == 0 || sizes[1] == 0)
                return compare_rest(c);
        if (types[0] == GEN_TYPE_TUPLE || types[0] == GEN_TYPE_LIST || types[0] == GEN_TYPE_MAP)
                return open_both(c, types[0], sizes, children);
        for (int i = 0; i < 2; i++) {
                own.at[i] = c->at[i];
                own.end[i] = c->at[i] + sizes[i];
        }
        r = compare_scalars(&own, types[0]);
        c->at[0] += sizes[0];
        c->at[1] += sizes[1];
        return r;
}

/* The next of both lists, or their tails. A tail that is compared ends the frame. */
static int list_step(Compare *c, size_t index)
{
        CompareFrame *frame = &c->frames[index];
        bool has[2] = {list_next(c, frame, 0), list_next(c, frame, 1)};
        int r;

        if (has[0] && has[1])
                return compare_step(c);
        if (has[0] != has[1]) { /* a tail, which is no list, against the rest of one */
                int ended = has[0] ? 1 : 0;

                r = rank(etf_type(c->at[ended], c->end[ended])) < (int)GEN_TYPE_LIST ? -1 : 1;
                return ended == 0 ? r : -r;
        }
        frame->next = 1; /* the frame ends once the tails are equal */
        return compare_step(c);
}

static void list_close(Compare *c, const CompareFrame *frame)
{
        for (int i = 0; i < 2; i++)
                if (frame->bytes[i]) {
                        c->at[i] = frame->bytes[i];
                        c->end[i] = frame->resume[i];
                }
        frame_pop(c);
}

static int map_step(Compare *c, CompareFrame *frame)
{
        for (int i = 0; i < 2; i++) {
                const gen_term *key = &frame->keys[i][frame->next];

                c->at[i] = (const uint8_t *)key->data + key->size;
        }
        frame->next++;
        return compare_step(c);
}

static int compare_run(Compare *c)
{
        int r = compare_step(c);

        while (r == 0 && c->frame_count > 0) {
                CompareFrame *frame = &c->frames[c->frame_count - 1];

                if (frame->type == GEN_TYPE_LIST) {
                        if (frame->next == 0)
                                r = list_step(c, c->frame_count - 1);
                        else
                                list_close(c, frame);
                } else if (frame->type == GEN_TYPE_MAP && frame->next < frame->left[0]) {
                        r = map_step(c, frame);
                } else if (frame->type == GEN_TYPE_MAP) {
                        c->at[0] = frame->resume[0];
                        c->at[1] = frame->resume[1];
                        frame_pop(c);
                } else if (frame->left[0] == 0) {
                        frame_pop(c);
                } else {
                        frame->left[0]--;
                        r = compare_step(c);
                }
        }
        return r;
}

static int compare_keyed(gen_term a, gen_term b, bool is_exact, unsigned key_depth)
{
        unfilled Compare compare;
        int r;

        compare.at[0] = a.data;
        compare.end[0] = compare.at[0] + a.size;
        compare.at[1] = b.data;
        compare.end[1] = compare.at[1] + b.size;
        compare.is_exact = is_exact;
        compare.key_depth = key_depth;
        compare.frame_count = 0;
        compare.frame_room = FRAMES_INSIDE;
        compare.frames = compare.inside;
        r = compare_run(&compare);
        while (compare.frame_count > 0)
                frame_pop(&compare);
        if (compare.frames != compare.inside)
                free(compare.frames);
        return r;
}

int etf_compare(const uint8_t *a, const uint8_t *a_end, const uint8_t *b, const uint8_t *b_end,
                bool is_exact)
{
        return compare_keyed(etf_view(a, a_end), etf_view(b, b_end), is_exact, 0);
}

/* The rest of a list has no header to begin with: it gets one. */
static int compare_views(gen_term a, gen_term b, bool is_exact)
{
        __attribute__((cleanup(gen_term_freep))) gen_term a_owned = GEN_TERM_NULL;
        __attribute__((cleanup(gen_term_freep))) gen_term b_owned = GEN_TERM_NULL;

        if (!a.data || !b.data)
                return a.data ? 1 : b.data ? -1 : 0;
        if (flat_term(a, &a, &a_owned) < 0 || flat_term(b, &b, &b_owned) < 0)
                return -1;
        return compare_keyed(a, b, is_exact, 0);
}

bool gen_term_equal(gen_term a, gen_term b)
{
        return a.data && b.data && compare_views(a, b, true) == 0;
}

int gen_term_compare(gen_term a, gen_term b)
{
        return compare_views(a, b, false);
}
