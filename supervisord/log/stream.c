/*
 * The pipes of children. It owns the read ends here, and the order "store, then take out" that
 * loses nothing when gend-log dies (flight.h). It never waits for a pipe and trusts no record.
 * Called by main.c.
 */
#include "supervisord/log/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "supervisord/log/lines.h"

#define PIPE_BYTES_MAX  (1024 * 1024) /* what a pipe holds by default at most */
#define STREAMS_OF_SLOT 2u

struct Stream {
        StreamTable *table;
        sd_event_source *source;
        char *path;
        LogFile *file; /* NULL: journal, if there is one */
        Lines lines;   /* for the journal */
        int fd;
        int32_t pid;
        int priority; /* of the line that is continued */
        FlightKey key;
};

static Stream *stream_free(Stream *stream)
{
        if (!stream)
                return NULL;
        (void)sd_event_source_disable_unref(stream->source);
        (void)file_unref(stream->file);
        lines_deinit(&stream->lines);
        closep(&stream->fd);
        free(stream->path);
        free(stream);
        return NULL;
}

DEFINE_CLEANUP(Stream *, stream_free);

static void on_line(void *userdata, const Line *line)
{
        Stream *stream = userdata;
        StreamTable *table = stream->table;
        const JournalOrigin origin = {
                .path = stream->path,
                .generation = stream->key.generation,
                .stream = stream->key.stream,
                .pid = stream->pid,
        };
        const char *text = line->text;
        size_t size = line->size;
        int r;

        if (!line->is_continuation)
                stream->priority = journal_priority(&text, &size);
        if (size == 0)
                return;
        r = journal_send(&table->journal, &origin, stream->priority, text, size);
        if (r == 0) {
                uint64_t dropped = complaint_ends(&table->journal_complaint);

                if (dropped > 0)
                        log_notice("the journal takes lines again; %llu bytes were dropped",
                                   (unsigned long long)dropped);
                return;
        }
        ring_count_dropped(&table->rings, stream->key.slot, line->size);
        if (complaint_fails(&table->journal_complaint, line->size))
                log_warning("the journal takes no lines: %s; dropping them, retrying",
                            strerror(-r));
}

static int on_moved(sd_event_source *source, void *userdata)
{
        StreamTable *table = userdata;

        (void)source;
        (void)eventfd_write(table->moved_fd, 1);
        return 0;
}

/* Tell gend-supervisor, once for all that is read in this turn. */
static void say_moved(StreamTable *table)
{
        if (ring_has_followers(&table->rings))
                (void)sd_event_source_set_enabled(table->moved, SD_EVENT_ONESHOT);
}

/* Everything that was copied into the peek pipe. */
static int read_peeked(StreamTable *table, size_t size)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = read(table->peek_fds[0], table->chunk + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t)n;
        }
        return 0;
}

/* Copy what is in the pipe into table->chunk. Return: its size; 0 at the end; -EAGAIN; another
 * errno. */
static ssize_t stream_peek(Stream *stream)
{
        StreamTable *table = stream->table;
        ssize_t n;
        int r;

        do
                n = tee(stream->fd, table->peek_fds[1], FLIGHT_BYTES_MAX, SPLICE_F_NONBLOCK);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 ? -errno : 0;
        r = read_peeked(table, (size_t)n);
        return r < 0 ? r : n;
}

/* Take @size bytes out of the pipe. They are there. */
static int stream_consume(Stream *stream, size_t size)
{
        while (size > 0) {
                ssize_t n = splice(stream->fd, NULL, stream->table->null_fd, NULL, size,
                                   SPLICE_F_NONBLOCK);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                size -= (size_t)n;
        }
        return 0;
}

static void stream_to_file(Stream *stream, const char *data, size_t size)
{
        size_t written = file_write(stream->file, data, size);

        if (written < size)
                ring_count_dropped(&stream->table->rings, stream->key.slot, size - written);
}

/* Line by line, so that a successor sends at most one of them again. */
static void stream_to_journal(Stream *stream, const char *data, size_t size)
{
        StreamTable *table = stream->table;

        while (journal_is_open(&table->journal) && size > 0) {
                const char *newline = memchr(data, '\n', size);
                size_t piece = newline ? (size_t)(newline - data) + 1 : size;

                lines_feed(&stream->lines, data, piece, on_line, stream);
                flight_advance(&table->rings, piece);
                data += piece;
                size -= piece;
        }
}

/* From the pipe to where it belongs, one chunk. Return: bytes; 0 at the end; -EAGAIN; another
 * errno. */
