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
  SIGNAL_GOROUTINES_STUCK,      /* blocked for at least 10 minutes */
  SIGNAL_FETCH_DATA,            /* goroutines that match fetch_data */
  SIGNAL_HEAP_LIVE_BYTES,       /* what the last collection left, or less */
  SIGNAL_ALLOCATED_BYTES,       /* counter */
  SIGNAL_CPU_SECONDS,           /* counter, user and system */
  SIGNAL_SQLITE_FOREIGN_LOCKS,  /* other processes' locks on databases it has open */
  SIGNAL_INOTIFY_WATCHES_RATIO, /* of the user's limit, 0 to 1 */
  SIGNAL_HAS_PPROF,             /* 0 or 1 */
  RED_FLAG_SIGNALS
};

/* How a flag is judged, and what Warning and Failure mean to it. */
enum red_flag_kind {
  RED_FLAG_BY_LEVEL,  /* at or above it for Hold */
  RED_FLAG_BY_RATE,   /* as BY_LEVEL, what a counter gains in a second */
  RED_FLAG_BY_GROWTH, /* the trough rose by it, steadily, in Hold; see growth.h */
  RED_FLAG_BY_STEP,   /* the trough stepped up by it and stays for Hold; see step.h */
  RED_FLAG_BY_USUAL,  /* Failure as BY_RATE; Warning: twice the usual; see usual.h */
  RED_FLAG_BY_OTHERS, /* another flag is not OK and there is no pprof */
};

struct red_flag_info {
  const char *name;
  enum red_flag_kind kind;
  enum red_flag_signal signal;
  const char *unit;        /* of warning and failure, as people write them; "" has none */
  double scale;            /* the signal's units in one of them */
  double warning, failure; /* NaN: none */
  double max;              /* that they can be set to */
  uint32_t hold_s;
  uint32_t window_s; /* 0: the flag has no window */
  const char *help;  /* why it is a red flag: a part of a sentence */
};

extern const struct red_flag_info red_flags[RED_FLAGS];

/* The flag of this name, or RED_FLAGS when there is none. Case matters. */
enum red_flag red_flag_find(const char *name);

/* WarmUp's default: a younger process still loads its sessions. */
enum { RED_FLAG_WARM_UP_MS = 15 * 60 * 1000 };

#endif
