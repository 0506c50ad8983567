/*
 * The kernel alone: spawns, ends, signals, notifications, pipes, and the deaths of its services.
 */

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/integration/kernel/rig.h"

#define IDLE "exec sleep 1000"

static Rig rig;

/* --- Spawn and end --- */

START_TEST(a_child_that_exits_is_reported_with_its_status)
{
        const RecordChild *row;

        rig_start(&rig, NULL);
        ck_assert_uint_eq(rig.hello.incarnation, 1);
        ck_assert(rig.hello.flags & HELLO_FIRST);
        rig_spawn(&rig, 3, 1, "exit 7");
        row = rig_row(&rig, 3, 1, CHILD_HAS_ENDED);
        ck_assert_int_eq(row->code, CLD_EXITED);
        ck_assert_int_eq(row->status, 7);
        ck_assert_int_gt(row->pid, 0);
        ck_assert(!(row->flags & (CHILD_IS_ALIVE | CHILD_LEFT_GROUP | CHILD_NOT_SPAWNED)));
        ck_assert_uint_ge(row->ended_usec, row->started_usec);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_killed_child_is_reported_with_its_signal)
{
        const RecordChild *row;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, IDLE);
        row = rig_row(&rig, 0, 1, CHILD_IS_ALIVE);
        ck_assert_int_eq(kill(row->pid, SIGKILL), 0);
        row = rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        ck_assert_int_eq(row->code, CLD_KILLED);
        ck_assert_int_eq(row->status, SIGKILL);
        rig_stop(&rig, 0);
}
END_TEST

