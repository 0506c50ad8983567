#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static const char *log_program = "gend";
static int log_priority_max = LOG_INFO;
static bool log_to_journal;

static const char *const level_names[] = {
        [LOG_ERR] = "err",   [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

/* $JOURNAL_STREAM is "DEVICE:INODE" of the stream that systemd gave us, if stderr is still that. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        char own[64];
        struct stat st;

        if (!stream || fstat(STDERR_FILENO, &st) < 0)
                return false;
        (void)snprintf(own, sizeof(own), "%lu:%lu", (unsigned long)st.st_dev,
                       (unsigned long)st.st_ino);
        return strcmp(stream, own) == 0;
}

void log_init(const char *program)
{
        const char *level = getenv("GEND_LOG_LEVEL");

        log_program = program;
        log_to_journal = stderr_is_journal();
        for (size_t i = LOG_ERR; level && i < ARRAY_LEN(level_names); i++)
                if (level_names[i] && strcmp(level, level_names[i]) == 0)
                        log_priority_max = (int)i;
}

void log_write(int priority, const char *format, ...)
{
        int saved = errno;
        char text[1024];
        va_list args;

        if (priority > log_priority_max)
                return;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        if (log_to_journal)
                (void)fprintf(stderr, "<%d>%s: %s\n", priority, log_program, text);
        else
                (void)fprintf(stderr, "%s: %s\n", log_program, text);
        errno = saved;
}
