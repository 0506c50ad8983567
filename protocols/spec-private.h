#pragma once
/*
 * What the parts of the tree file's parser share, and nobody else includes: the reader that walks
 * the JSON, the path of the place where it is, and the rows that say which key may stand where.
 *
 *      spec.c          the tree and its applications
 *      spec-node.c     a node, its children and actors, and what their keys demand of each other
 *      spec-keys.c     which key stands where; the keys of supervision
 *      spec-process.c  the keys of a process
 *      spec-user.c     who it runs as
 *      spec-limits.c   limits and cgroup
 *      spec-socket.c   sockets
 *      spec-value.c    scalars: durations, sizes, words, numbers
 *      spec-text.c     names, environments, paths
 *      spec-check.c    what concerns several nodes: duplicates, cycles
 *      spec-fault.c    faults and their words
 *      spec-json.c     text to JSON, and from a path back to its line
 *      spec-memory.c   copy and free
 *      spec-compare.c  what a reload asks
 *      spec-file.c     the file
 */

#include "protocols/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEC_PATH_BYTES 8192u /* LIMIT_JSON_DEPTH keys of SPEC_KEY_BYTES fit */
#define SPEC_KEY_BYTES  80u   /* of a longer key the beginning is shown */

/* "applications[0].children[2].shutdown": grows and shrinks as the reader goes. */
typedef struct SpecPath {
        size_t size;
        char text[SPEC_PATH_BYTES];
} SpecPath;

/* spec_path_enter_key(), _index() - one step down. Return: the mark for spec_path_leave(). */
size_t spec_path_enter_key(SpecPath *path, const char *key);
size_t spec_path_enter_index(SpecPath *path, size_t index);
void spec_path_leave(SpecPath *path, size_t mark);

/* A listening address and who has it. */
typedef struct SpecListener {
        SpawnSocket socket; /* the name is not used */
        char *owner;        /* JSON path; owned */
} SpecListener;

typedef struct SpecReader {
        const char *folder;      /* borrowed; absolute */
        SpecFaults *faults;      /* borrowed */
        bool was_accepted;       /* nothing is looked up in the system that may have gone since */
        SpecPath path;           /* where the reader is in the JSON */
        size_t node_path_bytes;  /* length of the tree path above, "shop/front" */
        unsigned node_depth;     /* nodes above */
        size_t process_count;    /* OS processes of the whole tree */
        size_t supervisor_count; /* applications and supervisors of the whole tree */
        bool is_too_large;       /* one of the two is above LIMIT_SLOTS: nothing more is built */
        SpecListener *listeners;
        size_t listener_count;
        const char *last_program; /* the last program found, as written and where; borrowed from the
                                     JSON */
        char *last_file;          /* owned */
        char last_user[LIMIT_NAME_BYTES + 1]; /* the last user looked up: children often share it */
        uint32_t last_uid;
        uint32_t last_gid;
        bool is_out_of_memory; /* sticky: the whole parse is -ENOMEM */
} SpecReader;

/* Where a key may stand: a bit each. */
typedef enum SpecPlace {
        PLACE_TOP = 1u << 0,
        PLACE_APPLICATION = 1u << 1,
        PLACE_SUPERVISOR = 1u << 2,
        PLACE_WORKER = 1u << 3,
        PLACE_EXEC = 1u << 4,
        PLACE_ACTOR = 1u << 5,
        PLACE_PART = 1u << 6, /* an object inside of one of these: log, backoff, a socket ... */

        PLACE_PROCESS = PLACE_WORKER | PLACE_EXEC,
        PLACE_CHILD = PLACE_SUPERVISOR | PLACE_PROCESS,
        PLACE_PARENT = PLACE_APPLICATION | PLACE_SUPERVISOR | PLACE_WORKER,
} SpecPlace;

/* A key: who may have it, who reads it, and into which field of the struct that is being filled. A
 * row without @read is known here and read elsewhere. */
typedef struct SpecKey {
        const char *name;
        unsigned places;
        void (*read)(SpecReader *reader, json_t *value, void *field);
        size_t offset;
} SpecKey;

/* spec_read_object() - every member of @object by its row; unknown and misplaced keys are faults.
 */
void spec_read_object(SpecReader *reader, json_t *object, const SpecKey keys[], unsigned places,
                      void *target);

/* Faults at the place where the reader is. */
void spec_fault(SpecReader *reader, const char *format, ...) _printf_(2, 3);
void spec_fault_at_key(SpecReader *reader, const char *key, const char *format, ...) _printf_(3, 4);

/* spec_expected() - "expected @what, found ..." with @value described. */
void spec_expected(SpecReader *reader, json_t *value, const char *what);

/* spec_shown() - as much of @from as fits, with a question mark for each byte that is no valid
 * UTF-8 or a control character. */
void spec_shown(char *to, size_t size, const char *from);

/* spec_fault_add() - a fault with a path and a line of its own; both are copied. */
int spec_fault_add(SpecFaults *faults, int line, const char *path, const char *message);

/* spec_suggest() - the name in @keys nearest to @word among those of @places; NULL when none is
 * near. */
const char *spec_suggest(const SpecKey keys[], unsigned places, const char *word);

/* Scalars. Return: whether it was right; if not, a fault was added and @ret is untouched. */
bool spec_read_string(SpecReader *reader, json_t *value, const char *what, const char **ret_text);
bool spec_read_integer(SpecReader *reader, json_t *value, int64_t min, int64_t max, int64_t *ret);
bool spec_read_real(SpecReader *reader, json_t *value, double min, double max, double *ret);
bool spec_read_size(SpecReader *reader, json_t *value, bool allows_infinity, uint64_t *ret);

