/*
 * Owns the small verbs: version, ping, nodes, rpc, check, and those about actors.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/verbs.h"
#include "protocols/spec.h"

int verb_version(Ctl *ctl)
{
        json_auto_t *result = NULL;
        int r;

        if (!ctl->options.is_json) {
                (void)puts("genctl " GEND_VERSION);
                (void)fflush(stdout);
        }
        r = ctl_call(ctl, "version", NULL, CTL_CALL_REPEATABLE, &result);
        if (r != 0)
                return r;
        if (ctl->options.is_json) {
                if (json_is_object(result))
                        (void)json_object_set_new(result, "genctl", json_string(GEND_VERSION));
                print_json(result);
                return CTL_EXIT_DONE;
        }
        (void)fputs("gend ", stdout);
        out_text(get_text_or(result, "version", "?"));
        (void)printf(" (protocol %" JSON_INTEGER_FORMAT ")\n", get_int(result, "protocol"));
        return CTL_EXIT_DONE;
}

int verb_ping(Ctl *ctl)
{
        usec_t before = now_usec(), taken;
        json_auto_t *result = NULL;
        int r;

        r = ctl_call(ctl, "ping", NULL, CTL_CALL_REPEATABLE, &result);
        if (r != 0)
                return r;
        taken = usec_sub(now_usec(), before);
        if (ctl->options.is_json) {
                print_json(result);
                return CTL_EXIT_DONE;
        }
        (void)fputs("pong from ", stdout);
        out_text(get_text_or(result, "node", "gend"));
        (void)printf(" in %.1fms\n", (double)taken / (double)USEC_PER_MSEC);
        return CTL_EXIT_DONE;
}

int verb_nodes(Ctl *ctl)
{
        json_auto_t *result = NULL;
        json_t *nodes, *it;
        size_t i;
        int r;

        r = ctl_call(ctl, "nodes", NULL, CTL_CALL_REPEATABLE, &result);
        if (r != 0)
                return r;
        if (ctl->options.is_json) {
                print_json(result);
                return CTL_EXIT_DONE;
        }
        nodes = json_object_get(result, "nodes");
        json_array_foreach(nodes, i, it)
        {
                out_text(json_is_string(it) ? json_string_value(it) : get_text_or(it, "name", "?"));
                (void)fputc('\n', stdout);
        }
        if (json_array_size(nodes) == 0 && out_is_terminal())
                (void)puts("no connected nodes");
        return CTL_EXIT_DONE;
}

int verb_rpc(Ctl *ctl)
{
        json_auto_t *result = NULL;
        json_t *params = NULL;
        json_error_t fault;
        int r;

        if (ctl->arg_count > 1) {
                params = json_loads(ctl->args[1], JSON_DECODE_ANY, &fault);
                if (!params)
                        return ctl_fail(ctl, CTL_EXIT_USAGE, "PARAMS in column %d: %s",
                                        fault.column, fault.text);
        }
        r = ctl_call(ctl, ctl->args[0], params, 0, &result);
        if (r != 0)
                return r;
        print_json(result);
        return CTL_EXIT_DONE;
}

/* -------------------------------------------------------------------------------------- actors */

/* An answer of whatever shape. */
static int show_answer(const Ctl *ctl, const json_t *result)
{
        const json_t *term = json_object_get(result, "term");

        if (!ctl->options.is_json && json_is_string(term)) {
                out_text(json_string_value(term));
                (void)fputc('\n', stdout);
                return CTL_EXIT_DONE;
        }
        if (ctl->options.is_json || json_object_size(result) > 0)
                print_json(result);
        return CTL_EXIT_DONE;
}