static ssize_t stream_step(Stream *stream)
{
        StreamTable *table = stream->table;
        ssize_t n = stream_peek(stream);
        size_t size;
        int r;

        if (n <= 0)
                return n;
        size = (size_t)n;
        if (stream->file)
                size = file_prepare(stream->file, table->chunk, size);
        flight_begin(&table->rings, &stream->key, size, stream->file ? stream->file->size : 0);
        ring_append(&table->rings, stream->key.slot, table->chunk, size);
        if (stream->file)
                stream_to_file(stream, table->chunk, size);
        else
                stream_to_journal(stream, table->chunk, size);
        r = stream_consume(stream, size);
        flight_end(&table->rings);
        say_moved(table);
        return r < 0 ? r : (ssize_t)size;
}

/* A predecessor died with bytes of this stream in hand: finish what it began. */
static int stream_resume(Stream *stream, const FlightRest *rest)
{
        StreamTable *table = stream->table;
        ssize_t n = stream_peek(stream);
        uint64_t done;
        int r;

        if (n <= 0 || !flight_was_stored(&table->rings, rest, table->chunk, (size_t)n))
                return 0; /* it had not begun, or was done */
        done = rest->done;
        if (stream->file) /* emptied by someone: then nothing is missing */
                done = stream->file->size - rest->file_size;
        done = MIN_OF(done, rest->bytes);
        if (stream->file)
                stream_to_file(stream, table->chunk + done, (size_t)(rest->bytes - done));
        else
                stream_to_journal(stream, table->chunk + done, (size_t)(rest->bytes - done));
        r = stream_consume(stream, (size_t)rest->bytes);
        flight_end(&table->rings);
        say_moved(table);
        return r;
}

static Stream **stream_place(StreamTable *table, uint32_t slot, uint32_t stream)
{
        return &table->streams[slot * STREAMS_OF_SLOT + stream - 1];
}

/* What is in the pipe now, but not what is written meanwhile without end; then it is gone. */
static void stream_finish(Stream *stream)
{
        int capacity = fcntl(stream->fd, F_GETPIPE_SZ);
        ssize_t left = capacity > 0 ? capacity : PIPE_BYTES_MAX, n;

        do {
                n = stream_step(stream);
                left -= n;
        } while (n > 0 && left > 0);
        lines_flush(&stream->lines, on_line, stream);
        *stream_place(stream->table, stream->key.slot, stream->key.stream) = NULL;
        stream_free(stream);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Stream *stream = userdata;
        ssize_t n = stream_step(stream);

        (void)source;
        (void)fd;
        (void)events;
        if (n > 0 || n == -EAGAIN)
                return 0;
        if (n < 0)
                log_warning("%s: its output cannot be read: %s; closing it", stream->path,
                            strerror((int)-n));
        stream_finish(stream);
        return 0;
}

/* Room for @slot. */
static int table_grow(StreamTable *table, uint32_t slot)
{
        uint32_t count = MAX_OF(slot + 1, table->slot_count * 2);
        size_t old = (size_t)table->slot_count * STREAMS_OF_SLOT;
        Stream **grown;

        if (slot < table->slot_count)
                return 0;
        count = MIN_OF(count, LIMIT_SLOTS);
        grown = reallocarray(table->streams, (size_t)count * STREAMS_OF_SLOT, sizeof(Stream *));
        if (!grown)
                return -ENOMEM;
        memset(grown + old, 0, ((size_t)count * STREAMS_OF_SLOT - old) * sizeof(Stream *));
        table->streams = grown;
        table->slot_count = count;
        return 0;
}

/* Terminated, and without control characters, which would forge fields and lines. */
static bool text_ok(const char *text, size_t size)
{
        const char *end = memchr(text, '\0', size);

        for (const char *at = text; end && at < end; at++)
                if ((unsigned char)*at < ' ' || *at == 0x7f)
                        return false;
        return end != NULL;
}

static bool record_ok(const Record *record)
{
        const RecordLog *log = &record->log;

        return record->slot < LIMIT_SLOTS && (log->stream == 1 || log->stream == 2) &&
               text_ok(log->path, sizeof(log->path)) && log->path[0] != '\0' &&
               text_ok(log->file, sizeof(log->file)) &&
               (log->file[0] == '\0' || log->file[0] == '/');
}

