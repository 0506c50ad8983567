/*
 * What is wrong with a tree file: every fault with its line, path and words, all of them at once,
 * and the bounds.
 */

#include "protocols/spec.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"
#include "tests/unit/spec-fixture.h"

typedef struct FaultRow {
        const char *text;
        int line;
        const char *path;
        const char *message; /* a part of it */
} FaultRow;

#define CHILD0 "applications[0].children[0]"

/* Each has this one fault. */
// clang-format off
static const FaultRow fault_rows[] = {
        /* the top */
        { "{}", 1, "", "\"applications\" is missing" },
        { "{ 'applications': {} }", 1, "applications", "expected a list of applications, found an object" },
        { "{ 'applications': [\n 5 ] }", 2, "applications[0]", "expected an object" },
        { "{ 'node': 'x',\n 'applications': [] }", 1, "node", "NAME@HOST" },
        { "{ 'node': 'x@', 'applications': [] }", 1, "node", "NAME@HOST" },
        { "{ 'node': 'a@b@c', 'applications': [] }", 1, "node", "NAME@HOST" },
        { "{ 'node': 'a b@c', 'applications': [] }", 1, "node", "NAME@HOST" },
        { "{ 'node': 5, 'applications': [] }", 1, "node", "found the number 5" },
        { "{ 'transport': 'tcp', 'applications': [] }", 1, "transport", "expected one of \"direct\", \"nng\", found \"tcp\"" },
        { "{ 'aplications': [], 'applications': [] }", 1, "aplications", "did you mean \"applications\"?" },
        { "{ 'strategy': 'one_for_one', 'applications': [] }", 1, "strategy", "unknown key" },
        { "{ 'log': 5, 'applications': [] }", 1, "log", "expected an object" },
        { "{ 'log': { 'keep': -1 }, 'applications': [] }", 1, "log.keep", "from 0 to 1000" },
        { "{ 'log': { 'size': 1 }, 'applications': [] }", 1, "log.size", "expected one of max_size, keep" },
        { "{ 'log': { 'max_size': 0 }, 'applications': [] }", 1, "log.max_size", "expected more" },
        { "{ 'env': [], 'applications': [] }", 1, "env", "expected an object" },
        { "{ 'env': { 'A': 5 }, 'applications': [] }", 1, "env.A", "a string (in quotes), found the number 5" },
        { "{ 'env': { 'A': true }, 'applications': [] }", 1, "env.A", "a string (in quotes), found true" },
        { "{ 'env': { 'A=B': 'x' }, 'applications': [] }", 1, "env[\"A=B\"]", "no \"=\"" },
        { "{ 'env': { '': 'x' }, 'applications': [] }", 1, "env[\"\"]", "not empty" },

        /* applications */
        { "{ 'applications': [\n{ } ] }", 2, "applications[0]", "\"name\" is missing" },
        { "{ 'applications': [ { 'name': 'a' },\n { 'name': 'a' } ] }", 2, "applications[1].name", "\"a\" is taken by number [0]" },
        { "{ 'applications': [ { 'name': 'a', 'start': 'always' } ] }", 1, "applications[0].start", "\"permanent\", \"transient\", \"temporary\"" },
        { "{ 'applications': [ { 'name': 'a', 'restart': 'transient' } ] }", 1, "applications[0].restart", "does not apply to an application; it belongs to a supervisor, a worker, an exec child or an actor" },
        { "{ 'applications': [ { 'name': 'a', 'exec': ['x'] } ] }", 1, "applications[0].exec", "belongs to an exec child" },
        { "{ 'applications': [ { 'name': 'a', 'lifespan': 0 } ] }", 1, "applications[0].lifespan", "above 0" },
        { "{ 'applications': [ { 'name': 'a', 'version': 1 } ] }", 1, "applications[0].version", "expected a string" },
        { "{ 'applications': [ { 'name': 'a', 'requires': 'b' } ] }", 1, "applications[0].requires", "expected a list" },
        { "{ 'applications': [ { 'name': 'a', 'requires':\n ['b'] } ] }", 2, "applications[0].requires[0]", "the name of an application of this file, found \"b\"" },
        { "{ 'applications': [ { 'name': 'a', 'requires': ['a'] } ] }", 1, "applications[0].requires", "a requires a" },
        { "{ 'applications': [ { 'name': 'a', 'requires': ['c'] },\n { 'name': 'b', 'requires': ['a'] },\n { 'name': 'c', 'requires': ['b'] } ] }",
          2, "applications[1].requires", "a cycle: a requires c requires b requires a" },
        { "{ 'applications': [ { 'name': 'a', 'children': {} } ] }", 1, "applications[0].children", "expected a list of children" },
        { "{ 'applications': [ { 'name': 'a', 'strategy': 'simple_one_for_one' } ] }", 1, "applications[0].children", "exactly one child, the template, found 0" },

        /* kinds and names */
        { TREE_OF("7"), 3, CHILD0, "expected an object" },
        { TREE_OF("{ 'name': 'c' }"), 3, CHILD0, "found 0 of them" },
        { TREE_OF("{ " PROG ", 'children': [] }"), 3, CHILD0, "found 2 of them" },
        { TREE_OF("{ 'exec': ['./prog'] }"), 3, CHILD0, "\"name\" is missing" },
        { TREE_OF("{ 'name': '', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "empty" },
        { TREE_OF("{ 'name': 5, 'exec': ['./prog'] }"), 3, CHILD0 ".name", "expected a name" },
        { TREE_OF("{ 'name': 'a/b', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "no \"/\"" },
        { TREE_OF("{ 'name': 'a@1', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "no \"@\"" },
        { TREE_OF("{ 'name': 'a b', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "no white space" },
        { TREE_OF("{ 'name': 'a\\u0007', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "no control characters" },
        { TREE_OF("{ 'name': 'a\\u00a0b', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "no white space" },
        { TREE_OF("{ 'name': 'a\\u202eb', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "no control characters" },
        { TREE_OF("{ 'name': '.', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "no names" },
        { TREE_OF("{ 'name': '..', 'exec': ['./prog'] }"), 3, CHILD0 ".name", "no names" },
        { TREE_OF("{ 'name': '0123456789012345678901234567890123456789012345678901234567890123x', 'exec': ['./prog'] }"),
          3, CHILD0 ".name", "too long" },
        { TREE_OF("{ " PROG " },\n{ " PROG " }"), 4, "applications[0].children[1].name", "\"c\" is taken by number [0]" },
        { TREE_OF("{ " PROG ", 'instances': 2 },\n{ " PROG " }"), 4, "applications[0].children[1].name", "is taken" },
        { TREE_OF("{ 'name': '0123456789012345678901234567890123456789012345678901234567890123', 'exec': ['./prog'], 'instances': 2 }"),
          3, CHILD0 ".name", "too long for instances" },

        /* keys */
        { TREE_OF("{ " PROG ",\n'restrat': 'permanent' }"), 4, CHILD0 ".restrat", "unknown key \"restrat\"; did you mean \"restart\"?" },
        { TREE_OF("{ " PROG ",\n'zzzzzzzz': 1 }"), 4, CHILD0 ".zzzzzzzz", "expected one of name, env" },
        { TREE_OF("{ 'name': 's', 'children': [],\n'watchdog': '5s' }"), 4, CHILD0 ".watchdog", "\"watchdog\" does not apply to a supervisor; it belongs to a worker or an exec child" },
        { TREE_OF("{ " PROG ",\n'strategy': 'one_for_all' }"), 4, CHILD0 ".strategy", "does not apply to an exec child; it belongs to an application, a supervisor or a worker" },
        { TREE_OF("{ " PROG ",\n'actors': [] }"), 4, CHILD0 ".actors", "belongs to a worker" },
        { TREE_OF("{ " PROG ",\n'start': 'permanent' }"), 4, CHILD0 ".start", "belongs to an application" },
        { TREE_OF("{ " PROG ",\n'behaviour': 'x' }"), 4, CHILD0 ".behaviour", "belongs to an actor" },

        /* supervision */
        { TREE_OF("{ 'name': 's', 'children': [], 'strategy': 'all' }"), 3, CHILD0 ".strategy", "\"one_for_one\", \"one_for_all\", \"rest_for_one\", \"simple_one_for_one\", found \"all\"" },
        { TREE_OF("{ 'name': 's', 'children': [], 'intensity': -1 }"), 3, CHILD0 ".intensity", "from 0 to 10000" },
        { TREE_OF("{ 'name': 's', 'children': [], 'intensity': 10001 }"), 3, CHILD0 ".intensity", "from 0 to 10000" },
        { TREE_OF("{ 'name': 's', 'children': [], 'intensity': 1.5 }"), 3, CHILD0 ".intensity", "whole number" },
        { TREE_OF("{ 'name': 's', 'children': [], 'period': 0 }"), 3, CHILD0 ".period", "above 0" },
        { TREE_OF("{ 'name': 's', 'children': [], 'period': 'infinity' }"), 3, CHILD0 ".period", "found \"infinity\"" },
        { TREE_OF("{ 'name': 's', 'children': [], 'auto_shutdown': true }"), 3, CHILD0 ".auto_shutdown", "\"never\"" },
        { TREE_OF("{ 'name': 's', 'children': [], 'max_failures': '5' }"), 3, CHILD0 ".max_failures", "whole number" },
        { TREE_OF("{ 'name': 's', 'strategy': 'simple_one_for_one', 'children': [] }"), 3, CHILD0 ".children", "exactly one child" },
        { TREE_OF("{ 'name': 's', 'strategy': 'simple_one_for_one', 'children': [ { " PROG " }, { 'name': 'd', 'exec': ['./prog'] } ] }"),
          3, CHILD0 ".children", "found 2" },
        { TREE_OF("{ 'name': 's', 'strategy': 'simple_one_for_one', 'children': [ { " PROG ", 'instances': 2 } ] }"),
          3, CHILD0 ".children[0].instances", "expected 1" },
        { TREE_OF("{ 'name': 's', 'auto_shutdown': 'any_significant', 'children': [ { " PROG ", 'significant': true } ] }"),
          3, CHILD0 ".children[0].significant", "permanent" },
        { TREE_OF("{ " PROG ", 'restart': 'transient', 'significant': true }"), 3, CHILD0 ".significant", "\"auto_shutdown\" \"never\"" },
        { TREE_OF("{ " PROG ", 'significant': 1 }"), 3, CHILD0 ".significant", "true or false" },

        /* life */
        { TREE_OF("{ " PROG ", 'restart': 'never' }"), 3, CHILD0 ".restart", "\"permanent\", \"transient\", \"temporary\"" },
        { TREE_OF("{ " PROG ", 'shutdown': '5 parsecs' }"), 3, CHILD0 ".shutdown", "found \"5 parsecs\"" },
        { TREE_OF("{ " PROG ", 'shutdown': -1 }"), 3, CHILD0 ".shutdown", "found the number -1" },
        { TREE_OF("{ " PROG ", 'shutdown': 'kill' }"), 3, CHILD0 ".shutdown", "\"brutal_kill\"" },
        { TREE_OF("{ " PROG ", 'backoff': '1s' }"), 3, CHILD0 ".backoff", "expected an object" },
        { TREE_OF("{ " PROG ", 'backoff': { 'first': '1s' } }"), 3, CHILD0 ".backoff.first", "initial, max, factor, jitter, reset" },
        { TREE_OF("{ " PROG ", 'backoff': { 'factor': 0.5 } }"), 3, CHILD0 ".backoff.factor", "from 1" },
        { TREE_OF("{ " PROG ", 'backoff': { 'jitter': 2 } }"), 3, CHILD0 ".backoff.jitter", "from 0 to 1" },
        { TREE_OF("{ " PROG ", 'backoff': { 'initial': '2s', 'max': '1s' } }"), 3, CHILD0 ".backoff.max", "less than" },
        { TREE_OF("{ " PROG ", 'backoff': { 'initial': 0 } }"), 3, CHILD0 ".backoff.initial", "above 0" },
        { TREE_OF("{ " PROG ", 'ready': 'soon' }"), 3, CHILD0 ".ready", "\"spawn\", \"notify\"" },
        { TREE_OF("{ " PROG ", 'start_timeout': 0 }"), 3, CHILD0 ".start_timeout", "above 0" },
        { TREE_OF("{ " PROG ", 'watchdog': 'infinity' }"), 3, CHILD0 ".watchdog", "a duration" },
        { TREE_OF("{ " PROG ", 'watchdog': '999999999h' }"), 3, CHILD0 ".watchdog", "at most a century" },
        { TREE_OF("{ " PROG ", 'stop_signal': 'SIGFOO' }"), 3, CHILD0 ".stop_signal", "the name of a signal" },
        { TREE_OF("{ " PROG ", 'stop_signal': 15 }"), 3, CHILD0 ".stop_signal", "the name of a signal" },
        { TREE_OF("{ " PROG ", 'success_exit': 0 }"), 3, CHILD0 ".success_exit", "expected a list" },
        { TREE_OF("{ " PROG ", 'success_exit': [0, 256] }"), 3, CHILD0 ".success_exit[1]", "from 0 to 255" },

        /* process */
        { TREE_OF("{ 'name': 'c', 'exec': './prog' }"), 3, CHILD0 ".exec", "expected a list like [\"program\", \"argument\"]" },
        { TREE_OF("{ 'name': 'c', 'exec': [] }"), 3, CHILD0 ".exec", "empty list" },
        { TREE_OF("{ 'name': 'c', 'exec': ['./prog',\n 5] }"), 4, CHILD0 ".exec[1]", "expected a string" },
        { TREE_OF("{ 'name': 'c', 'exec': [''] }"), 3, CHILD0 ".exec[0]", "empty" },
        { TREE_OF("{ 'name': 'c', 'exec': ['/no/such/program'] }"), 3, CHILD0 ".exec[0]", "missing program /no/such/program: No such file" },
        { TREE_OF("{ 'name': 'c', 'exec': ['./nope'] }"), 3, CHILD0 ".exec[0]", "/nope: No such file" },
        { TREE_OF("{ 'name': 'c', 'exec': ['no-such-program-anywhere'] }"), 3, CHILD0 ".exec[0]", "there is none in $PATH" },
        { TREE_OF("{ 'name': 'c', 'exec': ['./text'] }"), 3, CHILD0 ".exec[0]", "/text: it may not be executed" },
        { TREE_OF("{ 'name': 'c', 'exec': ['./dir'] }"), 3, CHILD0 ".exec[0]", "/dir: it is a directory" },
        { TREE_OF("{ 'name': 'c', 'worker': './nope' }"), 3, CHILD0 ".worker", "missing program /" },
        { TREE_OF("{ 'name': 'c', 'worker': 5 }"), 3, CHILD0 ".worker", "expected a program" },
        { TREE_OF("{ " PROG ", 'instances': 0 }"), 3, CHILD0 ".instances", "from 1 to 4096" },
        { TREE_OF("{ " PROG ", 'instances': 4097 }"), 3, CHILD0 ".instances", "from 1 to 4096" },
        { TREE_OF("{ " PROG ", 'cwd': '' }"), 3, CHILD0 ".cwd", "expected a folder" },
        { TREE_OF("{ " PROG ", 'user': 'no-such-user-here' }"), 3, CHILD0 ".user", "a user of this system" },
        { TREE_OF("{ " PROG ", 'group': 'no-such-group-here' }"), 3, CHILD0 ".group", "a group of this system" },
        { TREE_OF("{ " PROG ", 'umask': 22 }"), 3, CHILD0 ".umask", "an octal number in quotes like \"022\", found the number 22" },
        { TREE_OF("{ " PROG ", 'umask': '089' }"), 3, CHILD0 ".umask", "octal" },
        { TREE_OF("{ " PROG ", 'umask': '1777' }"), 3, CHILD0 ".umask", "octal" },
        { TREE_OF("{ " PROG ", 'nice': 20 }"), 3, CHILD0 ".nice", "from -20 to 19" },
        { TREE_OF("{ " PROG ", 'no_new_privileges': 'yes' }"), 3, CHILD0 ".no_new_privileges", "true or false" },
        { TREE_OF("{ " PROG ", 'stdout': 'syslog' }"), 3, CHILD0 ".stdout", "\"log\", \"inherit\", \"null\" or \"file:PATH\"" },
        { TREE_OF("{ " PROG ", 'stderr': 'file:' }"), 3, CHILD0 ".stderr", "\"file:PATH\"" },
        { TREE_OF("{ " PROG ", 'limits': { 'nofiles': 5 } }"), 3, CHILD0 ".limits.nofiles", "did you mean \"nofile\"?" },
        { TREE_OF("{ " PROG ", 'limits': { 'nofile': -5 } }"), 3, CHILD0 ".limits.nofile", "a whole number, a size" },
        { TREE_OF("{ " PROG ", 'limits': { 'core': { 'soft': 2, 'hard': 1 } } }"), 3, CHILD0 ".limits.core", "above" },
        { TREE_OF("{ " PROG ", 'limits': { 'core': { 'soft': 2 } } }"), 3, CHILD0 ".limits.core", "both" },
        { TREE_OF("{ " PROG ", 'limits': 5 }"), 3, CHILD0 ".limits", "expected an object" },
        { TREE_OF("{ " PROG ", 'cgroup': { 'memory_max': '12Q' } }"), 3, CHILD0 ".cgroup.memory_max", "\"512M\"" },
        { TREE_OF("{ " PROG ", 'cgroup': { 'memory_max': 0 } }"), 3, CHILD0 ".cgroup.memory_max", "expected more" },
        { TREE_OF("{ " PROG ", 'cgroup': { 'cpu_max': 50 } }"), 3, CHILD0 ".cgroup.cpu_max", "\"50%\"" },
        { TREE_OF("{ " PROG ", 'cgroup': { 'cpu_max': '0%' } }"), 3, CHILD0 ".cgroup.cpu_max", "\"50%\"" },
        { TREE_OF("{ " PROG ", 'cgroup': { 'memory': 1 } }"), 3, CHILD0 ".cgroup.memory", "unknown key" },

        /* sockets */
        { TREE_OF("{ " PROG ", 'sockets': {} }"), 3, CHILD0 ".sockets", "expected a list" },
        { TREE_OF("{ " PROG ", 'sockets': [ 5 ] }"), 3, CHILD0 ".sockets[0]", "expected an object" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'listen': '80' } ] }"), 3, CHILD0 ".sockets[0]", "\"name\" is missing" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's' } ] }"), 3, CHILD0 ".sockets[0]", "\"listen\" is missing" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 'a:b', 'listen': '80' } ] }"), 3, CHILD0 ".sockets[0].name", "LISTEN_FDNAMES" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': 'localhost:80' } ] }"), 3, CHILD0 ".sockets[0].listen", "hosts as numbers" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': '127.0.0.1:0' } ] }"), 3, CHILD0 ".sockets[0].listen", "1 to 65535" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': '65536' } ] }"), 3, CHILD0 ".sockets[0].listen", "is no address" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': '::1:80' } ] }"), 3, CHILD0 ".sockets[0].listen", "is no address" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': '@' } ] }"), 3, CHILD0 ".sockets[0].listen", "is no address" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': '80', 'type': 'raw' } ] }"), 3, CHILD0 ".sockets[0].type", "\"stream\", \"datagram\", \"seqpacket\"" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': '80', 'type': 'seqpacket' } ] }"), 3, CHILD0 ".sockets[0].type", "Unix sockets only" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': '80' }, { 'name': 't', 'listen': '*:80' } ] }"),
          3, CHILD0 ".sockets[1].listen", "taken by " CHILD0 ".sockets[0]" },
        { TREE_OF("{ " PROG ", 'sockets': [ { 'name': 's', 'listen': '@x' } ] },\n{ 'name': 'd', 'exec': ['./prog'], 'sockets': [ { 'name': 's', 'listen': '@x' } ] }"),
          4, "applications[0].children[1].sockets[0].listen", "taken by " CHILD0 ".sockets[0]" },

        /* actors */
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'actors': {} }"), 3, CHILD0 ".actors", "expected a list" },
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'actors': [ 1 ] }"), 3, CHILD0 ".actors[0]", "expected an object" },
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'actors': [ { 'name': 'x' } ] }"), 3, CHILD0 ".actors[0]", "\"behaviour\" is missing" },
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'actors': [ { 'behaviour': 'x' } ] }"), 3, CHILD0 ".actors[0]", "\"name\" is missing" },
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'actors': [ { 'name': 'x', 'behaviour': 5 } ] }"), 3, CHILD0 ".actors[0].behaviour", "registers" },
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'actors': [ { 'name': 'x', 'behaviour': 'x', 'watchdog': 1 } ] }"),
          3, CHILD0 ".actors[0].watchdog", "does not apply to an actor" },
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'actors': [ { 'name': 'x', 'behaviour': 'x', 'argz': 1 } ] }"),
          3, CHILD0 ".actors[0].argz", "did you mean \"args\"?" },
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'actors': [ { 'name': 'x', 'behaviour': 'x' },\n{ 'name': 'x', 'behaviour': 'x' } ] }"),
          4, CHILD0 ".actors[1].name", "is taken" },
        { TREE_OF("{ 'name': 'w', 'worker': 'prog', 'strategy': 'simple_one_for_one', 'actors': [] }"), 3, CHILD0 ".actors", "exactly one actor" },

        /* text */
        { "", 1, "", "ends too early" },
        { "[]", 1, "", "expected an object" },
        { "{ 'applications': [\n{ 'name': 'a' }", 2, "applications", "ends too early" },
        { "{ 'applications': [ { 'name': 'a', } ] }", 1, "applications[0]", "no comma before a closing bracket" },
        { "{ // hello\n 'applications': [] }", 1, "", "no comments" },
        { "{ 'applications': [] }\n}", 2, "", "end of file expected" },
        { "{ 'applications': [],\n 'env': {},\n 'env': {} }", 3, "env", "stands twice" },
        { "{ 'applications': [ { 'name': 'a',\n 'name': 'b' } ] }", 2, "applications[0].name", "stands twice" },
        { "{ 'applications': [], 'env': { 'A': '\xff' } }", 1, "env.A", "unable to decode byte" },
        { "{ 'applications': [], 'env': { 'A': '\\u0000' } }", 1, "env.A", "a zero character" },
        { "{ 'applications': [], 'env': 1e999 }", 1, "env", "overflow" },
};
// clang-format on

