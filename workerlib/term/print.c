/*
 * From a term to Erlang text. Open containers are kept in frames of our own; text goes to a sink
 * that is a file, a buffer of fixed size, or one that grows. Reads any bytes; stops at the first
 * that are malformed.
 */
#include "workerlib/term/etf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "workerlib/term/number.h"

/* Where text goes. What does not fit is counted. */
typedef struct Out {
        FILE *file;
        char *data;
        size_t size; /* of the whole text */
        size_t room;
        bool grows;
        int error;
} Out;

typedef struct PrintFrame {
        uint64_t left; /* terms that this container still lacks */
        gen_type type;
        bool is_started; /* something was printed: a comma comes first */
} PrintFrame;

typedef struct Print {
        Out *out;
        const uint8_t *at;
        const uint8_t *end;
        bool is_plain;
        PrintFrame *top;
        PrintFrame frames[GEN_DEPTH_MAX + 1];
} Print;

static bool out_grow(Out *out, size_t size)
{
        size_t room = out->room * 2 > out->size + size + 1 ? out->room * 2 : out->size + size + 64;
        char *data = realloc(out->data, room);

        if (!data) {
                out->error = -ENOMEM;
                return false;
        }
        out->data = data;
        out->room = room;
        return true;
}

static void out_put(Out *out, const char *text, size_t size)
{
        size_t fits = size;

        if (out->error != 0)
                return;
        if (out->file) {
                if (fwrite(text, 1, size, out->file) != size)
                        out->error = -EIO;
                return;
        }
        if (out->grows && out->size + size + 1 > out->room && !out_grow(out, size))
                return;
        if (out->size + size + 1 > out->room)
                fits = out->size + 1 < out->room ? out->room - out->size - 1 : 0;
        if (fits > 0)
                memcpy(out->data + out->size, text, fits);
        out->size += size;
}

static void out_text(Out *out, const char *text)
{
        out_put(out, text, strlen(text));
}

static void out_number(Out *out, uint64_t number)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%" PRIu64, number);
        out_text(out, text);
}

/* ---- characters ---- */

/* As ~tp sees it: what can stand in a quoted text, escaped or not. */
static bool is_printable(uint32_t c)
{
        return (c >= 8 && c <= 13) || c == 27 || (c >= 32 && c < 127) ||
               (c >= 0xa0 && c < 0xd800) ||
               (c >= 0xe000 && c <= 0x10ffff && c != 0xfffe && c != 0xffff);
}

static void out_char(Out *out, uint32_t c, char quote)
{
        static const char escapes[] = "btnvfr";
        uint8_t utf8[4];
        char text[12];

        if (c == (unsigned char)quote || c == '\\') {
                text[0] = '\\';
                text[1] = (char)c;
                out_put(out, text, 2);
        } else if (c >= 8 && c <= 13) {
                text[0] = '\\';
                text[1] = escapes[c - 8];
                out_put(out, text, 2);
        } else if (c == 27 || c == 127) {
                out_text(out, c == 27 ? "\\e" : "\\d");
        } else if (c < 32 || (c > 127 && c < 0xa0)) {
                (void)snprintf(text, sizeof(text), "\\x{%X}", c);
                out_text(out, text);
        } else {
                out_put(out, (const char *)utf8, etf_utf8_put(utf8, c));
        }
}

static bool is_reserved(const uint8_t *text, size_t size)
{
        static const char *const words[] = {
                "after", "and",    "andalso", "band", "begin", "bnot", "bor",
                "bsl",   "bsr",    "bxor",    "case", "catch", "cond", "div",
                "end",   "fun",    "if",      "let",  "maybe", "not",  "of",
                "or",    "orelse", "receive", "rem",  "try",   "when", "xor",
        };

        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (strlen(words[i]) == size && memcmp(words[i], text, size) == 0)
                        return strcmp(words[i], "maybe") != 0;
        return false;
}

/* Small letters of Latin-1, with which an atom may begin; others need quotes. */
static bool is_bare_char(uint32_t c, bool is_first)
{
        if ((c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xff && c != 0xf7))
                return true;
        return !is_first && ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                             c == '@' || (c >= 0xc0 && c < 0xdf && c != 0xd7));
}

static bool is_bare_atom(const uint8_t *text, size_t size)
{
        size_t at = 0;

        if (size == 0 || is_reserved(text, size))
                return false;
        while (at < size) {
                uint32_t c;
                size_t length = etf_utf8_next(text + at, size - at, &c);

                if (length == 0 || !is_bare_char(c, at == 0))
                        return false;
                at += length;
        }
        return true;
}

