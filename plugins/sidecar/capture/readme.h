/* The README of a bundle: what happened, what is there, and what to do with it. Pure. */
#ifndef SIDECAR_CAPTURE_README_H
#define SIDECAR_CAPTURE_README_H

#include <stdbool.h>

#include "common/buffer.h"
#include "sidecar/capture/request.h"

enum { README_MAX_BYTES = 64 * 1024 };

struct readme {
  const struct capture_request *request;
  const char *path;          /* of the bundle, absolute */
  const char *baseline_path; /* of this process's baseline; NULL: none, or it is this one */
  bool baseline_has_heap, has_heap, has_goroutines, has_cpu;
  const char *not_taken; /* lines; "" if everything is there */
};

/* Returns 0, -ENOMEM or -EMSGSIZE. */
int readme_print(const struct readme *readme, struct buffer *text);

#endif
