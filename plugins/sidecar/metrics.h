/*
 * Every metric the plugin can send, in one table: its collectd type, kind, unit, type instances
 * and meaning; and the samples: values on their way to collectd, made from readings. The data
 * sets, sidecar.types.db, the man page and the README are compared with the table by tests.
 * Pure; plugin.c turns samples into value lists.
 */
#ifndef SIDECAR_METRICS_H
#define SIDECAR_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/pattern.h"
#include "sidecar/go/goroutine_profile.h"
#include "sidecar/go/heap_profile.h"
#include "sidecar/go/memstats.h"
#include "sidecar/reading.h"

enum metric {
  METRIC_RESIDENT_BYTES,
  METRIC_VIRTUAL_BYTES,
  METRIC_RESIDENT_PEAK_BYTES,
  METRIC_MEMORY_BYTES,
  METRIC_SMAPS_BYTES,
  METRIC_MEMORY_REGIONS,
  METRIC_THREADS,
  METRIC_OPEN_FDS,
  METRIC_MAX_FDS,
  METRIC_OPEN_FDS_RATIO,
  METRIC_START_TIME_SECONDS,
  METRIC_PID,
  METRIC_PPROF_PORT,
  METRIC_FDS,
  METRIC_FDS_DELETED,
  METRIC_FDS_SAME_FILE_MAX,
  METRIC_FDS_DUPLICATE,
  METRIC_FDS_SAME_DATABASE_MAX,
  METRIC_FDS_MATCHING,
  METRIC_INOTIFY_WATCHES,
  METRIC_INOTIFY_WATCHES_RATIO,
  METRIC_FILE_LOCKS,
  METRIC_CPU_TIME,
  METRIC_CHILDREN_CPU_MICROSECONDS,
  METRIC_PAGE_FAULTS,
  METRIC_DISK_OCTETS,
  METRIC_CONTEXT_SWITCHES,
  METRIC_GOROUTINES,
  METRIC_GOROUTINES_STATE,
  METRIC_GOROUTINES_BLOCKED,
  METRIC_GOROUTINES_MATCHING,
  METRIC_GOROUTINES_MATCHING_BLOCKED,
  METRIC_GOROUTINES_LEAKED,
  METRIC_HEAP_ALLOC_BYTES,
  METRIC_HEAP_INUSE_BYTES,
  METRIC_HEAP_IDLE_BYTES,
  METRIC_HEAP_RELEASED_BYTES,
  METRIC_HEAP_SYS_BYTES,
  METRIC_HEAP_OBJECTS,
  METRIC_STACK_INUSE_BYTES,
  METRIC_STACK_SYS_BYTES,
  METRIC_MSPAN_INUSE_BYTES,
  METRIC_MSPAN_SYS_BYTES,
  METRIC_MCACHE_INUSE_BYTES,
  METRIC_MCACHE_SYS_BYTES,
  METRIC_BUCK_HASH_SYS_BYTES,
  METRIC_GC_SYS_BYTES,
  METRIC_OTHER_SYS_BYTES,
  METRIC_SYS_BYTES,
  METRIC_NEXT_GC_BYTES,
  METRIC_LAST_GC_TIME_SECONDS,
  METRIC_GC_CPU_FRACTION,
  METRIC_GC_DURATION_SECONDS,
  METRIC_ALLOC_BYTES,
  METRIC_MALLOCS,
  METRIC_FREES,
  METRIC_LOOKUPS,
  METRIC_GC_CYCLES,
  METRIC_GC_PAUSE_NANOSECONDS,
  METRIC_HEAP_INUSE_MATCHING_BYTES,
  METRIC_RED_FLAG,
  METRIC_COLLECTOR_SUCCESS,
  METRIC_COLLECTOR_STATUS,
  METRIC_COLLECTOR_DURATION_SECONDS,
  METRIC_PPROF_INTERVAL_SECONDS,
  METRIC_PROCESS_COUNT,
  METRIC_PROCESS_SHORT_LIVED,
  METRICS
};

enum metric_kind {
  METRIC_GAUGE,
  METRIC_DERIVE,       /* counts up for the life of a process */
  METRIC_STOCK_DERIVE, /* as METRIC_DERIVE, of a type in collectd's own types.db */
  METRIC_STOCK_PAIR,   /* as METRIC_STOCK_DERIVE, with two data sources */
};

enum metric_tier { TIER_PULSE, TIER_DETAIL };

struct metric_info {
  const char *type; /* collectd type; in Prometheus collectd_sidecar_<type> */
  enum metric_kind kind;
  enum metric_tier tier;
  const char *unit;
  const char *help; /* meaning and source */
};

