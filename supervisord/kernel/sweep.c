#include "supervisord/kernel/sweep.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <time.h>

#include "base/cleanup.h"

#define SWEEP_MAGIC 0x4e475753u  /* "SWGN" */
#define SLACK_USEC  USEC_PER_SEC /* between the clock and the start time of one process */
#define AFTERMATH_USEC \
        (5 * USEC_PER_SEC) /* from the last sign of life to what may still have been started */
#define ROUND_MSEC  20
#define VALUE_BYTES 64u

usec_t boottime_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / NSEC_PER_USEC;
}

/* --- The file --- */

static int read_boot_id(char ret_id[40])
{
        _cleanup_(closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        ssize_t size = fd < 0 ? -1 : read(fd, ret_id, 39);

        if (size < 0)
                return -errno;
        ret_id[size] = '\0';
        return 0;
}

static int make_id(char ret_id[SWEEP_ID_BYTES + 1])
{
        unsigned char bytes[SWEEP_ID_BYTES / 2];

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return -EIO;
        for (size_t i = 0; i < sizeof(bytes); i++)
                (void)snprintf(ret_id + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

/* Filled to its full size at once: a store into it never meets a full disk. */
static int map_new(const char *path, SweepState **ret_state)
{
        _cleanup_(closep) int fd = -1;
        void *map;
        int r;

        (void)unlink(path);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = posix_fallocate(fd, 0, sizeof(SweepState));
        if (r != 0)
                return -r;
        map = mmap(NULL, sizeof(SweepState), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        *ret_state = map;
        return 0;
}

int sweep_state_create(const char *runtime_dir, SweepState **ret_state)
{
        char path[PATH_MAX], new_path[PATH_MAX];
        SweepState *state = NULL;
        int r;

        if (snprintf(path, sizeof(path), "%s/" SWEEP_FILE, runtime_dir) >= (int)sizeof(path) ||
            snprintf(new_path, sizeof(new_path), "%s/" SWEEP_FILE ".new", runtime_dir) >=
                    (int)sizeof(new_path))
                return -ENAMETOOLONG;
        r = map_new(new_path, &state);
        if (!state)
                return r;
        state->magic = SWEEP_MAGIC;
        state->gend_pid = getpid();
        atomic_store(&state->alive_usec, boottime_usec());
        r = make_id(state->id);
        if (r == 0)
                r = read_boot_id(state->boot_id);
        if (r == 0 && rename(new_path, path) < 0)
                r = -errno;
        if (r < 0) {
                (void)munmap(state, sizeof(*state));
                return r;
        }
        *ret_state = state;
        return 0;
}

void sweep_state_remove(const char *runtime_dir, SweepState *state)
{
        char path[PATH_MAX];

        if (!state)
                return;
        (void)munmap(state, sizeof(*state));
        if (snprintf(path, sizeof(path), "%s/" SWEEP_FILE, runtime_dir) < (int)sizeof(path))
                (void)unlink(path);
}

static bool is_id(const char *id)
{
        return strspn(id, "0123456789abcdef") == SWEEP_ID_BYTES && id[SWEEP_ID_BYTES] == '\0';
}

/* Return: 1 with a copy of a usable file; 0 when there is nothing to go by; a negative errno. */
static int read_state(const char *runtime_dir, SweepState *ret_state)
{
        _cleanup_(closep) int fd = -1;
        char path[PATH_MAX], boot_id[40];
        ssize_t size;

        if (snprintf(path, sizeof(path), "%s/" SWEEP_FILE, runtime_dir) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        size = pread(fd, ret_state, sizeof(*ret_state), 0);
        if (size < 0)
                return -errno;
        ret_state->id[sizeof(ret_state->id) - 1] = '\0';
        ret_state->boot_id[sizeof(ret_state->boot_id) - 1] = '\0';
        if (size != sizeof(*ret_state) || ret_state->magic != SWEEP_MAGIC ||
            !is_id(ret_state->id) || read_boot_id(boot_id) < 0)
                return 0;
        return strcmp(boot_id, ret_state->boot_id) == 0;
}

/* --- Whose a process is --- */

/* Finds one variable in a stream of NUL terminated ones. */
typedef struct Matcher {
        char wanted[sizeof(SWEEP_VARIABLE) + SWEEP_ID_BYTES + 2]; /* "GEND_INSTANCE=ID/" */
        size_t matched;   /* bytes of wanted, from the start of a variable */
        bool is_hopeless; /* this variable is another one */
        char value[VALUE_BYTES];
        size_t size;
} Matcher;

/* Return: whether the variable is complete, and its value is in matcher->value. */
static bool match_byte(Matcher *matcher, char byte)
{
        size_t wanted = strlen(matcher->wanted);

        if (byte == '\0') {
                bool is_complete = !matcher->is_hopeless && matcher->matched == wanted;

                matcher->value[matcher->size] = '\0';
                matcher->matched = 0;
                matcher->is_hopeless = false;
                if (!is_complete)
                        matcher->size = 0;
                return is_complete;
        }
        if (matcher->is_hopeless)
                return false;
        if (matcher->matched < wanted) {
                matcher->is_hopeless = matcher->wanted[matcher->matched] != byte;
                matcher->matched++;
        } else if (matcher->size + 1 < sizeof(matcher->value)) {
                matcher->value[matcher->size++] = byte;
        }
        return false;
}

static int find_variable(int fd, Matcher *matcher)
{
        char buffer[4096];
        size_t seen = 0;

        while (seen < LIMIT_SPAWN_BYTES) {
                ssize_t n = read(fd, buffer, sizeof(buffer));

                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                for (ssize_t i = 0; i < n; i++)
                        if (match_byte(matcher, buffer[i]))
                                return 0;
                seen += (size_t)n;
        }
        return -ENOENT;
}

/* A decimal number; @text moves behind it. */
static bool take_number(const char **text, uint64_t max, uint64_t *ret)
{
        unsigned long long value;
        char *end;

        if (!isdigit((unsigned char)**text))
                return false;
        errno = 0;
        value = strtoull(*text, &end, 10);
        if (errno != 0 || value > max)
                return false;
        *text = end;
        *ret = value;
        return true;
}

int sweep_whose(pid_t pid, const char *id, uint32_t *ret_slot, uint64_t *ret_generation)
{
        _cleanup_(closep) int fd = -1;
        Matcher matcher = {0};
        const char *at = matcher.value;
        uint64_t slot, generation;
        char path[32];
        int r;

        (void)snprintf(matcher.wanted, sizeof(matcher.wanted), SWEEP_VARIABLE "=%s/", id);
        (void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/environ", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = find_variable(fd, &matcher);
        if (r < 0)
                return r;
        if (!take_number(&at, LIMIT_SLOTS - 1, &slot) || *at++ != '.' ||
            !take_number(&at, UINT64_MAX, &generation) || *at != '\0')
                return -ENOENT;
        *ret_slot = (uint32_t)slot;
        *ret_generation = generation;
        return 0;
}

typedef struct Process {
        pid_t pid;
        pid_t session;
        char state;
        usec_t born_usec; /* CLOCK_BOOTTIME, rounded down to a clock tick */
} Process;

/* Places in /proc/PID/stat, counted from the state, the first after the name. */
#define STAT_SESSION 3
#define STAT_BORN    19

static bool stat_number(const char *text, unsigned place, uint64_t *ret)
{
        while (place-- > 0 && (text = strchr(text, ' ')))
                text++;
        return text && take_number(&text, INT64_MAX / USEC_PER_SEC, ret);
}

/* The name, in parentheses, may hold anything: what follows the last one counts. */
static int process_read(pid_t pid, Process *ret_process)
{
        _cleanup_(closep) int fd = -1;
        uint64_t session, ticks;
        char path[32], text[1024];
        const char *rest;
        ssize_t size;

        *ret_process = (Process){.pid = pid};
        (void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/stat", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (size < 0)
                return -errno;
        text[size] = '\0';
        rest = strrchr(text, ')');
        if (!rest || rest[1] != ' ' || !stat_number(rest + 2, STAT_SESSION, &session) ||
            !stat_number(rest + 2, STAT_BORN, &ticks))
                return -EPROTO;
        ret_process->session = (pid_t)session;
        ret_process->state = rest[2];
        ret_process->born_usec = ticks * USEC_PER_SEC / (usec_t)sysconf(_SC_CLK_TCK);
        return 0;
}

static bool is_near(usec_t a, usec_t b)
{
        return usec_sub(a, b) <= SLACK_USEC && usec_sub(b, a) <= SLACK_USEC;
}

/* Row of the child in whose session the process is; -1 when there is none, or the number of the
 * session was given to another one since. */
static int session_row(const SweepState *state, const Process *process)
{
        for (int i = 0; i < SWEEP_ROWS; i++) {
                usec_t born = atomic_load_explicit(&state->rows[i].born_usec, memory_order_relaxed);
                Process leader;

                if (process->session <= 0 ||
                    atomic_load_explicit(&state->rows[i].pid, memory_order_relaxed) !=
                            process->session)
                        continue;
                if (process_read(process->session, &leader) == 0)
                        return is_near(leader.born_usec, born) ? i : -1;
                return process->born_usec + SLACK_USEC >= born &&
                                       process->born_usec <=
                                               usec_add(state->alive_usec, AFTERMATH_USEC)
                               ? i
                               : -1;
        }
        return -1;
}

/* --- The sweep --- */

typedef struct Sweep {
        SweepState state;
        bool with_services;
        usec_t patience_usec; /* services may leave by themselves until then */
        unsigned killed;
} Sweep;

/* The pidfd is taken first: what is read afterwards is about the same process, or it is gone and
 * the signal reaches nobody. Return: whether it is one that has to go. */
static bool sweep_process(Sweep *sweep, pid_t pid)
{
        _cleanup_(closep) int pidfd = pidfd_open(pid, 0);
        Process process;
        uint64_t generation;
        uint32_t slot;
        int row = -1;

        if (pidfd < 0 || process_read(pid, &process) < 0 || strchr("ZXx", process.state))
                return false;
        if (sweep_whose(pid, sweep->state.id, &slot, &generation) < 0) {
                row = session_row(&sweep->state, &process);
                if (row < 0 || (row >= SWEEP_ROW_SUPERVISOR && !sweep->with_services))
                        return false;
                if (row >= SWEEP_ROW_SUPERVISOR && now_usec() < sweep->patience_usec)
                        return true;
        }
        if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0)
                sweep->killed++;
        return true;
}

/* Return: how many there were, or a negative errno. */
static int sweep_round(Sweep *sweep)
{
        _cleanup_(closedirp) DIR *dir = opendir("/proc");
        const struct dirent *entry;
        int count = 0;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                long pid = isdigit((unsigned char)entry->d_name[0])
                                   ? strtol(entry->d_name, NULL, 10)
                                   : 0;

                if (pid > 1 && pid != getpid() && sweep_process(sweep, (pid_t)pid))
                        count++;
        }
        return count;
}

int sweep_predecessor(const char *runtime_dir, const char *instance, usec_t timeout_usec,
                      unsigned *ret_killed)
{
        usec_t start = now_usec();
        _cleanup_(freep) Sweep *sweep = malloc(sizeof(*sweep));
        int r;

        if (!sweep)
                return -ENOMEM;
        *ret_killed = 0;
        r = read_state(runtime_dir, &sweep->state);
        if (r <= 0 || (instance && strcmp(instance, sweep->state.id) != 0))
                return r;
        sweep->with_services = !instance;
        sweep->patience_usec = usec_add(start, timeout_usec / 2);
        sweep->killed = 0;
        for (;;) {
                r = sweep_round(sweep);
                *ret_killed = sweep->killed;
                if (r <= 0)
                        return r;
                if (usec_sub(now_usec(), start) >= timeout_usec)
                        return -ETIMEDOUT;
                (void)poll(NULL, 0, ROUND_MSEC);
        }
}
