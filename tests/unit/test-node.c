/* The tree: paths, their tails, what resembles them, what is added and removed; and the events. */

#include "tests/support/fake-world.h"
#include "tests/support/test-main.h"

#include "base/text.h"

static FakeWorld *fake;

static void setup(void)
{
        fake = fake_new("{'node':'t@t','applications':["
                        "{'name':'shop','children':["
                        "  {'name':'front','children':[{'name':'web','exec':['/bin/true']},"
                        "                              {'name':'db','exec':['/bin/true']}]},"
                        "  {'name':'back','children':[{'name':'db','exec':['/bin/true']},"
                        "                             {'name':'shop','exec':['/bin/true']}]},"
                        "  {'name':'jobs','strategy':'simple_one_for_one','children':["
                        "     {'name':'job','exec':['/bin/true']}]}]}]}");
}

static void teardown(void)
{
        fake = fake_free(fake);
}

static size_t find(const char *path, Node *matches[4])
{
        return tree_find(fake->tree, path, matches, 4);
}

static void assert_finds(const char *path, const char *expected)
{
        char buffer[LIMIT_PATH_BYTES + 1];
        Node *matches[4];

        ck_assert_uint_eq(find(path, matches), 1);
        ck_assert_str_eq(node_path(matches[0], buffer), expected);
}

START_TEST(a_path_or_its_shortest_clear_tail_finds_a_node)
{
        assert_finds("shop/front/web", "shop/front/web");
        assert_finds("/shop/front/web", "shop/front/web");
        assert_finds("front/web", "shop/front/web");
        assert_finds("web", "shop/front/web");
        assert_finds("back/db", "shop/back/db");
        assert_finds("jobs", "shop/jobs");
}
END_TEST

START_TEST(a_whole_path_wins_over_a_tail)
{
        assert_finds("shop", "shop");
        assert_finds("back/shop", "shop/back/shop");
}
END_TEST

START_TEST(an_ambiguous_tail_finds_all_that_it_may_mean)
{
        Node *matches[4] = {NULL};

        ck_assert_uint_eq(find("db", matches), 2);
        ck_assert_str_eq(matches[0]->parent->spec->name, "front");
        ck_assert_str_eq(matches[1]->parent->spec->name, "back");
        ck_assert_uint_eq(tree_find(fake->tree, "db", matches, 1), 2);
}
END_TEST

START_TEST(a_part_of_a_name_finds_nothing)
{
        Node *matches[4];

        ck_assert_uint_eq(find("eb", matches), 0);
        ck_assert_uint_eq(find("b", matches), 0);
        ck_assert_uint_eq(find("", matches), 0);
        ck_assert_uint_eq(find("/", matches), 0);
        ck_assert_uint_eq(find("ront/web", matches), 0);
        ck_assert_uint_eq(find("job", matches), 0); /* a template is no node */
}
END_TEST

START_TEST(a_slip_of_the_pen_is_answered_with_what_was_meant)
{
        Node *nearest[5];

        ck_assert_uint_ge(tree_nearest(fake->tree, "shop/front/wed", nearest, 5), 1);
        ck_assert_str_eq(nearest[0]->spec->name, "web");
        ck_assert_uint_ge(tree_nearest(fake->tree, "frnt", nearest, 1), 1);
        ck_assert_str_eq(nearest[0]->spec->name, "front");
        ck_assert_uint_eq(tree_nearest(fake->tree, "zzzzzzzz", nearest, 5), 0);
}
END_TEST

START_TEST(the_root_has_the_empty_path)
{
        char buffer[LIMIT_PATH_BYTES + 1];

        ck_assert_str_eq(node_path(fake->tree->root, buffer), "");
}
END_TEST

START_TEST(a_walk_meets_parents_first_and_each_node_once)
{
        unsigned count = 1;

        for (Node *node = tree_next(fake->tree, NULL); node; node = tree_next(fake->tree, node)) {
                count++;
                ck_assert_ptr_eq(fake->tree->nodes[node->id], node);
                ck_assert_ptr_eq(node->parent->children[node->index], node);
        }
        ck_assert_uint_eq(count, fake->tree->node_count);
        ck_assert_uint_eq(count, 9);
}
END_TEST

START_TEST(a_removed_node_takes_all_below_it_and_its_place_is_free_again)
{
        Tree *tree = fake->tree;
        Node *front = fake_node(fake, "front");
        uint32_t id = front->id;

        tree_remove(tree, front);
        ck_assert(!fake_has(fake, "web"));
        ck_assert_ptr_null(tree->nodes[id]);
        ck_assert_uint_eq(tree->node_count, 6);
        ck_assert_uint_eq(fake_node(fake, "back")->index, 0);
        assert_finds("db", "shop/back/db");
}
END_TEST

