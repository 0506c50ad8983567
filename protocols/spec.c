#include "protocols/spec.h"
