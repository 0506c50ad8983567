/*
 * Owns a lie about the time of day: preloaded into gend, it sets CLOCK_REALTIME back by an hour as
 * soon as $TOY_DIR/clock-back is there. Refuses to touch any other clock. Used by the test of clock
 * jumps, since the machine's own clock is nobody's to set.
 */

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define HOUR 3600

static time_t skew(void)
{
        const char *dir = getenv("TOY_DIR");
        char path[PATH_MAX];

        if (!dir || snprintf(path, sizeof(path), "%s/clock-back", dir) >= (int)sizeof(path))
                return 0;
        return faccessat(AT_FDCWD, path, F_OK, 0) == 0 ? HOUR : 0;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
        int r = (int)syscall(SYS_clock_gettime, clock, ret);

        if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                ret->tv_sec -= skew();
        return r;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict ret,
                                                        void *restrict zone)
{
        struct timespec now;

        (void)zone;
        if (clock_gettime(CLOCK_REALTIME, &now) < 0)
                return -1;
        *ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
        return 0;
}

__attribute__((visibility("default"))) time_t time(time_t *ret)
{
        struct timespec now = {0};

        (void)clock_gettime(CLOCK_REALTIME, &now);
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}
