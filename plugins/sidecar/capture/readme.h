/*
 * The README of a bundle: what happened, its files and those that are missing, commands to
 * evaluate them, and the next steps from the request. Pure.
 */
#ifndef SIDECAR_CAPTURE_README_H
#define SIDECAR_CAPTURE_README_H

#include <stdbool.h>

#include "common/buffer.h"
#include "sidecar/capture/request.h"
#include "sidecar/go/cpu_profile.h"

enum { README_MAX_BYTES = 64 * 1024 };

/* Another bundle of the same process, to compare with. */
struct readme_other {
  const char *path; /* absolute; NULL: there is none */
  bool has_heap;
};

struct readme {
  const struct capture_request *request;
  const char *path;             /* of the bundle, absolute */
  struct readme_other baseline; /* none if this is it */
  struct readme_other previous; /* the last one that was scheduled or requested */
  bool has_heap;
  bool has_goroutines;       /* a dump */
  bool has_goroutine_groups; /* counts by stack in its place */
  bool has_leaks;
  const struct cpu_profile *cpu; /* NULL: there is none; cpu_ns 0: nothing is known of it */
  const char *not_taken;         /* lines of text; "" if nothing is missing */
};

/* Returns 0, -ENOMEM or -EMSGSIZE. */
int readme_print(const struct readme *readme, struct buffer *text);

#endif
