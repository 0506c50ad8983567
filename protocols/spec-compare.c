/*
 * Owns the question a reload asks of two nodes of one name: the same, taken over as it runs, or
 * made anew. Compares what the keys mean, not how they were written: "5s" and "5000ms" are the
 * same.
 */

#include "protocols/spec-private.h"

#include <string.h>

static bool is_same_text(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool are_same_texts(char *const a[], char *const b[])
{
        size_t i = 0;

        if (!a || !b)
                return a == b;
        for (; a[i] && b[i]; i++)
                if (strcmp(a[i], b[i]) != 0)
                        return false;
        return a[i] == b[i];
}

static bool env_list_has(const EnvList *list, const EnvVar *var)
{
        for (size_t i = 0; i < list->count; i++)
                if (strcmp(list->vars[i].name, var->name) == 0)
                        return strcmp(list->vars[i].value, var->value) == 0;
        return false;
}

bool env_list_equal(const EnvList *a, const EnvList *b)
{
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++) {
                const EnvVar *left = &a->vars[i], *right = &b->vars[i];

                if (strcmp(left->name, right->name) == 0) {
                        if (strcmp(left->value, right->value) != 0)
                                return false;
                } else if (!env_list_has(b, left)) {
                        return false;
                }
        }
        return true;
}

static bool are_same_sockets(const ProcessSpec *a, const ProcessSpec *b)
{
        if (a->socket_count != b->socket_count)
                return false;
        for (size_t i = 0; i < a->socket_count; i++) {
                const SpawnSocket *left = &a->sockets[i], *right = &b->sockets[i];

                if (strcmp(left->name, right->name) != 0 || left->socktype != right->socktype ||
                    left->address_len != right->address_len ||
                    memcmp(left->address, right->address, left->address_len) != 0)
                        return false;
        }
        return true;
}

static bool are_same_limits(const ProcessSpec *a, const ProcessSpec *b)
{
        for (size_t i = 0; i < SPAWN_RLIMITS; i++)
                if (a->limits[i].is_set != b->limits[i].is_set ||
                    a->limits[i].soft != b->limits[i].soft ||
                    a->limits[i].hard != b->limits[i].hard)
                        return false;
        return a->has_cgroup == b->has_cgroup && a->cgroup_optional == b->cgroup_optional &&
               a->memory_max == b->memory_max && a->pids_max == b->pids_max &&
               a->cpu_max_percent == b->cpu_max_percent;
}

/* What a living process cannot be given any more. */
static bool is_same_process(const ProcessSpec *a, const ProcessSpec *b)
{
        return is_same_text(a->file, b->file) && are_same_texts(a->argv, b->argv) &&
               a->watchdog_usec == b->watchdog_usec && is_same_text(a->cwd, b->cwd) &&
               is_same_text(a->user, b->user) && is_same_text(a->group, b->group) &&
               a->uid == b->uid && a->gid == b->gid && a->umask == b->umask && a->nice == b->nice &&
               a->no_new_privileges == b->no_new_privileges && are_same_limits(a, b) &&
               a->out_mode == b->out_mode && a->err_mode == b->err_mode &&
               is_same_text(a->out_file, b->out_file) && is_same_text(a->err_file, b->err_file) &&
               are_same_sockets(a, b);
}

static bool is_same_supervision(const SupervisorSpec *a, const SupervisorSpec *b)
{
        return a->strategy == b->strategy && a->intensity == b->intensity &&
               a->period_usec == b->period_usec && a->max_failures == b->max_failures &&
               a->auto_shutdown == b->auto_shutdown;
}

/* What only gend-supervisor itself goes by. */
static bool is_same_process_care(const ProcessSpec *a, const ProcessSpec *b)
{
        return a->ready == b->ready && a->start_timeout_usec == b->start_timeout_usec &&
               a->stop_signal == b->stop_signal && a->success_exit_count == b->success_exit_count &&
               (a->success_exit_count == 0 ||
                memcmp(a->success_exit, b->success_exit, a->success_exit_count) == 0);
}

/* Both come from the same text or from the same default: any difference is one. */
static bool is_same_real(double a, double b)
{
        return !(a < b) && !(a > b);
}

static bool is_same_child(const ChildSpec *a, const ChildSpec *b)
{
        return a->restart == b->restart && a->is_significant == b->is_significant &&
               a->is_autostart == b->is_autostart && a->is_brutal == b->is_brutal &&
               a->shutdown_usec == b->shutdown_usec && a->backoff.is_set == b->backoff.is_set &&
               a->backoff.initial_usec == b->backoff.initial_usec &&
               a->backoff.max_usec == b->backoff.max_usec &&
               is_same_real(a->backoff.factor, b->backoff.factor) &&
               is_same_real(a->backoff.jitter, b->backoff.jitter) &&
               a->backoff.reset_usec == b->backoff.reset_usec;
}

static bool is_same_app(const AppSpec *a, const AppSpec *b)
{
        return is_same_text(a->version, b->version) &&
               is_same_text(a->description, b->description) && a->start == b->start &&
               are_same_texts(a->required, b->required) && a->lifespan_usec == b->lifespan_usec;
}

static bool are_same_actors(json_t *a, json_t *b)
{
        return a == b || (a && b && json_equal(a, b));
}

/* Kinds are equal. */
static bool needs_new_life(const NodeSpec *a, const NodeSpec *b)
{
        bool was_simple = a->supervisor.strategy == STRATEGY_SIMPLE_ONE_FOR_ONE;
        bool is_simple = b->supervisor.strategy == STRATEGY_SIMPLE_ONE_FOR_ONE;

        switch (a->kind) {
        case NODE_EXEC:
                return !is_same_process(&a->process, &b->process) ||
                       !env_list_equal(&a->env, &b->env);
        case NODE_WORKER:
                /* It was told of its actors and how to supervise them when it was made. */
                return !is_same_process(&a->process, &b->process) ||
                       !env_list_equal(&a->env, &b->env) ||
                       !is_same_supervision(&a->supervisor, &b->supervisor) ||
                       !are_same_actors(a->actors, b->actors);
        case NODE_APPLICATION:
        case NODE_SUPERVISOR:
                return was_simple != is_simple; /* a template is no child */
        case NODE_NONE:
        case NODE_ACTOR:
        case NODE_KIND_COUNT:
                break;
        }
        return false;
}

SpecChange node_spec_compare(const NodeSpec *a, const NodeSpec *b)
{
        if (a->kind != b->kind || needs_new_life(a, b))
                return SPEC_CHANGED;
        if (!is_same_child(&a->child, &b->child) ||
            !is_same_supervision(&a->supervisor, &b->supervisor) ||
            !is_same_process_care(&a->process, &b->process) || !is_same_app(&a->app, &b->app) ||
            !env_list_equal(&a->env, &b->env))
                return SPEC_UPDATED;
        return SPEC_SAME;
}