/* SUP-086, SUP-168 among them */
START_TEST(every_fault_is_told_with_line_path_and_what_was_expected)
{
        const FaultRow *row = &fault_rows[_i];
        int r = parse(row->text);
        _cleanup_(freep) char *text = spec_faults_to_text(&faults, "tree.json");

        ck_assert_msg(r == SPEC_E_INVALID, "row %d: %d", _i, r);
        ck_assert_ptr_null(tree);
        ck_assert_msg(faults.count == 1, "row %d: %s", _i, text);
        ck_assert_msg(faults.items[0].line == row->line, "row %d, line %d: %s", _i, row->line,
                      text);
        ck_assert_msg(strcmp(faults.items[0].path, row->path) == 0, "row %d, %s: %s", _i, row->path,
                      text);
        ck_assert_msg(strstr(faults.items[0].message, row->message), "row %d, %s: %s", _i,
                      row->message, text);
}
END_TEST

START_TEST(all_faults_are_told_at_once_in_the_order_of_the_file)
{
        ck_assert_int_eq(
                parse("{ 'node': 5,\n 'applications': [\n { 'name': 'a', 'requires': ['z'],\n"
                      "'children': [\n { " PROG ", 'nice': 99 },\n { 'name': 'c',\n"
                      " 'exec': ['./nope'] } ] } ],\n 'transport': 1 }"),
                SPEC_E_INVALID);
        ck_assert_uint_eq(faults.count, 6);
        for (size_t i = 1; i < faults.count; i++)
                ck_assert_int_le(faults.items[i - 1].line, faults.items[i].line);
        ck_assert_int_eq(faults.items[5].line, 8);
}
END_TEST

