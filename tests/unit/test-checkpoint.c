/*
 * What outlives gend-supervisor. The claim: wherever it is killed, between any two of its steps, in
 * the end everything is as if it had not been. A history of deaths, requests and deadlines is run
 * undisturbed; then again, once for each point where a kill can fall, and with kills all over.
 */

#include "tests/support/fake-world.h"
#include "tests/support/test-main.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MSEC USEC_PER_MSEC
#define SEC  USEC_PER_SEC

#define EXEC(name, more)          "{'name':'" name "','exec':['/bin/true']" more "}"
#define NOTIFY(name, more)        EXEC(name, ",'ready':'notify','start_timeout':'2s'" more)
#define SUP(name, head, children) "{'name':'" name "'," head "'children':[" children "]}"
#define BACKOFF                   ",'backoff':{'initial':'100ms','max':'2s','jitter':0.1}"

/* Every kind of node and of plan. */
// clang-format off
static const char tree_json[] =
        "{'node':'t@t','env':{'A':'1'},'applications':["
        SUP("base", "'requires':[],", NOTIFY("k", "")) ","
        SUP("shop", "'requires':['base'],'intensity':20,'period':'30s',",
            NOTIFY("db", "") ","
            SUP("all", "'strategy':'one_for_all','intensity':6,'period':'10s',",
                EXEC("a", "") "," NOTIFY("b", BACKOFF) "," EXEC("c", ",'restart':'temporary'") ","
                EXEC("d", ",'restart':'transient'")) ","
            SUP("rest", "'strategy':'rest_for_one','intensity':4,'period':'10s',",
                NOTIFY("e", "") "," EXEC("f", BACKOFF) "," NOTIFY("g", "") ","
                EXEC("i", ",'instances':2")) ","
            SUP("jobs", "'strategy':'simple_one_for_one','intensity':9,",
                EXEC("j", ",'restart':'transient','shutdown':'1s'")) ","
            SUP("sig", "'auto_shutdown':'any_significant','restart':'permanent',",
                EXEC("s", ",'restart':'transient','significant':true") "," EXEC("t", "")))
        "]}";
// clang-format on

static const char *const names[] = {
        "k", "db",  "a",   "b",   "c", "d",  "e",   "f",    "g",    "i@1", "i@2",  "s",
        "t", "j@1", "j@2", "j@3", "y", "z1", "all", "rest", "jobs", "sig", "shop", "base",
};

/* --- a history ----------------------------------------------------------------------------- */

typedef struct History {
        uint64_t seed;
        unsigned steps;
        unsigned spawned;
} History;

static FakeWorld *begin(const History *history)
{
        FakeWorld *fake = fake_new(tree_json);

        fake->latency = 40 * MSEC;
        fake->keeps_checkpoint = true;
        if (history->seed % 3 == 1)
                fake_script(fake,
                            (FakeScript){.name = "b", .sin = FAKE_DIES, .skip = 1, .count = 2});
        if (history->seed % 3 == 2)
                fake_script(
                        fake,
                        (FakeScript){.name = "g", .sin = FAKE_NEVER_READY, .skip = 1, .count = 1});
        if (history->seed % 2 == 0)
                fake_script(fake, (FakeScript){.name = "e", .stop_usec = 7 * SEC});
        fake_script(fake, (FakeScript){.name = "f", .sin = FAKE_NO_EXEC, .skip = 2, .count = 2});
        return fake;
}

static bool is_alive(FakeWorld *fake, const char *name)
{
        const Node *node = fake_has(fake, name) ? fake_node(fake, name) : NULL;

        if (!node || !node_is_process(node))
                return false;
        return fake->slots[node->id].is_used && fake->slots[node->id].row.flags & CHILD_IS_ALIVE;
}

