/*
 * Owns the nodes of the tree: which key stands where, the defaults, children, actors and instances,
 * and what the keys of one node demand of each other and of the parent. What a key's value may be
 * is decided by its reader.
 */

#include "protocols/spec-private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTENSITY_DEFAULT     10u
#define PERIOD_DEFAULT        (10 * USEC_PER_SEC)
#define MAX_FAILURES_DEFAULT  20u
#define SHUTDOWN_DEFAULT      (5 * USEC_PER_SEC)
#define START_TIMEOUT_DEFAULT (30 * USEC_PER_SEC)
const char *node_kind_name(NodeKind kind)
{
        static const char *const names[NODE_KIND_COUNT] = {
                [NODE_APPLICATION] = "application",
                [NODE_SUPERVISOR] = "supervisor",
                [NODE_WORKER] = "worker",
                [NODE_EXEC] = "exec",
                [NODE_ACTOR] = "actor",
        };

        return kind < NODE_KIND_COUNT ? names[kind] : NULL;
}

static void set_defaults(NodeSpec *node)
{
        bool is_process = node->kind == NODE_EXEC || node->kind == NODE_WORKER;
        bool is_simple_life = is_process || node->kind == NODE_ACTOR;

        node->child = (ChildSpec){
                .restart = RESTART_PERMANENT,
                .is_autostart = true,
                .shutdown_usec = is_simple_life ? SHUTDOWN_DEFAULT : USEC_INFINITY,
        };
        if (node->kind != NODE_EXEC)
                node->supervisor = (SupervisorSpec){
                        .strategy = STRATEGY_ONE_FOR_ONE,
                        .intensity = INTENSITY_DEFAULT,
                        .period_usec = PERIOD_DEFAULT,
                        .max_failures = MAX_FAILURES_DEFAULT,
                        .auto_shutdown = AUTO_SHUTDOWN_NEVER,
                };
        if (is_process)
                node->process = (ProcessSpec){
                        .ready = node->kind == NODE_WORKER ? READY_NOTIFY : READY_SPAWN,
                        .start_timeout_usec = START_TIMEOUT_DEFAULT,
                        .stop_signal = SIGTERM,
                        .uid = SPAWN_ID_INHERIT,
                        .gid = SPAWN_ID_INHERIT,
                        .umask = SPAWN_INHERIT,
                        .nice = SPAWN_INHERIT,
                        .no_new_privileges = true,
                        .out_mode = STDIO_LOG,
                        .err_mode = STDIO_LOG,
                        .instances = 1,
                };
        if (node->kind == NODE_APPLICATION)
                node->app = (AppSpec){.start = START_TEMPORARY, .lifespan_usec = USEC_INFINITY};
}

NodeSpec *spec_node_new(SpecReader *reader, NodeKind kind, json_t *source)
{
        _cleanup_(node_spec_freep) NodeSpec *node = spec_calloc(reader, 1, sizeof(*node));

        if (!node)
                return NULL;
        node->kind = kind;
        node->source = json_incref(source);
        set_defaults(node);
        if (kind == NODE_APPLICATION) {
                node->app.required = spec_calloc(reader, 1, sizeof(node->app.required[0]));
                if (!node->app.required)
                        return NULL;
        }
        return steal_ptr(node);
}

/* A simple_one_for_one supervisor has one child, the template of those that are spawned. */
static bool is_simple(const NodeSpec *node)
{
        return node->supervisor.strategy == STRATEGY_SIMPLE_ONE_FOR_ONE;
}

static void check_template(SpecReader *reader, const NodeSpec *node, json_t *list, const char *key)
{
        if (is_simple(node) && json_array_size(list) != 1)
                spec_fault_at_key(
                        reader, key,
                        "simple_one_for_one: expected exactly one %s, the template, found %zu",
                        node->kind == NODE_WORKER ? "actor" : "child", json_array_size(list));
}

/* SUP-168 */
static void check_significant(SpecReader *reader, const NodeSpec *node, const NodeSpec *parent)
{
        if (!node->child.is_significant)
                return;
        if (node->child.restart == RESTART_PERMANENT)
                spec_fault_at_key(reader, "significant",
                                  "a permanent child never ends for good: expected \"restart\" "
                                  "\"transient\" or \"temporary\" with it");
        if (parent->supervisor.auto_shutdown == AUTO_SHUTDOWN_NEVER)
                spec_fault_at_key(
                        reader, "significant",
                        "no effect with the parent's \"auto_shutdown\" \"never\": expected "
                        "\"any_significant\" or \"all_significant\" there");
}

