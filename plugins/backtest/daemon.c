/*
 * What the plugin's reader of options asks of collectd, for a program without a daemon: errors
 * are printed. It is no part of the library, as tests have their own.
 */
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "common/collectd.h"

void plugin_log(int level, const char *format, ...) {
  va_list arguments;
  if (level > LOG_WARNING)
    return;
  fputs("sidecar-backtest: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}

/* A BaseDir matters for files, of which there are none. */
const char *global_option_get(const char *option) {
  (void)option;
  return NULL;
}
