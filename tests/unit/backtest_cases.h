/*
 * Shared by the tests of sidecar-backtest: a recording given as text, and what was printed of
 * it.
 */
#ifndef TESTS_UNIT_BACKTEST_CASES_H
#define TESTS_UNIT_BACKTEST_CASES_H

#include <stdio.h>

#include "backtest/output.h"
#include "backtest/table.h"
#include "cases.h"

/* A run with the default thresholds, which a test may change before it begins. */
struct run {
  struct config *config;
  uint64_t interval_ms, watches_limit;
  struct output output;
  char *printed; /* after the run */
  char fault[FAULT_SIZE];
};

static inline void run_init(struct run *run) {
  *run = (struct run){.config = config_new(), .watches_limit = VALUE_UNKNOWN};
  assert_non_null(run->config);
  assert_int_equal(config_complete(run->config), 0);
}

static inline void run_free(struct run *run) {
  config_free(run->config);
  free(run->printed);
}

/* How rows get into the merge: from text, or from files. */
typedef int (*run_source)(struct run *run, struct merge *merge, const void *source);

static inline int run_from(struct run *run, run_source read, const void *source,
                           bool is_summary) {
  size_t len;
  FILE *out = open_memstream(&run->printed, &len);
  assert_non_null(out);
  output_begin(&run->output, out, is_summary);
  struct replay_options options = {.config = run->config,
                                   .name = "proj",
                                   .inotify_watches_limit = run->watches_limit,
                                   .change = output_change,
                                   .context = &run->output};
  struct replay *replay = replay_new(&options);
  struct merge merge;
  assert_non_null(replay);
  merge_init(&merge, replay, run->interval_ms);
  int status = read(run, &merge, source);
  output_end_recording(&run->output, replay, run->config, "proj");
  replay_free(replay);
  assert_int_equal(fclose(out), 0);
  return status;
}

/* Each line is in memory of its own. */
static inline int run_lines(struct run *run, struct merge *merge, const void *source) {
  const struct span *text = source;
  struct span rest = *text;
  struct table *table = table_new(run->config, merge);
  int status = 0;
  assert_non_null(table);
  while (status == 0 && rest.len > 0) {
    const char *newline = memchr(rest.at, '\n', rest.len);
    size_t len = newline != NULL ? (size_t)(newline - rest.at) : rest.len;
    struct span line = exact_copy(span_make(rest.at, len));
    status = table_line(table, line, run->fault);
    exact_free(line);
    len += newline != NULL;
    rest = span_make(rest.at + len, rest.len - len);
  }
  if (status == 0)
    status = table_end(table, run->fault);
  table_free(table);
  return status;
}

/* What is printed of comma-separated values; the header is left out. */
static inline const char *run_text(struct run *run, const char *text) {
  struct span all = span_of(text);
  int status = run_from(run, run_lines, &all, false);
  if (status != 0)
    fail_msg("status %d: %s", status, run->fault);
  return strchr(run->printed, '\n') + 1;
}

#endif
