/*
 * job [SEED]: works for one to three seconds, and then succeeds or fails.
 *
 * Both are drawn from SEED, so that the same job always has the same fate: two of three end with
 * status 0, the third with status 1, and a transient child that failed is started again.
 */

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* splitmix64: one step is enough to make neighbours differ. */
static uint64_t draw(uint64_t seed)
{
        seed += UINT64_C(0x9e3779b97f4a7c15);
        seed = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        seed = (seed ^ (seed >> 27)) * UINT64_C(0x94d049bb133111eb);
        return seed ^ (seed >> 31);
}

int main(int argc, char *argv[])
{
        unsigned long long seed = 1;
        char *end = NULL;
        uint64_t fate;
        int msec;

        if (argc > 1) {
                errno = 0;
                seed = strtoull(argv[1], &end, 10);
                if (errno != 0 || end == argv[1] || *end != '\0') {
                        fprintf(stderr, "usage: job [SEED]\n");
                        return 2;
                }
        }
        fate = draw(seed);
        msec = 1000 + (int)(fate % 2000);

        (void)setvbuf(stdout, NULL, _IOLBF, 0);
        printf("job %llu: takes %d ms\n", seed, msec);
        (void)poll(NULL, 0, msec);
        if (fate >> 32 < UINT32_MAX / 3) {
                fprintf(stderr, "job %llu: failed\n", seed);
                return 1;
        }
        printf("job %llu: done\n", seed);
        return 0;
}
