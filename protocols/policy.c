#include "protocols/policy.h"
