#include "supervisord/supervisor/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const phase_names[PHASE_COUNT] = {
        [PHASE_NONE] = "none",
        [PHASE_STARTING] = "starting",
        [PHASE_STEADY] = "steady",
        [PHASE_REGROUP_STOP] = "regroup-stop",
        [PHASE_REGROUP_WAIT] = "regroup-wait",
        [PHASE_REGROUP_START] = "regroup-start",
        [PHASE_UNWIND] = "unwind",
        [PHASE_STOPPING] = "stopping",
};

const char *phase_name(Phase phase)
{
        return phase < PHASE_COUNT ? phase_names[phase] : "?";
}

bool node_is_supervisor(const Node *node)
{
        return node->kind == NODE_NONE || node->kind == NODE_APPLICATION ||
               node->kind == NODE_SUPERVISOR;
}

bool node_is_process(const Node *node)
{
        return node->kind == NODE_EXEC || node->kind == NODE_WORKER;
}

bool node_is_simple(const Node *node)
{
        return node->spec && node_is_supervisor(node) &&
               node->spec->supervisor.strategy == STRATEGY_SIMPLE_ONE_FOR_ONE;
}

bool node_is_listed(const Node *node)
{
        return !(node->life.flags & LIFE_IS_DROPPED);
}

static void free_args(char **args)
{
        for (size_t i = 0; args && args[i]; i++)
                free(args[i]);
        free((void *)args);
}

static void node_free(Node *node)
{
        list_remove(&node->dirty);
        list_remove(&node->advance);
        node_spec_free(node->spec);
        free_args(node->args);
        free((void *)node->children);
        free(node->budget.times);
        free(node->status_text);
        free(node);
}

static Node *node_new(Tree *tree)
{
        Node *node = calloc(1, sizeof(*node));

        if (!node)
                return NULL;
        node->tree = tree;
        node->life.state = LIFE_STOPPED;
        return node;
}

Tree *tree_new(void)
{
        Tree *tree = calloc(1, sizeof(*tree));

        if (!tree)
                return NULL;
        list_init(&tree->dirty);
        list_init(&tree->advances);
        tree->next_id = 1;
        tree->root = node_new(tree);
        if (!tree->root) {
                free(tree);
                return NULL;
        }
        tree->nodes[0] = tree->root;
        tree->node_count = 1;
        return tree;
}

static void free_below(Node *node)
{
        for (size_t i = 0; i < node->child_count; i++) {
                free_below(node->children[i]);
                node_free(node->children[i]);
        }
}

static void env_list_clear(EnvList *list)
{
        for (size_t i = 0; i < list->count; i++) {
                free(list->vars[i].name);
                free(list->vars[i].value);
        }
        free(list->vars);
        *list = (EnvList){0};
}

void tree_free(Tree *tree)
{
        if (!tree)
                return;
        free_below(tree->root);
        node_free(tree->root);
        env_list_clear(&tree->env);
        free(tree->name);
        free(tree->folder);
        free(tree);
}

void tree_take_top(Tree *tree, TreeSpec *spec)
{
        free(tree->name);
        free(tree->folder);
        env_list_clear(&tree->env);
        tree->name = steal_ptr(spec->node);
        tree->folder = steal_ptr(spec->folder);
        tree->env = spec->env;
        spec->env = (EnvList){0};
        tree->rotate_bytes = spec->log.rotate_bytes;
        tree->keep_files = spec->log.keep_files;
        tree->use_nng_transport = spec->use_nng_transport;
}

static int find_free_id(Tree *tree, uint32_t *ret_id)
{
        for (uint32_t i = 0; i < LIMIT_SLOTS; i++) {
                uint32_t id = (tree->next_id + i) % LIMIT_SLOTS;

                if (tree->nodes[id])
                        continue;
                tree->next_id = id + 1;
                *ret_id = id;
                return 0;
        }
        return -ENOSPC;
}

static int children_reserve(Node *parent)
{
        size_t room = parent->child_room ? parent->child_room * 2 : 4;
        Node **grown;

        if (parent->child_count < parent->child_room)
                return 0;
        grown = reallocarray((void *)parent->children, room, sizeof(Node *));
        if (!grown)
                return -ENOMEM;
        parent->children = grown;
        parent->child_room = room;
        return 0;
}