/* OSP-001 */
START_TEST(a_program_that_is_missing_is_a_spawn_failure_with_step_and_errno)
{
        SpawnSpec spec = rig_spec("");
        const RecordChild *row;

        rig_start(&rig, NULL);
        spec.file = "/no/such/program";
        rig_spawn_spec(&rig, 1, 1, &spec);
        row = rig_row(&rig, 1, 1, CHILD_NOT_SPAWNED);
        ck_assert_uint_eq(row->spawn_step, SPAWN_STEP_EXEC);
        ck_assert_int_eq(row->spawn_errno, ENOENT);
        spec = rig_spec("");
        spec.cwd = "/no/such/folder";
        rig_spawn_spec(&rig, 2, 2, &spec);
        row = rig_row(&rig, 2, 2, CHILD_NOT_SPAWNED);
        ck_assert_uint_eq(row->spawn_step, SPAWN_STEP_CWD);
        ck_assert_int_eq(row->spawn_errno, ENOENT);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_limit_without_a_cgroup_is_a_spawn_failure_unless_optional)
{
        SpawnSpec spec = rig_spec("exit 0");
        const RecordChild *row;

        rig_start(&rig, NULL);
        spec.memory_max = 64u << 20;
        rig_spawn_spec(&rig, 1, 1, &spec);
        row = rig_row(&rig, 1, 1, CHILD_NOT_SPAWNED);
        ck_assert_uint_eq(row->spawn_step, SPAWN_STEP_CGROUP);
        ck_assert_int_eq(row->spawn_errno, ENOTSUP);
        spec.cgroup_optional = true;
        rig_spawn_spec(&rig, 2, 2, &spec);
        (void)rig_row(&rig, 2, 2, CHILD_HAS_ENDED);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(an_order_that_is_given_twice_is_carried_out_once)
{
        const RecordChild *row;
        int32_t pid;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 5, IDLE);
        pid = rig_row(&rig, 0, 5, CHILD_IS_ALIVE)->pid;
        rig_spawn(&rig, 0, 5, IDLE);         /* the same again */
        rig_spawn(&rig, 0, 6, IDLE);         /* the old one is not forgotten */
        rig_send(&rig, RECORD_FORGET, 0, 5); /* and is alive */
        rig_send(&rig, RECORD_FORGET, 0, 4);
        rig_signal(&rig, 0, 4, SIGNAL_KILL, 0);
        rig_spawn(&rig, 1, 7, "exit 0");
        (void)rig_row(&rig, 1, 7, CHILD_HAS_ENDED);
        ck_assert_uint_eq(rig.rows[0].generation, 5);
        ck_assert_int_eq(rig.rows[0].child.pid, pid);
        rig_signal(&rig, 0, 5, SIGNAL_KILL, 0);
        row = rig_row(&rig, 0, 5, CHILD_HAS_ENDED);
        ck_assert_int_eq(row->pid, pid);
        rig_send(&rig, RECORD_FORGET, 0, 5);
        rig_spawn(&rig, 0, 8, IDLE);
        ck_assert_int_ne(rig_row(&rig, 0, 8, CHILD_IS_ALIVE)->pid, pid);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_released_slot_loses_its_ring_after_its_last_row)
{
        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, "exit 0");
        (void)rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        rig_send(&rig, RECORD_RELEASE, 0, 0);
        rig_spawn(&rig, 1, 2, "exit 0");
        (void)rig_row(&rig, 1, 2, CHILD_HAS_ENDED);
        ck_assert_uint_eq(rig.drops, 0);
        rig_send(&rig, RECORD_FORGET, 0, 1);
        while (rig.drops == 0)
                rig_pump(&rig);
        ck_assert(rig_log(&rig, 0, 1, 1)->is_closed);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_child_is_born_clean)
{
        static const char script[] =
                "ls -m /proc/$$/fd; grep -E '^Sig(Blk|Ign)' /proc/$$/status | tr -d '\n\t'; echo;"
                "readlink /proc/$$/fd/0; ulimit -n; cut -d' ' -f5,6 /proc/$$/stat; echo $$; umask";
        SpawnSpec spec = rig_spec(script);
        char group[32];

        rig_start(&rig, NULL);
        spec.umask = 027;
        spec.limits[RLIMIT_NOFILE].is_set = true;
        spec.limits[RLIMIT_NOFILE].soft = 123;
        spec.limits[RLIMIT_NOFILE].hard = 456;
        rig_spawn_spec(&rig, 0, 1, &spec);
        ck_assert_str_eq(rig_line(&rig, 0, 1), "0, 1, 2");
        ck_assert_str_eq(rig_line(&rig, 0, 1), "SigBlk:0000000000000000SigIgn:0000000000000000");
        ck_assert_str_eq(rig_line(&rig, 0, 1), "/dev/null");
        ck_assert_str_eq(rig_line(&rig, 0, 1), "123");
        (void)snprintf(group, sizeof(group), "%s", rig_line(&rig, 0, 1));
        *strchr(group, ' ') = '\0';
        ck_assert_str_eq(rig_line(&rig, 0, 1), group);
        ck_assert_str_eq(rig_line(&rig, 0, 1), "0027");
        rig_spawn(&rig, 1, 2, "ulimit -Sn"); /* not what gend has taken for itself */
        ck_assert_int_eq(strtol(rig_line(&rig, 1, 2), NULL, 10), RIG_NOFILE);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_user_is_taken_on_with_its_groups)
{
        static const uint32_t groups[] = {65533};
        SpawnSpec spec = rig_spec("id -u; id -g; id -G; exit 0");

        if (geteuid() != 0)
                return;
        rig_start(&rig, NULL);
        spec.uid = 65534;
        spec.gid = 65534;
        spec.groups = groups;
        spec.group_count = 1;
        rig_spawn_spec(&rig, 0, 1, &spec);
        ck_assert_str_eq(rig_line(&rig, 0, 1), "65534");
        ck_assert_str_eq(rig_line(&rig, 0, 1), "65534");
        ck_assert_str_eq(rig_line(&rig, 0, 1), "65534 65533");
        rig_stop(&rig, 0);
}
END_TEST

/* OSP-004, SUP-058 */
START_TEST(children_that_die_together_are_all_reported)
{
        rig_start(&rig, NULL);
        for (uint32_t i = 0; i < 10; i++)
                rig_spawn(&rig, i, i + 1, IDLE);
        for (uint32_t i = 0; i < 10; i++)
                (void)rig_row(&rig, i, i + 1, CHILD_IS_ALIVE);
        for (uint32_t i = 0; i < 10; i++)
                (void)kill(rig.rows[i].child.pid, SIGKILL);
        for (uint32_t i = 0; i < 10; i++)
                (void)rig_row(&rig, i, i + 1, CHILD_HAS_ENDED);
        rig_stop(&rig, 0);
}
END_TEST

/* --- Stop --- */

