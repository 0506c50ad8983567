#pragma once
/*
 * A growing block of bytes. An append that finds no memory marks the buffer as failed, and so do
 * all that follow: it is enough to ask once, at the end.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct Buffer {
        unsigned char *data;
        size_t size;
        size_t room;
        bool has_failed;
} Buffer;

#define BUFFER_NULL ((Buffer){0})

void buffer_append(Buffer *buffer, const void *data, size_t size);

/* buffer_append_text() - with its terminating zero; NULL is the empty text. */
void buffer_append_text(Buffer *buffer, const char *text);

/* buffer_clear() - empty, keeping the memory up to a modest size. */
void buffer_clear(Buffer *buffer);

void buffer_deinit(Buffer *buffer);
