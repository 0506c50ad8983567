#include "supervisord/kernel/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/log.h"
#include "protocols/ring.h"
#include "supervisord/kernel/finish.h"
#include "supervisord/kernel/link.h"
#include "supervisord/kernel/output.h"
#include "supervisord/kernel/spawn.h"

#define SHORT_LIFE_USEC USEC_PER_SEC
#define SHORT_LIVES_MAX 30u
#define DELAY_USEC      (10 * USEC_PER_MSEC)
#define DELAY_USEC_MAX  USEC_PER_SEC
#define FIRST_PONG_USEC (5 * USEC_PER_SEC)
#define RECORDS_MAX     64u /* in one turn */
#define ARGS_MAX        8

static const struct {
        const char *name;
        const char *build_dir; /* from gend's own folder in the build tree */
} programs[SERVICE_KIND_COUNT] = {
        [SERVICE_SUPERVISOR] = {"gend-supervisor", "../supervisor"},
        [SERVICE_LOG] = {"gend-log", "../log"},
};

Service *service_by_pid(Kernel *kernel, pid_t pid)
{
        for (unsigned i = 0; i < SERVICE_KIND_COUNT; i++)
                if (kernel->services[i].pid == pid)
                        return &kernel->services[i];
        return NULL;
}

/* --- The programs --- */

static int executable(const char *dir, const char *sub_dir, const char *name, char **ret)
{
        _cleanup_(freep) char *path = NULL;

        if (asprintf(&path, "%s%s%s/%s", dir, sub_dir ? "/" : "", sub_dir ? sub_dir : "", name) < 0)
                return -ENOMEM;
        if (access(path, X_OK) < 0)
                return -errno;
        *ret = steal_ptr(path);
        return 0;
}

/* $GEND_LIBEXECDIR, for tests, comes before everything. */
int service_find(const char *name, const char *build_dir, char **ret)
{
        const char *forced = getenv("GEND_LIBEXECDIR");
        char self[PATH_MAX];
        ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
        char *slash;

        if (forced)
                return executable(forced, NULL, name, ret);
        if (size > 0) {
                self[size] = '\0';
                slash = strrchr(self, '/');
                if (slash)
                        *slash = '\0';
                if (executable(self, NULL, name, ret) == 0 ||
                    executable(self, build_dir, name, ret) == 0)
                        return 0;
        }
        return executable(LIBEXECDIR, NULL, name, ret);
}

/* --- Birth --- */

static int on_socket(_unused_ sd_event_source *source, _unused_ int fd, uint32_t events,
                     void *userdata)
{
        Service *service = userdata;

        if (events & EPOLLOUT) {
                service->is_blocked = false;
                (void)sd_event_source_set_io_events(service->socket_source, EPOLLIN);
        }
        if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                return 0;
        if (link_receive(service, RECORDS_MAX) == 0) {
                /* It hung up: if it is not dying, it is of no use. */
                (void)sd_event_source_set_enabled(service->socket_source, SD_EVENT_OFF);
                if (service->pid > 0 && service->kernel->finish == FINISH_NONE)
                        (void)kill(service->pid, SIGKILL);
        }
        return 0;
}

static int open_socket(Service *service, int *ret_peer)
{
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        service->socket_fd = pair[0];
        *ret_peer = fcntl(pair[1], F_DUPFD_CLOEXEC, FD_RAISED);
        r = *ret_peer < 0 ? -errno : 0;
        (void)close_fd(pair[1]);
        if (r < 0)
                return r;
        return sd_event_add_io(service->kernel->event, &service->socket_source, service->socket_fd,
                               EPOLLIN, on_socket, service);
}

static void fill_argv(const Service *service, char *argv[ARGS_MAX])
{
        const Options *options = &service->kernel->options;
        const char *all[ARGS_MAX] = {service->name};
        size_t count = 1;

        if (service->kind == SERVICE_SUPERVISOR) {
                all[count++] = "--tree";
                all[count++] = options->tree;
                all[count++] = "--runtime-dir";
                all[count++] = service->kernel->runtime_dir;
                if (options->admin_group) {
                        all[count++] = "--admin-group";
                        all[count++] = options->admin_group;
                }
        }
        memcpy(argv, all, sizeof(all));
}

