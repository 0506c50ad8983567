/*
 * Owns the verb "top": a live screen on a terminal, one table elsewhere. CPU time and memory come
 * from /proc, everything else from gend. The terminal is given back as it was on every way out.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/verbs.h"
#include "protocols/limits.h"

#define FIRST_LOOK_MSEC 300 /* between the two looks of a table that is printed once */
#define HEAD_LINES      2u

typedef struct Sample {
        json_int_t pid;
        uint64_t ticks; /* user and system time */
        uint64_t rss_bytes;
        double cpu_percent;
        const json_t *process; /* in Look.result */
} Sample;

/* All processes at one moment, by pid. */
typedef struct Look {
        json_t *result;
        Sample *samples;
        size_t count;
        usec_t at_usec;
} Look;

static void look_deinit(Look *look)
{
        free(look->samples);
        json_decref(look->result);
        *look = (Look){0};
}

/* Field @number (from 1, as in proc_pid_stat(5)) of the line whose third field begins at @third. */
static uint64_t stat_field(const char *third, unsigned number)
{
        for (unsigned at = 3; at < number && *third; at++) {
                third += strcspn(third, " ");
                third += strspn(third, " ");
        }
        return strtoull(third, NULL, 10);
}

/* /proc/PID/stat: the name in parentheses may hold anything; fields are counted from its end. */
static void read_stat(Sample *sample)
{
        char name[32], text[1024];
        _cleanup_(closep) int fd = -1;
        const char *after;
        ssize_t size;

        text_format(name, sizeof(name), "/proc/%" JSON_INTEGER_FORMAT "/stat", sample->pid);
        fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        size = read(fd, text, sizeof(text) - 1);
        if (size <= 0)
                return;
        text[size] = '\0';
        after = strrchr(text, ')');
        if (!after || after[1] != ' ')
                return;
        sample->ticks = stat_field(after + 2, 14) + stat_field(after + 2, 15);
        sample->rss_bytes = stat_field(after + 2, 24) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int by_pid(const void *a, const void *b)
{
        const Sample *x = a, *y = b;

        return (x->pid > y->pid) - (x->pid < y->pid);
}

static int by_load(const void *a, const void *b)
{
        const Sample *x = a, *y = b;

        if (x->cpu_percent > y->cpu_percent || x->cpu_percent < y->cpu_percent)
                return x->cpu_percent < y->cpu_percent ? 1 : -1;
        if (x->rss_bytes != y->rss_bytes)
                return x->rss_bytes < y->rss_bytes ? 1 : -1;
        return by_pid(a, b);
}

static int take_look(Ctl *ctl, unsigned flags, Look *ret_look)
{
        Look look = {0};
        json_t *processes, *process;
        size_t i;
        int r;

        r = ctl_call(ctl, "list", NULL, CTL_CALL_REPEATABLE | flags, &look.result);
        if (r != 0)
                return r;
        processes = json_object_get(look.result, "processes");
        look.samples = calloc(json_array_size(processes) + 1, sizeof(*look.samples));
        if (!look.samples) {
                look_deinit(&look);
                return ctl_fail_memory(ctl);
        }
        look.at_usec = now_usec();
        json_array_foreach(processes, i, process)
        {
                Sample *sample = &look.samples[look.count++];

                sample->process = process;
                sample->pid = get_int(process, "pid");
                if (sample->pid > 0)
                        read_stat(sample);
        }
        qsort(look.samples, look.count, sizeof(*look.samples), by_pid);
        *ret_look = look;
        return 0;
}

/* What @look's processes have used since @before; both sorted by pid, and afterwards @look by load.
 */
static void compare_looks(const Look *before, Look *look)
{
        double seconds = (double)usec_sub(look->at_usec, before->at_usec) / (double)USEC_PER_SEC;
        double per_tick = 100.0 / (double)sysconf(_SC_CLK_TCK) / MAX_OF(seconds, 0.001);
        size_t k = 0;

        for (size_t i = 0; i < look->count; i++) {
                Sample *sample = &look->samples[i];

                while (k < before->count && before->samples[k].pid < sample->pid)
                        k++;
                if (sample->pid > 0 && k < before->count && before->samples[k].pid == sample->pid &&
                    sample->ticks >= before->samples[k].ticks)
                        sample->cpu_percent =
                                (double)(sample->ticks - before->samples[k].ticks) * per_tick;
        }
        qsort(look->samples, look->count, sizeof(*look->samples), by_load);
}

static void top_row(Table *table, const Sample *sample)
{
        const json_t *process = sample->process;
        const char *state = get_text_or(process, "state", "?");
        bool is_there = sample->pid > 0;
        char text[TIME_TEXT_BYTES];

        text_format(text, sizeof(text), "%.1f", sample->cpu_percent);
        table_cell(table, COLOUR_NONE, is_there ? text : NULL);
        table_cell(table, COLOUR_NONE, is_there ? format_bytes(text, sample->rss_bytes) : NULL);
        text_format(text, sizeof(text), "%" JSON_INTEGER_FORMAT, sample->pid);
        table_cell(table, COLOUR_NONE, is_there ? text : NULL);
        table_cell(table, state_colour(state), state);
        table_cell(table, COLOUR_NONE,
                   has_int(process, "uptime_ms")
                           ? format_duration(text, get_int(process, "uptime_ms"))
                           : NULL);
        text_format(text, sizeof(text), "%" JSON_INTEGER_FORMAT, get_int(process, "restarts"));
        table_cell(table, COLOUR_NONE, text);
        table_cell(table, COLOUR_NONE, get_text(process, "path"));
}

static void print_top(const Look *look, size_t rows_max)
{
        static const char *const titles[] = {">CPU%",   ">RSS",      ">PID", "STATE",
                                             ">UPTIME", ">RESTARTS", "PATH", NULL};
        Table *table = table_new(titles);

        for (size_t i = 0; i < look->count; i++)
                top_row(table, &look->samples[i]);
        table_print(table, out_width(), rows_max);
        (void)table_free(table);
}

/* ----------------------------------------------------------------------------------- printed once
 */

static json_t *sample_to_json(const Sample *sample)
{
        const json_t *process = sample->process;

        return json_pack(
                "{s:O?, s:O?, s:O?, s:f, s:I, s:O?, s:O?}", "path",
                json_object_get(process, "path"), "state", json_object_get(process, "state"), "pid",
                json_object_get(process, "pid"), "cpu_percent", sample->cpu_percent, "rss_bytes",
                (json_int_t)sample->rss_bytes, "uptime_ms", json_object_get(process, "uptime_ms"),
                "restarts", json_object_get(process, "restarts"));
}

static int print_once(Ctl *ctl)
{
        Look before = {0}, look = {0};
        json_auto_t *result = NULL;
        json_t *list;
        int r;

        r = take_look(ctl, 0, &before);
        if (r != 0)
                return r;
        (void)poll(NULL, 0, FIRST_LOOK_MSEC);
        r = take_look(ctl, 0, &look);
        if (r != 0)
                return r;
        compare_looks(&before, &look);
        if (!ctl->options.is_json) {
                print_top(&look, 0);
                return CTL_EXIT_DONE;
        }
        list = json_array();
        for (size_t i = 0; i < look.count; i++)
                (void)json_array_append_new(list, sample_to_json(&look.samples[i]));
        result = json_pack("{s:o}", "processes", list);
        print_json(result);
        return CTL_EXIT_DONE;
}

/* -------------------------------------------------------------------------------------- live */

typedef struct Screen {
        struct termios before;
        bool has_keys; /* stdin is a terminal */
        int signal_fd;
} Screen;

/* Signals are read like any input. */
static int screen_open(Screen *screen)
{
        struct termios raw;
        sigset_t set;

        (void)sigemptyset(&set);
        for (const int *s = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, 0};
             *s; s++)
                (void)sigaddset(&set, *s);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        screen->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (screen->signal_fd < 0)
                return -errno;
        screen->has_keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
        if (screen->has_keys) {
                raw = screen->before;
                raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
                (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        }
        (void)fputs("\x1b[?1049h\x1b[?25l", stdout);
        return 0;
}

static void screen_close(Screen *screen)
{
        (void)fputs("\x1b[?25h\x1b[?1049l", stdout);
        (void)fflush(stdout);
        if (screen->has_keys)
                (void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
        screen->signal_fd = close_fd(screen->signal_fd);
}

static void draw_screen(const Look *look)
{
        unsigned height = out_height();
        char stamp[TIME_TEXT_BYTES];
        size_t running = 0;
        double load = 0;

        for (size_t i = 0; i < look->count; i++) {
                running += look->samples[i].pid > 0;
                load += look->samples[i].cpu_percent;
        }
        (void)fputs("\x1b[H\x1b[2J", stdout);
        (void)printf("%s  %zu of %zu processes are there  CPU %.1f%%  q quits\n",
                     format_time(stamp, (int64_t)now_real_msec()), running, look->count, load);
        print_top(look, height > HEAD_LINES + 1 ? height - HEAD_LINES - 1 : 1);
        (void)fflush(stdout);
}

typedef enum Wish {
        WISH_NONE = 0,
        WISH_LOOK,
        WISH_DRAW,
        WISH_QUIT,
} Wish;

static Wish read_input(const Screen *screen, const struct pollfd *items)
{
        struct signalfd_siginfo info;
        char key = 0;

        if (items[1].revents && read(screen->signal_fd, &info, sizeof(info)) == sizeof(info)) {
                if (info.ssi_signo != SIGWINCH)
                        return WISH_QUIT;
                out_look_again();
                return WISH_DRAW;
        }
        if (items[0].revents) {
                if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 3)
                        return WISH_QUIT;
                return WISH_LOOK;
        }
        return WISH_NONE;
}

static Wish await_wish(const Screen *screen, usec_t until_usec)
{
        struct pollfd items[] = {{.fd = screen->has_keys ? STDIN_FILENO : -1, .events = POLLIN},
                                 {.fd = screen->signal_fd, .events = POLLIN}};
        usec_t left = usec_sub(until_usec, now_usec()) / USEC_PER_MSEC;

        if (poll(items, ARRAY_LEN(items), (int)left) <= 0)
                return WISH_LOOK;
        return read_input(screen, items);
}

static int show_live(Ctl *ctl, const Screen *screen, Look *take_before)
{
        Look before = *take_before, look = {0};
        Wish wish = WISH_LOOK;
        int r = 0;

        *take_before = (Look){0};
        while (r == 0 && wish != WISH_QUIT) {
                if (wish == WISH_LOOK) {
                        r = take_look(ctl, CTL_CALL_QUIET, &look);
                        if (r != 0)
                                break;
                        compare_looks(&before, &look);
                }
                draw_screen(&look);
                do {
                        wish = await_wish(screen,
                                          usec_add(look.at_usec, ctl->options.interval_usec));
                } while (wish == WISH_NONE);
                if (wish != WISH_LOOK)
                        continue;
                qsort(look.samples, look.count, sizeof(*look.samples), by_pid);
                look_deinit(&before);
                before = look;
                look = (Look){0};
        }
        look_deinit(&before);
        look_deinit(&look);
        return r;
}

int verb_top(Ctl *ctl)
{
        Screen screen = {.signal_fd = -1};
        Look before = {0};
        int r;

        if (!out_is_terminal() || ctl->options.is_json)
                return print_once(ctl);
        r = take_look(ctl, 0, &before);
        if (r != 0)
                return r;
        r = screen_open(&screen);
        if (r < 0)
                return ctl_fail(ctl, CTL_EXIT_FAILED, "top: %s", strerror(-r));
        r = show_live(ctl, &screen, &before);
        screen_close(&screen);
        if (r != 0)
                return ctl_fail(ctl, r, "top: gend does not answer any more");
        return CTL_EXIT_DONE;
}
