/* The table of metrics, and samples from readings; see metrics.h. */
#include "sidecar/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "sidecar/collector.h"
#include "sidecar/redflag/red_flag.h"

/* ---- names of type instances ---- */

static const char *state_name(size_t i) {
  return i < GOROUTINE_STATES ? goroutine_state_name(i) : NULL;
}

static const char *blocked_name(size_t i) {
  return i < GOROUTINE_BLOCKED_AGES ? goroutine_blocked_name(i) : NULL;
}

static const char *name_of_collector(size_t i) {
  return i < COLLECTORS ? collector_name(i) : NULL;
}

/* The label quantile of client_golang, without the point, which not every write plugin passes.
 */
static const char *quantile_name(size_t i) {
  static const char *const names[MEMSTATS_QUANTILES] = {"0", "0_25", "0_5", "0_75", "1"};
  return i < MEMSTATS_QUANTILES ? names[i] : NULL;
}

static const char *const interval_names[PPROF_INTERVALS] = {
    [PPROF_INTERVAL_MEMSTATS] = "memstats",
    [PPROF_INTERVAL_HEAP] = "heap",
    [PPROF_INTERVAL_GOROUTINES] = "goroutines",
    [PPROF_INTERVAL_LEAKS] = "leaks",
};

static const char *name_of_interval(size_t i) {
  return i < PPROF_INTERVALS ? interval_names[i] : NULL;
}

/* ---- the table ---- */

