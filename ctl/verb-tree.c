/*
 * Owns the verbs that show the tree as a whole: "tree" and "list".
 */

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/verbs.h"
#include "protocols/limits.h"

/* Applications, supervisors, processes, actors below actors' supervisors; more is no tree of ours.
 */
#define DEPTH_MAX (2 * LIMIT_TREE_DEPTH)

typedef struct Strokes {
        const char *child, *last_child, *below, *below_last;
} Strokes;

static const Strokes lines = {"├─", "└─", "│ ", "  "};
static const Strokes ascii = {"|-", "`-", "| ", "  "};

typedef struct Drawing {
        const Strokes *strokes;
        bool is_last[DEPTH_MAX];
} Drawing;

static void draw_facts(const json_t *node)
{
        const char *state = get_text_or(node, "state", "?");
        const char *strategy = get_text(node, "strategy");
        const char *reason = get_text(json_object_get(node, "last_exit"), "reason");
        json_int_t restarts = get_int(node, "restarts");

        (void)fputs("  ", stdout);
        out_in(state_colour(state), state);
        if (has_int(node, "pid"))
                (void)printf("  pid %" JSON_INTEGER_FORMAT, get_int(node, "pid"));
        if (get_text(node, "gen_pid")) {
                (void)fputs("  ", stdout);
                out_text(get_text(node, "gen_pid"));
        }
        if (strategy) {
                (void)printf("  %s", colour_on(COLOUR_DIM));
                out_text(strategy);
                (void)fputs(colour_off(), stdout);
        }
        if (restarts > 0)
                (void)printf("  %" JSON_INTEGER_FORMAT " restart%s", restarts,
                             restarts == 1 ? "" : "s");
        if (reason && (strcmp(state, "failed") == 0 || strcmp(state, "backoff") == 0 ||
                       strcmp(state, "finished") == 0)) {
                (void)fputs("  last exit ", stdout);
                out_text(reason);
        }
        (void)fputc('\n', stdout);
}

static void draw(Drawing *drawing, const json_t *node, size_t depth);

static void draw_children(Drawing *drawing, const json_t *children, size_t depth)
{
        size_t i, count = json_array_size(children);
        const json_t *child;

        json_array_foreach(children, i, child)
        {
                if (depth > 0)
                        drawing->is_last[depth - 1] = i + 1 == count;
                draw(drawing, child, depth);
        }
}

static void draw(Drawing *drawing, const json_t *node, size_t depth)
{
        const char *state = get_text_or(node, "state", "?");
        const Strokes *strokes = drawing->strokes;

        (void)fputs(colour_on(COLOUR_DIM), stdout);
        for (size_t i = 0; i + 1 < depth; i++)
                (void)fputs(drawing->is_last[i] ? strokes->below_last : strokes->below, stdout);
        if (depth > 0)
                (void)fputs(drawing->is_last[depth - 1] ? strokes->last_child : strokes->child,
                            stdout);
        (void)fputs(colour_off(), stdout);
        (void)printf("%s%s%s ", colour_on(state_colour(state)), state_symbol(state), colour_off());
        out_in(depth <= 1 ? COLOUR_BOLD : COLOUR_NONE, get_text_or(node, "name", "?"));
        draw_facts(node);
        if (depth + 1 < DEPTH_MAX)
                draw_children(drawing, json_object_get(node, "children"), depth + 1);
}

static void draw_head(const json_t *tree)
{
        const char *state = get_text(tree, "state");
        char uptime[TIME_TEXT_BYTES];

        out_in(COLOUR_BOLD, get_text_or(tree, "node", "?"));
        (void)fputs("  gend ", stdout);
        out_text(get_text_or(tree, "version", "?"));
        if (has_int(tree, "pid"))
                (void)printf("  pid %" JSON_INTEGER_FORMAT, get_int(tree, "pid"));
        (void)printf("  up %s", format_duration(uptime, get_int(tree, "uptime_ms")));
        if (state && strcmp(state, "running") != 0) {
                (void)fputs("  ", stdout);
                out_in(COLOUR_BUSY, state);
        }
        (void)fputc('\n', stdout);
}

int verb_tree(Ctl *ctl)
{
        Drawing drawing = {.strokes = out_is_utf8() ? &lines : &ascii};
        json_auto_t *tree = NULL;
        json_t *params = NULL;
        int r;

        if (ctl->arg_count > 0)
                params = json_pack("{s:s}", "path", ctl->args[0]);
        if (ctl->arg_count > 0 && !params)
                return ctl_fail(ctl, CTL_EXIT_USAGE, "the path is no UTF-8");
        r = ctl_call(ctl, "tree", params, CTL_CALL_REPEATABLE, &tree);
        if (r != 0)
                return r;
        if (ctl->options.is_json) {
                print_json(tree);
                return CTL_EXIT_DONE;
        }
        if (ctl->arg_count > 0) {
                draw(&drawing, tree, 0);
                return CTL_EXIT_DONE;
        }
        draw_head(tree);
        draw_children(&drawing, json_object_get(tree, "applications"), 1);
        return CTL_EXIT_DONE;
}

/* --------------------------------------------------------------------------------------- list */

static void list_row(Table *table, const json_t *process)
{
        const char *state = get_text_or(process, "state", "?");
        char text[TIME_TEXT_BYTES];

        table_cell(table, COLOUR_NONE, get_text(process, "path"));
        table_cell(table, state_colour(state), state);
        text_format(text, sizeof(text), "%" JSON_INTEGER_FORMAT, get_int(process, "pid"));
        table_cell(table, COLOUR_NONE, has_int(process, "pid") ? text : NULL);
        table_cell(table, COLOUR_NONE,
                   has_int(process, "uptime_ms")
                           ? format_duration(text, get_int(process, "uptime_ms"))
                           : NULL);
        text_format(text, sizeof(text), "%" JSON_INTEGER_FORMAT, get_int(process, "restarts"));
        table_cell(table, COLOUR_NONE, text);
        table_cell(table, COLOUR_NONE, get_text(json_object_get(process, "last_exit"), "reason"));
}

int verb_list(Ctl *ctl)
{
        static const char *const titles[] = {"PATH",      "STATE",     ">PID", ">UPTIME",
                                             ">RESTARTS", "LAST EXIT", NULL};
        json_auto_t *result = NULL;
        json_t *processes, *process;
        Table *table;
        size_t i;
        int r;

        r = ctl_call(ctl, "list", NULL, CTL_CALL_REPEATABLE, &result);
        if (r != 0)
                return r;
        if (ctl->options.is_json) {
                print_json(result);
                return CTL_EXIT_DONE;
        }
        table = table_new(titles);
        processes = json_object_get(result, "processes");
        json_array_foreach(processes, i, process) list_row(table, process);
        table_print(table, out_width(), 0);
        (void)table_free(table);
        return CTL_EXIT_DONE;
}
