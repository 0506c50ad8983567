#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

bool text_to_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
        char *end;
        unsigned long long value;

        if (*text < '0' || *text > '9')
                return false;
        errno = 0;
        value = strtoull(text, &end, 10);
        if (errno != 0 || *end != '\0' || value < min || value > max)
                return false;
        *ret = value;
        return true;
}
