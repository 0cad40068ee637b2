/* One page that compares now with the baseline; see report.h. */
#include "sidecar/redflag/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "common/array.h"
#include "common/clock.h"
#include "common/format.h"
#include "common/scan.h"
#include "sidecar/redflag/evaluator.h"

enum { SITES_SHOWN = 10, STACK_SIZE = 240 };

void flag_changes_add(struct flag_changes *changes, const struct flag_change *change) {
  changes->items[changes->total++ % REPORT_CHANGES] = *change;
}

static const char *time_text(char dst[CLOCK_READABLE_SIZE], int64_t wall_ms) {
  clock_format_utc(dst, CLOCK_READABLE_SIZE, CLOCK_READABLE, wall_ms / 1000);
  return dst;
}

/* Appends since when, by a time of the monotonic clock, and how long ago that is. */
static void write_since(struct buffer *text, const struct report *report, uint64_t since_ms) {
  char words[CLOCK_READABLE_SIZE], duration[FORMAT_SIZE];
  int64_t wall_ms =
      suspends_wall_ms(report->suspends, since_ms, report->facts->now_ms, report->now_wall_ms);
  buffer_printf(text, "since %s (%s)\n", time_text(words, wall_ms),
                format_duration(duration, (uint64_t)(report->now_wall_ms - wall_ms)));
}

/* ---- what grew ---- */

static const char *amount(char dst[FORMAT_SIZE], const struct snapshot_field *field,
                          uint64_t value) {
  if (value == VALUE_UNKNOWN)
    snprintf(dst, FORMAT_SIZE, "-");
  else if (field->is_bytes)
    format_bytes(dst, (double)value);
  else
    snprintf(dst, FORMAT_SIZE, "%" PRIu64, value);
  return dst;
}

static const char *change_text(char dst[FORMAT_SIZE], const struct snapshot_field *field,
                               uint64_t before, uint64_t now) {
  char words[FORMAT_SIZE];
  dst[0] = '\0';
  if (before == VALUE_UNKNOWN || now == VALUE_UNKNOWN || before == now)
    return dst;
  uint64_t by = now > before ? now - before : before - now;
  snprintf(dst, FORMAT_SIZE, "%c%.30s", now > before ? '+' : '-', amount(words, field, by));
  return dst;
}

static void write_comparison(struct buffer *text, const struct snapshot *before,
                             const struct snapshot *now) {
  buffer_printf(text, "\n%-20s %12s %12s %12s\n", "", "baseline", "now", "change");
  for (size_t i = 0; i < SNAPSHOT_FIELDS; i++) {
    const struct snapshot_field *field = &snapshot_fields[i];
    uint64_t then_value = snapshot_value(before, field), now_value = snapshot_value(now, field);
    char a[FORMAT_SIZE], b[FORMAT_SIZE], c[FORMAT_SIZE];
    if (then_value == VALUE_UNKNOWN && now_value == VALUE_UNKNOWN)
      continue;
    buffer_printf(text, "%-20s %12s %12s %12s\n", field->name, amount(a, field, then_value),
                  amount(b, field, now_value), change_text(c, field, then_value, now_value));
  }
}

/* ---- since when ---- */

/* Floors are more reliable than two single moments: the floor of a saw-tooth does not rise. */
static const struct {
  enum red_flag_signal signal;
  const char *name;
  bool is_bytes;
} rising[] = {
    {SIGNAL_RESIDENT_BYTES, "RSS", true},
    {SIGNAL_ANONYMOUS_BYTES, "anonymous memory", true},
    {SIGNAL_SWAP_BYTES, "swap", true},
    {SIGNAL_HEAP_LIVE_BYTES, "live heap", true},
    {SIGNAL_MEMORY_REGIONS, "memory regions", false},
    {SIGNAL_OPEN_FDS, "FDs", false},
    {SIGNAL_SAME_FILE_OPENS, "same file opened", false},
    {SIGNAL_SESSION_FILES, "session files", false},
    {SIGNAL_THREADS, "threads", false},
    {SIGNAL_GOROUTINES, "goroutines", false},
    {SIGNAL_GOROUTINES_STUCK, "newly stuck", false},
};

static void write_rises(struct buffer *text, const struct report *report) {
  bool any = false;
  buffer_append_string(text, "\nFloors that rose, by ten minutes\n");
  for (size_t i = 0; i < ARRAY_LENGTH(rising); i++) {
    const struct trend_signal *signal = &report->trend->signals[rising[i].signal];
    double rise = signal->last_trough - signal->first_trough;
    char by[FORMAT_SIZE];
    if (!(rise > 0)) /* also false when it is not known */
      continue;
    any = true;
    if (rising[i].is_bytes)
      format_bytes(by, rise);
    else
      snprintf(by, sizeof(by), "%.0f", rise);
    buffer_printf(text, "  %-20s +%-10s ", rising[i].name, by);
    write_since(text, report, signal->since_ms);
  }
  if (!any)
    buffer_append_string(text, "  none\n");
}

/* ---- which stacks ---- */

