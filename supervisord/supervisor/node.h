#pragma once
/*
 * The tree as gend-supervisor knows it: nodes (root, applications, supervisors, processes), each
 * with its specification and with the part of its life that a checkpoint keeps. Owns all memory of
 * the tree; decides nothing (engine.c does). Home: the loop.
 */

#include "base/list.h"
#include "base/usec.h"
#include "protocols/intensity.h"
#include "protocols/reason.h"
#include "protocols/spec.h"
#include "supervisord/supervisor/life.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Node Node;
typedef struct Tree Tree;

/* What a supervisor (an application, the root) is busy with. */
typedef enum Phase {
        PHASE_NONE = 0, /* not started, or a process */
        PHASE_STARTING, /* first start: children marked START, in order */
        PHASE_STEADY,
        PHASE_REGROUP_STOP,  /* group restart: children marked STOP, in reverse order */
        PHASE_REGROUP_WAIT,  /* the culprit's backoff */
        PHASE_REGROUP_START, /* children marked START, in order */
        PHASE_UNWIND,        /* the first start failed: children marked STOP, then failed */
        PHASE_STOPPING,      /* children marked STOP, then gone */
        PHASE_COUNT
} Phase;

const char *phase_name(Phase phase);

/* What its supervisor's phase has yet to do with a child. */
typedef enum Mark {
        MARK_NONE = 0,
        MARK_STOP,
        MARK_START,
} Mark;

typedef enum LifeFlag {
        LIFE_BY_REQUEST = 1u << 0, /* stopped by an operator: stays so over its parent's restarts */
        LIFE_ENLISTED = 1u << 1, /* part of its group: has been started in its supervisor's life */
        LIFE_MANUAL = 1u << 2,   /* this start was asked for: a failure is not tried again */
        LIFE_RESTART_AFTER = 1u << 3, /* start again once stopped */
        LIFE_DELETE_AFTER = 1u << 4,  /* remove once stopped */
        LIFE_WAS_READY = 1u << 5,     /* this generation was */
        LIFE_START_TIMED_OUT = 1u << 6,
        LIFE_HIT_WATCHDOG = 1u << 7,
        LIFE_IS_FORCED = 1u << 8,  /* SIGKILL after a stop's deadline */
        LIFE_IS_DYNAMIC = 1u << 9, /* not of the tree file: lost when its supervisor is restarted */
        LIFE_GAVE_UP = 1u << 10,   /* a supervisor that ends because its budget is used up */
        LIFE_IS_UPDATED = 1u << 12, /* its spawn specification must be written anew */
        LIFE_ADDED = 1u << 13,      /* being added by request: a failed start removes it */
        LIFE_IS_CULPRIT =
                1u << 14, /* its backoff comes between the stop and the start of its group */
        LIFE_IS_OF_DYNAMIC = 1u << 16, /* below a dynamic supervisor: of no tree file either */
        LIFE_IS_DROPPED =
                1u << 17, /* a temporary child that ended: its specification is deleted as far as
                             anybody can see; its supervisor's next start brings it back */
        LIFE_ENDS_NODE = 1u << 15, /* the root: gend ends with exit status 1 */
} LifeFlag;

/* The part of a node that survives gend-supervisor. Plain data: it is written as it stands. */
typedef struct Life {
        uint32_t state; /* LifeState */
        uint32_t phase; /* Phase */
        uint32_t mark;  /* Mark */
        uint32_t flags; /* LifeFlag */
        uint64_t generation;
        usec_t deadline_usec; /* of the armed timer; 0: none */
        usec_t delay_usec;    /* the last backoff delay; 0: none */
        uint64_t restarts;    /* ever */
        uint32_t failures;    /* start attempts that failed in a row */
        int32_t pid;          /* 0: none */
        usec_t started_usec;  /* of this or the last generation */
        uint64_t started_msec;
        usec_t ready_usec;
        uint32_t next_instance; /* simple_one_for_one: number of the next child */
        int32_t exit_code;      /* CLD_*; 0: was no process, or was never spawned */
        int32_t exit_status;
        uint32_t exit_class; /* ExitClass */
        uint64_t exit_msec;
        char reason[128]; /* of the last end, or of the end under way (supervisors) */
        char why[192];    /* for people */
} Life;

