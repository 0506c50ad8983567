#include "supervisord/kernel/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "supervisord/kernel/service.h"

#define SHED_COUNT 8u

static void queue(Kernel *kernel, LogItem *item)
{
        if (!list_is_linked(&item->queue))
                list_append(&kernel->log_queue, &item->queue);
}

static void stream_free(Stream *stream)
{
        list_remove(&stream->all);
        list_remove(&stream->item.queue);
        (void)close_fd(stream->fd);
        free(stream->file);
        free(stream);
}

static int stream_new(Slot *slot, const SpawnSpec *spec, uint32_t number, int *ret_write_fd)
{
        StdioMode mode = number == 1 ? spec->out_mode : spec->err_mode;
        const char *path = number == 1 ? spec->out_file : spec->err_file;
        const char *file = mode == STDIO_FILE ? path : NULL;
        size_t path_bytes = strlen(spec->path) + 1;
        Stream *stream;
        int fds[2];

        stream = calloc(1, sizeof(*stream) + path_bytes);
        if (!stream)
                return -ENOMEM;
        stream->file = file ? strdup(file) : NULL;
        stream->fd = -1;
        if ((file && !stream->file) || pipe2(fds, O_CLOEXEC) < 0) {
                int r = file && !stream->file ? -ENOMEM : -errno;

                stream_free(stream);
                return r;
        }
        (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
        stream->fd = fds[0];
        stream->item.stream = stream;
        stream->slot = slot->index;
        stream->generation = slot->generation;
        stream->number = number;
        stream->rotate_bytes = spec->rotate_bytes;
        stream->keep_files = spec->keep_files;
        memcpy(stream->path, spec->path, path_bytes);
        list_append(&slot->kernel->streams, &stream->all);
        slot->streams[number - 1] = stream;
        *ret_write_fd = fds[1];
        return 0;
}

static bool needs_pipe(StdioMode mode)
{
        return mode == STDIO_LOG || mode == STDIO_FILE;
}

static bool share_a_pipe(const SpawnSpec *spec)
{
        if (spec->out_mode != spec->err_mode || !needs_pipe(spec->out_mode))
                return false;
        return spec->out_mode == STDIO_LOG || strcmp(spec->out_file, spec->err_file) == 0;
}

int output_open(Slot *slot, const SpawnSpec *spec, int ret_write_fds[2])
{
        int r = 0;

        if (needs_pipe(spec->out_mode))
                r = stream_new(slot, spec, 1, &ret_write_fds[0]);
        if (r == 0 && needs_pipe(spec->err_mode) && !share_a_pipe(spec))
                r = stream_new(slot, spec, 2, &ret_write_fds[1]);
        return r;
}

void output_started(Slot *slot)
{
        for (size_t i = 0; i < ARRAY_LEN(slot->streams); i++) {
                Stream *stream = slot->streams[i];

                if (!stream)
                        continue;
                stream->pid = slot->row.pid;
                stream->needs_open = true;
                queue(slot->kernel, &stream->item);
        }
}

void output_ended(Slot *slot)
{
        for (size_t i = 0; i < ARRAY_LEN(slot->streams); i++) {
                Stream *stream = steal_ptr(slot->streams[i]);

                if (!stream)
                        continue;
                stream->is_closing = stream->needs_close = true;
                queue(slot->kernel, &stream->item);
        }
}

void output_abandon(Slot *slot)
{
        for (size_t i = 0; i < ARRAY_LEN(slot->streams); i++)
                if (slot->streams[i])
                        stream_free(steal_ptr(slot->streams[i]));
}

bool output_shed(Kernel *kernel)
{
        unsigned count = 0;

        LIST_FOREACH_SAFE (node, &kernel->streams) {
                Stream *stream = LIST_ENTRY(node, Stream, all);

                if (!stream->is_closing || count == SHED_COUNT)
                        continue;
                stream_free(stream);
                count++;
        }
        kernel->shed_count += count;
        if (count > 0 && is_nth_time(kernel->shed_count / SHED_COUNT))
                log_warning("no descriptors left while gend-log does not read: the last output of "
                            "%" PRIu64 " children that ended is lost",
                            kernel->shed_count);
        return count > 0;
}

void output_drop(Slot *slot)
{
        queue(slot->kernel, &slot->drop);
}

void output_replay(Kernel *kernel)
{
        LIST_FOREACH (node, &kernel->streams) {
                Stream *stream = LIST_ENTRY(node, Stream, all);

                if (stream->pid == 0)
                        continue;
                stream->needs_open = true;
                stream->needs_close = stream->is_closing;
                stream->closed_ping = 0;
                queue(kernel, &stream->item);
        }
}

static int tell_open(Service *service, const Stream *stream)
{
        Record record = {
                .type = RECORD_LOG_OPEN, .slot = stream->slot, .generation = stream->generation};

        record.log.stream = stream->number;
        record.log.pid = stream->pid;
        record.log.keep_files = stream->keep_files;
        record.log.rotate_bytes = stream->rotate_bytes;
        memcpy(record.log.path, stream->path, strlen(stream->path));
        if (stream->file)
                memcpy(record.log.file, stream->file, strlen(stream->file));
        return service_send(service, &record, &stream->fd, 1);
}

static int tell_close(Service *service, const Stream *stream)
{
        Record record = {
                .type = RECORD_LOG_CLOSE, .slot = stream->slot, .generation = stream->generation};

        record.log.stream = stream->number;
        record.log.pid = stream->pid;
        return service_send(service, &record, NULL, 0);
}

/* Nothing is in the pipe, or gend-log has answered a ping that came after LOG_CLOSE. */
static bool is_done_with(const Service *service, const Stream *stream)
{
        int bytes = 0;

        if (stream->closed_ping == 0)
                return false;
        if (ioctl(stream->fd, FIONREAD, &bytes) == 0 && bytes == 0)
                return true;
        return service->pid > 0 && atomic_load(&service->page->pong) >= stream->closed_ping;
}

static int flush_stream(Service *service, Stream *stream)
{
        int r;

        if (stream->needs_open) {
                r = tell_open(service, stream);
                if (r < 0)
                        return r;
                stream->needs_open = false;
        }
        if (stream->needs_close) {
                r = tell_close(service, stream);
                if (r < 0)
                        return r;
                stream->needs_close = false;
                stream->closed_ping = service->ping + 1;
        }
        list_remove(&stream->item.queue);
        if (is_done_with(service, stream))
                stream_free(stream);
        return 0;
}

static int flush_drop(Service *service, LogItem *item)
{
        const Slot *slot = LIST_ENTRY(item, Slot, drop);
        Record record = {
                .type = RECORD_LOG_DROP, .slot = slot->index, .generation = slot->generation};
        int r = service_send(service, &record, NULL, 0);

        if (r == 0)
                list_remove(&item->queue);
        return r;
}

void output_flush(Kernel *kernel)
{
        Service *service = &kernel->services[SERVICE_LOG];

        if (service->socket_fd < 0 || service->is_blocked)
                return;
        service_flush_ping(service);
        if (kernel->needs_rotate) {
                Record record = {.type = RECORD_LOG_ROTATE};

                kernel->needs_rotate = service_send(service, &record, NULL, 0) < 0;
        }
        LIST_FOREACH_SAFE (node, &kernel->log_queue) {
                LogItem *item = LIST_ENTRY(node, LogItem, queue);

                if ((item->stream ? flush_stream(service, item->stream)
                                  : flush_drop(service, item)) < 0)
                        return;
        }
}

void output_tick(Kernel *kernel)
{
        const Service *service = &kernel->services[SERVICE_LOG];

        LIST_FOREACH_SAFE (node, &kernel->streams) {
                Stream *stream = LIST_ENTRY(node, Stream, all);

                if (is_done_with(service, stream))
                        stream_free(stream);
        }
}
