#pragma once
/*
 * Numbers as text, in no locale but C's: the shortest decimal that reads back as the same double,
 * and integers of up to GEN_INTEGER_MAX bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_TEXT_BYTES 40u /* of a double, terminated */

/* number_from_double() - as Erlang writes it: "1.0", "0.1", "1.0e22". */
void number_from_double(double value, char text[NUMBER_TEXT_BYTES]);

/* number_to_double() - @text is DIGITS.DIGITS[e[+-]DIGITS], of @size bytes. Return: 0; -ERANGE if
 * no double is that large; -EINVAL; -ENOMEM. */
int number_to_double(const char *text, size_t size, double *ret_value);

/* number_to_decimal() - the digits of a magnitude, least significant byte first, at most
 * GEN_INTEGER_MAX of them. @ret_text: to be released with free(). Return: 0; -ENOMEM. */
int number_to_decimal(const uint8_t *digits, size_t count, char **ret_text);

/* A magnitude that grows digit by digit. */
typedef struct Magnitude {
        uint32_t *limbs; /* the least significant first */
        size_t count;
        size_t room;
} Magnitude;

#define MAGNITUDE_NULL ((Magnitude){0})

void magnitude_deinit(Magnitude *magnitude);

/* magnitude_times_plus() - multiply and add. Return: 0; -ENOMEM; -ERANGE above GEN_INTEGER_MAX
 * bytes. */
int magnitude_times_plus(Magnitude *magnitude, uint32_t factor, uint32_t addend);
