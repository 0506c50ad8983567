#include "tests/support/fake-world.h"

#include "base/text.h"
#include "tests/support/test-main.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

typedef struct FakeTimer {
        Node *node;
        ListNode armed;
} FakeTimer;

uint32_t fake_random(uint64_t *seed)
{
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(*seed >> 33);
}

/* --- what can be read ---------------------------------------------------------------------- */

void fake_trace(FakeWorld *fake, const char *what, const char *name)
{
        size_t len = strlen(what) + strlen(name);

        if (fake->trace_len + len + 2 > sizeof(fake->trace))
                return;
        text_format(fake->trace + fake->trace_len, sizeof(fake->trace) - fake->trace_len, "%s%s%s",
                    fake->trace_len ? " " : "", what, name);
        fake->trace_len += strlen(fake->trace + fake->trace_len);
}

const char *fake_take_trace(FakeWorld *fake)
{
        static char taken[sizeof(fake->trace)];

        memcpy(taken, fake->trace, sizeof(taken));
        fake->trace_len = 0;
        fake->trace[0] = '\0';
        return taken;
}

/* --- the kernel ---------------------------------------------------------------------------- */

static void touch(FakeWorld *fake, FakeSlot *slot)
{
        if (!list_is_linked(&slot->dirty))
                list_append(&fake->dirty, &slot->dirty);
}

static uint64_t hash_of(const char *name)
{
        uint64_t hash = UINT64_C(14695981039346656037);

        for (; *name; name++)
                hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
        return hash | 1;
}

static FakeCount *count_of(FakeWorld *fake, const char *name)
{
        uint64_t hash = hash_of(name);
        FakeCount *count;

        for (uint64_t at = hash >> 20;; at++) {
                count = &fake->counts[at % ARRAY_LEN(fake->counts)];
                if (count->hash == 0 || count->hash == hash)
                        break;
        }
        count->hash = hash;
        return count;
}

/* The same for the same spawn, whoever asked for it and when. */
static usec_t lag(const FakeWorld *fake, const FakeSlot *slot, unsigned kind)
{
        uint64_t seed = hash_of(slot->name) + slot->spawns * 31 + kind;

        (void)fake_random(&seed);
        return fake->latency ? 1 + fake_random(&seed) % fake->latency : 0;
}

static void end_slot(FakeWorld *fake, FakeSlot *slot)
{
        slot->row.flags &= ~(uint32_t)CHILD_IS_ALIVE;
        slot->row.flags |= CHILD_HAS_ENDED;
        slot->row.code = slot->end_code;
        slot->row.status = slot->end_status;
        slot->row.ended_usec = fake->now;
        slot->ready_at = slot->end_at = 0;
        fake_trace(fake, ".", slot->name);
        touch(fake, slot);
}

static void schedule_end(FakeWorld *fake, FakeSlot *slot, usec_t span, int code, int status)
{
        slot->end_at = usec_add(fake->now, span);
        slot->end_code = code;
        slot->end_status = status;
        if (span == 0)
                end_slot(fake, slot);
}

static bool is_sinful(const FakeSlot *slot)
{
        const FakeScript *script = &slot->script;

        if (script->sin == FAKE_NONE || slot->spawns <= script->skip)
                return false;
        return script->count == 0 || slot->spawns <= script->skip + script->count;
}

static void become_ready(FakeWorld *fake, FakeSlot *slot)
{
        slot->ready_at = 0;
        slot->row.flags |= CHILD_IS_READY;
        slot->row.ready_usec = fake->now;
        fake_trace(fake, "^", slot->name);
        touch(fake, slot);
}

static void find_script(FakeWorld *fake, FakeSlot *slot)
{
        slot->script = (FakeScript){0};
        for (size_t i = 0; i < fake->script_count; i++)
                if (strcmp(fake->scripts[i].name, slot->name) == 0)
                        slot->script = fake->scripts[i];
}