/* Return: the pid, or a negative errno. */
static pid_t start_process(Service *service)
{
        Kernel *kernel = service->kernel;
        _cleanup_(closep) int peer = -1;
        char *argv[ARGS_MAX];
        int pass_fds[6], r;
        Launch what = {.file = service->file,
                       .argv = argv,
                       .envp = kernel->service_env,
                       .out_fd = -1,
                       .err_fd = -1,
                       .pass_fds = pass_fds,
                       .pass_count = service->kind == SERVICE_SUPERVISOR ? 6 : 4,
                       .cgroup_fd = -1};
        pid_t pid;

        r = open_socket(service, &peer);
        if (r < 0)
                return r;
        pass_fds[SERVICE_FD_KERNEL - 3] = peer;
        pass_fds[SERVICE_FD_PAGE - 3] = service->page_fd;
        pass_fds[SERVICE_FD_RINGS - 3] = kernel->rings_fd;
        pass_fds[SERVICE_FD_LOG_EVENT - 3] = kernel->log_event_fd;
        pass_fds[SERVICE_FD_CHECKPOINT - 3] = kernel->checkpoint_fd;
        pass_fds[SERVICE_FD_CONTROL - 3] = kernel->control_fd;
        fill_argv(service, argv);
        pid = launch(&what);
        return pid < 0 ? -what.failed_errno : pid;
}

static void close_socket(Service *service)
{
        service->socket_source = sd_event_source_disable_unref(service->socket_source);
        service->socket_fd = close_fd(service->socket_fd);
        service->is_blocked = false;
}

static void note_down(const Service *service, pid_t pid)
{
        SweepRow *row =
                &service->kernel->state->rows[SWEEP_ROW_SUPERVISOR + (unsigned)service->kind];

        atomic_store(&row->born_usec, boottime_usec());
        atomic_store(&row->pid, pid);
}

/* What is next after a life that was short or not. */
static void plan_restart(Service *service)
{
        Kernel *kernel = service->kernel;
        bool was_short = usec_sub(now_usec(), service->started_usec) < SHORT_LIFE_USEC;

        service->short_lives = was_short ? service->short_lives + 1 : 0;
        if (!was_short)
                service->delay_usec = 0;
        else
                service->delay_usec = service->delay_usec == 0
                                              ? DELAY_USEC
                                              : MIN_OF(service->delay_usec * 2, DELAY_USEC_MAX);
        if (service->short_lives >= SHORT_LIVES_MAX) {
                log_error("%s does not live: %u short lives in a row, stopping everything",
                          service->name, service->short_lives);
                finish_alone(kernel);
                return;
        }
        if (service->kind == SERVICE_LOG) {
                kernel->request.service_died |= 1u;
                link_request(kernel);
        }
        timer_arm(service->restart_timer, usec_add(now_usec(), service->delay_usec));
}

void service_start(Service *service)
{
        pid_t pid;

        atomic_store(&service->page->pong, 0);
        service->ping = 1; /* so that it is known early whether it ever answered */
        service->needs_ping = true;
        service->started_usec = now_usec();
        service->incarnation++;
        pid = start_process(service);
        if (pid < 0) {
                log_error("%s: %s: %s, trying again", service->name, service->file, strerror(-pid));
                close_socket(service);
                plan_restart(service);
                return;
        }
        service->pid = pid;
        note_down(service, pid);
        if (service->kind == SERVICE_SUPERVISOR)
                link_replay(service->kernel);
        else
                output_replay(service->kernel);
}

static int restart_timeout(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        Service *service = userdata;

        if (service->pid == 0 && service->kernel->finish == FINISH_NONE)
                service_start(service);
        return 0;
}

/* --- Death --- */

void service_died(Service *service, int code, int status)
{
        Kernel *kernel = service->kernel;
        bool is_finishing;

        /* What it had ordered is done before another one looks. */
        while (service->socket_fd >= 0 && link_receive(service, RECORDS_MAX) > 0)
                ;
        close_socket(service);
        service->pid = 0;
        note_down(service, 0);
        is_finishing = kernel->finish != FINISH_NONE;
        if (is_finishing)
                return;
        log_warning("%s ended (%s %d), starting it again", service->name,
                    code == CLD_EXITED ? "exit status" : "signal", status);
        plan_restart(service);
}

void service_hang_up(Service *service)
{
        close_socket(service);
}

/* --- Talking to it --- */

