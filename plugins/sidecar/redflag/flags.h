/*
 * The red flags of one process: the signals taken from its readings, its snapshot and baseline,
 * and the history of changes. Independent of the process and of collectd: readings are the
 * input, changed statuses the output. Times are milliseconds of the caller's monotonic clock,
 * except wall_ms: since the epoch. Pure.
 */
#ifndef SIDECAR_REDFLAG_FLAGS_H
#define SIDECAR_REDFLAG_FLAGS_H

#include "common/pattern.h"
#include "sidecar/go/live_heap.h"
#include "sidecar/redflag/evaluator.h"
#include "sidecar/redflag/evidence.h"
#include "sidecar/redflag/report.h"
#include "sidecar/redflag/snapshot.h"
#include "sidecar/redflag/stuck.h"

/* The parts of a reading. */
enum reading_part {
  READING_PULSE = 1 << 0,
  READING_DESCRIPTORS = 1 << 1,
  READING_MEMORY_MAP = 1 << 2,
  READING_GOROUTINE_COUNT = 1 << 3,
  READING_MEMSTATS = 1 << 4,
  READING_GOROUTINES = 1 << 5,
  READING_PPROF = 1 << 6,
  READING_LEAKS = 1 << 7,
};

/* The values of a process at one moment. Everything is borrowed. */
struct reading {
  unsigned parts; /* bits of enum reading_part: those that were due. If one of them could not be
                     read, its pointer is NULL, its number VALUE_UNKNOWN or NaN */
  uint64_t now_ms;

  const struct process_pulse *pulse;
  uint64_t ticks_per_second; /* of the pulse */

  const struct descriptors_reading *descriptors;
  const char *lock_owner; /* name of descriptors->foreign_lock_pid if contended; "" not known */
  uint64_t inotify_watches_limit;

  uint64_t memory_regions, lazyfree_bytes;
  double memory_pressure_percent; /* of the host, over a minute */
  uint64_t goroutines, goroutines_leaked;
  const struct memstats *memstats;
  int64_t wall_ms; /* of memstats: since the epoch */
  const struct goroutine_profile *goroutine_profile;
  double has_pprof; /* 0 or 1 */
};

struct flags_options {
  const struct red_flag_rules *rules;
  const struct pattern_list *fd_patterns, *goroutine_patterns;
};

/* Read when composing evidence and reports; changed by flags.c only. */
struct flags {
  struct flags_options options; /* what it points to is borrowed */
  struct evaluator *evaluator;
  struct snapshot now, baseline;
  struct findings findings;
  struct live_heap live_heap;
  struct flag_changes changes;
  struct trend trend;                             /* since the baseline */
  struct stuck stuck;                             /* goroutines, since the baseline */
  enum red_flag_state notified[RED_FLAGS];        /* the last change reported */
  uint64_t heap_unreleased_bytes, lazyfree_bytes; /* the parts of now.retained_bytes */
  bool is_contended;        /* another process holds a lock on one of its databases */
  uint64_t started_ms;      /* of the process, on our clock; may be 0 */
  int64_t baseline_wall_ms; /* 0: none yet */
};

/* age_ms: how long the process has been running. Returns 0 or -ENOMEM; the caller owns *ret. */
int flags_new(const struct flags_options *options, uint64_t age_ms, uint64_t now_ms,
              struct flags **ret);
void flags_free(struct flags *flags); /* NULL is fine */

void flags_observe(struct flags *flags, const struct reading *reading);

/*
 * Judges the observations since the last call. Returns how many flags changed and writes those
 * to ret; they count as notified and are kept for the report.
 */
size_t flags_judge(struct flags *flags, uint64_t now_ms, int64_t wall_ms,
                   struct flag_status ret[RED_FLAGS]);

/* The process has ended: returns the raised flags, each as a change to OK. */
size_t flags_end(struct flags *flags, struct flag_status ret[RED_FLAGS]);

/* Makes the current values the baseline. */
void flags_mark_baseline(struct flags *flags, int64_t wall_ms);

/* Should the descriptors be read again, age_ms after their last reading, before their interval
 * is over, because another process's lock on a database is being watched? */
bool flags_want_descriptors(const struct flags *flags, uint64_t age_ms);

#endif