extern const struct metric_info metrics[METRICS];

/* Are the type instances of a metric names from the configuration? */
bool metric_has_configured_instances(enum metric metric);

/* The i-th type instance of a metric, "" if it has none; NULL past the last, and if the
 * instances are configured. */
const char *metric_instance(enum metric metric, size_t i);

/* The i-th data source of a metric that has several, "user" of ps_cputime; NULL past the last,
 * and if the metric has but one. In Prometheus it is a part of the name. */
const char *metric_source(enum metric metric, size_t i);

/* The structs of a reading whose fields are gauges. */
enum metric_struct {
  METRIC_OF_PULSE,       /* struct process_pulse */
  METRIC_OF_DESCRIPTORS, /* struct descriptors_reading */
  METRIC_OF_ROLLUP,      /* struct memory_map_rollup */
  METRIC_OF_MEMSTATS,    /* struct memstats */
};

/* Which field a gauge is: the struct, and the offset of the uint64_t in it. Returns false if it
 * is no field of these. type_instance is "" for none. */
bool metric_field(enum metric metric, const char *type_instance, enum metric_struct *ret_struct,
                  size_t *ret_offset);

/* One value list under construction. */
struct sample {
  enum metric metric;
  const char *type_instance; /* borrowed: static, or of the configuration */
  union {
    double gauge;
    int64_t derive[2]; /* the stock types have up to two data sources */
  } value;
  uint8_t values_len;
  uint64_t interval_ms; /* how often this series is sent; 0: in each reading */
};

enum { SAMPLES_MAX = 288 };

/* What does not fit is dropped; all that a process can have fits (a unit test checks it). */
struct samples {
  struct sample items[SAMPLES_MAX];
  size_t len;
};

/* Each adds one sample, or nothing if a value is VALUE_UNKNOWN, not finite or, for counters,
 * above INT64_MAX. type_instance may be NULL for none. */
void samples_add_gauge(struct samples *samples, enum metric metric, const char *type_instance,
                       uint64_t value);
void samples_add_gauge_double(struct samples *samples, enum metric metric,
                              const char *type_instance, double value);
void samples_add_counter(struct samples *samples, enum metric metric, uint64_t value);
void samples_add_counter_pair(struct samples *samples, enum metric metric, uint64_t first,
                              uint64_t second);

/* Each adds everything in a reading. Values by pattern are in the order of the patterns.
 * watches_limit: of the user, or VALUE_UNKNOWN. */
void samples_add_pulse(struct samples *samples, const struct process_pulse *pulse,
                       uint64_t ticks_per_second);
void samples_add_descriptors(struct samples *samples, const struct descriptors_reading *reading,
                             const struct pattern_list *patterns, uint64_t watches_limit);
void samples_add_rollup(struct samples *samples, const struct memory_map_rollup *rollup);
void samples_add_memstats_gauges(struct samples *samples, const struct memstats *stats);
/* pauses_ns: total GC pauses since the process has been watched */
void samples_add_memstats_counters(struct samples *samples, const struct memstats *stats,
                                   uint64_t pauses_ns);
void samples_add_goroutine_profile(struct samples *samples,
                                   const struct goroutine_profile *profile,
                                   const struct pattern_list *patterns);
void samples_add_heap_profile(struct samples *samples, const struct heap_profile *profile,
                              const struct pattern_list *patterns);

/* How often each is queried; 0 for never. */
enum pprof_interval {
  PPROF_INTERVAL_MEMSTATS,
  PPROF_INTERVAL_HEAP,
  PPROF_INTERVAL_GOROUTINES,
  PPROF_INTERVAL_LEAKS,
  PPROF_INTERVALS
};
void samples_add_pprof_intervals(struct samples *samples,
                                 const uint64_t intervals_ms[PPROF_INTERVALS]);

/* Appends each as a line of text, with the unit after the number, for people to read in a
 * capture. */
void samples_write(struct buffer *text, const struct sample *samples, size_t len);

/* A copy of samples kept from one reading to the next. All zero is empty. */
struct held_samples {
  struct sample *items; /* owned */
  size_t len;
};

/* Replaces the held samples by a copy of samples. Returns 0, or -ENOMEM with nothing held. */
int samples_hold(struct held_samples *held, const struct samples *samples);

/* Drops the held samples. */
void samples_drop(struct held_samples *held);

/* Adds the held samples, as sent every interval_ms; 0: in each reading. */
void samples_add_held(struct samples *samples, const struct held_samples *held,
                      uint64_t interval_ms);

#endif
