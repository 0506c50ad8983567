/*
 * The tree file: every key with its default, every fault with its line, path and words, the bounds,
 * and what instances, copies and comparisons are made of. In these texts ' stands for ".
 */

#include "protocols/spec.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"
#include "tests/unit/spec-fixture.h"

static const NodeSpec *child_of(const char *text)
{
        assert_parses(text);
        ck_assert_uint_eq(tree->applications[0]->child_count, 1);
        return tree->applications[0]->children[0];
}

START_TEST(an_exec_child_has_the_defaults_of_the_contract)
{
        const NodeSpec *node = child_of(TREE_OF("{ " PROG " }"));
        char file[128];

        (void)snprintf(file, sizeof(file), "%s/prog", folder);
        ck_assert_int_eq(node->kind, NODE_EXEC);
        ck_assert_str_eq(node->name, "c");
        ck_assert_str_eq(node->process.file, file);
        ck_assert_str_eq(node->process.argv[0], "./prog");
        ck_assert_ptr_null(node->process.argv[1]);
        ck_assert_int_eq(node->child.restart, RESTART_PERMANENT);
        ck_assert(!node->child.is_significant && node->child.is_autostart &&
                  !node->child.is_brutal);
        ck_assert_uint_eq(node->child.shutdown_usec, 5 * USEC_PER_SEC);
        ck_assert(!node->child.backoff.is_set);
        ck_assert_int_eq(node->process.ready, READY_SPAWN);
        ck_assert_uint_eq(node->process.start_timeout_usec, 30 * USEC_PER_SEC);
        ck_assert_uint_eq(node->process.watchdog_usec, 0);
        ck_assert_int_eq(node->process.stop_signal, SIGTERM);
        ck_assert_uint_eq(node->process.success_exit_count, 0);
        ck_assert_ptr_null(node->process.cwd);
        ck_assert_uint_eq(node->process.uid, SPAWN_ID_INHERIT);
        ck_assert_uint_eq(node->process.gid, SPAWN_ID_INHERIT);
        ck_assert_int_eq(node->process.umask, SPAWN_INHERIT);
        ck_assert_int_eq(node->process.nice, SPAWN_INHERIT);
        ck_assert(node->process.no_new_privileges && !node->process.has_cgroup);
        ck_assert_int_eq(node->process.out_mode, STDIO_LOG);
        ck_assert_int_eq(node->process.err_mode, STDIO_LOG);
        ck_assert_uint_eq(node->process.socket_count, 0);
        ck_assert_uint_eq(node->process.instances, 1);
        ck_assert_uint_eq(node->env.count, 0);
        ck_assert_ptr_nonnull(json_object_get(node->source, "exec"));
}
END_TEST

static void assert_supervisor_defaults(const SupervisorSpec *supervisor)
{
        ck_assert_int_eq(supervisor->strategy, STRATEGY_ONE_FOR_ONE);
        ck_assert_uint_eq(supervisor->intensity, 10);
        ck_assert_uint_eq(supervisor->period_usec, 10 * USEC_PER_SEC);
        ck_assert_uint_eq(supervisor->max_failures, 20);
        ck_assert_int_eq(supervisor->auto_shutdown, AUTO_SHUTDOWN_NEVER);
}

/* SUP-104 */
START_TEST(a_worker_and_a_supervisor_have_the_defaults_of_the_contract)
{
        const NodeSpec *node = child_of(TREE_OF("{ 'name': 'w', 'worker': 'prog' }"));

        ck_assert_int_eq(node->kind, NODE_WORKER);
        ck_assert_int_eq(node->process.ready, READY_NOTIFY);
        ck_assert_uint_eq(node->child.shutdown_usec, 5 * USEC_PER_SEC);
        assert_supervisor_defaults(&node->supervisor);
        ck_assert_ptr_null(node->actors);

        node = child_of(TREE_OF("{ 'name': 's', 'children': [] }"));
        ck_assert_int_eq(node->kind, NODE_SUPERVISOR);
        ck_assert_uint_eq(node->child.shutdown_usec, USEC_INFINITY);
        ck_assert_int_eq(node->child.restart, RESTART_PERMANENT);
        assert_supervisor_defaults(&node->supervisor);
}
END_TEST

