/*
 * A keyed hash of a path (SipHash-1-3, Aumasson and Bernstein 2012). The paths are chosen
 * by the processes that are watched: without a secret key one of them could choose names
 * that all fall into one place of our table.
 */
#ifndef SIDECAR_LINUX_PATH_HASH_H
#define SIDECAR_LINUX_PATH_HASH_H

#include <stdint.h>

#include "common/scan.h"

struct path_hash_key {
  uint64_t words[2];
};

/* A key nobody else knows: random, or where the kernel has no randomness yet, at least
 * different for each process and start. */
struct path_hash_key path_hash_key_make(void);

uint64_t path_hash(const struct path_hash_key *key, struct span bytes);

#endif
