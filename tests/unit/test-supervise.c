/*
 * What must hold whatever happens: random trees, random deaths, random requests, and after every
 * turn and every order the rules of supervision are checked.
 */

#include "tests/support/fake-world.h"
#include "tests/support/test-main.h"

#include "base/text.h"

#include <inttypes.h>
#include <signal.h>

#define MSEC USEC_PER_MSEC
#define SEC  USEC_PER_SEC

typedef struct Rules {
        uint64_t seed;
        /* By slot: the life of its parent in which it was last spawned unasked. */
        uint64_t parent_life[LIMIT_SLOTS];
        uint64_t generation[LIMIT_SLOTS]; /* the last one ordered */
        uint64_t kill_seed;
        bool was_asked_for[LIMIT_SLOTS]; /* since that spawn */
        char failed[512];
} Rules;

static void complain(FakeWorld *fake, const Node *node, const char *what)
{
        Rules *rules = fake->context;
        char path[LIMIT_PATH_BYTES + 1];

        if (!rules->failed[0])
                text_format(rules->failed, sizeof(rules->failed), "%s (%s): %s, parent in %s",
                            node_path(node, path), life_state_label((LifeState)node->life.state),
                            what, phase_name((Phase)node->parent->life.phase));
}

static bool is_leaving(const Node *node)
{
        return node->life.state == LIFE_STOPPING || node->life.state == LIFE_KILLING;
}

/* Nothing is started while a member of its group still goes down. */
static void check_group(FakeWorld *fake, const Node *node)
{
        const Node *parent = node->parent;
        Strategy strategy = parent->spec->supervisor.strategy;

        if (parent->life.phase == PHASE_REGROUP_STOP || parent->life.phase == PHASE_UNWIND ||
            parent->life.phase == PHASE_STOPPING || parent->life.phase == PHASE_NONE)
                complain(fake, node, "started while its supervisor stops children");
        if (strategy != STRATEGY_ONE_FOR_ALL)
                return;
        for (size_t i = 0; i < parent->child_count; i++) {
                const Node *other = parent->children[i];
                bool by_request = other->life.flags &
                                  (LIFE_BY_REQUEST | LIFE_RESTART_AFTER | LIFE_DELETE_AFTER);

                if (other != node && is_leaving(other) && !by_request)
                        complain(fake, node, "started while a member of its group goes down");
        }
}

static void on_spawn(FakeWorld *fake, const Node *node)
{
        Rules *rules = fake->context;
        const FakeSlot *slot = &fake->slots[node->id];
        uint64_t parent_life = node->parent->life.generation;
        bool is_manual = (node->life.flags & LIFE_MANUAL) != 0;

        if (rules->generation[node->id] == node->life.generation)
                return; /* once more by a gend-supervisor that does not know whether it was sent */
        rules->generation[node->id] = node->life.generation;
        if (slot->is_used && slot->row.flags & CHILD_IS_ALIVE)
                complain(fake, node, "two live generations of a slot");
        if (node->spec->child.restart == RESTART_TEMPORARY &&
            rules->parent_life[node->id] == parent_life && !is_manual)
                complain(fake, node, "a temporary child was restarted");
        rules->parent_life[node->id] = parent_life;
        check_group(fake, node);
}

/* Whether @node is on its way by its supervisor's plan, not by a request of its own. */
static bool is_by_plan(const Node *node)
{
        uint32_t by_request = LIFE_BY_REQUEST | LIFE_RESTART_AFTER | LIFE_DELETE_AFTER;

        return node->life.mark == MARK_STOP && !(node->life.flags & by_request) &&
               node->parent->life.state != LIFE_KILLING && !node_is_simple(node->parent);
}

