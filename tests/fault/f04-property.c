/*
 * Owns the proof by chance: random trees, random deaths of children and of gend-supervisor, random
 * wishes; then the tree comes to rest, and what it says is true of the processes there are. The
 * seed is printed, and taken from $GEND_TEST_SEED.
 */

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NODES_MAX 64
#define STEPS     40

/* xorshift: the same everywhere. */
static uint64_t random_state;

static uint64_t random_next(void)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state;
}

static unsigned random_below(unsigned bound)
{
        return (unsigned)(random_next() % bound);
}

static void write_children(FILE *out, int depth, int *budget)
{
        static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one"};
        static const char *const restarts[] = {"permanent", "permanent", "transient", "temporary"};
        unsigned count = 2 + random_below(3);

        (void)fprintf(
                out,
                "'strategy':'%s','intensity':10000,'period':'60s','max_failures':0,'children':[",
                strategies[random_below(3)]);
        for (unsigned i = 0; i < count; i++) {
                if (depth > 0 && random_below(3) == 0) {
                        (void)fprintf(out, "{'name':'s%u',", i);
                        write_children(out, depth - 1, budget);
                } else if (--*budget >= 0) {
                        (void)fprintf(out,
                                      "{'name':'p%u','exec':['@TOY@','p','ready'],'ready':'%s','"
                                      "restart':'%s',"
                                      "'shutdown':'2s'},",
                                      i, random_below(2) ? "notify" : "spawn",
                                      restarts[random_below(4)]);
                }
        }
        (void)fprintf(out, "]},");
}

static char *random_tree(void)
{
        char *text = NULL;
        size_t size;
        int budget = 12;
        FILE *out = open_memstream(&text, &size);

        (void)fprintf(out, "{'node':'n@h','applications':[{'name':'app',");
        write_children(out, 2, &budget);
        (void)fprintf(out, "]}");
        (void)fclose(out);
        return text;
}

static json_t *processes(Harness *h)
{
        return json_object_get(ctl(h, "list", "{}"), "processes");
}

static const char *text_of(const json_t *it, const char *member)
{
        const char *text = json_string_value(json_object_get(it, member));

        return text ? text : "";
}

/* One blow of fate. */
static void step(Harness *h)
{
        json_t *list = processes(h);
        unsigned count = (unsigned)json_array_size(list);
        json_t *victim = count > 0 ? json_array_get(list, random_below(count)) : NULL;
        const char *path = text_of(victim, "path");
        pid_t pid = (pid_t)json_integer_value(json_object_get(victim, "pid"));

        if (!victim)
                return;
        switch (random_below(10)) {
        case 0:
                (void)kill(harness_service_pid(h, "gend-supervisor"), SIGKILL);
                return;
        case 1:
                (void)ctl_end(h, ctl_begin(h, "stop", "{'paths':['%s'],'wait':false}", path));
                return;
        case 2:
                (void)ctl_end(h, ctl_begin(h, "start", "{'paths':['%s'],'wait':false}", path));
                return;
        case 3:
                (void)ctl_end(h, ctl_begin(h, "restart", "{'paths':['%s'],'wait':false}", path));
                return;
        case 4:
                if (pid > 0)
                        (void)kill(pid, SIGTERM);
                return;
        default:
                /* It may be gone by now: then it is nobody, for pids are not used again so soon. */
                if (pid > 0)
                        (void)kill(pid, SIGKILL);
                return;
        }
}

/* A start by hand that failed is not tried again: SUP-080. */
static bool is_rest(const char *state)
{
        return strcmp(state, "stopped") == 0 || strcmp(state, "finished") == 0 ||
               strcmp(state, "failed") == 0;
}

static bool is_at_rest(Harness *h)
{
        json_t *list = processes(h), *it;
        size_t i;

        if (strcmp(node_str(h, "app", "state"), "running") != 0)
                return false;
        json_array_foreach(list, i, it)
        {
                const char *state = text_of(it, "state");
                pid_t pid = (pid_t)json_integer_value(json_object_get(it, "pid"));

                if (strcmp(state, "running") == 0 ? !is_alive(pid) : !is_rest(state))
                        return false;
        }
        return true;
}

/* What must hold of a tree at rest. */
static void check_truth(Harness *h)
{
        json_t *list = processes(h), *it;
        pid_t pids[NODES_MAX];
        int running = 0;
        size_t i;

        json_array_foreach(list, i, it)
        {
                const char *path = text_of(it, "path");
                pid_t pid = (pid_t)json_integer_value(json_object_get(it, "pid"));
                bool is_wanted =
                        !json_is_true(json_object_get(node(h, path), "stopped_by_request"));

                if (strcmp(text_of(it, "state"), "running") == 0) {
                        for (int k = 0; k < running; k++)
                                check(h, pids[k] != pid);
                        pids[running++] = pid;
                } else if (strcmp(text_of(it, "restart"), "permanent") == 0 && is_wanted &&
                           strcmp(text_of(it, "state"), "failed") != 0) {
                        harness_failed(h, __FILE__, __LINE__, "%s is permanent and %s", path,
                                       text_of(it, "state"));
                }
        }
        /* Each once, and nobody else: gend, its services, the children. */
        harness_expect_count(h, 3 + running);
        events_check_gapless(h);
}

START_TEST(after_any_history_the_tree_tells_the_truth)
{
        const char *text = getenv("GEND_TEST_SEED");
        uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)_i * 7919 + (uint64_t)getpid();
        _cleanup_(freep) char *tree = NULL;
        Harness *h;

        random_state = seed * 0x9e3779b97f4a7c15u + 1;
        (void)fprintf(stderr, "GEND_TEST_SEED=%llu\n", (unsigned long long)seed);
        tree = random_tree();
        (void)fprintf(stderr, "%s\n", tree);
        h = harness_start(tree);
        for (int i = 0; i < STEPS; i++)
                step(h);
        for (int i = 0; !is_at_rest(h); i++) {
                check(h, i < 2000);
                harness_lives_for(h, 10);
        }
        check_truth(h);
        harness_stop(h);
}
END_TEST

static TCase *property_case(void)
{
        TCase *tcase = harness_case("property");

        tcase_add_loop_test(tcase, after_any_history_the_tree_tells_the_truth, 0, 8);
        return tcase;
}

TEST_MAIN("f04-property", property_case())