/* A process that lives: what will become of it. */
static void begin_life(FakeWorld *fake, FakeSlot *slot)
{
        usec_t ready_span = slot->script.ready_usec + lag(fake, slot, 1);

        slot->row.flags |= CHILD_IS_ALIVE;
        slot->row.pid = (int32_t)(1000 + fake->spawned);
        if (is_sinful(slot) && slot->script.sin == FAKE_DIES) {
                schedule_end(fake, slot, lag(fake, slot, 2), CLD_EXITED, 1);
                return;
        }
        if (slot->script.die_spawn == slot->spawns)
                schedule_end(fake, slot, slot->script.die_usec, CLD_EXITED, 1);
        if (!slot->is_notify || is_sinful(slot))
                return;
        if (ready_span == 0)
                become_ready(fake, slot);
        else
                slot->ready_at = fake->now + ready_span;
}

static void do_spawn(FakeWorld *fake, const FakeOrder *order)
{
        FakeSlot *slot = &fake->slots[order->slot];

        if (slot->is_used || order->generation <= slot->generation) {
                if (slot->generation != order->generation)
                        fake->faults++;
                return;
        }
        text_copy(slot->name, sizeof(slot->name), order->name);
        slot->spawns = ++count_of(fake, slot->name)->spawns;
        find_script(fake, slot);
        slot->is_used = true;
        slot->is_notify = order->is_notify;
        slot->generation = order->generation;
        slot->row = (RecordChild){.started_usec = fake->now};
        slot->ready_at = slot->end_at = 0;
        fake->spawned++;
        list_append(&fake->used, &slot->used);
        touch(fake, slot);
        if (is_sinful(slot) && slot->script.sin == FAKE_NO_EXEC) {
                fake_trace(fake, "?", slot->name);
                slot->row.flags = CHILD_NOT_SPAWNED;
                slot->row.spawn_step = SPAWN_STEP_EXEC;
                slot->row.spawn_errno = ENOENT;
                return;
        }
        fake_trace(fake, "+", slot->name);
        begin_life(fake, slot);
}

static FakeSlot *row_of(FakeWorld *fake, const FakeOrder *order)
{
        FakeSlot *slot = &fake->slots[order->slot];

        return slot->is_used && slot->generation == order->generation ? slot : NULL;
}

static void do_signal(FakeWorld *fake, const FakeOrder *order)
{
        FakeSlot *slot = row_of(fake, order);

        if (!slot || !(slot->row.flags & CHILD_IS_ALIVE))
                return;
        if (order->mode == SIGNAL_KILL && !(slot->row.flags & CHILD_KILL_SENT)) {
                slot->row.flags |= CHILD_KILL_SENT;
                fake_trace(fake, "!", slot->name);
                schedule_end(fake, slot, lag(fake, slot, 3), CLD_KILLED, SIGKILL);
        }
        if (order->mode != SIGNAL_STOP || slot->row.flags & (CHILD_STOP_SENT | CHILD_KILL_SENT))
                return;
        slot->row.flags |= CHILD_STOP_SENT;
        fake_trace(fake, "-", slot->name);
        touch(fake, slot);
        if (slot->script.stop_usec == USEC_INFINITY)
                return;
        schedule_end(fake, slot, slot->script.stop_usec + lag(fake, slot, 4),
                     slot->script.stop_status ? CLD_EXITED : CLD_KILLED,
                     slot->script.stop_status ? slot->script.stop_status : order->signo);
}

static void do_forget(FakeWorld *fake, const FakeOrder *order)
{
        FakeSlot *slot = row_of(fake, order);

        if (!slot)
                return;
        if (!(slot->row.flags & (CHILD_HAS_ENDED | CHILD_NOT_SPAWNED))) {
                fake->faults++;
                return;
        }
        slot->is_used = false;
        list_remove(&slot->used);
        list_remove(&slot->dirty);
        fake->forgotten++;
}

