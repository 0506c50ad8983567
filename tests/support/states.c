#include "tests/support/states.h"

#include "base/cleanup.h"
#include "supervisord/supervisor/life.h"

static const struct {
        LifeAction action;
        const char *name;
} actions[] = {
        {LIFE_DISARM, "disarm"},
        {LIFE_LAUNCH, "launch"},
        {LIFE_ASK, "ask"},
        {LIFE_UNDO, "undo"},
        {LIFE_FORCE, "force"},
        {LIFE_ARM_START, "arm start_timeout"},
        {LIFE_ARM_STOP, "arm shutdown"},
        {LIFE_ARM_BACKOFF, "arm backoff"},
        {LIFE_ARM_LIFESPAN, "arm lifespan"},
        {LIFE_TELL_READY, "tell ready"},
        {LIFE_TELL_FAILED, "tell failed"},
        {LIFE_TELL_ENDED, "tell ended"},
        {LIFE_TELL_STOPPED, "tell stopped"},
        {LIFE_TELL_ABORTED, "tell failed or ended"},
        {LIFE_TELL_DUE, "tell due"},
};

static void print_cell(FILE *out, LifeState state, LifeEvent event)
{
        LifeStep step = life_step(state, event);
        const char *separator = ": ";

        if (step.next == state && step.actions == 0) {
                (void)fprintf(out, " |");
                return;
        }
        (void)fprintf(out, " **%s**", life_state_label(step.next));
        for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
                if (!(step.actions & actions[i].action))
                        continue;
                (void)fprintf(out, "%s%s", separator, actions[i].name);
                separator = ", ";
        }
        (void)fprintf(out, " |");
}

void states_print(FILE *out)
{
        (void)fprintf(
                out,
                "# The life of a child\n\n"
                "Printed from the table in supervisord/supervisor/life.c by `print-states`; a test "
                "compares. Rows are states, columns events;\na cell is the next state and what is "
                "done, "
                "in this order; an empty cell is an event that changes nothing.\nA supervisor "
                "lives by "
                "the same table as a process: its launch starts its children, its stop stops "
                "them.\n\n"
                "|");
        for (int event = LIFE_EV_NONE + 1; event < LIFE_EVENT_COUNT; event++)
                (void)fprintf(out, " | %s", life_event_label((LifeEvent)event));
        (void)fprintf(out, " |\n|");
        for (int event = LIFE_EV_NONE; event < LIFE_EVENT_COUNT; event++)
                (void)fprintf(out, " --- |");
        (void)fprintf(out, "\n");
        for (int state = LIFE_NONE + 1; state < LIFE_STATE_COUNT; state++) {
                (void)fprintf(out, "| **%s** |", life_state_label((LifeState)state));
                for (int event = LIFE_EV_NONE + 1; event < LIFE_EVENT_COUNT; event++)
                        print_cell(out, (LifeState)state, (LifeEvent)event);
                (void)fprintf(out, "\n");
        }
}
