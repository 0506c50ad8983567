#pragma once
/*
 * All of gend-supervisor in one struct, and the turn of its loop: something comes in (a record, a
 * request, a deadline), the engine runs, what changed is committed, orders are sent, waiting
 * requests are looked at. Home: the loop.
 */

#include "protocols/ring.h"
#include "supervisord/supervisor/checkpoint.h"
#include "supervisord/supervisor/engine.h"
#include "supervisord/supervisor/events.h"
#include "supervisord/supervisor/kernel-link.h"
#include "supervisord/supervisor/rpc.h"

#include <systemd/sd-event.h>

typedef struct Daemon Daemon;

struct Daemon {
        /* Options, borrowed from main(). */
        const char *tree_path;
        const char *runtime_dir;
        const char *admin_group; /* NULL: none */
        char *socket_path;

        sd_event *loop;
        KernelLink link;
        sd_event_source *link_source;
        ServicePage *page;
        RingSet rings;
        int log_event_fd;
        Rpc *rpc;
        RpcHandlers rpc_handlers;

        Tree *tree;
        Engine *engine;
        World world;
        Checkpoint checkpoint;
        EventLog events;
        RecordHello hello;
        gid_t admin_gid; /* (gid_t)-1: none */
        int32_t row_pid; /* of the row being taken in; 0: none */

        bool is_fresh;   /* nothing was committed before: the tree comes from the file */
        bool is_synced;  /* the tree is there and every row has been seen */
        bool told_ready; /* the service manager knows */
        bool told_stopping;
        bool told_finished;  /* the kernel knows that all is stopped */
        bool must_stop;      /* a signal or a client wants all to end */
        bool needs_snapshot; /* the tree's shape or order changed: this turn's commit is a snapshot
                              */

        ListNode requests; /* waiting ones, see request.c */
        size_t request_count;
        sd_event_source *request_timer;
};

/* daemon_turn() - to be called once after anything came in. Ends the process when the state cannot
 * be kept. */
void daemon_turn(Daemon *daemon);

/* daemon_event() - to the events, the checkpoint and the log. @node NULL: about gend itself. */
void daemon_event(Daemon *daemon, const Node *node, EventType type, const char *reason,
                  const char *detail);

/* daemon_service() - what systemd is told. */
void daemon_service(Daemon *daemon, ServiceState state, const char *text);

/* daemon_init_world() - fills daemon->world. */
void daemon_init_world(Daemon *daemon);

/* daemon_row() - a RECORD_CHILD. */
void daemon_row(Daemon *daemon, const Record *record);

/* daemon_unlisten() - no child has this socket any more. */
void daemon_unlisten(Daemon *daemon, const SpawnSocket *socket);