START_TEST(every_key_that_stands_twice_is_told_and_hides_no_other_fault)
{
        ck_assert_int_eq(
                parse("{ 'applications': [],\n 'env': { 'A': '1',\n 'B': '2', 'A': '3' },\n"
                      "'env': {},\n 'node': 5 }"),
                SPEC_E_INVALID);
        ck_assert_uint_eq(faults.count, 3);
        ck_assert_str_eq(faults.items[0].path, "env.A");
        ck_assert_int_eq(faults.items[0].line, 3);
        ck_assert_str_eq(faults.items[1].path, "env");
        ck_assert_int_eq(faults.items[1].line, 4);
        ck_assert_str_eq(faults.items[2].path, "node");
        ck_assert_int_eq(faults.items[2].line, 5);
}
END_TEST

START_TEST(the_text_of_faults_has_file_line_and_path)
{
        _cleanup_(freep) char *text = NULL;

        ck_assert_int_eq(parse(TREE_OF("{ " PROG ", 'nice': 99 }")), SPEC_E_INVALID);
        text = spec_faults_to_text(&faults, "/etc/gend/tree.json");
        ck_assert_str_eq(text,
                         "/etc/gend/tree.json:3: applications[0].children[0].nice: expected a "
                         "whole number from -20 to 19, found the number 99\n");
}
END_TEST