static int print_atom(Out *out, const EtfAtom *atom)
{
        unfilled uint8_t buffer[GEN_ATOM_MAX];
        const uint8_t *text;
        size_t size, at = 0;

        text = etf_atom_text(atom, buffer, &size);
        if (is_bare_atom(text, size)) {
                out_put(out, (const char *)text, size);
                return 0;
        }
        out_put(out, "'", 1);
        while (at < size) {
                uint32_t c;
                size_t length = etf_utf8_next(text + at, size - at, &c);

                if (length == 0)
                        return -EBADMSG;
                out_char(out, c, '\'');
                at += length;
        }
        out_put(out, "'", 1);
        return 0;
}

/* ---- other scalars ---- */

static int print_integer(Out *out, const uint8_t *p, const uint8_t *end)
{
        _cleanup_(freep) char *text = NULL;
        EtfInteger integer;
        int r;

        if (!etf_integer(p, end, &integer) || integer.digit_count > GEN_INTEGER_MAX)
                return -EBADMSG;
        if (integer.is_negative)
                out_put(out, "-", 1);
        if (!integer.is_big) {
                out_number(out, integer.magnitude);
                return 0;
        }
        r = number_to_decimal(integer.digits, integer.digit_count, &text);
        if (r == 0)
                out_text(out, text);
        return r;
}

static int print_double(Out *out, const uint8_t *p, const uint8_t *end)
{
        char text[NUMBER_TEXT_BYTES];
        double value;

        if (!etf_double(p, end, &value))
                return -EBADMSG;
        number_from_double(value, text);
        out_text(out, text);
        return 0;
}

/* Whether the bytes are text that can be shown: 0 no, 1 ASCII, 2 UTF-8. An empty binary is none. */
static int text_of_bytes(const uint8_t *p, size_t size)
{
        size_t at = 0;
        int kind = size > 0 ? 1 : 0;

        while (at < size && kind != 0) {
                uint32_t c;
                size_t length = etf_utf8_next(p + at, size - at, &c);

                if (length == 0 || !is_printable(c))
                        return 0;
                if (c >= 128)
                        kind = 2;
                at += length;
        }
        return kind;
}

static void print_bytes_text(Out *out, const uint8_t *p, size_t size)
{
        for (size_t at = 0; at < size;) {
                uint32_t c = 0;
                size_t length = etf_utf8_next(p + at, size - at, &c);

                out_char(out, c, '"');
                at += length > 0 ? length : 1;
        }
}

static void print_binary(const Print *print, const uint8_t *p, size_t size, unsigned last_bits)
{
        Out *out = print->out;
        int kind = print->is_plain || last_bits != 0 ? 0 : text_of_bytes(p, size);

        out_text(out, "<<");
        if (kind != 0) {
                out_put(out, "\"", 1);
                print_bytes_text(out, p, size);
                out_text(out, kind == 2 ? "\"/utf8" : "\"");
        }
        for (size_t i = 0; kind == 0 && i < size; i++) {
                if (i > 0)
                        out_put(out, ",", 1);
                if (i + 1 < size || last_bits == 0) {
                        out_number(out, p[i]);
                        continue;
                }
                out_number(out, (unsigned)p[i] >> (8 - last_bits));
                out_put(out, ":", 1);
                out_number(out, last_bits);
        }
        out_text(out, ">>");
}

/* "@NODE/CREATION>", or ">" for this process' own. */
static int print_home(Out *out, const EtfAtom *node, uint32_t creation)
{
        uint32_t here;
        const gen_node *local = node_local(&here);
        int r;

        if (local && here == creation && !node->is_latin1 && strlen(local->name) == node->size &&
            memcmp(local->name, node->text, node->size) == 0) {
                out_put(out, ">", 1);
                return 0;
        }
        out_put(out, "@", 1);
        r = print_atom(out, node);
        out_put(out, "/", 1);
        out_number(out, creation);
        out_put(out, ">", 1);
        return r;
}

/* @p is a whole term of its type: etf_head() said so. */
static int print_identity(Out *out, const uint8_t *p, const uint8_t *end)
{
        bool is_ref = *p == ETF_NEWER_REFERENCE;
        size_t count = is_ref ? etf_load16(p + 1) : 0;
        uint8_t tag = *p;
        EtfAtom node;

        p = etf_atom(is_ref ? p + 3 : p + 1, end, &node);
        if (!p)
                return -EBADMSG;
        if (tag == ETF_NEW_PID) {
                out_put(out, "<", 1);
                out_number(out, etf_load32(p + 4));
                out_put(out, ".", 1);
                out_number(out, etf_load32(p));
                return print_home(out, &node, etf_load32(p + 8));
        }
        if (!is_ref) {
                out_text(out, "#Port<");
                out_number(out, tag == ETF_V4_PORT ? etf_load64(p) : etf_load32(p));
                return print_home(out, &node, etf_load32(p + (tag == ETF_V4_PORT ? 8 : 4)));
        }
        out_text(out, "#Ref<");
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        out_put(out, ".", 1);
                out_number(out, etf_load32(p + 4 + 4 * i));
        }
        return print_home(out, &node, etf_load32(p));
}

