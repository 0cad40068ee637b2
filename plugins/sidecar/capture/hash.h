/* FNV-1a of 64 bits: for tables that stay small, and for names that would be too long. */
#ifndef SIDECAR_CAPTURE_HASH_H
#define SIDECAR_CAPTURE_HASH_H

#include <stdint.h>

#include "common/scan.h"

static inline uint64_t hash_fnv1a(struct span s) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < s.len; i++)
    hash = (hash ^ (unsigned char)s.at[i]) * 1099511628211u;
  return hash;
}

#endif
