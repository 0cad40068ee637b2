/*
 * A host on Linux: the procfs at its root, and the scratch memory of its readers. For the files
 * of this directory, which implement the other contracts on it.
 */
#ifndef SIDECAR_LINUX_HOST_H
#define SIDECAR_LINUX_HOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "sidecar/os/host.h"

/* Whether the size of /proc/PID/fd is the number of descriptors (Linux 6.2 and newer). */
enum fd_count_source { FD_COUNT_UNCERTAIN, FD_COUNT_IS_SIZE, FD_COUNT_IS_ENTRIES };

struct host {
  int directory;     /* of the process table; its position belongs to the scan */
  bool is_procfs;    /* not a captured copy */
  bool has_our_pids; /* its pids are those of our own pid namespace */
  enum fd_count_source fd_count;
  uint64_t ticks_per_second;
  uint64_t deadline_ns;  /* UINT64_MAX: none */
  atomic_uint looks;     /* at it */
  size_t kept_files;     /* descriptors that processes keep open besides their directory */
  size_t kept_files_max; /* in total, so that the daemon does not run out of descriptors */
  struct buffer text;    /* scratch: the file read last, until the next read */
  char *entries;         /* scratch of PROCFS_ENTRIES_SIZE bytes for procfs_entries */
};

/* Has the deadline passed? */
static inline bool host_is_late(struct host *host) {
  atomic_fetch_add_explicit(&host->looks, 1, memory_order_relaxed);
  return host->deadline_ns != UINT64_MAX && clock_monotonic_ns() >= host->deadline_ns;
}

#endif