static void do_order(FakeWorld *fake, const FakeOrder *order)
{
        if (order->type == RECORD_SPAWN)
                do_spawn(fake, order);
        else if (order->type == RECORD_SIGNAL)
                do_signal(fake, order);
        else if (order->type == RECORD_FORGET)
                do_forget(fake, order);
        else if (order->type == RECORD_RELEASE && fake->slots[order->slot].is_used)
                fake->faults++;
}

unsigned fake_alive(FakeWorld *fake)
{
        unsigned count = 0;

        LIST_FOREACH (item, &fake->used)
                count += (LIST_ENTRY(item, FakeSlot, used)->row.flags & CHILD_IS_ALIVE) != 0;
        return count;
}

/* --- the world ----------------------------------------------------------------------------- */

static FakeOrder *give(FakeWorld *fake, RecordType type, uint32_t slot, uint64_t generation)
{
        FakeOrder *order;

        if (fake->order_count == fake->order_room) {
                fake->order_room = fake->order_room ? 2 * fake->order_room : 64;
                fake->orders = reallocarray(fake->orders, fake->order_room, sizeof(*fake->orders));
                ck_assert_ptr_nonnull(fake->orders);
        }
        order = &fake->orders[fake->order_count++];
        *order = (FakeOrder){.type = type, .slot = slot, .generation = generation};
        return order;
}

static usec_t world_now(void *context)
{
        return ((FakeWorld *)context)->now;
}

static int world_spawn(void *context, Node *node)
{
        FakeWorld *fake = context;
        FakeCount *count = count_of(fake, node->spec->name);
        FakeSlot next = {.spawns = count->spawns + 1};
        FakeOrder *order;

        if (fake->on_spawn)
                fake->on_spawn(fake, node);
        text_copy(next.name, sizeof(next.name), node->spec->name);
        find_script(fake, &next);
        if (next.script.sin == FAKE_NO_ORDER && is_sinful(&next)) {
                count->spawns++;
                return -ENOMEM;
        }
        order = give(fake, RECORD_SPAWN, node->id, node->life.generation);
        order->is_notify = node->spec->process.ready == READY_NOTIFY;
        text_copy(order->name, sizeof(order->name), node->spec->name);
        return 0;
}

static void world_signal(void *context, Node *node, SignalMode mode, int signo)
{
        FakeWorld *fake = context;
        FakeOrder *order;

        if (fake->on_signal)
                fake->on_signal(fake, node, mode);
        order = give(fake, RECORD_SIGNAL, node->id, node->life.generation);
        order->mode = mode;
        order->signo = signo;
}

static void world_forget(void *context, Node *node, uint64_t generation)
{
        (void)give(context, RECORD_FORGET, node->id, generation);
}

static void world_arm(void *context, Node *node)
{
        FakeWorld *fake = context;
        FakeTimer *timer = node->timer;

        if (!timer && node->life.deadline_usec != 0) {
                timer = node->timer = calloc(1, sizeof(*timer));
                ck_assert_ptr_nonnull(timer);
                timer->node = node;
        }
        if (!timer)
                return;
        list_remove(&timer->armed);
        if (node->life.deadline_usec != 0)
                list_append(&fake->timers, &timer->armed);
}

static void drop_timer(Node *node)
{
        FakeTimer *timer = node->timer;

        if (timer)
                list_remove(&timer->armed);
        free(timer);
        node->timer = NULL;
}

static void world_release(void *context, Node *node)
{
        FakeWorld *fake = context;

        drop_timer(node);
        checkpoint_note_drop(&fake->checkpoint, node->id);
        if (node_is_process(node))
                (void)give(fake, RECORD_RELEASE, node->id, 0);
}

