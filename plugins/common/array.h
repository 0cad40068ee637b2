/* Arrays: the length of one, and room in one that grows. */
#ifndef COMMON_ARRAY_H
#define COMMON_ARRAY_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The number of elements of an array (not of a pointer). */
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static inline bool array_reserve_(void *items, size_t size, size_t len, size_t *capacity,
                                  size_t first) {
  void *old, *new;
  if (len < *capacity)
    return true;
  size_t wanted = *capacity > 0 ? *capacity * 2 : first;
  memcpy(&old, items, sizeof(old)); /* a pointer of another type */
  new = reallocarray(old, wanted, size);
  if (new == NULL)
    return false;
  memcpy(items, &new, sizeof(new));
  *capacity = wanted;
  return true;
}

/*
 * Makes room for one more element behind the len elements of an array on the heap: items is the
 * address of its pointer, capacity that of its size, which is doubled, or `first` at the
 * beginning. Returns false without memory; nothing is changed then.
 */
#define array_reserve(items, len, capacity, first)                                             \
  array_reserve_(items, sizeof(**(items)), len, capacity, first)

#endif
