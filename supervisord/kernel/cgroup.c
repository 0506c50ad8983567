#include "supervisord/kernel/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "base/log.h"

#define NAME_BYTES  48
#define LEAF        "gend"
#define DEPTH_MAX   8
#define EMPTY_TRIES 200 /* of 10 ms: until a predecessor's cgroup is empty */
#define CPU_PERIOD  UINT64_C(100000)

static const struct {
        const char *name;
        uint32_t flag;
} controllers[] = {
        {"memory", HELLO_CGROUP_MEMORY},
        {"pids", HELLO_CGROUP_PIDS},
        {"cpu", HELLO_CGROUP_CPU},
};

/* --- Small files --- */

static int write_file(int dir_fd, const char *dir, const char *file, const char *text)
{
        _cleanup_(closep) int fd = -1;
        char path[NAME_BYTES + 64];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, file);
        fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                return -errno;
        return 0;
}

static int read_file(int dir_fd, const char *path, char *ret_text, size_t size)
{
        _cleanup_(closep) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret_text, size - 1);

        if (n < 0)
                return -errno;
        ret_text[n] = '\0';
        return 0;
}

/* The number after "KEY " at the start of a line; 0 when there is none. */
static uint64_t read_counter(int dir_fd, const char *dir, const char *file, const char *key)
{
        char path[NAME_BYTES + 64], text[1024];
        size_t size = strlen(key);

        (void)snprintf(path, sizeof(path), "%s/%s", dir, file);
        if (read_file(dir_fd, path, text, sizeof(text)) < 0)
                return 0;
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
                if (strncmp(line, key, size) == 0 && line[size] == ' ')
                        return strtoull(line + size + 1, NULL, 10);
        return 0;
}

/* A child may have made cgroups below its own. */
static int remove_tree(int dir_fd, const char *name, unsigned depth)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        const struct dirent *entry;
        int fd;

        if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if (errno != EBUSY && errno != ENOTEMPTY)
                return -errno;
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                (void)close_fd(fd);
                return -EBUSY;
        }
        while (depth > 0 && (entry = readdir(dir)))
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
                        (void)remove_tree(fd, entry->d_name, depth - 1);
        return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

/* --- Our part of the tree --- */

/* What a predecessor left: "SLOT.GENERATION". */
static void clear_predecessor(int base_fd)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        const struct dirent *entry;
        int fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                (void)close_fd(fd);
                return;
        }
        while ((entry = readdir(dir))) {
                const char *name = entry->d_name;

                if (entry->d_type != DT_DIR || name[0] < '0' || name[0] > '9' ||
                    strlen(name) >= NAME_BYTES)
                        continue;
                if (read_counter(base_fd, name, "cgroup.events", "populated") > 0)
                        (void)write_file(base_fd, name, "cgroup.kill", "1");
                for (unsigned i = 0;
                     i < EMPTY_TRIES && remove_tree(base_fd, name, DEPTH_MAX) == -EBUSY; i++)
                        (void)poll(NULL, 0, 10);
                log_notice("removed cgroup %s of a predecessor", name);
        }
}

static uint32_t enable_controllers(int base_fd)
{
        uint32_t flags = HELLO_HAS_CGROUP;
        char text[256];

        if (read_file(base_fd, "cgroup.controllers", text, sizeof(text)) < 0)
                return flags;
        for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
                char order[16];

                if (!strstr(text, controllers[i].name))
                        continue;
                (void)snprintf(order, sizeof(order), "+%s", controllers[i].name);
                if (write_file(base_fd, ".", "cgroup.subtree_control", order) == 0)
                        flags |= controllers[i].flag;
        }
        return flags;
}

