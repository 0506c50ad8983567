#include "protocols/ring.h"
