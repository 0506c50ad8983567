#include "base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_BYTES (64u * 1024)

static bool reserve(Buffer *buffer, size_t more)
{
        size_t room = buffer->room ? buffer->room : 256;
        unsigned char *grown;

        if (buffer->has_failed || more > SIZE_MAX / 4 - buffer->size)
                return false;
        if (buffer->size + more <= buffer->room)
                return true;
        while (room < buffer->size + more)
                room *= 2;
        grown = realloc(buffer->data, room);
        if (!grown)
                return false;
        buffer->data = grown;
        buffer->room = room;
        return true;
}

void buffer_append(Buffer *buffer, const void *data, size_t size)
{
        if (size == 0)
                return;
        if (!reserve(buffer, size)) {
                buffer->has_failed = true;
                return;
        }
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
}

void buffer_append_text(Buffer *buffer, const char *text)
{
        buffer_append(buffer, text ? text : "", text ? strlen(text) + 1 : 1);
}

void buffer_clear(Buffer *buffer)
{
        buffer->size = 0;
        buffer->has_failed = false;
        if (buffer->room > KEEP_BYTES)
                buffer_deinit(buffer);
}

void buffer_deinit(Buffer *buffer)
{
        free(buffer->data);
        *buffer = BUFFER_NULL;
}
