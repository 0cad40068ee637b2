/* From readings to signals, and from statuses to changes; see flags.h. */
#include "sidecar/redflag/flags.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"

/* ---- lifetime ---- */

int flags_new(const struct flags_options *options, uint64_t age_ms, uint64_t now_ms,
              struct flags **ret) {
  struct flags *flags = calloc(1, sizeof(*flags));
  if (flags == NULL)
    return -ENOMEM;
  int status = evaluator_new(options->rules, age_ms, now_ms, &flags->evaluator);
  if (status != 0) {
    free(flags);
    return status;
  }
  flags->options = *options;
  snapshot_init(&flags->now);
  snapshot_init(&flags->baseline);
  trend_begin(&flags->trend);
  live_heap_init(&flags->live_heap);
  flags->heap_unreleased_bytes = flags->lazyfree_bytes = VALUE_UNKNOWN;
  flags->started_ms = now_ms > age_ms ? now_ms - age_ms : 0;
  *ret = flags;
  return 0;
}

void flags_free(struct flags *flags) {
  if (flags == NULL)
    return;
  evaluator_free(flags->evaluator);
  free(flags);
}

/* ---- signals ---- */

static void signal_number(struct flags *flags, enum red_flag_signal signal, double value,
                          uint64_t now_ms) {
  evaluator_observe(flags->evaluator, signal, value, now_ms);
  trend_observe(&flags->trend, signal, value, now_ms);
}

static void signal_count(struct flags *flags, enum red_flag_signal signal, uint64_t value,
                         uint64_t now_ms) {
  signal_number(flags, signal, value == VALUE_UNKNOWN ? NAN : (double)value, now_ms);
}

/* ---- /proc ---- */

/*
 * What the process itself has taken: a leak stays in it when it is swapped out, and memory that
 * is swapped in again is no growth. The retained part is not counted; it exceeds the
 * rest only if the two were not read at the same moment. So this is observed with the part that
 * is read last: the heap's if that is known, else the memory map's, else with every pulse.
 */
static void observe_anonymous(struct flags *flags, uint64_t now_ms) {
  const struct snapshot *now = &flags->now;
  uint64_t resident = now->memory.anon_bytes, swapped = now->memory.swap_bytes;
  uint64_t bytes = VALUE_UNKNOWN;
  if (resident != VALUE_UNKNOWN && swapped != VALUE_UNKNOWN)
    bytes = resident + swapped;
  if (bytes != VALUE_UNKNOWN && now->retained_bytes != VALUE_UNKNOWN)
    bytes -= now->retained_bytes < bytes ? now->retained_bytes : bytes;
  signal_count(flags, SIGNAL_ANONYMOUS_BYTES, bytes, now_ms);
}

static void observe_pulse(struct flags *flags, const struct reading *reading) {
  const struct process_pulse *pulse = reading->pulse;
  struct snapshot *now = &flags->now;
  double ticks = NAN;
  now->memory = pulse->memory;
  now->fds = pulse->open_fds;
  now->threads = pulse->threads;
  if (pulse->user_ticks != VALUE_UNKNOWN && pulse->system_ticks != VALUE_UNKNOWN)
    ticks = (double)(pulse->user_ticks + pulse->system_ticks);
  signal_count(flags, SIGNAL_RESIDENT_BYTES, now->memory.resident_bytes, reading->now_ms);
  signal_count(flags, SIGNAL_SWAP_BYTES, now->memory.swap_bytes, reading->now_ms);
  if (now->retained_bytes == VALUE_UNKNOWN)
    observe_anonymous(flags, reading->now_ms);
  signal_count(flags, SIGNAL_OPEN_FDS, now->fds, reading->now_ms);
  signal_number(flags, SIGNAL_OPEN_FDS_RATIO, share_of(now->fds, pulse->max_fds),
                reading->now_ms);
  signal_count(flags, SIGNAL_THREADS, now->threads, reading->now_ms);
  signal_number(flags, SIGNAL_CPU_SECONDS, ticks / (double)reading->ticks_per_second,
                reading->now_ms);
  double children =
      pulse->children_ticks != VALUE_UNKNOWN ? (double)pulse->children_ticks : NAN;
  signal_number(flags, SIGNAL_CHILD_CPU_SECONDS, children / (double)reading->ticks_per_second,
                reading->now_ms);
}