/* Of the last, "/NAME", and of "@N" where there are several. */
static size_t path_bytes(const SpecReader *reader, const NodeSpec *node)
{
        size_t size = reader->node_path_bytes + (reader->node_path_bytes > 0) + strlen(node->name);

        if (node->process.instances > 1)
                size += (size_t)snprintf(NULL, 0, "@%u", node->process.instances);
        return size;
}

static void check_name(SpecReader *reader, json_t *object, const NodeSpec *node)
{
        if (!json_object_get(object, "name")) {
                spec_fault(reader, "\"name\" is missing: expected a name of 1 to %u bytes",
                           LIMIT_NAME_BYTES);
                return;
        }
        if (!node->name)
                return;
        if (path_bytes(reader, node) > LIMIT_PATH_BYTES)
                spec_fault_at_key(reader, "name",
                                  "the path of this node is too long: expected at most %u bytes",
                                  LIMIT_PATH_BYTES);
        if (node->process.instances > 1 &&
            path_bytes(reader, node) - reader->node_path_bytes - (reader->node_path_bytes > 0) >
                    LIMIT_NAME_BYTES)
                spec_fault_at_key(
                        reader, "name",
                        "too long for instances: expected \"%.64s@%u\" to have at most %u bytes",
                        node->name, node->process.instances, LIMIT_NAME_BYTES);
}

static void read_actor(SpecReader *reader, json_t *object, const NodeSpec *worker)
{
        NodeSpec actor = {.kind = NODE_ACTOR};

        if (!json_is_object(object)) {
                spec_expected(reader, object,
                              "an object like { \"name\": \"cache\", \"behaviour\": \"cache\" }");
                return;
        }
        set_defaults(&actor);
        spec_read_object(reader, object, spec_node_keys, PLACE_ACTOR, &actor);
        check_name(reader, object, &actor);
        check_significant(reader, &actor, worker);
        if (!json_object_get(object, "behaviour"))
                spec_fault(reader,
                           "\"behaviour\" is missing: expected the name of a behaviour that the "
                           "worker registers");
        free(actor.name);
}

static void read_actors(SpecReader *reader, json_t *list, NodeSpec *node)
{
        size_t mark, index;
        json_t *object;

        if (list)
                check_template(reader, node, list, "actors");
        if (!list)
                return;
        mark = spec_path_enter_key(&reader->path, "actors");
        if (json_is_array(list)) {
                json_array_foreach(list, index, object)
                {
                        size_t inner = spec_path_enter_index(&reader->path, index);

                        read_actor(reader, object, node);
                        spec_path_leave(&reader->path, inner);
                }
                spec_check_names(reader, list);
                node->actors = json_incref(list);
        } else {
                spec_expected(reader, list, "a list of actors");
        }
        spec_path_leave(&reader->path, mark);
}

/* Children in a row are much alike, and the JSON as written is kept: equal values are kept once. */
static void share_values(json_t *object, json_t *previous)
{
        const char *name;
        json_t *value;

        json_object_foreach(object, name, value)
        {
                json_t *other = json_object_get(previous, name);

                if (other && other != value && json_equal(value, other))
                        (void)json_object_set(object, name, other);
        }
}

static void read_children(SpecReader *reader, json_t *list, NodeSpec *node)
{
        json_t *object, *previous = NULL;
        size_t index;

        json_array_foreach(list, index, object)
        {
                size_t mark = spec_path_enter_index(&reader->path, index);
                _cleanup_(node_spec_freep) NodeSpec *child = spec_read_child(reader, object, node);

                share_values(object, previous);
                previous = object;
                if (child)
                        spec_append(reader, &child, &node->children, &node->child_count);
                spec_path_leave(&reader->path, mark);
        }
        spec_check_names(reader, list);
}

static void read_list_of_children(SpecReader *reader, json_t *list, NodeSpec *node)
{
        size_t mark;

        if (!list || json_is_array(list))
                check_template(reader, node, list, "children");
        if (!list)
                return;
        mark = spec_path_enter_key(&reader->path, "children");
        if (!json_is_array(list))
                spec_expected(reader, list, "a list of children");
        else if (reader->node_depth == LIMIT_TREE_DEPTH && json_array_size(list) > 0)
                spec_fault(reader, "nested too deep: expected at most %u nodes one above the other",
                           LIMIT_TREE_DEPTH);
        else
                read_children(reader, list, node);
        spec_path_leave(&reader->path, mark);
}

