/*
 * Owns the aftermath of a test that died: `guardian MARKER FOLDER` waits for the end of its
 * standard input, whose other end only the test holds; then nothing that carries the marker lives
 * on, and the folder goes. A byte before the end says that the test has cleaned up itself. Refuses
 * to die of the test's own signals. Started by the harness, once for each gend.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/support/procs.h"

#define LOG_TAIL_BYTES 20000

/* What gend said last, for whoever reads why the test failed. */
static void print_tail(const char *folder)
{
        _cleanup_(fclosep) FILE *file = NULL;
        char path[4096], part[4096];
        size_t n;

        (void)snprintf(path, sizeof(path), "%s/gend.log", folder);
        file = fopen(path, "re");
        if (!file)
                return;
        if (fseek(file, -LOG_TAIL_BYTES, SEEK_END) != 0)
                rewind(file);
        (void)fprintf(stderr, "---- %s ----\n", path);
        while ((n = fread(part, 1, sizeof(part), file)) > 0)
                (void)fwrite(part, 1, n, stderr);
        (void)fprintf(stderr, "----\n");
}

int main(int argc, char *argv[])
{
        bool is_clean = false;
        char byte;

        if (argc != 3)
                return EXIT_FAILURE;
        (void)setsid();
        while (read(STDIN_FILENO, &byte, 1) > 0)
                is_clean = true;
        (void)procs_kill_all(argv[1]);
        if (!is_clean)
                print_tail(argv[2]);
        if (!getenv("GEND_TEST_KEEP"))
                procs_remove_folder(argv[2]);
        return EXIT_SUCCESS;
}
