/*
 * gend-log: reads the output of every child and puts it into the rings, files and the journal. It
 * obeys gend's records (protocols/record.h) and says nothing back but the pong in the shared page.
 * It may die at any moment: gend restarts it and announces all pipes again.
 *
 * It ends when gend's end of the socket does, and by no signal that can be blocked: a Ctrl-C or a
 * service manager that signals the whole group must not cut off the last lines of the children.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "protocols/record.h"
#include "supervisord/log/stream.h"

/* Records before the pipes get their turn again. */
#define RECORDS_PER_TURN 64

typedef struct LogProgram {
        sd_event *event;
        sd_event_source *kernel;
        ServicePage *page; /* NULL: none */
        StreamTable streams;
} LogProgram;

static void log_obey(LogProgram *program, const Record *record, int *fd)
{
        StreamTable *streams = &program->streams;
        int r = 0;

        switch (record->type) {
        case RECORD_PING:
                if (program->page)
                        atomic_store(&program->page->pong, record->ping.number);
                break;
        case RECORD_LOG_OPEN:
                r = stream_open(streams, record, fd);
                break;
        case RECORD_LOG_CLOSE:
                stream_close(streams, record);
                break;
        case RECORD_LOG_DROP:
                stream_drop(streams, record);
                break;
        case RECORD_LOG_ROTATE:
                file_reopen_all(&streams->files);
                break;
        default:
                r = -EPROTO;
                break;
        }
        if (r < 0)
                log_warning("record %u for slot %u: %s; ignoring it", record->type, record->slot,
                            strerror(-r));
}

static int on_kernel(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        LogProgram *program = userdata;
        Record record;

        (void)source;
        (void)events;
        for (int i = 0; i < RECORDS_PER_TURN; i++) {
                int fds[2];
                int r = record_receive(fd, &record, fds);

                if (r == -EAGAIN)
                        return 0;
                if (r == -EPROTO) {
                        log_warning("gend sent what is no record; ignoring it");
                        continue;
                }
                if (r <= 0)
                        return sd_event_exit(program->event, r);
                log_obey(program, &record, &fds[0]);
                closep(&fds[0]);
                closep(&fds[1]);
        }
        return 0;
}

/* Written to a fifo without reader, or over RLIMIT_FSIZE: an error of that write, not our end. */
static int block_signals(void)
{
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGHUP);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGPIPE);
        (void)sigaddset(&set, SIGXFSZ);
        return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Every stream is a descriptor. */
static void raise_file_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int map_page(ServicePage **ret_page)
{
        struct stat st;
        void *map;

        if (fstat(SERVICE_FD_PAGE, &st) < 0)
                return -errno;
        if (st.st_size < (off_t)sizeof(ServicePage))
                return -EPROTO;
        map = mmap(NULL, sizeof(ServicePage), PROT_READ | PROT_WRITE, MAP_SHARED, SERVICE_FD_PAGE,
                   0);
        if (map == MAP_FAILED)
                return -errno;
        *ret_page = map;
        return 0;
}

static int log_run(LogProgram *program)
{
        int r;

        raise_file_limit();
        r = block_signals();
        if (r == 0)
                r = map_page(&program->page);
        if (r == 0)
                r = sd_event_new(&program->event);
        if (r < 0)
                return r;
        r = stream_table_init(&program->streams, program->event, SERVICE_FD_RINGS,
                              SERVICE_FD_LOG_EVENT);
        if (r < 0)
                return r;
        r = sd_event_add_io(program->event, &program->kernel, SERVICE_FD_KERNEL, EPOLLIN, on_kernel,
                            program);
        if (r >= 0) /* a flood of output does not keep gend waiting for its pong */
                r = sd_event_source_set_priority(program->kernel, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                return r;
        return sd_event_loop(program->event);
}

int main(void)
{
        LogProgram program = {.streams = STREAM_TABLE_NULL};
        int r;

        log_init("gend-log");
        r = log_run(&program);
        stream_table_deinit(&program.streams);
        (void)sd_event_source_disable_unref(program.kernel);
        (void)sd_event_unref(program.event);
        if (program.page)
                (void)munmap(program.page, sizeof(*program.page));
        if (r < 0) {
                log_error("%s; leaving", strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
