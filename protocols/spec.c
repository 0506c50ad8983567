/*
 * Owns the tree file as a whole: the keys at its top, the list of applications, and the two
 * entries, for a file and for one child. Refuses a file with any fault, and lists them all. Called
 * by gend-supervisor at start, reload and add, and by whoever checks a file.
 */

#include "protocols/spec-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROTATE_BYTES_DEFAULT (UINT64_C(10) * 1024 * 1024)
#define KEEP_FILES_DEFAULT   5u
#define KEEP_FILES_MAX       1000
#define HOST_BYTES           64u

/* One part of NAME@HOST. */
static bool is_node_part(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (text[i] <= ' ' || text[i] > '~' || strchr("@/'\"\\", text[i]))
                        return false;
        return size > 0 && size <= LIMIT_NAME_BYTES;
}

static void row_node(SpecReader *reader, json_t *value, void *field)
{
        const char *text = json_string_value(value);
        const char *at = text ? strchr(text, '@') : NULL;

        if (at && is_node_part(text, (size_t)(at - text)) && is_node_part(at + 1, strlen(at + 1)))
                spec_set_text(reader, field, text);
        else
                spec_expected(
                        reader, value,
                        "a node name NAME@HOST, both of 1 to 64 ASCII characters without space, "
                        "slash and quote");
}

static void row_transport(SpecReader *reader, json_t *value, void *field)
{
        static const char *const words[] = {NULL, "direct", "nng"};
        unsigned word = spec_read_word(reader, value, words, ARRAY_LEN(words));

        if (word > 0)
                *(bool *)field = word == 2;
}

static void row_max_size(SpecReader *reader, json_t *value, void *field)
{
        uint64_t bytes;

        if (!spec_read_size(reader, value, true, &bytes))
                return;
        if (bytes == 0)
                spec_fault(reader, "0 would rotate at every byte: expected more, or \"infinity\"");
        else
                *(uint64_t *)field = bytes == UINT64_MAX ? 0 : bytes;
}

static void row_keep(SpecReader *reader, json_t *value, void *field)
{
        int64_t keep;

        if (spec_read_integer(reader, value, 0, KEEP_FILES_MAX, &keep))
                *(uint32_t *)field = (uint32_t)keep;
}

// clang-format off
static const SpecKey log_keys[] = {
        { "max_size", PLACE_PART, row_max_size, offsetof(TreeSpec, log.rotate_bytes) },
        { "keep",     PLACE_PART, row_keep,     offsetof(TreeSpec, log.keep_files) },
        { .name = NULL },
};
// clang-format on

static void row_log(SpecReader *reader, json_t *value, void *field)
{
        if (json_is_object(value))
                spec_read_object(reader, value, log_keys, PLACE_PART, field);
        else
                spec_expected(reader, value,
                              "an object like { \"max_size\": \"10M\", \"keep\": 5 }");
}

// clang-format off
static const SpecKey top_keys[] = {
        { "node",         PLACE_TOP, row_node,      offsetof(TreeSpec, node) },
        { "env",          PLACE_TOP, spec_row_env,  offsetof(TreeSpec, env) },
        { "transport",    PLACE_TOP, row_transport, offsetof(TreeSpec, use_nng_transport) },
        { "log",          PLACE_TOP, row_log,       0 },
        { "applications", PLACE_TOP, NULL,          0 },
        { .name = NULL },
};
// clang-format on

static void read_application(SpecReader *reader, json_t *object, TreeSpec *tree)
{
        _cleanup_(node_spec_freep) NodeSpec *app = NULL;

        if (!json_is_object(object)) {
                spec_expected(reader, object,
                              "an object like { \"name\": \"shop\", \"children\": [ ... ] }");
                return;
        }
        app = spec_node_new(reader, NODE_APPLICATION, object);
        if (!app || !spec_count_node(reader, app))
                return;
        spec_read_node(reader, object, app, PLACE_APPLICATION);
        tree->applications[tree->application_count++] = steal_ptr(app);
}

static void read_applications(SpecReader *reader, json_t *list, TreeSpec *tree)
{
        size_t index, mark;
        json_t *object;

        if (!list) {
                spec_fault(reader, "\"applications\" is missing: expected a list of applications");
                return;
        }
        mark = spec_path_enter_key(&reader->path, "applications");
        if (!json_is_array(list)) {
                spec_expected(reader, list, "a list of applications");
        } else if (json_array_size(list) > LIMIT_SLOTS) {
                spec_fault(reader, "%zu applications: expected at most %u", json_array_size(list),
                           LIMIT_SLOTS);
        } else {
                tree->applications = spec_calloc(reader, json_array_size(list), sizeof(NodeSpec *));
                json_array_foreach(list, index, object)
                {
                        size_t inner = spec_path_enter_index(&reader->path, index);

                        if (tree->applications)
                                read_application(reader, object, tree);
                        spec_path_leave(&reader->path, inner);
                }
                spec_check_names(reader, list);
                spec_check_requires(reader, list);
        }
        spec_path_leave(&reader->path, mark);
}

