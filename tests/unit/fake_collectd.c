/* The collectd for tests; see fake_collectd.h. Its daemon side: callbacks and records. */
#include "fake_collectd.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collectd/core/utils/common/common.h"
#include "fake_dispatched.h"
#include "fake_memory.h"
#include "fake_oconfig.h"

enum { VALUES_MAX = 65536, LOG_LINES_MAX = 4096, DATA_SETS_MAX = 256 };

static struct {
  int (*config)(oconfig_item_t *);
  plugin_init_cb init;
  plugin_shutdown_cb shutdown;
  plugin_read_cb read;
  user_data_t read_data;
  struct fake_value *values;
  size_t values_len;
  char *log_lines[LOG_LINES_MAX];
  int log_severities[LOG_LINES_MAX];
  size_t log_len;
  data_set_t sets[DATA_SETS_MAX];
  size_t sets_len;
  cdtime_t interval;
  size_t name_length;
  const char *base_dir;
} daemon_state;

/* Dispatching and logging may come from threads of the plugin's own. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void add_stock_type(const char *type, size_t ds_num) {
  static data_source_t derive = {.name = "value", .type = DS_TYPE_DERIVE};
  data_set_t *set = &daemon_state.sets[daemon_state.sets_len++];
  snprintf(set->type, sizeof(set->type), "%s", type);
  set->ds_num = ds_num;
  set->ds = fake_memory(ds_num * sizeof(derive));
  for (size_t i = 0; i < ds_num; i++)
    set->ds[i] = derive;
}

void fake_collectd_forget_log(void) {
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < daemon_state.log_len; i++)
    free(daemon_state.log_lines[i]);
  daemon_state.log_len = 0;
  pthread_mutex_unlock(&lock);
}

void fake_collectd_forget_types(void) {
  for (size_t i = 0; i < daemon_state.sets_len; i++)
    free(daemon_state.sets[i].ds);
  daemon_state.sets_len = 0;
}

void fake_collectd_reset(void) {
  fake_dispatched_reset();
  fake_collectd_forget_log();
  fake_collectd_forget_types();
  free(daemon_state.values);
  memset(&daemon_state, 0, sizeof(daemon_state));
  daemon_state.values = calloc(VALUES_MAX, sizeof(*daemon_state.values));
  fake_collectd_set_interval(10);
  add_stock_type("ps_cputime", 2);
  add_stock_type("ps_pagefaults", 2);
  add_stock_type("ps_disk_octets", 2);
  add_stock_type("contextswitch", 1);
}

void fake_collectd_set_interval(double seconds) {
  daemon_state.interval = DOUBLE_TO_CDTIME_T(seconds);
}

void fake_collectd_set_base_dir(const char *folder) {
  daemon_state.base_dir = folder;
}

void fake_collectd_set_name_length(size_t bytes) {
  daemon_state.name_length = bytes;
}

int fake_collectd_configure(const char *text) {
  oconfig_item_t *root = fake_oconfig_parse(text);
  if (root == NULL)
    return -2;
  int status = daemon_state.config != NULL ? daemon_state.config(root) : -3;
  fake_oconfig_free(root);
  return status;
}

int fake_collectd_init(void) {
  return daemon_state.init != NULL ? daemon_state.init() : 0;
}

int fake_collectd_read(void) {
  daemon_state.values_len = 0;
  return daemon_state.read != NULL ? daemon_state.read(&daemon_state.read_data) : -ENOENT;
}

void fake_collectd_shutdown(void) {
  if (daemon_state.read_data.free_func != NULL)
    daemon_state.read_data.free_func(daemon_state.read_data.data);
  daemon_state.read_data = (user_data_t){.data = NULL};
  if (daemon_state.shutdown != NULL)
    daemon_state.shutdown();
}

size_t fake_collectd_values_len(void) {
  return daemon_state.values_len;
}

const struct fake_value *fake_collectd_value(size_t index) {
  return &daemon_state.values[index];
}

const struct fake_value *fake_collectd_find(const char *plugin_instance, const char *type,
                                            const char *type_instance) {
  for (size_t i = 0; i < daemon_state.values_len; i++) {
    const struct fake_value *value = &daemon_state.values[i];
    if (strcmp(value->plugin_instance, plugin_instance) == 0 &&
        strcmp(value->type, type) == 0 && strcmp(value->type_instance, type_instance) == 0)
      return value;
  }
  return NULL;
}

size_t fake_collectd_logged(int severity, const char *text) {
  size_t n = 0;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < daemon_state.log_len; i++) {
    if (severity != 0 && daemon_state.log_severities[i] != severity)
      continue;
    n += strstr(daemon_state.log_lines[i], text) != NULL;
  }
  pthread_mutex_unlock(&lock);
  return n;
}

const char *fake_collectd_log_line(const char *text) {
  for (size_t i = 0; i < daemon_state.log_len; i++) {
    if (strstr(daemon_state.log_lines[i], text) != NULL)
      return daemon_state.log_lines[i];
  }
  return NULL;
}

const char *fake_collectd_complaint(const char *except) {
  for (size_t i = 0; i < daemon_state.log_len; i++) {
    if (daemon_state.log_severities[i] <= LOG_WARNING &&
        strstr(daemon_state.log_lines[i], except) == NULL)
      return daemon_state.log_lines[i];
  }
  return NULL;
}

/* --- called by a plugin, with collectd's prototypes */