START_TEST(more_faults_than_the_limit_are_counted)
{
        _cleanup_(freep) char *json = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&json, &size);

        ck_assert_ptr_nonnull(stream);
        (void)fputs("{ \"applications\": [", stream);
        for (unsigned i = 0; i < LIMIT_FAULTS + 23; i++)
                (void)fprintf(stream, "%s\n%u", i > 0 ? "," : "", i);
        (void)fputs("] }", stream);
        ck_assert_int_eq(fclose(stream), 0);
        ck_assert_int_eq(spec_parse(json, size, folder, &tree, &faults), SPEC_E_INVALID);
        ck_assert_uint_eq(faults.count, LIMIT_FAULTS);
        ck_assert_uint_eq(faults.suppressed, 23);
        text = spec_faults_to_text(&faults, "t");
        ck_assert_ptr_nonnull(strstr(text, "t: and 23 more\n"));
}
END_TEST

START_TEST(keys_that_are_no_words_are_shown_and_found)
{
        ck_assert_int_eq(
                parse("{ 'applications': [],\n 'a.b': 1,\n 'x\\u0041y z': 2,\n '\\u001b[31m': 3 }"),
                SPEC_E_INVALID);
        ck_assert_uint_eq(faults.count, 3);
        ck_assert_str_eq(faults.items[0].path, "[\"a.b\"]");
        ck_assert_int_eq(faults.items[0].line, 2);
        ck_assert_str_eq(faults.items[1].path, "[\"xAy z\"]");
        ck_assert_int_eq(faults.items[1].line, 3);
        ck_assert_str_eq(faults.items[2].path, "[\"?[31m\"]");
}
END_TEST

