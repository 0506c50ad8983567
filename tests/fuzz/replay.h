#pragma once
/*
 * What every fuzz target defines; libFuzzer's interface. A target ends the process when a claim
 * does not hold, and returns 0 otherwise.
 */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