typedef enum DurationRule {
        DURATION_POSITIVE = 0,   /* more than nothing */
        DURATION_ZERO = 1u << 0, /* nothing will do */
        DURATION_INFINITY = 1u << 1,
} DurationRule;

bool spec_read_duration(SpecReader *reader, json_t *value, unsigned rule, usec_t *ret_usec);

/* spec_read_word() - one of @words; place 0 is never meant. Return: its place, or 0 after a fault.
 */
unsigned spec_read_word(SpecReader *reader, json_t *value, const char *const words[],
                        unsigned count);

/* Readers of one field, for rows: the field's type is in the name. */
void spec_row_bool(SpecReader *reader, json_t *value, void *field);
void spec_row_text(SpecReader *reader, json_t *value, void *field); /* char * */
void spec_row_name(SpecReader *reader, json_t *value, void *field); /* char *, a node's name */
void spec_row_count(SpecReader *reader, json_t *value,
                    void *field); /* uint32_t to LIMIT_INTENSITY */
void spec_row_period(SpecReader *reader, json_t *value, void *field);  /* usec_t > 0 */
void spec_row_timeout(SpecReader *reader, json_t *value, void *field); /* the same or infinity */
void spec_row_env(SpecReader *reader, json_t *value, void *field);     /* EnvList */

/* Memory that remembers its failure in the reader. */
char *spec_strdup(SpecReader *reader, const char *text);
void *spec_calloc(SpecReader *reader, size_t count, size_t size);

/* spec_set_text() - replace an owned text by a copy of @text. */
void spec_set_text(SpecReader *reader, char **field, const char *text);

/* spec_resolve() - @path against the reader's folder. Return: malloc'ed absolute path, or NULL. */
char *spec_resolve(SpecReader *reader, const char *path);

/* spec_name_fault() - NULL for a name that may stand in a path, else what is wrong with it. */
const char *spec_name_fault(const char *name);

/* spec_node_new() - a node with the defaults of its kind, and the object as written. */
NodeSpec *spec_node_new(SpecReader *reader, NodeKind kind, json_t *source);

/* spec_read_node() - every key of @object, then its actors or children. */
void spec_read_node(SpecReader *reader, json_t *object, NodeSpec *node, unsigned places);

/**
 * spec_read_child() - one child of @parent, before its instances are made
 *
 * Return: owned by the caller, possibly incomplete after faults; NULL when nothing could be built.
 */
NodeSpec *spec_read_child(SpecReader *reader, json_t *object, const NodeSpec *parent);

/* spec_count_node() - Return: whether it is within the limits. What is not is not built; said once.
 */
bool spec_count_node(SpecReader *reader, const NodeSpec *node);

/* spec_append() - @take_node, or instead of it its instances NAME@1 ..., to the end of a list. */
void spec_append(SpecReader *reader, NodeSpec **take_node, NodeSpec ***list, size_t *count);

/* Rows of the other files; the type of the field is behind each. */
extern const SpecKey spec_node_keys[]; /* of a NodeSpec; ends with a row without name */
void spec_row_exec(SpecReader *reader, json_t *value, void *field);         /* ProcessSpec */
void spec_row_worker(SpecReader *reader, json_t *value, void *field);       /* ProcessSpec */
void spec_row_ready(SpecReader *reader, json_t *value, void *field);        /* ReadyMode */
void spec_row_stop_signal(SpecReader *reader, json_t *value, void *field);  /* int */
void spec_row_success_exit(SpecReader *reader, json_t *value, void *field); /* ProcessSpec */
void spec_row_cwd(SpecReader *reader, json_t *value, void *field);          /* char * */
void spec_row_user(SpecReader *reader, json_t *value, void *field);         /* ProcessSpec */
void spec_row_group(SpecReader *reader, json_t *value, void *field);        /* ProcessSpec */
void spec_row_umask(SpecReader *reader, json_t *value, void *field);        /* int32_t */
void spec_row_nice(SpecReader *reader, json_t *value, void *field);         /* int32_t */
void spec_row_instances(SpecReader *reader, json_t *value, void *field);    /* uint32_t */
void spec_row_stdout(SpecReader *reader, json_t *value, void *field);       /* ProcessSpec */
void spec_row_stderr(SpecReader *reader, json_t *value, void *field);       /* ProcessSpec */
void spec_row_limits(SpecReader *reader, json_t *value, void *field);       /* ProcessSpec */
void spec_row_cgroup(SpecReader *reader, json_t *value, void *field);       /* ProcessSpec */
void spec_row_sockets(SpecReader *reader, json_t *value, void *field);      /* ProcessSpec */

/* Faults of a list of objects with names: a name twice; applications that require what is not
 * there, or each other in a circle. */
void spec_check_names(SpecReader *reader, json_t *list);
void spec_check_requires(SpecReader *reader, json_t *list);

/**
 * spec_load() - text to JSON: bounded, valid UTF-8, an object
 * @ret_root: owned by the caller
 *
 * A key that stands twice is a fault in @reader, but the rest can be looked at all the same.
 *
 * Return: 0; SPEC_E_INVALID with a fault in @reader; -ENOMEM.
 */
int spec_load(SpecReader *reader, const char *text, size_t size, json_t **ret_root);

/* spec_locate() - give every fault without a line the line where its path stands in @text, then
 * sort. */
void spec_locate(SpecReader *reader, const char *text, size_t size);
