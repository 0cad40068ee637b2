/*
 * The red flags of one process: what its readings mean to them, its snapshot and its baseline,
 * and what changed when. Knows neither the process nor collectd: readings come in, statuses
 * that changed go out. Times are milliseconds of a monotonic clock of the caller's, but for
 * wall_ms: since the epoch. Pure.
 */
#ifndef SIDECAR_REDFLAG_FLAGS_H
#define SIDECAR_REDFLAG_FLAGS_H

#include "common/pattern.h"
#include "sidecar/go/memstats.h"
#include "sidecar/redflag/evaluator.h"
#include "sidecar/redflag/evidence.h"
#include "sidecar/redflag/report.h"
#include "sidecar/redflag/snapshot.h"

/* What a reading consists of. */
enum reading_part {
  READING_PULSE = 1 << 0,
  READING_DESCRIPTORS = 1 << 1,
  READING_MEMORY_MAP = 1 << 2,
  READING_GOROUTINE_COUNT = 1 << 3,
  READING_MEMSTATS = 1 << 4,
  READING_GOROUTINES = 1 << 5,
  READING_PPROF = 1 << 6,
};

/* What was read of a process at one moment. Everything is borrowed. */
struct reading {
  unsigned parts; /* bits of enum reading_part: were due. A pointer of a part that is in here
                     and could not be read is NULL, a number VALUE_UNKNOWN or NaN */
  uint64_t now_ms;

  const struct process_pulse *pulse;
  uint64_t ticks_per_second; /* of the pulse's */

  const struct descriptors_reading *descriptors;
  const char *lock_owner; /* name of the process descriptors->foreign_lock_pid; "" not known */
  uint64_t inotify_watches_limit;

  uint64_t memory_regions, lazyfree_bytes;
  uint64_t goroutines;
  const struct memstats *memstats;
  const struct goroutine_profile *goroutine_profile;
  double has_pprof; /* 0 or 1 */
};

struct flags_options {
  const struct red_flag_rules *rules;
  const struct pattern_list *fd_patterns, *goroutine_patterns;
};

/* Read by whoever composes evidence and reports; changed by flags.c only. */
struct flags {
  struct flags_options options; /* what it points to is borrowed */
  struct evaluator *evaluator;
  struct snapshot now, baseline;
  struct findings findings;
  struct flag_changes changes;
  struct trend trend;                             /* since the baseline */
  enum red_flag_state notified[RED_FLAGS];        /* last change handed out */
  uint64_t heap_unreleased_bytes, lazyfree_bytes; /* what makes up now.retained_bytes */
  bool is_contended;                              /* another process locks a database of its */
  uint64_t started_ms;                            /* of the process, on our clock; may be 0 */
  int64_t baseline_wall_ms;                       /* 0: none yet */
};

/* age_ms: how long the process has been running. Returns 0 or -ENOMEM; the caller owns *ret. */
int flags_new(const struct flags_options *options, uint64_t age_ms, uint64_t now_ms,
              struct flags **ret);
void flags_free(struct flags *flags); /* NULL is fine */

void flags_observe(struct flags *flags, const struct reading *reading);

/*
 * Judges what was observed since the last time. Returns how many flags changed and writes
 * those to ret; they count as notified and are kept for the report.
 */
size_t flags_judge(struct flags *flags, uint64_t now_ms, int64_t wall_ms,
                   struct flag_status ret[RED_FLAGS]);

/* The process has ended: returns the flags that are up, each as a change to OK. */
size_t flags_end(struct flags *flags, struct flag_status ret[RED_FLAGS]);

/* Takes what is known now as the baseline. */
void flags_mark_baseline(struct flags *flags, int64_t wall_ms);

/* Is another process's lock on a database being watched, and should the descriptors, age_ms
 * after their last reading, be read again sooner than their interval says? */
bool flags_want_descriptors(const struct flags *flags, uint64_t age_ms);

#endif
