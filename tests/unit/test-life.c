/* The table of a child's life: nothing is missing in it, and no way leads nowhere. */

#include "supervisord/supervisor/life.h"

#include "base/cleanup.h"
#include "tests/support/states.h"
#include "tests/support/test-main.h"

#define FOR_EACH_STATE(state) for (int state = LIFE_NONE + 1; state < LIFE_STATE_COUNT; state++)
#define FOR_EACH_EVENT(event) for (int event = LIFE_EV_NONE + 1; event < LIFE_EVENT_COUNT; event++)

START_TEST(every_cell_is_filled)
{
        FOR_EACH_STATE(state)
        FOR_EACH_EVENT(event)
        {
                LifeStep step = life_step((LifeState)state, (LifeEvent)event);

                ck_assert_msg(step.next > LIFE_NONE && step.next < LIFE_STATE_COUNT, "%s, %s",
                              life_state_label((LifeState)state),
                              life_event_label((LifeEvent)event));
        }
}
END_TEST

START_TEST(every_state_and_event_has_a_name_of_its_own)
{
        FOR_EACH_STATE(state)
        {
                ck_assert_ptr_nonnull(life_state_label((LifeState)state));
                ck_assert_ptr_nonnull(life_state_name((LifeState)state));
                for (int other = LIFE_NONE; other < state; other++)
                        ck_assert_str_ne(life_state_label((LifeState)state),
                                         life_state_label((LifeState)other));
        }
        FOR_EACH_EVENT(event)
        {
                ck_assert_ptr_nonnull(life_event_label((LifeEvent)event));
                for (int other = LIFE_EV_NONE; other < event; other++)
                        ck_assert_str_ne(life_event_label((LifeEvent)event),
                                         life_event_label((LifeEvent)other));
        }
}
END_TEST

/* What 02 names: stopped, starting, running, stopping, backoff, failed, finished. */
START_TEST(what_is_shown_is_one_of_seven_words)
{
        static const char *const words[] = {"stopped", "starting", "running", "stopping",
                                            "backoff", "failed",   "finished"};

        FOR_EACH_STATE(state)
        {
                bool is_known = false;

                for (size_t i = 0; i < ARRAY_LEN(words); i++)
                        is_known |= strcmp(words[i], life_state_name((LifeState)state)) == 0;
                ck_assert_msg(is_known, "%s", life_state_name((LifeState)state));
        }
}
END_TEST

/* Whether some state that is not active can be reached from @state by these events alone. */
static bool comes_to_rest(LifeState state, const LifeEvent events[], size_t count, unsigned depth)
{
        if (!life_is_active(state))
                return true;
        for (size_t i = 0; depth > 0 && i < count; i++) {
                LifeState next = life_step(state, events[i]).next;

                if (next != state && comes_to_rest(next, events, count, depth - 1))
                        return true;
        }
        return false;
}

START_TEST(every_state_comes_to_rest_by_stop_timeout_and_exit)
{
        static const LifeEvent events[] = {LIFE_EV_STOP, LIFE_EV_TIMEOUT, LIFE_EV_EXIT};

        FOR_EACH_STATE(state)
        ck_assert(comes_to_rest((LifeState)state, events, ARRAY_LEN(events), LIFE_STATE_COUNT));
}
END_TEST

START_TEST(an_exit_alone_ends_all_that_lives)
{
        FOR_EACH_STATE(state)
        if (life_is_alive((LifeState)state))
                ck_assert(!life_is_active(life_step((LifeState)state, LIFE_EV_EXIT).next));
}
END_TEST

/* Whoever waits for a stop hears of it exactly once, from whatever state. */
START_TEST(a_stop_is_answered_at_once_or_at_the_exit)
{
        FOR_EACH_STATE(state)
        {
                LifeStep step = life_step((LifeState)state, LIFE_EV_STOP);
                bool is_told = (step.actions & LIFE_TELL_STOPPED) != 0;

                ck_assert_int_eq(is_told, !life_is_alive((LifeState)state));
                if (is_told)
                        continue;
                step = life_step(step.next, LIFE_EV_EXIT);
                ck_assert_uint_ne(step.actions & LIFE_TELL_STOPPED, 0);
                ck_assert_int_eq(step.next, LIFE_STOPPED);
        }
}
END_TEST

START_TEST(only_what_is_not_alive_is_launched)
{
        FOR_EACH_STATE(state)
        FOR_EACH_EVENT(event)
        if (life_step((LifeState)state, (LifeEvent)event).actions & LIFE_LAUNCH)
                ck_assert(!life_is_alive((LifeState)state) && event == LIFE_EV_START);
}
END_TEST

START_TEST(nothing_brings_a_leaving_child_back)
{
        FOR_EACH_EVENT(event)
        {
                LifeState stopping = life_step(LIFE_STOPPING, (LifeEvent)event).next;
                LifeState killing = life_step(LIFE_KILLING, (LifeEvent)event).next;

                ck_assert(stopping != LIFE_RUNNING && stopping != LIFE_STARTING);
                ck_assert(killing == LIFE_KILLING || killing == LIFE_STOPPED);
        }
}
END_TEST

START_TEST(docs_states_md_is_this_table)
{
        const char *path = getenv("GEND_STATES_MD");
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) char *doc = NULL;
        _cleanup_(fclosep) FILE *file = path ? fopen(path, "r") : NULL;
        size_t size;
        FILE *out;

        if (!path)
                return; /* run by hand */
        ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
        out = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(out);
        states_print(out);
        (void)fclose(out);
        doc = calloc(1, size + 2);
        ck_assert_ptr_nonnull(doc);
        ck_assert_uint_eq(fread(doc, 1, size + 1, file), size);
        ck_assert_str_eq(doc, text);
}
END_TEST

static TCase *life_case(void)
{
        TCase *tcase = tcase_create("life");

        tcase_add_test(tcase, every_cell_is_filled);
        tcase_add_test(tcase, every_state_and_event_has_a_name_of_its_own);
        tcase_add_test(tcase, what_is_shown_is_one_of_seven_words);
        tcase_add_test(tcase, every_state_comes_to_rest_by_stop_timeout_and_exit);
        tcase_add_test(tcase, an_exit_alone_ends_all_that_lives);
        tcase_add_test(tcase, a_stop_is_answered_at_once_or_at_the_exit);
        tcase_add_test(tcase, only_what_is_not_alive_is_launched);
        tcase_add_test(tcase, nothing_brings_a_leaving_child_back);
        tcase_add_test(tcase, docs_states_md_is_this_table);
        return tcase;
}

TEST_MAIN("life", life_case())
