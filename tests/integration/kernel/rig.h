#pragma once
/*
 * A real gend with stand-ins for its services (tests/support/fake-service.c): the test is
 * gend-supervisor and gend-log, and speaks records with the kernel. Everything waits for an event
 * with one generous deadline. gend dies with its test.
 */

#include "protocols/record.h"
#include "protocols/spawn.h"
#include "tests/support/test-main.h"

#include <stdbool.h>
#include <sys/types.h>

#define RIG_SLOTS  64u
#define RIG_LOGS   64u
#define RIG_NOFILE 300 /* soft limit of descriptors that gend is started with */

typedef struct RigPeer {
        int control; /* to the stand-in */
        int link;    /* to gend */
        int fds[3];  /* rings, log event, checkpoint */
        ServicePage *page;
        pid_t pid;
        bool is_mute; /* answers no ping */
} RigPeer;

typedef struct RigLog {
        uint32_t slot;
        uint64_t generation;
        uint32_t stream;
        int fd;
        bool is_closed; /* LOG_CLOSE came */
        char file[64];
} RigLog;

typedef struct Rig {
        char dir[64];
        pid_t gend;
        int listen_fd;
        int notify_fd; /* what gend tells its service manager */
        RigPeer supervisor, log;
        struct {
                uint64_t generation;
                unsigned reports;
                RecordChild child;
        } rows[RIG_SLOTS];
        RigLog logs[RIG_LOGS];
        unsigned log_count;
        RecordHello hello;
        bool is_synced;
        RecordRequest request;
        unsigned drops;
} Rig;

/* rig_start() - @args: further ones of gend, NULL terminated, or NULL. Both services are there and
 * synced. */
void rig_start(Rig *rig, char *const args[]);

/* rig_launch() - gend alone; @with_services: their stand-ins find the test. */
void rig_launch(Rig *rig, char *const args[], bool with_services);

/* rig_second() - another gend in the same folder; it is rig->gend now. */
void rig_second(Rig *rig, char *const args[]);

/* rig_relaunch() - the same after the end of the first, up to its services. */
void rig_relaunch(Rig *rig, char *const args[]);

/* rig_accept() - the next stand-in that gend starts. */
void rig_accept(Rig *rig);

/* rig_stop() - FINISHED, and gend exits with @status. Frees everything. */
void rig_stop(Rig *rig, int status);

/* rig_wait_exit() - Return: gend's exit status, or minus the signal. */
int rig_wait_exit(Rig *rig);
void rig_cleanup(Rig *rig);

/* rig_kill_peer() - SIGKILL to a stand-in; its ends of everything are closed. */
void rig_kill_peer(RigPeer *peer);

/* rig_pump() - read what gend has to say until there was something, or fail. */
void rig_pump(Rig *rig);

/* rig_pump_for() - the same, at most @msec. Return: whether there was something. */
bool rig_pump_for(Rig *rig, int msec);

/* rig_spec() - `sh -c SCRIPT` with output to gend-log. */
SpawnSpec rig_spec(const char *script);

void rig_spawn_spec(Rig *rig, uint32_t slot, uint64_t generation, const SpawnSpec *spec);
void rig_spawn(Rig *rig, uint32_t slot, uint64_t generation, const char *script);
void rig_send(Rig *rig, uint32_t type, uint32_t slot, uint64_t generation);
void rig_signal(Rig *rig, uint32_t slot, uint64_t generation, SignalMode mode, int signo);

/* rig_row() - wait for a row of the generation that has all of @flags. */
const RecordChild *rig_row(Rig *rig, uint32_t slot, uint64_t generation, uint32_t flags);

/* rig_log() - wait for the stream's LOG_OPEN. */
RigLog *rig_log(Rig *rig, uint32_t slot, uint64_t generation, uint32_t stream);

/* rig_line() - the next line that a child writes, without its newline. */
const char *rig_line(Rig *rig, uint32_t slot, uint64_t generation);

/* rig_notify() - one datagram to the socket named @address (@...), with @fd if it is one. */
void rig_notify(const char *address, const char *text, int fd);

/* rig_gone() - wait until there is no process @pid. */
void rig_gone(pid_t pid);