/* The path of our own cgroup in the v2 tree: the line "0::PATH". */
static int own_cgroup(char **ret)
{
        static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
        char text[4096], *line;
        struct statfs fs;
        int r;

        r = read_file(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
        if (r < 0)
                return r;
        for (char *rest = text; (line = strsep(&rest, "\n"));)
                if (strncmp(line, "0::/", 4) == 0)
                        break;
        if (!line)
                return -ENOENT;
        for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
                if (statfs(mounts[i], &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
                        continue;
                return asprintf(ret, "%s%s", mounts[i], line + 3) < 0 ? -ENOMEM : 0;
        }
        return -ENOENT;
}

static bool is_delegated(const char *path)
{
        static const char *const marks[] = {"trusted.delegate", "user.delegate"};
        char value[2];

        for (size_t i = 0; i < ARRAY_LEN(marks); i++)
                if (getxattr(path, marks[i], value, sizeof(value)) == 1 && value[0] == '1')
                        return access(path, W_OK) == 0;
        return false;
}

static int use(Kernel *kernel, const char *path)
{
        _cleanup_(closep) int fd = -1;
        struct statfs fs;
        int r;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fstatfs(fd, &fs) < 0)
                return -errno;
        if (fs.f_type != CGROUP2_SUPER_MAGIC)
                return -EINVAL;
        if (mkdirat(fd, LEAF, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = write_file(fd, LEAF, "cgroup.procs", "0");
        if (r < 0)
                return r;
        clear_predecessor(fd);
        kernel->cgroup_flags = enable_controllers(fd);
        kernel->cgroup_fd = steal_fd(&fd);
        return 0;
}

int cgroup_open(Kernel *kernel, const char *option)
{
        _cleanup_(freep) char *path = NULL;
        int r;

        if (strcmp(option, "off") == 0)
                return 0;
        if (strcmp(option, "auto") != 0)
                return use(kernel, option);
        if (own_cgroup(&path) < 0 || !is_delegated(path))
                return 0;
        r = use(kernel, path);
        if (r < 0)
                log_warning("cgroup %s cannot be used (%s): going on without", path, strerror(-r));
        return 0;
}

/* --- A child's --- */

static void name_of(const Slot *slot, char ret_name[NAME_BYTES])
{
        (void)snprintf(ret_name, NAME_BYTES, "%" PRIu32 ".%" PRIu64, slot->index, slot->generation);
}

static int limit(const Slot *slot, bool is_optional, uint32_t controller, const char *file,
                 const char *text)
{
        char name[NAME_BYTES];
        int r = -ENOTSUP;

        name_of(slot, name);
        if (slot->kernel->cgroup_flags & controller)
                r = write_file(slot->kernel->cgroup_fd, name, file, text);
        return is_optional ? 0 : r;
}

static int set_limits(const Slot *slot, const SpawnSpec *spec)
{
        bool is_optional = spec->cgroup_optional;
        char text[48];
        int r = 0;

        if (spec->memory_max > 0) {
                (void)snprintf(text, sizeof(text), "%" PRIu64, spec->memory_max);
                r = limit(slot, is_optional, HELLO_CGROUP_MEMORY, "memory.max", text);
                if (r == 0)
                        r = limit(slot, is_optional, HELLO_CGROUP_MEMORY, "memory.oom.group", "1");
        }
        if (r == 0 && spec->pids_max > 0) {
                (void)snprintf(text, sizeof(text), "%" PRIu64, spec->pids_max);
                r = limit(slot, is_optional, HELLO_CGROUP_PIDS, "pids.max", text);
        }
        if (r == 0 && spec->cpu_max_percent > 0) {
                (void)snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64,
                               spec->cpu_max_percent * CPU_PERIOD / 100, CPU_PERIOD);
                r = limit(slot, is_optional, HELLO_CGROUP_CPU, "cpu.max", text);
        }
        return r;
}

int cgroup_make(Slot *slot, const SpawnSpec *spec, int *ret_fd)
{
        int base_fd = slot->kernel->cgroup_fd, fd, r;
        char name[NAME_BYTES], path[NAME_BYTES + 16];

        if (base_fd < 0)
                return spec->cgroup_optional || (spec->memory_max == 0 && spec->pids_max == 0 &&
                                                 spec->cpu_max_percent == 0)
                               ? 0
                               : -ENOTSUP;
        name_of(slot, name);
        if (mkdirat(base_fd, name, 0755) < 0)
                return -errno;
        slot->has_cgroup = true;
        r = set_limits(slot, spec);
        if (r < 0)
                return r;
        (void)snprintf(path, sizeof(path), "%s/cgroup.procs", name);
        fd = openat(base_fd, path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

void cgroup_kill(Slot *slot)
{
        char name[NAME_BYTES];

        if (!slot->has_cgroup)
                return;
        name_of(slot, name);
        (void)write_file(slot->kernel->cgroup_fd, name, "cgroup.kill", "1");
}

bool cgroup_finish(Slot *slot)
{
        int base_fd = slot->kernel->cgroup_fd;
        char name[NAME_BYTES];

        if (!slot->has_cgroup)
                return true;
        name_of(slot, name);
        if (slot->kernel->cgroup_flags & HELLO_CGROUP_MEMORY &&
            read_counter(base_fd, name, "memory.events", "oom_kill") > 0)
                slot->row.flags |= CHILD_OOM;
        if (unlinkat(base_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
                if (read_counter(base_fd, name, "cgroup.events", "populated") > 0) {
                        slot->row.flags |= CHILD_LEFT_GROUP;
                        cgroup_kill(slot);
                        return false;
                }
                (void)remove_tree(base_fd, name, DEPTH_MAX);
        }
        slot->has_cgroup = false;
        return true;
}