const struct metric_info metrics[METRICS] = {
    [METRIC_RESIDENT_BYTES] = {"process_resident_memory_bytes", METRIC_GAUGE, TIER_PULSE,
                               "bytes", "memory in RAM (VmRSS of status)"},
    [METRIC_VIRTUAL_BYTES] = {"process_virtual_memory_bytes", METRIC_GAUGE, TIER_PULSE, "bytes",
                              "address space reserved (VmSize of status)"},
    [METRIC_RESIDENT_PEAK_BYTES] = {"process_resident_memory_peak_bytes", METRIC_GAUGE,
                                    TIER_PULSE, "bytes",
                                    "highest RSS so far (VmHWM of status)"},
    [METRIC_MEMORY_BYTES] = {"process_memory_bytes", METRIC_GAUGE, TIER_PULSE, "bytes",
                             "RSS by kind, and swapped memory (status)"},
    [METRIC_SMAPS_BYTES] = {"process_smaps_bytes", METRIC_GAUGE, TIER_DETAIL, "bytes",
                            "sums over the memory map (smaps_rollup); footprint is what would "
                            "be freed if the process exited"},
    [METRIC_MEMORY_REGIONS] = {"process_memory_regions", METRIC_GAUGE, TIER_DETAIL, "regions",
                               "regions of the memory map (lines of maps)"},
    [METRIC_THREADS] = {"process_threads", METRIC_GAUGE, TIER_PULSE, "threads",
                        "threads (status)"},
    [METRIC_OPEN_FDS] = {"process_open_fds", METRIC_GAUGE, TIER_PULSE, "descriptors",
                         "open file descriptors (size of the fd directory)"},
    [METRIC_MAX_FDS] = {"process_max_fds", METRIC_GAUGE, TIER_PULSE, "descriptors",
                        "soft limit of open files (limits); absent when unlimited"},
    [METRIC_OPEN_FDS_RATIO] = {"process_open_fds_ratio", METRIC_GAUGE, TIER_PULSE, "fraction",
                               "open file descriptors as a share of the soft limit"},
    [METRIC_START_TIME_SECONDS] = {"process_start_time_seconds", METRIC_GAUGE, TIER_PULSE,
                                   "seconds since the epoch",
                                   "when the process started (stat)"},
    [METRIC_PID] = {"process_pid", METRIC_GAUGE, TIER_PULSE, "pid",
                    "process id, for the commands an alert suggests"},
    [METRIC_PPROF_PORT] = {"process_pprof_port", METRIC_GAUGE, TIER_PULSE, "port",
                           "where its pprof server listens, for the same commands; absent "
                           "unless the port is verified to be the process's"},
    [METRIC_FDS] = {"process_fds", METRIC_GAUGE, TIER_DETAIL, "descriptors",
                    "open descriptors by class (links in fd/)"},
    [METRIC_FDS_DELETED] = {"process_fds_deleted", METRIC_GAUGE, TIER_DETAIL, "descriptors",
                            "open files that were unlinked"},
    [METRIC_FDS_SAME_FILE_MAX] = {"process_fds_same_file_max", METRIC_GAUGE, TIER_DETAIL,
                                  "descriptors", "opens of the file that is open most often"},
    [METRIC_FDS_DUPLICATE] = {"process_fds_duplicate", METRIC_GAUGE, TIER_DETAIL, "descriptors",
                              "duplicate opens: opens of files after the first of each"},
    [METRIC_FDS_SAME_DATABASE_MAX] =
        {"process_fds_same_database_max", METRIC_GAUGE, TIER_DETAIL, "descriptors",
         "opens of the SQLite database that is open most often, without its journals"},
    [METRIC_FDS_MATCHING] = {"process_fds_matching", METRIC_GAUGE, TIER_DETAIL, "descriptors",
                             "open files whose path matches an FdMatch (claude_sessions, "
                             "codex_sessions, sqlite by default)"},
    [METRIC_INOTIFY_WATCHES] = {"process_inotify_watches", METRIC_GAUGE, TIER_DETAIL, "watches",
                                "inotify watches (fdinfo)"},
    [METRIC_INOTIFY_WATCHES_RATIO] =
        {"process_inotify_watches_ratio", METRIC_GAUGE, TIER_DETAIL, "fraction",
         "inotify watches as a share of the user's limit (fs.inotify.max_user_watches)"},
    [METRIC_FILE_LOCKS] =
        {"process_file_locks", METRIC_GAUGE, TIER_DETAIL, "locks",
         "locks on files the process has open: its own, those of other processes, and of the "
         "latter write locks that stop readers of SQLite databases (/proc/locks)"},
    [METRIC_CPU_TIME] = {"ps_cputime", METRIC_STOCK_PAIR, TIER_PULSE, "microseconds",
                         "CPU time, user and system (stat)"},
    [METRIC_CHILDREN_CPU_MICROSECONDS] =
        {"process_children_cpu_microseconds", METRIC_DERIVE, TIER_PULSE, "microseconds",
         "CPU time of child processes that have ended, and of theirs (stat)"},
    [METRIC_PAGE_FAULTS] = {"ps_pagefaults", METRIC_STOCK_PAIR, TIER_PULSE, "faults",
                            "page faults, minor and major (stat)"},
    [METRIC_DISK_OCTETS] = {"ps_disk_octets", METRIC_STOCK_PAIR, TIER_PULSE, "bytes",
                            "bytes read from and written to storage (io)"},
    [METRIC_CONTEXT_SWITCHES] = {"contextswitch", METRIC_STOCK_DERIVE, TIER_DETAIL, "switches",
                                 "context switches of all threads (status of each task)"},
    [METRIC_GOROUTINES] = {"go_goroutines", METRIC_GAUGE, TIER_PULSE, "goroutines",
                           "goroutines (pprof index page)"},
    [METRIC_GOROUTINES_STATE] = {"go_goroutines_state", METRIC_GAUGE, TIER_DETAIL, "goroutines",
                                 "goroutines by what they wait for (goroutine dump)"},
    [METRIC_GOROUTINES_BLOCKED] =
        {"go_goroutines_blocked", METRIC_GAUGE, TIER_DETAIL, "goroutines",
         "goroutines that have been waiting for at least that long, or that Go found to be "
         "leaked (goroutine dump)"},
    [METRIC_GOROUTINES_MATCHING] = {"go_goroutines_matching", METRIC_GAUGE, TIER_DETAIL,
                                    "goroutines",
                                    "goroutines with a function on their stack that matches a "
                                    "GoroutineMatch (fetch_data, monitor, tea_cmd by default)"},
    [METRIC_GOROUTINES_MATCHING_BLOCKED] =
        {"go_goroutines_matching_blocked", METRIC_GAUGE, TIER_DETAIL, "goroutines",
         "of those, the ones that have been waiting for 2 minutes at least, not in a sleep; "
         "for "
         "monitor, whose loops wait for events, not in select or chan receive either "
         "(goroutine dump)"},
    [METRIC_GOROUTINES_LEAKED] = {"go_goroutines_leaked", METRIC_GAUGE, TIER_DETAIL,
                                  "goroutines",
                                  "goroutines that nothing can wake, by the runtime's proof "
                                  "(goroutineleak profile, Go 1.27 and later)"},
    [METRIC_HEAP_ALLOC_BYTES] = {"go_memstats_heap_alloc_bytes", METRIC_GAUGE, TIER_DETAIL,
                                 "bytes", "heap objects, live or not yet swept (HeapAlloc)"},
    [METRIC_HEAP_INUSE_BYTES] = {"go_memstats_heap_inuse_bytes", METRIC_GAUGE, TIER_DETAIL,
                                 "bytes", "heap spans in use (HeapInuse)"},
    [METRIC_HEAP_IDLE_BYTES] = {"go_memstats_heap_idle_bytes", METRIC_GAUGE, TIER_DETAIL,
                                "bytes", "heap spans not in use (HeapIdle)"},
    [METRIC_HEAP_RELEASED_BYTES] = {"go_memstats_heap_released_bytes", METRIC_GAUGE,
                                    TIER_DETAIL, "bytes",
                                    "idle spans returned to the system (HeapReleased)"},
    [METRIC_HEAP_SYS_BYTES] = {"go_memstats_heap_sys_bytes", METRIC_GAUGE, TIER_DETAIL, "bytes",
                               "address space of the heap (HeapSys)"},
    [METRIC_HEAP_OBJECTS] = {"go_memstats_heap_objects", METRIC_GAUGE, TIER_DETAIL, "objects",
                             "heap objects (HeapObjects)"},
    [METRIC_STACK_INUSE_BYTES] = {"go_memstats_stack_inuse_bytes", METRIC_GAUGE, TIER_DETAIL,
                                  "bytes", "goroutine stacks (StackInuse)"},
    [METRIC_STACK_SYS_BYTES] = {"go_memstats_stack_sys_bytes", METRIC_GAUGE, TIER_DETAIL,
                                "bytes", "memory obtained for stacks (StackSys)"},
    [METRIC_MSPAN_INUSE_BYTES] = {"go_memstats_mspan_inuse_bytes", METRIC_GAUGE, TIER_DETAIL,
                                  "bytes", "the runtime's records of heap spans (MSpanInuse)"},
    [METRIC_MSPAN_SYS_BYTES] = {"go_memstats_mspan_sys_bytes", METRIC_GAUGE, TIER_DETAIL,
                                "bytes", "memory obtained for those (MSpanSys)"},
    [METRIC_MCACHE_INUSE_BYTES] = {"go_memstats_mcache_inuse_bytes", METRIC_GAUGE, TIER_DETAIL,
                                   "bytes",
                                   "allocation caches of the processors (MCacheInuse)"},
    [METRIC_MCACHE_SYS_BYTES] = {"go_memstats_mcache_sys_bytes", METRIC_GAUGE, TIER_DETAIL,
                                 "bytes", "memory obtained for those (MCacheSys)"},
    [METRIC_BUCK_HASH_SYS_BYTES] = {"go_memstats_buck_hash_sys_bytes", METRIC_GAUGE,
                                    TIER_DETAIL, "bytes",
                                    "tables of the profiles (BuckHashSys)"},
    [METRIC_GC_SYS_BYTES] = {"go_memstats_gc_sys_bytes", METRIC_GAUGE, TIER_DETAIL, "bytes",
                             "metadata of the GC (GCSys)"},
    [METRIC_OTHER_SYS_BYTES] = {"go_memstats_other_sys_bytes", METRIC_GAUGE, TIER_DETAIL,
                                "bytes",
                                "everything else that the runtime obtained (OtherSys)"},
    [METRIC_SYS_BYTES] = {"go_memstats_sys_bytes", METRIC_GAUGE, TIER_DETAIL, "bytes",
                          "all memory obtained from the system by the runtime (Sys)"},
    [METRIC_NEXT_GC_BYTES] = {"go_memstats_next_gc_bytes", METRIC_GAUGE, TIER_DETAIL, "bytes",
                              "heap size at which the next GC starts (NextGC)"},
    [METRIC_LAST_GC_TIME_SECONDS] =
        {"go_memstats_last_gc_time_seconds", METRIC_GAUGE, TIER_DETAIL,
         "seconds since the epoch", "when the last GC ended; absent before the first (LastGC)"},
    [METRIC_GC_CPU_FRACTION] = {"go_gc_cpu_fraction", METRIC_GAUGE, TIER_DETAIL, "fraction",
                                "CPU time spent in the GC since start (GCCPUFraction)"},
    [METRIC_GC_DURATION_SECONDS] = {"go_gc_duration_seconds", METRIC_GAUGE, TIER_DETAIL,
                                    "seconds",
                                    "quantiles of the pauses of the last 256 collections at "
                                    "most; absent before the first (ring PauseNs)"},
    [METRIC_ALLOC_BYTES] = {"go_memstats_alloc_bytes", METRIC_DERIVE, TIER_DETAIL, "bytes",
                            "bytes allocated since start (TotalAlloc)"},
    [METRIC_MALLOCS] = {"go_memstats_mallocs", METRIC_DERIVE, TIER_DETAIL, "objects",
                        "objects allocated since start (Mallocs)"},
    [METRIC_FREES] = {"go_memstats_frees", METRIC_DERIVE, TIER_DETAIL, "objects",
                      "objects freed since start (Frees)"},
    [METRIC_LOOKUPS] = {"go_memstats_lookups", METRIC_DERIVE, TIER_DETAIL, "lookups",
                        "pointers looked up by the runtime; 0 since Go 1.12 (Lookups)"},
    [METRIC_GC_CYCLES] = {"go_gc_cycles", METRIC_DERIVE, TIER_DETAIL, "collections",
                          "completed GC cycles (NumGC)"},
    [METRIC_GC_PAUSE_NANOSECONDS] = {"go_gc_pause_nanoseconds", METRIC_DERIVE, TIER_DETAIL,
                                     "nanoseconds", "total of GC pauses (ring PauseNs)"},
    [METRIC_HEAP_INUSE_MATCHING_BYTES] =
        {"go_heap_inuse_matching_bytes", METRIC_GAUGE, TIER_DETAIL, "bytes",
         "heap in use that was allocated in or below a function that matches a HeapMatch, "
         "estimated from samples (heap profile)"},
    [METRIC_RED_FLAG] = {"red_flag", METRIC_GAUGE, TIER_PULSE, "state",
                         "state of each red flag: 0 ok, 1 warning, 2 failure; absent while "
                         "unknown or disabled"},
    [METRIC_COLLECTOR_SUCCESS] =
        {"collector_success", METRIC_GAUGE, TIER_PULSE, "0 or 1",
         "1: the collector's last reading succeeded; absent while it is off"},
    [METRIC_COLLECTOR_STATUS] =
        {"collector_status", METRIC_GAUGE, TIER_PULSE, "code",
         "the reason: 0 ok, 1 off, 2 denied, 3 foreign, 4 refused, 5 timeout, "
         "6 malformed, 7 invalid, 8 ceiling, 9 unsupported, 10 error, 11 late"},
    [METRIC_COLLECTOR_DURATION_SECONDS] = {"collector_duration_seconds", METRIC_GAUGE,
                                           TIER_PULSE, "seconds",
                                           "how long the collector's last reading took"},
    [METRIC_PPROF_INTERVAL_SECONDS] =
        {"pprof_interval_seconds", METRIC_GAUGE, TIER_PULSE, "seconds",
         "how often MemStats, the heap profile, the goroutine dump and leaked goroutines are "
         "queried now; longer than configured where PprofBudget wants it"},
    [METRIC_PROCESS_COUNT] = {"process_count", METRIC_GAUGE, TIER_PULSE, "processes",
                              "watched processes, by Process block; sent even if 0"},
    [METRIC_PROCESS_SHORT_LIVED] =
        {"process_short_lived", METRIC_DERIVE, TIER_PULSE, "processes",
         "processes that were seen to end before they were watched (MinimumAge), by Process "
         "block"},
};

