/*
 * A collectd for tests: plugins register with it as they do with the daemon, and it
 * records what they dispatch and log instead of sending it anywhere.
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

/* Forgets all that was registered and recorded, and the stock types are known again. */
void fake_collectd_reset(void);

/* Time between readings that plugin_get_interval() tells, 10 s after a reset. */
void fake_collectd_set_interval(double seconds);

/* Its BaseDir, borrowed; NULL, as after a reset: global_option_get() tells none. */
void fake_collectd_set_base_dir(const char *folder);

/* From now on a daemon that was compiled with names of another length (DATA_MAX_NAME_LEN). */
void fake_collectd_set_name_length(size_t bytes);

/*
 * Hands text, the inside of a <Plugin> block in collectd's syntax (options, nested blocks,
 * strings in quotes with backslash escapes, numbers, true and false), to the registered
 * configuration callback. Returns what that returns; -2 when text cannot be parsed.
 */
int fake_collectd_configure(const char *text);

int fake_collectd_init(void);

/* Forgets the values of earlier readings and calls the read callback. */
int fake_collectd_read(void);

/* As the daemon ends: user data first, then the shutdown callback. */
void fake_collectd_shutdown(void);

size_t fake_collectd_values_len(void);
const struct fake_value *fake_collectd_value(size_t index);

/* The value of the last reading with these names; NULL when there is none. type_instance ""
 * for none. */
const struct fake_value *fake_collectd_find(const char *plugin_instance, const char *type,
                                            const char *type_instance);

/* How many log lines hold text, severity 0 for any; and the first of them, or NULL. */
size_t fake_collectd_logged(int severity, const char *text);
const char *fake_collectd_log_line(const char *text);

/* The first line that is a warning or an error and does not hold that text, or NULL. */
const char *fake_collectd_complaint(const char *except);

/* The log is empty again. */
void fake_collectd_forget_log(void);

#endif
