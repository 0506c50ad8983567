#pragma once
/*
 * The NOTIFY_SOCKET of each child: one abstract datagram socket per generation, with a name that
 * cannot be guessed. What a child says about itself is gossip: bounded, checked, never obeyed where
 * it concerns others (MAINPID is refused).
 */

#include "supervisord/kernel/kernel.h"

#define NOTIFY_NAME_BYTES 32u

/* notify_open() - @ret_name: without the leading zero or @. Return: 0 or a negative errno. */
int notify_open(Slot *slot, char ret_name[NOTIFY_NAME_BYTES]);

/* notify_drain() - read all that is there, as before an end is reported. */
void notify_drain(Slot *slot);

void notify_close(Slot *slot);

/* notify_arm_watchdog() - begin, or begin again, to count. Nothing without a watchdog. */
void notify_arm_watchdog(Slot *slot);

/* notify_watchdog_timeout() - the timer of all watchdogs. */
int notify_watchdog_timeout(sd_event_source *source, uint64_t usec, void *userdata);