static void world_event(void *context, const Node *node, EventType type, const char *reason,
                        const char *detail)
{
        char path[LIMIT_PATH_BYTES + 1];
        FakeWorld *fake = context;
        const Event event = {
                .type = type,
                .pid = node->life.pid,
                .path = (char *)(uintptr_t)node_path(node, path),
                .reason = (char *)(uintptr_t)reason,
                .detail = (char *)(uintptr_t)detail,
        };

        fake->event_counts[type]++;
        checkpoint_note_event(&fake->checkpoint, event_log_add(&fake->events, &event));
}

static void world_budget(void *context, const Node *node, usec_t when)
{
        checkpoint_note_budget(&((FakeWorld *)context)->checkpoint, node, when);
}

static double world_random(void *context)
{
        return ((FakeWorld *)context)->random;
}

/* --- one life of gend-supervisor ----------------------------------------------------------- */

static char *unquote(const char *json)
{
        char *text = strdup(json);

        ck_assert_ptr_nonnull(text);
        for (char *at = text; *at; at++)
                if (*at == '\'')
                        *at = '"';
        return text;
}

static void build(FakeWorld *fake, const char *json)
{
        _cleanup_(tree_spec_freep) TreeSpec *spec = NULL;
        _cleanup_(freep) char *text = unquote(json);
        _cleanup_(freep) char *said = NULL;
        SpecFaults faults = {0};
        int r = spec_parse(text, strlen(text), "/", &spec, &faults);

        if (r != 0)
                said = spec_faults_to_text(&faults, "tree");
        ck_assert_msg(r == 0, "%s\n%s", said ? said : "?", text);
        spec_faults_deinit(&faults);
        fake->tree = tree_new();
        ck_assert_ptr_nonnull(fake->tree);
        tree_take_top(fake->tree, spec);
        for (size_t i = 0; i < spec->application_count; i++) {
                Node *app;

                assert_ok(
                        tree_add_whole(fake->tree, fake->tree->root, &spec->applications[i], &app));
        }
        assert_ok(checkpoint_set_text(&fake->checkpoint, text, strlen(text), "/"));
}

FakeWorld *fake_new(const char *json)
{
        FakeWorld *fake = calloc(1, sizeof(*fake));

        ck_assert_ptr_nonnull(fake);
        list_init(&fake->dirty);
        list_init(&fake->used);
        list_init(&fake->timers);
        fake->now = 1000 * USEC_PER_SEC;
        fake->random = 0.5;
        fake->kernel_checkpoint_fd = -1;
        fake->checkpoint = CHECKPOINT_NULL;
        fake->world = (World){
                .context = fake,
                .now = world_now,
                .spawn = world_spawn,
                .signal = world_signal,
                .forget = world_forget,
                .arm = world_arm,
                .release = world_release,
                .event = world_event,
                .budget = world_budget,
                .random = world_random,
        };
        build(fake, json);
        fake->engine = engine_new(fake->tree, &fake->world);
        ck_assert_ptr_nonnull(fake->engine);
        return fake;
}

static void end_supervisor(FakeWorld *fake)
{
        for (Node *node = tree_next(fake->tree, NULL); node; node = tree_next(fake->tree, node))
                drop_timer(node);
        drop_timer(fake->tree->root);
        fake->engine = (engine_free(fake->engine), NULL);
        fake->tree = (tree_free(fake->tree), NULL);
        checkpoint_deinit(&fake->checkpoint);
        event_log_deinit(&fake->events);
        fake->events.last_seq = 0;
        fake->order_count = 0;
}

FakeWorld *fake_free(FakeWorld *fake)
{
        if (!fake)
                return NULL;
        end_supervisor(fake);
        (void)close_fd(fake->kernel_checkpoint_fd);
        free(fake->orders);
        free(fake);
        return NULL;
}

void fake_script(FakeWorld *fake, FakeScript script)
{
        ck_assert_uint_lt(fake->script_count, ARRAY_LEN(fake->scripts));
        fake->scripts[fake->script_count++] = script;
}

