#include "supervisord/supervisor/reload.h"

#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One comparison under way. */
typedef struct Diff {
        Daemon *daemon;
        ReloadResult *result;
        bool is_applied;
        int error; /* the first: -ENOMEM */
} Diff;

void reload_result_deinit(ReloadResult *result)
{
        json_decref(result->changes);
        spec_faults_deinit(&result->faults);
}

int reload_load(const char *path, TreeSpec **ret_spec, char **ret_text, size_t *ret_size,
                char **ret_folder, ReloadResult *result)
{
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) char *folder = NULL;
        int r;

        r = spec_read_file(path, &text, ret_size, &folder);
        if (r < 0) {
                text_format(result->error, sizeof(result->error), "%s cannot be read: %s", path,
                            r == -EAGAIN ? "it keeps changing" : strerror(-r));
                return r == -ENOMEM ? r : RELOAD_E_FAILED;
        }
        r = spec_parse(text, *ret_size, folder, ret_spec, &result->faults);
        if (r == SPEC_E_INVALID) {
                text_format(result->error, sizeof(result->error), "%s has %zu fault%s", path,
                            result->faults.count + result->faults.suppressed,
                            result->faults.count == 1 ? "" : "s");
                return RELOAD_E_INVALID;
        }
        if (r < 0)
                return r;
        *ret_text = steal_ptr(text);
        *ret_folder = steal_ptr(folder);
        return 0;
}

static void note_path(Diff *diff, const char *path, const char *what)
{
        (void)json_array_append_new(diff->result->changes,
                                    json_pack("{s:s, s:s}", "path", path, "change", what));
}

static void note(Diff *diff, const Node *node, const char *what)
{
        char path[LIMIT_PATH_BYTES + 1];

        note_path(diff, node_path(node, path), what);
}

static NodeSpec *find_by_name(NodeSpec **specs, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++)
                if (specs[i] && strcmp(specs[i]->name, name) == 0)
                        return specs[i];
        return NULL;
}

static bool is_leaving(const Node *node)
{
        return (node->life.flags & (LIFE_IS_DYNAMIC | LIFE_DELETE_AFTER)) != 0;
}

static bool changes_shape(const Node *node, const NodeSpec *spec)
{
        bool becomes_supervisor = spec->kind == NODE_SUPERVISOR || spec->kind == NODE_APPLICATION;
        bool becomes_simple = spec->supervisor.strategy == STRATEGY_SIMPLE_ONE_FOR_ONE;

        if (node_is_supervisor(node) != becomes_supervisor)
                return true;
        return becomes_supervisor && node_is_simple(node) != becomes_simple;
}

/* A node that becomes another kind is taken away and made anew; both at once would need one name
 * twice. */
