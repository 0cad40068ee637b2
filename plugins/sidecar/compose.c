/* Readings to samples; see compose.h. */
#include "sidecar/compose.h"

static uint64_t microseconds(uint64_t ticks, uint64_t ticks_per_second) {
  if (ticks == VALUE_UNKNOWN || ticks_per_second == 0)
    return VALUE_UNKNOWN;
  return (uint64_t)((double)ticks * 1e6 / (double)ticks_per_second);
}

void compose_pulse(struct samples *samples, const struct process_pulse *pulse,
                   uint64_t ticks_per_second) {
  samples_add_gauge(samples, METRIC_RESIDENT_BYTES, NULL, pulse->resident_bytes);
  samples_add_gauge(samples, METRIC_VIRTUAL_BYTES, NULL, pulse->virtual_bytes);
  samples_add_gauge(samples, METRIC_RESIDENT_PEAK_BYTES, NULL, pulse->resident_peak_bytes);
  samples_add_gauge(samples, METRIC_MEMORY_BYTES, "anon", pulse->anon_bytes);
  samples_add_gauge(samples, METRIC_MEMORY_BYTES, "file", pulse->file_bytes);
  samples_add_gauge(samples, METRIC_MEMORY_BYTES, "shmem", pulse->shmem_bytes);
  samples_add_gauge(samples, METRIC_MEMORY_BYTES, "swap", pulse->swap_bytes);
  samples_add_gauge(samples, METRIC_THREADS, NULL, pulse->threads);
  samples_add_gauge(samples, METRIC_OPEN_FDS, NULL, pulse->open_fds);
  samples_add_gauge(samples, METRIC_MAX_FDS, NULL, pulse->max_fds);
  samples_add_counter_pair(samples, METRIC_CPU_TIME,
                           microseconds(pulse->user_ticks, ticks_per_second),
                           microseconds(pulse->system_ticks, ticks_per_second));
  samples_add_counter_pair(samples, METRIC_PAGE_FAULTS, pulse->minor_faults,
                           pulse->major_faults);
  samples_add_counter_pair(samples, METRIC_DISK_OCTETS, pulse->disk_read_bytes,
                           pulse->disk_write_bytes);
}

const char *compose_class_name(enum descriptor_class class) {
  static const char *const names[DESCRIPTOR_CLASSES] = {
      [DESCRIPTOR_REGULAR] = "regular", [DESCRIPTOR_DIRECTORY] = "directory",
      [DESCRIPTOR_PIPE] = "pipe",       [DESCRIPTOR_SOCKET] = "socket",
      [DESCRIPTOR_INOTIFY] = "inotify", [DESCRIPTOR_EVENTPOLL] = "eventpoll",
      [DESCRIPTOR_EVENTFD] = "eventfd", [DESCRIPTOR_DEVICE] = "device",
      [DESCRIPTOR_OTHER] = "other",
  };
  return names[class];
}

void compose_descriptors(struct samples *samples, const struct descriptors_reading *reading,
                         const struct pattern *patterns, size_t patterns_len) {
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    samples_add_gauge(samples, METRIC_FDS, compose_class_name(i), reading->by_class[i]);
  samples_add_gauge(samples, METRIC_FDS_DELETED, NULL, reading->deleted);
  samples_add_gauge(samples, METRIC_FDS_SAME_FILE_MAX, NULL, reading->same_file_max);
  samples_add_gauge(samples, METRIC_FDS_DUPLICATE, NULL, reading->duplicate);
  for (size_t i = 0; i < patterns_len; i++)
    samples_add_gauge(samples, METRIC_FDS_MATCHING, patterns[i].name, reading->matching[i]);
  samples_add_gauge(samples, METRIC_INOTIFY_WATCHES, NULL, reading->inotify_watches);
  samples_add_gauge(samples, METRIC_FILE_LOCKS, "held", reading->locks_held);
  samples_add_gauge(samples, METRIC_FILE_LOCKS, "foreign", reading->locks_foreign);
  samples_add_gauge(samples, METRIC_FILE_LOCKS, "contended", reading->locks_contended);
}