START_TEST(a_zero_byte_is_a_fault)
{
        static const char text[] = "{ \"applications\":\n [\0] }";

        ck_assert_int_eq(spec_parse(text, sizeof(text) - 1, folder, &tree, &faults),
                         SPEC_E_INVALID);
        ck_assert_int_eq(faults.items[0].line, 2);
        ck_assert_ptr_nonnull(strstr(faults.items[0].message, "a zero byte"));
}
END_TEST

static void fill(char *text, size_t *used, const char *piece, unsigned times)
{
        for (unsigned i = 0; i < times; i++) {
                *used = (size_t)(stpcpy(text + *used, piece) - text);
        }
}

START_TEST(json_nested_deeper_than_the_limit_is_a_fault_of_its_line)
{
        char text[8192];
        size_t used = 0;

        fill(text, &used, "{ \"x\": [\n", LIMIT_JSON_DEPTH / 2 + 1);
        ck_assert_int_eq(spec_parse(text, used, folder, &tree, &faults), SPEC_E_INVALID);
        ck_assert_uint_eq(faults.count, 1);
        ck_assert_int_eq(faults.items[0].line, LIMIT_JSON_DEPTH / 2 + 1);
        ck_assert_ptr_nonnull(strstr(faults.items[0].message, "at most 64 levels"));
}
END_TEST

