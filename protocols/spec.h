#pragma once
/*
 * The tree file as a struct: what 02 section 1 lets a user write, parsed by jansson and checked
 * whole. Every fault is reported with line and JSON path; nothing is started from a file that has
 * one.
 */

#include "base/cleanup.h"
#include "base/usec.h"
#include "protocols/limits.h"
#include "protocols/policy.h"
#include "protocols/spawn.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum NodeKind {
        NODE_NONE = 0,
        NODE_APPLICATION,
        NODE_SUPERVISOR,
        NODE_WORKER,
        NODE_EXEC,
        NODE_ACTOR,
        NODE_KIND_COUNT
} NodeKind;

const char *node_kind_name(NodeKind kind);

typedef enum ReadyMode {
        READY_NONE = 0,
        READY_SPAWN,
        READY_NOTIFY,
} ReadyMode;

typedef enum StartType {
        START_NONE = 0,
        START_PERMANENT,
        START_TRANSIENT,
        START_TEMPORARY,
} StartType;

typedef struct EnvVar {
        char *name;
        char *value;
} EnvVar;

typedef struct EnvList {
        EnvVar *vars;
        size_t count;
} EnvList;

typedef struct Backoff {
        bool is_set;
        usec_t initial_usec;
        usec_t max_usec;
        double factor; /* >= 1 */
        double jitter; /* 0 to 1: a delay is spread over +- this part of it */
        usec_t reset_usec;
} Backoff;

/* application, supervisor, worker (for its actors) */
typedef struct SupervisorSpec {
        Strategy strategy;
        uint32_t intensity;
        usec_t period_usec;
        uint32_t max_failures; /* consecutive failed restart attempts of one child; 0: no limit;
                                  default 20 */
        AutoShutdown auto_shutdown;
} SupervisorSpec;

/* every child of a supervisor */
typedef struct ChildSpec {
        RestartType restart;
        bool is_significant;
        bool is_autostart;
        bool is_brutal;       /* shutdown: brutal_kill */
        usec_t shutdown_usec; /* USEC_INFINITY: wait for ever */
        Backoff backoff;
} ChildSpec;

typedef struct ProcessSpec {
        char *file;  /* absolute path of the program */
        char **argv; /* NULL terminated; argv[0] as written */
        ReadyMode ready;
        usec_t start_timeout_usec; /* USEC_INFINITY: none */
        usec_t watchdog_usec;      /* 0: none */
        int stop_signal;
        uint8_t *success_exit;
        size_t success_exit_count;
        char *cwd;  /* absolute, or NULL: inherited */
        char *user; /* NULL: inherited; checked to exist when the file is read */
        char *group;
        uint32_t uid, gid;   /* SPAWN_ID_INHERIT, or looked up from user and group */
        int32_t umask, nice; /* SPAWN_INHERIT */
        bool no_new_privileges;
        struct {
                bool is_set;
                uint64_t soft, hard;
        } limits[SPAWN_RLIMITS];
        bool has_cgroup, cgroup_optional;
        uint64_t memory_max, pids_max;
        uint32_t cpu_max_percent;
        StdioMode out_mode, err_mode;
        char *out_file, *err_file; /* absolute */
        SpawnSocket *sockets;      /* name is owned */
        size_t socket_count;
        uint32_t instances; /* as written; the copies are separate nodes of the spec tree */
} ProcessSpec;

typedef struct AppSpec {
        char *version, *description;
        StartType start;
        char **required; /* names, NULL terminated, never NULL itself */
        usec_t lifespan_usec;
} AppSpec;

typedef struct NodeSpec NodeSpec;

struct NodeSpec {
        NodeKind kind;
        char *name;
        EnvList env;               /* its own only */
        ChildSpec child;           /* not of an application, but for is_autostart */
        SupervisorSpec supervisor; /* application, supervisor, worker */
        ProcessSpec process;       /* exec, worker */
        AppSpec app;               /* application */
        NodeSpec **children; /* application, supervisor; in start order. simple_one_for_one: the
                                template only */
        size_t child_count;
        json_t *actors; /* worker: checked list, or NULL */
        json_t *source; /* the object as written, defaults not filled in; owned reference */
};

typedef struct TreeSpec {
        char *node;   /* name@host */
        char *folder; /* what relative paths start from; absolute */
        bool use_nng_transport;
        EnvList env;
        struct {
                uint64_t rotate_bytes; /* "log": {"max_size": "10M", "keep": 5} at
                                          the top */
                uint32_t keep_files;
        } log;
        NodeSpec **applications; /* in the order of the file */
        size_t application_count;
} TreeSpec;

