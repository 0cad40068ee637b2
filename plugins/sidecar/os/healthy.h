/*
 * What a healthy sidecar uses, which differs between operating systems: with kqueue each
 * watched file takes a descriptor, with inotify a whole tree takes one. The summary line, the
 * manual and the dashboards' shaded bands are all made from this table. Each operating system's
 * folder has a healthy.c. Pure: numbers only.
 */
#ifndef SIDECAR_OS_HEALTHY_H
#define SIDECAR_OS_HEALTHY_H

#include <stdint.h>

enum healthy_value {
  HEALTHY_FDS,
  HEALTHY_FILES,
  HEALTHY_PIPES,
  HEALTHY_DIRECTORIES,
  HEALTHY_THREADS,
  HEALTHY_GOROUTINES,
  HEALTHY_VALUES
};

/* Inclusive. A value below low is no finding: it only tells what is usual. */
struct healthy_range {
  const char *name;   /* in the summary line */
  const char *metric; /* type, or type/type_instance */
  uint64_t low, high;
};

extern const struct healthy_range healthy_ranges[HEALTHY_VALUES];

#endif