START_TEST(brackets_in_strings_are_no_depth)
{
        char text[8192];
        size_t used = 0;

        fill(text, &used, "{ \"applications\": [], \"env\": { \"A\": \"\\\"", 1);
        fill(text, &used, "[", 200);
        fill(text, &used, "\" } }", 1);
        ck_assert_int_eq(spec_parse(text, used, folder, &tree, &faults), 0);
}
END_TEST

START_TEST(a_tree_nested_deeper_than_the_limit_is_a_fault)
{
        char text[8192];
        size_t used = 0;

        /* The application is the first level. */
        for (unsigned extra = 0; extra < 2; extra++) {
                used = 0;
                fill(text, &used, "{ \"applications\": [ { \"name\": \"a\", \"children\": [", 1);
                fill(text, &used, "{ \"name\": \"s\", \"children\": [",
                     LIMIT_TREE_DEPTH - 1 + extra);
                fill(text, &used, "] }", LIMIT_TREE_DEPTH - 1 + extra);
                fill(text, &used, "] } ] }", 1);
                ck_assert_int_eq(spec_parse(text, used, folder, &tree, &faults),
                                 extra == 0 ? 0 : SPEC_E_INVALID);
        }
        ck_assert_ptr_nonnull(strstr(faults.items[0].message, "nested too deep"));
}
END_TEST

