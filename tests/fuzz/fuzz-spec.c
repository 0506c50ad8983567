/*
 * The tree file's parser against any bytes. Whatever comes: an answer, and faults that are fit to
 * be shown; a tree that is taken can be compared, copied and freed.
 */

#include "protocols/spec.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_faults(const SpecFaults *faults, int r)
{
        _cleanup_(freep) char *text = spec_faults_to_text(faults, "tree.json");

        assert((r == SPEC_E_INVALID) == (faults->count > 0));
        for (size_t i = 0; i < faults->count; i++) {
                json_t *message = json_string(faults->items[i].message);
                json_t *path = json_string(faults->items[i].path);

                assert(faults->items[i].line > 0);
                assert(message && path); /* valid UTF-8 */
                json_decref(message);
                json_decref(path);
        }
        assert(text);
}

static void check_node(const NodeSpec *node)
{
        NodeSpec *copy = NULL;

        assert(node->name && *node->name);
        assert(node_spec_instance(node, node->name, NULL, &copy) == 0);
        assert(node_spec_compare(node, copy) == SPEC_SAME);
        node_spec_free(copy);
        for (size_t i = 0; i < node->child_count; i++)
                check_node(node->children[i]);
}

static void try_tree(const char *text, size_t size)
{
        _cleanup_(tree_spec_freep) TreeSpec *tree = NULL;
        SpecFaults faults = {.count = 0};
        int r = spec_parse(text, size, "/", &tree, &faults);

        assert(r == 0 || r == SPEC_E_INVALID);
        assert((r == 0) == (tree != NULL));
        check_faults(&faults, r);
        spec_faults_deinit(&faults);
        for (size_t i = 0; tree && i < tree->application_count; i++)
                check_node(tree->applications[i]);
}

static void try_child(const char *text, size_t size)
{
        NodeSpec parent = {
                .kind = NODE_SUPERVISOR,
                .supervisor = {.strategy = STRATEGY_ONE_FOR_ONE,
                               .auto_shutdown = AUTO_SHUTDOWN_ANY_SIGNIFICANT},
        };
        SpecFaults faults = {.count = 0};
        NodeSpecs nodes = {.count = 0};
        int r = spec_parse_child(text, size, "/", &parent, &nodes, &faults);

        assert(r == 0 || r == SPEC_E_INVALID);
        check_faults(&faults, r);
        spec_faults_deinit(&faults);
        for (size_t i = 0; i < nodes.count; i++)
                check_node(nodes.items[i]);
        node_specs_deinit(&nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;

        try_tree(text, size);
        try_child(text, size);
        return 0;
}