START_TEST(a_stop_signal_is_sent_once_and_wakes_a_stopped_child)
{
        static const char script[] =
                "trap 'echo term' TERM; echo up; while :; do sleep 1000 & wait; done";
        const RecordChild *row;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, script);
        ck_assert_str_eq(rig_line(&rig, 0, 1), "up");
        (void)kill(rig_row(&rig, 0, 1, CHILD_IS_ALIVE)->pid, SIGSTOP);
        rig_signal(&rig, 0, 1, SIGNAL_STOP, SIGTERM);
        rig_signal(&rig, 0, 1, SIGNAL_STOP, SIGTERM);
        (void)rig_row(&rig, 0, 1, CHILD_STOP_SENT);
        ck_assert_str_eq(rig_line(&rig, 0, 1), "term");
        rig_signal(&rig, 0, 1, SIGNAL_KILL, 0);
        row = rig_row(&rig, 0, 1, CHILD_HAS_ENDED | CHILD_KILL_SENT);
        ck_assert_int_eq(row->status, SIGKILL);
        ck_assert_str_eq(rig_line(&rig, 0, 1), "");
        rig_stop(&rig, 0);
}
END_TEST

/* OSP-007 */
START_TEST(what_is_left_of_a_group_is_killed_before_the_end_is_reported)
{
        const RecordChild *row;
        pid_t left;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, "sleep 1000 & echo $!; exit 0");
        left = (pid_t)strtol(rig_line(&rig, 0, 1), NULL, 10);
        row = rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        ck_assert(row->flags & CHILD_LEFT_GROUP);
        ck_assert_int_eq(row->code, CLD_EXITED);
        ck_assert_int_lt(kill(left, 0), 0);
        rig_stop(&rig, 0);
}
END_TEST

/* OSP-015 */
START_TEST(who_left_the_session_is_killed_before_a_stop_is_reported)
{
        pid_t left;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, "(setsid sh -c 'echo $$; exec sleep 1000' &); " IDLE);
        left = (pid_t)strtol(rig_line(&rig, 0, 1), NULL, 10);
        ck_assert_int_eq(kill(left, 0), 0);
        rig_signal(&rig, 0, 1, SIGNAL_STOP, SIGTERM);
        (void)rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        ck_assert_int_lt(kill(left, 0), 0);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(who_left_the_session_of_a_crashed_child_is_killed_soon_after)
{
        pid_t left;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1,
                  "(setsid sh -c 'echo $$; sleep 1000; :' &); read x </dev/null; sleep 0.2; kill "
                  "-9 $$");
        left = (pid_t)strtol(rig_line(&rig, 0, 1), NULL, 10);
        (void)rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        rig_gone(left);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_living_childs_daemon_is_left_alone)
{
        pid_t left;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, "(setsid sh -c 'echo $$; exec sleep 1000' &); " IDLE);
        left = (pid_t)strtol(rig_line(&rig, 0, 1), NULL, 10);
        rig_spawn(&rig, 1, 2, "(setsid sh -c 'exec sleep 1000' &); " IDLE);
        (void)rig_row(&rig, 1, 2, CHILD_IS_ALIVE);
        rig_signal(&rig, 1, 2, SIGNAL_KILL, 0);
        (void)rig_row(&rig, 1, 2, CHILD_HAS_ENDED);
        ck_assert_int_eq(kill(left, 0), 0);
        rig_stop(&rig, 0);
        rig_gone(left);
}
END_TEST