/* The highest count among the flag's patterns; VALUE_UNKNOWN if none of them is configured. */
static uint64_t most_of_patterns(const struct red_flag_rule *rule,
                                 const struct pattern_list *patterns, const uint64_t *matching,
                                 const char **ret_name) {
  const char *name = NULL;
  uint64_t most = VALUE_UNKNOWN;
  for (size_t i = 0; i < patterns->len; i++) {
    if (!red_flag_has_pattern(rule->patterns, patterns->items[i].name) ||
        (name != NULL && matching[i] <= most))
      continue;
    name = patterns->items[i].name;
    most = matching[i];
  }
  *ret_name = name;
  return most;
}

static void find_lock_owner(struct findings *findings, const struct reading *reading) {
  findings->foreign_lock_pid = reading->descriptors->foreign_lock_pid;
  findings->foreign_lock_kind = reading->descriptors->foreign_lock_kind;
  text_printable(findings->foreign_lock_path, sizeof(findings->foreign_lock_path),
                 span_of(reading->descriptors->foreign_lock_path));
  text_printable(findings->foreign_lock_owner, sizeof(findings->foreign_lock_owner),
                 span_of(reading->lock_owner[0] != '\0' ? reading->lock_owner
                                                        : "a process that has ended"));
}

/* Of paths that hold many descriptors: what the evidence may name. */
static void find_holders(struct findings *findings,
                         const struct descriptors_reading *descriptors) {
  findings->same_device_opens = descriptors->same_device_max;
  findings->directory_paths = descriptors->directory_paths_max;
  findings->directory_is_exact = descriptors->directory_paths_are_exact;
  findings->directory_class = descriptors->directory_class;
  text_printable(findings->same_file_path, sizeof(findings->same_file_path),
                 span_of(descriptors->same_file_path));
  text_printable(findings->same_device_path, sizeof(findings->same_device_path),
                 span_of(descriptors->same_device_path));
  text_printable(findings->deleted_path, sizeof(findings->deleted_path),
                 span_of(descriptors->deleted_path));
  text_printable(findings->directory_path, sizeof(findings->directory_path),
                 span_of(descriptors->directory_path));
}

static void forget_descriptors(struct snapshot *now, struct findings *findings) {
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    now->fds_by_class[i] = VALUE_UNKNOWN;
  findings->same_device_opens = findings->directory_paths = VALUE_UNKNOWN;
  now->fds_deleted = VALUE_UNKNOWN;
  now->same_file_opens = now->same_database_opens = VALUE_UNKNOWN;
  now->session_files = now->inotify_watches = VALUE_UNKNOWN;
}

static void observe_descriptors(struct flags *flags, const struct reading *reading) {
  const struct descriptors_reading *descriptors = reading->descriptors;
  struct snapshot *now = &flags->now;
  struct findings *findings = &flags->findings;
  uint64_t contended = VALUE_UNKNOWN;
  if (descriptors == NULL) {
    forget_descriptors(now, findings);
  } else {
    memcpy(now->fds_by_class, descriptors->by_class, sizeof(now->fds_by_class));
    now->fds_deleted = descriptors->deleted;
    now->same_file_opens = descriptors->same_file_max;
    now->same_database_opens = descriptors->same_database_max;
    now->inotify_watches = descriptors->inotify_watches;
    now->session_files = most_of_patterns(&flags->options.rules->rules[RED_FLAG_SESSION_FILES],
                                          flags->options.fd_patterns, descriptors->matching,
                                          &findings->session_pattern);
    contended = descriptors->locks_contended;
    find_holders(findings, descriptors);
    text_printable(findings->same_database_path, sizeof(findings->same_database_path),
                   span_of(descriptors->same_database_path));
  }
  flags->is_contended = descriptors != NULL && descriptors_are_contended(descriptors);
  if (flags->is_contended)
    find_lock_owner(findings, reading);
  signal_count(flags, SIGNAL_SAME_FILE_OPENS, now->same_file_opens, reading->now_ms);
  signal_count(flags, SIGNAL_SAME_DATABASE_OPENS, now->same_database_opens, reading->now_ms);
  signal_count(flags, SIGNAL_SESSION_FILES, now->session_files, reading->now_ms);
  signal_count(flags, SIGNAL_SQLITE_FOREIGN_LOCKS, contended, reading->now_ms);
  signal_number(flags, SIGNAL_INOTIFY_WATCHES_RATIO,
                share_of(now->inotify_watches, reading->inotify_watches_limit),
                reading->now_ms);
}

