#pragma once
/*
 * Supervision as it happens: feeds what the world reports through the table of life.c and the
 * decision of protocols/policy, and turns the outcome into orders to the world. Does no I/O itself:
 * everything outside goes through World, so that a test can be the world.
 *
 * Nothing here recurses from one node into another: what a child tells its supervisor is queued and
 * handled in engine_run(), one message at a time. Home: the loop.
 */

#include "protocols/record.h"
#include "supervisord/supervisor/node.h"

/* What is told to readers of `genctl events`. */
typedef enum EventType {
        EVENT_NONE = 0,
        EVENT_STARTING,
        EVENT_READY,
        EVENT_EXITED,
        EVENT_RESTARTING,
        EVENT_STOPPING,
        EVENT_STOPPED,
        EVENT_FAILED,
        EVENT_ESCALATED,
        EVENT_ADDED,
        EVENT_DELETED,
        EVENT_RELOADED,
        EVENT_TYPE_COUNT
} EventType;

const char *event_type_name(EventType type);

typedef struct World World;

/* Every function gets World.context. None may call back into the engine. */
struct World {
        void *context;
        usec_t (*now)(void *context);
        /* Order a process for node->life.generation. Return: 0, or a negative errno: it cannot even
         * be asked for. */
        int (*spawn)(void *context, Node *node);
        void (*signal)(void *context, Node *node, SignalMode mode, int signo);
        void (*forget)(void *context, Node *node, uint64_t generation);
        void (*arm)(void *context, Node *node);     /* node->life.deadline_usec; 0: disarm */
        void (*release)(void *context, Node *node); /* the node is about to go */
        void (*event)(void *context, const Node *node, EventType type, const char *reason,
                      const char *detail);
        void (*budget)(void *context, const Node *node, usec_t when); /* a restart was entered */
        double (*random)(void *context);                              /* 0 to 1, for jitter */
};

typedef struct Engine Engine;

/* engine_new() - @tree and @world are borrowed for the engine's life. NULL without memory. */
Engine *engine_new(Tree *tree, const World *world);
void engine_free(Engine *engine);
DEFINE_CLEANUP(Engine *, engine_free);

/* What the kernel's row says about a slot; compared with what the node knows. Rows of past
 * generations are dropped. Return: 0; ENGINE_E_STALE if the row's process should not be there and
 * must be ended. */
enum {
        ENGINE_E_STALE = 1,
};
int engine_row(Engine *engine, Node *node, uint64_t generation, const RecordChild *row);

/* engine_timeout() - the node's deadline has passed. */
void engine_timeout(Engine *engine, Node *node);

/* engine_start(), engine_stop() - by request. The outcome is seen in node->life once engine_run()
 * says so. Both may be given for any node below the root and in any state. */
void engine_start(Engine *engine, Node *node);
void engine_stop(Engine *engine, Node *node);
void engine_restart(Engine *engine, Node *node);

/* engine_delete_after() - stop it, if need be, and remove it. */
void engine_delete(Engine *engine, Node *node);

/* engine_remove() - the node goes for good, with all below it, at once and without an event;
 * nothing of it is alive. */
void engine_remove(Engine *engine, Node *node);

/* engine_boot() - start the applications that start by themselves; engine_shutdown() - stop all of
 * them. */
void engine_boot(Engine *engine);
void engine_shutdown(Engine *engine);

/* engine_resume() - after a checkpoint was read and every row of the kernel was given: orders that
 * the dead gend-supervisor may not have sent are sent again. */
void engine_resume(Engine *engine);

/* engine_run() - handle all that is queued. Call after any of the above, then commit, then send. */
void engine_run(Engine *engine);

/* engine_is_settled() - no start, stop or restart is under way at or below @node. */
bool engine_is_settled(const Node *node);