/* A folder in the cgroup tree, if this is a place where one can be made; ours to remove. */
static bool make_cgroup(char path[64])
{
        static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

        for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
                struct statfs fs;

                (void)snprintf(path, 64, "%s/gend-test-%d", mounts[i], getpid());
                if (statfs(mounts[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
                    mkdir(path, 0755) == 0)
                        return true;
        }
        return false;
}

START_TEST(a_cgroup_holds_all_of_a_child_and_goes_with_it)
{
        char option[] = "--cgroup", path[64], below[96], leaf[96];
        char *args[] = {option, path, NULL};
        const RecordChild *row;
        pid_t left;

        if (!make_cgroup(path))
                return;
        (void)snprintf(leaf, sizeof(leaf), "%s/gend", path);
        (void)snprintf(below, sizeof(below), "%s/0.1", path);
        rig_start(&rig, args);
        ck_assert(rig.hello.flags & HELLO_HAS_CGROUP);
        rig_spawn(&rig, 0, 1, "(setsid env -i sh -c 'echo $$; exec sleep 1000' &); read x; " IDLE);
        left = (pid_t)strtol(rig_line(&rig, 0, 1), NULL, 10);
        ck_assert_int_eq(access(below, F_OK), 0);
        (void)kill(rig_row(&rig, 0, 1, CHILD_IS_ALIVE)->pid, SIGKILL);
        row = rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        ck_assert(row->flags & CHILD_LEFT_GROUP);
        ck_assert_int_lt(kill(left, 0), 0);
        ck_assert_int_lt(access(below, F_OK), 0);
        rig_spawn(&rig, 1, 2, IDLE); /* left to the next gend */
        (void)rig_row(&rig, 1, 2, CHILD_IS_ALIVE);
        (void)kill(rig.gend, SIGKILL);
        (void)rig_wait_exit(&rig);
        (void)close_fd(rig.supervisor.control);
        (void)close_fd(rig.log.control);
        rig_relaunch(&rig, args);
        (void)snprintf(below, sizeof(below), "%s/1.2", path);
        ck_assert_int_lt(access(below, F_OK), 0);
        rig_stop(&rig, 0);
        ck_assert_int_eq(rmdir(leaf), 0);
        ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(without_descriptors_a_spawn_fails_and_gend_goes_on)
{
        const RecordChild *row;
        struct rlimit few, old;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, "exit 0");
        (void)rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        ck_assert_int_eq(prlimit(rig.gend, RLIMIT_NOFILE, NULL, &old), 0);
        few = (struct rlimit){.rlim_cur = 80, .rlim_max = old.rlim_max};
        ck_assert_int_eq(prlimit(rig.gend, RLIMIT_NOFILE, &few, NULL), 0);
        rig_send(&rig, RECORD_FORGET, 0, 1);
        for (uint32_t i = 1; i < 40; i++)
                rig_spawn(&rig, i, i + 1, IDLE);
        row = rig_row(&rig, 39, 40, CHILD_NOT_SPAWNED);
        ck_assert_int_eq(row->spawn_errno, EMFILE);
        ck_assert_int_eq(prlimit(rig.gend, RLIMIT_NOFILE, &old, NULL), 0);
        rig_spawn(&rig, 50, 60, "exit 4");
        ck_assert_int_eq(rig_row(&rig, 50, 60, CHILD_HAS_ENDED)->status, 4);
        rig_stop(&rig, 0);
}
END_TEST

/* --- Notifications --- */

static char notify_address[64];

static void spawn_with_notify(uint32_t slot, uint64_t generation, usec_t watchdog_usec,
                              uint32_t from_spawn)
{
        Record record = {.type = RECORD_SPAWN, .slot = slot, .generation = generation};
        SpawnSpec spec =
                rig_spec("echo $NOTIFY_SOCKET; echo $WATCHDOG_USEC $WATCHDOG_PID $$; " IDLE);
        _cleanup_(closep) int fd = -1;

        record.spawn =
                (RecordSpawn){.watchdog_usec = watchdog_usec, .watchdog_from_spawn = from_spawn};
        assert_ok(spawn_spec_seal(&spec, &fd));
        assert_ok(record_send(rig.supervisor.link, &record, &fd, 1));
        (void)snprintf(notify_address, sizeof(notify_address), "%s",
                       rig_line(&rig, slot, generation));
        ck_assert_int_eq(notify_address[0], '@');
        (void)rig_row(&rig, slot, generation, CHILD_IS_ALIVE);
}

START_TEST(what_a_child_says_is_in_its_row)
{
        const RecordChild *row;

        rig_start(&rig, NULL);
        spawn_with_notify(0, 1, 0, 0);
        rig_notify(notify_address, "STATUS=h\xc3\xa4lf\x01way\nREADY=1\nERRNO=5\nX_OTHER=1\n", -1);
        row = rig_row(&rig, 0, 1, CHILD_IS_READY);
        ck_assert_str_eq(row->status_text, "h\xc3\xa4lfway");
        ck_assert_uint_eq(row->notify_errno, 5);
        ck_assert_uint_ge(row->ready_usec, row->started_usec);
        rig_notify(notify_address, "RELOADING=1", -1);
        (void)rig_row(&rig, 0, 1, CHILD_IS_RELOADING);
        rig_notify(notify_address, "READY=1\nEXTEND_TIMEOUT_USEC=1000000", -1);
        while (rig.rows[0].child.extend_usec == 0)
                rig_pump(&rig);
        ck_assert(!(rig.rows[0].child.flags & CHILD_IS_RELOADING));
        rig_notify(notify_address, "STOPPING=1", -1);
        row = rig_row(&rig, 0, 1, CHILD_SAID_STOPPING);
        ck_assert_uint_eq(row->notify_refused, 0);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(nonsense_on_a_notify_socket_is_refused_and_counted)
{
        static char huge[LIMIT_NOTIFY_BYTES + 2];
        pid_t pid;

        rig_start(&rig, NULL);
        spawn_with_notify(0, 1, 0, 0);
        pid = rig.rows[0].child.pid;
        memset(huge, 'x', sizeof(huge) - 1);
        rig_notify(notify_address, huge, -1);
        rig_notify(notify_address, "MAINPID=1", -1);
        rig_notify(notify_address, "READY=yes", -1);
        rig_notify(notify_address, "STATUS=\xc3(", -1);
        rig_notify(notify_address, "WATCHDOG_USEC=-1", -1);
        while (rig.rows[0].child.notify_refused < 5)
                rig_pump(&rig);
        ck_assert_int_eq(rig.rows[0].child.pid, pid);
        ck_assert_str_eq(rig.rows[0].child.status_text, "");
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_barrier_is_answered_by_closing_its_descriptor)
{
        struct pollfd ready;
        int pipe_fds[2];

        rig_start(&rig, NULL);
        spawn_with_notify(0, 1, 0, 0);
        ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
        rig_notify(notify_address, "BARRIER=1", pipe_fds[1]);
        (void)close(pipe_fds[1]);
        ready = (struct pollfd){.fd = pipe_fds[0]};
        ck_assert_int_eq(poll(&ready, 1, 30000), 1);
        ck_assert(ready.revents & POLLHUP);
        (void)close(pipe_fds[0]);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_last_word_is_heard_before_the_end_is_reported)
{
        const RecordChild *row;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, "echo $NOTIFY_SOCKET; kill -STOP $$; exit 0");
        (void)snprintf(notify_address, sizeof(notify_address), "%s", rig_line(&rig, 0, 1));
        (void)rig_row(&rig, 0, 1, CHILD_IS_ALIVE);
        ck_assert_int_eq(kill(rig.gend, SIGSTOP), 0);
        ck_assert_int_eq(kill(rig.rows[0].child.pid, SIGKILL), 0);
        rig_notify(notify_address, "STATUS=goodbye", -1);
        ck_assert_int_eq(kill(rig.gend, SIGCONT), 0);
        row = rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        ck_assert_str_eq(row->status_text, "goodbye");
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_watchdog_that_is_not_kicked_aborts_the_child)
{
        const RecordChild *row;

        rig_start(&rig, NULL);
        spawn_with_notify(0, 1, 200 * USEC_PER_MSEC, 0);
        rig_notify(notify_address, "READY=1", -1);
        row = rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        ck_assert(row->flags & CHILD_WATCHDOG_HIT);
        ck_assert_int_eq(row->status, SIGABRT);
        ck_assert_uint_ge(row->ended_usec - row->ready_usec, 200 * USEC_PER_MSEC);
        spawn_with_notify(1, 2, 100 * USEC_PER_MSEC, 1);
        row = rig_row(&rig, 1, 2, CHILD_HAS_ENDED);
        ck_assert(row->flags & CHILD_WATCHDOG_HIT);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_watchdog_that_is_kicked_is_silent)
{
        unsigned reports;
        usec_t start;

        rig_start(&rig, NULL);
        spawn_with_notify(0, 1, 2 * USEC_PER_SEC, 0);
        rig_notify(notify_address, "READY=1", -1);
        (void)rig_row(&rig, 0, 1, CHILD_IS_READY);
        reports = rig.rows[0].reports;
        start = now_usec();
        while (now_usec() - start < 3 * USEC_PER_SEC) {
                rig_notify(notify_address, "WATCHDOG=1", -1);
                (void)rig_pump_for(&rig, 100);
        }
        ck_assert_uint_eq(rig.rows[0].reports, reports);
        rig_notify(notify_address, "WATCHDOG=trigger", -1);
        (void)rig_row(&rig, 0, 1, CHILD_WATCHDOG_HIT | CHILD_HAS_ENDED);
        rig_stop(&rig, 0);
}
END_TEST

/* --- Services --- */

START_TEST(a_new_supervisor_is_told_everything_again)
{
        int32_t pid;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1, IDLE);
        pid = rig_row(&rig, 0, 1, CHILD_IS_ALIVE)->pid;
        rig_spawn(&rig, 1, 2, "exit 3");
        (void)rig_row(&rig, 1, 2, CHILD_HAS_ENDED);
        ck_assert_int_eq(write(rig.supervisor.fds[2], "checkpoint", 10), 10);
        rig_spawn(&rig, 2, 3, IDLE); /* ordered, and not waited for */
        rig_kill_peer(&rig.supervisor);
        memset(rig.rows, 0, sizeof(rig.rows));
        rig_accept(&rig);
        while (!rig.is_synced)
                rig_pump(&rig);
        ck_assert_uint_eq(rig.hello.incarnation, 2);
        ck_assert_uint_eq(rig.hello.rows, 3);
        ck_assert(!(rig.hello.flags & HELLO_FIRST));
        ck_assert_int_eq(rig.rows[0].child.pid, pid);
        ck_assert_int_eq(rig.rows[1].child.status, 3);
        ck_assert(rig.rows[2].child.flags & CHILD_IS_ALIVE);
        ck_assert_int_eq(lseek(rig.supervisor.fds[2], 0, SEEK_END), 10);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_dead_log_service_loses_no_output)
{
        SpawnSpec spec = rig_spec("echo one; echo two >&2; sleep 1000");

        rig_start(&rig, NULL);
        spec.err_mode = STDIO_FILE;
        spec.err_file = "/tmp/err.log";
        rig_spawn_spec(&rig, 0, 1, &spec);
        (void)rig_row(&rig, 0, 1, CHILD_IS_ALIVE);
        for (uint32_t i = 1; i <= 2; i++) {
                struct pollfd ready = {.fd = rig_log(&rig, 0, 1, i)->fd, .events = POLLIN};

                ck_assert_int_eq(poll(&ready, 1, 30000), 1); /* and nobody reads it */
        }
        rig_signal(&rig, 0, 1, SIGNAL_MAIN, SIGUSR1);
        (void)rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        for (unsigned i = 0; i < rig.log_count; i++)
                (void)close(rig.logs[i].fd);
        rig.log_count = 0;
        rig_kill_peer(&rig.log);
        rig_accept(&rig);
        ck_assert_str_eq(rig_log(&rig, 0, 1, 2)->file, "/tmp/err.log");
        ck_assert_str_eq(rig_line(&rig, 0, 1), "one");
        while (!rig_log(&rig, 0, 1, 1)->is_closed)
                rig_pump(&rig);
        while (rig.request.service_died == 0)
                rig_pump(&rig);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_mute_service_is_killed_and_replaced)
{
        char option[] = "--ping", value[] = "200";
        char *args[] = {option, value, NULL};
        pid_t mute;

        rig_start(&rig, args);
        while (atomic_load(&rig.supervisor.page->pong) == 0)
                rig_pump(&rig);
        mute = rig.supervisor.pid;
        rig.supervisor.is_mute = true;
        while (rig.supervisor.link >= 0 && kill(mute, 0) == 0)
                (void)rig_pump_for(&rig, 20);
        rig.supervisor.link = close_fd(rig.supervisor.link);
        rig_accept(&rig);
        while (!rig.is_synced)
                rig_pump(&rig);
        ck_assert_uint_eq(rig.hello.incarnation, 2);
        rig_stop(&rig, 0);
}
END_TEST

