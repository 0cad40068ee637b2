/*
 * Makes rows of readings that belong together: with an interval, those within one become a
 * single row with the last value of each metric, as if the plugin had read them at that
 * interval. Without one, every row passes as it is. Pure.
 */
#ifndef BACKTEST_MERGE_H
#define BACKTEST_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "backtest/replay.h"

struct merge {
  struct replay *replay; /* borrowed */
  uint64_t interval_ms;  /* 0: none */
  bool has_row;
  uint64_t time_ms; /* of the row */
  double cells[COLUMNS_MAX];
};

void merge_init(struct merge *merge, struct replay *replay, uint64_t interval_ms);

/* Rows in order of time. Return 0 or -ENOMEM. */
int merge_row(struct merge *merge, uint64_t time_ms, const double *cells);
int merge_end(struct merge *merge);

#endif
