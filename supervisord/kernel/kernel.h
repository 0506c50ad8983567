#pragma once
/*
 * The kernel's state: one table of slots, two services, a few descriptors. One thread; every
 * function below supervisord/kernel runs on its event loop and blocks on nothing but a vfork.
 *
 * The modules: main (start and end), options, slot (the table and its timers), spawn (the only
 * vfork and exec), reap (the only reader of wait statuses, and what ends after a main process),
 * service (keeps gend-supervisor and gend-log alive), link (records in and out of gend-supervisor),
 * output (the same for gend-log), notify, listen, cgroup, finish (the way out), sweep (what a
 * killed gend left behind).
 */

#include "base/list.h"
#include "base/usec.h"
#include "protocols/record.h"
#include "protocols/spawn.h"
#include "supervisord/kernel/sweep.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define FD_RAISED 64 /* descriptors to be handed over are kept above the places they will get */

typedef struct Kernel Kernel;
typedef struct Service Service;
typedef struct Slot Slot;
typedef struct Stream Stream;

typedef struct Options {
        const char *tree;
        const char *runtime_dir; /* as given; NULL: by the rule */
        const char *admin_group; /* NULL: none */
        const char *cgroup;      /* auto, off, or a path */
        usec_t ping_usec;
        uint32_t ring_bytes;
        bool only_check;
} Options;

/* What waits to be told to gend-log, in order: streams to open and close, rings to drop. */
typedef struct LogItem {
        ListNode queue;
        Stream *stream; /* NULL: the ring of the slot that this item is in */
} LogItem;

/* One output pipe of one generation; outlives the row until gend-log has read it to its end. */
struct Stream {
        ListNode all;
        LogItem item;
        uint32_t slot;
        uint64_t generation;
        pid_t pid;
        uint32_t number; /* 1 or 2 */
        int fd;          /* read end: our copy */
        bool needs_open, needs_close;
        bool is_closing;      /* the child has ended */
        uint64_t closed_ping; /* LOG_CLOSE went out after this ping; 0: it did not */
        uint64_t rotate_bytes;
        uint32_t keep_files;
        char *file; /* NULL: none */
        char path[];
};

struct Slot {
        Kernel *kernel;
        uint32_t index;
        bool is_used;      /* there is a row: not forgotten yet */
        bool is_released;  /* RELEASE came while there was a row */
        bool is_ending;    /* the main process is reaped, the rest of it may not be gone */
        bool has_escapees; /* found by the last look at our direct children */
        bool has_cgroup;
        uint64_t generation; /* the last one ever seen */
        RecordChild row;
        /* Of the last specification, what is needed after the spawn. */
        char *path; /* in the tree; NULL before the first spawn */
        uint32_t uid;
        int32_t stop_signal;
        usec_t stop_usec;
        int pidfd;
        Slot *pid_next; /* in Kernel.by_pid */
        int notify_fd;
        sd_event_source *notify_source;
        usec_t watchdog_usec;     /* 0: none */
        usec_t watchdog_deadline; /* USEC_INFINITY: has not begun */
        usec_t end_deadline;
        ListNode used, dirty, ending, watched;
        Stream *streams[2];
        LogItem drop;
};

typedef enum ServiceKind { SERVICE_SUPERVISOR = 0, SERVICE_LOG, SERVICE_KIND_COUNT } ServiceKind;

struct Service {
        Kernel *kernel;
        ServiceKind kind;
        const char *name;
        char *file; /* its program */
        pid_t pid;  /* 0: is not running */
        int socket_fd;
        sd_event_source *socket_source;
        sd_event_source *restart_timer;
        int page_fd;
        ServicePage *page;
        bool is_blocked; /* its queue is full: EPOLLOUT is armed */
        bool needs_ping;
        uint64_t ping;        /* number of the last ping */
        uint64_t incarnation; /* 1 for the first */
        usec_t started_usec;
        usec_t delay_usec;
        uint32_t short_lives; /* in a row */
};

typedef struct Listener {
        int fd; /* -1: free place */
        uint32_t socktype;
        uint32_t address_len;
        unsigned char address[128];
        char *name;        /* given by the service manager, not yet matched; NULL otherwise */
        char *unlink_path; /* of ours, in the file system */
        dev_t device;
        ino_t inode;
} Listener;

typedef enum FinishPhase {
        FINISH_NONE = 0,
        FINISH_ORDERLY,  /* by ourselves: one child after the other, newest first */
        FINISH_KILL,     /* whatever is left */
        FINISH_SERVICES, /* wait for both to leave */
} FinishPhase;

struct Kernel {
        Options options;
        char *runtime_dir;
        gid_t admin_gid;
        int lock_fd;
        struct rlimit nofile; /* as it was given to us: what children get */
        bool is_nofile_raised;
        char **service_env;
        usec_t started_msec;
        sd_event *event;

        Slot slots[LIMIT_SLOTS];
        Slot *by_pid[LIMIT_SLOTS];
        ListNode used, dirty, ending, watched; /* slots */
        uint32_t used_count;
        sd_event_source *watchdog_timer;
        usec_t watchdog_next; /* when the timer is due; USEC_INFINITY: it is off */
        sd_event_source *ending_timer;
        usec_t ending_delay;
        sd_event_source *sweep_timer;
        bool is_sweep_due;
        int children_fd; /* /proc/self/task/TID/children; -1: this system has none */

        Service services[SERVICE_KIND_COUNT];
        sd_event_source *ping_timer;
        int rings_fd, log_event_fd, checkpoint_fd, control_fd;

        bool needs_hello, needs_synced, needs_request;
        RecordRequest request;
        bool needs_rotate;
        ListNode log_queue; /* LogItem */
        ListNode streams;   /* all of them */

        Listener listeners[LIMIT_LISTENERS];
        int cgroup_fd;         /* -1: none */
        uint32_t cgroup_flags; /* HelloFlag */

        SweepState *state;

        FinishPhase finish;
        int exit_status;
        Slot *finish_slot; /* FINISH_ORDERLY: being stopped now */
        usec_t finish_deadline;
        sd_event_source *finish_timer;

        uint64_t shed_count; /* pipes given up (output_shed) */
        uint64_t malformed;  /* records that made no sense */
        uint64_t stale;      /* orders for another generation */
};

/* timer_arm() - @source at @usec on the monotonic clock, USEC_INFINITY: never. A failure ends gend:
 * it could not keep its promises any more. */
void timer_arm(sd_event_source *source, usec_t usec);

/* is_nth_time() - whether the @count'th fault of a kind is worth a line: 1, 2, 4, 8 ... */
bool is_nth_time(uint64_t count);
