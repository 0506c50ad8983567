/*
 * Matching: the steps of a compiled pattern against the bytes of a term, from left to right. What
 * holes take is kept aside until everything matched. Every read is bounded by the term's end, and a
 * list whose elements are bytes is walked as if they were terms.
 */
#include "workerlib/term/program.h"

#include <errno.h>

/* What a hole took. */
typedef struct Taken {
        const uint8_t *data;
        union {
                size_t size;
                int64_t number;
                uint64_t unsigned_number;
                double real;
        };
} Taken;

/* An open list or map. */
typedef struct MatchFrame {
        uint64_t left; /* elements to come */
        WalkMode mode;
        const uint8_t *bytes;    /* WALK_BYTES: the next one */
        const uint8_t *list_end; /* WALK_BYTES: the end of the term around */
        /* of a map */
        const uint8_t *first; /* its first key */
        const uint8_t *pair;  /* where to look for the next key */
        uint64_t index;       /* which pair that is */
        uint64_t count;
        bool is_in_value; /* @pair is behind the value that the steps are in */
} MatchFrame;

typedef struct Match {
        const uint8_t *at;
        const uint8_t *end;
        Taken *taken;
        MatchFrame *top;   /* the next free one */
        size_t rest_flags; /* of the term, at its start */
} Match;

/* ---- scalars ---- */

static bool match_atom(Match *match, const MatchOp *op)
{
        const uint8_t *p = match->at;
        EtfAtom there;
        gen_term own, other;

        if ((size_t)(match->end - p) >= op->size && memcmp(p, op->bytes, op->size) == 0) {
                match->at = p + op->size;
                return true;
        }
        if (p >= match->end || *p == ETF_SMALL_ATOM_UTF8) /* the same form, other bytes */
                return false;
        match->at = etf_atom(p, match->end, &there);
        if (!match->at)
                return false;
        own = etf_view(op->bytes, op->bytes + op->size);
        other = etf_view(p, match->at);
        return gen_term_equal(own, other);
}

static bool match_integer(Match *match, int64_t expected)
{
        EtfInteger integer;
        int64_t value;

        match->at = etf_integer(match->at, match->end, &integer);
        return match->at && etf_fits_int64(&integer, &value) && value == expected;
}

static bool match_equal(Match *match, const MatchOp *op)
{
        const uint8_t *p = match->at;

        match->at = etf_skip(p, match->end);
        return match->at && etf_compare(p, match->at, op->bytes, op->bytes + op->size, true) == 0;
}

/* ---- holes ---- */

/* The forms of most integers at once, the others by way of EtfInteger. */
static bool take_integer(Match *match, Taken *taken, bool is_signed)
{
        const uint8_t *p = match->at;
        EtfInteger integer;

        if (match->end - p >= 2 && *p == ETF_SMALL_INTEGER) {
                taken->number = p[1];
                match->at = p + 2;
                return true;
        }
        if (is_signed && match->end - p >= 5 && *p == ETF_INTEGER) {
                taken->number = (int32_t)etf_load32(p + 1);
                match->at = p + 5;
                return true;
        }
        match->at = etf_integer(match->at, match->end, &integer);
        if (!match->at)
                return false;
        return is_signed ? etf_fits_int64(&integer, &taken->number)
                         : etf_fits_uint64(&integer, &taken->unsigned_number);
}

static bool take_binary(Match *match, Taken *taken, bool is_text)
{
        const uint8_t *p = match->at;
        size_t size;

        if (match->end - p < 5 || *p != ETF_BINARY)
                return false;
        size = etf_load32(p + 1);
        if (size > (size_t)(match->end - p) - 5)
                return false;
        taken->data = p + 5;
        taken->size = size;
        match->at = p + 5 + size;
        return !is_text || etf_utf8_length(taken->data, size) != SIZE_MAX;
}

static bool take_atom(Match *match, Taken *taken)
{
        EtfAtom atom;

        taken->data = match->at;
        match->at = etf_atom(match->at, match->end, &atom);
        if (!match->at)
                return false;
        taken->size = (size_t)(match->at - taken->data);
        return (atom.is_latin1 ? atom.size <= ETF_ATOM_CHARS_MAX
                               : etf_utf8_length(atom.text, atom.size) <= ETF_ATOM_CHARS_MAX) &&
               !memchr(atom.text, 0, atom.size);
}