/* The history moves along as far as it fits: a reload must not give a fresh budget. */
static int budget_resize(Node *node, const SupervisorSpec *spec)
{
        Intensity fresh;
        usec_t *times;

        if (node->budget.times && node->budget.limit == spec->intensity) {
                node->budget.period_usec = spec->period_usec;
                return 0;
        }
        times = calloc((size_t)spec->intensity + 1, sizeof(*times));
        if (!times)
                return -ENOMEM;
        intensity_init(&fresh, times, spec->intensity, spec->period_usec);
        for (uint32_t i = 0; node->budget.times && i < node->budget.count; i++) {
                uint32_t room = node->budget.limit + 1;
                uint32_t at = (node->budget.next + room - node->budget.count + i) % room;

                (void)intensity_spend(&fresh, node->budget.times[at]);
        }
        free(node->budget.times);
        node->budget = fresh;
        return 0;
}

int node_take_spec(Node *node, NodeSpec **take_spec)
{
        NodeSpec *spec = *take_spec;
        int r;

        if (spec->kind == NODE_APPLICATION || spec->kind == NODE_SUPERVISOR) {
                r = budget_resize(node, &spec->supervisor);
                if (r < 0)
                        return r;
        }
        node_spec_free(node->spec);
        node->spec = steal_ptr(*take_spec);
        node->kind = spec->kind;
        node->template_spec = NULL;
        if (node_is_simple(node) && spec->child_count == 1)
                node->template_spec = spec->children[0];
        return 0;
}

Node *node_child_by_name(const Node *parent, const char *name)
{
        for (size_t i = 0; i < parent->child_count; i++)
                if (strcmp(parent->children[i]->spec->name, name) == 0)
                        return parent->children[i];
        return NULL;
}

int tree_add(Tree *tree, Node *parent, NodeSpec **take_spec, uint32_t id, Node **ret_node)
{
        Node *node;
        int r;

        if (id != 0 && (id >= LIMIT_SLOTS || tree->nodes[id]))
                return -EBUSY;
        r = children_reserve(parent);
        if (r < 0)
                return r;
        if (id == 0) {
                r = find_free_id(tree, &id);
                if (r < 0)
                        return r;
        }
        node = node_new(tree);
        if (!node)
                return -ENOMEM;
        r = node_take_spec(node, take_spec);
        if (r < 0) {
                node_free(node);
                return r;
        }
        node->id = id;
        node->parent = parent;
        node->index = (uint32_t)parent->child_count;
        parent->children[parent->child_count++] = node;
        tree->nodes[id] = node;
        tree->node_count++;
        *ret_node = node;
        return 0;
}

int tree_add_whole(Tree *tree, Node *parent, NodeSpec **take_spec, Node **ret_node)
{
        NodeSpec **children = NULL;
        size_t count = 0;
        Node *node = NULL;
        int r;

        if ((*take_spec)->supervisor.strategy != STRATEGY_SIMPLE_ONE_FOR_ONE) {
                children = steal_ptr((*take_spec)->children);
                count = (*take_spec)->child_count;
                (*take_spec)->child_count = 0;
        }
        r = tree_add(tree, parent, take_spec, 0, &node);
        for (size_t i = 0; i < count; i++) {
                Node *child;

                if (r == 0)
                        r = tree_add_whole(tree, node, &children[i], &child);
                node_spec_free(children[i]); /* NULL if it was taken */
        }
        free((void *)children);
        if (r < 0) {
                if (node)
                        tree_remove(tree, node);
                return r;
        }
        *ret_node = node;
        return 0;
}

void tree_remove(Tree *tree, Node *node)
{
        Node *parent = node->parent;

        while (node->child_count > 0)
                tree_remove(tree, node->children[node->child_count - 1]);
        for (size_t i = node->index; i + 1 < parent->child_count; i++) {
                parent->children[i] = parent->children[i + 1];
                parent->children[i]->index = (uint32_t)i;
        }
        parent->child_count--;
        tree->nodes[node->id] = NULL;
        tree->node_count--;
        node_free(node);
}

const char *node_path(const Node *node, char *buffer)
{
        const Node *chain[LIMIT_TREE_DEPTH + 2] = {NULL};
        size_t depth = 0, used = 0;

        buffer[0] = '\0';
        for (; node->parent && depth < ARRAY_LEN(chain); node = node->parent)
                chain[depth++] = node;
        while (depth-- > 0) {
                int n = snprintf(buffer + used, LIMIT_PATH_BYTES + 1 - used, "%s%s",
                                 used ? "/" : "", chain[depth]->spec->name);

                if (n < 0 || used + (size_t)n > LIMIT_PATH_BYTES)
                        break;
                used += (size_t)n;
        }
        return buffer;
}