struct Node {
        Tree *tree;
        Node *parent;   /* NULL: the root */
        uint32_t id;    /* place in Tree.nodes; the slot of a process */
        NodeKind kind;  /* NODE_NONE: the root */
        NodeSpec *spec; /* owned; NULL: the root */
        char **args; /* simple_one_for_one: appended by `spawn`; owned, NULL terminated, or NULL */
        Node **children;
        size_t child_count;
        size_t child_room;
        NodeSpec *template_spec; /* simple_one_for_one; owned by spec */

        Life life;
        Intensity budget; /* supervisors; its times are owned */

        uint32_t index;           /* in the parent's children */
        uint64_t seen_generation; /* the kernel has told of it to this gend-supervisor */
        bool is_dirty;            /* in Tree.dirty */
        bool is_queued;           /* in Tree.advances */
        uint32_t told;            /* words of it that its supervisor has not heard yet */
        uint32_t next_marked;     /* supervisor: where to look for the next child of its plan */
        ListNode dirty;
        ListNode advance;
        void *timer; /* owned by the engine's world, which ends it in release() */
        /* From the kernel's row; sent again by it, so not kept. */
        char *status_text;
        uint32_t notify_refused;
        bool said_stopping;
        bool is_reloading;
};

struct Tree {
        void *context; /* its user's */
        Node *root;
        Node *nodes[LIMIT_SLOTS];
        uint32_t node_count;
        uint32_t next_id; /* where to look for a free one */
        char *name;       /* name@host */
        char *folder;
        EnvList env;
        uint64_t rotate_bytes;
        uint32_t keep_files;
        bool use_nng_transport;
        uint64_t generation; /* the last one given */
        ListNode dirty;      /* nodes whose life changed since the last commit */
        ListNode advances;   /* supervisors to be looked at */
};

Tree *tree_new(void);
void tree_free(Tree *tree);
DEFINE_CLEANUP(Tree *, tree_free);

/* tree_take_top() - what a tree file says outside its applications moves from @spec to @tree. */
void tree_take_top(Tree *tree, TreeSpec *spec);

/**
 * tree_add() - a node at the end of @parent's children
 * @take_spec: taken on success, its children array left empty (they are not added)
 * @id:        0 for any free one
 *
 * Return: 0; -EEXIST when a sibling has the name; -ENOSPC without a free id; -EBUSY when @id is
 * taken; -ENOMEM.
 */
int tree_add(Tree *tree, Node *parent, NodeSpec **take_spec, uint32_t id, Node **ret_node);

/* tree_add_whole() - the same with all children of the specification, in order. On failure nothing
 * is left. */
int tree_add_whole(Tree *tree, Node *parent, NodeSpec **take_spec, Node **ret_node);

/* tree_remove() - the node and all below it. Nothing of it may be alive. */
void tree_remove(Tree *tree, Node *node);

/* node_take_spec() - a new specification in place of the old one; the children of neither are
 * touched. */
int node_take_spec(Node *node, NodeSpec **take_spec);

/* node_child_by_name() - NULL when there is none. */
Node *node_child_by_name(const Node *parent, const char *name);

bool node_is_supervisor(
        const Node *node); /* root, application, supervisor: has children of its own */
bool node_is_process(const Node *node);
bool node_is_simple(const Node *node);

/* node_is_listed() - it is there for operators: no temporary child that has ended. */
bool node_is_listed(const Node *node);

/* node_path() - "shop/front/web" into @buffer of LIMIT_PATH_BYTES + 1; "" for the root. Return:
 * @buffer. */
const char *node_path(const Node *node, char *buffer);

/* node_touch() - its life changed: it goes into the next commit. */
void node_touch(Node *node);

/* node_advance() - a supervisor that should be looked at. */
void node_advance(Node *node);

/**
 * tree_find() - a node by its path, or by the shortest unambiguous tail of one
 * @ret_matches: up to @max nodes when the answer is not one node
 *
 * Return: the number of matches: 1 and *ret_matches[0]; 0; or several.
 */
size_t tree_find(const Tree *tree, const char *path, Node *ret_matches[], size_t max);

/* tree_nearest() - the nodes whose paths resemble @path most, best first. Return: how many. */
size_t tree_nearest(const Tree *tree, const char *path, Node *ret_nodes[], size_t max);

/* tree_next() - depth first, parents before children; NULL starts at the root's first child, NULL
 * ends. */
Node *tree_next(const Tree *tree, const Node *node);
