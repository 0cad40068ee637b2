/*
 * A collectd for tests: plugins register with it as with the daemon, and it records their
 * values and log lines instead of sending them.
 */
#ifndef TESTS_FAKE_COLLECTD_H
#define TESTS_FAKE_COLLECTD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/collectd.h"

struct fake_value {
  char plugin[DATA_MAX_NAME_LEN], plugin_instance[DATA_MAX_NAME_LEN];
  char type[DATA_MAX_NAME_LEN], type_instance[DATA_MAX_NAME_LEN];
  int ds_type; /* of the data set; -1 when the type is not registered */
  value_t values[4];
  size_t values_len;
  double interval_seconds;
};

/* Resets everything registered and recorded; the stock types are known again. */
void fake_collectd_reset(void);

/* Removes the stock types, as if no types.db were read. */
void fake_collectd_forget_types(void);

/* The interval returned by plugin_get_interval(), 10 s after a reset. */
void fake_collectd_set_interval(double seconds);

/* Its BaseDir, borrowed; NULL, as after a reset: global_option_get() returns none. */
void fake_collectd_set_base_dir(const char *folder);

/* Simulates a daemon compiled with names of another length (DATA_MAX_NAME_LEN). */
void fake_collectd_set_name_length(size_t bytes);

/*
 * Passes text, the contents of a <Plugin> block in collectd's syntax (options, nested blocks,
 * strings in quotes with backslash escapes, numbers, true and false), to the registered
 * configuration callback. Returns its return value; -2 when text cannot be parsed.
 */
int fake_collectd_configure(const char *text);

int fake_collectd_init(void);

/* Discards the values of earlier readings and calls the read callback. */
int fake_collectd_read(void);

/* As in the daemon's shutdown: frees user data first, then calls the shutdown callback. */
void fake_collectd_shutdown(void);

size_t fake_collectd_values_len(void);
const struct fake_value *fake_collectd_value(size_t index);

/* The value of the last reading with these names, or NULL. type_instance may be "". */
const struct fake_value *fake_collectd_find(const char *plugin_instance, const char *type,
                                            const char *type_instance);

/* The number of log lines that contain text, severity 0 for any; and the first of them, or
 * NULL. */
size_t fake_collectd_logged(int severity, const char *text);
const char *fake_collectd_log_line(const char *text);

/* The first warning or error that does not contain that text, or NULL. */
const char *fake_collectd_complaint(const char *except);

/* Empties the log. */
void fake_collectd_forget_log(void);

#endif
