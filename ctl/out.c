/*
 * Owns stdout's looks: what the terminal can do, colours, symbols, safe text, durations and times.
 * Tables are in table.c.
 */

#include "ctl/out.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

static struct {
        bool is_terminal;
        bool has_colours;
        bool is_utf8;
        unsigned width;
        unsigned height;
} out;

// clang-format off
static const char *const codes[COLOUR_COUNT] = {
        [COLOUR_NONE] = "",
        [COLOUR_GOOD] = "\x1b[32m",
        [COLOUR_BUSY] = "\x1b[33m",
        [COLOUR_BAD]  = "\x1b[1;31m",
        [COLOUR_DIM]  = "\x1b[2m",
        [COLOUR_BOLD] = "\x1b[1m",
};

static const struct {
        const char *state;
        Colour colour;
        const char *symbol;
} states[] = {
        { "running",  COLOUR_GOOD, "●" },
        { "starting", COLOUR_BUSY, "●" },
        { "stopping", COLOUR_BUSY, "●" },
        { "backoff",  COLOUR_BUSY, "●" },
        { "failed",   COLOUR_BAD,  "✗" },
        { "stopped",  COLOUR_DIM,  "○" },
        { "finished", COLOUR_DIM,  "○" },
};
// clang-format on

/* The locale's name says it; loading the locale would take longer than the request. */
static bool locale_is_utf8(void)
{
        const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
        const char *value;

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                value = getenv(names[i]);
                if (value && *value)
                        return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
        }
        return false;
}

void out_look_again(void)
{
        struct winsize size = {0};

        if (!out.is_terminal)
                return;
        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        out.width = size.ws_col > 0 ? size.ws_col : 80;
        out.height = size.ws_row > 0 ? size.ws_row : 24;
}

void out_init(void)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        out.is_terminal = isatty(STDOUT_FILENO) == 1;
        out.has_colours =
                out.is_terminal && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
        out.is_utf8 = locale_is_utf8();
        out_look_again();
}

bool out_is_terminal(void)
{
        return out.is_terminal;
}

bool out_is_utf8(void)
{
        return out.is_utf8;
}

unsigned out_width(void)
{
        return out.width;
}

unsigned out_height(void)
{
        return out.height;
}

/* ---------------------------------------------------------------------------------------- text */

