/*
 * The values that a process is compared by. A snapshot holds its numbers at one moment, of both
 * tiers: one is kept of the baseline and one of now, so that a notification can name the class
 * that grew, and a report everything that grew. A trend follows a signal since the baseline: it
 * compares the troughs of ten minutes, so that the phase of a saw-tooth does not matter. Pure,
 * without allocations.
 */
#ifndef SIDECAR_REDFLAG_SNAPSHOT_H
#define SIDECAR_REDFLAG_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/go/goroutine_profile.h"
#include "sidecar/reading.h"
#include "sidecar/redflag/red_flag.h"

/* Each is VALUE_UNKNOWN until it has been read, and again when it cannot be. */
struct snapshot {
  struct process_memory memory;
  uint64_t retained_bytes; /* part of RSS: freed by the Go program but retained: idle and not
                              released, or not yet reclaimed by the kernel (LazyFree) */
  uint64_t heap_alloc_bytes, heap_inuse_bytes;
  uint64_t memory_regions;
  uint64_t fds, fds_by_class[DESCRIPTOR_CLASSES], fds_deleted;
  uint64_t same_file_opens, same_database_opens, session_files, inotify_watches;
  uint64_t threads;
  uint64_t goroutines, goroutines_by_state[GOROUTINE_STATES];
  uint64_t goroutines_stuck; /* since the baseline (stuck.h) */
  uint64_t goroutines_leaked;
  uint64_t fetch_data, fetches_stuck;
};

/* Everything unknown. */
void snapshot_init(struct snapshot *snapshot);

/* A row of the comparison. */
struct snapshot_field {
  const char *name; /* for people: "RSS", "files" */
  size_t offset;    /* of the uint64_t in struct snapshot */
  bool is_bytes;
};

enum { SNAPSHOT_FIELDS = 21 + DESCRIPTOR_CLASSES + GOROUTINE_STATES };

/* All fields, in the order of the flowchart of the guide: memory, descriptors, goroutines. */
extern const struct snapshot_field snapshot_fields[SNAPSHOT_FIELDS];

uint64_t snapshot_value(const struct snapshot *snapshot, const struct snapshot_field *field);

/* The increase from before to now; 0 when there is none, or it is not known. */
uint64_t snapshot_growth(uint64_t before, uint64_t now);

/* ---- trends ---- */

enum { TREND_WINDOW_MS = 10 * 60 * 1000 };

/* One signal since the baseline, times in milliseconds of the caller's monotonic clock; NaN and
 * 0: not known (yet). Counters are absolute. */
struct trend_signal {
  double baseline; /* the first reading */
  double latest;
  double lowest, highest; /* of all readings */
  double first_trough;    /* of the ten minutes from the baseline on */
  double last_trough;     /* of the last ten minutes completed; rise: their difference */
  uint64_t baseline_ms, latest_ms;
  uint64_t since_ms;  /* end of the last ten minutes whose trough was not above the first: the
                         rise began after that */
  double open_trough; /* of the current ten minutes */
  uint64_t open_ms;   /* their begin */
};

struct trend {
  struct trend_signal signals[RED_FLAG_SIGNALS];
};

/* Takes the baseline: resets everything; the next reading of each signal is the first. */
void trend_begin(struct trend *trend);

/* A fresh reading; one that is not finite, or is negative, is ignored. */
void trend_observe(struct trend *trend, enum red_flag_signal signal, double value,
                   uint64_t now_ms);

#endif
