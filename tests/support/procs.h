#pragma once
/*
 * Processes that carry a marker in their environment: how a test finds all that its gend has
 * started, wherever it may have gone. Used by the harness and by its guardian.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* procs_find() - pids of living processes with @marker ("GEND_TEST_ID=...") in their environment.
 * Those that may not be read, and zombies, do not count. Return: how many, at most @max. */
size_t procs_find(const char *marker, pid_t pids[], size_t max);

/* procs_kill_all() - SIGKILL to all of them, until none is left. Return: whether there were any. */
bool procs_kill_all(const char *marker);

/* procs_remove_folder() - a folder with all that is in it. */
void procs_remove_folder(const char *path);

/* procs_name() - the command line of @pid for people, "?" when it is gone. */
void procs_name(pid_t pid, char *buffer, size_t size);
