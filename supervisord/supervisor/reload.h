#pragma once
/*
 * Reading the tree file again: parse all of it, compare, and only then touch anything; what did not
 * change keeps its pid.
 */

#include "supervisord/supervisor/daemon.h"

#include <jansson.h>

typedef struct ReloadResult {
        json_t *changes; /* [{"path", "change"}] */
        size_t unchanged;
        SpecFaults faults; /* RELOAD_E_INVALID */
        char error[512];   /* RELOAD_E_FAILED, RELOAD_E_INVALID: for people */
} ReloadResult;

enum {
        RELOAD_E_INVALID = 1, /* the file has faults */
        RELOAD_E_FAILED = 2,  /* it cannot be read, or this change cannot be made */
};

/**
 * reload_run() - compare the tree file with the tree, and unless @is_dry_run make the tree follow
 * @ret_result: filled in any case; reload_result_deinit() it
 *
 * Applied changes are under way when it returns; the turn must end with a snapshot.
 *
 * Return: 0; RELOAD_E_INVALID; RELOAD_E_FAILED; -ENOMEM. Nothing was touched unless 0.
 */
int reload_run(Daemon *daemon, bool is_dry_run, ReloadResult *ret_result);

void reload_result_deinit(ReloadResult *result);

/* reload_load() - the tree file, read and checked. Answers as reload_run(). Free the texts with
 * free(). */
int reload_load(const char *path, TreeSpec **ret_spec, char **ret_text, size_t *ret_size,
                char **ret_folder, ReloadResult *result);