START_TEST(the_top_and_an_application_have_the_defaults_of_the_contract)
{
        const NodeSpec *app;

        assert_parses("{ 'applications': [ { 'name': 'a' } ] }");
        app = tree->applications[0];
        ck_assert_int_eq(strncmp(tree->node, "gend@", 5), 0);
        ck_assert_str_eq(tree->folder, folder);
        ck_assert(!tree->use_nng_transport);
        ck_assert_uint_eq(tree->log.rotate_bytes, 10 * 1024 * 1024);
        ck_assert_uint_eq(tree->log.keep_files, 5);
        ck_assert_int_eq(app->kind, NODE_APPLICATION);
        ck_assert_int_eq(app->app.start, START_TEMPORARY);
        ck_assert_uint_eq(app->app.lifespan_usec, USEC_INFINITY);
        ck_assert_ptr_nonnull(app->app.required);
        ck_assert_ptr_null(app->app.required[0]);
        ck_assert(app->child.is_autostart);
        assert_supervisor_defaults(&app->supervisor);
}
END_TEST

START_TEST(every_key_of_a_process_is_taken_over)
{
        const NodeSpec *node = child_of(
                TREE_OF("{ 'name': 'c', 'exec': ['sh', '-c', ''], 'env': { 'A': '1', 'B': '' },"
                        "  'autostart': false, 'restart': 'transient', 'shutdown': 'brutal_kill',"
                        "  'backoff': { 'initial': '200ms', 'max': '1m', 'factor': 1.5, 'jitter': "
                        "0, 'reset': 9 },"
                        "  'ready': 'notify', 'start_timeout': 'infinity', 'watchdog': '10s',"
                        "  'stop_signal': 'SIGINT', 'success_exit': [0, 2, 255], 'cwd': 'dir', "
                        "'user': 'root',"
                        "  'umask': '027', 'nice': -5, 'no_new_privileges': false,"
                        "  'limits': { 'nofile': 4096, 'core': 'infinity', 'memlock': { 'soft': "
                        "'64K', 'hard': '1M' } },"
                        "  'cgroup': { 'memory_max': '512M', 'pids_max': 64, 'cpu_max': '50%', "
                        "'optional': true },"
                        "  'stdout': 'file:logs/out', 'stderr': 'null' }"));
        const ProcessSpec *process = &node->process;
        char path[128];

        ck_assert_int_eq(process->file[0], '/');
        ck_assert_str_eq(process->argv[0], "sh");
        ck_assert_str_eq(process->argv[2], "");
        ck_assert_uint_eq(node->env.count, 2);
        ck_assert_str_eq(node->env.vars[0].name, "A");
        ck_assert_str_eq(node->env.vars[1].value, "");
        ck_assert(!node->child.is_autostart && node->child.is_brutal);
        ck_assert_int_eq(node->child.restart, RESTART_TRANSIENT);
        ck_assert(node->child.backoff.is_set);
        ck_assert_uint_eq(node->child.backoff.initial_usec, 200 * USEC_PER_MSEC);
        ck_assert_uint_eq(node->child.backoff.max_usec, 60 * USEC_PER_SEC);
        ck_assert_double_eq_tol(node->child.backoff.factor, 1.5, 1e-9);
        ck_assert_double_eq_tol(node->child.backoff.jitter, 0, 1e-9);
        ck_assert_uint_eq(node->child.backoff.reset_usec, 9 * USEC_PER_SEC);
        ck_assert_int_eq(process->ready, READY_NOTIFY);
        ck_assert_uint_eq(process->start_timeout_usec, USEC_INFINITY);
        ck_assert_uint_eq(process->watchdog_usec, 10 * USEC_PER_SEC);
        ck_assert_int_eq(process->stop_signal, SIGINT);
        ck_assert_uint_eq(process->success_exit_count, 3);
        ck_assert_uint_eq(process->success_exit[2], 255);
        (void)snprintf(path, sizeof(path), "%s/dir", folder);
        ck_assert_str_eq(process->cwd, path);
        ck_assert_uint_eq(process->uid, 0);
        ck_assert_uint_eq(process->gid, 0);
        ck_assert_int_eq(process->umask, 027);
        ck_assert_int_eq(process->nice, -5);
        ck_assert(!process->no_new_privileges);
        ck_assert(process->limits[RLIMIT_NOFILE].is_set);
        ck_assert_uint_eq(process->limits[RLIMIT_NOFILE].soft, 4096);
        ck_assert_uint_eq(process->limits[RLIMIT_CORE].hard, RLIM_INFINITY);
        ck_assert_uint_eq(process->limits[RLIMIT_MEMLOCK].soft, 64 * 1024);
        ck_assert_uint_eq(process->limits[RLIMIT_MEMLOCK].hard, 1024 * 1024);
        ck_assert(process->has_cgroup && process->cgroup_optional);
        ck_assert_uint_eq(process->memory_max, 512 * 1024 * 1024);
        ck_assert_uint_eq(process->pids_max, 64);
        ck_assert_uint_eq(process->cpu_max_percent, 50);
        (void)snprintf(path, sizeof(path), "%s/logs/out", folder);
        ck_assert_int_eq(process->out_mode, STDIO_FILE);
        ck_assert_str_eq(process->out_file, path);
        ck_assert_int_eq(process->err_mode, STDIO_NULL);
}
END_TEST

