/*
 * Owns the life of a NodeSpec once it is there: copies for instances and dynamic children, the
 * comparison a reload needs, and the end.
 */

#include "protocols/spec-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_texts(char **texts)
{
        for (size_t i = 0; texts && texts[i]; i++)
                free(texts[i]);
        free(texts);
}

static void env_list_deinit(EnvList *list)
{
        for (size_t i = 0; i < list->count; i++) {
                free(list->vars[i].name);
                free(list->vars[i].value);
        }
        free(list->vars);
        *list = (EnvList){.count = 0};
}

static void sockets_free(SpawnSocket *sockets, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                char *name;

                /* Borrowed where a SpawnSpec points to it, owned here. */
                memcpy(&name, &sockets[i].name, sizeof(name));
                free(name);
        }
        free(sockets);
}

static void process_deinit(ProcessSpec *process)
{
        free(process->file);
        free_texts(process->argv);
        free(process->success_exit);
        free(process->cwd);
        free(process->user);
        free(process->group);
        free(process->out_file);
        free(process->err_file);
        sockets_free(process->sockets, process->socket_count);
}

void node_spec_free(NodeSpec *node)
{
        if (!node)
                return;
        free(node->name);
        env_list_deinit(&node->env);
        process_deinit(&node->process);
        free(node->app.version);
        free(node->app.description);
        free_texts(node->app.required);
        for (size_t i = 0; i < node->child_count; i++)
                node_spec_free(node->children[i]);
        free(node->children);
        json_decref(node->actors);
        json_decref(node->source);
        free(node);
}

void tree_spec_free(TreeSpec *tree)
{
        if (!tree)
                return;
        free(tree->node);
        free(tree->folder);
        env_list_deinit(&tree->env);
        for (size_t i = 0; i < tree->application_count; i++)
                node_spec_free(tree->applications[i]);
        free(tree->applications);
        free(tree);
}

/* Copies go into a node that was copied byte by byte: first every pointer that is owned is cut, so
 * that the node may be freed at any moment, then each is filled from the original. */
static void cut_pointers(NodeSpec *node)
{
        node->name = NULL;
        node->env = (EnvList){.count = 0};
        node->process.file = node->process.cwd = node->process.user = node->process.group = NULL;
        node->process.out_file = node->process.err_file = NULL;
        node->process.argv = NULL;
        node->process.success_exit = NULL;
        node->process.sockets = NULL;
        node->process.socket_count = 0;
        node->app.version = node->app.description = NULL;
        node->app.required = NULL;
        node->children = NULL;
        node->child_count = 0;
        node->actors = node->source = NULL;
}

static bool copy_text(char **to, const char *from)
{
        *to = from ? strdup(from) : NULL;
        return *to || !from;
}

/* @more follows the texts of @from; both may be NULL. */
static bool copy_texts(char ***to, char *const from[], char *const more[])
{
        size_t count = 0, more_count = 0;
        char **texts;

        if (!from && !more)
                return true;
        while (from && from[count])
                count++;
        while (more && more[more_count])
                more_count++;
        texts = calloc(count + more_count + 1, sizeof(texts[0]));
        if (!texts)
                return false;
        *to = texts;
        for (size_t i = 0; i < count + more_count; i++)
                if (!copy_text(&texts[i], i < count ? from[i] : more[i - count]))
                        return false;
        return true;
}

static bool copy_env(EnvList *to, const EnvList *from)
{
        if (from->count == 0)
                return true;
        to->vars = calloc(from->count, sizeof(to->vars[0]));
        if (!to->vars)
                return false;
        for (size_t i = 0; i < from->count; i++) {
                to->count++;
                if (!copy_text(&to->vars[i].name, from->vars[i].name) ||
                    !copy_text(&to->vars[i].value, from->vars[i].value))
                        return false;
        }
        return true;
}

static bool copy_sockets(ProcessSpec *to, const ProcessSpec *from)
{
        if (from->socket_count == 0)
                return true;
        to->sockets = calloc(from->socket_count, sizeof(to->sockets[0]));
        if (!to->sockets)
                return false;
        for (size_t i = 0; i < from->socket_count; i++) {
                to->sockets[i] = from->sockets[i];
                to->sockets[i].name = strdup(from->sockets[i].name);
                to->socket_count++;
                if (!to->sockets[i].name)
                        return false;
        }
        return true;
}

static bool copy_process(ProcessSpec *to, const ProcessSpec *from, char *const more_args[])
{
        if (from->success_exit_count > 0) {
                to->success_exit = malloc(from->success_exit_count);
                if (!to->success_exit)
                        return false;
                memcpy(to->success_exit, from->success_exit, from->success_exit_count);
        }
        return copy_text(&to->file, from->file) &&
               copy_texts(&to->argv, from->argv, from->argv ? more_args : NULL) &&
               copy_text(&to->cwd, from->cwd) && copy_text(&to->user, from->user) &&
               copy_text(&to->group, from->group) && copy_text(&to->out_file, from->out_file) &&
               copy_text(&to->err_file, from->err_file) && copy_sockets(to, from);
}

static bool copy_children(NodeSpec *to, const NodeSpec *from)
{
        if (from->child_count == 0)
                return true;
        to->children = calloc(from->child_count, sizeof(NodeSpec *));
        if (!to->children)
                return false;
        for (size_t i = 0; i < from->child_count; i++) {
                const NodeSpec *child = from->children[i];

                if (node_spec_instance(child, child->name, NULL, &to->children[i]) < 0)
                        return false;
                to->child_count++;
        }
        return true;
}

int node_spec_instance(const NodeSpec *template_spec, const char *name, char *const more_args[],
                       NodeSpec **ret_node)
{
        _cleanup_(node_spec_freep) NodeSpec *node = malloc(sizeof(*node));

        if (!node)
                return -ENOMEM;
        *node = *template_spec;
        cut_pointers(node);
        node->actors = json_incref(template_spec->actors);
        node->source = json_incref(template_spec->source);
        if (!copy_text(&node->name, name) || !copy_env(&node->env, &template_spec->env) ||
            !copy_process(&node->process, &template_spec->process, more_args) ||
            !copy_text(&node->app.version, template_spec->app.version) ||
            !copy_text(&node->app.description, template_spec->app.description) ||
            !copy_texts(&node->app.required, template_spec->app.required, NULL) ||
            !copy_children(node, template_spec))
                return -ENOMEM;
        *ret_node = steal_ptr(node);
        return 0;
}

void node_specs_deinit(NodeSpecs *nodes)
{
        for (size_t i = 0; i < nodes->count; i++)
                node_spec_free(nodes->items[i]);
        free((void *)nodes->items);
        *nodes = (NodeSpecs){0};
}