static bool is_pipe(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* What may change while the stream lives. */
static int stream_configure(Stream *stream, const RecordLog *log)
{
        LogFile *file = NULL;
        int r = 0;

        stream->pid = log->pid;
        if (log->file[0] != '\0')
                r = file_ref(&stream->table->files, log->file, log->rotate_bytes, log->keep_files,
                             &file);
        if (r < 0)
                return r;
        (void)file_unref(stream->file);
        stream->file = file;
        return 0;
}

static int stream_new(StreamTable *table, const Record *record, int *take_fd, Stream **ret_stream)
{
        _cleanup_(stream_freep) Stream *stream = calloc(1, sizeof(*stream));
        int r;

        if (!stream)
                return -ENOMEM;
        stream->table = table;
        stream->fd = steal_fd(take_fd);
        stream->key = (FlightKey){.slot = record->slot,
                                  .generation = record->generation,
                                  .stream = record->log.stream};
        stream->path = strdup(record->log.path);
        if (!stream->path)
                return -ENOMEM;
        r = stream_configure(stream, &record->log);
        if (r < 0)
                return r;
        r = sd_event_add_io(table->event, &stream->source, stream->fd, EPOLLIN, on_readable,
                            stream);
        if (r < 0)
                return r;
        *ret_stream = steal_ptr(stream);
        return 0;
}

int stream_open(StreamTable *table, const Record *record, int *take_fd)
{
        _cleanup_(closep) int fd = steal_fd(take_fd);
        FlightRest *rest = &table->rest;
        Stream **place, *stream;
        int r;

        if (!record_ok(record) || !is_pipe(fd))
                return -EINVAL;
        r = table_grow(table, record->slot);
        if (r < 0)
                return r;
        place = stream_place(table, record->slot, record->log.stream);
        if (*place && (*place)->key.generation > record->generation)
                return -ESTALE;
        if (*place && (*place)->key.generation == record->generation)
                return stream_configure(*place, &record->log);
        if (*place)
                stream_finish(*place);
        r = stream_new(table, record, &fd, &stream);
        if (r < 0)
                return r;
        *place = stream;
        if (rest->bytes > 0 && rest->key.slot == record->slot &&
            rest->key.generation == record->generation && rest->key.stream == record->log.stream) {
                r = stream_resume(stream, rest);
                rest->bytes = 0;
        }
        return r;
}

void stream_close(StreamTable *table, const Record *record)
{
        for (uint32_t i = 1; record->slot < table->slot_count && i <= STREAMS_OF_SLOT; i++) {
                Stream *stream = *stream_place(table, record->slot, i);

                if (stream && stream->key.generation == record->generation &&
                    (record->log.stream == i || record->log.stream == 0))
                        stream_finish(stream);
        }
}

void stream_drop(StreamTable *table, const Record *record)
{
        bool is_newer = false;

        for (uint32_t i = 1; record->slot < table->slot_count && i <= STREAMS_OF_SLOT; i++) {
                Stream *stream = *stream_place(table, record->slot, i);

                if (stream && stream->key.generation > record->generation)
                        is_newer = true;
                else if (stream)
                        stream_finish(stream);
        }
        if (!is_newer)
                ring_reset(&table->rings, record->slot);
}

int stream_table_init(StreamTable *table, sd_event *event, int rings_fd, int moved_fd)
{
        int r;

        *table = STREAM_TABLE_NULL;
        table->event = event;
        table->moved_fd = moved_fd;
        file_table_init(&table->files);
        r = ring_set_open(rings_fd, true, &table->rings);
        if (r < 0)
                return r;
        table->rest = flight_rest(&table->rings);
        table->chunk = malloc(FLIGHT_BYTES_MAX);
        if (!table->chunk)
                return -ENOMEM;
        table->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (table->null_fd < 0 || pipe2(table->peek_fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        r = sd_event_add_defer(event, &table->moved, on_moved, table);
        if (r >= 0)
                r = sd_event_source_set_enabled(table->moved, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = journal_open(&table->journal);
        if (r < 0)
                log_warning("the journal cannot be used: %s; going on without it", strerror(-r));
        return 0;
}

void stream_table_deinit(StreamTable *table)
{
        for (uint32_t i = 0; i < table->slot_count * STREAMS_OF_SLOT; i++)
                if (table->streams[i])
                        stream_finish(table->streams[i]);
        (void)sd_event_source_disable_unref(table->moved);
        if (table->rings.map && ring_has_followers(&table->rings))
                (void)eventfd_write(table->moved_fd, 1);
        journal_close(&table->journal);
        closep(&table->peek_fds[0]);
        closep(&table->peek_fds[1]);
        closep(&table->null_fd);
        free(table->streams);
        free(table->chunk);
        ring_set_close(&table->rings);
}