static void end_stray(FakeWorld *fake, uint32_t slot)
{
        const FakeSlot *row = &fake->slots[slot];
        bool has_ended = (row->row.flags & (CHILD_HAS_ENDED | CHILD_NOT_SPAWNED)) != 0;
        FakeOrder *order =
                give(fake, has_ended ? RECORD_FORGET : RECORD_SIGNAL, slot, row->generation);

        if (!has_ended) {
                fake->faults++; /* in a test nothing is ever left behind alive */
                order->mode = SIGNAL_KILL;
        }
        if (has_ended && !fake->tree->nodes[slot])
                (void)give(fake, RECORD_RELEASE, slot, 0);
}

static void take_row(FakeWorld *fake, uint32_t slot)
{
        const FakeSlot *row = &fake->slots[slot];
        Node *node = fake->tree->nodes[slot];

        if (!node || engine_row(fake->engine, node, row->generation, &row->row) == ENGINE_E_STALE)
                end_stray(fake, slot);
}

static void give_kernel_checkpoint(FakeWorld *fake, int fd)
{
        (void)close_fd(fake->kernel_checkpoint_fd);
        fake->kernel_checkpoint_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        ck_assert_int_ge(fake->kernel_checkpoint_fd, 0);
}

static void commit(FakeWorld *fake)
{
        int fd;

        if (!fake->keeps_checkpoint) {
                buffer_clear(&fake->checkpoint.pending);
                return;
        }
        if (fake->checkpoint.fd >= 0 && !checkpoint_is_long(&fake->checkpoint)) {
                assert_ok(checkpoint_commit(&fake->checkpoint, fake->tree));
                return;
        }
        assert_ok(checkpoint_snapshot(&fake->checkpoint, fake->tree, &fake->events, &fd));
        give_kernel_checkpoint(fake, fd);
}

/* Return: whether gend-supervisor is to die here. */
static bool is_killed_here(FakeWorld *fake)
{
        fake->point++;
        if (fake->point == fake->kill_point)
                return true;
        return fake->wants_kill && fake->wants_kill(fake);
}

bool fake_turn(FakeWorld *fake)
{
        engine_run(fake->engine);
        if (fake->on_turn)
                fake->on_turn(fake);
        if (fake->kernel_checkpoint_fd >= 0 && is_killed_here(fake)) {
                fake_kill(fake);
                return false;
        }
        commit(fake);
        for (size_t i = 0; i < fake->order_count; i++) {
                if (fake->keeps_checkpoint && is_killed_here(fake)) {
                        fake_kill(fake);
                        return true;
                }
                do_order(fake, &fake->orders[i]);
        }
        fake->order_count = 0;
        if (fake->keeps_checkpoint && is_killed_here(fake))
                fake_kill(fake);
        return true;
}

void fake_kill(FakeWorld *fake)
{
        int fd = fcntl(fake->kernel_checkpoint_fd, F_DUPFD_CLOEXEC, 0);

        fake->kills++;
        end_supervisor(fake);
        assert_ok(checkpoint_load(&fake->checkpoint, &fd, &fake->tree, &fake->events));
        fake->engine = engine_new(fake->tree, &fake->world);
        ck_assert_ptr_nonnull(fake->engine);
        LIST_FOREACH_SAFE (item, &fake->used)
                take_row(fake, (uint32_t)(LIST_ENTRY(item, FakeSlot, used) - fake->slots));
        while (!list_is_empty(&fake->dirty))
                list_remove(fake->dirty.next);
        engine_resume(fake->engine);
        (void)fake_turn(fake);
}

/* --- time ---------------------------------------------------------------------------------- */

static bool deliver(FakeWorld *fake)
{
        if (list_is_empty(&fake->dirty))
                return false;
        while (!list_is_empty(&fake->dirty)) {
                FakeSlot *slot = LIST_ENTRY(fake->dirty.next, FakeSlot, dirty);

                list_remove(&slot->dirty);
                take_row(fake, (uint32_t)(slot - fake->slots));
        }
        (void)fake_turn(fake);
        return true;
}

