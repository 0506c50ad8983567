/*
 * ticker INTERVAL-MS WORD: says WORD and a number on standard output, again and again.
 *
 * The plainest of children: it knows nothing of a supervisor, and SIGTERM ends it as it does any
 * program.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define INTERVAL_MSEC_MAX 3600000ul

static int timer_open(unsigned long msec)
{
        const time_t sec = (time_t)(msec / 1000);
        const long nsec = (long)(msec % 1000) * 1000000;
        const struct itimerspec every = {{sec, nsec}, {sec, nsec}};
        int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (timerfd_settime(fd, 0, &every, NULL) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

int main(int argc, char *argv[])
{
        unsigned long msec;
        uint64_t ticks, total = 0;
        char *end = NULL;
        int fd;

        errno = 0;
        msec = argc == 3 ? strtoul(argv[1], &end, 10) : 0;
        if (errno != 0 || msec == 0 || msec > INTERVAL_MSEC_MAX || *end != '\0') {
                fprintf(stderr, "usage: ticker INTERVAL-MS WORD\n");
                return 2;
        }

        fd = timer_open(msec);
        if (fd < 0) {
                fprintf(stderr, "ticker: no timer: %s\n", strerror(-fd));
                return 1;
        }
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
        while (read(fd, &ticks, sizeof(ticks)) == (ssize_t)sizeof(ticks)) {
                total += ticks;
                printf("%s %llu\n", argv[2], (unsigned long long)total);
        }
        return 1;
}
