/*
 * What a process has open, one descriptor after the other: what lsof prints, for a capture.
 * Counting them is descriptors.h.
 */
#ifndef SIDECAR_DESCRIPTOR_LIST_H
#define SIDECAR_DESCRIPTOR_LIST_H

#include "sidecar/descriptors.h"

struct listed_descriptor {
  int fd;
  enum descriptor_class class;
  struct span target; /* as the kernel names it, raw bytes: a path, "socket:[1]", ...; "" for a
                         path that is too long for it; valid during the call */
};

/* What it returns, if not 0, ends the walk. */
typedef int (*descriptor_list_fn)(void *context, const struct listed_descriptor *descriptor);

/*
 * Lists them in the order of the kernel, which is that of their numbers. Those that close
 * meanwhile are left out. Returns 0, what the function returned, -EACCES, -ESRCH, -EMFILE.
 */
int descriptor_list(struct process *process, descriptor_list_fn on_descriptor, void *context);

#endif
