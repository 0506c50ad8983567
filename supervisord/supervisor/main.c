/*
 * gend-supervisor: the tree, the restart policy, the control socket. Started by gend only, which
 * hands it the descriptors of protocols/record.h; may end at any moment, and is then started again
 * and goes on from its last commit. `gend-supervisor --check -t FILE` checks a tree file and needs
 * no gend.
 */

#include "base/log.h"
#include "base/text.h"
#include "supervisord/kernel/sweep.h"
#include "supervisord/supervisor/daemon.h"
#include "supervisord/supervisor/reload.h"
#include "supervisord/supervisor/request.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long what gend left behind may take to die. */
#define SWEEP_USEC (2 * USEC_PER_SEC)

#define RECORDS_PER_TURN 256

typedef struct Options {
        const char *tree_path;
        const char *runtime_dir;
        const char *admin_group;
        bool is_check;
} Options;

static int parse_options(int argc, char *argv[], Options *ret)
{
        static const struct option options[] = {
                {"tree", required_argument, NULL, 't'},
                {"runtime-dir", required_argument, NULL, 'r'},
                {"admin-group", required_argument, NULL, 'g'},
                {"check", no_argument, NULL, 'c'},
                {NULL, 0, NULL, 0},
        };
        int option;

        while ((option = getopt_long(argc, argv, "t:", options, NULL)) != -1) {
                switch (option) {
                case 't':
                        ret->tree_path = optarg;
                        break;
                case 'r':
                        ret->runtime_dir = optarg;
                        break;
                case 'g':
                        ret->admin_group = optarg;
                        break;
                case 'c':
                        ret->is_check = true;
                        break;
                default:
                        return -EINVAL;
                }
        }
        return ret->tree_path && (ret->is_check || ret->runtime_dir) ? 0 : -EINVAL;
}

static void print_faults(const SpecFaults *faults, const char *path)
{
        _cleanup_(freep) char *text = spec_faults_to_text(faults, path);

        if (text)
                (void)fputs(text, stderr);
}

static size_t count_spec(NodeSpec *const specs[], size_t count)
{
        size_t processes = 0;

        for (size_t i = 0; i < count; i++) {
                if (specs[i]->kind == NODE_EXEC || specs[i]->kind == NODE_WORKER)
                        processes++;
                processes += count_spec(specs[i]->children, specs[i]->child_count);
        }
        return processes;
}

static int check(const char *path)
{
        _cleanup_(tree_spec_freep) TreeSpec *spec = NULL;
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) char *folder = NULL;
        ReloadResult result = {0};
        size_t size;
        int r;

        r = reload_load(path, &spec, &text, &size, &folder, &result);
        if (r == RELOAD_E_INVALID)
                print_faults(&result.faults, path);
        else if (r != 0)
                (void)fprintf(stderr, "%s\n", r < 0 ? strerror(-r) : result.error);
        else
                (void)printf("%s: ok, %zu applications, %zu processes\n", path,
                             spec->application_count,
                             count_spec(spec->applications, spec->application_count));
        spec_faults_deinit(&result.faults);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- start --------------------------------------------------------------------------------- */

/* The first gend-supervisor of this gend: the tree comes from the file. */
static int begin_fresh(Daemon *daemon)
{
        _cleanup_(tree_spec_freep) TreeSpec *spec = NULL;
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) char *folder = NULL;
        ReloadResult result = {0};
        size_t size;
        int r;

        r = reload_load(daemon->tree_path, &spec, &text, &size, &folder, &result);
        if (r == RELOAD_E_INVALID)
                print_faults(&result.faults, daemon->tree_path);
        if (r > 0)
                log_error("%s", result.error);
        spec_faults_deinit(&result.faults);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        daemon->tree = tree_new();
        if (!daemon->tree)
                return -ENOMEM;
        tree_take_top(daemon->tree, spec);
        for (size_t i = 0; i < spec->application_count; i++) {
                Node *app;

                r = tree_add_whole(daemon->tree, daemon->tree->root, &spec->applications[i], &app);
                if (r < 0)
                        return r;
        }
        daemon->needs_snapshot = true;
        return checkpoint_set_text(&daemon->checkpoint, text, size, folder);
}

static bool has_cgroup_limits(const ProcessSpec *process, uint32_t hello)
{
        if (process->memory_max && !(hello & HELLO_CGROUP_MEMORY))
                return false;
        if (process->pids_max && !(hello & HELLO_CGROUP_PIDS))
                return false;
        return !process->cpu_max_percent || (hello & HELLO_CGROUP_CPU);
}

/* Limits that this system cannot set are said at once, not when the child is started. */
static void warn_of_cgroups(const Daemon *daemon)
{
        char path[LIMIT_PATH_BYTES + 1];

        for (Node *node = tree_next(daemon->tree, NULL); node;
             node = tree_next(daemon->tree, node)) {
                const ProcessSpec *process = &node->spec->process;

                if (!node_is_process(node) || !process->has_cgroup ||
                    has_cgroup_limits(process, daemon->hello.flags))
                        continue;
                log_warning(
                        "%s: its cgroup limits cannot be set: gend has no delegated cgroup v2 with "
                        "these controllers; %s",
                        node_path(node, path),
                        process->cgroup_optional ? "it runs without them"
                                                 : "its start will fail (see \"optional\")");
        }
}