/* SUP-090: newest first, each gone before the next. */
START_TEST(services_that_do_not_live_end_gend_in_order_after_thirty_lives)
{
        static const char script[] = "trap 'sleep %s; echo %s >>%s/run/order; exit' TERM; echo up; "
                                     "while :; do sleep 1000 & wait; done";
        char text[256], path[128];
        _cleanup_(fclosep) FILE *order = NULL;

        rig_start(&rig, NULL);
        for (uint32_t i = 0; i < 2; i++) {
                SpawnSpec spec;

                (void)snprintf(text, sizeof(text), script, i == 0 ? "0" : "0.3",
                               i == 0 ? "one" : "two", rig.dir);
                spec = rig_spec(text);
                spec.stop_usec = USEC_INFINITY;
                rig_spawn_spec(&rig, i, i + 1, &spec);
                ck_assert_str_eq(rig_line(&rig, i, i + 1), "up");
        }
        rig_spawn(&rig, 2, 3, "trap '' TERM; echo up; while :; do sleep 1000; done");
        ck_assert_str_eq(rig_line(&rig, 2, 3), "up");
        rig.listen_fd = close_fd(rig.listen_fd); /* no stand-in finds us any more */
        rig_kill_peer(&rig.supervisor);
        ck_assert_int_eq(rig_wait_exit(&rig), 1);
        (void)snprintf(path, sizeof(path), "%s/run/order", rig.dir);
        order = fopen(path, "re");
        ck_assert_ptr_nonnull(order);
        ck_assert_uint_eq(fread(text, 1, sizeof(text), order), 8);
        ck_assert_int_eq(memcmp(text, "two\none\n", 8), 0);
        rig_cleanup(&rig);
}
END_TEST

