/* What the readings of a process mean to its red flags; see watched_flags.h. */
#include "sidecar/watched_flags.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"
#include "sidecar/watched_internal.h"

static uint64_t now_ms(void) {
  return clock_monotonic_ns() / 1000000;
}

static void observe_number(struct watched *watched, uint64_t ms, enum red_flag_signal signal,
                           double value) {
  verdicts_observe(watched->flags->verdicts, signal, value, ms);
  trend_observe(&watched->flags->trend, signal, value, ms);
}

static void observe(struct watched *watched, uint64_t ms, enum red_flag_signal signal,
                    uint64_t value) {
  observe_number(watched, ms, signal, value == VALUE_UNKNOWN ? NAN : (double)value);
}

/* ---- a process's life ---- */

int watched_flags_begin(struct watched *watched, struct watch_services *services) {
  struct watched_flags *flags = calloc(1, sizeof(*flags));
  if (flags == NULL)
    return -ENOMEM;
  uint64_t age = 0, now = now_ms();
  process_age_ms(watched->process, &age);
  int status = verdicts_new(&services->config->red_flags, age, now, &flags->verdicts);
  if (status != 0) {
    free(flags);
    return status;
  }
  moment_init(&flags->now);
  moment_init(&flags->baseline);
  trend_begin(&flags->trend);
  flags->heap_unreleased_bytes = flags->lazyfree_bytes = VALUE_UNKNOWN;
  flags->started_ms = now > age ? now - age : 0;
  watched->flags = flags;
  return 0;
}

void watched_flags_free(struct watched_flags *flags) {
  if (flags == NULL)
    return;
  verdicts_free(flags->verdicts);
  free(flags);
}

/* ---- /proc ---- */

void watched_flags_take_pulse(struct watched *watched, const struct watch_services *services) {
  uint64_t ms = now_ms();
  const struct process_pulse *pulse = &watched->pulse;
  struct moment *now = &watched->flags->now;
  now->resident_bytes = pulse->resident_bytes;
  now->anon_bytes = pulse->anon_bytes;
  now->file_bytes = pulse->file_bytes;
  now->shmem_bytes = pulse->shmem_bytes;
  now->swap_bytes = pulse->swap_bytes;
  now->fds = pulse->open_fds;
  now->threads = pulse->threads;
  observe(watched, ms, SIGNAL_RESIDENT_BYTES, now->resident_bytes);
  observe(watched, ms, SIGNAL_SWAP_BYTES, now->swap_bytes);
  observe(watched, ms, SIGNAL_OPEN_FDS, now->fds);
  observe(watched, ms, SIGNAL_THREADS, now->threads);
  double ticks = NAN;
  if (pulse->user_ticks != VALUE_UNKNOWN && pulse->system_ticks != VALUE_UNKNOWN)
    ticks = (double)(pulse->user_ticks + pulse->system_ticks);
  observe_number(watched, ms, SIGNAL_CPU_SECONDS,
                 ticks / (double)host_ticks_per_second(services->host));
}

/* The guide's session files: of the patterns whose name ends so, the one with most. */
static void find_session_files(struct watched_flags *flags, const struct pattern_list *patterns,
                               const struct descriptors_reading *reading) {
  flags->findings.session_pattern = NULL;
  flags->now.session_files = VALUE_UNKNOWN;
  for (size_t i = 0; i < patterns->len; i++) {
    if (!span_ends_with(span_of(patterns->items[i].name), "_sessions"))
      continue;
    if (flags->findings.session_pattern == NULL ||
        reading->matching[i] > flags->now.session_files) {
      flags->findings.session_pattern = patterns->items[i].name;
      flags->now.session_files = reading->matching[i];
    }
  }
}

static void find_lock_owner(struct findings *findings, const struct watch_services *services,
                            const struct descriptors_reading *reading) {
  char name[16] = "";
  findings->foreign_lock_pid = reading->foreign_lock_pid;
  text_printable(findings->foreign_lock_path, sizeof(findings->foreign_lock_path),
                 span_of(reading->foreign_lock_path));
  if (reading->foreign_lock_pid <= 0 ||
      host_process_name(services->host, reading->foreign_lock_pid, name, sizeof(name)) != 0)
    name[0] = '\0';
  text_printable(findings->foreign_lock_owner, sizeof(findings->foreign_lock_owner),
                 span_of(name[0] != '\0' ? name : "a process that is gone"));
}

static double watches_ratio(const struct watch_services *services, uint64_t watches) {
  uint64_t limit;
  if (watches == VALUE_UNKNOWN || host_inotify_watches_limit(services->host, &limit) != 0)
    return NAN;
  return (double)watches / (double)limit;
}

static void forget_descriptors(struct moment *now) {
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    now->fds_by_class[i] = VALUE_UNKNOWN;
  now->same_file_opens = now->session_files = now->inotify_watches = VALUE_UNKNOWN;
}

void watched_flags_take_descriptors(struct watched *watched,
                                    const struct watch_services *services,
                                    const struct descriptors_reading *reading) {
  uint64_t ms = now_ms();
  struct watched_flags *flags = watched->flags;
  struct moment *now = &flags->now;
  uint64_t contended = VALUE_UNKNOWN;
  if (reading == NULL) {
    forget_descriptors(now);
  } else {
    memcpy(now->fds_by_class, reading->by_class, sizeof(now->fds_by_class));
    now->same_file_opens = reading->same_file_max;
    now->inotify_watches = reading->inotify_watches;
    text_printable(flags->findings.same_file_path, sizeof(flags->findings.same_file_path),
                   span_of(reading->same_file_path));
    find_session_files(flags, &services->config->fd_patterns, reading);
    contended = reading->locks_contended;
    if (contended != VALUE_UNKNOWN && contended > 0)
      find_lock_owner(&flags->findings, services, reading);
  }
  flags->is_contended = contended != VALUE_UNKNOWN && contended > 0;
  observe(watched, ms, SIGNAL_SAME_FILE_OPENS, now->same_file_opens);
  observe(watched, ms, SIGNAL_SESSION_FILES, now->session_files);
  observe(watched, ms, SIGNAL_SQLITE_FOREIGN_LOCKS, contended);
  observe_number(watched, ms, SIGNAL_INOTIFY_WATCHES_RATIO,
                 watches_ratio(services, now->inotify_watches));
}

