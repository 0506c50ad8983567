/*
 * Scalars of Erlang text: numbers, atoms, strings, binaries, and what has no text in Erlang but one
 * here: pids, references, ports.
 */
#include "workerlib/term/number.h"
#include "workerlib/term/text-private.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
        return c >= 'a' && c <= 'z';
}

/* Whether an atom without quotes may begin at @p: a small letter of Latin-1. */
static bool is_atom_start(const char *p, const char *end)
{
        uint32_t c;

        if (p < end && is_lower(*p))
                return true;
        return etf_utf8_next((const uint8_t *)p, (size_t)(end - p), &c) == 2 && c >= 0xdf &&
               c <= 0xff && c != 0xf7;
}

static bool is_name(char c)
{
        return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' ||
               (unsigned char)c >= 0x80;
}

static char next_char(const TextReader *reader)
{
        return reader->at < reader->end ? *reader->at : '\0';
}

/* The value of a digit in any base up to 36; 99 for another character. */
static uint32_t digit_value(char c)
{
        if (is_digit(c))
                return (uint32_t)(c - '0');
        if (is_lower(c))
                return (uint32_t)(c - 'a') + 10;
        return c >= 'A' && c <= 'Z' ? (uint32_t)(c - 'A') + 10 : 99;
}

/* ---- numbers ---- */

/* Digits, with single _ between them. Return: 0; -EINVAL; -ENOMEM. */
static int read_digits(TextReader *reader, uint32_t base, Magnitude *magnitude)
{
        const char *at = reader->at;
        int r;

        if (digit_value(next_char(reader)) >= base)
                return text_fault(reader, at, "a digit is missing");
        while (digit_value(next_char(reader)) < base) {
                r = magnitude_times_plus(magnitude, base, digit_value(*reader->at));
                if (r < 0)
                        return r == -ERANGE ? text_fault(reader, at, "the integer is too large")
                                            : r;
                reader->at++;
                if (reader->end - reader->at >= 2 && *reader->at == '_' &&
                    digit_value(reader->at[1]) < base)
                        reader->at++;
        }
        return 0;
}

/* The limbs are bytes, the least significant first: so is this machine (etf.h). */
static void put_magnitude(TextReader *reader, bool is_negative, const Magnitude *magnitude)
{
        builder_big(&reader->scalar, is_negative, (const uint8_t *)magnitude->limbs,
                    magnitude->count * sizeof(*magnitude->limbs));
}

/* From its first digit at @start; reader->at is at the point. */
static int read_float(TextReader *reader, bool is_negative, const char *start)
{
        double value;
        int r;

        reader->at++;
        while (is_digit(next_char(reader)))
                reader->at++;
        if (next_char(reader) == 'e' || next_char(reader) == 'E') {
                reader->at++;
                if (next_char(reader) == '-' || next_char(reader) == '+')
                        reader->at++;
                if (!is_digit(next_char(reader)))
                        return text_fault(reader, reader->at, "the exponent is missing");
                while (is_digit(next_char(reader)))
                        reader->at++;
        }
        r = number_to_double(start, (size_t)(reader->at - start), &value);
        if (r < 0)
                return r == -ENOMEM ? r : text_fault(reader, start, "no such float");
        gen_builder_double(&reader->scalar, is_negative ? -value : value);
        return 0;
}

static int read_number(TextReader *reader)
{
        _cleanup_(magnitude_deinit) Magnitude magnitude = MAGNITUDE_NULL;
        bool is_negative = *reader->at == '-';
        uint32_t base;
        const char *start;
        int r;

        if (*reader->at == '-' || *reader->at == '+')
                reader->at++;
        start = reader->at;
        r = read_digits(reader, 10, &magnitude);
        if (r < 0)
                return r;
        if (reader->end - reader->at >= 2 && *reader->at == '.' && is_digit(reader->at[1]))
                return read_float(reader, is_negative, start);
        if (next_char(reader) == '#') {
                base = magnitude.count == 1 ? magnitude.limbs[0] : 0;
                if (base < 2 || base > 36)
                        return text_fault(reader, start, "a base is 2 to 36");
                reader->at++;
                magnitude_deinit(&magnitude);
                r = read_digits(reader, base, &magnitude);
                if (r < 0)
                        return r;
        }
        if (is_name(next_char(reader)))
                return text_fault(reader, reader->at, "a digit cannot be followed by this");
        put_magnitude(reader, is_negative, &magnitude);
        return 0;
}

