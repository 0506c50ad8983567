/*
 * The elements of a list in all of its forms, so that nobody else needs to know how many there are.
 */
#include "workerlib/term/etf.h"

#include <errno.h>

/* Whatever stands at @at as a list; anything else is a tail. */
static void walk_enter(EtfWalk *walk)
{
        const uint8_t *p = walk->at;

        walk->mode = WALK_TAIL;
        if (walk->end - p >= 5 && *p == ETF_LIST) {
                walk->mode = WALK_COUNTED;
                walk->left = etf_load32(p + 1);
                walk->at = p + 5;
        } else if (walk->end - p >= 3 && *p == ETF_STRING) {
                size_t size = etf_load16(p + 1);

                if (size > (size_t)(walk->end - p) - 3)
                        return;
                walk->mode = WALK_BYTES;
                walk->left = size;
                walk->at = p + 3;
        }
}

bool walk_start(EtfWalk *walk, gen_term term)
{
        size_t size = term.size & ~TERM_REST_ANY;
        gen_type type;

        *walk = (EtfWalk){.at = term.data, .end = (const uint8_t *)term.data + size};
        if (term.size & TERM_REST_STRING) {
                walk->mode = WALK_BYTES;
                walk->left = size;
                return true;
        }
        if (term.size & TERM_REST_LIST) {
                walk->mode = WALK_REST;
                return true;
        }
        type = gen_term_type(term);
        if (type != GEN_TYPE_LIST && type != GEN_TYPE_NIL)
                return false;
        walk_enter(walk);
        return true;
}

/* In a list of this form the tail is found by looking one term ahead. */
static bool walk_rest_ends(EtfWalk *walk)
{
        const uint8_t *next = etf_skip(walk->at, walk->end);

        return !next || next == walk->end;
}

bool walk_next(EtfWalk *walk, gen_term *ret_element)
{
        const uint8_t *next;

        while ((walk->mode == WALK_COUNTED && walk->left == 0) ||
               (walk->mode == WALK_REST && walk_rest_ends(walk)))
                walk_enter(walk);
        if (walk->mode == WALK_TAIL)
                return false;
        if (walk->mode == WALK_BYTES) {
                if (walk->left == 0) {
                        *walk = (EtfWalk){.at = etf_nil, .end = etf_nil + 1, .mode = WALK_TAIL};
                        return false;
                }
                walk->left--;
                *ret_element = (gen_term){.data = etf_bytes[*walk->at++], .size = 2};
                return true;
        }
        next = etf_skip(walk->at, walk->end);
        if (!next) {
                walk->mode = WALK_TAIL;
                walk->at = walk->end;
                return false;
        }
        *ret_element = etf_view(walk->at, next);
        walk->at = next;
        if (walk->mode == WALK_COUNTED)
                walk->left--;
        return true;
}

bool walk_is_proper(const EtfWalk *walk)
{
        return walk->mode == WALK_TAIL && walk->at < walk->end && *walk->at == ETF_NIL;
}

int flat_term(gen_term term, gen_term *ret_flat, gen_term *ret_owned)
{
        int r;

        *ret_owned = GEN_TERM_NULL;
        if (!term.data || !(term.size & TERM_REST_ANY)) {
                *ret_flat = term;
                return 0;
        }
        r = gen_term_copy(term, ret_owned);
        if (r < 0)
                return r;
        *ret_flat = *ret_owned;
        return 0;
}
