/*
 * Memory of the collectd for tests, which has its own: where allocations of a plugin fail
 * (failing_allocations.h), those of the daemon do not.
 */
#ifndef TESTS_FAKE_MEMORY_H
#define TESTS_FAKE_MEMORY_H

#include <stdlib.h>
#include <string.h>

/* Zeroed; to be freed. */
static inline void *fake_memory(size_t size) {
  void *memory = NULL;
  if (posix_memalign(&memory, sizeof(void *) * 2, size > 0 ? size : 1) != 0)
    abort();
  return memset(memory, 0, size);
}

/* An array with room for one more element, to be freed instead of the old one. */
static inline void *fake_memory_grow(void *old, int len, size_t element) {
  void *grown = fake_memory(((size_t)len + 1) * element);
  if (len > 0)
    memcpy(grown, old, (size_t)len * element);
  free(old);
  return grown;
}

static inline char *fake_memory_text(const char *text) {
  size_t size = strlen(text) + 1;
  return memcpy(fake_memory(size), text, size);
}

#endif