/* What stands after @node in start order is gone before it is asked to stop. */
static void check_order(FakeWorld *fake, const Node *node)
{
        const Node *parent = node->parent;

        for (size_t i = node->index + 1; parent && is_by_plan(node) && i < parent->child_count; i++)
                if (life_is_alive(parent->children[i]->life.state) &&
                    parent->children[i]->life.mark == MARK_STOP)
                        complain(fake, node, "stopped before one that was started after it");
}

static void on_signal(FakeWorld *fake, const Node *node, SignalMode mode)
{
        if (mode != SIGNAL_STOP)
                return;
        for (; node->parent && node->parent->parent; node = node->parent) {
                check_order(fake, node);
                if (node->parent->life.state == LIFE_STOPPING)
                        continue;
                break;
        }
}

static void check_marks(FakeWorld *fake, const Node *node)
{
        Phase phase = (Phase)node->life.phase;

        for (size_t i = 0; i < node->child_count; i++) {
                const Node *child = node->children[i];

                if ((phase == PHASE_STEADY || phase == PHASE_NONE) && child->life.mark != MARK_NONE)
                        complain(fake, child, "a mark was left behind");
                if (phase == PHASE_NONE && life_is_active(child->life.state))
                        complain(fake, child, "outlives its supervisor");
        }
}

static void on_turn(FakeWorld *fake)
{
        for (Node *node = tree_next(fake->tree, NULL); node; node = tree_next(fake->tree, node))
                if (node_is_supervisor(node))
                        check_marks(fake, node);
        check_marks(fake, fake->tree->root);
}

/* At rest: a permanent child of a running supervisor is there, unless somebody asked for it not to
 * be: a stop, or a start by request that failed. */
static void check_rest(FakeWorld *fake)
{
        for (Node *node = tree_next(fake->tree, NULL); node; node = tree_next(fake->tree, node)) {
                const Life *life = &node->life;
                const Rules *rules = fake->context;

                if (node->kind == NODE_APPLICATION || node->parent->life.state != LIFE_RUNNING ||
                    node->spec->child.restart != RESTART_PERMANENT)
                        continue;
                if (life->state == LIFE_RUNNING || life->state == LIFE_STARTING ||
                    life->state == LIFE_BACKOFF || life->flags & LIFE_BY_REQUEST)
                        continue;
                if (!node->spec->child.is_autostart || rules->was_asked_for[node->id] ||
                    node->parent->life.phase != PHASE_STEADY ||
                    rules->was_asked_for[node->parent->id])
                        continue;
                complain(fake, node, "is permanent, and not there");
        }
}

/* --- trees --------------------------------------------------------------------------------- */

static const char *pick(uint64_t *seed, const char *const words[], size_t count)
{
        return words[fake_random(seed) % count];
}

#define PICK(seed, words) pick(seed, words, ARRAY_LEN(words))

static void add_supervisor(FILE *out, uint64_t *seed, const char *name, unsigned depth);

static void add_child(FILE *out, uint64_t *seed, const char *name, unsigned depth)
{
        static const char *const restarts[] = {"permanent", "permanent", "transient", "temporary"};
        static const char *const readies[] = {"spawn", "notify"};
        static const char *const extras[] = {
                "",
                "",
                "",
                ",'shutdown':'100ms'",
                ",'shutdown':'brutal_kill'",
                ",'autostart':false",
                ",'backoff':{'initial':'50ms','max':'1s','jitter':0.2}"};

        if (depth > 0 && fake_random(seed) % 3 == 0) {
                add_supervisor(out, seed, name, depth - 1);
                return;
        }
        (void)fprintf(out,
                      "{'name':'%s','exec':['/bin/"
                      "true'],'restart':'%s','ready':'%s','start_timeout':'1s'%s}",
                      name, PICK(seed, restarts), PICK(seed, readies), PICK(seed, extras));
}