static int print_fun(Out *out, const uint8_t *p, const uint8_t *end)
{
        bool is_export = *p == ETF_EXPORT;
        EtfAtom atom;
        int r;

        if (!is_export && end - p < 30)
                return -EBADMSG;
        out_text(out, is_export ? "fun " : "#Fun<");
        p = etf_atom(is_export ? p + 1 : p + 30, end, &atom);
        if (!p)
                return -EBADMSG;
        r = print_atom(out, &atom);
        if (r < 0 || !is_export) {
                out_put(out, ">", 1);
                return r;
        }
        out_put(out, ":", 1);
        p = etf_atom(p, end, &atom);
        if (!p || end - p < 2)
                return -EBADMSG;
        r = print_atom(out, &atom);
        out_put(out, "/", 1);
        out_number(out, p[1]);
        return r;
}

static int print_scalar(const Print *print, const uint8_t *p, const uint8_t *end)
{
        EtfAtom atom;

        switch (etf_type(p, end)) {
        case GEN_TYPE_INTEGER:
                return print_integer(print->out, p, end);
        case GEN_TYPE_FLOAT:
                return print_double(print->out, p, end);
        case GEN_TYPE_ATOM:
                return etf_atom(p, end, &atom) ? print_atom(print->out, &atom) : -EBADMSG;
        case GEN_TYPE_BINARY:
                print_binary(print, p + 5, (size_t)(end - p) - 5, 0);
                return 0;
        case GEN_TYPE_BITSTRING:
                if (p[5] == 0 || p[5] > 7 || end - p < 7)
                        return -EBADMSG;
                print_binary(print, p + 6, (size_t)(end - p) - 6, p[5]);
                return 0;
        case GEN_TYPE_REF:
        case GEN_TYPE_PORT:
        case GEN_TYPE_PID:
                return print_identity(print->out, p, end);
        case GEN_TYPE_FUN:
                return print_fun(print->out, p, end);
        case GEN_TYPE_NIL:
                out_text(print->out, "[]");
                return 0;
        case GEN_TYPE_NONE:
        case GEN_TYPE_TUPLE:
        case GEN_TYPE_MAP:
        case GEN_TYPE_LIST:
        case GEN_TYPE_COUNT:
                break;
        }
        return -EBADMSG;
}

/* ---- containers ---- */

/* Whether the list at @term shows as "abc": a proper one of printable characters. */
static bool is_text_list(gen_term term)
{
        gen_term element;
        EtfWalk walk;

        if (!walk_start(&walk, term))
                return false;
        while (walk_next(&walk, &element)) {
                const uint8_t *p = element.data;
                EtfInteger character;

                if (!etf_integer(p, p + element.size, &character) || character.is_negative ||
                    character.is_big || !is_printable((uint32_t)character.magnitude) ||
                    character.magnitude > 0x10ffff)
                        return false;
        }
        return walk_is_proper(&walk);
}

static void print_text_list(Out *out, gen_term term)
{
        gen_term element;
        EtfWalk walk;

        out_put(out, "\"", 1);
        (void)walk_start(&walk, term);
        while (walk_next(&walk, &element)) {
                const uint8_t *p = element.data;
                EtfInteger character;

                (void)etf_integer(p, p + element.size, &character);
                out_char(out, (uint32_t)character.magnitude, '"');
        }
        out_put(out, "\"", 1);
}

/* The bytes of a list of bytes, without brackets. */
static void print_byte_elements(Out *out, const uint8_t *p, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                if (i > 0)
                        out_put(out, ",", 1);
                out_number(out, p[i]);
        }
}

static int frame_open(Print *print, gen_type type, uint64_t children, const char *text)
{
        if (print->top == print->frames + GEN_DEPTH_MAX)
                return -EBADMSG;
        out_text(print->out, text);
        *++print->top = (PrintFrame){.left = children, .type = type};
        return 0;
}

/*
 * A list, or the tail of one, which continues it: the head at @p with @size bytes.
 */
