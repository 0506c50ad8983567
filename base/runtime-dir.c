#include "base/runtime-dir.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The first of a list with colons; relative ones count from the working directory. */
static int make_absolute(const char *path, size_t size, const char *suffix, char **ret)
{
        _cleanup_(freep) char *cwd = NULL;
        char *joined = NULL;

        while (size > 1 && path[size - 1] == '/')
                size--;
        if (path[0] != '/') {
                cwd = getcwd(NULL, 0);
                if (!cwd)
                        return -errno;
        }
        if (asprintf(&joined, "%s%s%.*s%s", cwd ? cwd : "", cwd ? "/" : "", (int)size, path,
                     suffix) < 0)
                return -ENOMEM;
        *ret = joined;
        return 0;
}

int runtime_dir_find(const char *option, char **ret)
{
        const char *env = getenv("RUNTIME_DIRECTORY");

        if (option && *option)
                return make_absolute(option, strlen(option), "", ret);
        if (env && *env && *env != ':')
                return make_absolute(env, strcspn(env, ":"), "", ret);
        if (geteuid() == 0)
                return make_absolute("/run/gend", strlen("/run/gend"), "", ret);
        env = getenv("XDG_RUNTIME_DIR");
        if (!env || !*env)
                return -ENXIO;
        return make_absolute(env, strlen(env), "/gend", ret);
}
