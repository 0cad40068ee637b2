/*
 * The columns of a recording: from the name of a metric, as the README has it, to the field of
 * a reading that it is. One table for comma-separated values and collectd's files. Pure.
 */
#ifndef BACKTEST_COLUMNS_H
#define BACKTEST_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/scan.h"
#include "sidecar/config.h"
#include "sidecar/go/goroutine_profile.h"
#include "sidecar/go/memstats.h"
#include "sidecar/metrics.h"
#include "sidecar/reading.h"

enum { COLUMNS_MAX = 512, COLUMN_NAME_SIZE = 128 };

enum { RECORDED_WHOLE = 1000000000 };

/* The values of one row, each VALUE_UNKNOWN if its cell is empty or there is no such column. */
struct recorded {
  struct process_pulse pulse; /* ticks are microseconds */
  struct descriptors_reading descriptors;
  struct memory_map_rollup rollup;
  struct memstats memstats;
  struct goroutine_profile goroutine_profile;
  uint64_t memory_regions;
  uint64_t open_fds_share, inotify_watches_share; /* of the limit, in parts of RECORDED_WHOLE */
  uint64_t goroutines, goroutines_leaked;
  uint64_t start_time_ms; /* since the epoch */
  uint64_t pid;
  uint64_t pprof_port, pprof_status; /* of collector_status */
};

/* Everything unknown, no text. */
void recorded_init(struct recorded *recorded);

/* What is read of a process at once. */
enum column_part {
  PART_PROCESS, /* what it is: start, pid, port */
  PART_PULSE,
  PART_DESCRIPTORS,
  PART_MEMORY_MAP,
  PART_GOROUTINE_COUNT,
  PART_MEMSTATS,
  PART_GOROUTINES,
  PART_LEAKS,
  PART_NONE, /* no red flag uses it */
  COLUMN_PARTS
};

struct column {
  char name[COLUMN_NAME_SIZE]; /* as it was called */
  enum column_part part;
  size_t offset;   /* of the uint64_t in struct recorded, except in PART_NONE */
  double scale;    /* of the field: units in one of the metric's */
  bool is_counter; /* whole numbers */
};

enum column_error {
  COLUMN_FOUND,
  COLUMN_UNKNOWN,     /* no such metric */
  COLUMN_NO_INSTANCE, /* the metric has type instances, or data sources: one must be named */
  COLUMN_BAD_INSTANCE /* the metric has not that one, or none */
};

/*
 * Finds the column of a name: TYPE, TYPE:INSTANCE, and for counters with or without "_total".
 * The configuration says which patterns there are. Returns COLUMN_FOUND with *ret, or why not.
 */
enum column_error column_find(struct span name, const struct config *config,
                              struct column *ret);

/* Are they the same metric? */
bool column_is_same(const struct column *one, const struct column *other);

static inline uint64_t *column_field(const struct column *column, struct recorded *recorded) {
  return (uint64_t *)(void *)((char *)recorded + column->offset);
}

#endif
