#pragma once
/*
 * What the programs of gend say about themselves: one line on standard error, in the sd-daemon form
 * "<N>program: text" when the journal reads it, "program: text" otherwise. Libraries return errors
 * and do not log; programs do. Context: any thread, but never between vfork and exec.
 */

#include "base/cleanup.h"

#include <syslog.h>

/* log_init() - @program: borrowed for ever. Reads $GEND_LOG_LEVEL (err, warning, notice, info,
 * debug). */
void log_init(const char *program);

void log_write(int priority, const char *format, ...) _printf_(2, 3);

#define log_error(...)   log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)
