/*
 * Owns the search through /proc for what a test's gend has left. Refuses to signal by pid alone: a
 * pidfd is taken first and the marker read again. Called by the harness and by its guardian.
 */

#include "tests/support/procs.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ENVIRON_BYTES (256u * 1024)
#define ROUNDS_MAX    1000

static bool has_marker(pid_t pid, const char *marker, char *buffer)
{
        char path[64];
        size_t size = 0;
        ssize_t n;
        _cleanup_(closep) int fd = -1;

        (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        while (size < ENVIRON_BYTES - 1 &&
               (n = read(fd, buffer + size, ENVIRON_BYTES - 1 - size)) > 0)
                size += (size_t)n;
        buffer[size] = '\0';
        for (char *env = buffer; env < buffer + size; env += strlen(env) + 1)
                if (strcmp(env, marker) == 0)
                        return true;
        return false;
}

size_t procs_find(const char *marker, pid_t pids[], size_t max)
{
        _cleanup_(closedirp) DIR *dir = opendir("/proc");
        _cleanup_(freep) char *buffer = malloc(ENVIRON_BYTES);
        struct dirent *entry;
        size_t count = 0;

        while (dir && buffer && count < max && (entry = readdir(dir))) {
                pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

                if (pid > 0 && pid != getpid() && has_marker(pid, marker, buffer))
                        pids[count++] = pid;
        }
        return count;
}

static void kill_marked(pid_t pid, const char *marker)
{
        _cleanup_(freep) char *buffer = malloc(ENVIRON_BYTES);
        _cleanup_(closep) int fd = pidfd_open(pid, 0);
        struct pollfd end = {.fd = fd, .events = POLLIN};

        if (fd < 0 || !buffer || !has_marker(pid, marker, buffer))
                return;
        (void)pidfd_send_signal(fd, SIGKILL, NULL, 0);
        (void)poll(&end, 1, 1000);
}

bool procs_kill_all(const char *marker)
{
        pid_t pids[256];
        bool had_any = false;

        for (int round = 0; round < ROUNDS_MAX; round++) {
                size_t count = procs_find(marker, pids, ARRAY_LEN(pids));

                if (count == 0)
                        break;
                had_any = true;
                for (size_t i = 0; i < count; i++)
                        kill_marked(pids[i], marker);
        }
        return had_any;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
        (void)info;
        (void)kind;
        (void)ftw;
        (void)remove(path);
        return 0;
}

void procs_remove_folder(const char *path)
{
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void procs_name(pid_t pid, char *buffer, size_t size)
{
        char path[64];
        ssize_t n = -1;
        _cleanup_(closep) int fd = -1;

        (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                n = read(fd, buffer, size - 1);
        for (ssize_t i = 0; i < n; i++)
                if (buffer[i] == '\0')
                        buffer[i] = ' ';
        if (n <= 0)
                (void)snprintf(buffer, size, "?");
        else
                buffer[n] = '\0';
}