START_TEST(every_key_of_the_top_and_of_an_application_is_taken_over)
{
        const NodeSpec *app;

        assert_parses(
                "{ 'node': 'shop@localhost', 'env': { 'L': 'info' }, 'transport': 'nng',"
                "  'log': { 'max_size': '1M', 'keep': 2 },"
                "  'applications': [ { 'name': 'base' }, { 'name': 'shop', 'version': '1.2.0',"
                "  'description': 'the shop', 'start': 'permanent', 'requires': ['base'],"
                "  'lifespan': '1h', 'env': { 'C': 'EUR' }, 'strategy': 'rest_for_one',"
                "  'intensity': 5, 'period': '0.5s', 'max_failures': 0, 'autostart': false,"
                "  'auto_shutdown': 'all_significant', 'children': [] } ] }");
        app = tree->applications[1];
        ck_assert_str_eq(tree->node, "shop@localhost");
        ck_assert_str_eq(tree->env.vars[0].value, "info");
        ck_assert(tree->use_nng_transport);
        ck_assert_uint_eq(tree->log.rotate_bytes, 1024 * 1024);
        ck_assert_uint_eq(tree->log.keep_files, 2);
        ck_assert_str_eq(app->app.version, "1.2.0");
        ck_assert_str_eq(app->app.description, "the shop");
        ck_assert_int_eq(app->app.start, START_PERMANENT);
        ck_assert_str_eq(app->app.required[0], "base");
        ck_assert_uint_eq(app->app.lifespan_usec, 3600 * USEC_PER_SEC);
        ck_assert_int_eq(app->supervisor.strategy, STRATEGY_REST_FOR_ONE);
        ck_assert_uint_eq(app->supervisor.intensity, 5);
        ck_assert_uint_eq(app->supervisor.period_usec, 500 * USEC_PER_MSEC);
        ck_assert_uint_eq(app->supervisor.max_failures, 0);
        ck_assert_int_eq(app->supervisor.auto_shutdown, AUTO_SHUTDOWN_ALL_SIGNIFICANT);
        ck_assert(!app->child.is_autostart);
}
END_TEST

START_TEST(a_worker_keeps_the_list_of_its_actors)
{
        const NodeSpec *node = child_of(TREE_OF(
                "{ 'name': 'w', 'worker': ['./prog', 'x'], 'auto_shutdown': 'any_significant', "
                "'actors': ["
                "  { 'name': 'cache', 'behaviour': 'cache', 'args': { 'size': 1000 } },"
                "  { 'name': 'b', 'behaviour': 'b', 'restart': 'transient', 'significant': true,"
                "    'shutdown': 'infinity' } ] }"));

        ck_assert_uint_eq(json_array_size(node->actors), 2);
        ck_assert_str_eq(node->process.argv[1], "x");
}
END_TEST

START_TEST(a_template_is_one_child_however_many_are_spawned)
{
        const NodeSpec *node = child_of(TREE_OF(
                "{ 'name': 's', 'strategy': 'simple_one_for_one', 'children': [ { " PROG " } ] }"));

        ck_assert_uint_eq(node->child_count, 1);
        ck_assert_str_eq(node->children[0]->name, "c");
}
END_TEST

