#pragma once
/*
 * The way out: told by gend-supervisor that everything is stopped, or alone, when the services
 * would not live.
 */

#include "supervisord/kernel/kernel.h"

/* finish_told() - RECORD_FINISHED: kill what is left, wait for the services, exit. */
void finish_told(Kernel *kernel, int exit_status);

/* finish_alone() - stop every child, newest first, one after the other; then as above, with
 * status 1. */
void finish_alone(Kernel *kernel);

/* finish_step() - something ended, or the time is over: what is next. Nothing if not finishing. */
void finish_step(Kernel *kernel);
