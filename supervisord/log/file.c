/*
 * Log files and their rotation. It owns the open files and the names FILE.1 to FILE.keep beside
 * them. It refuses symbolic links and never waits for a reader of a fifo. Called by stream.c and
 * main.c.
 */
#include "supervisord/log/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "protocols/limits.h"

#define FILE_MODE       0640
#define FILE_RETRY_USEC USEC_PER_SEC

static int file_fd_open(LogFile *file)
{
        _cleanup_(closep) int fd = -1;
        struct stat st;

        fd = open(file->path,
                  O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                  FILE_MODE);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        file->is_regular = S_ISREG(st.st_mode);
        file->size = (uint64_t)st.st_size;
        file->ends_line = true; /* not known */
        file->fd = steal_fd(&fd);
        return 0;
}

static void file_open_now_and_then(LogFile *file)
{
        int r;

        if (file->fd >= 0 || now_usec() < file->retry_usec)
                return;
        r = file_fd_open(file);
        if (r == 0)
                return;
        file->retry_usec = usec_add(now_usec(), FILE_RETRY_USEC);
        if (complaint_fails(&file->complaint, 0))
                log_warning("%s: cannot be opened: %s; dropping output meant for it, retrying",
                            file->path, strerror(-r));
}

void file_table_init(FileTable *table)
{
        list_init(&table->files);
}

static LogFile *file_find(FileTable *table, const char *path)
{
        LIST_FOREACH (node, &table->files) {
                LogFile *file = LIST_ENTRY(node, LogFile, node);

                if (strcmp(file->path, path) == 0)
                        return file;
        }
        return NULL;
}

int file_ref(FileTable *table, const char *path, uint64_t rotate_bytes, uint32_t keep,
             LogFile **ret_file)
{
        LogFile *file = file_find(table, path);

        if (!file) {
                _cleanup_(freep) char *copy = strdup(path);

                file = calloc(1, sizeof(*file));
                if (!file || !copy) {
                        free(file);
                        return -ENOMEM;
                }
                file->path = steal_ptr(copy);
                file->fd = -1;
                list_append(&table->files, &file->node);
                file_open_now_and_then(file);
        }
        file->rotate_bytes = rotate_bytes;
        file->keep = MIN_OF(keep, FILE_KEEP_MAX);
        file->refs++;
        *ret_file = file;
        return 0;
}

LogFile *file_unref(LogFile *file)
{
        if (!file || --file->refs > 0)
                return NULL;
        list_remove(&file->node);
        closep(&file->fd);
        free(file->path);
        free(file);
        return NULL;
}

void file_reopen_all(FileTable *table)
{
        LIST_FOREACH (node, &table->files) {
                LogFile *file = LIST_ENTRY(node, LogFile, node);

                closep(&file->fd);
                file->retry_usec = 0;
                file_open_now_and_then(file);
        }
}