START_TEST(nonsense_of_a_service_is_ignored)
{
        Record record = {.type = RECORD_SPAWN, .slot = UINT32_MAX, .generation = 1};

        rig_start(&rig, NULL);
        ck_assert_int_eq(send(rig.supervisor.link, "x", 1, 0), 1);
        assert_ok(record_send(rig.supervisor.link, &record, NULL, 0));
        record.slot = 1;
        record.type = RECORD_HELLO;
        assert_ok(record_send(rig.supervisor.link, &record, NULL, 0));
        rig_send(&rig, RECORD_CHECKPOINT, 0, 0);
        rig_signal(&rig, 0, 0, SIGNAL_MAIN, 4711);
        rig_send(&rig, RECORD_SPAWN, 2, 1); /* no specification at all */
        ck_assert_uint_eq(rig_row(&rig, 2, 1, CHILD_NOT_SPAWNED)->spawn_step, SPAWN_STEP_SPEC);
        rig_stop(&rig, 0);
}
END_TEST

/* --- Signals and the end --- */

/* OSP-011 */
START_TEST(signals_become_requests)
{
        rig_start(&rig, NULL);
        (void)kill(rig.gend, SIGHUP);
        while (rig.request.reloads == 0)
                rig_pump(&rig);
        ck_assert_uint_eq(rig.request.stop, 0);
        (void)kill(rig.gend, SIGTERM);
        while (rig.request.stop == 0)
                rig_pump(&rig);
        (void)kill(rig.gend, SIGTERM);
        rig_spawn(&rig, 0, 1, IDLE); /* left alive: the kernel sees to it */
        (void)rig_row(&rig, 0, 1, CHILD_IS_ALIVE);
        rig_stop(&rig, 3);
        rig_gone(rig.rows[0].child.pid);
}
END_TEST