/* LazyFree was released by Go and not yet reclaimed by the kernel; the rest Go keeps itself. */
static void sum_retained(struct flags *flags, uint64_t now_ms) {
  uint64_t kept = flags->heap_unreleased_bytes, lazy = flags->lazyfree_bytes;
  flags->now.retained_bytes = kept == VALUE_UNKNOWN   ? lazy
                              : lazy == VALUE_UNKNOWN ? kept
                                                      : kept + lazy;
  signal_count(flags, SIGNAL_RETAINED_BYTES, flags->now.retained_bytes, now_ms);
}

static void observe_memory_map(struct flags *flags, const struct reading *reading) {
  flags->now.memory_regions = reading->memory_regions;
  flags->lazyfree_bytes = reading->lazyfree_bytes;
  signal_count(flags, SIGNAL_MEMORY_REGIONS, reading->memory_regions, reading->now_ms);
  signal_number(flags, SIGNAL_MEMORY_PRESSURE, reading->memory_pressure_percent,
                reading->now_ms);
  sum_retained(flags, reading->now_ms);
  if (flags->heap_unreleased_bytes == VALUE_UNKNOWN && flags->lazyfree_bytes != VALUE_UNKNOWN)
    observe_anonymous(flags, reading->now_ms);
}

/* ---- the Go runtime ---- */

static void observe_goroutine_count(struct flags *flags, const struct reading *reading) {
  flags->now.goroutines = reading->goroutines;
  signal_count(flags, SIGNAL_GOROUTINES, reading->goroutines, reading->now_ms);
}

static void observe_memstats(struct flags *flags, const struct reading *reading) {
  const struct memstats *stats = reading->memstats;
  uint64_t allocated = VALUE_UNKNOWN;
  flags->now.heap_alloc_bytes = flags->now.heap_inuse_bytes = VALUE_UNKNOWN;
  flags->heap_unreleased_bytes = VALUE_UNKNOWN;
  if (stats != NULL) {
    uint64_t idle = stats->heap_idle_bytes, released = stats->heap_released_bytes;
    flags->now.heap_alloc_bytes = stats->heap_alloc_bytes;
    flags->now.heap_inuse_bytes = stats->heap_inuse_bytes;
    if (idle != VALUE_UNKNOWN && released != VALUE_UNKNOWN && released <= idle)
      flags->heap_unreleased_bytes = idle - released;
    allocated = stats->alloc_bytes_total;
  }
  signal_number(flags, SIGNAL_HEAP_LIVE_BYTES,
                live_heap_observe(&flags->live_heap, stats, reading->wall_ms), reading->now_ms);
  signal_count(flags, SIGNAL_ALLOCATED_BYTES, allocated, reading->now_ms);
  sum_retained(flags, reading->now_ms);
  if (flags->heap_unreleased_bytes != VALUE_UNKNOWN)
    observe_anonymous(flags, reading->now_ms);
}

/* The fetch that has been waiting the longest, of the pattern of that name (NULL: none). */
static void find_stuck_fetch(struct flags *flags, const struct goroutine_profile *profile,
                             const char *name) {
  const struct pattern_list *patterns = flags->options.goroutine_patterns;
  flags->findings.stuck_fetch.weight = 0;
  for (size_t i = 0; i < patterns->len; i++)
    if (patterns->items[i].name == name)
      flags->findings.stuck_fetch = profile->longest_blocked[i];
}

/* Where only the counts of a dump are known, as of recorded metrics, those that wait by design
 * cannot be told apart. */
static uint64_t count_stuck(struct stuck *stuck, const struct goroutine_profile *profile) {
  if (profile->sites.len == 0)
    return profile->blocked[GOROUTINE_BLOCKED_10M];
  stuck_observe(stuck, &profile->sites);
  return stuck_count(stuck);
}

/* Of goroutines counted by stack alone, which have no ages: at most those that were stuck in
 * the last dump, and no more than there still are. */
static void observe_grouped(struct flags *flags, const struct goroutine_profile *profile,
                            uint64_t fetches_stuck) {
  struct snapshot *now = &flags->now;
  const char *name;
  stuck_bound(&flags->stuck, &profile->sites);
  if (flags->stuck.has_dump)
    now->goroutines_stuck = stuck_count(&flags->stuck);
  uint64_t fetches =
      most_of_patterns(&flags->options.rules->rules[RED_FLAG_FETCH_STUCK],
                       flags->options.goroutine_patterns, profile->matching, &name);
  if (fetches_stuck != VALUE_UNKNOWN)
    now->fetches_stuck = fetches < fetches_stuck ? fetches : fetches_stuck;
}