static void do_step(FakeWorld *fake, History *history)
{
        static const int statuses[] = {0, 1, 3, -SIGTERM, -SIGKILL, -SIGSEGV};
        const char *name = names[fake_random(&history->seed) % ARRAY_LEN(names)];
        unsigned verb = fake_random(&history->seed) % 16;
        int status = statuses[fake_random(&history->seed) % ARRAY_LEN(statuses)];

        fake_advance(fake, 1 + fake_random(&history->seed) % (verb == 0 ? 3 * SEC : 300 * MSEC));
        if (verb < 7) {
                if (is_alive(fake, name))
                        fake_exit(fake, name, status);
        } else if (verb == 7 || verb == 8) {
                fake_stop(fake, name);
        } else if (verb == 9 || verb == 10) {
                fake_start(fake, name);
        } else if (verb == 11) {
                fake_restart(fake, name);
        } else if (verb == 12 && history->spawned < 3 && fake_has(fake, "jobs") &&
                   fake_node(fake, "jobs")->life.state == LIFE_RUNNING) {
                history->spawned++;
                fake_spawn(fake, "jobs", "more");
        } else if (verb == 13 && !fake_has(fake, "y") && fake_has(fake, "rest") &&
                   fake_node(fake, "rest")->life.state == LIFE_RUNNING) {
                fake_add(fake, "rest", NOTIFY("y", ""));
        } else if (verb == 14 && !fake_has(fake, "z") && fake_has(fake, "shop") &&
                   fake_node(fake, "shop")->life.state == LIFE_RUNNING) {
                fake_add(fake, "shop", SUP("z", "", NOTIFY("z1", "") "," EXEC("z2", "")));
        } else if (verb == 15 && fake_has(fake, name) && node_is_process(fake_node(fake, name)) &&
                   !node_is_simple(fake_node(fake, name)->parent)) {
                fake_delete(fake, name);
        }
}

static void boot(FakeWorld *fake)
{
        /* As main() does: nothing was committed, so a next gend-supervisor boots again. */
        fake_boot(fake);
}

static FakeWorld *run(History history, uint64_t kill_point, bool (*wants_kill)(FakeWorld *))
{
        FakeWorld *fake = begin(&history);

        fake->kill_point = kill_point;
        fake->wants_kill = wants_kill;
        boot(fake);
        for (unsigned i = 0; i < history.steps; i++)
                do_step(fake, &history);
        fake_advance(fake, 60 * SEC);
        return fake;
}

/* --- comparing ----------------------------------------------------------------------------- */

static void describe_node(FILE *out, FakeWorld *fake, const Node *node)
{
        char path[LIMIT_PATH_BYTES + 1];
        const Life *life = &node->life;
        const FakeSlot *slot = &fake->slots[node->id];

        (void)fprintf(out,
                      "%s: %s %s %u flags %x restarts %" PRIu64 " failures %u delay %" PRIu64
                      " %s used %u",
                      node_path(node, path), life_state_label((LifeState)life->state),
                      phase_name((Phase)life->phase), life->mark, life->flags, life->restarts,
                      life->failures, life->delay_usec, life->reason,
                      node->budget.times ? intensity_used(&node->budget, fake->now) : 0);
        if (node_is_process(node))
                (void)fprintf(out, " process %d spawns %u", slot->is_used, slot->spawns);
        for (size_t i = 0; node->args && node->args[i]; i++)
                (void)fprintf(out, " %s", node->args[i]);
        (void)fprintf(out, "\n");
        /* What happened to it, in order. */
        for (uint64_t seq = 1; seq <= fake->events.last_seq; seq++) {
                const Event *event = event_log_get(&fake->events, seq);

                if (event && strcmp(event->path, path) == 0)
                        (void)fprintf(out, "  %s %s\n", event_type_name((EventType)event->type),
                                      event->reason ? event->reason : "");
        }
}

static char *describe(FakeWorld *fake)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(out);
        for (Node *node = tree_next(fake->tree, NULL); node; node = tree_next(fake->tree, node))
                describe_node(out, fake, node);
        (void)fprintf(out, "root %s alive %u spawned %u forgotten %u events %" PRIu64 "\n",
                      life_state_label((LifeState)fake->tree->root->life.state), fake_alive(fake),
                      fake->spawned, fake->forgotten, fake->events.last_seq);
        (void)fclose(out);
        return text;
}

static void assert_no_gaps(FakeWorld *fake)
{
        for (uint64_t seq = event_log_first(&fake->events); seq <= fake->events.last_seq; seq++)
                ck_assert_ptr_nonnull(event_log_get(&fake->events, seq));
}