static int print_list(Print *print, const uint8_t *p, size_t size, uint64_t children, bool is_tail)
{
        bool is_bytes = *p == ETF_STRING;
        const uint8_t *list_end;

        if (is_tail) {
                out_put(print->out, ",", 1);
                if (is_bytes) {
                        print_byte_elements(print->out, p + 3, size - 3);
                } else {
                        print->top->left = children;
                        print->top->is_started = false;
                }
                return 0;
        }
        if (!print->is_plain &&
            (is_bytes || p[size] == ETF_SMALL_INTEGER || p[size] == ETF_INTEGER)) {
                gen_term list = etf_view(p, print->end);

                if (is_text_list(list)) {
                        print_text_list(print->out, list);
                        list_end = etf_skip(p, print->end);
                        if (!list_end)
                                return -EBADMSG;
                        print->at = list_end;
                        return 0;
                }
        }
        if (!is_bytes)
                return frame_open(print, GEN_TYPE_LIST, children, "[");
        out_put(print->out, "[", 1);
        print_byte_elements(print->out, p + 3, size - 3);
        out_put(print->out, "]", 1);
        return 0;
}

/* What stands between the values of a container. */
static void print_separator(Print *print, bool is_list_tail)
{
        PrintFrame *frame = print->top;

        if (frame->type == GEN_TYPE_MAP && frame->left % 2 == 1)
                out_text(print->out, " => ");
        else if (frame->is_started && !is_list_tail)
                out_put(print->out, ",", 1);
        frame->is_started = true;
}

static int print_value(Print *print)
{
        PrintFrame *frame = print->top;
        const uint8_t *p = print->at;
        gen_type type = etf_type(p, print->end);
        bool is_tail = frame->type == GEN_TYPE_LIST && frame->left == 1;
        uint64_t children;
        size_t size;

        size = etf_head(p, print->end, &children);
        if (size == 0 || children > (size_t)(print->end - p) - size)
                return -EBADMSG;
        print->at = p + size;
        print_separator(print, is_tail);
        frame->left--;
        if (is_tail && type == GEN_TYPE_NIL)
                return 0;
        if (type == GEN_TYPE_LIST && (*p != ETF_LIST || children >= 2))
                return print_list(print, p, size, children, is_tail);
        if (is_tail)
                out_put(print->out, "|", 1);
        if (type == GEN_TYPE_TUPLE)
                return frame_open(print, type, children, "{");
        if (type == GEN_TYPE_MAP)
                return frame_open(print, type, children, "#{");
        return print_scalar(print, p, p + size);
}

static int print_all(Print *print)
{
        int r;

        do {
                while (print->top->left == 0) {
                        out_put(print->out, print->top->type == GEN_TYPE_LIST ? "]" : "}", 1);
                        print->top--;
                }
                if (print->top == print->frames && print->top->left == 1 && print->top->is_started)
                        break;
                r = print_value(print);
                if (r < 0)
                        return r;
        } while (print->top > print->frames);
        return print->at == print->end ? 0 : -EBADMSG;
}

static int print_term(gen_term term, unsigned flags, Out *out)
{
        __attribute__((cleanup(gen_term_freep))) gen_term owned = GEN_TERM_NULL;
        unfilled Print print;
        int r;

        if (!term.data)
                return -EBADMSG;
        r = flat_term(term, &term, &owned);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        print.out = out;
        print.at = term.data;
        print.end = print.at + term.size;
        print.is_plain = (flags & GEN_PRINT_PLAIN) != 0;
        print.top = print.frames;
        print.frames[0] = (PrintFrame){.left = 2, .type = GEN_TYPE_NONE};
        r = print_all(&print);
        return r < 0 ? r : out->error;
}

int gen_term_print(gen_term term, unsigned flags, FILE *file)
{
        Out out = {.file = file};

        return print_term(term, flags, &out);
}

int gen_term_print_to(gen_term term, unsigned flags, char *buffer, size_t buffer_size,
                      size_t *ret_length)
{
        Out out = {.data = buffer, .room = buffer_size};
        int r;

        r = print_term(term, flags, &out);
        if (buffer_size > 0)
                buffer[out.size < buffer_size ? out.size : buffer_size - 1] = '\0';
        if (ret_length)
                *ret_length = out.size;
        return r == 0 && out.size >= buffer_size ? -ENOBUFS : r;
}

int gen_term_text(gen_term term, unsigned flags, char **ret_text)
{
        Out out = {.grows = true};
        int r;

        r = print_term(term, flags, &out);
        out_put(&out, "", 1);
        if (r == 0)
                r = out.error;
        if (r < 0) {
                free(out.data);
                return r;
        }
        *ret_text = out.data;
        return 0;
}
