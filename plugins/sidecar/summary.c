/* The summary line of one process; see summary.h. */
#include "sidecar/summary.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/buffer.h"
#include "common/scan.h"

const struct healthy_range healthy_ranges[HEALTHY_RANGES] = {
    {"FDs", offsetof(struct summary, fds), 50, 150},
    {"files", offsetof(struct summary, regular), 10, 30},
    {"pipes", offsetof(struct summary, pipes), 10, 30},
    {"dirs", offsetof(struct summary, directories), 5, 15},
    {"threads", offsetof(struct summary, threads), 20, 60},
    {"goroutines", offsetof(struct summary, goroutines), 20, 50},
};

const uint64_t SUMMARY_RESIDENT_HIGH_BYTES = 500ull << 20;

static void add_bytes(struct buffer *line, const char *name, uint64_t bytes) {
  if (bytes == VALUE_UNKNOWN)
    buffer_printf(line, "  %s        -", name);
  else
    buffer_printf(line, "  %s %5.1f MB", name, (double)bytes / (1 << 20));
}

static void add_count(struct buffer *line, const char *name, uint64_t count) {
  if (count == VALUE_UNKNOWN)
    buffer_printf(line, "  %s   -", name);
  else
    buffer_printf(line, "  %s %3" PRIu64, name, count);
}

static uint64_t value_of(const struct summary *summary, const struct healthy_range *range) {
  return *(const uint64_t *)((const char *)summary + range->offset);
}

static void add_high(struct buffer *line, const struct summary *summary) {
  const char *before = "  HIGH: ";
  if (summary->resident_bytes != VALUE_UNKNOWN &&
      summary->resident_bytes >= SUMMARY_RESIDENT_HIGH_BYTES) {
    buffer_printf(line, "%sRSS (from 500 MB)", before);
    before = ", ";
  }
  for (size_t i = 0; i < HEALTHY_RANGES; i++) {
    const struct healthy_range *range = &healthy_ranges[i];
    uint64_t value = value_of(summary, range);
    if (value == VALUE_UNKNOWN || value <= range->high)
      continue;
    buffer_printf(line, "%s%s %" PRIu64 " (%" PRIu64 "-%" PRIu64 ")", before, range->name,
                  value, range->low, range->high);
    before = ", ";
  }
}

/* Values below a healthy range need no action: they come last, and without the range. */
static void add_low(struct buffer *line, const struct summary *summary) {
  const char *before = "  low: ";
  for (size_t i = 0; i < HEALTHY_RANGES; i++) {
    uint64_t value = value_of(summary, &healthy_ranges[i]);
    if (value == VALUE_UNKNOWN || value >= healthy_ranges[i].low)
      continue;
    buffer_printf(line, "%s%s %" PRIu64, before, healthy_ranges[i].name, value);
    before = ", ";
  }
}

char *summary_format(char *dst, size_t size, const struct summary *summary) {
  autobuffer(line, 1024);
  buffer_printf(&line, "%-16s pid %-7d", summary->instance, (int)summary->pid);
  add_bytes(&line, "RSS", summary->resident_bytes);
  add_count(&line, "FDs", summary->fds);
  add_count(&line, "threads", summary->threads);
  add_count(&line, "goroutines", summary->goroutines);
  add_bytes(&line, "heap in use", summary->heap_inuse_bytes);
  if (summary->pprof_note != NULL)
    buffer_printf(&line, "  (%s)", summary->pprof_note);
  add_high(&line, summary);
  add_low(&line, summary);
  snprintf(dst, size, "%s", buffer_string(&line));
  return dst;
}