START_TEST(a_path_longer_than_the_limit_is_a_fault)
{
        char text[8192];
        size_t used = 0;
        static const char name[] =
                "0123456789012345678901234567890123456789012345678901234567890123";

        fill(text, &used, "{ \"applications\": [ { \"name\": \"a\", \"children\": [", 1);
        for (unsigned i = 0; i < 8; i++) {
                fill(text, &used, "{ \"name\": \"", 1);
                fill(text, &used, name, 1);
                fill(text, &used, "\", \"children\": [", 1);
        }
        fill(text, &used, "] }", 8);
        fill(text, &used, "] } ] }", 1);
        ck_assert_int_eq(spec_parse(text, used, folder, &tree, &faults), SPEC_E_INVALID);
        ck_assert_uint_eq(faults.count, 1);
        ck_assert_ptr_nonnull(strstr(faults.items[0].message, "at most 511 bytes"));
}
END_TEST

START_TEST(more_processes_than_slots_are_one_fault)
{
        ck_assert_int_eq(parse(TREE_OF("{ 'name': 'a', 'exec': ['./prog'], 'instances': 4096 },"
                                       "{ 'name': 'b', 'exec': ['./prog'], 'instances': 4096 },"
                                       "{ 'name': 'c', 'exec': ['./prog'], 'instances': 4096 },"
                                       "{ 'name': 'd', 'exec': ['./prog'], 'instances': 4096 },"
                                       "{ 'name': 'e', 'exec': ['./prog'] },"
                                       "{ 'name': 'f', 'exec': ['./prog'] }")),
                         SPEC_E_INVALID);
        ck_assert_uint_eq(faults.count, 1);
        ck_assert_str_eq(faults.items[0].path, "applications[0].children[4]");
        ck_assert_ptr_nonnull(strstr(faults.items[0].message, "at most 16384 processes"));
}
END_TEST

static TCase *fault_case(void)
{
        TCase *tcase = tcase_create("faults");

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_loop_test(tcase, every_fault_is_told_with_line_path_and_what_was_expected, 0,
                            ARRAY_LEN(fault_rows));
        tcase_add_test(tcase, all_faults_are_told_at_once_in_the_order_of_the_file);
        tcase_add_test(tcase, every_key_that_stands_twice_is_told_and_hides_no_other_fault);
        tcase_add_test(tcase, the_text_of_faults_has_file_line_and_path);
        tcase_add_test(tcase, more_faults_than_the_limit_are_counted);
        tcase_add_test(tcase, keys_that_are_no_words_are_shown_and_found);
        tcase_add_test(tcase, a_zero_byte_is_a_fault);
        tcase_add_test(tcase, json_nested_deeper_than_the_limit_is_a_fault_of_its_line);
        tcase_add_test(tcase, brackets_in_strings_are_no_depth);
        tcase_add_test(tcase, a_tree_nested_deeper_than_the_limit_is_a_fault);
        tcase_add_test(tcase, a_path_longer_than_the_limit_is_a_fault);
        tcase_add_test(tcase, more_processes_than_slots_are_one_fault);
        return tcase;
}

TEST_MAIN("spec-faults", fault_case())