/* A pid or reference: its node is interned now, since that may fail. */
static bool take_identity(Match *match, Taken *taken, bool is_pid)
{
        const uint8_t *p = match->at;
        gen_pid pid;
        gen_ref ref;

        match->at = etf_skip(p, match->end);
        if (!match->at)
                return false;
        taken->data = p;
        taken->size = (size_t)(match->at - p);
        return (is_pid ? etf_pid(p, match->at, &pid) : etf_ref(p, match->at, &ref)) == 0;
}

static bool take_term(Match *match, Taken *taken)
{
        taken->data = match->at;
        match->at = etf_skip(match->at, match->end);
        if (!match->at)
                return false;
        taken->size = (size_t)(match->at - taken->data);
        return true;
}

static bool match_hole(Match *match, char hole)
{
        Taken *taken = match->taken;

        if (hole == '_') {
                match->at = etf_skip(match->at, match->end);
                return match->at;
        }
        match->taken++;
        switch (hole) {
        case 'i':
        case 'u':
                return take_integer(match, taken, hole == 'i');
        case 'd':
                if (!etf_double(match->at, match->end, &taken->real))
                        return false;
                match->at += 9;
                return true;
        case 'a':
                return take_atom(match, taken);
        case 's':
        case 'b':
                return take_binary(match, taken, hole == 's');
        case 'p':
        case 'r':
                return take_identity(match, taken, hole == 'p');
        default:
                return take_term(match, taken);
        }
}

/* ---- tuples and lists ---- */

static bool match_tuple(Match *match, uint32_t arity)
{
        const uint8_t *p = match->at;

        if (match->end - p >= 2 && p[0] == ETF_SMALL_TUPLE) {
                match->at = p + 2;
                return p[1] == arity;
        }
        if (match->end - p >= 5 && p[0] == ETF_LARGE_TUPLE) {
                match->at = p + 5;
                return etf_load32(p + 1) == arity;
        }
        return false;
}

/* A list that starts at match->at, or that continues there as a tail. */
static bool list_enter(Match *match, MatchFrame *frame)
{
        const uint8_t *p = match->at;

        if (match->end - p >= 5 && *p == ETF_LIST) {
                frame->mode = WALK_COUNTED;
                frame->left = etf_load32(p + 1);
                match->at = p + 5;
                return frame->left > 0;
        }
        if (match->end - p >= 3 && *p == ETF_STRING && etf_load16(p + 1) <= match->end - p - 3) {
                frame->mode = WALK_BYTES;
                frame->left = etf_load16(p + 1);
                frame->bytes = p + 3;
                frame->list_end = match->end;
                return frame->left > 0;
        }
        return false;
}

/* A pattern of a list has at least one element. */
static bool match_list(Match *match)
{
        MatchFrame *frame = match->top++;

        if (match->rest_flags == 0)
                return list_enter(match, frame);
        if (match->rest_flags & TERM_REST_STRING) {
                frame->mode = WALK_BYTES;
                frame->left = (uint64_t)(match->end - match->at);
                frame->bytes = match->at;
                frame->list_end = match->end;
        } else {
                frame->mode = WALK_REST;
                frame->left = 1; /* it has one; what comes then is seen then */
        }
        match->rest_flags = 0;
        return true;
}

/* In the rest of a list, whose last term is the tail: whether that is what comes. */
static bool is_last_term(const Match *match)
{
        const uint8_t *next = etf_skip(match->at, match->end);

        return !next || next == match->end;
}

static bool match_next(Match *match)
{
        MatchFrame *frame = match->top - 1;

        if (frame->mode == WALK_REST && frame->left == 0 && !is_last_term(match))
                frame->left = 1;
        if (frame->left == 0 && (frame->mode == WALK_BYTES || !list_enter(match, frame)))
                return false;
        frame->left--;
        if (frame->mode == WALK_BYTES) {
                match->at = etf_bytes[*frame->bytes++];
                match->end = match->at + 2;
        }
        return true;
}

static void leave_bytes(Match *match, const MatchFrame *frame)
{
        match->at = frame->bytes + frame->left;
        match->end = frame->list_end;
}

static bool match_close(Match *match)
{
        MatchFrame *frame = --match->top;

        if (frame->left != 0)
                return false;
        if (frame->mode == WALK_BYTES) {
                leave_bytes(match, frame);
                return true;
        }
        return match->at < match->end && *match->at++ == ETF_NIL;
}

