#pragma once
/*
 * The restart budget: more than N restarts within the period end the supervisor. OTP's arithmetic
 * in microseconds: a restart about to be made is entered, entries older than the period leave, and
 * more than N left is too many. An entry exactly one period old still counts.
 *
 * Pure: the clock is a parameter and the memory the caller's. A ring of N+1 times suffices, for the
 * answer depends on the N+1 latest only.
 */

#include "base/usec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Intensity {
        usec_t *times;  /* borrowed: room for @limit + 1 */
        uint32_t limit; /* restarts allowed within @period_usec */
        uint32_t next;
        uint32_t count; /* entries in use, at most limit + 1 */
        usec_t period_usec;
} Intensity;

/* intensity_init() - empty. @times must have @limit + 1 places. */
void intensity_init(Intensity *intensity, usec_t *times, uint32_t limit, usec_t period_usec);

/* intensity_spend() - a restart is about to be made at @now_usec. Return: whether it is within the
 * budget. */
bool intensity_spend(Intensity *intensity, usec_t now_usec);

/* intensity_used() - restarts that still count at @now_usec. */
uint32_t intensity_used(const Intensity *intensity, usec_t now_usec);
