#pragma once
/* Small helpers on C strings. */

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* text_format() - printf into a buffer of fixed size. What does not fit is cut off: for texts that
 * are meant for people and whose bound is part of their type. Context: any. */
void text_format(char *buffer, size_t size, const char *format, ...) _printf_(3, 4);

/* text_copy() - @text (NULL: "") into a buffer of fixed size, cut off at its end. */
void text_copy(char *buffer, size_t size, const char *text);

/* text_to_number() - decimal digits and nothing else. Return: whether it is a number from @min to
 * @max. */
bool text_to_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
