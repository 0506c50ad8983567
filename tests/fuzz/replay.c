/*
 * The fuzz targets as normal tests: every file of the corpus folders given as arguments, then a
 * fixed number of inputs derived from each by a generator that is the same in every run.
 */
#include "tests/fuzz/replay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define INPUT_BYTES_MAX (1024u * 1024)
#define MUTANTS         200u /* of each input */

static uint64_t generator = 1;

static size_t next_below(size_t bound)
{
        generator = generator * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return bound == 0 ? 0 : (size_t)(generator >> 33) % bound;
}

/* In memory of exactly that size, so that a sanitizer sees a step beyond. */
static void run_once(const uint8_t *data, size_t size)
{
        _cleanup_(freep) uint8_t *exact = malloc(size > 0 ? size : 1);

        if (!exact)
                abort();
        memcpy(exact, data, size);
        (void)LLVMFuzzerTestOneInput(exact, size);
}

static void run_mutants(const uint8_t *data, size_t size)
{
        _cleanup_(freep) uint8_t *mutant = malloc(size + 1);

        if (!mutant)
                abort();
        for (unsigned i = 0; i < MUTANTS; i++) {
                size_t length = size, changes = 1 + next_below(4);

                memcpy(mutant, data, size);
                if (next_below(3) == 0)
                        length = next_below(size + 1);
                while (length > 0 && changes-- > 0)
                        mutant[next_below(length)] = (uint8_t)next_below(256);
                run_once(mutant, length);
        }
}

static int run_file(int folder_fd, const char *name)
{
        _cleanup_(closep) int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) uint8_t *data = malloc(INPUT_BYTES_MAX);
        size_t size = 0;
        ssize_t n;

        if (fd < 0 || !data)
                return fd < 0 ? -errno : -ENOMEM;
        while (size < INPUT_BYTES_MAX && (n = read(fd, data + size, INPUT_BYTES_MAX - size)) != 0) {
                if (n < 0)
                        return -errno;
                size += (size_t)n;
        }
        run_once(data, size);
        run_mutants(data, size);
        return 0;
}

static int run_folder(const char *path)
{
        _cleanup_(closedirp) DIR *dir = opendir(path);
        unsigned count = 0;

        if (!dir)
                return -errno;
        for (struct dirent *entry; (entry = readdir(dir));) {
                int r;

                if (entry->d_name[0] == '.')
                        continue;
                r = run_file(dirfd(dir), entry->d_name);
                if (r < 0)
                        return r;
                count++;
        }
        printf("%u inputs and %u mutants of each from %s\n", count, MUTANTS, path);
        return 0;
}

int main(int argc, char *argv[])
{
        static const uint8_t zeros[4096];

        run_once(zeros, 0);
        run_mutants(zeros, sizeof(zeros));
        for (int i = 1; i < argc; i++) {
                int r = run_folder(argv[i]);

                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return EXIT_FAILURE;
                }
        }
        return EXIT_SUCCESS;
}
