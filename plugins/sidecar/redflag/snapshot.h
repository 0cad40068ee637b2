/*
 * What a process is compared with. A snapshot has its numbers at one moment, of any tier: one
 * is kept of the baseline and one of now, so that a notification can say which class grew, and
 * a report what grew at all. A trend has what became of each signal since the baseline: troughs
 * of ten minutes are compared, so that what a saw-tooth is at by chance counts for nothing.
 * Pure, and without allocations.
 */
#ifndef SIDECAR_REDFLAG_SNAPSHOT_H
#define SIDECAR_REDFLAG_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/go/goroutine_profile.h"
#include "sidecar/reading.h"
#include "sidecar/redflag/red_flag.h"

/* Each is VALUE_UNKNOWN until it was read, and again when it cannot be. */
struct snapshot {
  struct process_memory memory;
  uint64_t retained_bytes; /* of RSS, freed by the Go program and kept: idle and not released,
                              and what the kernel may take (LazyFree) */
  uint64_t heap_alloc_bytes, heap_inuse_bytes;
  uint64_t memory_regions;
  uint64_t fds, fds_by_class[DESCRIPTOR_CLASSES];
  uint64_t same_file_opens, session_files, inotify_watches;
  uint64_t threads;
  uint64_t goroutines, goroutines_by_state[GOROUTINE_STATES];
  uint64_t goroutines_stuck; /* blocked for at least ten minutes */
  uint64_t fetch_data;
};

/* Everything unknown. */
void snapshot_init(struct snapshot *snapshot);

/* A row of the comparison. */
struct snapshot_field {
  const char *name; /* for people: "RSS", "files" */
  size_t offset;    /* of the uint64_t in struct snapshot */
  bool is_bytes;
};

enum { SNAPSHOT_FIELDS = 17 + DESCRIPTOR_CLASSES + GOROUTINE_STATES };

/* All fields, in the order of the guide's flowchart: memory, descriptors, goroutines. */
extern const struct snapshot_field snapshot_fields[SNAPSHOT_FIELDS];

uint64_t snapshot_value(const struct snapshot *snapshot, const struct snapshot_field *field);

/* How much more now than before; 0 when it is not more, or not known. */
uint64_t snapshot_growth(uint64_t before, uint64_t now);

/* ---- trends ---- */

enum { TREND_WINDOW_MS = 10 * 60 * 1000 };

/* Of one signal since the baseline, times in milliseconds of a monotonic clock of the caller's;
 * NaN and 0: not known (yet). Counters are as they stand. */
struct trend_signal {
  double baseline; /* the first reading */
  double latest;
  double lowest, highest; /* of all readings */
  double first_trough;    /* of the ten minutes from the baseline on */
  double last_trough;     /* of the last ten minutes that are over; rise: their difference */
  uint64_t baseline_ms, latest_ms;
  uint64_t since_ms;  /* end of the last ten minutes whose trough was not above the
                         first: what has risen has done so since */
  double open_trough; /* of the ten minutes under way */
  uint64_t open_ms;   /* their begin */
};

struct trend {
  struct trend_signal signals[RED_FLAG_SIGNALS];
};

/* Takes the baseline: forgets what was before, and the next reading of each signal begins. */
void trend_begin(struct trend *trend);

/* A fresh reading; what is not finite, or negative, is passed over. */
void trend_observe(struct trend *trend, enum red_flag_signal signal, double value,
                   uint64_t now_ms);

#endif