int service_send(Service *service, const Record *record, const int fds[], unsigned fd_count)
{
        int r;

        if (service->socket_fd < 0 || service->is_blocked)
                return -EAGAIN;
        r = record_send(service->socket_fd, record, fds, fd_count);
        if (r == 0)
                return 0;
        /* Its death is about to be seen, or what is short is tried again with the next tick. */
        service->is_blocked = true;
        if (r == -EAGAIN)
                (void)sd_event_source_set_io_events(service->socket_source, EPOLLIN | EPOLLOUT);
        return -EAGAIN;
}

void service_flush_ping(Service *service)
{
        Record record = {.type = RECORD_PING, .ping = {.number = service->ping}};

        if (service->needs_ping)
                service->needs_ping = service_send(service, &record, NULL, 0) < 0;
}

/* --- The only thing that ticks --- */

static void check_pong(Service *service)
{
        uint64_t pong = atomic_load(&service->page->pong);

        if (service->pid == 0)
                return;
        if (pong >= service->ping ||
            (pong == 0 && usec_sub(now_usec(), service->started_usec) < FIRST_PONG_USEC)) {
                service->ping++;
                service->needs_ping = true;
                if (!(service->is_blocked && service->socket_source))
                        return;
                service->is_blocked = false; /* the other reasons for it may be gone */
                return;
        }
        log_error("%s does not answer, killing it", service->name);
        (void)kill(service->pid, SIGKILL);
}

static int ping_timeout(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        Kernel *kernel = userdata;

        if (kernel->finish != FINISH_SERVICES)
                for (unsigned i = 0; i < SERVICE_KIND_COUNT; i++)
                        check_pong(&kernel->services[i]);
        atomic_store(&kernel->state->alive_usec, boottime_usec());
        output_tick(kernel);
        timer_arm(kernel->ping_timer, usec_add(now_usec(), kernel->options.ping_usec));
        return 0;
}

/* --- What they share --- */

static int make_memfd(const char *name, unsigned flags, int *ret_fd)
{
        _cleanup_(closep) int fd = memfd_create(name, MFD_CLOEXEC | flags);
        int raised;

        if (fd < 0)
                return -errno;
        raised = fcntl(fd, F_DUPFD_CLOEXEC, FD_RAISED);
        if (raised < 0)
                return -errno;
        *ret_fd = raised;
        return 0;
}

static int make_page(Service *service)
{
        void *map;
        int r;

        r = make_memfd("gend-page", 0, &service->page_fd);
        if (r < 0)
                return r;
        if (ftruncate(service->page_fd, sizeof(ServicePage)) < 0)
                return -errno;
        map = mmap(NULL, sizeof(ServicePage), PROT_READ | PROT_WRITE, MAP_SHARED, service->page_fd,
                   0);
        if (map == MAP_FAILED)
                return -errno;
        service->page = map;
        return 0;
}

static int make_shared(Kernel *kernel)
{
        _cleanup_(closep) int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int r;

        if (event < 0)
                return -errno;
        kernel->log_event_fd = fcntl(event, F_DUPFD_CLOEXEC, FD_RAISED);
        if (kernel->log_event_fd < 0)
                return -errno;
        r = make_memfd("gend-checkpoint", MFD_ALLOW_SEALING, &kernel->checkpoint_fd);
        if (r == 0)
                r = make_memfd("gend-rings", 0, &kernel->rings_fd);
        if (r == 0)
                r = ring_set_create(kernel->rings_fd, kernel->options.ring_bytes);
        return r;
}

static int init_one(Kernel *kernel, ServiceKind kind)
{
        Service *service = &kernel->services[kind];
        int r;

        *service = (Service){.kernel = kernel,
                             .kind = kind,
                             .name = programs[kind].name,
                             .socket_fd = -1,
                             .page_fd = -1};
        r = service_find(service->name, programs[kind].build_dir, &service->file);
        if (r < 0) {
                log_error("cannot find %s: %s", service->name, strerror(-r));
                return r;
        }
        r = make_page(service);
        if (r < 0)
                return r;
        return sd_event_add_time(kernel->event, &service->restart_timer, CLOCK_MONOTONIC,
                                 USEC_INFINITY, 1, restart_timeout, service);
}

int service_init(Kernel *kernel)
{
        int r;

        r = make_shared(kernel);
        for (unsigned i = 0; r >= 0 && i < SERVICE_KIND_COUNT; i++)
                r = init_one(kernel, (ServiceKind)i);
        if (r < 0)
                return r;
        return sd_event_add_time(kernel->event, &kernel->ping_timer, CLOCK_MONOTONIC,
                                 usec_add(now_usec(), kernel->options.ping_usec), 1, ping_timeout,
                                 kernel);
}