static int begin(Daemon *daemon)
{
        int fd = SERVICE_FD_CHECKPOINT;
        int r;

        r = checkpoint_load(&daemon->checkpoint, &fd, &daemon->tree, &daemon->events);
        if (r == CHECKPOINT_E_EMPTY) {
                daemon->is_fresh = true;
                r = begin_fresh(daemon);
        } else if (r == 0) {
                log_notice("going on from the checkpoint: %u nodes", daemon->tree->node_count);
        }
        if (r < 0)
                return r;
        daemon->tree->context = daemon;
        daemon->engine = engine_new(daemon->tree, &daemon->world);
        return daemon->engine ? 0 : -ENOMEM;
}

/* Nothing can be supervised; gend is told so and ends. */
static void refuse(Daemon *daemon)
{
        const Record record = {.type = RECORD_FINISHED, .finished.exit_status = EXIT_FAILURE};

        (void)kernel_link_send_now(&daemon->link, &record, -1);
        daemon->told_finished = true;
}

static gid_t find_group(const char *name)
{
        const struct group *group = name ? getgrnam(name) : NULL;

        return group ? group->gr_gid : (gid_t)-1;
}

static void on_request(void *context, RpcCall **take_call)
{
        request_take(context, take_call);
        daemon_turn(context);
}

static void on_gone(void *context, uint32_t connection)
{
        request_connection_gone(context, connection);
}

static int on_log_event(sd_event_source *source, int fd, uint32_t events, void *context)
{
        uint64_t count;

        (void)source;
        (void)events;
        if (read(fd, &count, sizeof(count)) < 0) {
                /* somebody was faster: nothing new */
        }
        request_check_waiting(context);
        return 0;
}

static int on_request_timer(sd_event_source *source, uint64_t usec, void *context)
{
        (void)source;
        (void)usec;
        request_check_waiting(context);
        return 0;
}

static int listen_for_requests(Daemon *daemon)
{
        int r;

        daemon->rpc_handlers = (RpcHandlers){
                .context = daemon,
                .request = on_request,
                .gone = on_gone,
        };
        r = rpc_open(daemon->loop, SERVICE_FD_CONTROL, &daemon->rpc_handlers, &daemon->rpc);
        if (r >= 0)
                r = sd_event_add_io(daemon->loop, NULL, daemon->log_event_fd, EPOLLIN, on_log_event,
                                    daemon);
        if (r >= 0)
                r = sd_event_add_time(daemon->loop, &daemon->request_timer, CLOCK_MONOTONIC, 0,
                                      USEC_PER_MSEC, on_request_timer, daemon);
        if (r >= 0)
                r = sd_event_source_set_enabled(daemon->request_timer, SD_EVENT_OFF);
        return r < 0 ? r : 0;
}

/* Every row has been seen: from here on the tree is ours to move. */
static int synced(Daemon *daemon)
{
        int r;

        daemon->is_synced = true;
        if (daemon->is_fresh)
                engine_boot(daemon->engine);
        else
                engine_resume(daemon->engine);
        warn_of_cgroups(daemon);
        daemon_turn(daemon);
        r = listen_for_requests(daemon);
        if (r < 0)
                log_error("%s: cannot listen: %s", daemon->socket_path, strerror(-r));
        return r;
}

/* --- records ------------------------------------------------------------------------------- */

static void reload_by_signal(Daemon *daemon)
{
        ReloadResult result;
        int r;

        daemon_service(daemon, SERVICE_RELOADING, "reading the tree file");
        r = reload_run(daemon, false, &result);
        if (r == RELOAD_E_INVALID)
                print_faults(&result.faults, daemon->tree_path);
        if (r != 0)
                log_error("reload: %s; nothing was changed", r < 0 ? strerror(-r) : result.error);
        daemon->needs_snapshot |= r == 0;
        daemon_service(daemon, SERVICE_READY, r == 0 ? "reloaded" : "reload failed, see the log");
        reload_result_deinit(&result);
}

static void take_request(Daemon *daemon, const RecordRequest *request)
{
        if (request->stop && !daemon->must_stop) {
                daemon->must_stop = true;
                if (daemon->engine)
                        engine_shutdown(daemon->engine);
        }
        if (request->reloads > daemon->checkpoint.reloads_done && daemon->is_synced) {
                daemon->checkpoint.reloads_done = request->reloads;
                if (!daemon->must_stop)
                        reload_by_signal(daemon);
        }
}

