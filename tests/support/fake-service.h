#pragma once
/*
 * What the stand-in for a service says to its test, with the service's descriptors attached in the
 * order of SERVICE_FD_*.
 */

#include "base/cleanup.h"

#include <stdint.h>

#define FAKE_FDS 5u

typedef struct FakeHello {
        int32_t pid;
        char name[32];
} FakeHello;