START_TEST(instances_become_nodes_of_their_own_in_start_order)
{
        const NodeSpec *app;

        assert_parses(TREE_OF(
                "{ 'name': 'x', 'exec': ['./prog'] },"
                "{ 'name': 'w', 'exec': ['./prog', 'y'], 'instances': 3, 'env': { 'A': 'b' },"
                "  'success_exit': [4], 'sockets': [ { 'name': 's', 'listen': '@i' } ] },"
                "{ 'name': 'z', 'exec': ['./prog'], 'instances': 1 }"));
        app = tree->applications[0];
        ck_assert_uint_eq(app->child_count, 5);
        ck_assert_str_eq(app->children[0]->name, "x");
        ck_assert_str_eq(app->children[1]->name, "w@1");
        ck_assert_str_eq(app->children[2]->name, "w@2");
        ck_assert_str_eq(app->children[3]->name, "w@3");
        ck_assert_str_eq(app->children[4]->name, "z");
        ck_assert_uint_eq(app->children[3]->process.instances, 3);
        ck_assert_str_eq(app->children[3]->process.argv[1], "y");
        ck_assert_str_eq(app->children[3]->process.sockets[0].name, "s");
        ck_assert_int_eq(node_spec_compare(app->children[1], app->children[3]), SPEC_SAME);
}
END_TEST

START_TEST(a_dynamic_child_is_the_template_with_more_arguments)
{
        const NodeSpec *node =
                child_of(TREE_OF("{ 'name': 's', 'strategy': 'simple_one_for_one', 'children': ["
                                 "  { 'name': 'job', 'exec': ['./prog', 'a'], 'env': { 'A': 'b' }, "
                                 "'user': 'root' } ] }"));
        char b[] = "b", c[] = "c";
        char *const more[] = {b, c, NULL};
        _cleanup_(node_spec_freep) NodeSpec *job = NULL;

        assert_ok(node_spec_instance(node->children[0], "job@7", more, &job));
        ck_assert_str_eq(job->name, "job@7");
        ck_assert_str_eq(job->process.argv[0], "./prog");
        ck_assert_str_eq(job->process.argv[1], "a");
        ck_assert_str_eq(job->process.argv[2], "b");
        ck_assert_str_eq(job->process.argv[3], "c");
        ck_assert_ptr_null(job->process.argv[4]);
        ck_assert_str_eq(job->process.user, "root");
        ck_assert(env_list_equal(&job->env, &node->children[0]->env));
        ck_assert_int_eq(node_spec_compare(job, node->children[0]), SPEC_CHANGED);
}
END_TEST

START_TEST(a_nested_template_is_copied_whole)
{
        const NodeSpec *node =
                child_of(TREE_OF("{ 'name': 's', 'strategy': 'simple_one_for_one', 'children': ["
                                 "  { 'name': 'pair', 'children': [ { " PROG
                                 " }, { 'name': 'd', 'exec': ['./prog'] } ] } ] }"));
        _cleanup_(node_spec_freep) NodeSpec *pair = NULL;

        assert_ok(node_spec_instance(node->children[0], "pair@1", NULL, &pair));
        ck_assert_uint_eq(pair->child_count, 2);
        ck_assert_str_eq(pair->children[1]->name, "d");
        ck_assert_str_eq(pair->children[1]->process.argv[0], "./prog");
}
END_TEST

static void assert_listens(const ProcessSpec *process, size_t index, int family, socklen_t size)
{
        struct sockaddr_storage address = {0};

        memcpy(&address, process->sockets[index].address, sizeof(process->sockets[index].address));
        ck_assert_int_eq(address.ss_family, family);
        ck_assert_uint_eq(process->sockets[index].address_len, size);
}

