/*
 * minisup N PROGRAM [ARG...]: keeps N copies of PROGRAM alive, and nothing else.
 *
 * The floor that bench/run measures gend against: the least that a supervisor built on sd-event can
 * do, posix_spawn() and a pidfd a child. No policy, no log, no control, no error is survived.
 */

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define CHILDREN_MAX 4096ul

typedef struct Minisup Minisup;

typedef struct Child {
        Minisup *minisup;
        sd_event_source *source; /* owns the pidfd */
} Child;

struct Minisup {
        sd_event *event;
        posix_spawnattr_t attributes;
        char **argv;
        char **envp;
        size_t count;
        Child children[CHILDREN_MAX];
};

static int child_start(Child *child);

static int on_end(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Child *child = userdata;

        (void)source, (void)info;
        child->source = sd_event_source_disable_unref(child->source);
        return child_start(child);
}

static int child_start(Child *child)
{
        Minisup *minisup = child->minisup;
        pid_t pid;
        int pidfd, r;

        r = posix_spawn(&pid, minisup->argv[0], NULL, &minisup->attributes, minisup->argv,
                        minisup->envp);
        if (r != 0)
                return -r;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return -errno;
        r = sd_event_add_child_pidfd(minisup->event, &child->source, pidfd, WEXITED, on_end, child);
        if (r < 0)
                return r;
        return sd_event_source_set_child_pidfd_own(child->source, 1);
}

static int prepare(Minisup *minisup)
{
        struct rlimit files;
        sigset_t mask, none;
        int r;

        if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                return -errno;
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
                return -errno;

        (void)sigemptyset(&none);
        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGCHLD);
        (void)sigaddset(&mask, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = posix_spawnattr_init(&minisup->attributes);
        if (r == 0)
                r = posix_spawnattr_setsigmask(&minisup->attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setflags(&minisup->attributes,
                                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
        if (r != 0)
                return -r;
        r = sd_event_default(&minisup->event);
        if (r < 0)
                return r;
        return sd_event_add_signal(minisup->event, NULL, SIGTERM, NULL, NULL);
}

static int supervise(Minisup *minisup)
{
        int r = prepare(minisup);

        if (r < 0)
                return r;
        for (size_t i = 0; i < minisup->count; i++) {
                minisup->children[i].minisup = minisup;
                r = child_start(&minisup->children[i]);
                if (r < 0)
                        return r;
        }
        r = sd_event_loop(minisup->event);
        for (size_t i = 0; i < minisup->count; i++)
                if (minisup->children[i].source)
                        (void)sd_event_source_send_child_signal(minisup->children[i].source,
                                                                SIGKILL, NULL, 0);
        return r;
}

int main(int argc, char *argv[], char *envp[])
{
        static Minisup minisup;
        char *end = NULL;
        int r;

        errno = 0;
        minisup.count = argc >= 3 ? strtoul(argv[1], &end, 10) : 0;
        if (errno != 0 || minisup.count == 0 || minisup.count > CHILDREN_MAX || *end != '\0') {
                fprintf(stderr, "usage: minisup N PROGRAM [ARG...]\n");
                return 2;
        }
        minisup.argv = argv + 2;
        minisup.envp = envp;
        r = supervise(&minisup);
        if (r < 0)
                fprintf(stderr, "minisup: %s\n", strerror(-r));
        return r < 0;
}