static char *default_node(SpecReader *reader)
{
        char host[HOST_BYTES + 1] = "";
        char *node = NULL;

        if (gethostname(host, sizeof(host) - 1) < 0 || !is_node_part(host, strlen(host)))
                (void)snprintf(host, sizeof(host), "localhost");
        if (asprintf(&node, "gend@%s", host) < 0) {
                reader->is_out_of_memory = true;
                return NULL;
        }
        return node;
}

static TreeSpec *tree_new(SpecReader *reader)
{
        TreeSpec *tree = spec_calloc(reader, 1, sizeof(*tree));

        if (!tree)
                return NULL;
        tree->log.rotate_bytes = ROTATE_BYTES_DEFAULT;
        tree->log.keep_files = KEEP_FILES_DEFAULT;
        tree->folder = spec_strdup(reader, reader->folder);
        return tree;
}

static SpecReader *reader_new(const char *folder, SpecFaults *faults, bool was_accepted)
{
        SpecReader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return NULL;
        reader->folder = folder;
        reader->faults = faults;
        reader->was_accepted = was_accepted;
        return reader;
}

static void reader_free(SpecReader *reader)
{
        if (!reader)
                return;
        for (size_t i = 0; i < reader->listener_count; i++)
                free(reader->listeners[i].owner);
        free(reader->listeners);
        free(reader->last_file);
        free(reader);
}

DEFINE_CLEANUP(SpecReader *, reader_free);

/* The answer, once everything has been looked at. */
static int reader_finish(SpecReader *reader, const char *text, size_t size)
{
        if (reader->is_out_of_memory)
                return -ENOMEM;
        if (reader->faults->count == 0)
                return 0;
        spec_locate(reader, text, size);
        return SPEC_E_INVALID;
}

static int parse_tree(SpecReader *reader, const char *text, size_t size, TreeSpec **ret_spec)
{
        _cleanup_(tree_spec_freep) TreeSpec *tree = NULL;
        json_auto_t *root = NULL;
        int r;

        if (!reader)
                return -ENOMEM;
        r = spec_load(reader, text, size, &root);
        if (r != 0)
                return r;
        tree = tree_new(reader);
        if (!tree)
                return -ENOMEM;
        spec_read_object(reader, root, top_keys, PLACE_TOP, tree);
        read_applications(reader, json_object_get(root, "applications"), tree);
        if (!tree->node)
                tree->node = default_node(reader);

        r = reader_finish(reader, text, size);
        if (r != 0)
                return r;
        *ret_spec = steal_ptr(tree);
        return 0;
}

int spec_parse(const char *text, size_t size, const char *folder, TreeSpec **ret_spec,
               SpecFaults *faults)
{
        _cleanup_(reader_freep) SpecReader *reader = reader_new(folder, faults, false);

        return parse_tree(reader, text, size, ret_spec);
}

int spec_parse_accepted(const char *text, size_t size, const char *folder, TreeSpec **ret_spec,
                        SpecFaults *faults)
{
        _cleanup_(reader_freep) SpecReader *reader = reader_new(folder, faults, true);

        return parse_tree(reader, text, size, ret_spec);
}

static int parse_one(SpecReader *reader, const char *text, size_t size, const NodeSpec *parent,
                     NodeSpec **ret_node)
{
        _cleanup_(node_spec_freep) NodeSpec *node = NULL;
        json_auto_t *root = NULL;
        int r;

        r = spec_load(reader, text, size, &root);
        if (r != 0)
                return r;
        node = spec_read_child(reader, root, parent);
        r = reader_finish(reader, text, size);
        if (r != 0)
                return r;
        *ret_node = steal_ptr(node);
        return 0;
}

// NOLINTNEXTLINE(readability-function-size): one parameter more than usual, all of them needed
static int parse_child(SpecReader *reader, const char *text, size_t size, const NodeSpec *parent,
                       NodeSpecs *ret_nodes)
{
        _cleanup_(node_spec_freep) NodeSpec *list =
                NULL; /* owns the instances until all are there */
        _cleanup_(node_spec_freep) NodeSpec *node = NULL;
        int r;

        if (!reader)
                return -ENOMEM;
        r = parse_one(reader, text, size, parent, &node);
        if (r != 0)
                return r;
        list = spec_node_new(reader, NODE_SUPERVISOR, NULL);
        if (!list)
                return -ENOMEM;
        spec_append(reader, &node, &list->children, &list->child_count);
        if (reader->is_out_of_memory)
                return -ENOMEM;
        ret_nodes->count = list->child_count;
        ret_nodes->items = steal_ptr(list->children);
        list->child_count = 0;
        return 0;
}

int spec_parse_child(const char *text, size_t size, const char *folder, const NodeSpec *parent,
                     NodeSpecs *ret_nodes, SpecFaults *faults)
{
        _cleanup_(reader_freep) SpecReader *reader = reader_new(folder, faults, false);

        return parse_child(reader, text, size, parent, ret_nodes);
}

int spec_parse_accepted_child(const char *text, size_t size, const char *folder,
                              const NodeSpec *parent, NodeSpecs *ret_nodes, SpecFaults *faults)
{
        _cleanup_(reader_freep) SpecReader *reader = reader_new(folder, faults, true);

        return parse_child(reader, text, size, parent, ret_nodes);
}