static int ask_actor(Ctl *ctl, const char *method, unsigned flags)
{
        json_t *params = json_pack("{s:s}", "name", ctl->args[0]);
        json_auto_t *result = NULL;
        json_error_t fault;
        json_t *term;
        int r;

        if (!params)
                return ctl_fail(ctl, CTL_EXIT_NO_PATH, "the name is no UTF-8");
        if (ctl->arg_count > 1 && ctl->options.is_json) {
                term = json_loads(ctl->args[1], JSON_DECODE_ANY, &fault);
                if (!term)
                        return ctl_fail(ctl, CTL_EXIT_USAGE, "the JSON in column %d: %s",
                                        fault.column, fault.text);
                (void)json_object_set_new(params, "json", term);
        } else if (ctl->arg_count > 1) {
                term = json_string(ctl->args[1]);
                if (!term)
                        return ctl_fail(ctl, CTL_EXIT_USAGE, "the term is no UTF-8");
                (void)json_object_set_new(params, "term", term);
        }
        r = ctl_call(ctl, method, params, flags, &result);
        return r != 0 ? r : show_answer(ctl, result);
}

int verb_call(Ctl *ctl)
{
        return ask_actor(ctl, "call", 0);
}

int verb_cast(Ctl *ctl)
{
        return ask_actor(ctl, "cast", 0);
}

int verb_send(Ctl *ctl)
{
        return ask_actor(ctl, "send", 0);
}

int verb_info(Ctl *ctl)
{
        return ask_actor(ctl, "info", CTL_CALL_REPEATABLE);
}

/* --------------------------------------------------------------------------------------- check */

static size_t count_processes(const NodeSpec *node)
{
        size_t count = node->kind == NODE_EXEC || node->kind == NODE_WORKER;

        for (size_t i = 0; i < node->child_count; i++)
                count += count_processes(node->children[i]);
        return count;
}

static json_t *faults_to_json(const SpecFaults *faults)
{
        json_t *list = json_array();

        for (size_t i = 0; i < faults->count; i++)
                (void)json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "line",
                                                            faults->items[i].line, "path",
                                                            faults->items[i].path, "message",
                                                            faults->items[i].message));
        return list;
}

static int tell_faults(const Ctl *ctl, const SpecFaults *faults, const char *file)
{
        _cleanup_(freep) char *text = NULL;
        json_t *data;

        if (ctl->options.is_json) {
                data = json_pack("{s:o, s:I}", "faults", faults_to_json(faults), "suppressed",
                                 (json_int_t)faults->suppressed);
                return ctl_fail_with(ctl, CTL_EXIT_FAILED, data, "%s: %zu faults", file,
                                     faults->count + faults->suppressed);
        }
        text = spec_faults_to_text(faults, file);
        if (!text)
                return ctl_fail_memory(ctl);
        (void)fputs(text, stderr);
        return CTL_EXIT_FAILED;
}

int verb_check(Ctl *ctl)
{
        const char *file = ctl->args[0];
        _cleanup_(freep) char *text = NULL, *folder = NULL;
        _cleanup_(spec_faults_deinit) SpecFaults faults = {.count = 0};
        _cleanup_(tree_spec_freep) TreeSpec *tree = NULL;
        size_t size = 0, processes = 0;
        int r;

        r = spec_read_file(file, &text, &size, &folder);
        if (r < 0)
                return ctl_fail(ctl, CTL_EXIT_FAILED, "%s: %s", file, strerror(-r));
        r = spec_parse(text, size, folder, &tree, &faults);
        if (r < 0)
                return ctl_fail_memory(ctl);
        if (r == SPEC_E_INVALID)
                return tell_faults(ctl, &faults, file);
        for (size_t i = 0; i < tree->application_count; i++)
                processes += count_processes(tree->applications[i]);
        if (ctl->options.is_json) {
                json_auto_t *result = json_pack("{s:s, s:I, s:I}", "file", file, "applications",
                                                (json_int_t)tree->application_count, "processes",
                                                (json_int_t)processes);

                print_json(result);
                return CTL_EXIT_DONE;
        }
        (void)printf("%s: ok, %zu application%s, %zu process%s\n", file, tree->application_count,
                     tree->application_count == 1 ? "" : "s", processes,
                     processes == 1 ? "" : "es");
        return CTL_EXIT_DONE;
}