/* A small number without sign: parts of pids. */
static int read_word(TextReader *reader, uint64_t max, uint64_t *ret_value)
{
        const char *at = reader->at;
        uint64_t value = 0;

        if (!is_digit(next_char(reader)))
                return text_fault(reader, at, "a number is missing");
        while (is_digit(next_char(reader))) {
                uint64_t digit = (uint64_t)(*reader->at - '0');

                if (value > (max - digit) / 10)
                        return text_fault(reader, at, "the number is too large");
                value = value * 10 + digit;
                reader->at++;
        }
        *ret_value = value;
        return 0;
}

/* ---- characters ---- */

static int read_hex(TextReader *reader, uint32_t *ret_char)
{
        const char *at = reader->at;
        bool is_braced = text_take(reader, "{");
        uint32_t value = 0;
        int digits = 0;

        while (digit_value(next_char(reader)) < 16 && digits < (is_braced ? 6 : 2)) {
                value = value * 16 + digit_value(*reader->at++);
                digits++;
        }
        if (digits == 0 || (!is_braced && digits != 2) || (is_braced && !text_take(reader, "}")))
                return text_fault(reader, at, "no such character code");
        *ret_char = value;
        return 0;
}

/* After a backslash. */
static int read_escape(TextReader *reader, uint32_t *ret_char)
{
        static const char names[] = "nrtvbfesd";
        static const char values[] = "\n\r\t\v\b\f\033 \177";
        const char *at = reader->at, *name;
        char c = next_char(reader);

        if (at == reader->end)
                return text_fault(reader, at, "a character is missing after \\");
        if (c >= '0' && c <= '7') {
                *ret_char = 0;
                for (int i = 0; i < 3 && next_char(reader) >= '0' && next_char(reader) <= '7'; i++)
                        *ret_char = *ret_char * 8 + (uint32_t)(*reader->at++ - '0');
                return 0;
        }
        if (c != '\0') {
                name = strchr(names, c);
                if (name) {
                        *ret_char = (unsigned char)values[name - names];
                        reader->at++;
                        return 0;
                }
        }
        if (text_take(reader, "x"))
                return read_hex(reader, ret_char);
        if (c == '^' && reader->end - at >= 2) {
                *ret_char = (unsigned char)at[1] & 31u;
                reader->at += 2;
                return 0;
        }
        *ret_char = (unsigned char)c;
        reader->at++;
        return (unsigned char)c < 0x80 ? 0 : text_fault(reader, at, "no such escape");
}

/* One character, escaped or not. */
static int read_char(TextReader *reader, uint32_t *ret_char)
{
        const char *at = reader->at;
        size_t length;
        int r;

        if (text_take(reader, "\\")) {
                r = read_escape(reader, ret_char);
                if (r < 0)
                        return r;
                if (*ret_char > 0x10ffff || (*ret_char >= 0xd800 && *ret_char < 0xe000))
                        return text_fault(reader, at, "no such character");
                return 0;
        }
        length = etf_utf8_next((const uint8_t *)at, (size_t)(reader->end - at), ret_char);
        if (length == 0)
                return text_fault(reader, at, "the text is not UTF-8");
        reader->at += length;
        return 0;
}

/* After the opening @quote, to past the closing one: the characters, 4 bytes each, into @chars. */
static int read_quoted(TextReader *reader, char quote, gen_builder *chars)
{
        const char *start = reader->at - 1;

        while (next_char(reader) != quote || reader->at == reader->end) {
                uint32_t character;
                int r;

                if (reader->at == reader->end)
                        return text_fault(reader, start, "the closing quote is missing");
                r = read_char(reader, &character);
                if (r < 0)
                        return r;
                builder_raw(chars, &character, sizeof(character), 0);
        }
        reader->at++;
        return chars->error;
}

static uint32_t char_at(const gen_builder *chars, size_t index)
{
        uint32_t character;

        memcpy(&character, chars->data + index * sizeof(character), sizeof(character));
        return character;
}

/* ---- atoms and strings ---- */

