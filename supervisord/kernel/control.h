#pragma once
/*
 * The control socket, as a file and a queue of clients; who they are and what they say is
 * gend-supervisor's business. It is there as long as gend is.
 */

#include "supervisord/kernel/kernel.h"

#define CONTROL_SOCKET "ctl.sock" /* in the runtime folder */

/* control_open() - mode 0600, or 0660 for the admin group. A predecessor's file gives way: the
 * folder is locked, so nobody listens there. Return: 0 or a negative errno. */
int control_open(Kernel *kernel);

/* control_close() - and remove the file. */
void control_close(Kernel *kernel);
