#pragma once
/* docs/states.md as the table of life.c has it: printed by print-states, compared by test-life. */

#include <stdio.h>

void states_print(FILE *out);