START_TEST(an_id_is_given_once_and_one_that_is_taken_is_refused)
{
        Node *jobs = fake_node(fake, "jobs"), *node;
        NodeSpec *spec = NULL;

        assert_ok(node_spec_instance(jobs->template_spec, "job@1", NULL, &spec));
        assert_fails(tree_add(fake->tree, jobs, &spec, jobs->id, &node), EBUSY);
        ck_assert_ptr_nonnull(spec);
        assert_fails(tree_add(fake->tree, jobs, &spec, LIMIT_SLOTS, &node), EBUSY);
        assert_ok(tree_add(fake->tree, jobs, &spec, LIMIT_SLOTS - 1, &node));
        ck_assert_ptr_null(spec);
        ck_assert_uint_eq(node->id, LIMIT_SLOTS - 1);
        ck_assert_ptr_eq(node_child_by_name(jobs, "job@1"), node);
}
END_TEST

START_TEST(a_full_tree_takes_no_more_and_loses_nothing)
{
        Node *jobs = fake_node(fake, "jobs"), *node;
        NodeSpec *spec = NULL;
        int r = 0;

        for (unsigned i = 0; r == 0; i++) {
                char name[32];

                text_format(name, sizeof(name), "job@%u", i);
                assert_ok(node_spec_instance(jobs->template_spec, name, NULL, &spec));
                r = tree_add(fake->tree, jobs, &spec, 0, &node);
        }
        assert_fails(r, ENOSPC);
        ck_assert_uint_eq(fake->tree->node_count, LIMIT_SLOTS);
        node_spec_free(spec);
        tree_remove(fake->tree, jobs->children[17]);
        assert_ok(node_spec_instance(jobs->template_spec, "again", NULL, &spec));
        assert_ok(tree_add(fake->tree, jobs, &spec, 0, &node));
}
END_TEST

/* --- events -------------------------------------------------------------------------------- */

static EventLog events;

static void add_events(unsigned count)
{
        for (unsigned i = 0; i < count; i++) {
                char text[32];
                Event event = {.type = EVENT_READY, .path = text};

                text_format(text, sizeof(text), "n%u", i);
                ck_assert_ptr_nonnull(event_log_add(&events, &event));
        }
}

START_TEST(events_are_numbered_from_1_without_gaps_and_the_oldest_leave)
{
        ck_assert_uint_eq(event_log_first(&events), 0);
        ck_assert_ptr_null(event_log_get(&events, 0));
        ck_assert_ptr_null(event_log_get(&events, 1));
        add_events(3);
        ck_assert_uint_eq(event_log_first(&events), 1);
        ck_assert_str_eq(event_log_get(&events, 3)->path, "n2");
        ck_assert_ptr_null(event_log_get(&events, 4));
        add_events(LIMIT_EVENTS);
        ck_assert_uint_eq(events.last_seq, LIMIT_EVENTS + 3);
        ck_assert_uint_eq(event_log_first(&events), 4);
        ck_assert_ptr_null(event_log_get(&events, 3));
        for (uint64_t seq = 4; seq <= events.last_seq; seq++)
                ck_assert_uint_eq(event_log_get(&events, seq)->seq, seq);
        event_log_deinit(&events);
}
END_TEST

START_TEST(a_replayed_event_keeps_its_number)
{
        Event event = {.seq = 5000, .type = EVENT_EXITED, .path = NULL, .detail = NULL};

        ck_assert_ptr_nonnull(event_log_add(&events, &event));
        ck_assert_uint_eq(events.last_seq, 5000);
        ck_assert_str_eq(event_log_get(&events, 5000)->path, "");
        ck_assert_ptr_null(event_log_get(&events, 5000)->reason);
        ck_assert_uint_eq(event_log_first(&events), 5000);
        add_events(1);
        ck_assert_uint_eq(events.last_seq, 5001);
        event_log_deinit(&events);
}
END_TEST

START_TEST(every_event_has_a_name)
{
        for (int type = EVENT_NONE; type < EVENT_TYPE_COUNT; type++)
                ck_assert_ptr_nonnull(event_type_name((EventType)type));
        for (int phase = PHASE_NONE; phase < PHASE_COUNT; phase++)
                ck_assert_ptr_nonnull(phase_name((Phase)phase));
}
END_TEST

static TCase *node_case(void)
{
        TCase *tcase = tcase_create("node");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_path_or_its_shortest_clear_tail_finds_a_node);
        tcase_add_test(tcase, a_whole_path_wins_over_a_tail);
        tcase_add_test(tcase, an_ambiguous_tail_finds_all_that_it_may_mean);
        tcase_add_test(tcase, a_part_of_a_name_finds_nothing);
        tcase_add_test(tcase, a_slip_of_the_pen_is_answered_with_what_was_meant);
        tcase_add_test(tcase, the_root_has_the_empty_path);
        tcase_add_test(tcase, a_walk_meets_parents_first_and_each_node_once);
        tcase_add_test(tcase, a_removed_node_takes_all_below_it_and_its_place_is_free_again);
        tcase_add_test(tcase, an_id_is_given_once_and_one_that_is_taken_is_refused);
        tcase_add_test(tcase, a_full_tree_takes_no_more_and_loses_nothing);
        return tcase;
}

static TCase *event_case(void)
{
        TCase *tcase = tcase_create("events");

        tcase_add_test(tcase, events_are_numbered_from_1_without_gaps_and_the_oldest_leave);
        tcase_add_test(tcase, a_replayed_event_keeps_its_number);
        tcase_add_test(tcase, every_event_has_a_name);
        return tcase;
}

TEST_MAIN("node", node_case(), event_case())
