#pragma once
/*
 * The spawn specification: all that the kernel needs to make one OS process, in one sealed memfd.
 * gend-supervisor writes it (users and groups are looked up there, paths are absolute, the
 * environment is complete but for what only the kernel knows); gend maps, checks and obeys it.
 *
 * What the kernel itself adds to the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID,
 * LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID, GEND_INSTANCE (by which a sweep knows its own).
 */

#include "base/cleanup.h"
#include "base/usec.h"
#include "protocols/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum StdioMode {
        STDIO_NONE = 0,
        STDIO_LOG,     /* a pipe to gend-log */
        STDIO_FILE,    /* a pipe to gend-log, which appends to a file and rotates it */
        STDIO_INHERIT, /* gend's own */
        STDIO_NULL,
        STDIO_MODE_COUNT
} StdioMode;

#define SPAWN_RLIMITS    16 /* RLIM_NLIMITS on Linux */
#define SPAWN_ID_INHERIT UINT32_MAX
#define SPAWN_INHERIT    INT32_MIN /* nice, umask: as gend has it */

typedef struct SpawnSocket {
        const char *name;  /* in LISTEN_FDNAMES */
        uint32_t socktype; /* SOCK_STREAM, SOCK_DGRAM ... */
        uint32_t address_len;
        unsigned char address[128]; /* struct sockaddr */
} SpawnSocket;

/* Every pointer is borrowed: from the caller for spawn_spec_seal(), from the mapping after a
 * decode. */
typedef struct SpawnSpec {
        const char *path;  /* of the child in the tree */
        const char *file;  /* to execute; absolute */
        char *const *argv; /* NULL terminated */
        char *const *envp; /* NULL terminated */
        const char *cwd;   /* NULL: gend's own */
        uint32_t uid;      /* SPAWN_ID_INHERIT: unchanged */
        uint32_t gid;
        const uint32_t *groups; /* supplementary, set when uid or gid is */
        size_t group_count;
        int32_t umask; /* SPAWN_INHERIT: unchanged */
        int32_t nice;  /* SPAWN_INHERIT: unchanged */
        bool no_new_privileges;
        struct {
                bool is_set;
                uint64_t soft;
                uint64_t hard;
        } limits[SPAWN_RLIMITS]; /* by RLIMIT_* */
        StdioMode out_mode;
        StdioMode err_mode;
        const char *out_file; /* STDIO_FILE: absolute */
        const char *err_file;
        uint64_t rotate_bytes;
        uint32_t keep_files;
        const SpawnSocket *sockets;
        size_t socket_count;
        bool cgroup_optional;     /* a limit that cannot be set is no failure */
        uint64_t memory_max;      /* bytes; 0: none */
        uint64_t pids_max;        /* 0: none */
        uint32_t cpu_max_percent; /* of one CPU; 0: none */
        int32_t stop_signal;      /* for the kernel's own stop of everything */
        usec_t stop_usec;         /* the same; USEC_INFINITY is taken as a minute there */
} SpawnSpec;

/**
 * spawn_spec_seal() - write @spec into a sealed memfd
 * @ret_fd: close-on-exec, sealed against any change; owned by the caller
 *
 * Context: any. Allocates.
 * Return: 0; -E2BIG above LIMIT_SPAWN_BYTES, LIMIT_ARGS, LIMIT_ENV ...; another negative errno.
 */
int spawn_spec_seal(const SpawnSpec *spec, int *ret_fd);

/* A specification that was read back: the block it lives in, and pointers into it. */
typedef struct SpawnBlock {
        void *data; /* malloc; everything in spec points in here */
        size_t size;
        SpawnSpec spec;
} SpawnBlock;

#define SPAWN_BLOCK_NULL ((SpawnBlock){0})

/**
 * spawn_block_read() - a checked copy of what is in a sealed memfd
 * @fd: borrowed; must carry the seals, else -EPERM
 *
 * Trusts nothing: sizes, offsets, counts and terminations are checked.
 *
 * Return: 0; -EINVAL for a malformed block; -EPERM, -ENOMEM, -E2BIG or what read said.
 */
int spawn_block_read(int fd, SpawnBlock *ret_block);

/* spawn_block_parse() - the same on @take_data (malloc), which is taken on success only. For
 * fuzzing too. */
int spawn_block_parse(void **take_data, size_t size, SpawnBlock *ret_block);

void spawn_block_deinit(SpawnBlock *block);