/* The rest of a list of bytes. */
static void rest_of_bytes(Match *match, const MatchFrame *frame, Taken *taken)
{
        taken->data = frame->left > 0 ? frame->bytes : etf_nil;
        taken->size = frame->left > 0 ? (size_t)frame->left | TERM_REST_STRING : 1;
        leave_bytes(match, frame);
}

/* What is left of the list: its tail if there are no more elements, else a view without a header.
 */
static bool match_rest(Match *match, char hole, bool is_all)
{
        MatchFrame *frame = --match->top;
        const uint8_t *p = match->at;
        Taken nowhere, *taken = hole == '_' ? &nowhere : match->taken++;
        bool is_tail;

        if (frame->mode == WALK_BYTES) {
                rest_of_bytes(match, frame, taken);
                return true;
        }
        if (frame->mode == WALK_REST) {
                is_tail = is_last_term(match);
                match->at = match->end;
        } else {
                is_tail = frame->left == 0;
                /* If the list is all there is, it ends where the term does: no need to walk it. */
                match->at = is_all ? match->end : etf_skip_many(p, match->end, frame->left + 1);
        }
        if (!match->at || match->at == p)
                return false;
        taken->data = p;
        taken->size = (size_t)(match->at - p) | (is_tail ? 0 : TERM_REST_LIST);
        return true;
}

/* ---- maps ---- */

static bool match_map(Match *match)
{
        MatchFrame *frame = match->top++;
        const uint8_t *p = match->at;

        if (match->end - p < 5 || *p != ETF_MAP)
                return false;
        frame->first = frame->pair = p + 5;
        frame->count = etf_load32(p + 1);
        frame->index = 0;
        frame->is_in_value = false;
        match->at = p + 5;
        return true;
}

/* Whether the key from @p to @next, whose bytes are others, is that of @op all the same. */
static bool is_key(const uint8_t *p, const uint8_t *next, const MatchOp *op)
{
        if (*p == op->bytes[0] && (*p == ETF_SMALL_ATOM_UTF8 || *p == ETF_BINARY))
                return false;
        return etf_compare(p, next, op->bytes, op->bytes + op->size, true) == 0;
}

/* From behind the value found last, round to where the search began: keys often come in the same
 * order. */
static bool match_key(Match *match, const MatchOp *op)
{
        MatchFrame *frame = match->top - 1;
        const uint8_t *p = frame->is_in_value ? match->at : frame->pair;

        for (uint64_t tried = 0; tried < frame->count; tried++) {
                const uint8_t *value;
                bool is_same;

                if (frame->index == frame->count) {
                        frame->index = 0;
                        p = frame->first;
                }
                /* No term is the beginning of another: equal bytes are an equal key. */
                is_same =
                        (size_t)(match->end - p) >= op->size && memcmp(p, op->bytes, op->size) == 0;
                value = is_same ? p + op->size : etf_skip(p, match->end);
                if (!value)
                        return false;
                frame->index++;
                if (is_same || is_key(p, value, op)) {
                        match->at = value;
                        frame->is_in_value = true;
                        return true;
                }
                p = etf_skip(value, match->end);
                if (!p)
                        return false;
        }
        return false;
}

static bool match_leave(Match *match)
{
        MatchFrame *frame = --match->top;
        const uint8_t *p = frame->is_in_value ? match->at : frame->pair;

        match->at = etf_skip_many(p, match->end, 2 * (frame->count - frame->index));
        return match->at;
}

/* ---- the program ---- */

static bool match_run(const MatchProgram *program, Match *match)
{
        for (const MatchOp *op = program->ops;; op++) {
                bool matches = false;

                switch ((MatchCode)op->code) {
                case MATCH_END:
                        return match->at == match->end;
                case MATCH_TUPLE:
                        matches = match_tuple(match, op->size);
                        break;
                case MATCH_ATOM:
                        matches = match_atom(match, op);
                        break;
                case MATCH_INTEGER:
                        matches = match_integer(match, op->value);
                        break;
                case MATCH_EQUAL:
                        matches = match_equal(match, op);
                        break;
                case MATCH_HOLE:
                        matches = match_hole(match, op->hole);
                        break;
                case MATCH_LIST:
                        matches = match_list(match);
                        break;
                case MATCH_NEXT:
                        matches = match_next(match);
                        break;
                case MATCH_REST:
                        matches = match_rest(match, op->hole, op[1].code == MATCH_END);
                        break;
                case MATCH_CLOSE:
                        matches = match_close(match);
                        break;
                case MATCH_MAP:
                        matches = match_map(match);
                        break;
                case MATCH_KEY:
                        matches = match_key(match, op);
                        break;
                case MATCH_LEAVE:
                        matches = match_leave(match);
                        break;
                case MATCH_NONE:
                case MATCH_COUNT:
                        break;
                }
                if (!matches)
                        return false;
        }
}

