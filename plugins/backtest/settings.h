/*
 * The thresholds: the configuration of the plugin sidecar, read from a file of collectd's and
 * from single options, by the plugin's own table of options. Errors are those of the plugin.
 */
#ifndef BACKTEST_SETTINGS_H
#define BACKTEST_SETTINGS_H

#include "sidecar/config.h"

/* Options of the command line, in order. */
struct settings {
  const char *file;           /* of -c; NULL */
  const char *const *options; /* of -o: FLAG.OPTION=VALUE, WarmUp=VALUE */
  size_t options_len;
};

/*
 * Reads them. Returns 0 with the complete configuration, the caller's to free; or -1 after
 * logging what is wrong.
 */
int settings_read(const struct settings *settings, struct config **ret);

#endif
