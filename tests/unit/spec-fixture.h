#pragma once
/*
 * What the tests of the tree file share: a folder of their own with a program, a file that is none
 * and a folder in it; and parsing of texts in which ' stands for ".
 */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "protocols/spec.h"
#include "tests/support/test-main.h"

static char folder[64];
static TreeSpec *tree;
static SpecFaults faults;

static inline void make_file(const char *name, const char *text, mode_t mode)
{
        char path[128];
        _cleanup_(fclosep) FILE *file = NULL;

        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fchmod(fileno(file), mode), 0);
}

static inline void remove_file(const char *name)
{
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        (void)remove(path);
}

static inline void set_up(void)
{
        char path[128];

        (void)snprintf(folder, sizeof(folder), "/tmp/gend-test-spec-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
        make_file("prog", "#!/bin/sh\n", 0755);
        make_file("text", "no program\n", 0644);
        (void)snprintf(path, sizeof(path), "%s/dir", folder);
        ck_assert_int_eq(mkdir(path, 0755), 0);
}

static inline void tear_down(void)
{
        tree_spec_free(tree);
        tree = NULL;
        spec_faults_deinit(&faults);
        remove_file("tree.json");
        remove_file("prog");
        remove_file("text");
        remove_file("dir");
        (void)rmdir(folder);
}

static inline char *quoted(const char *text)
{
        char *copy = strdup(text);

        ck_assert_ptr_nonnull(copy);
        for (char *at = copy; *at; at++)
                if (*at == '\'')
                        *at = '"';
        return copy;
}

static inline int parse(const char *text)
{
        _cleanup_(freep) char *json = quoted(text);

        tree_spec_free(tree);
        tree = NULL;
        spec_faults_deinit(&faults);
        return spec_parse(json, strlen(json), folder, &tree, &faults);
}

static inline void assert_parses(const char *text)
{
        int r = parse(text);
        _cleanup_(freep) char *found = spec_faults_to_text(&faults, "tree.json");

        ck_assert_msg(r == 0, "%d: %s", r, found);
        ck_assert_ptr_nonnull(tree);
}

/* The first line of the tree is 1, that of the child 3. */
#define TREE_OF(child) "{ 'applications': [\n{ 'name': 'a', 'children': [\n" child "\n] } ] }"
#define PROG           "'name': 'c', 'exec': ['./prog']"
