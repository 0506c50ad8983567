/*
 * Owns tables: columns as wide as what is in them, the last one cut where the terminal ends.
 */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/out.h"

#define COLUMNS_MAX 12u
#define GAP         2u

typedef struct Cell {
        char *text;
        Colour colour;
} Cell;

struct Table {
        const char *titles[COLUMNS_MAX];
        size_t widths[COLUMNS_MAX];
        bool is_right[COLUMNS_MAX];
        size_t columns;
        Cell *cells;
        size_t count, room;
};

Table *table_new(const char *const titles[])
{
        Table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        for (; titles[table->columns] && table->columns < COLUMNS_MAX; table->columns++) {
                const char *title = titles[table->columns];

                table->is_right[table->columns] = *title == '>';
                table->titles[table->columns] = *title == '>' ? title + 1 : title;
                table->widths[table->columns] = strlen(table->titles[table->columns]);
        }
        return table;
}

Table *table_free(Table *table)
{
        if (!table)
                return NULL;
        for (size_t i = 0; i < table->count; i++)
                free(table->cells[i].text);
        free(table->cells);
        free(table);
        return NULL;
}

void table_cell(Table *table, Colour colour, const char *text)
{
        size_t column, room;
        char *safe;
        Cell *cells;

        if (!table)
                return;
        if (table->count == table->room) {
                room = table->room > 0 ? table->room * 2 : 256;
                cells = reallocarray(table->cells, room, sizeof(*cells));
                if (!cells)
                        return;
                table->cells = cells;
                table->room = room;
        }
        safe = out_text_safe(text && *text ? text : "-");
        if (!safe)
                return;
        column = table->count % table->columns;
        table->widths[column] = MAX_OF(table->widths[column], text_columns(safe));
        table->cells[table->count++] = (Cell){.text = safe, .colour = colour};
}

static void pad(size_t columns)
{
        for (size_t i = 0; i < columns; i++)
                (void)fputc(' ', stdout);
}

/* At most @room columns of @text. Return: columns written. */
static size_t put_cut(const char *text, size_t room)
{
        size_t columns = 0;
        const char *end;

        for (end = text; *end; end++) {
                if (((unsigned char)*end & 0xc0) == 0x80)
                        continue;
                if (columns == room)
                        break;
                columns++;
        }
        (void)fwrite(text, 1, (size_t)(end - text), stdout);
        return columns;
}

static void print_row(const Table *table, const Cell *cells, size_t width)
{
        size_t at = 0, columns, blank;
        Colour colour;

        for (size_t i = 0; i < table->columns && at < width; i++) {
                const char *text = cells ? cells[i].text : table->titles[i];
                bool is_last = i + 1 == table->columns;

                columns = MIN_OF(text_columns(text), width - at);
                blank = MIN_OF(table->widths[i] - text_columns(text), width - at - columns);
                if (table->is_right[i])
                        pad(blank);
                colour = cells ? cells[i].colour : COLOUR_BOLD;
                (void)fputs(colour_on(colour), stdout);
                (void)put_cut(text, columns);
                (void)fputs(colour == COLOUR_NONE ? "" : colour_off(), stdout);
                at += columns + blank;
                if (!table->is_right[i] && !is_last)
                        pad(blank);
                if (!is_last)
                        pad(MIN_OF((size_t)GAP, width - at));
                at += GAP;
        }
        (void)fputc('\n', stdout);
}

void table_print(const Table *table, unsigned width, size_t rows_max)
{
        size_t rows, columns_max = width > 0 ? width : SIZE_MAX / 2;

        if (!table)
                return;
        rows = table->count / table->columns;
        if (rows_max > 0)
                rows = MIN_OF(rows, rows_max);
        print_row(table, NULL, columns_max);
        for (size_t i = 0; i < rows; i++)
                print_row(table, table->cells + i * table->columns, columns_max);
}
