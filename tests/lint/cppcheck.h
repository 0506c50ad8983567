#pragma once
/* What cppcheck is told in place of foreign headers that it does not read: loops that set their
 * variables. */

#define json_array_foreach(array, index, value) \
        for ((index) = 0; ((value) = json_array_get((array), (index))); (index)++)
#define json_object_foreach(object, key, value)                                            \
        for ((key) = first_key(object), (value) = json_object_get((object), (key)); (key); \
             (key) = next_key(object), (value) = json_object_get((object), (key)))