void spec_read_node(SpecReader *reader, json_t *object, NodeSpec *node, unsigned places)
{
        size_t above_bytes = reader->node_path_bytes;

        spec_read_object(reader, object, spec_node_keys, places, node);
        check_name(reader, object, node);
        if (node->name)
                reader->node_path_bytes = path_bytes(reader, node);
        reader->node_depth++;
        if (node->kind == NODE_WORKER)
                read_actors(reader, json_object_get(object, "actors"), node);
        else if (node->kind != NODE_EXEC)
                read_list_of_children(reader, json_object_get(object, "children"), node);
        reader->node_depth--;
        reader->node_path_bytes = above_bytes;
}

/* Return: NODE_NONE after a fault; @ret_places: where its keys may belong. */
static NodeKind kind_of_child(SpecReader *reader, json_t *object, unsigned *ret_places)
{
        // clang-format off
        static const struct {
                const char *key;
                NodeKind kind;
                unsigned places;
        } rows[] = {
                { "exec",     NODE_EXEC,       PLACE_EXEC },
                { "worker",   NODE_WORKER,     PLACE_WORKER },
                { "children", NODE_SUPERVISOR, PLACE_SUPERVISOR },
        };
        // clang-format on
        NodeKind kind = NODE_NONE;
        unsigned found = 0;

        *ret_places = 0;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (!json_object_get(object, rows[i].key))
                        continue;
                found++;
                kind = rows[i].kind;
                *ret_places |= rows[i].places;
        }
        if (found == 1)
                return kind;
        if (found == 0)
                *ret_places = PLACE_CHILD;
        spec_fault(reader,
                   "expected exactly one of \"exec\" (any program), \"worker\" (a program built on "
                   "workerlib), \"children\" (a supervisor), found %u of them",
                   found);
        return NODE_NONE;
}

bool spec_count_node(SpecReader *reader, const NodeSpec *node)
{
        bool is_process = node->kind == NODE_EXEC || node->kind == NODE_WORKER;

        if (is_process)
                reader->process_count += node->process.instances;
        else
                reader->supervisor_count++;
        if (reader->process_count <= LIMIT_SLOTS && reader->supervisor_count <= LIMIT_SLOTS)
                return true;
        if (!reader->is_too_large)
                spec_fault(reader, "the tree is too large: expected at most %u %s", LIMIT_SLOTS,
                           is_process ? "processes" : "applications and supervisors");
        reader->is_too_large = true;
        return false;
}

NodeSpec *spec_read_child(SpecReader *reader, json_t *object, const NodeSpec *parent)
{
        _cleanup_(node_spec_freep) NodeSpec *node = NULL;
        unsigned places;
        NodeKind kind;

        if (reader->is_too_large)
                return NULL;
        if (!json_is_object(object)) {
                spec_expected(reader, object,
                              "an object like { \"name\": \"web\", \"exec\": [\"./web\"] }");
                return NULL;
        }
        kind = kind_of_child(reader, object, &places);
        /* Of unclear kind: its keys are looked at all the same, as far as they fit one of the
         * kinds. */
        node = spec_node_new(reader, kind == NODE_NONE ? NODE_EXEC : kind, object);
        if (!node)
                return NULL;
        spec_read_node(reader, object, node, places);
        check_significant(reader, node, parent);
        if (is_simple(parent) && node->process.instances > 1)
                spec_fault_at_key(
                        reader, "instances",
                        "the template of simple_one_for_one has no instances but those that are "
                        "spawned: expected 1");
        if (!spec_count_node(reader, node))
                return NULL;
        return steal_ptr(node);
}

void spec_append(SpecReader *reader, NodeSpec **take_node, NodeSpec ***list, size_t *count)
{
        const NodeSpec *node = *take_node;
        uint32_t instances = MAX_OF(node->process.instances, 1u);
        NodeSpec **grown = reallocarray(*list, *count + instances, sizeof(NodeSpec *));
        char name[LIMIT_NAME_BYTES + 16];

        if (!grown) {
                reader->is_out_of_memory = true;
                return;
        }
        *list = grown;
        if (instances == 1 || !node->name) {
                grown[(*count)++] = steal_ptr(*take_node);
                return;
        }
        for (uint32_t i = 1; i <= instances; i++) {
                (void)snprintf(name, sizeof(name), "%s@%u", node->name, i);
                if (node_spec_instance(node, name, NULL, &grown[*count]) < 0) {
                        reader->is_out_of_memory = true;
                        return;
                }
                (*count)++;
        }
}
