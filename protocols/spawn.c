#include "protocols/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

/*
 * The block, in this order and without gaps: SpawnWire; argv and envp, each a table of 64-bit
 * string offsets with a zero at its end; groups, padded to 8 bytes; sockets, with the offset of the
 * name in place of the pointer; the strings. Tables lie where the counts put them, so that none can
 * overlap another, and the last byte is zero, so that every string ends. Offsets become pointers in
 * place.
 */

#define SPAWN_MAGIC    0x4e505347u /* "GSPN" */
#define SPAWN_SEALS    (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define FILE_BYTES     511u /* of a log file's name: it has to fit into RecordLog */
#define FDNAME_BYTES   255u
#define NICE_LOWEST    19
#define NICE_HIGHEST   (-20)
#define SIGNAL_LARGEST 64

enum {
        WIRE_NO_NEW_PRIVILEGES = 1u << 0,
        WIRE_CGROUP_OPTIONAL = 1u << 1,
};

typedef struct SpawnWire {
        uint32_t magic;
        uint32_t size; /* of the whole block */
        uint32_t arg_count, env_count, group_count, socket_count;
        uint32_t path, file, cwd, out_file, err_file; /* offsets of strings; 0: NULL */
        uint32_t uid, gid;
        int32_t umask, nice;
        uint32_t flags;
        uint32_t limit_mask;
        uint32_t out_mode, err_mode;
        uint32_t keep_files;
        uint32_t cpu_max_percent;
        int32_t stop_signal;
        uint64_t limits[SPAWN_RLIMITS][2];
        uint64_t rotate_bytes, memory_max, pids_max, stop_usec;
} SpawnWire;

/* Where the tables are, as the counts say. */
typedef struct Layout {
        size_t argv, envp, groups, sockets, strings;
} Layout;

_Static_assert(sizeof(char *) == sizeof(uint64_t),
               "string tables hold pointers in place of offsets");
_Static_assert(sizeof(SpawnWire) % 8 == 0 && sizeof(SpawnSocket) % 8 == 0, "tables are aligned");

static bool layout_find(const SpawnWire *wire, Layout *ret_layout)
{
        Layout at;

        if (wire->arg_count > LIMIT_ARGS || wire->env_count > LIMIT_ENV ||
            wire->group_count > LIMIT_GROUPS || wire->socket_count > LIMIT_SOCKETS)
                return false;
        at.argv = sizeof(*wire);
        at.envp = at.argv + (wire->arg_count + 1u) * sizeof(uint64_t);
        at.groups = at.envp + (wire->env_count + 1u) * sizeof(uint64_t);
        at.sockets = at.groups + ((wire->group_count * sizeof(uint32_t) + 7u) & ~(size_t)7);
        at.strings = at.sockets + wire->socket_count * sizeof(SpawnSocket);
        *ret_layout = at;
        return true;
}

/* --- Writing --- */

typedef struct Writer {
        char *data;
        size_t size;
        size_t used;
} Writer;

static uint32_t write_string(Writer *writer, const char *string)
{
        size_t bytes = string ? strlen(string) + 1 : 0;
        size_t at = writer->used;

        if (!string)
                return 0;
        memcpy(writer->data + at, string, bytes);
        writer->used += bytes;
        return (uint32_t)at;
}

static void write_strings(Writer *writer, size_t table, char *const *strings)
{
        for (size_t i = 0; strings && strings[i]; i++) {
                uint64_t offset = write_string(writer, strings[i]);

                memcpy(writer->data + table + i * sizeof(offset), &offset, sizeof(offset));
        }
}

static void write_sockets(Writer *writer, size_t table, const SpawnSpec *spec)
{
        for (size_t i = 0; i < spec->socket_count; i++) {
                SpawnSocket copy = spec->sockets[i];
                uint64_t offset = write_string(writer, copy.name);

                memcpy(&copy.name, &offset, sizeof(offset));
                memcpy(writer->data + table + i * sizeof(copy), &copy, sizeof(copy));
        }
}

