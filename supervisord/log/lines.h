#pragma once
/*
 * Bytes into lines. Whole lines are handed on where they lie; memory is held only while the
 * beginning of a line waits for its end. A line longer than LIMIT_LOG_LINE_BYTES is split.
 *
 * Context: loop.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct Lines {
        char *pending; /* NULL: none */
        size_t size;
        size_t capacity;
        bool is_split; /* what comes next goes on with a line that was handed on in part */
} Lines;

#define LINES_NULL ((Lines){0})

typedef struct Line {
        const char *text; /* borrowed for the call; no terminating zero, no newline */
        size_t size;
        bool is_continuation; /* of the line before it, which was too long */
} Line;

typedef void (*LineHandler)(void *userdata, const Line *line);

/* lines_feed() - hand on every line that @data completes, and keep the rest. Without memory the
 * rest is handed on as if it were a line. */
void lines_feed(Lines *lines, const char *data, size_t size, LineHandler handler, void *userdata);

/* lines_flush() - hand on what has no newline yet. */
void lines_flush(Lines *lines, LineHandler handler, void *userdata);

/* lines_deinit() - forget it. */
void lines_deinit(Lines *lines);
