/*
 * What a Go program allocated lately, by stack: the difference of the allocated bytes between
 * two of its heap profiles. What is in use says what is kept; most of what is allocated is
 * freed again at once, and is not seen there. In memory of fixed size. Pure.
 */
#ifndef SIDECAR_GO_ALLOCATIONS_H
#define SIDECAR_GO_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/go/heap_profile.h"
#include "sidecar/go/site.h"

enum {
  /* The difference is taken over at least so much, once profiles are that old, and over less
   * than twice as much while they arrive more often than that. */
  ALLOCATIONS_SPAN_MS = 5 * 60 * 1000,
  ALLOCATIONS_SITES = 3
};

/* A profile to compare with. */
struct allocations_base {
  uint64_t now_ms, bytes;
  uint64_t unlisted_max; /* a site that is not listed had at most so many */
  size_t len;
  struct {
    uint64_t key, bytes_max;
  } sites[HEAP_ALLOCATED_MAX];
};

struct allocations_lately {
  uint64_t bytes, span_ms; /* by all stacks, and in what time */
  size_t len;
  /* The stacks that allocated most in that time, the first one most; weight is the number of
   * bytes, never more than there were. */
  struct site sites[ALLOCATIONS_SITES];
};

/* All zero: no profile yet. About 7 KB. */
struct allocations {
  unsigned profiles;               /* 0, 1, or more */
  struct allocations_base last;    /* the last profile */
  struct allocations_base base[2]; /* earlier ones, of different age */
  unsigned older;                  /* index of the older one */
  struct allocations_lately lately;
};

/* Adds a newer profile. One of a program that does not sample is ignored. */
void allocations_update(struct allocations *allocations, const struct heap_profile *profile,
                        uint64_t now_ms);

/* NULL before the second profile; valid until the next one. */
const struct allocations_lately *allocations_get(const struct allocations *allocations);

#endif