static size_t string_bytes(const char *string)
{
        return string ? strlen(string) + 1 : 0;
}

static size_t count_strings(char *const *strings, size_t *bytes)
{
        size_t count = 0;

        for (; strings && strings[count]; count++)
                *bytes += string_bytes(strings[count]);
        return count;
}

static int measure(const SpawnSpec *spec, SpawnWire *wire, Layout *ret_layout)
{
        size_t bytes = 1; /* the last zero */
        size_t args = count_strings(spec->argv, &bytes);
        size_t envs = count_strings(spec->envp, &bytes);

        if (args > LIMIT_ARGS || envs > LIMIT_ENV || spec->group_count > LIMIT_GROUPS ||
            spec->socket_count > LIMIT_SOCKETS)
                return -E2BIG;
        bytes += string_bytes(spec->path) + string_bytes(spec->file) + string_bytes(spec->cwd) +
                 string_bytes(spec->out_file) + string_bytes(spec->err_file);
        for (size_t i = 0; i < spec->socket_count; i++)
                bytes += string_bytes(spec->sockets[i].name);
        wire->arg_count = (uint32_t)args;
        wire->env_count = (uint32_t)envs;
        wire->group_count = (uint32_t)spec->group_count;
        wire->socket_count = (uint32_t)spec->socket_count;
        if (!layout_find(wire, ret_layout) || ret_layout->strings + bytes > LIMIT_SPAWN_BYTES)
                return -E2BIG;
        wire->size = (uint32_t)(ret_layout->strings + bytes);
        return 0;
}

static void write_scalars(const SpawnSpec *spec, SpawnWire *wire)
{
        wire->magic = SPAWN_MAGIC;
        wire->uid = spec->uid;
        wire->gid = spec->gid;
        wire->umask = spec->umask;
        wire->nice = spec->nice;
        wire->flags = (spec->no_new_privileges ? WIRE_NO_NEW_PRIVILEGES : 0u) |
                      (spec->cgroup_optional ? WIRE_CGROUP_OPTIONAL : 0u);
        for (unsigned i = 0; i < SPAWN_RLIMITS; i++) {
                wire->limit_mask |= spec->limits[i].is_set ? 1u << i : 0u;
                wire->limits[i][0] = spec->limits[i].soft;
                wire->limits[i][1] = spec->limits[i].hard;
        }
        wire->out_mode = spec->out_mode;
        wire->err_mode = spec->err_mode;
        wire->keep_files = spec->keep_files;
        wire->cpu_max_percent = spec->cpu_max_percent;
        wire->stop_signal = spec->stop_signal;
        wire->rotate_bytes = spec->rotate_bytes;
        wire->memory_max = spec->memory_max;
        wire->pids_max = spec->pids_max;
        wire->stop_usec = spec->stop_usec;
}