START_TEST(addresses_have_five_forms)
{
        const ProcessSpec *process =
                &child_of(TREE_OF("{ " PROG ", 'sockets': ["
                                  " { 'name': 'a', 'listen': '127.0.0.1:8080' },"
                                  " { 'name': 'b', 'listen': '[::1]:8080', 'type': 'datagram' },"
                                  " { 'name': 'c', 'listen': '/run/x.sock', 'type': 'seqpacket' },"
                                  " { 'name': 'd', 'listen': '@abc' },"
                                  " { 'name': 'e', 'listen': '*:8081' },"
                                  " { 'name': 'f', 'listen': '8082' } ] }"))
                         ->process;
        struct sockaddr_in ipv4;

        ck_assert_uint_eq(process->socket_count, 6);
        assert_listens(process, 0, AF_INET, sizeof(struct sockaddr_in));
        memcpy(&ipv4, process->sockets[0].address, sizeof(ipv4));
        ck_assert_uint_eq(ntohs(ipv4.sin_port), 8080);
        ck_assert_uint_eq(ntohl(ipv4.sin_addr.s_addr), INADDR_LOOPBACK);
        assert_listens(process, 1, AF_INET6, sizeof(struct sockaddr_in6));
        ck_assert_uint_eq(process->sockets[1].socktype, SOCK_DGRAM);
        assert_listens(process, 2, AF_UNIX, offsetof(struct sockaddr_un, sun_path) + 12);
        ck_assert_uint_eq(process->sockets[2].socktype, SOCK_SEQPACKET);
        assert_listens(process, 3, AF_UNIX, offsetof(struct sockaddr_un, sun_path) + 4);
        ck_assert_uint_eq(process->sockets[4].address_len, process->sockets[5].address_len);
        ck_assert_str_eq(process->sockets[5].name, "f");
}
END_TEST

START_TEST(a_program_without_slash_is_looked_for_in_the_folder_then_in_the_path)
{
        const NodeSpec *node = child_of(TREE_OF("{ 'name': 'c', 'exec': ['prog'] }"));
        char file[128];

        (void)snprintf(file, sizeof(file), "%s/prog", folder);
        ck_assert_str_eq(node->process.file, file);
        node = child_of(TREE_OF("{ 'name': 'c', 'exec': ['sh'] }"));
        ck_assert_str_eq(node->process.file + strlen(node->process.file) - 3, "/sh");
        ck_assert_str_eq(node->process.argv[0], "sh");
}
END_TEST

/* What is said of a copy with one key more or less. */
static const struct {
        const char *a;
        const char *b;
        SpecChange change;
} compare_rows[] = {
        {PROG, PROG, SPEC_SAME},
        {PROG ", 'shutdown': '5s'", PROG ", 'shutdown': '5000ms'", SPEC_SAME},
        {PROG, PROG ", 'shutdown': 5, 'restart': 'permanent'", SPEC_SAME},
        {PROG ", 'env': { 'A': '1', 'B': '2' }", PROG ", 'env': { 'B': '2', 'A': '1' }", SPEC_SAME},
        {PROG, PROG ", 'shutdown': '6s'", SPEC_UPDATED},
        {PROG, PROG ", 'shutdown': 'brutal_kill'", SPEC_UPDATED},
        {PROG, PROG ", 'restart': 'transient'", SPEC_UPDATED},
        {PROG, PROG ", 'autostart': false", SPEC_UPDATED},
        {PROG, PROG ", 'backoff': {}", SPEC_UPDATED},
        {PROG ", 'backoff': {}", PROG ", 'backoff': { 'factor': 3 }", SPEC_UPDATED},
        {PROG, PROG ", 'success_exit': [3]", SPEC_UPDATED},
        {PROG, PROG ", 'stop_signal': 'SIGINT'", SPEC_UPDATED},
        {PROG, PROG ", 'start_timeout': 1", SPEC_UPDATED},
        {PROG, PROG ", 'ready': 'notify'", SPEC_UPDATED},
        {PROG, "'name': 'c', 'exec': ['prog']", SPEC_CHANGED},
        {PROG, "'name': 'c', 'exec': ['./prog', 'x']", SPEC_CHANGED},
        {PROG, "'name': 'c', 'worker': './prog'", SPEC_CHANGED},
        {PROG, "'name': 'c', 'children': []", SPEC_CHANGED},
        {PROG, PROG ", 'env': { 'A': '1' }", SPEC_CHANGED},
        {PROG ", 'env': { 'A': '2' }", PROG ", 'env': { 'A': '1' }", SPEC_CHANGED},
        {PROG, PROG ", 'watchdog': 1", SPEC_CHANGED},
        {PROG, PROG ", 'cwd': 'dir'", SPEC_CHANGED},
        {PROG, PROG ", 'user': 'root'", SPEC_CHANGED},
        {PROG, PROG ", 'umask': '022'", SPEC_CHANGED},
        {PROG, PROG ", 'nice': 1", SPEC_CHANGED},
        {PROG, PROG ", 'no_new_privileges': false", SPEC_CHANGED},
        {PROG, PROG ", 'limits': { 'core': 0 }", SPEC_CHANGED},
        {PROG, PROG ", 'cgroup': { 'pids_max': 5 }", SPEC_CHANGED},
        {PROG, PROG ", 'stdout': 'null'", SPEC_CHANGED},
        {PROG ", 'stderr': 'file:a'", PROG ", 'stderr': 'file:b'", SPEC_CHANGED},
        {PROG, PROG ", 'sockets': [ { 'name': 's', 'listen': '80' } ]", SPEC_CHANGED},
        {"'name': 's', 'children': []", "'name': 's', 'children': [], 'intensity': 1",
         SPEC_UPDATED},
        {"'name': 's', 'children': []", "'name': 's', 'children': [], 'strategy': 'one_for_all'",
         SPEC_UPDATED},
        {"'name': 's', 'children': []", "'name': 's', 'children': [], 'env': { 'A': '1' }",
         SPEC_UPDATED},
        {"'name': 's', 'children': [ { " PROG " } ]",
         "'name': 's', 'children': [ { " PROG " } ], 'strategy': 'simple_one_for_one'",
         SPEC_CHANGED},
        {"'name': 'w', 'worker': 'prog'", "'name': 'w', 'worker': 'prog', 'intensity': 1",
         SPEC_CHANGED},
        {"'name': 'w', 'worker': 'prog'",
         "'name': 'w', 'worker': 'prog', 'actors': [ { 'name': 'a', 'behaviour': 'b' } ]",
         SPEC_CHANGED},
};

