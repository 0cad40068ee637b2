/* The summary line of one process; see summary.h. */
#include "sidecar/summary.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/buffer.h"
#include "common/scan.h"
#include "sidecar/os/healthy.h"

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

static uint64_t value_of(const struct summary *summary, enum healthy_value value) {
  const uint64_t values[HEALTHY_VALUES] = {
      [HEALTHY_FDS] = summary->fds,         [HEALTHY_FILES] = summary->regular,
      [HEALTHY_PIPES] = summary->pipes,     [HEALTHY_DIRECTORIES] = summary->directories,
      [HEALTHY_THREADS] = summary->threads, [HEALTHY_GOROUTINES] = summary->goroutines,
  };
  return values[value];
}

/* Values below a healthy range are no finding. */
static void add_high(struct buffer *line, const struct summary *summary) {
  const char *before = "  HIGH: ";
  if (summary->resident_bytes != VALUE_UNKNOWN &&
      summary->resident_bytes >= SUMMARY_RESIDENT_HIGH_BYTES) {
    buffer_printf(line, "%sRSS (from 500 MB)", before);
    before = ", ";
  }
  for (size_t i = 0; i < HEALTHY_VALUES; i++) {
    const struct healthy_range *range = &healthy_ranges[i];
    uint64_t value = value_of(summary, i);
    if (value == VALUE_UNKNOWN || value <= range->high)
      continue;
    buffer_printf(line, "%s%s %" PRIu64 " (%" PRIu64 "-%" PRIu64 ")", before, range->name,
                  value, range->low, range->high);
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
  snprintf(dst, size, "%s", buffer_string(&line));
  return dst;
}
