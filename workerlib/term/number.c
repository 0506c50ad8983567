/* Numbers as text. Allocates where the header says so; keeps one locale object for the process. */
#include "workerlib/term/number.h"

#include <errno.h>
#include <gen/term.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define DIGITS_MAX 17u /* that tell every double from its neighbours */

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void c_locale_init(void)
{
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static double to_double(const char *text)
{
        (void)pthread_once(&c_locale_once, c_locale_init);
        return c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
}

/*
 * @count significant digits of |@value| and the power of ten of 0.DIGITS, whatever the locale's
 * decimal point is. Return: how many digits are left without the zeros at the end.
 */
static size_t to_digits(double value, int count, char digits[DIGITS_MAX + 1], int *ret_point)
{
        char text[NUMBER_TEXT_BYTES];
        const char *exponent;
        size_t used = 0;

        (void)snprintf(text, sizeof(text), "%.*e", count - 1, fabs(value));
        exponent = strchr(text, 'e');
        if (!exponent)
                return 0;
        for (const char *p = text; p < exponent && used < DIGITS_MAX; p++)
                if (*p >= '0' && *p <= '9')
                        digits[used++] = *p;
        while (used > 1 && digits[used - 1] == '0')
                used--;
        digits[used] = '\0';
        *ret_point = (int)strtol(exponent + 1, NULL, 10) + 1;
        return used;
}

/* The shortest digits that read back as @value. */
static size_t shortest_digits(double value, char digits[DIGITS_MAX + 1], int *ret_point)
{
        size_t used = 0;

        for (int count = fabs(value) < 1e-300 ? 1 : 15; count <= (int)DIGITS_MAX; count++) {
                char text[NUMBER_TEXT_BYTES];
                double back;

                used = to_digits(value, count, digits, ret_point);
                (void)snprintf(text, sizeof(text), "0.%se%d", digits, *ret_point);
                back = to_double(text);
                if (back <= fabs(value) && back >= fabs(value))
                        break;
        }
        return used;
}

/* The notation that is shorter, as Erlang chooses; a number so large that not every integer is a
 * double has an exponent. @point digits stand before the decimal point. */
static void place_point(const char *digits, int used, int point, bool is_large, char *text)
{
        int exponent = point - 1;
        const size_t size = NUMBER_TEXT_BYTES - 1;
        char power[12];
        int power_cost;

        (void)snprintf(power, sizeof(power), "%d", exponent);
        power_cost = (int)strlen(power) + 1 + (used == 1 ? 2 : 1);
        if (is_large)
                (void)snprintf(text, size, "%c.%se%s", digits[0], used == 1 ? "0" : digits + 1,
                               power);
        else if (point > 0 && point < used)
                (void)snprintf(text, size, "%.*s.%s", point, digits, digits + point);
        else if (point <= 0 && 2 - point <= power_cost)
                (void)snprintf(text, size, "0.%.*s%s", -point, "000000000", digits);
        else if (point >= used && point - used + 2 <= power_cost)
                (void)snprintf(text, size, "%s%.*s.0", digits, point - used, "000000000");
        else
                (void)snprintf(text, size, "%c.%se%s", digits[0], used == 1 ? "0" : digits + 1,
                               power);
}

void number_from_double(double value, char text[NUMBER_TEXT_BYTES])
{
        char digits[DIGITS_MAX + 1];
        size_t used;
        int point = 0;

        if (fpclassify(value) == FP_ZERO) {
                (void)snprintf(text, NUMBER_TEXT_BYTES, "%s", signbit(value) ? "-0.0" : "0.0");
                return;
        }
        if (value < 0)
                *text++ = '-';
        used = shortest_digits(value, digits, &point);
        place_point(digits, (int)used, point, fabs(value) >= 0x1p53, text);
}

int number_to_double(const char *text, size_t size, double *ret_value)
{
        _cleanup_(freep) char *copy = strndup(text, size);
        double value;

        if (!copy)
                return -ENOMEM;
        value = to_double(copy);
        if (!isfinite(value))
                return -ERANGE;
        *ret_value = value;
        return 0;
}

/* Divide in place by 10^9. Return: the remainder. */
static uint32_t divide_billion(uint32_t *limbs, size_t count)
{
        uint64_t rest = 0;

        for (size_t i = count; i-- > 0;) {
                rest = rest << 32 | limbs[i];
                limbs[i] = (uint32_t)(rest / 1000000000u);
                rest %= 1000000000u;
        }
        return (uint32_t)rest;
}

int number_to_decimal(const uint8_t *digits, size_t count, char **ret_text)
{
        _cleanup_(freep) uint32_t *limbs = calloc(count / 4 + 1, sizeof(*limbs));
        size_t limb_count = count / 4 + 1, size = count * 5 / 2 + 12, at = size;
        _cleanup_(freep) char *text = malloc(size);

        if (!limbs || !text || count > GEN_INTEGER_MAX)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                limbs[i / 4] |= (uint32_t)digits[i] << (8 * (i % 4));
        text[--at] = '\0';
        while (limb_count > 0) {
                uint32_t part = divide_billion(limbs, limb_count);

                while (limb_count > 0 && limbs[limb_count - 1] == 0)
                        limb_count--;
                for (int i = 0; i < 9 && (limb_count > 0 || part > 0); i++, part /= 10)
                        text[--at] = (char)('0' + part % 10);
        }
        if (text[at] == '\0')
                text[--at] = '0';
        memmove(text, text + at, size - at);
        *ret_text = steal_ptr(text);
        return 0;
}

void magnitude_deinit(Magnitude *magnitude)
{
        free(magnitude->limbs);
        *magnitude = MAGNITUDE_NULL;
}

int magnitude_times_plus(Magnitude *magnitude, uint32_t factor, uint32_t addend)
{
        uint64_t carry = addend;

        for (size_t i = 0; i < magnitude->count; i++) {
                carry += (uint64_t)magnitude->limbs[i] * factor;
                magnitude->limbs[i] = (uint32_t)carry;
                carry >>= 32;
        }
        if (carry == 0)
                return 0;
        if (magnitude->count == magnitude->room) {
                size_t room = magnitude->room == 0 ? 8 : magnitude->room * 2;
                uint32_t *limbs;

                if (magnitude->count >= GEN_INTEGER_MAX / 4)
                        return -ERANGE;
                limbs = realloc(magnitude->limbs, room * sizeof(*limbs));
                if (!limbs)
                        return -ENOMEM;
                magnitude->limbs = limbs;
                magnitude->room = room;
        }
        magnitude->limbs[magnitude->count++] = (uint32_t)carry;
        return 0;
}