void fake_settle(FakeWorld *fake)
{
        unsigned turns = 0;

        while (deliver(fake))
                ck_assert_msg(++turns < 2000000, "the engine does not come to rest");
}

static usec_t next_timer(FakeWorld *fake, Node **ret_node)
{
        usec_t next = USEC_INFINITY;

        LIST_FOREACH (item, &fake->timers) {
                Node *node = LIST_ENTRY(item, FakeTimer, armed)->node;

                if (node->life.deadline_usec >= next)
                        continue;
                next = node->life.deadline_usec;
                *ret_node = node;
        }
        return next;
}

static usec_t next_act(FakeWorld *fake, FakeSlot **ret_slot)
{
        usec_t next = USEC_INFINITY;

        LIST_FOREACH (item, &fake->used) {
                FakeSlot *slot = LIST_ENTRY(item, FakeSlot, used);
                usec_t at = slot->end_at ? slot->end_at : USEC_INFINITY;

                if (slot->ready_at != 0 && slot->ready_at < at)
                        at = slot->ready_at;
                if (at >= next)
                        continue;
                next = at;
                *ret_slot = slot;
        }
        return next;
}

static void act(FakeWorld *fake, FakeSlot *slot)
{
        if (slot->ready_at != 0 && slot->ready_at <= fake->now)
                become_ready(fake, slot);
        else
                end_slot(fake, slot);
}

static void expire(FakeWorld *fake, Node *node)
{
        FakeTimer *timer = node->timer;

        list_remove(&timer->armed);
        engine_timeout(fake->engine, node);
        (void)fake_turn(fake);
}

/* The next thing that happens, if it does by @until. */
static bool step(FakeWorld *fake, usec_t until)
{
        FakeSlot *slot = NULL;
        Node *node = NULL;
        usec_t acts = next_act(fake, &slot);
        usec_t due = next_timer(fake, &node);
        usec_t next = MIN_OF(acts, due);

        if (next > until || next == USEC_INFINITY)
                return false;
        fake->now = MAX_OF(fake->now, next);
        if (acts <= due)
                act(fake, slot);
        else
                expire(fake, node);
        fake_settle(fake);
        return true;
}

void fake_advance(FakeWorld *fake, usec_t span)
{
        usec_t until = usec_add(fake->now, span);

        fake_settle(fake);
        while (step(fake, until))
                continue;
        fake->now = until;
}

void fake_finish(FakeWorld *fake)
{
        FakeSlot *slot;

        fake_settle(fake);
        while (next_act(fake, &slot) != USEC_INFINITY)
                (void)step(fake, USEC_INFINITY - 1);
}

bool fake_to_deadline(FakeWorld *fake)
{
        Node *node;
        usec_t due = next_timer(fake, &node);

        if (due == USEC_INFINITY)
                return false;
        fake_advance(fake, usec_sub(due, fake->now));
        return true;
}

/* --- what tests do ------------------------------------------------------------------------- */

void fake_boot(FakeWorld *fake)
{
        engine_boot(fake->engine);
        (void)fake_turn(fake);
        fake_settle(fake);
}

bool fake_has(FakeWorld *fake, const char *path)
{
        Node *matches[2];

        return tree_find(fake->tree, path, matches, 2) == 1;
}

Node *fake_node(FakeWorld *fake, const char *path)
{
        Node *matches[2] = {NULL};
        size_t count = tree_find(fake->tree, path, matches, 2);

        /* One that operators are not shown any more. */
        for (Node *node = tree_next(fake->tree, NULL); node && count == 0;
             node = tree_next(fake->tree, node))
                if (strcmp(node->spec->name, path) == 0)
                        matches[count++] = node;
        ck_assert_msg(count == 1, "no one %s", path);
        return matches[0];
}

