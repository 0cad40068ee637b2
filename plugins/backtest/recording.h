/*
 * A recording on its way through the red flags: opened, read and put out. It is a file of
 * comma-separated values, or a folder that collectd's csv plugin has written.
 */
#ifndef BACKTEST_RECORDING_H
#define BACKTEST_RECORDING_H

#include <stdint.h>

#include "backtest/output.h"
#include "sidecar/config.h"

enum { RECORDING_NAME_SIZE = 128, RECORDING_ERROR_SIZE = 1024 };

struct recording_options {
  const struct config *config;
  const char *name;               /* of the process; NULL: from the path */
  uint64_t interval_ms;           /* 0: as recorded */
  uint64_t inotify_watches_limit; /* VALUE_UNKNOWN */
  struct output *output;
};

/*
 * path is "-" for standard input. Returns 0, or a negative error with an explanation, with the
 * path in it, in error.
 */
int recording_replay(const char *path, const struct recording_options *options,
                     char error[RECORDING_ERROR_SIZE]);

#endif