/* Type instances of metrics whose values are no fields of a reading. */
static const struct {
  const char *(*name)(size_t i); /* NULL past the last */
  bool are_configured;
} instances[METRICS] = {
    [METRIC_FDS] = {descriptor_class_name, false},
    [METRIC_FDS_MATCHING] = {NULL, true},
    [METRIC_GOROUTINES_STATE] = {state_name, false},
    [METRIC_GOROUTINES_BLOCKED] = {blocked_name, false},
    [METRIC_GOROUTINES_MATCHING] = {NULL, true},
    [METRIC_GOROUTINES_MATCHING_BLOCKED] = {NULL, true},
    [METRIC_GC_DURATION_SECONDS] = {quantile_name, false},
    [METRIC_HEAP_INUSE_MATCHING_BYTES] = {NULL, true},
    [METRIC_RED_FLAG] = {red_flag_name, false},
    [METRIC_COLLECTOR_SUCCESS] = {name_of_collector, false},
    [METRIC_COLLECTOR_STATUS] = {name_of_collector, false},
    [METRIC_COLLECTOR_DURATION_SECONDS] = {name_of_collector, false},
    [METRIC_PPROF_INTERVAL_SECONDS] = {name_of_interval, false},
};

/* ---- from values of readings to gauges ---- */