START_TEST(the_service_manager_is_told)
{
        Record record = {.type = RECORD_SERVICE};
        char text[256] = "";
        ssize_t size;

        rig_start(&rig, NULL);
        record.service.state = SERVICE_READY;
        (void)snprintf(record.service.text, sizeof(record.service.text), "3 processes\nMAINPID=1");
        assert_ok(record_send(rig.supervisor.link, &record, NULL, 0));
        size = recv(rig.notify_fd, text, sizeof(text) - 1, 0);
        ck_assert_int_gt(size, 0);
        ck_assert_str_eq(text, "READY=1\nSTATUS=3 processes MAINPID=1");
        rig_stop(&rig, 0);
}
END_TEST

/* OSP-008 */
START_TEST(a_killed_gend_leaves_no_child)
{
        pid_t main_pid, other, escaped;

        rig_start(&rig, NULL);
        rig_spawn(&rig, 0, 1,
                  "sleep 1000 & echo $!; (setsid sh -c 'echo $$; exec sleep 1000' &); " IDLE);
        main_pid = rig_row(&rig, 0, 1, CHILD_IS_ALIVE)->pid;
        other = (pid_t)strtol(rig_line(&rig, 0, 1), NULL, 10);
        escaped = (pid_t)strtol(rig_line(&rig, 0, 1), NULL, 10);
        ck_assert_int_eq(kill(rig.gend, SIGKILL), 0);
        ck_assert_int_eq(rig_wait_exit(&rig), -SIGKILL);
        rig_gone(main_pid);
        ck_assert_int_eq(kill(other, 0), 0); /* until somebody sweeps: here the next gend */
        ck_assert_int_eq(kill(escaped, 0), 0);
        (void)close_fd(rig.supervisor.control);
        (void)close_fd(rig.log.control);
        rig_relaunch(&rig, NULL);
        rig_gone(other);
        rig_gone(escaped);
        rig_stop(&rig, 0);
}
END_TEST

START_TEST(a_second_gend_in_the_same_folder_is_refused)
{
        pid_t first;

        rig_start(&rig, NULL);
        first = rig.gend;
        rig_second(&rig, NULL);
        ck_assert_int_eq(rig_wait_exit(&rig), 1);
        rig.gend = first;
        rig_stop(&rig, 0);
}
END_TEST

/* --- Listening sockets --- */

