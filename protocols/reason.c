#include "protocols/reason.h"