static void add_children(FILE *out, uint64_t *seed, const char *name, unsigned depth)
{
        unsigned count = 1 + fake_random(seed) % 5;

        (void)fprintf(out, "'children':[");
        for (unsigned i = 0; i < count; i++) {
                char child[LIMIT_NAME_BYTES];

                text_format(child, sizeof(child), "%s%u", name, i);
                (void)fprintf(out, "%s", i ? "," : "");
                add_child(out, seed, child, depth);
        }
        (void)fprintf(out, "]");
}

static void add_supervisor(FILE *out, uint64_t *seed, const char *name, unsigned depth)
{
        static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one"};

        (void)fprintf(out, "{'name':'%s','strategy':'%s','intensity':%u,'period':'2s',", name,
                      PICK(seed, strategies), fake_random(seed) % 6);
        add_children(out, seed, name, depth);
        (void)fprintf(out, "}");
}

static char *random_tree(uint64_t *seed)
{
        unsigned apps = 1 + fake_random(seed) % 3;
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(out);
        (void)fprintf(out, "{'node':'t@t','applications':[");
        for (unsigned i = 0; i < apps; i++) {
                char name[8];

                text_format(name, sizeof(name), "%c", 'p' + (int)i);
                (void)fprintf(out, "%s", i ? "," : "");
                add_supervisor(out, seed, name, 3);
        }
        (void)fprintf(out, "]}");
        (void)fclose(out);
        return text;
}

/* --- what happens -------------------------------------------------------------------------- */

static Node *random_node(FakeWorld *fake, uint64_t *seed)
{
        for (;;) {
                Node *node = fake->tree->nodes[1 + fake_random(seed) % 64];

                if (node)
                        return node;
        }
}

/* All below it may be down because of it. */
static void note_request(FakeWorld *fake, Node *node)
{
        Rules *rules = fake->context;

        rules->was_asked_for[node->id] = true;
        /* A group that waited for it stays down (SUP-119). */
        for (size_t i = 0; node->parent && node->parent->life.phase == PHASE_REGROUP_WAIT &&
                           i < node->parent->child_count;
             i++)
                rules->was_asked_for[node->parent->children[i]->id] = true;
}

static void kill_some(FakeWorld *fake, uint64_t *seed)
{
        static const int statuses[] = {0, 1, -SIGTERM, -SIGKILL, -SIGSEGV, 9};
        unsigned count = 1 + fake_random(seed) % 3;

        for (unsigned i = 0; i < count; i++) {
                Node *node = random_node(fake, seed);
                int status = statuses[fake_random(seed) % ARRAY_LEN(statuses)];
                char path[LIMIT_PATH_BYTES + 1];

                if (node_is_process(node) && fake->slots[node->id].is_used &&
                    fake->slots[node->id].row.flags & CHILD_IS_ALIVE)
                        fake_end(fake, node_path(node, path), status);
        }
        fake_settle(fake);
}

static void request_one(FakeWorld *fake, uint64_t *seed)
{
        static void (*const verbs[])(Engine *, Node *) = {engine_start, engine_start, engine_stop,
                                                          engine_restart};
        unsigned count = 1 + fake_random(seed) % 2;

        /* Two in one turn may cross. */
        for (unsigned i = 0; i < count; i++) {
                Node *node = random_node(fake, seed);

                note_request(fake, node);
                verbs[fake_random(seed) % ARRAY_LEN(verbs)](fake->engine, node);
        }
        (void)fake_turn(fake);
        fake_settle(fake);
}

static void assert_rules(FakeWorld *fake, uint64_t seed, unsigned step)
{
        const Rules *rules = fake->context;

        ck_assert_msg(!rules->failed[0], "seed %" PRIu64 ", step %u: %s\n%s", seed, step,
                      rules->failed,
                      fake->trace_len > 400 ? fake->trace + fake->trace_len - 400 : fake->trace);
        ck_assert_msg(fake->faults == 0, "seed %" PRIu64 ", step %u: %u orders make no sense", seed,
                      step, fake->faults);
}