START_TEST(a_comparison_tells_what_a_reload_has_to_do)
{
        _cleanup_(tree_spec_freep) TreeSpec *first = NULL;
        char text[512];
        SpecChange change;

        (void)snprintf(text, sizeof(text), TREE_OF("{ %s }"), compare_rows[_i].a);
        assert_parses(text);
        first = steal_ptr(tree);
        (void)snprintf(text, sizeof(text), TREE_OF("{ %s }"), compare_rows[_i].b);
        assert_parses(text);
        change = node_spec_compare(first->applications[0]->children[0],
                                   tree->applications[0]->children[0]);
        ck_assert_msg(change == compare_rows[_i].change, "%s and %s: %u", compare_rows[_i].a,
                      compare_rows[_i].b, change);
        change = node_spec_compare(tree->applications[0]->children[0],
                                   first->applications[0]->children[0]);
        ck_assert_uint_eq(change, compare_rows[_i].change);
}
END_TEST

START_TEST(a_child_alone_is_checked_as_a_child_of_its_parent)
{
        const NodeSpec *parent = child_of(TREE_OF("{ 'name': 's', 'children': [] }"));
        _cleanup_(freep) char *json = quoted("{ 'name': 'n', 'exec': ['./prog'], 'instances': 2 }");
        _cleanup_(freep) char *wrong =
                quoted("{ 'name': 'n', 'exec': ['./prog'],\n 'restart': 'temporary',"
                       "\n 'significant': true }");
        NodeSpecs nodes;

        assert_ok(spec_parse_child(json, strlen(json), folder, parent, &nodes, &faults));
        ck_assert_uint_eq(nodes.count, 2);
        ck_assert_str_eq(nodes.items[0]->name, "n@1");
        ck_assert_str_eq(nodes.items[1]->name, "n@2");
        node_specs_deinit(&nodes);

        ck_assert_int_eq(spec_parse_child(wrong, strlen(wrong), folder, parent, &nodes, &faults),
                         SPEC_E_INVALID);
        ck_assert_uint_eq(faults.count, 1);
        ck_assert_int_eq(faults.items[0].line, 3);
        ck_assert_str_eq(faults.items[0].path, "significant");
}
END_TEST

