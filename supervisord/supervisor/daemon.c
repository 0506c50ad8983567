/*
 * The turn of the loop, and the world as the engine sees it: orders become records, events become
 * history, deadlines become timers.
 */

#include "supervisord/supervisor/daemon.h"

#include "base/log.h"
#include "base/text.h"
#include "supervisord/supervisor/request.h"
#include "supervisord/supervisor/spawner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

/* Deadlines are kept to the millisecond; sd-event's own default would be a quarter of a second. */
#define TIMER_ACCURACY_USEC USEC_PER_MSEC

/* Where the state cannot be kept there is no going on: the kernel starts another one from the last
 * commit. */
static _Noreturn void give_way(const char *what, int r)
{
        log_error("%s: %s; starting anew", what, strerror(-r));
        _exit(EXIT_FAILURE);
}

static void queue(Daemon *daemon, const Record *record, int *take_fd)
{
        int r = kernel_link_queue(&daemon->link, record, take_fd);

        if (r < 0)
                give_way("an order could not be queued", r);
}

/* --- the world ----------------------------------------------------------------------------- */

static usec_t world_now(void *context)
{
        (void)context;
        return now_usec();
}

static int world_spawn(void *context, Node *node)
{
        const ProcessSpec *process = &node->spec->process;
        Daemon *daemon = context;
        _cleanup_(closep) int fd = -1;
        const Record record = {
                .type = RECORD_SPAWN,
                .slot = node->id,
                .generation = node->life.generation,
                .spawn.watchdog_usec = process->watchdog_usec,
                .spawn.watchdog_from_spawn = process->ready == READY_SPAWN,
        };
        int r;

        r = spawner_seal(node, daemon->socket_path, &fd);
        if (r < 0)
                return r;
        queue(daemon, &record, &fd);
        return 0;
}

static void world_signal(void *context, Node *node, SignalMode mode, int signo)
{
        const Record record = {
                .type = RECORD_SIGNAL,
                .slot = node->id,
                .generation = node->life.generation,
                .signal = {.mode = mode, .signo = signo},
        };

        queue(context, &record, NULL);
}

static void world_forget(void *context, Node *node, uint64_t generation)
{
        const Record record = {
                .type = RECORD_FORGET,
                .slot = node->id,
                .generation = generation,
        };

        queue(context, &record, NULL);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *context)
{
        Node *node = context;
        Daemon *daemon = node->tree->context;

        (void)source;
        (void)usec;
        engine_timeout(daemon->engine, node);
        daemon_turn(daemon);
        return 0;
}

static void world_release(void *context, Node *node)
{
        const Record record = {.type = RECORD_RELEASE, .slot = node->id};
        Daemon *daemon = context;

        request_node_gone(daemon, node);
        node->timer = sd_event_source_disable_unref(node->timer);
        checkpoint_note_drop(&daemon->checkpoint, node->id);
        if (node_is_process(node))
                queue(daemon, &record, NULL);
}

static int new_timer(Daemon *daemon, Node *node)
{
        sd_event_source *timer = NULL;
        int r;

        r = sd_event_add_time(daemon->loop, &timer, CLOCK_MONOTONIC, node->life.deadline_usec,
                              TIMER_ACCURACY_USEC, on_deadline, node);
        if (r < 0)
                return r;
        node->timer = timer;
        return 0;
}