struct gauge_field {
  enum metric metric;
  const char *type_instance; /* NULL: none */
  size_t offset;             /* of the uint64_t in the reading's struct */
};

#define PULSE(field) offsetof(struct process_pulse, field)
static const struct gauge_field pulse_gauges[] = {
    {METRIC_RESIDENT_BYTES, NULL, PULSE(memory.resident_bytes)},
    {METRIC_VIRTUAL_BYTES, NULL, PULSE(virtual_bytes)},
    {METRIC_RESIDENT_PEAK_BYTES, NULL, PULSE(memory.resident_peak_bytes)},
    {METRIC_MEMORY_BYTES, "anon", PULSE(memory.anon_bytes)},
    {METRIC_MEMORY_BYTES, "file", PULSE(memory.file_bytes)},
    {METRIC_MEMORY_BYTES, "shmem", PULSE(memory.shmem_bytes)},
    {METRIC_MEMORY_BYTES, "swap", PULSE(memory.swap_bytes)},
    {METRIC_THREADS, NULL, PULSE(threads)},
    {METRIC_OPEN_FDS, NULL, PULSE(open_fds)},
    {METRIC_MAX_FDS, NULL, PULSE(max_fds)},
};

#define DESCRIPTORS(field) offsetof(struct descriptors_reading, field)
static const struct gauge_field descriptor_gauges[] = {
    {METRIC_FDS_DELETED, NULL, DESCRIPTORS(deleted)},
    {METRIC_FDS_SAME_FILE_MAX, NULL, DESCRIPTORS(same_file_max)},
    {METRIC_FDS_DUPLICATE, NULL, DESCRIPTORS(duplicate)},
    {METRIC_FDS_SAME_DATABASE_MAX, NULL, DESCRIPTORS(same_database_max)},
    {METRIC_INOTIFY_WATCHES, NULL, DESCRIPTORS(inotify_watches)},
    {METRIC_FILE_LOCKS, "held", DESCRIPTORS(locks_held)},
    {METRIC_FILE_LOCKS, "foreign", DESCRIPTORS(locks_foreign)},
    {METRIC_FILE_LOCKS, "contended", DESCRIPTORS(locks_contended)},
};

