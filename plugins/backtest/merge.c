/* Readings that belong together; see merge.h. */
#include "backtest/merge.h"

#include <math.h>
#include <string.h>

void merge_init(struct merge *merge, struct replay *replay, uint64_t interval_ms) {
  *merge = (struct merge){.replay = replay, .interval_ms = interval_ms};
}

int merge_end(struct merge *merge) {
  if (!merge->has_row)
    return 0;
  merge->has_row = false;
  return replay_row(merge->replay, merge->time_ms, merge->cells);
}

/* Values of two processes never mix. */
static bool is_other_process(const struct merge *merge, const double *cells) {
  int start = replay_start_column(merge->replay);
  return start >= 0 && !isnan(cells[start]) && !isnan(merge->cells[start]) &&
         cells[start] != merge->cells[start];
}

static void add(struct merge *merge, const double *cells) {
  for (size_t i = 0; i < replay_columns(merge->replay); i++)
    if (!isnan(cells[i]))
      merge->cells[i] = cells[i];
}

int merge_row(struct merge *merge, uint64_t time_ms, const double *cells) {
  if (merge->interval_ms == 0)
    return replay_row(merge->replay, time_ms, cells);
  int status = 0;
  if (merge->has_row && (merge->time_ms / merge->interval_ms != time_ms / merge->interval_ms ||
                         is_other_process(merge, cells)))
    status = merge_end(merge);
  if (merge->has_row)
    add(merge, cells);
  else
    memcpy(merge->cells, cells, replay_columns(merge->replay) * sizeof(*cells));
  merge->has_row = true;
  merge->time_ms = time_ms;
  return status;
}