/* The text of an atom, quoted or not, into @text; its length in bytes. */
static int read_atom_text(TextReader *reader, uint8_t text[GEN_ATOM_MAX], size_t *ret_size)
{
        _cleanup_(gen_builder_deinit) gen_builder chars;
        const char *start = reader->at;
        size_t used = 0;
        int r;

        gen_builder_init(&chars);
        if (text_take(reader, "'")) {
                r = read_quoted(reader, '\'', &chars);
                if (r < 0)
                        return r;
                if (chars.size / 4 > ETF_ATOM_CHARS_MAX)
                        return text_fault(reader, start, "an atom has at most 255 characters");
                for (size_t i = 0; i < chars.size / 4; i++)
                        used += etf_utf8_put(text + used, char_at(&chars, i));
                *ret_size = used;
                return 0;
        }
        if (!is_atom_start(reader->at, reader->end))
                return text_fault(reader, start, "an atom is missing");
        while (reader->at < reader->end && is_name(*reader->at))
                reader->at++;
        used = (size_t)(reader->at - start);
        if (etf_utf8_length((const uint8_t *)start, used) == SIZE_MAX)
                return text_fault(reader, start, "the text is not UTF-8");
        if (etf_utf8_length((const uint8_t *)start, used) > ETF_ATOM_CHARS_MAX)
                return text_fault(reader, start, "an atom has at most 255 characters");
        memcpy(text, start, used);
        *ret_size = used;
        return 0;
}

/* fun module:name/arity */
static int read_fun(TextReader *reader)
{
        unfilled uint8_t text[GEN_ATOM_MAX];
        const uint8_t tag = ETF_EXPORT;
        uint64_t arity;
        size_t size;
        int r;

        builder_raw(&reader->scalar, &tag, 1, 0);
        reader->scalar.open = 3;
        for (int i = 0; i < 2; i++) {
                text_skip_space(reader);
                r = read_atom_text(reader, text, &size);
                if (r < 0)
                        return r;
                builder_text_atom(&reader->scalar, text, size);
                if (!text_take(reader, i == 0 ? ":" : "/"))
                        return text_fault(reader, reader->at, "a fun is fun module:name/arity");
        }
        r = read_word(reader, UINT8_MAX, &arity);
        if (r == 0)
                gen_builder_uint(&reader->scalar, arity);
        return r;
}

static int read_atom(TextReader *reader)
{
        unfilled uint8_t text[GEN_ATOM_MAX];
        size_t size;
        int r;

        if (reader->end - reader->at > 4 && memcmp(reader->at, "fun", 3) == 0 &&
            (reader->at[3] == ' ' || reader->at[3] == '\t')) {
                reader->at += 4;
                return read_fun(reader);
        }
        r = read_atom_text(reader, text, &size);
        if (r == 0)
                builder_text_atom(&reader->scalar, text, size);
        return r;
}

/* A list of integers: as bytes if it can be. */
static int read_string(TextReader *reader)
{
        _cleanup_(gen_builder_deinit) gen_builder chars;
        gen_builder *out = &reader->scalar;
        bool is_bytes = true;
        uint8_t head[3] = {ETF_STRING};
        size_t count;
        int r;

        gen_builder_init(&chars);
        r = read_quoted(reader, '"', &chars);
        if (r < 0)
                return r;
        count = chars.size / 4;
        for (size_t i = 0; i < count; i++)
                is_bytes = is_bytes && char_at(&chars, i) <= UINT8_MAX;
        out->open = (uint64_t)count + 2;
        if (count == 0 || count > UINT16_MAX || !is_bytes) {
                gen_builder_list(out, count);
                for (size_t i = 0; i < count; i++)
                        gen_builder_uint(out, char_at(&chars, i));
                gen_builder_nil(out);
                return 0;
        }
        etf_store16(head + 1, count);
        builder_raw(out, head, sizeof(head), 0);
        for (size_t i = 0; i < count; i++) {
                uint8_t byte = (uint8_t)char_at(&chars, i);

                builder_raw(out, &byte, 1, 0);
        }
        return 0;
}

/* ---- binaries ---- */

typedef struct Bits {
        gen_builder bytes;
        uint8_t last;  /* bits that do not fill a byte yet, at the top */
        unsigned used; /* how many */
} Bits;