#define ROLLUP(field) offsetof(struct memory_map_rollup, field)
static const struct gauge_field rollup_gauges[] = {
    {METRIC_SMAPS_BYTES, "pss", ROLLUP(pss)},
    {METRIC_SMAPS_BYTES, "private_clean", ROLLUP(private_clean)},
    {METRIC_SMAPS_BYTES, "private_dirty", ROLLUP(private_dirty)},
    {METRIC_SMAPS_BYTES, "lazyfree", ROLLUP(lazyfree)},
    {METRIC_SMAPS_BYTES, "swap_pss", ROLLUP(swap_pss)},
    {METRIC_SMAPS_BYTES, "footprint", ROLLUP(footprint)},
};

#define MEMSTATS(field) offsetof(struct memstats, field)
static const struct gauge_field memstats_gauges[] = {
    {METRIC_HEAP_ALLOC_BYTES, NULL, MEMSTATS(heap_alloc_bytes)},
    {METRIC_HEAP_INUSE_BYTES, NULL, MEMSTATS(heap_inuse_bytes)},
    {METRIC_HEAP_IDLE_BYTES, NULL, MEMSTATS(heap_idle_bytes)},
    {METRIC_HEAP_RELEASED_BYTES, NULL, MEMSTATS(heap_released_bytes)},
    {METRIC_HEAP_SYS_BYTES, NULL, MEMSTATS(heap_sys_bytes)},
    {METRIC_HEAP_OBJECTS, NULL, MEMSTATS(heap_objects)},
    {METRIC_STACK_INUSE_BYTES, NULL, MEMSTATS(stack_inuse_bytes)},
    {METRIC_STACK_SYS_BYTES, NULL, MEMSTATS(stack_sys_bytes)},
    {METRIC_MSPAN_INUSE_BYTES, NULL, MEMSTATS(mspan_inuse_bytes)},
    {METRIC_MSPAN_SYS_BYTES, NULL, MEMSTATS(mspan_sys_bytes)},
    {METRIC_MCACHE_INUSE_BYTES, NULL, MEMSTATS(mcache_inuse_bytes)},
    {METRIC_MCACHE_SYS_BYTES, NULL, MEMSTATS(mcache_sys_bytes)},
    {METRIC_BUCK_HASH_SYS_BYTES, NULL, MEMSTATS(buck_hash_sys_bytes)},
    {METRIC_GC_SYS_BYTES, NULL, MEMSTATS(gc_sys_bytes)},
    {METRIC_OTHER_SYS_BYTES, NULL, MEMSTATS(other_sys_bytes)},
    {METRIC_SYS_BYTES, NULL, MEMSTATS(sys_bytes)},
    {METRIC_NEXT_GC_BYTES, NULL, MEMSTATS(next_gc_bytes)},
};

