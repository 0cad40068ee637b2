/*
 * The red flags of the profiling guide, in one table: name, what it is judged by, unit and
 * defaults. The configuration, the man page, the alert rules for Prometheus and the names
 * of alerts are held against this table by tests. Pure.
 */
#ifndef SIDECAR_REDFLAG_RED_FLAG_H
#define SIDECAR_REDFLAG_RED_FLAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum red_flag {
  RED_FLAG_RSS,
  RED_FLAG_SWAP_GROWING,
  RED_FLAG_MEMORY_REGIONS,
  RED_FLAG_FDS,
  RED_FLAG_FDS_GROWING,
  RED_FLAG_SAME_FILE,
  RED_FLAG_SESSION_FILES,
  RED_FLAG_THREADS,
  RED_FLAG_GOROUTINES,
  RED_FLAG_GOROUTINES_GROWING,
  RED_FLAG_GOROUTINES_STUCK,
  RED_FLAG_FETCH_DATA_PILING,
  RED_FLAG_HEAP_GROWING,
  RED_FLAG_HEAP_NOT_RECEDING,
  RED_FLAG_ALLOCATION_RATE,
  RED_FLAG_CPU,
  RED_FLAG_SQLITE_CONTENTION,
  RED_FLAG_INOTIFY_WATCHES,
  RED_FLAG_PPROF_MISSING, /* information: judged last, by the others */
  RED_FLAGS
};

/* The numbers are what red_flag sends: an API. */
enum red_flag_state { RED_FLAG_OK = 0, RED_FLAG_WARNING = 1, RED_FLAG_FAILURE = 2 };

/* What verdicts are made from; each is observed whenever it was read anew. */
enum red_flag_signal {
  SIGNAL_RESIDENT_BYTES,
  SIGNAL_RETAINED_BYTES, /* of them, freed by the Go program and not yet taken back */
  SIGNAL_SWAP_BYTES,
  SIGNAL_MEMORY_REGIONS,
  SIGNAL_OPEN_FDS,
  SIGNAL_SAME_FILE_OPENS,
  SIGNAL_SESSION_FILES, /* of the session pattern with most */
  SIGNAL_THREADS,
  SIGNAL_GOROUTINES,
  SIGNAL_GOROUTINES_STUCK, /* blocked for at least 10 minutes */
  SIGNAL_FETCH_DATA,       /* goroutines that match fetch_data */
  SIGNAL_HEAP_ALLOC_BYTES,
  SIGNAL_ALLOCATED_BYTES,       /* counter */
  SIGNAL_CPU_SECONDS,           /* counter, user and system */
  SIGNAL_SQLITE_FOREIGN_LOCKS,  /* other processes' locks on databases it has open */
  SIGNAL_INOTIFY_WATCHES_RATIO, /* of the user's limit, 0 to 1 */
  SIGNAL_HAS_PPROF,             /* 0 or 1 */
  RED_FLAG_SIGNALS
};

#endif
