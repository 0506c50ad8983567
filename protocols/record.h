#pragma once
/*
 * What gend (the kernel) says to gend-supervisor and gend-log, and they to it: records of one fixed
 * size on a SOCK_SEQPACKET pair, with at most two descriptors attached. Same machine, same build:
 * host byte order, no version but RECORD_VERSION in HELLO.
 *
 * The kernel reports state, not messages: RECORD_CHILD is the whole truth about one slot at this
 * moment. It is sent for every slot after HELLO and again whenever something changed; a reader that
 * is slow or dead sees the latest state, never a queue. Whoever reads compares with what it knows.
 */

#include "protocols/limits.h"

#include <stdint.h>

#define RECORD_VERSION 1u

/* Descriptors that gend-supervisor and gend-log are born with. */
#define SERVICE_FD_KERNEL 3 /* the SOCK_SEQPACKET end */
#define SERVICE_FD_PAGE   4 /* ServicePage, shared, writable */
#define SERVICE_FD_RINGS  5 /* protocols/ring.h; gend-log writes it, gend-supervisor reads it */
#define SERVICE_FD_LOG_EVENT \
        6 /* eventfd: gend-log tells gend-supervisor that a followed ring moved */
#define SERVICE_FD_CHECKPOINT 7 /* gend-supervisor only: a memfd, empty at the very first start */
#define SERVICE_FD_CONTROL                                                               \
        8 /* gend-supervisor only: the control socket, listening. It is the kernel's, so \
             that clients which come while there is no gend-supervisor wait in line */

/* In their environment: the instance id of the gend that started them (supervisord/kernel/sweep.h).
 */
#define SERVICE_ENV_INSTANCE "GEND_KERNEL"

/* The kernel pings with a record; the service answers by storing the number here, so that the
 * answer wakes nobody. */
typedef struct ServicePage {
        _Atomic uint64_t pong;
} ServicePage;

typedef enum RecordType {
        RECORD_NONE = 0,

        /* gend-supervisor to gend */
        RECORD_SPAWN,  /* spawn; descriptor: the sealed spawn specification (protocols/spawn.h) */
        RECORD_SIGNAL, /* signal */
        RECORD_FORGET, /* slot, generation: this end was dealt with, the row may go. The slot's ring
                          stays for the next generation */
        RECORD_RELEASE, /* slot: it has no owner any more. Its ring goes, at once or when its last
                           row is forgotten */
        RECORD_CHECKPOINT, /* descriptor: keep this memfd from now on in place of the last */
        RECORD_SERVICE,    /* service: what the service manager (systemd) is to be told */
        RECORD_UNLISTEN,   /* listen: close a kept listening socket that no child has any more */
        RECORD_FINISHED,   /* finished: everything is stopped; gend may exit */

        /* gend to gend-supervisor */
        RECORD_HELLO, /* hello: first record of an incarnation; the rows follow, then SYNCED */
        RECORD_CHILD, /* child: a row */
        RECORD_SYNCED,
        RECORD_REQUEST, /* request: what signals asked for */

        /* gend to gend-supervisor and gend-log */
        RECORD_PING, /* ping: store the number in ServicePage.pong */

        /* gend to gend-log */
        RECORD_LOG_OPEN,  /* log; descriptor: the read end of a child's output pipe */
        RECORD_LOG_CLOSE, /* log: the child's whole group is gone: read what is there, then close */
        RECORD_LOG_DROP,  /* log: the slot was released; forget its ring. Comes after the LOG_CLOSE
                             of its  last generation and before the LOG_OPEN of its next owner */
        RECORD_LOG_ROTATE, /* open the files again (SIGHUP) */

        RECORD_TYPE_COUNT
} RecordType;