static void bits_deinit(Bits *bits)
{
        gen_builder_deinit(&bits->bytes);
}

/* The lowest @count bits of @value. */
static void put_bits(Bits *bits, uint64_t value, unsigned count)
{
        if (bits->used == 0 && count == 8) {
                uint8_t byte = (uint8_t)value;

                builder_raw(&bits->bytes, &byte, 1, 0);
                return;
        }
        while (count-- > 0) {
                bits->last |= (uint8_t)((value >> count & 1) << (7 - bits->used));
                if (++bits->used == 8) {
                        builder_raw(&bits->bytes, &bits->last, 1, 0);
                        bits->last = 0;
                        bits->used = 0;
                }
        }
}

/* "text" or "text"/utf8 */
static int read_text_segment(TextReader *reader, Bits *bits)
{
        _cleanup_(gen_builder_deinit) gen_builder chars;
        const char *start = reader->at - 1;
        bool is_utf8;
        int r;

        gen_builder_init(&chars);
        r = read_quoted(reader, '"', &chars);
        if (r < 0)
                return r;
        is_utf8 = text_take(reader, "/utf8");
        for (size_t i = 0; i < chars.size / 4; i++) {
                uint32_t character = char_at(&chars, i);
                uint8_t bytes[4] = {(uint8_t)character};
                size_t length = is_utf8 ? etf_utf8_put(bytes, character) : 1;

                if (!is_utf8 && character > UINT8_MAX)
                        return text_fault(reader, start, "such characters need <<\"...\"/utf8>>");
                for (size_t k = 0; k < length; k++)
                        put_bits(bits, bytes[k], 8);
        }
        return 0;
}

/* Integer, or Integer:Bits */
static int read_number_segment(TextReader *reader, Bits *bits)
{
        const char *at = reader->at;
        bool is_negative = text_take(reader, "-");
        uint64_t value, count = 8;
        uint32_t character;
        int r;

        if (text_take(reader, "$")) {
                r = read_char(reader, &character);
                value = character;
        } else {
                r = read_word(reader, UINT64_MAX, &value);
        }
        if (r < 0)
                return r;
        if (text_take(reader, ":")) {
                r = read_word(reader, 64, &count);
                if (r < 0)
                        return r;
        }
        if (count < 64 && value >> count != 0)
                return text_fault(reader, at, "the number does not fit its bits");
        put_bits(bits, is_negative ? 0 - value : value, (unsigned)count);
        return 0;
}

static void put_binary(TextReader *reader, Bits *bits)
{
        uint8_t head[6] = {ETF_BIT_BINARY};

        if (bits->used == 0) {
                gen_builder_binary(&reader->scalar, bits->bytes.size > 0 ? bits->bytes.data : head,
                                   bits->bytes.size);
                return;
        }
        etf_store32(head + 1, (uint32_t)bits->bytes.size + 1);
        head[5] = (uint8_t)bits->used;
        builder_raw(&reader->scalar, head, sizeof(head), 0);
        builder_raw(&reader->scalar, bits->bytes.data, bits->bytes.size, 0);
        builder_raw(&reader->scalar, &bits->last, 1, 0);
}

/* After << */
static int read_binary(TextReader *reader)
{
        _cleanup_(bits_deinit) Bits bits = {.used = 0};
        bool is_first = true;
        int r;

        gen_builder_init(&bits.bytes);
        for (;; is_first = false) {
                text_skip_space(reader);
                if (text_take(reader, ">>"))
                        break;
                if (!is_first && !text_take(reader, ","))
                        return text_fault(reader, reader->at, ", or >> is missing");
                text_skip_space(reader);
                r = text_take(reader, "\"") ? read_text_segment(reader, &bits)
                                            : read_number_segment(reader, &bits);
                if (r < 0)
                        return r;
        }
        if (bits.bytes.error != 0)
                return bits.bytes.error;
        put_binary(reader, &bits);
        return 0;
}

/* ---- pids, references, ports ---- */

