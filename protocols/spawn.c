#include "protocols/spawn.h"