START_TEST(a_listening_socket_outlives_its_child)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        SpawnSpec spec =
                rig_spec("echo $LISTEN_FDS $LISTEN_FDNAMES; test $LISTEN_PID = $$ && echo mine; "
                         "readlink /proc/$$/fd/3; exit 0");
        SpawnSocket listener = {.name = "web", .socktype = SOCK_STREAM};
        Record record = {.type = RECORD_UNLISTEN};
        char first[64];

        rig_start(&rig, NULL);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/child.sock", rig.dir);
        listener.address_len = sizeof(address);
        memcpy(listener.address, &address, sizeof(address));
        spec.sockets = &listener;
        spec.socket_count = 1;
        rig_spawn_spec(&rig, 0, 1, &spec);
        ck_assert_str_eq(rig_line(&rig, 0, 1), "1 web");
        ck_assert_str_eq(rig_line(&rig, 0, 1), "mine");
        (void)snprintf(first, sizeof(first), "%s", rig_line(&rig, 0, 1));
        (void)rig_row(&rig, 0, 1, CHILD_HAS_ENDED);
        rig_send(&rig, RECORD_FORGET, 0, 1);
        rig_spawn_spec(&rig, 0, 2, &spec);
        (void)rig_line(&rig, 0, 2);
        ck_assert_str_eq(rig_line(&rig, 0, 2), "mine");
        ck_assert_str_eq(rig_line(&rig, 0, 2), first);
        record.listen = (RecordListen){.address_len = sizeof(address), .socktype = SOCK_STREAM};
        memcpy(record.listen.address, &address, sizeof(address));
        assert_ok(record_send(rig.supervisor.link, &record, NULL, 0));
        rig_spawn(&rig, 1, 3, "exit 0");
        (void)rig_row(&rig, 1, 3, CHILD_HAS_ENDED);
        ck_assert_int_lt(access(address.sun_path, F_OK), 0);
        rig_stop(&rig, 0);
}
END_TEST

static TCase *kernel_case(void)
{
        TCase *tc = tcase_create("kernel");

        tcase_set_timeout(tc, 90);
        tcase_add_test(tc, a_child_that_exits_is_reported_with_its_status);
        tcase_add_test(tc, a_killed_child_is_reported_with_its_signal);
        tcase_add_test(tc, a_program_that_is_missing_is_a_spawn_failure_with_step_and_errno);
        tcase_add_test(tc, a_limit_without_a_cgroup_is_a_spawn_failure_unless_optional);
        tcase_add_test(tc, an_order_that_is_given_twice_is_carried_out_once);
        tcase_add_test(tc, a_released_slot_loses_its_ring_after_its_last_row);
        tcase_add_test(tc, a_child_is_born_clean);
        tcase_add_test(tc, a_user_is_taken_on_with_its_groups);
        tcase_add_test(tc, children_that_die_together_are_all_reported);
        tcase_add_test(tc, a_stop_signal_is_sent_once_and_wakes_a_stopped_child);
        tcase_add_test(tc, what_is_left_of_a_group_is_killed_before_the_end_is_reported);
        tcase_add_test(tc, who_left_the_session_is_killed_before_a_stop_is_reported);
        tcase_add_test(tc, who_left_the_session_of_a_crashed_child_is_killed_soon_after);
        tcase_add_test(tc, a_living_childs_daemon_is_left_alone);
        tcase_add_test(tc, a_cgroup_holds_all_of_a_child_and_goes_with_it);
        tcase_add_test(tc, without_descriptors_a_spawn_fails_and_gend_goes_on);
        tcase_add_test(tc, what_a_child_says_is_in_its_row);
        tcase_add_test(tc, nonsense_on_a_notify_socket_is_refused_and_counted);
        tcase_add_test(tc, a_barrier_is_answered_by_closing_its_descriptor);
        tcase_add_test(tc, a_last_word_is_heard_before_the_end_is_reported);
        tcase_add_test(tc, a_watchdog_that_is_not_kicked_aborts_the_child);
        tcase_add_test(tc, a_watchdog_that_is_kicked_is_silent);
        tcase_add_test(tc, a_new_supervisor_is_told_everything_again);
        tcase_add_test(tc, a_dead_log_service_loses_no_output);
        tcase_add_test(tc, a_mute_service_is_killed_and_replaced);
        tcase_add_test(tc, nonsense_of_a_service_is_ignored);
        tcase_add_test(tc, signals_become_requests);
        tcase_add_test(tc, the_service_manager_is_told);
        tcase_add_test(tc, a_killed_gend_leaves_no_child);
        tcase_add_test(tc, a_second_gend_in_the_same_folder_is_refused);
        tcase_add_test(tc, a_listening_socket_outlives_its_child);
        tcase_add_test(tc, services_that_do_not_live_end_gend_in_order_after_thirty_lives);
        return tc;
}

TEST_MAIN("kernel", kernel_case())
