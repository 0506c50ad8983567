#pragma once
/*
 * What people see on stdout: colours, symbols, tables, times. Plain in a pipe and with NO_COLOR;
 * ASCII where the locale is not UTF-8. Texts from outside go through out_text(), which lets no
 * control character reach a terminal.
 *
 * Context: one thread; out_init() first.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum Colour {
        COLOUR_NONE = 0,
        COLOUR_GOOD,
        COLOUR_BUSY,
        COLOUR_BAD,
        COLOUR_DIM,
        COLOUR_BOLD,
        COLOUR_COUNT
} Colour;

/* out_init() - looks at stdout and the environment once. */
void out_init(void);

bool out_is_terminal(void);
bool out_is_utf8(void);

/* out_width() - columns of the terminal; 0 in a pipe: no limit. */
unsigned out_width(void);
unsigned out_height(void);

/* out_look_again() - the terminal may have another size now. */
void out_look_again(void);

/* ------------------------------------------------------------------------------------- text */

/* out_text() - a text of one line; control characters are shown as \x1b. NULL: nothing. */
void out_text(const char *text);
void out_text_to(FILE *file, const char *text);

/* out_text_lines() - the same, but line feeds and tabs stay. */
void out_text_lines(const char *text, size_t size);

/* out_text_safe() - what out_text() would print, malloc'ed; NULL without memory. */
char *out_text_safe(const char *text);

/* text_columns() - of UTF-8 text, a column a character. */
size_t text_columns(const char *text);

/* out_in() - out_text() in a colour. */
void out_in(Colour colour, const char *text);

/* Codes, "" without colours. */
const char *colour_on(Colour colour);
const char *colour_off(void);

/* ---------------------------------------------------------------------------------- meaning */

Colour state_colour(const char *state);

/* state_symbol() - "●", "○", "✗", or "*". */
const char *state_symbol(const char *state);

/* ------------------------------------------------------------------------------------- time */

#define TIME_TEXT_BYTES 64u

/* format_duration() - "3d 4h", "2min 5s", "1.250s", "12ms". Return: @buffer, TIME_TEXT_BYTES. */
const char *format_duration(char *buffer, int64_t msec);

/* format_time() - "Sun 2026-11-22 18:15:37 UTC", in local time. */
const char *format_time(char *buffer, int64_t msec);

/* format_stamp() - "2026-11-22 18:15:37.123", in local time. */
const char *format_stamp(char *buffer, int64_t msec);

/* format_bytes() - "12.3M". */
const char *format_bytes(char *buffer, uint64_t bytes);

/* ------------------------------------------------------------------------------------ tables */

typedef struct Table Table;

/* table_new() - @titles: borrowed, NULL terminated; one that begins with '>' is aligned right.
 * NULL without memory; everything below accepts that. */
Table *table_new(const char *const titles[]);
Table *table_free(Table *table);

/* table_cell() - the next cell, from left to right, row by row. @text: copied, made safe; NULL:
 * "-". */
void table_cell(Table *table, Colour colour, const char *text);

/* table_print() - at most @width columns wide, 0: no limit, and @rows_max rows, 0: all. */
void table_print(const Table *table, unsigned width, size_t rows_max);
