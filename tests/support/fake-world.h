#pragma once
/*
 * The world of the engine, for tests: a clock that moves when told to, and a kernel of rows that
 * obeys orders as supervisord/kernel does (an order of a past generation is dropped, one that was
 * carried out is not done twice), so that it outlives the tree, the engine and the checkpoint.
 * What processes do is scripted; what happened can be read as a text.
 */

#include "base/list.h"
#include "supervisord/supervisor/checkpoint.h"
#include "supervisord/supervisor/engine.h"

#include <stdbool.h>

typedef enum FakeSin {
        FAKE_NONE = 0,
        FAKE_NO_ORDER,    /* the order cannot even be given: -ENOMEM */
        FAKE_NO_EXEC,     /* not spawned: ENOENT at the step exec */
        FAKE_DIES,        /* exits with status 1 at once: `ready` notify has not been ready */
        FAKE_NEVER_READY, /* notify */
} FakeSin;

/* How children of a name behave, from their (skip + 1)th spawn on, `count` times (0: for ever). */
typedef struct FakeScript {
        const char *name; /* borrowed */
        FakeSin sin;
        unsigned skip, count;
        usec_t ready_usec;  /* notify: ready after this long */
        usec_t stop_usec;   /* obeys the stop signal after this long; USEC_INFINITY: never */
        int stop_status;    /* exits with this; 0: dies of the signal */
        unsigned die_spawn; /* this spawn ... */
        usec_t die_usec;    /* ... ends with status 1 after this long */
} FakeScript;

typedef struct FakeSlot {
        bool is_used;
        bool is_notify;
        uint64_t generation;
        RecordChild row;
        char name[LIMIT_NAME_BYTES + 32];
        FakeScript script;
        unsigned spawns;         /* by this name */
        usec_t ready_at, end_at; /* 0: nothing is to happen */
        int end_code, end_status;
        ListNode dirty, used;
} FakeSlot;

typedef struct FakeOrder {
        RecordType type;
        uint32_t slot;
        uint64_t generation;
        SignalMode mode;
        int signo;
        bool is_notify;
        char name[LIMIT_NAME_BYTES + 32];
} FakeOrder;

/* How often a name was spawned, in whatever slot. */
typedef struct FakeCount {
        uint64_t hash;
        unsigned spawns;
} FakeCount;

typedef struct FakeWorld FakeWorld;

struct FakeWorld {
        World world;
        Tree *tree;
        Engine *engine;
        EventLog events;
        Checkpoint checkpoint;

        usec_t now;
        usec_t latency; /* processes take up to this long to do what they do; 0: they do it at once
                         */
        double random;
        FakeScript scripts[16];
        size_t script_count;
        FakeSlot slots[LIMIT_SLOTS];
        FakeCount counts[2 * LIMIT_SLOTS];
        ListNode dirty, used; /* slots */
        ListNode timers;      /* armed */
        FakeOrder *orders;    /* given and not sent yet */
        size_t order_count, order_room;

        /* Where gend-supervisor is to be killed: before commit, after it, after each order. */
        bool keeps_checkpoint;
        int kernel_checkpoint_fd;
        uint64_t point, kill_point; /* 0: never */
        bool (*wants_kill)(FakeWorld *fake);
        unsigned kills;

        /* Of interest to tests. */
        void (*on_spawn)(FakeWorld *fake, const Node *node);
        void (*on_signal)(FakeWorld *fake, const Node *node, SignalMode mode);
        void (*on_turn)(FakeWorld *fake);
        void *context;
        char trace[16384]; /* " +a -a .a": spawned, stop signal sent, gone; "!a" killed, "^a" ready
                            */
        size_t trace_len;
        unsigned faults; /* orders that a sane supervisor never gives */
        unsigned forgotten, spawned;
        unsigned event_counts[EVENT_TYPE_COUNT];
        char tally[8192]; /* " +a -b": events */
};

/* fake_new() - @json: a tree file with ' in place of ". Ends the test when it is no tree. */
FakeWorld *fake_new(const char *json);
FakeWorld *fake_free(FakeWorld *fake);
DEFINE_CLEANUP(FakeWorld *, fake_free);

void fake_script(FakeWorld *fake, FakeScript script);

/* fake_node() - by path or tail; ends the test when there is none. fake_has() - whether an operator
 * would find it. */
Node *fake_node(FakeWorld *fake, const char *path);
bool fake_has(FakeWorld *fake, const char *path);

/* fake_turn() - as the daemon's: run, commit, send. Return: whether the turn was committed. */
bool fake_turn(FakeWorld *fake);

/* fake_settle() - all that happens without the clock moving. fake_advance() - all that happens
 * within @span. fake_finish() - until no process and no kernel has anything left to do; deadlines
 * of the engine that are in the way are met, later ones are not. */
void fake_settle(FakeWorld *fake);
void fake_advance(FakeWorld *fake, usec_t span);
void fake_finish(FakeWorld *fake);

/* fake_to_deadline() - until the next armed deadline has passed. Return: whether there was one. */
bool fake_to_deadline(FakeWorld *fake);

/* fake_boot() - engine_boot() and fake_settle(). */
void fake_boot(FakeWorld *fake);

/* fake_end() - the process of @path ends by itself: by exit with @status, or by a signal where
 * @status is negative. Nobody has been told yet. */
void fake_end(FakeWorld *fake, const char *path, int status);

/* fake_exit() - fake_end() and fake_settle(). */
void fake_exit(FakeWorld *fake, const char *path, int status);

void fake_start(FakeWorld *fake, const char *path);
void fake_stop(FakeWorld *fake, const char *path);
void fake_restart(FakeWorld *fake, const char *path);
void fake_delete(FakeWorld *fake, const char *path);

/* fake_add() - as `genctl add`: @json has ' for ". fake_spawn() - as `genctl spawn`, @arg may be
 * NULL. Return: the node as it was before the turn. */
void fake_add(FakeWorld *fake, const char *parent, const char *json);
void fake_spawn(FakeWorld *fake, const char *parent, const char *arg);

/* fake_kill() - gend-supervisor is killed and started again: what was not committed is lost, what
 * was not sent too. */
void fake_kill(FakeWorld *fake);

/* fake_alive() - processes that live. */
unsigned fake_alive(FakeWorld *fake);

void fake_trace(FakeWorld *fake, const char *what, const char *name);
const char *fake_take_trace(FakeWorld *fake);

/* fake_random() - of a seed: the same numbers everywhere. */
uint32_t fake_random(uint64_t *seed);
