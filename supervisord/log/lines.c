/*
 * Line splitting for the journal. It owns the beginnings of lines, one buffer per stream that has
 * one, and gives them back with the line's end. Called by stream.c.
 */
#include "supervisord/log/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "protocols/limits.h"

#define LINES_CAPACITY_MIN 256u

void lines_deinit(Lines *lines)
{
        free(lines->pending);
        *lines = LINES_NULL;
}

static void hand_on(Lines *lines, const char *text, size_t size, bool is_whole, LineHandler handler,
                    void *userdata)
{
        Line line = {.text = text, .size = size, .is_continuation = lines->is_split};

        /* The newline right after a split belongs to the part before it. */
        if (size > 0 || !lines->is_split)
                handler(userdata, &line);
        lines->is_split = !is_whole;
}

static void hand_on_pending(Lines *lines, bool is_whole, LineHandler handler, void *userdata)
{
        _cleanup_(freep) char *pending = steal_ptr(lines->pending);
        size_t size = lines->size;

        lines->size = lines->capacity = 0;
        hand_on(lines, pending, size, is_whole, handler, userdata);
}

/* Keep @size more bytes; the sum is at most LIMIT_LOG_LINE_BYTES. Return: false without memory. */
static bool keep(Lines *lines, const char *data, size_t size)
{
        size_t needed = lines->size + size;

        if (needed > lines->capacity) {
                size_t capacity = MAX_OF(lines->capacity * 2, (size_t)LINES_CAPACITY_MIN);
                char *grown;

                capacity = MAX_OF(capacity, needed);
                grown = realloc(lines->pending, capacity);
                if (!grown)
                        return false;
                lines->pending = grown;
                lines->capacity = capacity;
        }
        memcpy(lines->pending + lines->size, data, size);
        lines->size = needed;
        return true;
}

void lines_feed(Lines *lines, const char *data, size_t size, LineHandler handler, void *userdata)
{
        while (size > 0) {
                size_t room = LIMIT_LOG_LINE_BYTES - lines->size;
                const char *newline = memchr(data, '\n', MIN_OF(size, room + 1));
                size_t taken = newline ? (size_t)(newline - data) : MIN_OF(size, room);
                bool is_complete = newline || taken == room;

                if (is_complete && lines->size == 0)
                        hand_on(lines, data, taken, newline != NULL, handler, userdata);
                else if (!keep(lines, data, taken)) {
                        if (lines->size > 0)
                                hand_on_pending(lines, false, handler, userdata);
                        hand_on(lines, data, taken, newline != NULL, handler, userdata);
                } else if (is_complete)
                        hand_on_pending(lines, newline != NULL, handler, userdata);
                data += taken + (newline ? 1 : 0);
                size -= taken + (newline ? 1 : 0);
        }
}

void lines_flush(Lines *lines, LineHandler handler, void *userdata)
{
        if (lines->size > 0)
                hand_on_pending(lines, true, handler, userdata);
        lines->is_split = false;
}