/* Bytes of the character at @text; 0 if it is no UTF-8. */
static size_t char_bytes(const unsigned char *text, size_t size)
{
        size_t n = text[0] < 0x80                      ? 1
                   : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                   : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                   : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                       : 0;

        if (n > size)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

/* What a terminal obeys or what turns text around: C0, DEL, C1, bidirectional overrides. */
static bool is_harmful(const unsigned char *c, size_t n)
{
        if (n == 1)
                return c[0] < 0x20 || c[0] == 0x7f;
        if (n == 2)
                return c[0] == 0xc2 && c[1] < 0xa0;
        if (n == 3 && c[0] == 0xe2)
                return (c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
                       (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
        return false;
}

static void write_safe(FILE *file, const char *text, size_t size, bool keep_lines)
{
        const unsigned char *p = (const unsigned char *)text;
        bool is_kept;
        size_t n;

        for (size_t i = 0; i < size; i += n) {
                n = char_bytes(p + i, size - i);
                if (keep_lines && p[i] == '\r' && i + 1 < size && p[i + 1] == '\n')
                        continue;
                is_kept = keep_lines && (p[i] == '\n' || p[i] == '\t');
                if (n > 0 && (is_kept || !is_harmful(p + i, n))) {
                        (void)fwrite(p + i, 1, n, file);
                        continue;
                }
                n = MAX_OF(n, (size_t)1);
                for (size_t k = 0; k < n; k++)
                        (void)fprintf(file, "\\x%02x", p[i + k]);
        }
}

void out_text_to(FILE *file, const char *text)
{
        if (text)
                write_safe(file, text, strlen(text), false);
}

void out_text(const char *text)
{
        out_text_to(stdout, text);
}

void out_text_lines(const char *text, size_t size)
{
        write_safe(stdout, text, size, true);
}

char *out_text_safe(const char *text)
{
        const char *p = text;
        char *safe = NULL;
        size_t size;
        FILE *file;

        while (*p >= ' ' && *p <= '~')
                p++;
        if (!*p)
                return strdup(text);
        file = open_memstream(&safe, &size);
        if (!file)
                return NULL;
        out_text_to(file, text);
        if (fclose(file) != 0) {
                free(safe);
                return NULL;
        }
        return safe;
}

size_t text_columns(const char *text)
{
        size_t columns = 0;

        for (; *text; text++)
                columns += ((unsigned char)*text & 0xc0) != 0x80;
        return columns;
}

const char *colour_on(Colour colour)
{
        return out.has_colours ? codes[colour] : "";
}

const char *colour_off(void)
{
        return out.has_colours ? "\x1b[0m" : "";
}

void out_in(Colour colour, const char *text)
{
        if (colour == COLOUR_NONE || !out.has_colours) {
                out_text(text);
                return;
        }
        (void)fputs(codes[colour], stdout);
        out_text(text);
        (void)fputs("\x1b[0m", stdout);
}

/* ------------------------------------------------------------------------------------- meaning */

Colour state_colour(const char *state)
{
        for (size_t i = 0; state && i < ARRAY_LEN(states); i++)
                if (strcmp(states[i].state, state) == 0)
                        return states[i].colour;
        return COLOUR_NONE;
}

const char *state_symbol(const char *state)
{
        for (size_t i = 0; out.is_utf8 && state && i < ARRAY_LEN(states); i++)
                if (strcmp(states[i].state, state) == 0)
                        return states[i].symbol;
        return "*";
}

/* ---------------------------------------------------------------------------------------- time */

const char *format_duration(char *buffer, int64_t msec)
{
        // clang-format off
        static const struct {
                const char *unit, *minor;
                int64_t msec, minor_msec;
        } units[] = {
                { "d",   "h",   86400000, 3600000 },
                { "h",   "min", 3600000,  60000 },
                { "min", "s",   60000,    1000 },
        };
        // clang-format on
        long long major, minor;

        if (msec < 0)
                msec = 0;
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                if (msec < units[i].msec)
                        continue;
                major = msec / units[i].msec;
                minor = msec % units[i].msec / units[i].minor_msec;
                if (minor > 0)
                        text_format(buffer, TIME_TEXT_BYTES, "%lld%s %lld%s", major, units[i].unit,
                                    minor, units[i].minor);
                else
                        text_format(buffer, TIME_TEXT_BYTES, "%lld%s", major, units[i].unit);
                return buffer;
        }
        if (msec >= 10000)
                text_format(buffer, TIME_TEXT_BYTES, "%llds", (long long)(msec / 1000));
        else if (msec >= 1000)
                text_format(buffer, TIME_TEXT_BYTES, "%lld.%llds", (long long)(msec / 1000),
                            (long long)(msec % 1000 / 100));
        else
                text_format(buffer, TIME_TEXT_BYTES, "%lldms", (long long)msec);
        return buffer;
}

static void broken_down(int64_t msec, struct tm *ret_tm)
{
        time_t seconds = (time_t)(msec / 1000);

        if (!localtime_r(&seconds, ret_tm))
                *ret_tm = (struct tm){.tm_mday = 1};
}

const char *format_time(char *buffer, int64_t msec)
{
        struct tm tm;

        broken_down(msec, &tm);
        if (strftime(buffer, TIME_TEXT_BYTES, "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                buffer[0] = '\0';
        return buffer;
}

const char *format_stamp(char *buffer, int64_t msec)
{
        char seconds[TIME_TEXT_BYTES / 2];
        struct tm tm;

        broken_down(msec, &tm);
        if (strftime(seconds, sizeof(seconds), "%Y-%m-%d %H:%M:%S", &tm) == 0)
                seconds[0] = '\0';
        text_format(buffer, TIME_TEXT_BYTES, "%s.%03d", seconds, (int)(msec % 1000));
        return buffer;
}

const char *format_bytes(char *buffer, uint64_t bytes)
{
        const char *units = "BKMGT";
        double value = (double)bytes;

        while (value >= 1024 && units[1]) {
                value /= 1024;
                units++;
        }
        text_format(buffer, TIME_TEXT_BYTES, *units == 'B' ? "%.0f%c" : "%.1f%c", value, *units);
        return buffer;
}
