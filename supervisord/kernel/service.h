#pragma once
/*
 * Keeps gend-supervisor and gend-log alive: restarts them at once, later with a growing delay,
 * gives up after too many short lives in a row, and kills one that does not answer.
 */

#include "supervisord/kernel/kernel.h"

/* service_init() - find the programs, make what they share. Return: 0 or a negative errno, logged.
 */
int service_init(Kernel *kernel);

/* service_find() - the path of a service's program, beside gend, in the build tree, or installed.
 */
int service_find(const char *name, const char *build_dir, char **ret);

/* service_start() - a new incarnation. A failure counts as a short life. */
void service_start(Service *service);

/* service_died() - it was reaped. */
void service_died(Service *service, int code, int status);

/* service_send() - Return: 0; -EAGAIN when it will be told later (its queue is full, or it is not
 * there): come back when flushed; another negative errno. */
int service_send(Service *service, const Record *record, const int fds[], unsigned fd_count);

/* service_flush_ping() - the ping that did not fit. */
void service_flush_ping(Service *service);

/* service_hang_up() - close our end: the service leaves by itself. */
void service_hang_up(Service *service);

/* service_by_pid() - NULL when it is none. */
Service *service_by_pid(Kernel *kernel, pid_t pid);