bool watched_flags_want_detail(const struct watched *watched,
                               const struct watch_services *services, uint64_t age_ns) {
  uint64_t hold_ms = services->config->red_flags.rules[RED_FLAG_SQLITE_CONTENTION].hold_ms;
  return watched->flags->is_contended && age_ns >= hold_ms * 1000000;
}

/* What the kernel may take (LazyFree) was released by Go; what Go keeps was not. */
static void sum_retained(struct watched *watched, uint64_t ms) {
  struct watched_flags *flags = watched->flags;
  uint64_t kept = flags->heap_unreleased_bytes, lazy = flags->lazyfree_bytes;
  flags->now.retained_bytes = kept == VALUE_UNKNOWN   ? lazy
                              : lazy == VALUE_UNKNOWN ? kept
                                                      : kept + lazy;
  observe(watched, ms, SIGNAL_RETAINED_BYTES, flags->now.retained_bytes);
}

void watched_flags_take_memory_map(struct watched *watched, uint64_t regions,
                                   uint64_t lazyfree_bytes) {
  uint64_t ms = now_ms();
  watched->flags->now.memory_regions = regions;
  watched->flags->lazyfree_bytes = lazyfree_bytes;
  observe(watched, ms, SIGNAL_MEMORY_REGIONS, regions);
  sum_retained(watched, ms);
}

/* ---- the Go runtime ---- */

void watched_flags_take_goroutine_count(struct watched *watched) {
  uint64_t ms = now_ms();
  watched->flags->now.goroutines = watched->goroutines;
  observe(watched, ms, SIGNAL_GOROUTINES, watched->goroutines);
}

/*
 * HeapAlloc without the garbage since the last collection. With GOGC=100, the default, the next
 * collection starts at twice what the last one left (runtime/mgcpacer.go); with less, half of
 * NextGC is too little by the same factor each time, which neither makes nor hides a rise; with
 * more, or without a limit, HeapAlloc is the smaller.
 */
static uint64_t live_bytes(const struct memstats *stats) {
  uint64_t half =
      stats->next_gc_bytes == VALUE_UNKNOWN ? VALUE_UNKNOWN : stats->next_gc_bytes / 2;
  return stats->heap_alloc_bytes < half ? stats->heap_alloc_bytes : half;
}

void watched_flags_take_memstats(struct watched *watched, const struct memstats *stats) {
  uint64_t ms = now_ms();
  struct watched_flags *flags = watched->flags;
  uint64_t idle = stats != NULL ? stats->heap_idle_bytes : VALUE_UNKNOWN;
  uint64_t released = stats != NULL ? stats->heap_released_bytes : VALUE_UNKNOWN;
  flags->now.heap_alloc_bytes = stats != NULL ? stats->heap_alloc_bytes : VALUE_UNKNOWN;
  flags->now.heap_inuse_bytes = stats != NULL ? stats->heap_inuse_bytes : VALUE_UNKNOWN;
  flags->heap_unreleased_bytes =
      idle == VALUE_UNKNOWN || released == VALUE_UNKNOWN || released > idle ? VALUE_UNKNOWN
                                                                            : idle - released;
  observe(watched, ms, SIGNAL_HEAP_LIVE_BYTES,
          stats != NULL ? live_bytes(stats) : VALUE_UNKNOWN);
  observe(watched, ms, SIGNAL_ALLOCATED_BYTES,
          stats != NULL ? stats->alloc_bytes_total : VALUE_UNKNOWN);
  sum_retained(watched, ms);
}

static uint64_t count_fetching(const struct goroutine_profile *profile,
                               const struct pattern_list *patterns) {
  for (size_t i = 0; i < patterns->len; i++)
    if (strcmp(patterns->items[i].name, "fetch_data") == 0)
      return profile->matching[i];
  return VALUE_UNKNOWN;
}

void watched_flags_take_goroutines(struct watched *watched,
                                   const struct watch_services *services,
                                   const struct goroutine_profile *profile) {
  uint64_t ms = now_ms();
  struct moment *now = &watched->flags->now;
  now->goroutines_stuck = now->fetch_data = VALUE_UNKNOWN;
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    now->goroutines_by_state[i] = profile != NULL ? profile->by_state[i] : VALUE_UNKNOWN;
  if (profile != NULL) {
    now->goroutines_stuck = profile->blocked[GOROUTINE_BLOCKED_10M];
    now->fetch_data = count_fetching(profile, &services->config->goroutine_patterns);
  }
  observe(watched, ms, SIGNAL_GOROUTINES_STUCK, now->goroutines_stuck);
  observe(watched, ms, SIGNAL_FETCH_DATA, now->fetch_data);
}

void watched_flags_take_pprof(struct watched *watched) {
  uint64_t ms = now_ms();
  double has = NAN; /* not allowed to look, or not asked to */
  if (watched->endpoint.client != NULL)
    has = 1;
  else if (watched->block->pprof && watched->endpoint.status != STATUS_DENIED)
    has = 0;
  observe_number(watched, ms, SIGNAL_HAS_PPROF, has);
}