static void add_scripts(FakeWorld *fake, uint64_t *seed)
{
        static const char *const names[] = {"p0", "p1", "p2", "q1", "p10", "p11", "p20", "q00"};
        static const FakeSin sins[] = {FAKE_NONE, FAKE_NO_ORDER, FAKE_NO_EXEC, FAKE_DIES,
                                       FAKE_NEVER_READY};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                fake_script(fake, (FakeScript){
                                          .name = names[i],
                                          .sin = sins[fake_random(seed) % ARRAY_LEN(sins)],
                                          .skip = fake_random(seed) % 4,
                                          .count = 1 + fake_random(seed) % 3,
                                          .stop_usec = fake_random(seed) % 3 * 150 * MSEC,
                                  });
}

static bool kills_now_and_then(FakeWorld *fake)
{
        return fake_random(&((Rules *)fake->context)->kill_seed) % 8 == 0;
}

static void run_random(uint64_t first_seed, bool with_kills)
{
        uint64_t seed = first_seed;
        _cleanup_(freep) char *json = random_tree(&seed);
        _cleanup_(fake_freep) FakeWorld *fake = fake_new(json);
        _cleanup_(freep) Rules *rules = calloc(1, sizeof(*rules));

        ck_assert_ptr_nonnull(rules);
        fake->context = rules;
        fake->on_spawn = on_spawn;
        fake->on_signal = on_signal;
        fake->on_turn = on_turn;
        fake->keeps_checkpoint = with_kills;
        fake->wants_kill = kills_now_and_then;
        fake->latency = fake_random(&seed) % 2 ? 30 * MSEC : 0;
        add_scripts(fake, &seed);
        fake_boot(fake);
        assert_rules(fake, first_seed, 0);
        for (unsigned i = 1; i < 60; i++) {
                fake_advance(fake, fake_random(&seed) % (i % 10 == 0 ? 4 * SEC : 100 * MSEC));
                if (fake_random(&seed) % 3 == 0)
                        request_one(fake, &seed);
                else
                        kill_some(fake, &seed);
                assert_rules(fake, first_seed, i);
        }
        fake_advance(fake, 30 * SEC);
        check_rest(fake);
        assert_rules(fake, first_seed, 60);
        do
                engine_shutdown(fake->engine);
        while (!fake_turn(fake));
        fake_advance(fake, 60 * SEC);
        assert_rules(fake, first_seed, 61);
        ck_assert_int_eq(fake->tree->root->life.state, LIFE_STOPPED);
        ck_assert_uint_eq(fake_alive(fake), 0);
        ck_assert(list_is_empty(&fake->used));
        ck_assert(list_is_empty(&fake->timers));
}

START_TEST(the_rules_hold_whatever_happens)
{
        for (uint64_t i = 0; i < 40; i++)
                run_random((uint64_t)_i * 1000 + i, false);
}
END_TEST

/* Deaths at once, requests that cross, and gend-supervisor killed amid them. */
START_TEST(the_rules_hold_over_kills_of_gend_supervisor)
{
        for (uint64_t i = 0; i < 4; i++)
                run_random(5000000 + (uint64_t)_i * 1000 + i, true);
}
END_TEST

START_TEST(the_rules_hold_for_the_seed_of_the_environment)
{
        const char *text = getenv("GEND_TEST_SEED");
        uint64_t seed = text ? strtoull(text, NULL, 10) : 815;

        for (uint64_t i = 0; i < 40; i++)
                run_random(seed * 100000 + i, i % 8 == 0);
}
END_TEST

static TCase *rules_case(void)
{
        TCase *tcase = tcase_create("rules");

        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, the_rules_hold_whatever_happens, 0, 10);
        tcase_add_loop_test(tcase, the_rules_hold_over_kills_of_gend_supervisor, 0, 10);
        tcase_add_test(tcase, the_rules_hold_for_the_seed_of_the_environment);
        return tcase;
}

TEST_MAIN("supervise", rules_case())
