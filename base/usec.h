#pragma once
/*
 * Time as a value: microseconds on CLOCK_MONOTONIC, absolute deadlines. Realtime is for people only
 * (events, "since"), and never decides anything.
 */

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_INFINITY UINT64_MAX
#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC  UINT64_C(1000000)
#define NSEC_PER_USEC UINT64_C(1000)

/* now_usec() - CLOCK_MONOTONIC. Context: any. */
usec_t now_usec(void);

/* now_real_msec() - CLOCK_REALTIME in milliseconds since the epoch. Context: any. */
uint64_t now_real_msec(void);

/* usec_add() - saturates at USEC_INFINITY, which stays infinite. */
static inline usec_t usec_add(usec_t a, usec_t b)
{
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

/* usec_sub() - what is left from @b to @a; 0 when @b is later; infinite when @a is. */
static inline usec_t usec_sub(usec_t a, usec_t b)
{
        if (a == USEC_INFINITY)
                return USEC_INFINITY;
        return a > b ? a - b : 0;
}