/* ---- outputs ---- */

typedef struct Outputs {
        va_list list;
} Outputs;

static void give_atom(const Taken *taken, char *text)
{
        unfilled uint8_t buffer[GEN_ATOM_MAX];
        const uint8_t *source;
        EtfAtom atom;
        size_t size;

        if (!etf_atom(taken->data, taken->data + taken->size, &atom))
                return;
        source = etf_atom_text(&atom, buffer, &size);
        memcpy(text, source, size);
        text[size] = '\0';
}

static void give(char hole, const Taken *taken, Outputs *outputs)
{
        switch (hole) {
        case 'i':
                *va_arg(outputs->list, int64_t *) = taken->number;
                break;
        case 'u':
                *va_arg(outputs->list, uint64_t *) = taken->unsigned_number;
                break;
        case 'd':
                *va_arg(outputs->list, double *) = taken->real;
                break;
        case 'a':
                give_atom(taken, va_arg(outputs->list, char *));
                break;
        case 's':
        case 'b':
                *va_arg(outputs->list, const void **) = taken->data;
                *va_arg(outputs->list, size_t *) = taken->size;
                break;
        case 'p':
                (void)etf_pid(taken->data, taken->data + taken->size,
                              va_arg(outputs->list, gen_pid *));
                break;
        case 'r':
                (void)etf_ref(taken->data, taken->data + taken->size,
                              va_arg(outputs->list, gen_ref *));
                break;
        default:
                *va_arg(outputs->list, gen_term *) =
                        (gen_term){.data = taken->data, .size = taken->size};
                break;
        }
}

static bool match_term(const MatchProgram *program, gen_term term, Outputs *outputs)
{
        size_t size = term.size & ~TERM_REST_ANY;
        unfilled MatchFrame frames[PATTERN_DEPTH_MAX];
        unfilled Taken taken[HOLES_MAX];
        Match match;

        if (!term.data || size == 0)
                return false;
        match.at = term.data;
        match.end = match.at + size;
        match.taken = taken;
        match.top = frames;
        match.rest_flags = term.size & TERM_REST_ANY;
        if (match.rest_flags != 0 && program->ops[0].code != MATCH_LIST) {
                if (program->ops[0].code != MATCH_HOLE || !strchr("t_", program->ops[0].hole))
                        return false;
                taken[0] = (Taken){.data = term.data, .size = term.size};
        } else if (!match_run(program, &match)) {
                return false;
        }
        for (size_t i = 0; i < program->hole_count; i++)
                give(program->holes[i], &taken[i], outputs);
        return true;
}

/* The program of @format, from @site or made now: then *ret_made is the caller's to free. NULL if
 * @format is wrong. */
static const MatchProgram *program_for(gen_site *site, const char *format, MatchProgram **ret_made)
{
        const MatchProgram *program = site_get(site);

        *ret_made = NULL;
        if (program && program->format == format)
                return program;
        if (match_program_new(format, ret_made) < 0)
                return NULL;
        program = *ret_made;
        if (site_set(site, program))
                *ret_made = NULL;
        return program;
}

bool gen_vmatch(gen_site *site, gen_term term, const char *format, va_list list)
{
        const MatchProgram *program;
        MatchProgram *made;
        Outputs outputs;
        bool matches;

        program = program_for(site, format, &made);
        if (!program)
                return false;
        va_copy(outputs.list, list);
        matches = match_term(program, term, &outputs);
        va_end(outputs.list);
        if (made)
                (void)match_program_free(made);
        return matches;
}

/* The way of every literal pattern: hence as few steps as there can be. */
bool gen_match_at(gen_site *site, gen_term term, const char *format, ...)
{
        const MatchProgram *program = site_get(site);
        Outputs outputs;
        bool matches;

        va_start(outputs.list, format);
        if (program && program->format == format)
                matches = match_term(program, term, &outputs);
        else
                matches = gen_vmatch(site, term, format, outputs.list);
        va_end(outputs.list);
        return matches;
}

bool(gen_match)(gen_term term, const char *format, ...)
{
        va_list list;
        bool matches;

        va_start(list, format);
        matches = gen_vmatch(NULL, term, format, list);
        va_end(list);
        return matches;
}
