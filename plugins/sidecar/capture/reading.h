/*
 * What a bundle says of its process, read by a thread that is left behind when the process
 * blocks it (sidecar/watchdog.h): listings of descriptors and memory map, and whether it is the
 * process that is meant.
 */
#ifndef SIDECAR_CAPTURE_READING_H
#define SIDECAR_CAPTURE_READING_H

#include <stdatomic.h>

#include "common/buffer.h"
#include "sidecar/os/process.h"
#include "sidecar/watchdog.h"

/* An errand: contains all that reading touches. */
struct capture_reading {
  struct errand errand;
  const atomic_bool *stopping; /* borrowed; see watchdog_free() */
  uint64_t start_ticks;
  uint64_t smaps_max_rss_bytes;
  bool wants_listings;

  int status; /* -ESRCH: it has ended, or is another process */
  struct process *process;
  int descriptors_status; /* with -ECANCELED it was stopped */
  struct buffer descriptors;
  int memory_map_status;
  bool has_sums; /* of the memory map */
  struct buffer memory_map;
};

/* All borrowed. */
struct capture_reading_options {
  struct watchdog *watchdog;
  const char *proc_root;
  const atomic_bool *stopping;
  uint64_t smaps_max_rss_bytes;
  bool wants_listings;
};

/*
 * Reads a process. Returns 0 with *ret, whatever its status; -ETIMEDOUT when the process, or
 * several others of its user, block their readers; -ENOMEM, or why the root cannot be opened.
 * The caller owns *ret.
 */
int capture_read(const struct capture_reading_options *options, pid_t pid, uint64_t start_ticks,
                 struct capture_reading **ret);

/* NULL is fine. */
void capture_reading_free(struct capture_reading *reading);

/* A watchdog for capture_read(). Returns 0 or -ENOMEM; the caller owns *ret. */
int capture_watchdog_new(struct watchdog **ret);

#endif