static int take_record(Daemon *daemon, const Record *record)
{
        switch ((RecordType)record->type) {
        case RECORD_HELLO:
                if (record->hello.version != RECORD_VERSION)
                        return -EPROTO;
                daemon->hello = record->hello;
                return begin(daemon);
        case RECORD_CHILD:
                if (!daemon->engine)
                        return -EPROTO;
                daemon_row(daemon, record);
                return 0;
        case RECORD_SYNCED:
                return daemon->engine ? synced(daemon) : -EPROTO;
        case RECORD_REQUEST:
                take_request(daemon, &record->request);
                return 0;
        case RECORD_PING:
                atomic_store(&daemon->page->pong, record->ping.number);
                return 0;
        case RECORD_NONE:
        case RECORD_SPAWN:
        case RECORD_SIGNAL:
        case RECORD_FORGET:
        case RECORD_RELEASE:
        case RECORD_CHECKPOINT:
        case RECORD_SERVICE:
        case RECORD_UNLISTEN:
        case RECORD_FINISHED:
        case RECORD_LOG_OPEN:
        case RECORD_LOG_CLOSE:
        case RECORD_LOG_DROP:
        case RECORD_LOG_ROTATE:
        case RECORD_TYPE_COUNT:
                break;
        }
        return -EPROTO;
}

/* gend is gone without a word: whatever it started must not outlive it. */
static int kernel_is_gone(Daemon *daemon)
{
        const char *instance = getenv(SERVICE_ENV_INSTANCE);
        unsigned killed = 0;
        int r;

        if (!daemon->told_finished) {
                log_error("gend is gone; ending what it has left");
                r = sweep_predecessor(daemon->runtime_dir, instance, SWEEP_USEC, &killed);
                if (r < 0)
                        log_error("sweep: %s", strerror(-r));
                if (killed > 0)
                        log_notice("%u processes ended", killed);
        }
        return sd_event_exit(daemon->loop, daemon->told_finished ? 0 : EXIT_FAILURE);
}

/* All that is there is taken in before anything is decided: ends that came together are seen
 * together. */
static int on_records(sd_event_source *source, int fd, uint32_t events, void *context)
{
        Daemon *daemon = context;

        (void)source;
        (void)events;
        for (unsigned i = 0; i < RECORDS_PER_TURN; i++) {
                Record record;
                int fds[2];
                int r = record_receive(fd, &record, fds);

                if (r == -EAGAIN)
                        break;
                if (r <= 0)
                        return kernel_is_gone(daemon);
                (void)close_fd(fds[0]);
                (void)close_fd(fds[1]);
                r = take_record(daemon, &record);
                if (r < 0) {
                        if (daemon->is_fresh && !daemon->is_synced)
                                refuse(daemon); /* and has said why */
                        else
                                log_error("record %u: %s", record.type, strerror(-r));
                        return sd_event_exit(daemon->loop, EXIT_FAILURE);
                }
        }
        daemon_turn(daemon);
        return 0;
}

static int map_page(Daemon *daemon)
{
        void *page = mmap(NULL, sizeof(ServicePage), PROT_READ | PROT_WRITE, MAP_SHARED,
                          SERVICE_FD_PAGE, 0);

        if (page == MAP_FAILED)
                return -errno;
        daemon->page = page;
        return ring_set_open(SERVICE_FD_RINGS, false, &daemon->rings);
}

static int init(Daemon *daemon, const Options *options)
{
        int r;

        list_init(&daemon->requests);
        daemon->tree_path = options->tree_path;
        daemon->runtime_dir = options->runtime_dir;
        daemon->admin_group = options->admin_group;
        daemon->admin_gid = find_group(options->admin_group);
        daemon->link = (KernelLink){.fd = SERVICE_FD_KERNEL};
        daemon->log_event_fd = SERVICE_FD_LOG_EVENT;
        daemon->checkpoint = CHECKPOINT_NULL;
        daemon_init_world(daemon);
        if (asprintf(&daemon->socket_path, "%s/ctl.sock", options->runtime_dir) < 0)
                return -ENOMEM;
        for (int fd = SERVICE_FD_KERNEL; fd <= SERVICE_FD_CONTROL; fd++)
                if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                        return -errno;
        r = map_page(daemon);
        if (r == 0)
                r = sd_event_new(&daemon->loop);
        if (r >= 0)
                r = sd_event_add_io(daemon->loop, &daemon->link_source, SERVICE_FD_KERNEL, EPOLLIN,
                                    on_records, daemon);
        return r < 0 ? r : 0;
}

int main(int argc, char *argv[])
{
        static Daemon daemon; /* the events are in there: too much for the stack */
        Options options = {0};
        int r;

        log_init("gend-supervisor");
        if (parse_options(argc, argv, &options) < 0) {
                (void)fprintf(stderr, "gend-supervisor is started by gend; see gend(8)\n");
                return 2;
        }
        if (options.is_check)
                return check(options.tree_path);
        (void)umask(0077);
        (void)prctl(PR_SET_NAME, "gend-supervisor");
        r = init(&daemon, &options);
        if (r < 0) {
                log_error("cannot begin: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        r = sd_event_loop(daemon.loop);
        return r < 0 ? EXIT_FAILURE : r;
}