static void write_site(struct buffer *text, const struct site_record *record, bool is_heap) {
  uint64_t by = record->now.weight - record->baseline_weight;
  char stack[STACK_SIZE], words[FORMAT_SIZE], total[FORMAT_SIZE];
  evidence_stack(stack, sizeof(stack), &record->now);
  if (is_heap) {
    buffer_printf(text, "  +%-10s now %-10s %s\n", format_bytes(words, (double)by),
                  format_bytes(total, (double)record->now.weight), stack);
    return;
  }
  const char *state = goroutine_state_name(record->now.state);
  buffer_printf(text, "  +%-6" PRIu64 " now %-6" PRIu64 " %s", by, record->now.weight, state);
  if (record->now.oldest_minutes > 0)
    buffer_printf(text, ", oldest %" PRIu64 " minutes", record->now.oldest_minutes);
  if (record->now.leaked > 0)
    buffer_printf(text, ", %" PRIu64 " leaked", record->now.leaked);
  buffer_printf(text, "%s%s\n", state[0] != '\0' ? ": " : "", stack);
}

static void write_sites(struct buffer *text, const char *title,
                        const struct site_history *sites, bool is_heap) {
  const struct site_record *grown[SITES_SHOWN];
  if (sites == NULL || !sites->has_baseline)
    return;
  size_t len = site_history_grown(sites, grown, SITES_SHOWN);
  buffer_printf(text, "\n%s\n", title);
  if (len == 0)
    buffer_append_string(text, "  none\n");
  for (size_t i = 0; i < len; i++)
    write_site(text, grown[i], is_heap);
}

static void write_leaks(struct buffer *text, const struct site_top *leaks) {
  if (leaks == NULL)
    return;
  buffer_append_string(text, "\nLeaked goroutines, which nothing can wake, by stack\n");
  for (size_t i = 0; i < leaks->len && i < SITES_SHOWN; i++) {
    char stack[STACK_SIZE];
    buffer_printf(text, "  %-6" PRIu64 " %s\n", leaks->sites[i].weight,
                  evidence_stack(stack, sizeof(stack), &leaks->sites[i]));
  }
  if (leaks->len == 0)
    buffer_append_string(text, "  none\n");
}

static void write_allocations(struct buffer *text, const struct allocations *allocations) {
  const struct allocations_lately *lately =
      allocations != NULL ? allocations_get(allocations) : NULL;
  char duration[FORMAT_SIZE], total[FORMAT_SIZE];
  if (lately == NULL)
    return;
  buffer_printf(text, "\nAllocated in the last %s, freed or not: %s, by stack\n",
                format_duration(duration, lately->span_ms),
                format_bytes(total, (double)lately->bytes));
  for (size_t i = 0; i < lately->len; i++) {
    char stack[STACK_SIZE], words[FORMAT_SIZE];
    buffer_printf(text, "  %-11s %s\n", format_bytes(words, (double)lately->sites[i].weight),
                  evidence_stack(stack, sizeof(stack), &lately->sites[i]));
  }
  if (lately->len == 0)
    buffer_append_string(text, "  none\n");
}

/* ---- red flags ---- */

static const char *state_text(enum red_flag_state state) {
  return state == RED_FLAG_OK ? "okay" : state == RED_FLAG_WARNING ? "warning" : "FAILURE";
}

static void write_flags(struct buffer *text, const struct report *report) {
  bool any = false;
  char words[CLOCK_READABLE_SIZE];
  buffer_append_string(text, "\nRed flags now\n");
  for (size_t i = 0; i < RED_FLAGS; i++) {
    struct flag_status status;
    if (!evaluator_get(report->evaluator, i, &status) || status.state == RED_FLAG_OK)
      continue;
    any = true;
    buffer_printf(text, "  %-20s %-8s ", red_flags[i].name, state_text(status.state));
    write_since(text, report, status.since_ms);
  }
  if (!any)
    buffer_append_string(text, "  none\n");

  const struct flag_changes *changes = report->changes;
  if (changes->total == 0)
    return;
  buffer_append_string(text, "\nChanges of red flags\n");
  size_t first = changes->total > REPORT_CHANGES ? changes->total - REPORT_CHANGES : 0;
  for (size_t i = first; i < changes->total; i++) {
    const struct flag_change *change = &changes->items[i % REPORT_CHANGES];
    buffer_printf(text, "  %s  %-20s %s\n", time_text(words, change->wall_ms),
                  red_flags[change->flag].name, state_text(change->state));
  }
}

void report_write(struct buffer *text, const struct report *report) {
  const struct evidence_facts *facts = report->facts;
  char words[CLOCK_READABLE_SIZE], duration[FORMAT_SIZE];
  buffer_printf(text, "%s (pid %d)", facts->instance, (int)facts->pid);
  if (isfinite(report->start_time_seconds))
    buffer_printf(text, ", started %s",
                  time_text(words, (int64_t)(report->start_time_seconds * 1000)));
  buffer_printf(text, "\nnow       %s\n", time_text(words, report->now_wall_ms));
  if (report->baseline_wall_ms != 0) {
    int64_t ago_ms = report->now_wall_ms - report->baseline_wall_ms;
    buffer_printf(text, "baseline  %s, %s ago\n", time_text(words, report->baseline_wall_ms),
                  format_duration(duration, ago_ms > 0 ? (uint64_t)ago_ms : 0));
  } else {
    buffer_append_string(text, "baseline  not taken yet: the process has not settled\n");
  }
  write_flags(text, report);
  write_rises(text, report);
  write_comparison(text, facts->baseline, facts->now);
  write_sites(text, "Heap in use that grew since the baseline, by stack", facts->heap_sites,
              true);
  write_allocations(text, facts->allocations);
  char title[100], of[EVIDENCE_MOMENT_SIZE];
  snprintf(title, sizeof(title), "Goroutines that grew since the baseline, by stack%s",
           evidence_moment_text(of, &facts->sites_of));
  write_sites(text, title, facts->goroutine_sites, false);
  write_leaks(text, facts->leaks);
}