static void observe_dump(struct flags *flags, const struct goroutine_profile *profile) {
  struct snapshot *now = &flags->now;
  const char *name;
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    now->goroutines_by_state[i] = profile->by_state[i];
  now->goroutines_stuck = count_stuck(&flags->stuck, profile);
  now->fetches_stuck =
      most_of_patterns(&flags->options.rules->rules[RED_FLAG_FETCH_STUCK],
                       flags->options.goroutine_patterns, profile->matching_blocked, &name);
  find_stuck_fetch(flags, profile, name);
}

static void observe_goroutines(struct flags *flags, const struct reading *reading) {
  const struct goroutine_profile *profile = reading->goroutine_profile;
  struct snapshot *now = &flags->now;
  const char *name;
  uint64_t fetches_stuck = now->fetches_stuck;
  now->goroutines_stuck = now->fetch_data = now->fetches_stuck = VALUE_UNKNOWN;
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    now->goroutines_by_state[i] = VALUE_UNKNOWN;
  if (profile != NULL) {
    if (profile->is_grouped)
      observe_grouped(flags, profile, fetches_stuck);
    else
      observe_dump(flags, profile);
    now->fetch_data =
        most_of_patterns(&flags->options.rules->rules[RED_FLAG_FETCH_DATA_PILING],
                         flags->options.goroutine_patterns, profile->matching, &name);
  }
  signal_count(flags, SIGNAL_GOROUTINES_STUCK, now->goroutines_stuck, reading->now_ms);
  signal_count(flags, SIGNAL_FETCH_DATA, now->fetch_data, reading->now_ms);
  signal_count(flags, SIGNAL_FETCHES_STUCK, now->fetches_stuck, reading->now_ms);
}

static void observe_leaks(struct flags *flags, const struct reading *reading) {
  flags->now.goroutines_leaked = reading->goroutines_leaked;
  signal_count(flags, SIGNAL_GOROUTINES_LEAKED, reading->goroutines_leaked, reading->now_ms);
}

static void observe_pprof(struct flags *flags, const struct reading *reading) {
  signal_number(flags, SIGNAL_HAS_PPROF, reading->has_pprof, reading->now_ms);
}

void flags_observe(struct flags *flags, const struct reading *reading) {
  static const struct {
    enum reading_part part;
    void (*observe)(struct flags *flags, const struct reading *reading);
  } parts[] = {
      {READING_PULSE, observe_pulse},
      {READING_DESCRIPTORS, observe_descriptors},
      {READING_MEMORY_MAP, observe_memory_map},
      {READING_GOROUTINE_COUNT, observe_goroutine_count},
      {READING_MEMSTATS, observe_memstats},
      {READING_GOROUTINES, observe_goroutines},
      {READING_PPROF, observe_pprof},
      {READING_LEAKS, observe_leaks},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
    if (reading->parts & parts[i].part)
      parts[i].observe(flags, reading);
}

/* ---- changes ---- */

size_t flags_judge(struct flags *flags, uint64_t now_ms, int64_t wall_ms,
                   struct flag_status ret[RED_FLAGS]) {
  size_t len = evaluator_judge(flags->evaluator, now_ms, ret);
  for (size_t i = 0; i < len; i++) {
    struct flag_change change = {wall_ms, ret[i].flag, ret[i].state};
    flag_changes_add(&flags->changes, &change);
    flags->notified[ret[i].flag] = ret[i].state;
  }
  return len;
}

size_t flags_end(struct flags *flags, struct flag_status ret[RED_FLAGS]) {
  size_t len = 0;
  for (size_t i = 0; i < RED_FLAGS; i++) {
    if (flags->notified[i] == RED_FLAG_OK)
      continue;
    ret[len++] = (struct flag_status){.flag = (enum red_flag)i,
                                      .state = RED_FLAG_OK,
                                      .before = flags->notified[i],
                                      .value = NAN,
                                      .threshold = NAN,
                                      .rise = NAN};
    flags->notified[i] = RED_FLAG_OK;
  }
  return len;
}

void flags_mark_baseline(struct flags *flags, int64_t wall_ms) {
  stuck_mark_baseline(&flags->stuck);
  if (flags->stuck.has_dump && flags->now.goroutines_stuck != VALUE_UNKNOWN)
    flags->now.goroutines_stuck = stuck_count(&flags->stuck);
  flags->baseline = flags->now;
  flags->baseline_wall_ms = wall_ms;
  trend_begin(&flags->trend);
}

bool flags_want_descriptors(const struct flags *flags, uint64_t age_ms) {
  return flags->is_contended &&
         age_ms >= flags->options.rules->rules[RED_FLAG_SQLITE_CONTENTION].hold_ms;
}