void node_touch(Node *node)
{
        if (!node->is_dirty) {
                node->is_dirty = true;
                list_append(&node->tree->dirty, &node->dirty);
        }
}

void node_advance(Node *node)
{
        if (!node->is_queued) {
                node->is_queued = true;
                list_append(&node->tree->advances, &node->advance);
        }
}

Node *tree_next(const Tree *tree, const Node *node)
{
        if (!node)
                node = tree->root;
        if (node->child_count > 0)
                return node->children[0];
        for (; node->parent; node = node->parent)
                if (node->index + 1 < node->parent->child_count)
                        return node->parent->children[node->index + 1];
        return NULL;
}

/* @tail matches "a/b/c" if it is that, "b/c" or "c". */
static bool has_tail(const char *path, const char *tail)
{
        size_t path_len = strlen(path), tail_len = strlen(tail);

        if (tail_len == 0 || tail_len > path_len)
                return false;
        if (strcmp(path + path_len - tail_len, tail) != 0)
                return false;
        return path_len == tail_len || path[path_len - tail_len - 1] == '/';
}

size_t tree_find(const Tree *tree, const char *path, Node *ret_matches[], size_t max)
{
        char buffer[LIMIT_PATH_BYTES + 1];
        size_t count = 0;

        if (path[0] == '/')
                path++;
        for (Node *node = tree_next(tree, NULL); node; node = tree_next(tree, node)) {
                if (!node_is_listed(node))
                        continue;
                (void)node_path(node, buffer);
                if (strcmp(buffer, path) == 0) {
                        ret_matches[0] = node;
                        return 1;
                }
                if (!has_tail(buffer, path))
                        continue;
                if (count < max)
                        ret_matches[count] = node;
                count++;
        }
        return count;
}

/* Edit distance of two short strings, at most LIMIT_NAME_BYTES of each are looked at. */
static unsigned distance(const char *a, const char *b)
{
        unsigned row[LIMIT_NAME_BYTES + 1] = {0};
        size_t a_len = MIN_OF(strlen(a), (size_t)LIMIT_NAME_BYTES);
        size_t b_len = MIN_OF(strlen(b), (size_t)LIMIT_NAME_BYTES);

        for (size_t j = 0; j <= b_len; j++)
                row[j] = (unsigned)j;
        for (size_t i = 1; i <= a_len; i++) {
                unsigned diagonal = row[0];

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= b_len; j++) {
                        unsigned change = diagonal + (a[i - 1] != b[j - 1]);
                        unsigned insert = MIN_OF(row[j], row[j - 1]) + 1;

                        diagonal = row[j];
                        row[j] = MIN_OF(change, insert);
                }
        }
        return row[b_len];
}

static unsigned resemblance(const Node *node, const char *path)
{
        char buffer[LIMIT_PATH_BYTES + 1] = "";
        const char *tail = strrchr(path, '/');
        unsigned whole = distance(node_path(node, buffer), path);
        unsigned name = distance(node->spec->name, tail ? tail + 1 : path);

        return MIN_OF(whole, name);
}

size_t tree_nearest(const Tree *tree, const char *path, Node *ret_nodes[], size_t max)
{
        const char *tail = strrchr(path, '/');
        unsigned limit = (unsigned)strlen(tail ? tail + 1 : path) / 2 + 1;
        unsigned scores[8];
        size_t count = 0;

        max = MIN_OF(max, ARRAY_LEN(scores));
        for (Node *node = tree_next(tree, NULL); node; node = tree_next(tree, node)) {
                unsigned score = resemblance(node, path);
                size_t at = count;

                if (score > limit || !node_is_listed(node))
                        continue;
                while (at > 0 && scores[at - 1] > score)
                        at--;
                if (at >= max)
                        continue;
                count = MIN_OF(count + 1, max);
                for (size_t i = count - 1; i > at; i--) {
                        scores[i] = scores[i - 1];
                        ret_nodes[i] = ret_nodes[i - 1];
                }
                scores[at] = score;
                ret_nodes[at] = node;
        }
        return count;
}