/* Bits of RecordChild.flags. They stay set for the life of a generation. */
typedef enum ChildFlag {
        CHILD_IS_ALIVE = 1u << 0,    /* spawned, and not reaped */
        CHILD_HAS_ENDED = 1u << 1,   /* reaped, and no process of its group or cgroup is left */
        CHILD_NOT_SPAWNED = 1u << 2, /* never came to be: spawn_step and spawn_errno say why */
        CHILD_IS_READY = 1u << 3,    /* READY=1 */
        CHILD_SAID_STOPPING = 1u << 4,
        CHILD_IS_RELOADING = 1u << 5, /* RELOADING=1, until the next READY=1 */
        CHILD_WATCHDOG_HIT = 1u << 6, /* WATCHDOG=1 stayed out; SIGABRT was sent */
        CHILD_STOP_SENT = 1u << 7,    /* SIGNAL_STOP was carried out; it is not done twice */
        CHILD_KILL_SENT = 1u << 8,    /* SIGNAL_KILL was carried out */
        CHILD_OOM = 1u << 9,          /* the cgroup's oom_kill counter moved */
        CHILD_DUMPED_CORE = 1u << 10,
        CHILD_LEFT_GROUP = 1u << 11, /* processes outlived the main one and were killed */
} ChildFlag;

/* The step of a spawn that failed. Names: spawn_step_name(). */
typedef enum SpawnStep {
        SPAWN_STEP_NONE = 0,
        SPAWN_STEP_SPEC,   /* the specification is malformed */
        SPAWN_STEP_PIPE,   /* output pipe */
        SPAWN_STEP_NOTIFY, /* notify socket */
        SPAWN_STEP_LISTEN, /* socket, bind or listen */
        SPAWN_STEP_CGROUP, /* make, limit or enter */
        SPAWN_STEP_FORK,
        SPAWN_STEP_SESSION, /* setsid */
        SPAWN_STEP_STDIO,
        SPAWN_STEP_LIMITS, /* setrlimit */
        SPAWN_STEP_NICE,
        SPAWN_STEP_GROUP, /* setgroups, setgid */
        SPAWN_STEP_USER,  /* setuid */
        SPAWN_STEP_PRIVS, /* no_new_privs, parent-death signal */
        SPAWN_STEP_CWD,
        SPAWN_STEP_EXEC,
        SPAWN_STEP_COUNT
} SpawnStep;

/* How a SIGNAL record is meant. */
typedef enum SignalMode {
        SIGNAL_NONE = 0,
        SIGNAL_MAIN, /* to the main process only */
        SIGNAL_STOP, /* the first signal of a stop: to the whole group, then SIGCONT; once a
                        generation */
        SIGNAL_KILL, /* SIGKILL to the whole group and cgroup */
        SIGNAL_MODE_COUNT
} SignalMode;

typedef enum ServiceState {
        SERVICE_NONE = 0,
        SERVICE_STARTING, /* text only */
        SERVICE_READY,
        SERVICE_RELOADING,
        SERVICE_STOPPING,
        SERVICE_STATE_COUNT
} ServiceState;

/* Bits of RecordHello.flags. */
typedef enum HelloFlag {
        HELLO_FIRST = 1u << 0,         /* gend has just started: the checkpoint is empty */
        HELLO_HAS_CGROUP = 1u << 1,    /* every child gets a cgroup of its own */
        HELLO_CGROUP_MEMORY = 1u << 2, /* and these controllers work there */
        HELLO_CGROUP_PIDS = 1u << 3,
        HELLO_CGROUP_CPU = 1u << 4,
} HelloFlag;

typedef struct RecordSpawn {
        uint64_t watchdog_usec;       /* 0: none */
        uint32_t watchdog_from_spawn; /* 1: counts from the spawn on (ready: spawn); 0: from
                                         READY=1, or the first WATCHDOG=1 */
} RecordSpawn;

typedef struct RecordSignal {
        uint32_t mode; /* SignalMode */
        int32_t signo; /* unused by SIGNAL_KILL */
} RecordSignal;

typedef struct RecordService {
        uint32_t state; /* ServiceState */
        char text[LIMIT_STATUS_BYTES + 1];
} RecordService;