static const struct {
  const struct gauge_field *fields;
  size_t len;
} field_tables[] = {
    [METRIC_OF_PULSE] = {pulse_gauges, ARRAY_LENGTH(pulse_gauges)},
    [METRIC_OF_DESCRIPTORS] = {descriptor_gauges, ARRAY_LENGTH(descriptor_gauges)},
    [METRIC_OF_ROLLUP] = {rollup_gauges, ARRAY_LENGTH(rollup_gauges)},
    [METRIC_OF_MEMSTATS] = {memstats_gauges, ARRAY_LENGTH(memstats_gauges)},
};

bool metric_field(enum metric metric, const char *type_instance, enum metric_struct *ret_struct,
                  size_t *ret_offset) {
  for (size_t table = 0; table < ARRAY_LENGTH(field_tables); table++) {
    for (size_t at = 0; at < field_tables[table].len; at++) {
      const struct gauge_field *field = &field_tables[table].fields[at];
      const char *instance = field->type_instance != NULL ? field->type_instance : "";
      if (field->metric != metric || strcmp(instance, type_instance) != 0)
        continue;
      *ret_struct = (enum metric_struct)table;
      *ret_offset = field->offset;
      return true;
    }
  }
  return false;
}

/* The i-th type instance among the gauges that are values of readings. */
static const char *field_instance(enum metric metric, size_t i) {
  for (size_t table = 0; table < ARRAY_LENGTH(field_tables); table++) {
    for (size_t at = 0; at < field_tables[table].len; at++) {
      const struct gauge_field *field = &field_tables[table].fields[at];
      if (field->metric == metric && field->type_instance != NULL && i-- == 0)
        return field->type_instance;
    }
  }
  return NULL;
}

bool metric_has_configured_instances(enum metric metric) {
  return instances[metric].are_configured;
}

const char *metric_instance(enum metric metric, size_t i) {
  if (instances[metric].are_configured)
    return NULL;
  if (instances[metric].name != NULL)
    return instances[metric].name(i);
  const char *instance = field_instance(metric, i);
  return instance == NULL && i == 0 ? "" : instance;
}

const char *metric_source(enum metric metric, size_t i) {
  static const char *const sources[METRICS][2] = {
      [METRIC_CPU_TIME] = {"user", "syst"},
      [METRIC_PAGE_FAULTS] = {"minflt", "majflt"},
      [METRIC_DISK_OCTETS] = {"read", "write"},
  };
  return i < ARRAY_LENGTH(sources[metric]) ? sources[metric][i] : NULL;
}

/* ---- samples, one at a time ---- */

static struct sample *samples_next(struct samples *samples, enum metric metric,
                                   const char *type_instance) {
  if (samples->len == SAMPLES_MAX)
    return NULL;
  struct sample *sample = &samples->items[samples->len++];
  *sample = (struct sample){.metric = metric, .type_instance = type_instance, .values_len = 1};
  return sample;
}

void samples_add_gauge_double(struct samples *samples, enum metric metric,
                              const char *type_instance, double value) {
  if (!isfinite(value))
    return;
  struct sample *sample = samples_next(samples, metric, type_instance);
  if (sample != NULL)
    sample->value.gauge = value;
}