/* A program or a user that goes away must not make gend-supervisor forget the tree. */
START_TEST(a_text_that_was_accepted_is_read_again_without_its_programs)
{
        static const char text[] =
                TREE_OF("{ 'name': 'c', 'exec': ['./gone'], 'user': 'nobody-of-that-name' }");
        _cleanup_(freep) char *json = quoted(text);
        const ProcessSpec *process;

        ck_assert_int_eq(parse(text), SPEC_E_INVALID);
        spec_faults_deinit(&faults);
        assert_ok(spec_parse_accepted(json, strlen(json), folder, &tree, &faults));
        process = &tree->applications[0]->children[0]->process;
        ck_assert_int_eq(strncmp(process->file, folder, strlen(folder)), 0);
        ck_assert_str_eq(process->user, "nobody-of-that-name");
        ck_assert_uint_eq(process->uid, SPAWN_ID_INHERIT);
}
END_TEST

// clang-format off
static const struct {
        const char *text;
        int r;
        usec_t usec;
} duration_rows[] = {
        { "250ms", 0, 250 * USEC_PER_MSEC },   { "5s", 0, 5 * USEC_PER_SEC },
        { "2m", 0, 120 * USEC_PER_SEC },       { "1h", 0, 3600 * USEC_PER_SEC },
        { "0", 0, 0 },                         { "7", 0, 7 * USEC_PER_SEC },
        { "1.5s", 0, 1500 * USEC_PER_MSEC },   { "0.25ms", 0, 250 },
        { "1.5h", 0, 5400 * USEC_PER_SEC },    { "0.0000001s", 0, 0 },
        { "infinity", 0, USEC_INFINITY },      { "0.1", 0, 100 * USEC_PER_MSEC },
        { "", -EINVAL, 0 },                    { "s", -EINVAL, 0 },
        { "5 s", -EINVAL, 0 },                 { "-5s", -EINVAL, 0 },
        { "+5s", -EINVAL, 0 },                 { "5sec", -EINVAL, 0 },
        { "1.s", -EINVAL, 0 },                 { ".5s", -EINVAL, 0 },
        { "1.2.3s", -EINVAL, 0 },              { "1h30m", -EINVAL, 0 },
        { "5S", -EINVAL, 0 },                  { "Infinity", -EINVAL, 0 },
        { "0x5s", -EINVAL, 0 },                { "nan", -EINVAL, 0 },
        { "99999999999999999999s", -ERANGE, 0 }, { "999999999h", -ERANGE, 0 },
        { "18446744073709551616ms", -ERANGE, 0 },
};

static const struct {
        const char *text;
        int r;
        uint64_t bytes;
} size_rows[] = {
        { "0", 0, 0 },          { "4096", 0, 4096 },
        { "1K", 0, 1024 },      { "512M", 0, UINT64_C(512) << 20 },
        { "2G", 0, UINT64_C(2) << 30 }, { "1T", 0, UINT64_C(1) << 40 },
        { "1k", 0, 1024 },      { "", -EINVAL, 0 },
        { "K", -EINVAL, 0 },    { "1KB", -EINVAL, 0 },
        { "-1", -EINVAL, 0 },   { "1.5G", -EINVAL, 0 },
        { "1 K", -EINVAL, 0 },  { "infinity", -EINVAL, 0 },
        { "99999999999999999999", -ERANGE, 0 }, { "9999999999T", -ERANGE, 0 },
};
// clang-format on

START_TEST(durations_are_read_to_the_microsecond)
{
        for (size_t i = 0; i < ARRAY_LEN(duration_rows); i++) {
                usec_t usec = 0;
                int r = duration_parse(duration_rows[i].text, &usec);

                ck_assert_msg(r == duration_rows[i].r, "%s: %d", duration_rows[i].text, r);
                ck_assert_msg(usec == duration_rows[i].usec, "%s: %ju", duration_rows[i].text,
                              (uintmax_t)usec);
        }
}
END_TEST

START_TEST(sizes_are_powers_of_1024)
{
        for (size_t i = 0; i < ARRAY_LEN(size_rows); i++) {
                uint64_t bytes = 0;
                int r = size_parse(size_rows[i].text, &bytes);

                ck_assert_msg(r == size_rows[i].r, "%s: %d", size_rows[i].text, r);
                ck_assert_msg(bytes == size_rows[i].bytes, "%s: %ju", size_rows[i].text,
                              (uintmax_t)bytes);
        }
}
END_TEST

