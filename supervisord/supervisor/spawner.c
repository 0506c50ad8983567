#include "supervisord/supervisor/spawner.h"

#include "protocols/spawn.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of gend alone: the kernel gives a child its own, or it must not have any. */
static const char *const private_vars[] = {
        "NOTIFY_SOCKET", "WATCHDOG_USEC",  "WATCHDOG_PID",  "LISTEN_FDS",      "LISTEN_FDNAMES",
        "LISTEN_PID",    "JOURNAL_STREAM", "GEND_INSTANCE", "GEND_LIBEXECDIR", "RUNTIME_DIRECTORY",
};

typedef struct Env {
        char **vars; /* NULL terminated, owned */
        size_t count;
        size_t room;
} Env;

static void env_deinit(Env *env)
{
        for (size_t i = 0; i < env->count; i++)
                free(env->vars[i]);
        free((void *)env->vars);
}

static bool is_named(const char *var, const char *name, size_t name_len)
{
        return strncmp(var, name, name_len) == 0 && var[name_len] == '=';
}

static bool is_private(const char *var)
{
        for (size_t i = 0; i < ARRAY_LEN(private_vars); i++)
                if (is_named(var, private_vars[i], strlen(private_vars[i])))
                        return true;
        return false;
}

/* Takes @var, which is "NAME=VALUE"; a variable of that name gives way. */
static int env_put(Env *env, char *var)
{
        size_t name_len = strcspn(var, "=");

        for (size_t i = 0; i < env->count; i++) {
                if (!is_named(env->vars[i], var, name_len))
                        continue;
                free(env->vars[i]);
                env->vars[i] = var;
                return 0;
        }
        if (env->count + 1 >= env->room) {
                size_t room = env->room ? env->room * 2 : 64;
                char **grown = reallocarray((void *)env->vars, room, sizeof(char *));

                if (!grown) {
                        free(var);
                        return -ENOMEM;
                }
                env->vars = grown;
                env->room = room;
        }
        env->vars[env->count++] = var;
        env->vars[env->count] = NULL;
        return 0;
}

static int env_set(Env *env, const char *name, const char *value)
{
        char *var = NULL;

        if (asprintf(&var, "%s=%s", name, value) < 0)
                return -ENOMEM;
        return env_put(env, var);
}

static int env_set_list(Env *env, const EnvList *list)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < list->count; i++)
                r = env_set(env, list->vars[i].name, list->vars[i].value);
        return r;
}

static int env_inherit(Env *env)
{
        for (char **var = environ; *var; var++) {
                char *copy;
                int r;

                if (is_private(*var) || !strchr(*var, '='))
                        continue;
                copy = strdup(*var);
                if (!copy)
                        return -ENOMEM;
                r = env_put(env, copy);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The nearest wins: from the root's children down to the node itself. */
static int env_of_ancestors(Env *env, const Node *node)
{
        int r;

        if (!node->parent)
                return env_set_list(env, &node->tree->env);
        r = env_of_ancestors(env, node->parent);
        return r < 0 ? r : env_set_list(env, &node->spec->env);
}

static int env_of_user(Env *env, const struct passwd *user)
{
        int r = env_set(env, "USER", user->pw_name);

        if (r == 0)
                r = env_set(env, "LOGNAME", user->pw_name);
        if (r == 0)
                r = env_set(env, "HOME", user->pw_dir);
        if (r == 0)
                r = env_set(env, "SHELL", user->pw_shell);
        return r;
}

static int env_build(Env *env, const Node *node, const struct passwd *user, const char *socket_path)
{
        char path[LIMIT_PATH_BYTES + 1];
        int r = env_inherit(env);

        if (r == 0 && user)
                r = env_of_user(env, user);
        if (r == 0)
                r = env_of_ancestors(env, node);
        if (r == 0)
                r = env_set(env, "GEND_PATH", node_path(node, path));
        if (r == 0)
                r = env_set(env, "GEND_SOCKET", socket_path);
        return r;
}

/* Return: how many; 0 when neither a user nor a group is set. */
static size_t find_groups(const ProcessSpec *process, const struct passwd *user,
                          uint32_t groups[static LIMIT_GROUPS])
{
        int count = LIMIT_GROUPS;

        if (!user) {
                groups[0] = process->gid;
                return process->gid != SPAWN_ID_INHERIT ? 1 : 0;
        }
        if (getgrouplist(user->pw_name,
                         process->gid != SPAWN_ID_INHERIT ? process->gid : user->pw_gid, groups,
                         &count) < 0)
                count = LIMIT_GROUPS; /* more than we pass on */
        return (size_t)count;
}

static void fill_process(SpawnSpec *spec, const Node *node)
{
        const ProcessSpec *process = &node->spec->process;

        spec->file = process->file;
        spec->argv = process->argv;
        spec->cwd = process->cwd;
        spec->uid = process->uid;
        spec->gid = process->gid;
        spec->umask = process->umask;
        spec->nice = process->nice;
        spec->no_new_privileges = process->no_new_privileges;
        for (size_t i = 0; i < SPAWN_RLIMITS; i++) {
                spec->limits[i].is_set = process->limits[i].is_set;
                spec->limits[i].soft = process->limits[i].soft;
                spec->limits[i].hard = process->limits[i].hard;
        }
        spec->out_mode = process->out_mode;
        spec->err_mode = process->err_mode;
        spec->out_file = process->out_file;
        spec->err_file = process->err_file;
        spec->rotate_bytes = node->tree->rotate_bytes;
        spec->keep_files = node->tree->keep_files;
        spec->sockets = process->sockets;
        spec->socket_count = process->socket_count;
        spec->cgroup_optional = process->cgroup_optional;
        spec->memory_max = process->memory_max;
        spec->pids_max = process->pids_max;
        spec->cpu_max_percent = process->cpu_max_percent;
        spec->stop_signal = process->stop_signal;
        spec->stop_usec = node->spec->child.is_brutal ? 0 : node->spec->child.shutdown_usec;
}

int spawner_seal(const Node *node, const char *socket_path, int *ret_fd)
{
        const ProcessSpec *process = &node->spec->process;
        const struct passwd *user = NULL;
        char path[LIMIT_PATH_BYTES + 1];
        uint32_t groups[LIMIT_GROUPS];
        SpawnSpec spec = {.path = node_path(node, path), .groups = groups};
        Env env = {0};
        int r;

        /* Gone since the file was accepted: never run as somebody else instead. */
        if ((process->user && process->uid == SPAWN_ID_INHERIT) ||
            (process->group && process->gid == SPAWN_ID_INHERIT))
                return -ENOENT;
        if (process->user) {
                errno = 0;
                user = getpwuid(process->uid); /* one thread calls this: the loop's */
                if (!user)
                        return errno ? -errno : -ENOENT;
        }
        fill_process(&spec, node);
        spec.group_count = find_groups(process, user, groups);
        if (user && spec.gid == SPAWN_ID_INHERIT)
                spec.gid = user->pw_gid;
        r = env_build(&env, node, user, socket_path);
        if (r == 0) {
                spec.envp = env.vars;
                r = spawn_spec_seal(&spec, ret_fd);
        }
        env_deinit(&env);
        return r;
}