void fake_end(FakeWorld *fake, const char *path, int status)
{
        FakeSlot *slot = &fake->slots[fake_node(fake, path)->id];

        ck_assert_msg(slot->is_used && slot->row.flags & CHILD_IS_ALIVE, "%s does not live", path);
        slot->end_code = status < 0 ? CLD_KILLED : CLD_EXITED;
        slot->end_status = status < 0 ? -status : status;
        end_slot(fake, slot);
}

void fake_exit(FakeWorld *fake, const char *path, int status)
{
        fake_end(fake, path, status);
        fake_settle(fake);
}

/* A request whose turn was not committed is made again: its client has had no answer. */
static void request(FakeWorld *fake, const char *path, void (*verb)(Engine *engine, Node *node))
{
        do {
                if (!fake_has(fake, path))
                        break;
                verb(fake->engine, fake_node(fake, path));
        } while (!fake_turn(fake));
        fake_settle(fake);
}

void fake_start(FakeWorld *fake, const char *path)
{
        request(fake, path, engine_start);
}

void fake_stop(FakeWorld *fake, const char *path)
{
        request(fake, path, engine_stop);
}

void fake_restart(FakeWorld *fake, const char *path)
{
        request(fake, path, engine_restart);
}

void fake_delete(FakeWorld *fake, const char *path)
{
        request(fake, path, engine_delete);
}

static void note_whole(FakeWorld *fake, Node *node)
{
        checkpoint_note_node(&fake->checkpoint, node);
        node_touch(node);
        for (size_t i = 0; i < node->child_count; i++) {
                node->children[i]->life.flags |= LIFE_IS_OF_DYNAMIC;
                note_whole(fake, node->children[i]);
        }
}

static void launch_added(FakeWorld *fake, Node *node)
{
        node->life.flags |= LIFE_IS_DYNAMIC | LIFE_ADDED;
        note_whole(fake, node);
        world_event(fake, node, EVENT_ADDED, NULL, NULL);
        if (node->spec->child.is_autostart)
                engine_start(fake->engine, node);
        else
                node->life.flags &= ~(uint32_t)LIFE_ADDED;
}

static void add_once(FakeWorld *fake, Node *parent, const char *json)
{
        _cleanup_(freep) char *text = unquote(json);
        SpecFaults faults = {0};
        _cleanup_(node_specs_deinit) NodeSpecs specs = {0};
        int r = spec_parse_child(text, strlen(text), "/", parent->spec, &specs, &faults);

        ck_assert_msg(r == 0, "%s", faults.count ? faults.items[0].message : "?");
        spec_faults_deinit(&faults);
        for (size_t i = 0; i < specs.count; i++) {
                Node *node = NULL;

                assert_ok(tree_add_whole(fake->tree, parent, &specs.items[i], &node));
                launch_added(fake, node);
        }
}

void fake_add(FakeWorld *fake, const char *parent, const char *json)
{
        do {
                add_once(fake, fake_node(fake, parent), json);
        } while (!fake_turn(fake));
        fake_settle(fake);
}

static void spawn_once(FakeWorld *fake, Node *parent, const char *arg)
{
        char **args = calloc(2, sizeof(char *));
        NodeSpec *spec = NULL;
        Node *node = NULL;
        char name[LIMIT_NAME_BYTES + 16];

        ck_assert_ptr_nonnull(args);
        args[0] = arg ? strdup(arg) : NULL;
        text_format(name, sizeof(name), "%s@%u", parent->template_spec->name,
                    ++parent->life.next_instance);
        node_touch(parent);
        assert_ok(node_spec_instance(parent->template_spec, name, args, &spec));
        assert_ok(tree_add_whole(fake->tree, parent, &spec, &node));
        node->args = args;
        node->spec->child.is_autostart = true;
        launch_added(fake, node);
}

void fake_spawn(FakeWorld *fake, const char *parent, const char *arg)
{
        do {
                spawn_once(fake, fake_node(fake, parent), arg);
        } while (!fake_turn(fake));
        fake_settle(fake);
}
