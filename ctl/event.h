#pragma once
/* One lifecycle event in a line, as "events" and "status" show it. */

#include <jansson.h>
#include <stdbool.h>

/* print_event() - with its path, unless all lines are about the same one. */
void print_event(const json_t *event, bool with_path);
