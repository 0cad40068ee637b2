/* What a bundle shows of the process and of its Go runtime, each thing a file. */
#ifndef SIDECAR_CAPTURE_GATHER_H
#define SIDECAR_CAPTURE_GATHER_H

#include "sidecar/capture/bundle.h"
#include "sidecar/capture/capture_internal.h"
#include "sidecar/os/process.h"

struct gather {
  struct capture *capture;
  const struct capture_request *request;
  struct process *process;
  struct bundle *bundle;
};

struct gathered {
  bool has_heap, has_goroutines, has_cpu;
};

/* What cannot be had is noted in the bundle. Returns 0; -ESRCH when the process has ended;
 * -ECANCELED; -errno when the disk is at fault. */
int gather_evidence(const struct gather *gather, struct gathered *ret);

#endif
