#include "protocols/record.h"