static int check_kinds(const Node *parent, NodeSpec **specs, size_t count, ReloadResult *result)
{
        for (size_t i = 0; i < count; i++) {
                const Node *node = node_child_by_name(parent, specs[i]->name);
                bool becomes_supervisor =
                        specs[i]->kind == NODE_SUPERVISOR || specs[i]->kind == NODE_APPLICATION;
                char path[LIMIT_PATH_BYTES + 1];
                int r;

                if (!node)
                        continue;
                if (changes_shape(node, specs[i]) || is_leaving(node)) {
                        text_format(result->error, sizeof(result->error),
                                    "%s cannot become %s while the old one is there: take it out, "
                                    "reload, put the new one in, reload again",
                                    node_path(node, path),
                                    becomes_supervisor ? "another kind of supervisor"
                                                       : "a process");
                        return RELOAD_E_FAILED;
                }
                if (!becomes_supervisor || node_is_simple(node))
                        continue;
                r = check_kinds(node, specs[i]->children, specs[i]->child_count, result);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* "added" for a node and everything below it. */
static void note_added(Diff *diff, const Node *parent, const NodeSpec *spec, const char *above)
{
        char path[LIMIT_PATH_BYTES + 1], buffer[LIMIT_PATH_BYTES + 1];
        const char *prefix = above ? above : node_path(parent, buffer);

        text_format(path, sizeof(path), "%s%s%s", prefix, prefix[0] ? "/" : "", spec->name);
        note_path(diff, path, "added");
        if (spec->supervisor.strategy == STRATEGY_SIMPLE_ONE_FOR_ONE)
                return;
        for (size_t i = 0; i < spec->child_count; i++)
                note_added(diff, NULL, spec->children[i], path);
}

static void add_node(Diff *diff, Node *parent, NodeSpec **take_spec)
{
        Daemon *daemon = diff->daemon;
        bool is_wanted = (*take_spec)->child.is_autostart && (parent->life.state == LIFE_RUNNING ||
                                                              parent->life.state == LIFE_STARTING);
        Node *node;
        int r;

        note_added(diff, parent, *take_spec, NULL);
        if (!diff->is_applied)
                return;
        r = tree_add_whole(daemon->tree, parent, take_spec, &node);
        if (r < 0) {
                diff->error = diff->error ? diff->error : r;
                return;
        }
        daemon_event(daemon, node, EVENT_ADDED, NULL, "by reload");
        if (is_wanted)
                engine_start(daemon->engine, node);
}

static void remove_node(Diff *diff, Node *node)
{
        note(diff, node, "removed");
        if (diff->is_applied)
                engine_delete(diff->daemon->engine, node);
}

static void compare_children(Diff *diff, Node *parent, NodeSpec **specs, size_t count,
                             bool env_changed);

static void unlisten_old(Diff *diff, const ProcessSpec *old, const ProcessSpec *now)
{
        for (size_t i = 0; i < old->socket_count; i++) {
                bool is_kept = false;

                for (size_t k = 0; now && k < now->socket_count; k++)
                        is_kept |= old->sockets[i].address_len == now->sockets[k].address_len &&
                                   memcmp(old->sockets[i].address, now->sockets[k].address,
                                          old->sockets[i].address_len) == 0;
                if (!is_kept)
                        daemon_unlisten(diff->daemon, &old->sockets[i]);
        }
}

/* A process whose specification changed; one that an operator stopped comes back too. */
static void renew(Diff *diff, Node *node)
{
        bool parent_is_up = node->parent->life.state == LIFE_RUNNING ||
                            node->parent->life.state == LIFE_STARTING;

        if (life_is_active(node->life.state) || (parent_is_up && node->spec->child.is_autostart))
                engine_restart(diff->daemon->engine, node);
}

static void compare_node(Diff *diff, Node *node, NodeSpec **take_spec, bool env_changed)
{
        NodeSpec *spec = *take_spec;
        SpecChange change = node_spec_compare(node->spec, spec);
        bool has_children =
                !node_is_process(node) && spec->supervisor.strategy != STRATEGY_SIMPLE_ONE_FOR_ONE;
        bool is_anew = node_is_process(node) && (change == SPEC_CHANGED || env_changed);
        NodeSpec **children = spec->children;
        size_t count = spec->child_count;

        env_changed = env_changed || !env_list_equal(&node->spec->env, &spec->env);
        if (is_anew)
                note(diff, node, "changed");
        else if (change != SPEC_SAME)
                note(diff, node, "updated");
        else
                diff->result->unchanged++;
        if (diff->is_applied) {
                int r;

                if (has_children) {
                        spec->children = NULL;
                        spec->child_count = 0;
                }
                if (node_is_process(node))
                        unlisten_old(diff, &node->spec->process, &spec->process);
                r = node_take_spec(node, take_spec);
                diff->error = diff->error ? diff->error : r;
                if (is_anew)
                        renew(diff, node);
        }
        if (!has_children)
                return;
        compare_children(diff, node, children, count, env_changed);
        if (!diff->is_applied)
                return;
        for (size_t i = 0; i < count; i++)
                node_spec_free(children[i]);
        free((void *)children);
}

/* The order of the file; what is not in it (dynamic, leaving) goes to the end. */
static void sort_children(Node *parent, Node *const order[], size_t count)
{
        size_t used = 0;

        for (size_t i = 0; i < count; i++) {
                Node *node = order[i];

                for (size_t k = node->index; k > used; k--) {
                        parent->children[k] = parent->children[k - 1];
                        parent->children[k]->index = (uint32_t)k;
                }
                parent->children[used] = node;
                node->index = (uint32_t)used++;
        }
}

static void compare_children(Diff *diff, Node *parent, NodeSpec **specs, size_t count,
                             bool env_changed)
{
        Node **order = calloc(count + 1, sizeof(Node *));
        size_t known = 0;

        if (!order) {
                diff->error = -ENOMEM;
                return;
        }
        for (size_t i = parent->child_count; i > 0; i--) {
                Node *node = parent->children[i - 1];

                if (!is_leaving(node) && !find_by_name(specs, count, node->spec->name))
                        remove_node(diff, node);
        }
        for (size_t i = 0; i < count; i++) {
                Node *node = node_child_by_name(parent, specs[i]->name);

                if (node) {
                        compare_node(diff, node, &specs[i], env_changed);
                        order[known++] = node;
                        continue;
                }
                add_node(diff, parent, &specs[i]);
                if (!specs[i])
                        order[known++] = parent->children[parent->child_count - 1];
        }
        if (diff->is_applied)
                sort_children(parent, order, known);
        free((void *)order);
}

static bool top_changes(const Tree *tree, const TreeSpec *spec)
{
        return tree->rotate_bytes != spec->log.rotate_bytes ||
               tree->keep_files != spec->log.keep_files ||
               tree->use_nng_transport != spec->use_nng_transport;
}

static int apply(Daemon *daemon, TreeSpec *spec, Diff *diff, bool env_changed)
{
        tree_take_top(daemon->tree, spec);
        compare_children(diff, daemon->tree->root, spec->applications, spec->application_count,
                         env_changed);
        if (diff->error < 0)
                return diff->error;
        daemon_event(daemon, NULL, EVENT_RELOADED, NULL, NULL);
        return 0;
}

int reload_run(Daemon *daemon, bool is_dry_run, ReloadResult *ret_result)
{
        _cleanup_(tree_spec_freep) TreeSpec *spec = NULL;
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) char *folder = NULL;
        Diff diff = {.daemon = daemon, .result = ret_result, .is_applied = !is_dry_run};
        bool env_changed;
        size_t size;
        int r;

        *ret_result = (ReloadResult){.changes = json_array()};
        r = reload_load(daemon->tree_path, &spec, &text, &size, &folder, ret_result);
        if (r != 0)
                return r;
        if (strcmp(spec->node, daemon->tree->name) != 0) {
                text_format(ret_result->error, sizeof(ret_result->error),
                            "the node's name cannot change from %s to %s while gend runs",
                            daemon->tree->name, spec->node);
                return RELOAD_E_FAILED;
        }
        r = check_kinds(daemon->tree->root, spec->applications, spec->application_count,
                        ret_result);
        if (r != 0)
                return r;
        env_changed = !env_list_equal(&daemon->tree->env, &spec->env);
        if (top_changes(daemon->tree, spec) || env_changed)
                note_path(&diff, "", "updated");
        if (is_dry_run) {
                compare_children(&diff, daemon->tree->root, spec->applications,
                                 spec->application_count, env_changed);
                return diff.error;
        }
        r = checkpoint_set_text(&daemon->checkpoint, text, size, folder);
        return r < 0 ? r : apply(daemon, spec, &diff, env_changed);
}
