#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_format(char *buffer, size_t size, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        (void)vsnprintf(buffer, size, format, args);
        va_end(args);
}

void text_copy(char *buffer, size_t size, const char *text)
{
        size_t len = text ? strnlen(text, size - 1) : 0;

        if (len > 0)
                memcpy(buffer, text, len);
        buffer[len] = '\0';
}