typedef struct RecordListen {
        uint32_t address_len;
        uint32_t socktype;
        unsigned char address[128]; /* a struct sockaddr */
} RecordListen;

typedef struct RecordFinished {
        int32_t exit_status;
} RecordFinished;

typedef struct RecordHello {
        uint32_t version;
        uint32_t flags;
        uint64_t incarnation;  /* 1 for the first gend-supervisor of this gend */
        uint64_t started_msec; /* realtime: when gend started */
        int32_t gend_pid;
        uint32_t rows;
} RecordHello;

/* Levels and counters, so that nothing is lost if one is not read. */
typedef struct RecordRequest {
        uint32_t stop;         /* 1: SIGTERM or SIGINT came */
        uint32_t service_died; /* bit 0: gend-log was restarted since the last REQUEST */
        uint64_t reloads;      /* number of SIGHUPs so far */
} RecordRequest;

typedef struct RecordPing {
        uint64_t number;
} RecordPing;

typedef struct RecordChild {
        uint32_t flags; /* ChildFlag */
        int32_t pid;
        int32_t code;        /* CLD_EXITED, CLD_KILLED, CLD_DUMPED once it has ended */
        int32_t status;      /* exit status or signal number */
        uint32_t spawn_step; /* SpawnStep */
        int32_t spawn_errno;
        uint64_t started_usec; /* monotonic */
        uint64_t started_msec; /* realtime */
        uint64_t ready_usec;   /* monotonic; 0 before READY=1 */
        uint64_t ended_usec;   /* monotonic */
        uint64_t ended_msec;   /* realtime */
        uint64_t extend_usec;  /* monotonic deadline asked for with EXTEND_TIMEOUT_USEC; 0: none */
        uint64_t cpu_usec;     /* user and system time of a child that has ended */
        uint32_t notify_refused; /* messages on its NOTIFY_SOCKET that were malformed or refused */
        uint32_t notify_errno;   /* ERRNO= */
        char status_text[LIMIT_STATUS_BYTES + 1]; /* STATUS=, valid UTF-8, no control characters */
} RecordChild;

typedef struct RecordLog {
        uint32_t stream; /* 1: stdout (and stderr where both go the same way), 2: stderr */
        int32_t pid;
        uint32_t keep_files; /* rotated files beside the current one */
        uint32_t reserved;
        uint64_t rotate_bytes;           /* rotate the file at this size; 0: never */
        char path[LIMIT_PATH_BYTES + 1]; /* of the child in the tree */
        char file[512];                  /* absolute; empty: no file */
} RecordLog;

typedef struct Record {
        uint32_t type; /* RecordType */
        uint32_t slot;
        uint64_t generation;
        union {
                RecordSpawn spawn;
                RecordSignal signal;
                RecordService service;
                RecordListen listen;
                RecordFinished finished;
                RecordHello hello;
                RecordRequest request;
                RecordPing ping;
                RecordChild child;
                RecordLog log;
        };
} Record;

/* spawn_step_name() - "exec", "cwd" ...; "?" for what is no SpawnStep. Context: any. */
const char *spawn_step_name(uint32_t step);

/**
 * record_send() - one record, with up to two descriptors
 * @fds: borrowed; @fd_count 0 to 2
 *
 * Context: any; does not block.
 * Return: 0; -EAGAIN when the queue is full; -EPIPE when the peer is gone; another negative errno.
 */
int record_send(int socket_fd, const Record *record, const int fds[], unsigned fd_count);

/**
 * record_receive() - the next record, with its descriptors
 * @ret_fds: filled with -1 where none came; owned by the caller, close-on-exec. Surplus ones are
 * closed.
 *
 * Context: any; does not block.
 * Return: 1 when a record was read; 0 at the end of the stream; -EAGAIN when there is none now;
 *         -EPROTO for a message that is no record (nothing is left open); another negative errno.
 */
int record_receive(int socket_fd, Record *ret_record, int ret_fds[2]);