static void assert_same(FakeWorld *fake, const char *expected, const History *history,
                        uint64_t point)
{
        _cleanup_(freep) char *text = describe(fake);

        ck_assert_uint_eq(fake->faults, 0);
        assert_no_gaps(fake);
        if (strcmp(text, expected) == 0)
                return;
        for (size_t i = 0; text[i] && expected[i]; i++) {
                if (text[i] == expected[i])
                        continue;
                ck_abort_msg("seed %" PRIu64 ", killed at %" PRIu64
                             ", %u kills:\n%.400s\nexpected:\n%.400s",
                             history->seed, point, fake->kills, text + (i > 150 ? i - 150 : 0),
                             expected + (i > 150 ? i - 150 : 0));
        }
        ck_abort_msg("seed %" PRIu64 ", killed at %" PRIu64 ": lengths differ", history->seed,
                     point);
}

static uint64_t env_seed(void)
{
        const char *text = getenv("GEND_TEST_SEED");

        return text ? strtoull(text, NULL, 10) : 4711;
}

/* SUP-020's other half: who dies is gend-supervisor, and nobody notices. */
START_TEST(a_kill_at_any_point_changes_nothing)
{
        const History history = {.seed = _i < 12 ? (uint64_t)_i : env_seed(), .steps = 30};
        FakeWorld *calm = run(history, 0, NULL);
        _cleanup_(freep) char *expected = describe(calm);
        uint64_t points = calm->point;
        /* All points of a short stretch in each run, so that all are met in a few runs. */
        uint64_t stride = 1 + points / 40;

        ck_assert_uint_eq(calm->faults, 0);
        (void)fake_free(calm);
        for (uint64_t point = 1 + (uint64_t)_i % stride; point <= points; point += stride) {
                FakeWorld *fake = run(history, point, NULL);

                assert_same(fake, expected, &history, point);
                (void)fake_free(fake);
        }
}
END_TEST

START_TEST(a_kill_at_each_and_every_point_of_one_history_changes_nothing)
{
        const History history = {.seed = 100 + (uint64_t)_i, .steps = 12};
        FakeWorld *calm = run(history, 0, NULL);
        _cleanup_(freep) char *expected = describe(calm);
        uint64_t points = calm->point;

        (void)fake_free(calm);
        for (uint64_t point = 1; point <= points; point++) {
                FakeWorld *fake = run(history, point, NULL);

                assert_same(fake, expected, &history, point);
                (void)fake_free(fake);
        }
}
END_TEST

static uint64_t kill_seed;

static bool kills_now_and_then(FakeWorld *fake)
{
        (void)fake;
        return fake_random(&kill_seed) % 3 == 0;
}

START_TEST(kills_all_over_change_nothing)
{
        const History history = {.seed = _i < 20 ? 200 + (uint64_t)_i : env_seed(), .steps = 60};
        FakeWorld *calm = run(history, 0, NULL);
        _cleanup_(freep) char *expected = describe(calm);
        FakeWorld *fake;

        (void)fake_free(calm);
        kill_seed = history.seed;
        fake = run(history, 0, kills_now_and_then);
        ck_assert_uint_gt(fake->kills, 20);
        assert_same(fake, expected, &history, 0);
        (void)fake_free(fake);
}
END_TEST

/* --- the log itself ------------------------------------------------------------------------ */

/* A history's end, its checkpoint in a file of its own. */
static FakeWorld *some_history(void)
{
        const History history = {.seed = 7, .steps = 40};

        return run(history, 0, NULL);
}

static int copy_of(int fd, size_t size)
{
        int copy = memfd_create("copy", MFD_CLOEXEC);
        char *data = malloc(size + 1);

        ck_assert_int_ge(copy, 0);
        ck_assert_ptr_nonnull(data);
        ck_assert_int_eq(pread(fd, data, size, 0), (ssize_t)size);
        ck_assert_int_eq(pwrite(copy, data, size, 0), (ssize_t)size);
        free(data);
        return copy;
}

typedef struct Loaded {
        Checkpoint checkpoint;
        Tree *tree;
        EventLog events;
        int r;
} Loaded;

