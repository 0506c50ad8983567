#pragma once
/*
 * Where gend's sockets and state are. gend makes the folder, genctl looks into it: one rule for
 * both.
 */

/**
 * runtime_dir_find() - the runtime folder's path; whether it exists is not asked
 * @option: of --runtime-dir; NULL or empty when not given
 * @ret:    absolute; free() it
 *
 * The option, else $RUNTIME_DIRECTORY (the first, if systemd was told several), else /run/gend for
 * root, $XDG_RUNTIME_DIR/gend for others.
 *
 * Context: any; not beside setenv().
 * Return: 0; -ENXIO when none of these is set; -ENOMEM; what getcwd said.
 */
int runtime_dir_find(const char *option, char **ret);
