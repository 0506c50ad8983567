#include "protocols/intensity.h"
