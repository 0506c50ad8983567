#pragma once
/*
 * gend's command line.
 */

#include "supervisord/kernel/kernel.h"

enum {
        OPTIONS_E_USAGE = 1, /* said on standard error */
        OPTIONS_E_DONE,      /* --help, --version: said on standard output */
};

/* options_parse() - @ret_options borrows from @argv. Return: 0 or OPTIONS_E_*. */
int options_parse(int argc, char *argv[], Options *ret_options);
