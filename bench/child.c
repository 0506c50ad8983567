/*
 * child FIFO: writes down when its main() began, and then does nothing.
 *
 * What every supervisor in bench/run supervises. The clock is read first, so that neither the FIFO
 * nor its reader is in the time. When nobody reads the FIFO any more the bench is over, and so is
 * the child.
 */

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/* Shorter than PIPE_BUF: writes of many children do not mix. bench/run reads the same. */
typedef struct Born {
        uint64_t nsec; /* CLOCK_MONOTONIC */
        uint64_t pid;
} Born;

int main(int argc, char *argv[])
{
        struct timespec now;
        struct pollfd watch = {.fd = -1};
        Born born;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (argc != 2)
                return 2;
        born = (Born){
                .nsec = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec,
                .pid = (uint64_t)getpid(),
        };
        watch.fd = open(argv[1], O_WRONLY | O_CLOEXEC);
        if (watch.fd < 0)
                return 1;
        if (write(watch.fd, &born, sizeof(born)) != (ssize_t)sizeof(born))
                return 1;
        while (poll(&watch, 1, -1) < 0)
                ;
        return 0;
}
