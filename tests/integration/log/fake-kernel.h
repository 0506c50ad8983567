#pragma once
/*
 * The kernel's side of gend-log, for tests: a real gend-log, born with the descriptors that gend
 * would give it, and pipes that play the children. GEND_LOG names the program under test.
 */

#include "protocols/record.h"
#include "protocols/ring.h"

#include <stdbool.h>
#include <sys/types.h>

#define FAKE_PIPES 1200u

typedef struct FakePipe {
        int read_fd;  /* as gend keeps it, to announce it again; -1: none */
        int write_fd; /* the child's */
} FakePipe;

typedef struct FakeKernel {
        char dir[64];  /* private; removed at the end */
        int socket_fd; /* gend's end; -1: closed */
        int rings_fd;
        int page_fd;
        int event_fd;
        int log_pidfd;
        pid_t log_pid; /* 0: none */
        ServicePage *page;
        RingSet rings; /* as gend-supervisor reads them */
        uint64_t pings;
        FakePipe pipes[FAKE_PIPES];  /* by slot; stream 1 */
        char files[FAKE_PIPES][128]; /* as announced */
        uint64_t rotate_bytes;
        uint32_t keep_files;
} FakeKernel;

/* fake_kernel_setup() - a directory, rings, and a gend-log. Each test has its own. */
void fake_kernel_setup(FakeKernel *kernel);
void fake_kernel_teardown(FakeKernel *kernel);

/* fake_kernel_start() - a gend-log with the same rings; tells it of all pipes there are. */
void fake_kernel_start(FakeKernel *kernel);

/* fake_kernel_kill() - SIGKILL, and wait for its end. */
void fake_kernel_kill(FakeKernel *kernel);

/* fake_kernel_end() - close the socket. Return: the exit status of gend-log. */
int fake_kernel_end(FakeKernel *kernel);

/* fake_kernel_open() - make a pipe for @slot and announce it. @file: NULL for none. Return: the
 * write end. */
int fake_kernel_open(FakeKernel *kernel, uint32_t slot, const char *file);

/* fake_kernel_announce() - LOG_OPEN for the pipe of @slot, (again). */
void fake_kernel_announce(FakeKernel *kernel, uint32_t slot);

/* fake_kernel_send() - a record without more than slot and generation 1. */
void fake_kernel_send(FakeKernel *kernel, RecordType type, uint32_t slot);

/* fake_kernel_ping() - wait until gend-log has done all that was sent before. */
void fake_kernel_ping(FakeKernel *kernel);

/* fake_kernel_await() - wait until a slot's ring ends at @position. */
void fake_kernel_await(FakeKernel *kernel, uint32_t slot, uint64_t position);

/* fake_kernel_drained() - whether the pipe of @slot is empty now; with fake_kernel_ping() in
 * between, what was in it is stored everywhere. */
bool fake_kernel_drained(const FakeKernel *kernel, uint32_t slot);

/* fake_kernel_settle() - wait until the pipe of @slot is empty, and what was in it is stored. */
void fake_kernel_settle(FakeKernel *kernel, uint32_t slot);

/* fake_kernel_ring() - the text in a ring; free() it. */
char *fake_kernel_ring(FakeKernel *kernel, uint32_t slot, RingView *ret_view);

/* fake_kernel_path() - DIR/@name, in one of a few static buffers. */
const char *fake_kernel_path(const FakeKernel *kernel, const char *name);

/* file_text() - the content of a file, terminated; free() it. "" when there is none. */
char *file_text(const char *path, size_t *ret_size);

/* write_text() - all of it, into a pipe. */
void write_text(int fd, const char *text);