void samples_add_gauge(struct samples *samples, enum metric metric, const char *type_instance,
                       uint64_t value) {
  if (value != VALUE_UNKNOWN)
    samples_add_gauge_double(samples, metric, type_instance, (double)value);
}

void samples_add_counter(struct samples *samples, enum metric metric, uint64_t value) {
  if (value > INT64_MAX)
    return;
  struct sample *sample = samples_next(samples, metric, NULL);
  if (sample != NULL)
    sample->value.derive[0] = (int64_t)value;
}

void samples_add_counter_pair(struct samples *samples, enum metric metric, uint64_t first,
                              uint64_t second) {
  if (first > INT64_MAX || second > INT64_MAX)
    return;
  struct sample *sample = samples_next(samples, metric, NULL);
  if (sample == NULL)
    return;
  sample->value.derive[0] = (int64_t)first;
  sample->value.derive[1] = (int64_t)second;
  sample->values_len = 2;
}

/* ---- samples of readings ---- */

static void add_gauges(struct samples *samples, const void *reading,
                       const struct gauge_field *fields, size_t len) {
  for (size_t i = 0; i < len; i++)
    samples_add_gauge(
        samples, fields[i].metric, fields[i].type_instance,
        *(const uint64_t *)(const void *)((const char *)reading + fields[i].offset));
}

static void add_by_pattern(struct samples *samples, enum metric metric,
                           const struct pattern_list *patterns, const uint64_t *values) {
  for (size_t i = 0; i < patterns->len; i++)
    samples_add_gauge(samples, metric, patterns->items[i].name, values[i]);
}

static uint64_t microseconds(uint64_t ticks, uint64_t ticks_per_second) {
  if (ticks == VALUE_UNKNOWN || ticks_per_second == 0)
    return VALUE_UNKNOWN;
  return (uint64_t)((double)ticks * 1e6 / (double)ticks_per_second);
}

void samples_add_pulse(struct samples *samples, const struct process_pulse *pulse,
                       uint64_t ticks_per_second) {
  add_gauges(samples, pulse, pulse_gauges, ARRAY_LENGTH(pulse_gauges));
  samples_add_gauge_double(samples, METRIC_OPEN_FDS_RATIO, NULL,
                           share_of(pulse->open_fds, pulse->max_fds));
  samples_add_counter_pair(samples, METRIC_CPU_TIME,
                           microseconds(pulse->user_ticks, ticks_per_second),
                           microseconds(pulse->system_ticks, ticks_per_second));
  samples_add_counter(samples, METRIC_CHILDREN_CPU_MICROSECONDS,
                      microseconds(pulse->children_ticks, ticks_per_second));
  samples_add_counter_pair(samples, METRIC_PAGE_FAULTS, pulse->minor_faults,
                           pulse->major_faults);
  samples_add_counter_pair(samples, METRIC_DISK_OCTETS, pulse->disk_read_bytes,
                           pulse->disk_write_bytes);
}

void samples_add_descriptors(struct samples *samples, const struct descriptors_reading *reading,
                             const struct pattern_list *patterns, uint64_t watches_limit) {
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    samples_add_gauge(samples, METRIC_FDS, descriptor_class_name(i), reading->by_class[i]);
  add_gauges(samples, reading, descriptor_gauges, ARRAY_LENGTH(descriptor_gauges));
  samples_add_gauge_double(samples, METRIC_INOTIFY_WATCHES_RATIO, NULL,
                           share_of(reading->inotify_watches, watches_limit));
  add_by_pattern(samples, METRIC_FDS_MATCHING, patterns, reading->matching);
}

void samples_add_rollup(struct samples *samples, const struct memory_map_rollup *rollup) {
  add_gauges(samples, rollup, rollup_gauges, ARRAY_LENGTH(rollup_gauges));
}

void samples_add_memstats_gauges(struct samples *samples, const struct memstats *stats) {
  add_gauges(samples, stats, memstats_gauges, ARRAY_LENGTH(memstats_gauges));
  samples_add_gauge_double(samples, METRIC_GC_CPU_FRACTION, NULL, stats->gc_cpu_fraction);
  uint64_t pauses_ns[MEMSTATS_QUANTILES];
  if (memstats_pause_quantiles_ns(stats, pauses_ns)) {
    for (size_t i = 0; i < MEMSTATS_QUANTILES; i++)
      samples_add_gauge_double(samples, METRIC_GC_DURATION_SECONDS, quantile_name(i),
                               (double)pauses_ns[i] / 1e9);
  }
  /* 0 is Go's "never", not a time */
  if (stats->last_gc_ns != VALUE_UNKNOWN && stats->last_gc_ns > 0)
    samples_add_gauge_double(samples, METRIC_LAST_GC_TIME_SECONDS, NULL,
                             (double)stats->last_gc_ns / 1e9);
}

