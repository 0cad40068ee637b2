/*
 * Puts the rows of a recording through the plugin's red flags, and passes on what would have
 * been notified. The rows' time is the clock. Pure.
 *
 * Metrics of the pulse are observed in every row that has one. Those of the detail are sent by
 * the plugin in each interval, but read only now and then: they are observed when one of them
 * has changed, and otherwise when the plugin would have read them again.
 */
#ifndef BACKTEST_REPLAY_H
#define BACKTEST_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "backtest/columns.h"
#include "sidecar/config.h"
#include "sidecar/redflag/red_flag.h"

/* A change of a flag. Everything is borrowed. */
struct change {
  uint64_t time_ms; /* since the epoch, as since_ms of the status */
  const struct flag_status *status;
  const char *message;
};

struct replay_options {
  const struct config *config;    /* complete */
  const char *name;               /* of the process, for messages */
  uint64_t inotify_watches_limit; /* VALUE_UNKNOWN */
  void (*change)(void *context, const struct change *change);
  void *context;
};

struct replay;

/* What the options point to is borrowed. Returns NULL without memory; the caller owns it. */
struct replay *replay_new(const struct replay_options *options);
void replay_free(struct replay *replay); /* NULL is fine */

/* Adds a column; cells of rows are in the order in which they were added. There must be less
 * than COLUMNS_MAX. Returns false if it is the same metric as an earlier one. */
bool replay_add_column(struct replay *replay, const struct column *column);
size_t replay_columns(const struct replay *replay);
const struct column *replay_column(const struct replay *replay, size_t i);

/* The column of process_start_time_seconds, or -1. */
int replay_start_column(const struct replay *replay);

/*
 * A row: time in milliseconds since the epoch, later than that of the row before, and a cell
 * for each column, NaN if unknown. Returns 0 or -ENOMEM.
 */
int replay_row(struct replay *replay, uint64_t time_ms, const double *cells);

/* Was the flag ever known? */
bool replay_knows(const struct replay *replay, enum red_flag flag);

/* Times of the first and the last row; 0: there was none. */
uint64_t replay_begin_ms(const struct replay *replay);
uint64_t replay_end_ms(const struct replay *replay);

#endif