/* "@NODE/CREATION>" or, of this node, ">": the node as an atom. */
static int read_home(TextReader *reader, const gen_node **ret_node, uint32_t *ret_creation)
{
        unfilled uint8_t text[GEN_ATOM_MAX];
        const char *at = reader->at;
        uint64_t creation;
        EtfAtom atom = {.text = text};
        int r;

        if (text_take(reader, ">")) {
                *ret_node = node_local(ret_creation);
                return *ret_node ? 0
                                 : text_fault(reader, at, "the node is missing: @NODE/CREATION");
        }
        if (!text_take(reader, "@"))
                return text_fault(reader, at, "@ or > is missing");
        r = read_atom_text(reader, text, &atom.size);
        if (r < 0)
                return r;
        r = node_find(&atom, ret_node);
        if (r < 0)
                return r == -ENOMEM ? r : text_fault(reader, at, "no such node");
        if (!text_take(reader, "/"))
                return text_fault(reader, reader->at, "/ is missing");
        r = read_word(reader, UINT32_MAX, &creation);
        if (r < 0)
                return r;
        *ret_creation = (uint32_t)creation;
        return text_take(reader, ">") ? 0 : text_fault(reader, reader->at, "> is missing");
}

/* After "<": WORKER.ACTOR */
static int read_pid(TextReader *reader)
{
        uint64_t worker, actor;
        gen_pid pid = {0};
        int r;

        r = read_word(reader, UINT32_MAX, &worker);
        if (r < 0)
                return r;
        if (!text_take(reader, "."))
                return text_fault(reader, reader->at, "a pid is <WORKER.ACTOR>");
        r = read_word(reader, UINT32_MAX, &actor);
        if (r == 0)
                r = read_home(reader, &pid.node, &pid.creation);
        if (r < 0)
                return r;
        pid.worker = (uint32_t)worker;
        pid.actor = (uint32_t)actor;
        gen_builder_pid(&reader->scalar, pid);
        return 0;
}

/* After "#Ref<": numbers with dots between */
static int read_ref(TextReader *reader)
{
        gen_ref ref = {0};
        uint64_t word;
        int r;

        do {
                if (ref.count == GEN_REF_WORDS)
                        return text_fault(reader, reader->at, "a reference has at most 5 words");
                r = read_word(reader, UINT32_MAX, &word);
                if (r < 0)
                        return r;
                ref.words[ref.count++] = (uint32_t)word;
        } while (text_take(reader, "."));
        r = read_home(reader, &ref.node, &ref.creation);
        if (r == 0)
                gen_builder_ref(&reader->scalar, ref);
        return r;
}

/* After "#Port<" */
static int read_port(TextReader *reader)
{
        const gen_node *node = NULL;
        uint8_t tag = ETF_V4_PORT, tail[12];
        uint32_t creation;
        uint64_t id;
        int r;

        r = read_word(reader, UINT64_MAX, &id);
        if (r == 0)
                r = read_home(reader, &node, &creation);
        if (r < 0)
                return r;
        etf_store64(tail, id);
        etf_store32(tail + 8, creation);
        builder_raw(&reader->scalar, &tag, 1, 0);
        builder_raw(&reader->scalar, node->atom, node->atom_size, 0);
        builder_raw(&reader->scalar, tail, sizeof(tail), 0);
        return 0;
}

static int read_character(TextReader *reader)
{
        uint32_t character;
        int r;

        r = read_char(reader, &character);
        if (r == 0)
                gen_builder_uint(&reader->scalar, character);
        return r;
}

int text_read_scalar(TextReader *reader)
{
        char c = *reader->at;

        gen_builder_reset(&reader->scalar);
        if (is_digit(c) || c == '-' || c == '+')
                return read_number(reader);
        if (c == '\'' || is_atom_start(reader->at, reader->end))
                return read_atom(reader);
        if (text_take(reader, "\""))
                return read_string(reader);
        if (text_take(reader, "<<"))
                return read_binary(reader);
        if (text_take(reader, "<"))
                return read_pid(reader);
        if (text_take(reader, "#Ref<"))
                return read_ref(reader);
        if (text_take(reader, "#Port<"))
                return read_port(reader);
        if (text_take(reader, "$"))
                return read_character(reader);
        if (c == '_' || (c >= 'A' && c <= 'Z'))
                return text_fault(reader, reader->at,
                                  "there are no variables; atoms like that are quoted");
        return text_fault(reader, reader->at, "a value is missing");
}
