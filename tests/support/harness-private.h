#pragma once
/*
 * What the files of the harness share: harness.c (gend's life), harness-ctl.c (requests, tree,
 * events), harness-files.c (record and steering files).
 */

#include "base/usec.h"
#include "tests/support/harness.h"
#include "tests/support/rpc.h"

#define PATH_BYTES   256
#define ENV_MAX      32
#define LONG_POLL_MS 1000

struct Harness {
        char dir[64];
        char socket[PATH_BYTES]; /* of gend's control */
        char marker[96];         /* "GEND_TEST_ID=..." */
        char *env[ENV_MAX];      /* owned; NULL terminated */
        size_t env_count;
        char *wrap;
        pid_t pid;
        int pidfd; /* -1 once its end was seen */
        int notify_fd;
        int guardian; /* pipe */
        pid_t guardian_pid;
        bool is_ready;
        bool has_failed;
        Rpc *rpc;
        json_t *kept;   /* all JSON handed out */
        json_t *events; /* all events so far, in order */
        json_int_t next_seq;
        size_t cursor; /* in events */
        unsigned request_id;
        size_t record_start;
        char *record; /* text of the last look */
        char *file_text;
};

/* harness_deadline() - now and the generous deadline. */
usec_t harness_deadline(void);

/* harness_left_msec() - until @deadline; 0 when it is over. */
int harness_left_msec(usec_t deadline);

/* harness_read_file() - malloc'ed and terminated; NULL when there is none. */
char *harness_read_file(const char *path);

void harness_path(const Harness *h, const char *name, char buffer[PATH_BYTES]);

/* harness_text() - quotes and words replaced; malloc'ed. */
char *harness_text(const Harness *h, const char *text);

/* harness_dump_ctl() - events and tree on stderr; quick even when gend hangs. */
void harness_dump_ctl(Harness *h);

/* harness_pause() - look again in a moment: for the few things that announce themselves nowhere. */
void harness_pause(void);

void harness_set_current(Harness *h);