void compose_rollup(struct samples *samples, const struct memory_map_rollup *rollup) {
  samples_add_gauge(samples, METRIC_SMAPS_BYTES, "pss", rollup->pss);
  samples_add_gauge(samples, METRIC_SMAPS_BYTES, "private_clean", rollup->private_clean);
  samples_add_gauge(samples, METRIC_SMAPS_BYTES, "private_dirty", rollup->private_dirty);
  samples_add_gauge(samples, METRIC_SMAPS_BYTES, "lazyfree", rollup->lazyfree);
  samples_add_gauge(samples, METRIC_SMAPS_BYTES, "swap_pss", rollup->swap_pss);
  samples_add_gauge(samples, METRIC_SMAPS_BYTES, "footprint", rollup->footprint);
}

void compose_memstats_gauges(struct samples *samples, const struct memstats *stats) {
  samples_add_gauge(samples, METRIC_HEAP_ALLOC_BYTES, NULL, stats->heap_alloc_bytes);
  samples_add_gauge(samples, METRIC_HEAP_INUSE_BYTES, NULL, stats->heap_inuse_bytes);
  samples_add_gauge(samples, METRIC_HEAP_IDLE_BYTES, NULL, stats->heap_idle_bytes);
  samples_add_gauge(samples, METRIC_HEAP_RELEASED_BYTES, NULL, stats->heap_released_bytes);
  samples_add_gauge(samples, METRIC_HEAP_SYS_BYTES, NULL, stats->heap_sys_bytes);
  samples_add_gauge(samples, METRIC_HEAP_OBJECTS, NULL, stats->heap_objects);
  samples_add_gauge(samples, METRIC_STACK_INUSE_BYTES, NULL, stats->stack_inuse_bytes);
  samples_add_gauge(samples, METRIC_SYS_BYTES, NULL, stats->sys_bytes);
  samples_add_gauge(samples, METRIC_NEXT_GC_BYTES, NULL, stats->next_gc_bytes);
  samples_add_gauge_double(samples, METRIC_GC_CPU_FRACTION, NULL, stats->gc_cpu_fraction);
  /* 0 is Go's "never", not a time */
  if (stats->last_gc_ns != VALUE_UNKNOWN && stats->last_gc_ns > 0)
    samples_add_gauge_double(samples, METRIC_LAST_GC_TIME_SECONDS, NULL,
                             (double)stats->last_gc_ns / 1e9);
}

void compose_memstats_counters(struct samples *samples, const struct memstats *stats,
                               uint64_t pauses_ns) {
  samples_add_counter(samples, METRIC_ALLOC_BYTES, stats->alloc_bytes_total);
  samples_add_counter(samples, METRIC_MALLOCS, stats->mallocs);
  samples_add_counter(samples, METRIC_FREES, stats->frees);
  samples_add_counter(samples, METRIC_GC_CYCLES, stats->num_gc);
  samples_add_counter(samples, METRIC_GC_PAUSE_NANOSECONDS,
                      stats->has_pauses && stats->num_gc != VALUE_UNKNOWN ? pauses_ns
                                                                          : VALUE_UNKNOWN);
}

void compose_goroutine_profile(struct samples *samples, const struct goroutine_profile *profile,
                               const struct pattern_list *patterns) {
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    samples_add_gauge(samples, METRIC_GOROUTINES_STATE, goroutine_state_name(i),
                      profile->by_state[i]);
  for (size_t i = 0; i < GOROUTINE_BLOCKED_AGES; i++)
    samples_add_gauge(samples, METRIC_GOROUTINES_BLOCKED, goroutine_blocked_name(i),
                      profile->blocked[i]);
  for (size_t i = 0; i < patterns->len; i++)
    samples_add_gauge(samples, METRIC_GOROUTINES_MATCHING, patterns->items[i].name,
                      profile->matching[i]);
}

void compose_heap_profile(struct samples *samples, const struct heap_profile *profile,
                          const struct pattern_list *patterns) {
  for (size_t i = 0; i < patterns->len; i++)
    samples_add_gauge(samples, METRIC_HEAP_INUSE_MATCHING_BYTES, patterns->items[i].name,
                      profile->matching_bytes[i]);
}
