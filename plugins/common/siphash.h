/*
 * SipHash-1-3 (Aumasson and Bernstein 2012), the one hash of both plugins: a keyed hash for
 * tables whose keys are chosen by users of the machine (paths, names of functions, labels).
 * Without the secret key, colliding names cannot be constructed. Pure.
 */
#ifndef COMMON_SIPHASH_H
#define COMMON_SIPHASH_H

#include <stdint.h>

#include "common/scan.h"

struct siphash_key { /* as random_key_make() makes it */
  uint64_t words[2];
};

/* The same on machines of any byte order. */
uint64_t siphash(const struct siphash_key *key, struct span bytes);

#endif