/* "FILE.3"; "FILE" for 0. */
static int rotated_name(const LogFile *file, uint32_t number, char name[PATH_MAX])
{
        int n = number == 0 ? snprintf(name, PATH_MAX, "%s", file->path)
                            : snprintf(name, PATH_MAX, "%s.%" PRIu32, file->path, number);

        return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Every name moves up by one, as far as there is no gap; the oldest is written over. */
static int shift_names(const LogFile *file)
{
        char from[PATH_MAX], to[PATH_MAX];
        uint32_t last = 1;
        int r;

        for (; last < file->keep; last++) {
                r = rotated_name(file, last, to);
                if (r < 0)
                        return r;
                if (faccessat(AT_FDCWD, to, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        break;
        }
        for (uint32_t number = last; number > 0; number--) {
                r = rotated_name(file, number, to);
                if (r == 0)
                        r = rotated_name(file, number - 1, from);
                if (r < 0)
                        return r;
                if (rename(from, to) < 0)
                        return -errno;
        }
        return 0;
}

/* Return: whether the file is empty now. */
static bool file_rotate(LogFile *file)
{
        int r;

        if (now_usec() < file->retry_usec)
                return false;
        if (file->keep == 0)
                r = ftruncate(file->fd, 0) < 0 ? -errno : 0;
        else
                r = shift_names(file);
        if (r < 0) {
                file->retry_usec = usec_add(now_usec(), FILE_RETRY_USEC);
                if (complaint_fails(&file->complaint, 0))
                        log_warning("%s: cannot be rotated: %s; writing on, retrying", file->path,
                                    strerror(-r));
                return false;
        }
        file->size = 0;
        file->ends_line = true;
        if (file->keep == 0)
                return true;
        closep(&file->fd);
        file_open_now_and_then(file);
        return file->fd >= 0;
}

/* Look at the file as it is: others may have removed, emptied or appended to it. */
static void file_refresh(LogFile *file)
{
        struct stat st;

        if (file->fd >= 0 && fstat(file->fd, &st) == 0) {
                file->size = (uint64_t)st.st_size;
                if (st.st_nlink > 0)
                        return;
                closep(&file->fd);
        }
        file_open_now_and_then(file);
}

/* What of @data still fits the size, to the end of a line; 0 if not even one line does. */
static size_t lines_that_fit(const LogFile *file, const char *data, size_t size)
{
        uint64_t room = file->rotate_bytes > file->size ? file->rotate_bytes - file->size : 0;
        const char *newline;

        if (size <= room)
                return size;
        newline = memrchr(data, '\n', (size_t)room);
        return newline ? (size_t)(newline - data) + 1 : 0;
}

size_t file_prepare(LogFile *file, const char *data, size_t size)
{
        const char *newline;
        size_t fitting;

        file_refresh(file);
        if (file->fd < 0)
                return size;
        if (file->has_gap && !file->ends_line && write(file->fd, "\n", 1) == 1) {
                file->ends_line = true; /* a line that was cut does not run into the next */
                file->size++;
        }
        if (!file->is_regular || file->rotate_bytes == 0)
                return size;
        fitting = lines_that_fit(file, data, size);
        if (fitting > 0)
                return fitting;

        /* In the middle of a line: up to its end, unless there seems to be none. */
        newline = memchr(data, '\n', size);
        if (!file->ends_line && file->size < file->rotate_bytes + LIMIT_LOG_LINE_BYTES)
                return newline ? (size_t)(newline - data) + 1 : size;
        if (file->size == 0 || !file_rotate(file))
                return newline ? (size_t)(newline - data) + 1 : size;
        fitting = lines_that_fit(file, data, size);
        return fitting > 0 ? fitting : newline ? (size_t)(newline - data) + 1 : size;
}

static bool is_lack_of_space(int error)
{
        return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EAGAIN;
}

static void file_failed(LogFile *file, int error, size_t dropped)
{
        file->has_gap = true;
        if (complaint_fails(&file->complaint, dropped))
                log_warning("%s: cannot be written: %s; dropping output meant for it, retrying",
                            file->path, strerror(error));
        if (file->fd >= 0 && !is_lack_of_space(error)) {
                closep(&file->fd);
                file->retry_usec = usec_add(now_usec(), FILE_RETRY_USEC);
        }
}

size_t file_write(LogFile *file, const char *data, size_t size)
{
        size_t done = 0;
        uint64_t dropped;

        if (file->fd < 0) {
                file_failed(file, EBADF, size);
                return 0;
        }
        while (done < size) {
                ssize_t n = write(file->fd, data + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        file_failed(file, n < 0 ? errno : EIO, size - done);
                        return done;
                }
                done += (size_t)n;
                file->ends_line = data[done - 1] == '\n';
        }
        file->has_gap = false;
        dropped = complaint_ends(&file->complaint);
        if (dropped > 0)
                log_notice("%s: written to again; %" PRIu64 " bytes were dropped", file->path,
                           dropped);
        return done;
}
