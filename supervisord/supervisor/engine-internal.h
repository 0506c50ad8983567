#pragma once
/*
 * What engine.c (the life of one node) and supervise.c (what a supervisor makes of its children's
 * lives) share with each other, and with nobody else.
 */

#include "supervisord/supervisor/engine.h"

typedef enum TellKind {
        TELL_NONE = 0,
        TELL_READY,
        TELL_FAILED,    /* its start failed */
        TELL_ENDED,     /* it was ready, and ended unasked */
        TELL_STOPPED,   /* it was asked to, and is gone */
        TELL_DUE,       /* its backoff is over */
        TELL_SELF_EXIT, /* to the node itself: it could not even be spawned */
} TellKind;

typedef struct Tell {
        Node *from; /* NULL: withdrawn, the node was removed */
        TellKind kind;
        uint64_t generation; /* a word of a past life is dropped */
} Tell;

struct Engine {
        Tree *tree;
        const World *world;
        Tell *tells; /* a queue: [head, tail) */
        size_t tell_head, tell_tail, tell_room;
        PolicyChild *policy_children; /* scratch of LIMIT_SLOTS */
};

/* engine_feed() - one event through the table, with its actions. */
void engine_feed(Engine *engine, Node *node, LifeEvent event);

void engine_tell(Engine *engine, Node *from, TellKind kind);

/* engine_disarm() - no deadline any more. */
void engine_disarm(Engine *engine, Node *node);

/* engine_emit() - an event about a node, with its reason and, where there is one, the text for
 * people. */
void engine_emit(Engine *engine, Node *node, EventType type, const char *reason,
                 const char *detail);

/* supervise_launch(), supervise_take_down() - a supervisor is to start, or stop, its children. */
void supervise_launch(Engine *engine, Node *node);
void supervise_take_down(Engine *engine, Node *node);
void supervise_kill(Engine *engine, Node *node);

/* supervise_start() - an operator wants @child, which is not alive: now, or in its turn of the plan
 * under way. supervise_cancel() - its delay is over for good: the group that waits for it stays
 * down (SUP-119); supervise_let_go() - comes without it. */
void supervise_start(Engine *engine, Node *child);
void supervise_cancel(Engine *engine, Node *child);
void supervise_let_go(Engine *engine, Node *child);

/* supervise_told() - a child's word. supervise_advance() - do what comes next, as far as it goes
 * now. */
void supervise_told(Engine *engine, Node *child, TellKind kind);
void supervise_advance(Engine *engine, Node *node);