START_TEST(environments_are_equal_in_any_order)
{
        char a[] = "A", b[] = "B", one[] = "1", two[] = "2";
        EnvVar ab[] = {{a, one}, {b, two}}, ba[] = {{b, two}, {a, one}};
        EnvVar other[] = {{a, one}, {b, one}};

        ck_assert(env_list_equal(&(EnvList){ab, 2}, &(EnvList){ba, 2}));
        ck_assert(env_list_equal(&(EnvList){0}, &(EnvList){0}));
        ck_assert(!env_list_equal(&(EnvList){ab, 2}, &(EnvList){other, 2}));
        ck_assert(!env_list_equal(&(EnvList){ab, 2}, &(EnvList){ba, 1}));
}
END_TEST

START_TEST(a_file_is_read_whole_with_its_folder)
{
        char path[128];
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) char *read_folder = NULL;
        size_t size = 0;

        make_file("tree.json", "{ \"applications\": [] }\n", 0644);
        (void)snprintf(path, sizeof(path), "%s/dir/../tree.json", folder);
        assert_ok(spec_read_file(path, &text, &size, &read_folder));
        ck_assert_str_eq(read_folder, folder);
        ck_assert_uint_eq(size, 23);
        ck_assert_str_eq(text, "{ \"applications\": [] }\n");
}
END_TEST

START_TEST(what_is_no_regular_file_of_bounded_size_is_refused)
{
        char path[128];
        char *text = NULL, *read_folder = NULL;
        size_t size = 0;

        assert_fails(spec_read_file(folder, &text, &size, &read_folder), EISDIR);
        assert_fails(spec_read_file("/dev/null", &text, &size, &read_folder), EINVAL);
        (void)snprintf(path, sizeof(path), "%s/tree.json", folder);
        assert_fails(spec_read_file(path, &text, &size, &read_folder), ENOENT);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        assert_fails(spec_read_file(path, &text, &size, &read_folder), EINVAL);
        ck_assert_int_eq(unlink(path), 0);
        make_file("tree.json", "", 0644);
        ck_assert_int_eq(truncate(path, (off_t)LIMIT_TREE_FILE_BYTES + 1), 0);
        assert_fails(spec_read_file(path, &text, &size, &read_folder), EFBIG);
        ck_assert_ptr_null(text);
        ck_assert_ptr_null(read_folder);
}
END_TEST

static TCase *spec_case(void)
{
        TCase *tcase = tcase_create("tree");

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, an_exec_child_has_the_defaults_of_the_contract);
        tcase_add_test(tcase, a_worker_and_a_supervisor_have_the_defaults_of_the_contract);
        tcase_add_test(tcase, the_top_and_an_application_have_the_defaults_of_the_contract);
        tcase_add_test(tcase, every_key_of_a_process_is_taken_over);
        tcase_add_test(tcase, every_key_of_the_top_and_of_an_application_is_taken_over);
        tcase_add_test(tcase, a_worker_keeps_the_list_of_its_actors);
        tcase_add_test(tcase, a_template_is_one_child_however_many_are_spawned);
        tcase_add_test(tcase, instances_become_nodes_of_their_own_in_start_order);
        tcase_add_test(tcase, a_dynamic_child_is_the_template_with_more_arguments);
        tcase_add_test(tcase, a_nested_template_is_copied_whole);
        tcase_add_test(tcase, addresses_have_five_forms);
        tcase_add_test(tcase, a_program_without_slash_is_looked_for_in_the_folder_then_in_the_path);
        tcase_add_test(tcase, a_child_alone_is_checked_as_a_child_of_its_parent);
        tcase_add_loop_test(tcase, a_comparison_tells_what_a_reload_has_to_do, 0,
                            ARRAY_LEN(compare_rows));
        return tcase;
}

static TCase *value_case(void)
{
        TCase *tcase = tcase_create("values");

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, durations_are_read_to_the_microsecond);
        tcase_add_test(tcase, sizes_are_powers_of_1024);
        tcase_add_test(tcase, environments_are_equal_in_any_order);
        tcase_add_test(tcase, a_text_that_was_accepted_is_read_again_without_its_programs);
        tcase_add_test(tcase, a_file_is_read_whole_with_its_folder);
        tcase_add_test(tcase, what_is_no_regular_file_of_bounded_size_is_refused);
        return tcase;
}

TEST_MAIN("spec", spec_case(), value_case())