static int write_whole(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

int spawn_spec_seal(const SpawnSpec *spec, int *ret_fd)
{
        _cleanup_(freep) char *data = NULL;
        _cleanup_(closep) int fd = -1;
        SpawnWire wire = {0};
        Writer writer;
        Layout at;
        int r;

        r = measure(spec, &wire, &at);
        if (r < 0)
                return r;
        data = calloc(1, wire.size);
        if (!data)
                return -ENOMEM;
        writer = (Writer){.data = data, .size = wire.size, .used = at.strings};
        write_scalars(spec, &wire);
        wire.path = write_string(&writer, spec->path);
        wire.file = write_string(&writer, spec->file);
        wire.cwd = write_string(&writer, spec->cwd);
        wire.out_file = write_string(&writer, spec->out_file);
        wire.err_file = write_string(&writer, spec->err_file);
        write_strings(&writer, at.argv, spec->argv);
        write_strings(&writer, at.envp, spec->envp);
        if (spec->group_count > 0)
                memcpy(data + at.groups, spec->groups, spec->group_count * sizeof(uint32_t));
        write_sockets(&writer, at.sockets, spec);
        memcpy(data, &wire, sizeof(wire));

        fd = memfd_create("gend-spawn", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = write_whole(fd, data, wire.size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, SPAWN_SEALS) < 0)
                return -errno;
        *ret_fd = steal_fd(&fd);
        return 0;
}

/* --- Reading --- */

typedef struct Reader {
        char *data;
        size_t size;
        size_t strings; /* where they begin */
} Reader;

/* A string that is there, or NULL where the offset points to none. */
static char *read_string(const Reader *reader, uint64_t offset)
{
        if (offset < reader->strings || offset >= reader->size)
                return NULL;
        return reader->data + offset;
}

static bool read_optional(const Reader *reader, uint32_t offset, const char **ret)
{
        *ret = offset != 0 ? read_string(reader, offset) : NULL;
        return offset == 0 || *ret;
}

/* Offsets become pointers where they are. */
static bool read_strings(const Reader *reader, size_t table, uint32_t count)
{
        for (uint32_t i = 0; i <= count; i++) {
                char *place = reader->data + table + i * sizeof(uint64_t);
                char *string = NULL;
                uint64_t offset;

                memcpy(&offset, place, sizeof(offset));
                if (i < count)
                        string = read_string(reader, offset);
                if (i < count ? !string : offset != 0)
                        return false;
                memcpy(place, &string, sizeof(string));
        }
        return true;
}

static bool is_socktype(uint32_t socktype)
{
        return socktype == SOCK_STREAM || socktype == SOCK_DGRAM || socktype == SOCK_SEQPACKET;
}

static bool read_sockets(const Reader *reader, size_t table, uint32_t count)
{
        for (uint32_t i = 0; i < count; i++) {
                char *place = reader->data + table + i * sizeof(SpawnSocket);
                SpawnSocket copy;
                uint64_t offset;

                memcpy(&copy, place, sizeof(copy));
                memcpy(&offset, place + offsetof(SpawnSocket, name), sizeof(offset));
                copy.name = read_string(reader, offset);
                if (!copy.name || strlen(copy.name) > FDNAME_BYTES || strchr(copy.name, ':') ||
                    !is_socktype(copy.socktype) || copy.address_len < sizeof(sa_family_t) ||
                    copy.address_len > sizeof(copy.address))
                        return false;
                memcpy(place, &copy, sizeof(copy));
        }
        return true;
}

static bool is_absolute(const char *path, size_t bytes_max)
{
        return path && path[0] == '/' && strnlen(path, bytes_max + 1) <= bytes_max;
}

static bool are_modes_valid(const SpawnSpec *spec)
{
        if (spec->out_mode <= STDIO_NONE || spec->out_mode >= STDIO_MODE_COUNT ||
            spec->err_mode <= STDIO_NONE || spec->err_mode >= STDIO_MODE_COUNT)
                return false;
        if (spec->out_mode == STDIO_FILE && !is_absolute(spec->out_file, FILE_BYTES))
                return false;
        return spec->err_mode != STDIO_FILE || is_absolute(spec->err_file, FILE_BYTES);
}

static bool is_spec_valid(const SpawnSpec *spec)
{
        if (!spec->path || strnlen(spec->path, LIMIT_PATH_BYTES + 1) > LIMIT_PATH_BYTES)
                return false;
        if (!is_absolute(spec->file, LIMIT_SPAWN_BYTES) ||
            (spec->cwd && !is_absolute(spec->cwd, LIMIT_SPAWN_BYTES)))
                return false;
        if (!spec->argv[0] || !are_modes_valid(spec))
                return false;
        if (spec->umask != SPAWN_INHERIT && (spec->umask < 0 || spec->umask > 0777))
                return false;
        if (spec->nice != SPAWN_INHERIT && (spec->nice < NICE_HIGHEST || spec->nice > NICE_LOWEST))
                return false;
        return spec->stop_signal > 0 && spec->stop_signal <= SIGNAL_LARGEST;
}

static void read_scalars(const SpawnWire *wire, SpawnSpec *spec)
{
        spec->uid = wire->uid;
        spec->gid = wire->gid;
        spec->group_count = wire->group_count;
        spec->socket_count = wire->socket_count;
        spec->umask = wire->umask;
        spec->nice = wire->nice;
        spec->no_new_privileges = wire->flags & WIRE_NO_NEW_PRIVILEGES;
        spec->cgroup_optional = wire->flags & WIRE_CGROUP_OPTIONAL;
        for (unsigned i = 0; i < SPAWN_RLIMITS; i++) {
                spec->limits[i].is_set = wire->limit_mask & (1u << i);
                spec->limits[i].soft = wire->limits[i][0];
                spec->limits[i].hard = wire->limits[i][1];
        }
        spec->out_mode = wire->out_mode;
        spec->err_mode = wire->err_mode;
        spec->keep_files = wire->keep_files;
        spec->cpu_max_percent = wire->cpu_max_percent;
        spec->stop_signal = wire->stop_signal;
        spec->rotate_bytes = wire->rotate_bytes;
        spec->memory_max = wire->memory_max;
        spec->pids_max = wire->pids_max;
        spec->stop_usec = wire->stop_usec;
}

int spawn_block_parse(void **take_data, size_t size, SpawnBlock *ret_block)
{
        Reader reader = {.data = *take_data, .size = size};
        SpawnSpec spec = {0};
        SpawnWire wire;
        Layout at;

        if (size < sizeof(wire) || size > LIMIT_SPAWN_BYTES)
                return -EINVAL;
        memcpy(&wire, reader.data, sizeof(wire));
        if (wire.magic != SPAWN_MAGIC || wire.size != size || !layout_find(&wire, &at) ||
            at.strings >= size || reader.data[size - 1] != '\0')
                return -EINVAL;
        reader.strings = at.strings;
        read_scalars(&wire, &spec);
        if (!read_optional(&reader, wire.path, &spec.path) ||
            !read_optional(&reader, wire.file, &spec.file) ||
            !read_optional(&reader, wire.cwd, &spec.cwd) ||
            !read_optional(&reader, wire.out_file, &spec.out_file) ||
            !read_optional(&reader, wire.err_file, &spec.err_file) ||
            !read_strings(&reader, at.argv, wire.arg_count) ||
            !read_strings(&reader, at.envp, wire.env_count) ||
            !read_sockets(&reader, at.sockets, wire.socket_count))
                return -EINVAL;
        spec.argv = (char *const *)(void *)(reader.data + at.argv);
        spec.envp = (char *const *)(void *)(reader.data + at.envp);
        spec.groups = (const uint32_t *)(void *)(reader.data + at.groups);
        spec.sockets = (const SpawnSocket *)(void *)(reader.data + at.sockets);
        if (!is_spec_valid(&spec))
                return -EINVAL;
        *ret_block = (SpawnBlock){.data = steal_ptr(*take_data), .size = size, .spec = spec};
        return 0;
}

int spawn_block_read(int fd, SpawnBlock *ret_block)
{
        _cleanup_(freep) void *data = NULL;
        struct stat st;
        size_t size, have = 0;
        int seals;

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & SPAWN_SEALS) != SPAWN_SEALS)
                return -EPERM;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size > LIMIT_SPAWN_BYTES)
                return -E2BIG;
        size = (size_t)st.st_size;
        if (size < sizeof(SpawnWire))
                return -EINVAL;
        data = malloc(size);
        if (!data)
                return -ENOMEM;
        while (have < size) {
                ssize_t n = pread(fd, (char *)data + have, size - have, (off_t)have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EINVAL;
                have += (size_t)n;
        }
        return spawn_block_parse(&data, size, ret_block);
}

void spawn_block_deinit(SpawnBlock *block)
{
        free(block->data);
        *block = SPAWN_BLOCK_NULL;
}