int plugin_register_complex_config(const char *type, int (*callback)(oconfig_item_t *)) {
  (void)type;
  daemon_state.config = callback;
  return 0;
}

int plugin_register_init(const char *name, plugin_init_cb callback) {
  (void)name;
  daemon_state.init = callback;
  return 0;
}

int plugin_register_shutdown(const char *name, plugin_shutdown_cb callback) {
  (void)name;
  daemon_state.shutdown = callback;
  return 0;
}

int plugin_register_complex_read(const char *group, const char *name, plugin_read_cb callback,
                                 cdtime_t interval, const user_data_t *user_data) {
  (void)group, (void)name, (void)interval;
  daemon_state.read = callback;
  daemon_state.read_data = *user_data;
  return 0;
}

int plugin_register_data_set(const data_set_t *ds) {
  data_set_t *set = &daemon_state.sets[daemon_state.sets_len++];
  *set = *ds;
  set->ds = fake_memory(ds->ds_num * sizeof(*ds->ds));
  memcpy(set->ds, ds->ds, ds->ds_num * sizeof(*ds->ds));
  return 0;
}

const data_set_t *plugin_get_ds(const char *name) {
  for (size_t i = 0; i < daemon_state.sets_len; i++) {
    if (strcmp(daemon_state.sets[i].type, name) == 0)
      return &daemon_state.sets[i];
  }
  return NULL;
}

char *hostname_g = (char *)"fake.host";

/* Knows one identifier, and as much of a value list as the names at its end. */
int parse_identifier_vl(const char *identifier, value_list_t *vl) {
  static const char *const parts[] = {"host", "plugin", "instance", "type", "detail"};
  if (strcmp(identifier, "host/plugin-instance/type-detail") != 0)
    return EINVAL;
  size_t length = daemon_state.name_length != 0 ? daemon_state.name_length : sizeof(vl->host);
  char *at = (char *)vl + offsetof(value_list_t, host);
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++, at += length)
    strncpy(at, parts[i], length);
  return 0;
}

void hostname_set(const char *hostname) {
  (void)hostname;
}

int plugin_dispatch_values(const value_list_t *vl) {
  pthread_mutex_lock(&lock);
  if (daemon_state.values_len < VALUES_MAX) {
    struct fake_value *value = &daemon_state.values[daemon_state.values_len++];
    const data_set_t *set = plugin_get_ds(vl->type);
    memset(value, 0, sizeof(*value));
    memcpy(value->plugin, vl->plugin, sizeof(vl->plugin));
    memcpy(value->plugin_instance, vl->plugin_instance, sizeof(vl->plugin_instance));
    memcpy(value->type, vl->type, sizeof(vl->type));
    memcpy(value->type_instance, vl->type_instance, sizeof(vl->type_instance));
    value->ds_type = set != NULL && set->ds_num == vl->values_len ? set->ds[0].type : -1;
    value->values_len = vl->values_len < 4 ? vl->values_len : 4;
    memcpy(value->values, vl->values, value->values_len * sizeof(value_t));
    value->interval_seconds = CDTIME_T_TO_DOUBLE(vl->interval);
  }
  pthread_mutex_unlock(&lock);
  return 0;
}

void plugin_log(int severity, const char *format, ...) {
  char line[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  pthread_mutex_lock(&lock);
  if (daemon_state.log_len < LOG_LINES_MAX) {
    daemon_state.log_severities[daemon_state.log_len] = severity;
    daemon_state.log_lines[daemon_state.log_len++] = fake_memory_text(line);
  }
  pthread_mutex_unlock(&lock);
  if (getenv("FAKE_COLLECTD_VERBOSE") != NULL)
    fprintf(stderr, "<%d> %s\n", severity, line);
}

const char *global_option_get(const char *option) {
  return strcmp(option, "BaseDir") == 0 ? daemon_state.base_dir : NULL;
}

cdtime_t plugin_get_interval(void) {
  return daemon_state.interval;
}

cdtime_t cdtime(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return TIMESPEC_TO_CDTIME_T(&now);
}
