/*
 * Owns the files by which tests and toys talk: the record of starts and stops, and files that
 * steer. Refuses to wait without inotify. Called by tests.
 */

#include "tests/support/harness-private.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"

static char *read_record(Harness *h)
{
        char path[PATH_BYTES];
        char *text;

        harness_path(h, "record", path);
        text = harness_read_file(path);
        return text ? text : calloc(1, 1);
}

void record_clear(Harness *h)
{
        _cleanup_(freep) char *text = read_record(h);

        h->record_start = strlen(text);
}

typedef struct RecordLine {
        char word[192]; /* "a+" */
        pid_t pid;
        uint64_t usec;
} RecordLine;

/* Steps over one complete line. */
static bool next_line(const char **cursor, RecordLine *line)
{
        const char *end = strchr(*cursor, '\n');
        char name[128], mark[32];
        int pid;

        if (!end || sscanf(*cursor, "%127s %31s %d %" SCNu64, name, mark, &pid, &line->usec) != 4)
                return false;
        (void)snprintf(line->word, sizeof(line->word), "%s%s", name, mark);
        line->pid = (pid_t)pid;
        *cursor = end + 1;
        return true;
}

const char *record_text(Harness *h)
{
        _cleanup_(freep) char *text = read_record(h);
        const char *cursor = text + h->record_start;
        RecordLine line;
        size_t size;
        FILE *out;

        free(h->record);
        h->record = NULL;
        out = open_memstream(&h->record, &size);
        ck_assert_ptr_nonnull(out);
        for (bool is_first = true; next_line(&cursor, &line); is_first = false)
                (void)fprintf(out, "%s%s", is_first ? "" : " ", line.word);
        (void)fclose(out);
        return h->record;
}

/* Finds the @nth @word in the record. */
static bool find_word(Harness *h, const char *word, int nth, RecordLine *ret_line)
{
        _cleanup_(freep) char *text = read_record(h);
        const char *cursor = text + h->record_start;

        while (next_line(&cursor, ret_line))
                if (strcmp(ret_line->word, word) == 0 && --nth == 0)
                        return true;
        return false;
}

int record_count(Harness *h, const char *word)
{
        _cleanup_(freep) char *text = read_record(h);
        const char *cursor = text + h->record_start;
        RecordLine line;
        int count = 0;

        while (next_line(&cursor, &line))
                count += strcmp(line.word, word) == 0;
        return count;
}

uint64_t record_usec(Harness *h, const char *word, int nth)
{
        RecordLine line;

        check(h, find_word(h, word, nth, &line));
        return line.usec;
}

/* A watch on the private folder; look first, then wait_change(). */
static int watch(Harness *h)
{
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(inotify_add_watch(fd, h->dir, IN_CREATE | IN_MODIFY | IN_MOVED_TO), 0);
        return fd;
}

/* Return: false when the deadline is over. */
static bool wait_change(int fd, usec_t deadline)
{
        struct pollfd change = {.fd = fd, .events = POLLIN};
        char events[4096];

        if (poll(&change, 1, harness_left_msec(deadline)) == 0)
                return false;
        while (read(fd, events, sizeof(events)) > 0)
                ;
        return true;
}

void expect_record_at(Harness *h, int line, const char *text)
{
        _cleanup_(closep) int fd = watch(h);
        usec_t deadline = harness_deadline();
        const char *now = record_text(h);

        while (strcmp(now, text) != 0) {
                if (strncmp(now, text, strlen(now)) != 0 || !wait_change(fd, deadline))
                        harness_failed(h, "test", line, "the record is \"%s\", expected \"%s\"",
                                       now, text);
                now = record_text(h);
        }
}

pid_t record_wait_at(Harness *h, int line, const char *word, int nth)
{
        _cleanup_(closep) int fd = watch(h);
        usec_t deadline = harness_deadline();
        RecordLine found;

        while (!find_word(h, word, nth, &found))
                if (!wait_change(fd, deadline))
                        harness_failed(h, "test", line, "no %s number %d in the record", word, nth);
        return found.pid;
}

void touch(Harness *h, const char *name)
{
        char path[PATH_BYTES];
        int fd;

        harness_path(h, name, path);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        ck_assert_int_ge(fd, 0);
        (void)close(fd);
}

void untouch(Harness *h, const char *name)
{
        char path[PATH_BYTES];

        harness_path(h, name, path);
        (void)unlink(path);
}

bool is_there(Harness *h, const char *name)
{
        char path[PATH_BYTES];

        harness_path(h, name, path);
        return access(path, F_OK) == 0;
}

const char *expect_file(Harness *h, const char *name)
{
        _cleanup_(closep) int fd = watch(h);
        usec_t deadline = harness_deadline();
        char path[PATH_BYTES];

        harness_path(h, name, path);
        free(h->file_text);
        while (!(h->file_text = harness_read_file(path)))
                if (!wait_change(fd, deadline))
                        harness_failed(h, __FILE__, __LINE__, "there is no file %s", name);
        return h->file_text;
}