static void world_arm(void *context, Node *node)
{
        usec_t deadline = node->life.deadline_usec;
        int r = 0;

        if (!node->timer && deadline == 0)
                return;
        if (!node->timer) {
                r = new_timer(context, node);
        } else if (deadline == 0) {
                r = sd_event_source_set_enabled(node->timer, SD_EVENT_OFF);
        } else {
                r = sd_event_source_set_time(node->timer, deadline);
                if (r >= 0)
                        r = sd_event_source_set_enabled(node->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                give_way("a timer could not be set", r);
}

static void log_event(const Event *event)
{
        int priority = event->type == EVENT_FAILED || event->type == EVENT_ESCALATED ? LOG_WARNING
                                                                                     : LOG_INFO;
        const char *path = event->path[0] ? event->path : "gend";
        char pid[24] = "";

        if (event->pid > 0)
                text_format(pid, sizeof(pid), " (pid %d)", event->pid);
        log_write(priority, "%s: %s%s%s%s%s%s", path, event_type_name(event->type), pid,
                  event->reason ? ", reason " : "", event->reason ? event->reason : "",
                  event->detail ? ": " : "", event->detail ? event->detail : "");
}

/* The pid of an event about an end is that of the process that ended. */
static int32_t event_pid(const Daemon *daemon, const Node *node)
{
        return node && node->life.pid > 0 ? node->life.pid : daemon->row_pid;
}

void daemon_event(Daemon *daemon, const Node *node, EventType type, const char *reason,
                  const char *detail)
{
        char path[LIMIT_PATH_BYTES + 1] = "";
        Event event = {
                .msec = now_real_msec(),
                .type = type,
                .pid = event_pid(daemon, node),
                .path = path,
                .reason = (char *)(uintptr_t)reason,
                .detail = (char *)(uintptr_t)detail,
        };
        const Event *kept;

        if (node)
                (void)node_path(node, path);
        if (type == EVENT_RESTARTING)
                event.next_try_msec = node->life.delay_usec / USEC_PER_MSEC;
        kept = event_log_add(&daemon->events, &event);
        if (!kept->path)
                give_way("an event could not be kept", -ENOMEM);
        checkpoint_note_event(&daemon->checkpoint, kept);
        log_event(kept);
}

static void world_event(void *context, const Node *node, EventType type, const char *reason,
                        const char *detail)
{
        daemon_event(context, node, type, reason, detail);
}

static void world_budget(void *context, const Node *node, usec_t when)
{
        Daemon *daemon = context;

        checkpoint_note_budget(&daemon->checkpoint, node, when);
}

static double world_random(void *context)
{
        uint32_t value = 0;

        (void)context;
        if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
                value = (uint32_t)now_usec();
        return (double)value / UINT32_MAX;
}

void daemon_init_world(Daemon *daemon)
{
        daemon->world = (World){
                .context = daemon,
                .now = world_now,
                .spawn = world_spawn,
                .signal = world_signal,
                .forget = world_forget,
                .arm = world_arm,
                .release = world_release,
                .event = world_event,
                .budget = world_budget,
                .random = world_random,
        };
}

/* --- rows ---------------------------------------------------------------------------------- */

/* A row that no intention knows: what lives is killed, what has ended is forgotten. */
static void end_stray(Daemon *daemon, const Record *record)
{
        bool has_ended = (record->child.flags & (CHILD_HAS_ENDED | CHILD_NOT_SPAWNED)) != 0;
        Record order = {
                .type = has_ended ? RECORD_FORGET : RECORD_SIGNAL,
                .slot = record->slot,
                .generation = record->generation,
        };

        if (!has_ended) {
                log_warning("slot %u: process %d belongs to nobody; killing it", record->slot,
                            record->child.pid);
                order.signal.mode = SIGNAL_KILL;
        }
        queue(daemon, &order, NULL);
        if (has_ended && !daemon->tree->nodes[record->slot]) {
                order.type = RECORD_RELEASE;
                queue(daemon, &order, NULL);
        }
}

void daemon_row(Daemon *daemon, const Record *record)
{
        Node *node = record->slot < LIMIT_SLOTS ? daemon->tree->nodes[record->slot] : NULL;

        if (record->slot >= LIMIT_SLOTS)
                return;
        daemon->row_pid = record->child.pid;
        if (!node ||
            engine_row(daemon->engine, node, record->generation, &record->child) == ENGINE_E_STALE)
                end_stray(daemon, record);
        daemon->row_pid = 0;
}

/* --- the turn ------------------------------------------------------------------------------ */

void daemon_service(Daemon *daemon, ServiceState state, const char *text)
{
        Record record = {.type = RECORD_SERVICE, .service.state = state};

        text_copy(record.service.text, sizeof(record.service.text), text);
        queue(daemon, &record, NULL);
}

void daemon_unlisten(Daemon *daemon, const SpawnSocket *socket)
{
        Record record = {
                .type = RECORD_UNLISTEN,
                .listen = {.address_len = socket->address_len, .socktype = socket->socktype},
        };

        memcpy(record.listen.address, socket->address,
               MIN_OF(sizeof(record.listen.address), sizeof(socket->address)));
        queue(daemon, &record, NULL);
}

/* The new memfd is the kernel's before anything that rests on it is ordered. */
static void commit_snapshot(Daemon *daemon)
{
        const Record record = {.type = RECORD_CHECKPOINT};
        int fd, r;

        r = checkpoint_snapshot(&daemon->checkpoint, daemon->tree, &daemon->events, &fd);
        if (r == 0)
                r = kernel_link_send_now(&daemon->link, &record, fd);
        if (r < 0)
                give_way("the checkpoint could not be written anew", r);
        daemon->needs_snapshot = false;
}

static void commit(Daemon *daemon)
{
        int r;

        if (daemon->needs_snapshot || checkpoint_is_long(&daemon->checkpoint)) {
                commit_snapshot(daemon);
                return;
        }
        r = checkpoint_commit(&daemon->checkpoint, daemon->tree);
        if (r < 0)
                give_way("the checkpoint could not be written", r);
}

static void count_states(const Daemon *daemon, unsigned *running, unsigned *all)
{
        *running = *all = 0;
        for (Node *node = tree_next(daemon->tree, NULL); node;
             node = tree_next(daemon->tree, node)) {
                if (!node_is_process(node))
                        continue;
                ++*all;
                *running += node->life.state == LIFE_RUNNING;
        }
}

/* What the whole tree's state means for systemd, and for gend's own end. */
static void look_at_root(Daemon *daemon)
{
        const Life *root = &daemon->tree->root->life;
        unsigned running, all;
        char text[LIMIT_STATUS_BYTES];
        Record record = {.type = RECORD_FINISHED};

        if (root->state == LIFE_RUNNING && !daemon->told_ready) {
                count_states(daemon, &running, &all);
                text_format(text, sizeof(text), "%u of %u processes running", running, all);
                daemon_service(daemon, SERVICE_READY, text);
                daemon->told_ready = true;
        }
        if (root->state == LIFE_STOPPING)
                daemon->must_stop = true;
        if (root->state == LIFE_STOPPED && root->generation != 0 && !daemon->told_finished) {
                record.finished.exit_status = root->flags & LIFE_ENDS_NODE ? EXIT_FAILURE : 0;
                if (root->flags & LIFE_ENDS_NODE)
                        log_error("%s; gend ends with exit status 1", root->why);
                queue(daemon, &record, NULL);
                daemon->told_finished = true;
        }
        if (daemon->must_stop && root->state != LIFE_STOPPED && !daemon->told_stopping) {
                daemon_service(daemon, SERVICE_STOPPING, "stopping all applications");
                daemon->told_stopping = true;
        }
}

void daemon_turn(Daemon *daemon)
{
        int r;

        if (!daemon->is_synced)
                return;
        engine_run(daemon->engine);
        look_at_root(daemon);
        commit(daemon);
        r = kernel_link_flush(&daemon->link);
        if (r < 0)
                give_way("gend cannot be reached", r);
        if (daemon->link_source)
                (void)sd_event_source_set_io_events(daemon->link_source,
                                                    r == 1 ? EPOLLIN | EPOLLOUT : EPOLLIN);
        request_check_waiting(daemon);
}