typedef struct SpecFault {
        int line;      /* 1..; 0 when not known */
        char *path;    /* "applications[0].children[2].shutdown" */
        char *message; /* what is wrong, what was expected, what to do */
} SpecFault;

typedef struct SpecFaults {
        SpecFault items[LIMIT_FAULTS];
        size_t count;
        size_t suppressed; /* beyond LIMIT_FAULTS */
} SpecFaults;

void spec_faults_deinit(SpecFaults *faults);

/* spec_faults_to_text() - "FILE:LINE: PATH: MESSAGE\n" for each. Return: malloc'ed text, NULL
 * without memory. */
char *spec_faults_to_text(const SpecFaults *faults, const char *file);

enum {
        SPEC_E_INVALID = 1, /* faults says what */
};

/**
 * spec_parse() - a whole tree file
 * @text:      not terminated; may hold anything
 * @folder:    absolute; relative paths in the text start there
 * @ret_spec:  free with tree_spec_free()
 * @faults:    filled on SPEC_E_INVALID; the caller deinits it in any case
 *
 * Looks programs and users up in the system it runs on.
 *
 * Return: 0; SPEC_E_INVALID; -ENOMEM.
 */
int spec_parse(const char *text, size_t size, const char *folder, TreeSpec **ret_spec,
               SpecFaults *faults);

/**
 * spec_read_file() - the text of a tree file, bounded, from a regular file
 * @ret_folder: its absolute folder
 *
 * A file that changes while it is read is read again; after a few times -EAGAIN.
 *
 * Return: 0; -EFBIG above LIMIT_TREE_FILE_BYTES; -EISDIR, -EAGAIN, or what open and read said.
 */
int spec_read_file(const char *path, char **ret_text, size_t *ret_size, char **ret_folder);

/**
 * spec_parse_accepted() - the text of a file that spec_parse() has accepted before
 *
 * The same, but a program or user that has gone since is no fault: it is one of the next start. A
 * user or group that is not known any more is named, and has SPAWN_ID_INHERIT for its number.
 */
int spec_parse_accepted(const char *text, size_t size, const char *folder, TreeSpec **ret_spec,
                        SpecFaults *faults);

/* A list that owns what is in it; an item that was taken is NULL. */
typedef struct NodeSpecs {
        NodeSpec **items;
        size_t count;
} NodeSpecs;

void node_specs_deinit(NodeSpecs *nodes);

/**
 * spec_parse_child() - one child, as `genctl add` gives it: the object alone
 * @parent:    what it is to be a child of; its siblings' names, its depth and the length of its
 * path are not known here: the caller checks them
 * @ret_nodes: "instances" many; node_specs_deinit() it
 *
 * Return: as spec_parse().
 */
int spec_parse_child(const char *text, size_t size, const char *folder, const NodeSpec *parent,
                     NodeSpecs *ret_nodes, SpecFaults *faults);

/* spec_parse_accepted_child() - the same of a text that was accepted before. */
int spec_parse_accepted_child(const char *text, size_t size, const char *folder,
                              const NodeSpec *parent, NodeSpecs *ret_nodes, SpecFaults *faults);

/* node_spec_instance() - a dynamic child: the template with another name and more arguments at the
 * end. */
int node_spec_instance(const NodeSpec *template_spec, const char *name, char *const more_args[],
                       NodeSpec **ret_node);

void node_spec_free(NodeSpec *node);
void tree_spec_free(TreeSpec *tree);

DEFINE_CLEANUP(NodeSpec *, node_spec_free);
DEFINE_CLEANUP(TreeSpec *, tree_spec_free);

/* What a reload has to do about a node whose name is in both trees; children are compared by name
 * apart. */
typedef enum SpecChange {
        SPEC_SAME = 0,
        SPEC_UPDATED, /* taken over as it runs: restart, intensity, shutdown, success_exit ... */
        SPEC_CHANGED, /* to be made anew: argv, environment, limits ..., or another kind */
} SpecChange;

/* node_spec_compare() - @a against @b, children not included. Of the environment its own variables
 * are compared; what it inherits is the caller's to compare: env_list_equal(). */
SpecChange node_spec_compare(const NodeSpec *a, const NodeSpec *b);

/* env_list_equal() - the same variables with the same values, in whatever order. */
bool env_list_equal(const EnvList *a, const EnvList *b);

/* duration_parse() - "250ms", "5s", "1.5m", "1h", a bare number of seconds, "infinity" where the
 * caller allows it. Return: 0; -EINVAL; -ERANGE above a century. */
int duration_parse(const char *text, usec_t *ret_usec);

/* size_parse() - "4096", "64K", "512M", "2G", "1T": powers of 1024. Return: 0; -EINVAL; -ERANGE
 * above 2^63. */
int size_parse(const char *text, uint64_t *ret_bytes);
