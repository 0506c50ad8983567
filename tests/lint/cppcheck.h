#pragma once
/* What cppcheck is told in place of foreign headers that it does not read. */

#define json_array_foreach(array, index, value) for (;;)
#define json_object_foreach(object, key, value) for (;;)