static Loaded *load(int fd)
{
        Loaded *loaded = calloc(1, sizeof(*loaded));

        ck_assert_ptr_nonnull(loaded);
        loaded->r = checkpoint_load(&loaded->checkpoint, &fd, &loaded->tree, &loaded->events);
        return loaded;
}

static void unload(Loaded *loaded)
{
        tree_free(loaded->tree);
        checkpoint_deinit(&loaded->checkpoint);
        event_log_deinit(&loaded->events);
        free(loaded);
}

static void assert_trees_equal(const Tree *a, const Tree *b)
{
        const Node *x = tree_next(a, NULL), *y = tree_next(b, NULL);

        ck_assert_mem_eq(&a->root->life, &b->root->life, sizeof(Life));
        for (; x && y; x = tree_next(a, x), y = tree_next(b, y)) {
                ck_assert_str_eq(x->spec->name, y->spec->name);
                ck_assert_uint_eq(x->id, y->id);
                ck_assert_mem_eq(&x->life, &y->life, sizeof(Life));
                ck_assert_uint_eq(x->budget.count, y->budget.count);
                ck_assert_int_eq(x->args != NULL, y->args != NULL);
                ck_assert_int_eq(node_spec_compare(x->spec, y->spec), SPEC_SAME);
        }
        ck_assert(!x && !y);
        ck_assert_uint_eq(a->generation, b->generation);
        ck_assert_str_eq(a->name, b->name);
}

START_TEST(what_is_loaded_is_what_was_committed)
{
        FakeWorld *fake = some_history();
        Loaded *loaded;

        fake_start(fake, "shop");
        fake_start(fake, "jobs");
        fake_spawn(fake, "jobs", "one more");
        fake_advance(fake, SEC);
        loaded = load(copy_of(fake->checkpoint.fd, fake->checkpoint.size));
        assert_ok(loaded->r);
        ck_assert_int_eq(loaded->r, 0);
        assert_trees_equal(fake->tree, loaded->tree);
        ck_assert_uint_eq(loaded->events.last_seq, fake->events.last_seq);
        ck_assert_uint_eq(loaded->checkpoint.size, fake->checkpoint.size);
        ck_assert_uint_eq(loaded->checkpoint.number, fake->checkpoint.number);
        unload(loaded);
        (void)fake_free(fake);
}
END_TEST

START_TEST(a_snapshot_holds_the_same_as_the_log)
{
        FakeWorld *fake = some_history();
        Loaded *loaded;
        int fd;

        fake->checkpoint.reloads_done = 3;
        assert_ok(checkpoint_snapshot(&fake->checkpoint, fake->tree, &fake->events, &fd));
        loaded = load(copy_of(fd, fake->checkpoint.size));
        ck_assert_int_eq(loaded->r, 0);
        assert_trees_equal(fake->tree, loaded->tree);
        ck_assert_uint_eq(loaded->events.last_seq, fake->events.last_seq);
        ck_assert_uint_eq(loaded->checkpoint.reloads_done, 3);
        unload(loaded);
        (void)fake_free(fake);
}
END_TEST

/* One more batch, torn: the state before it. */
START_TEST(a_torn_last_batch_is_as_if_it_had_not_been)
{
        FakeWorld *fake = some_history();
        uint64_t before = fake->checkpoint.size, number = fake->checkpoint.number;
        uint64_t generation = fake->tree->generation;
        size_t step;

        fake->tree->generation++;
        node_touch(fake_node(fake, "base"));
        assert_ok(checkpoint_commit(&fake->checkpoint, fake->tree));
        step = MAX_OF((fake->checkpoint.size - before) / 150, (uint64_t)1);
        for (size_t size = before; size < fake->checkpoint.size; size += step) {
                Loaded *loaded = load(copy_of(fake->checkpoint.fd, size));

                ck_assert_int_eq(loaded->r, 0);
                ck_assert_uint_eq(loaded->checkpoint.number, number);
                ck_assert_uint_eq(loaded->checkpoint.size, before);
                ck_assert_uint_eq(loaded->tree->generation, generation);
                unload(loaded);
        }
        (void)fake_free(fake);
}
END_TEST

