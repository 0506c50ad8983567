#pragma once
/*
 * What gend-supervisor orders and what it is told. Orders are idempotent, reports are state: see
 * protocols/record.h.
 */

#include "supervisord/kernel/kernel.h"

/* link_receive() - obey up to @max records. Return: 1 when there may be more; 0 at the end of the
 * stream; -EAGAIN when there is none now. */
int link_receive(Service *service, unsigned max);

/* link_replay() - a new gend-supervisor: HELLO, all rows, SYNCED, a pending REQUEST. */
void link_replay(Kernel *kernel);

/* link_flush() - send what is to be reported, as far as its queue goes. */
void link_flush(Kernel *kernel);

/* link_request() - kernel->request changed. */
void link_request(Kernel *kernel);