void samples_add_memstats_counters(struct samples *samples, const struct memstats *stats,
                                   uint64_t pauses_ns) {
  samples_add_counter(samples, METRIC_ALLOC_BYTES, stats->alloc_bytes_total);
  samples_add_counter(samples, METRIC_MALLOCS, stats->mallocs);
  samples_add_counter(samples, METRIC_FREES, stats->frees);
  samples_add_counter(samples, METRIC_LOOKUPS, stats->lookups);
  samples_add_counter(samples, METRIC_GC_CYCLES, stats->num_gc);
  samples_add_counter(samples, METRIC_GC_PAUSE_NANOSECONDS,
                      stats->has_pauses && stats->num_gc != VALUE_UNKNOWN ? pauses_ns
                                                                          : VALUE_UNKNOWN);
}

void samples_add_goroutine_profile(struct samples *samples,
                                   const struct goroutine_profile *profile,
                                   const struct pattern_list *patterns) {
  add_by_pattern(samples, METRIC_GOROUTINES_MATCHING, patterns, profile->matching);
  if (profile->is_grouped)
    return;
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    samples_add_gauge(samples, METRIC_GOROUTINES_STATE, state_name(i), profile->by_state[i]);
  for (size_t i = 0; i < GOROUTINE_BLOCKED_AGES; i++)
    samples_add_gauge(samples, METRIC_GOROUTINES_BLOCKED, blocked_name(i), profile->blocked[i]);
  add_by_pattern(samples, METRIC_GOROUTINES_MATCHING_BLOCKED, patterns,
                 profile->matching_blocked);
}

void samples_add_heap_profile(struct samples *samples, const struct heap_profile *profile,
                              const struct pattern_list *patterns) {
  add_by_pattern(samples, METRIC_HEAP_INUSE_MATCHING_BYTES, patterns, profile->matching_bytes);
}

/* ---- many samples ---- */

void samples_add_pprof_intervals(struct samples *samples,
                                 const uint64_t intervals_ms[PPROF_INTERVALS]) {
  for (size_t i = 0; i < PPROF_INTERVALS; i++)
    if (intervals_ms[i] > 0)
      samples_add_gauge_double(samples, METRIC_PPROF_INTERVAL_SECONDS, interval_names[i],
                               (double)intervals_ms[i] / 1e3);
}

void samples_write(struct buffer *text, const struct sample *samples, size_t len) {
  for (size_t i = 0; i < len; i++) {
    const struct sample *sample = &samples[i];
    const struct metric_info *info = &metrics[sample->metric];
    buffer_append_string(text, info->type);
    if (sample->type_instance != NULL)
      buffer_printf(text, "{type=\"%s\"}", sample->type_instance);
    if (info->kind == METRIC_GAUGE)
      buffer_printf(text, " %.15g", sample->value.gauge);
    else
      for (size_t n = 0; n < sample->values_len; n++)
        buffer_printf(text, " %" PRId64, sample->value.derive[n]);
    buffer_printf(text, " %s\n", info->unit);
  }
}

int samples_hold(struct held_samples *held, const struct samples *samples) {
  if (samples->len == 0) {
    samples_drop(held);
    return 0;
  }
  struct sample *items = realloc(held->items, samples->len * sizeof(*items));
  if (items == NULL) {
    samples_drop(held);
    return -ENOMEM;
  }
  memcpy(items, samples->items, samples->len * sizeof(*items));
  held->items = items;
  held->len = samples->len;
  return 0;
}

void samples_drop(struct held_samples *held) {
  free(held->items);
  *held = (struct held_samples){.items = NULL};
}

void samples_add_held(struct samples *samples, const struct held_samples *held,
                      uint64_t interval_ms) {
  for (size_t i = 0; i < held->len && samples->len < SAMPLES_MAX; i++) {
    samples->items[samples->len] = held->items[i];
    samples->items[samples->len++].interval_ms = interval_ms;
  }
}