START_TEST(a_flipped_byte_in_the_last_batch_discards_it)
{
        FakeWorld *fake = some_history();
        uint64_t before = fake->checkpoint.size;
        size_t step;

        fake->tree->generation++;
        node_touch(fake_node(fake, "base"));
        assert_ok(checkpoint_commit(&fake->checkpoint, fake->tree));
        step = MAX_OF((fake->checkpoint.size - before) / 150, (uint64_t)1);
        for (uint64_t at = before; at < fake->checkpoint.size; at += step) {
                int fd = copy_of(fake->checkpoint.fd, fake->checkpoint.size);
                unsigned char byte;
                Loaded *loaded;

                ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
                byte ^= 0x10;
                ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
                loaded = load(fd);
                ck_assert_int_eq(loaded->r, 0);
                ck_assert_uint_eq(loaded->checkpoint.size, before);
                unload(loaded);
        }
        (void)fake_free(fake);
}
END_TEST

START_TEST(nothing_and_garbage_are_told_apart)
{
        static const char garbage[64] = "no log at all, but long enough to be one";
        int fd = memfd_create("none", MFD_CLOEXEC);
        Loaded *loaded = load(fd);

        ck_assert_int_eq(loaded->r, CHECKPOINT_E_EMPTY);
        unload(loaded);
        fd = memfd_create("garbage", MFD_CLOEXEC);
        ck_assert_int_eq(write(fd, garbage, sizeof(garbage)), (ssize_t)sizeof(garbage));
        loaded = load(fd);
        assert_fails(loaded->r, EPROTO);
        unload(loaded);
}
END_TEST

/* An application that left the tree file lives on to be stopped, over a restart too. */
START_TEST(what_is_on_its_way_out_is_restored_from_its_own_text)
{
        static const char smaller[] = "{\"node\":\"t@t\",\"applications\":[{\"name\":\"base\","
                                      "\"children\":[{\"name\":\"k\",\"exec\":[\"/bin/true\"]}]}]}";
        FakeWorld *fake = fake_new(tree_json);
        int fd;

        fake->keeps_checkpoint = true;
        fake_script(fake, (FakeScript){.name = "t", .stop_usec = SEC});
        fake_boot(fake);
        fake_delete(fake, "shop");
        assert_ok(checkpoint_set_text(&fake->checkpoint, smaller, strlen(smaller), "/"));
        assert_ok(checkpoint_snapshot(&fake->checkpoint, fake->tree, &fake->events, &fd));
        (void)close_fd(fake->kernel_checkpoint_fd);
        fake->kernel_checkpoint_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        fake_kill(fake);
        ck_assert(fake_has(fake, "shop/sig/t"));
        ck_assert_int_eq(fake_node(fake, "shop")->life.state, LIFE_STOPPING);
        fake_advance(fake, 10 * SEC);
        ck_assert(!fake_has(fake, "shop"));
        ck_assert_uint_eq(fake_alive(fake), 1);
        ck_assert_uint_eq(fake->faults, 0);
        (void)fake_free(fake);
}
END_TEST

static TCase *log_case(void)
{
        TCase *tcase = tcase_create("log");

        tcase_set_timeout(tcase, 30);
        tcase_add_test(tcase, what_is_loaded_is_what_was_committed);
        tcase_add_test(tcase, a_snapshot_holds_the_same_as_the_log);
        tcase_add_test(tcase, a_torn_last_batch_is_as_if_it_had_not_been);
        tcase_add_test(tcase, a_flipped_byte_in_the_last_batch_discards_it);
        tcase_add_test(tcase, nothing_and_garbage_are_told_apart);
        tcase_add_test(tcase, what_is_on_its_way_out_is_restored_from_its_own_text);
        return tcase;
}

static TCase *kill_case(void)
{
        TCase *tcase = tcase_create("kill");

        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, a_kill_at_any_point_changes_nothing, 0, 13);
        tcase_add_loop_test(tcase, a_kill_at_each_and_every_point_of_one_history_changes_nothing, 0,
                            2);
        tcase_add_loop_test(tcase, kills_all_over_change_nothing, 0, 21);
        return tcase;
}

TEST_MAIN("checkpoint", log_case(), kill_case())
