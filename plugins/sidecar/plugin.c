/*
 * The glue between collectd and the monitor: callbacks, data sets, samples as value lists and
 * red flags as notifications. Everything worth testing alone lives below this file.
 */
#include "common/array.h"
#include "common/collectd.h"
#include "common/config_option.h"
#include "common/daemon_layout.h"
#include "common/data_set.h"
#include "common/text.h"
#include "sidecar/capture/request.h"
#include "sidecar/config_options.h"
#include "sidecar/monitor.h"

#define PLUGIN_NAME "sidecar"

/* Set by the configuration callback, which has no user data, and read by init. */
static struct config *configuration;

/* Set by init: of the others, no values are sent. */
static bool has_type[METRICS];

static void emit(void *context, const char *instance, const struct sample *sample) {
  (void)context;
  if (!has_type[sample->metric])
    return;
  value_t values[ARRAY_LENGTH(sample->value.derive)];
  value_list_t vl = VALUE_LIST_INIT;
  vl.values = values;
  vl.values_len = sample->values_len;
  vl.interval = MS_TO_CDTIME_T(sample->interval_ms);
  if (vl.interval < plugin_get_interval())
    vl.interval = plugin_get_interval();

  const struct metric_info *info = &metrics[sample->metric];
  for (size_t i = 0; i < sample->values_len; i++) {
    if (info->kind == METRIC_GAUGE)
      values[i].gauge = sample->value.gauge;
    else
      values[i].derive = sample->value.derive[i];
  }
  snprintf(vl.plugin, sizeof(vl.plugin), "%s", PLUGIN_NAME);
  snprintf(vl.plugin_instance, sizeof(vl.plugin_instance), "%s", instance);
  snprintf(vl.type, sizeof(vl.type), "%s", info->type);
  if (sample->type_instance != NULL)
    snprintf(vl.type_instance, sizeof(vl.type_instance), "%s", sample->type_instance);
  plugin_dispatch_values(&vl);
}

/* What notify_alertmanager, or any other plugin that receives notifications, needs to know
 * about the flag; see collectd-notify_alertmanager(5). */
static void add_alert(notification_t *n, const struct red_flag_info *info) {
  plugin_notification_meta_add_string(n, "alertname", info->alert);
  plugin_notification_meta_add_string(n, "summary", info->summary);
  plugin_notification_meta_add_string(n, "label:flag", info->name);
  if (info->is_information)
    plugin_notification_meta_add_string(n, "severity", "info");
}

/* Without memory, meta data are omitted: the notification is sent nevertheless. collectd logs
 * each failure itself. */
static void notify(void *context, const char *instance, const struct flag_notice *notice) {
  (void)context;
  static const int severities[] = {
      [RED_FLAG_OK] = NOTIF_OKAY,
      [RED_FLAG_WARNING] = NOTIF_WARNING,
      [RED_FLAG_FAILURE] = NOTIF_FAILURE,
  };
  const struct flag_status *status = notice->status;
  const struct evidence *evidence = notice->evidence;
  const struct red_flag_info *info = &red_flags[status->flag];
  notification_t n = {.severity = severities[status->state], .time = cdtime()};
  snprintf(n.message, sizeof(n.message), "%s", evidence->line);
  snprintf(n.host, sizeof(n.host), "%s", hostname_g);
  snprintf(n.plugin, sizeof(n.plugin), "%s", PLUGIN_NAME);
  snprintf(n.plugin_instance, sizeof(n.plugin_instance), "%s", instance);
  snprintf(n.type, sizeof(n.type), "%s", metrics[METRIC_RED_FLAG].type);
  snprintf(n.type_instance, sizeof(n.type_instance), "%s", info->name);

  add_alert(&n, info);
  plugin_notification_meta_add_unsigned_int(&n, "pid", (uint64_t)notice->pid);
  plugin_notification_meta_add_unsigned_int(&n, "since", (uint64_t)notice->since_seconds);
  if (isfinite(status->value))
    plugin_notification_meta_add_double(&n, "value", status->value);
  if (isfinite(status->threshold))
    plugin_notification_meta_add_double(&n, "threshold", status->threshold);
  for (size_t i = 0; i < evidence->len; i++)
    plugin_notification_meta_add_string(&n, evidence->items[i].name,
                                        evidence_value(evidence, i));
  plugin_dispatch_notification(&n);
  plugin_notification_meta_free(n.meta);
}

/* As of a flag; its alert is one of a host, a user and a block. */
static void notify_crashes(void *context, const struct crash_notice *notice) {
  (void)context;
  char user[24];
  notification_t n = {.severity = notice->is_over ? NOTIF_OKAY : NOTIF_WARNING,
                      .time = cdtime()};
  snprintf(user, sizeof(user), "%u", (unsigned)notice->uid);
  snprintf(n.message, sizeof(n.message), "%s", notice->line);
  snprintf(n.host, sizeof(n.host), "%s", hostname_g);
  snprintf(n.plugin, sizeof(n.plugin), "%s", PLUGIN_NAME);
  snprintf(n.plugin_instance, sizeof(n.plugin_instance), "%s", notice->block);
  snprintf(n.type, sizeof(n.type), "%s", metrics[METRIC_PROCESS_SHORT_LIVED].type);
  snprintf(n.type_instance, sizeof(n.type_instance), "%s", user);
  plugin_notification_meta_add_string(&n, "alertname", "SidecarCrashLooping");
  plugin_notification_meta_add_string(&n, "summary",
                                      "Sidecar ends right after its start, again and again.");
  plugin_notification_meta_add_string(&n, "label:user", user);
  plugin_notification_meta_add_double(&n, "value", (double)notice->count);
  plugin_dispatch_notification(&n);
  plugin_notification_meta_free(n.meta);
}

static void log_line(void *context, int severity, const char *line) {
  (void)context;
  plugin_log(severity, PLUGIN_NAME " plugin: %s", line);
}

static int plugin_config(oconfig_item_t *block) {
  if (configuration == NULL)
    configuration = config_new();
  if (configuration == NULL) {
    ERROR(PLUGIN_NAME " plugin: out of memory");
    return -1;
  }
  return config_parse(configuration, block);
}

static int plugin_read(user_data_t *user_data) {
  monitor_read(user_data->data, CDTIME_T_TO_NS(plugin_get_interval()));
  return 0; /* an error would make collectd suspend the readings */
}

static void free_monitor(void *monitor) {
  if (!monitor_free(monitor))
    configuration = NULL; /* a thread uses it that has been left behind */
}

static bool provide_type(const struct metric_info *info) {
  switch (info->kind) {
  case METRIC_STOCK_DERIVE:
    return data_set_is_stock(PLUGIN_NAME, info->type, 1);
  case METRIC_STOCK_PAIR:
    return data_set_is_stock(PLUGIN_NAME, info->type, 2);
  default:
    return data_set_provide(PLUGIN_NAME, info->type,
                            info->kind == METRIC_GAUGE ? DS_TYPE_GAUGE : DS_TYPE_DERIVE);
  }
}

static void provide_types(void) {
  for (size_t i = 0; i < METRICS; i++)
    has_type[i] = provide_type(&metrics[i]);
}

/* A relative folder is below BaseDir, so that a collectd with its own BaseDir writes nothing
 * outside. */
static int place_captures(struct config *config) {
  char *folder = NULL;
  int status = config_path_in_base_dir(config->capture_folder, &folder);
  if (status == 0 && strlen(folder) > CAPTURE_FOLDER_MAX)
    status = -ENAMETOOLONG;
  if (status != 0) {
    ERROR(PLUGIN_NAME
          " plugin: CaptureFolder \"%s\" in collectd's BaseDir: %s; at most %d bytes "
          "are allowed in all",
          config->capture_folder, strerror(-status), CAPTURE_FOLDER_MAX);
    free(folder);
    return status;
  }
  free(config->capture_folder);
  config->capture_folder = folder;
  return 0;
}

static int plugin_init(void) {
  if (configuration == NULL)
    configuration = config_new();
  if (configuration == NULL || config_complete(configuration) != 0) {
    ERROR(PLUGIN_NAME " plugin: out of memory");
    return -1;
  }
  char fault[256];
  if (config_fault(configuration, fault, sizeof(fault)) != NULL) {
    ERROR(PLUGIN_NAME " plugin: %s", fault);
    return -1;
  }
  if (place_captures(configuration) != 0)
    return -1;

  struct monitor *monitor;
  struct target_sink sink = {
      .emit = emit, .notify = notify, .notify_crashes = notify_crashes, .log = log_line};
  int status = monitor_new(configuration, &sink, &monitor);
  if (status != 0) {
    ERROR(PLUGIN_NAME " plugin: cannot start: %s", strerror(-status));
    return -1;
  }
  provide_types();
  return plugin_register_complex_read(
      NULL, PLUGIN_NAME, plugin_read, 0,
      &(user_data_t){.data = monitor, .free_func = free_monitor});
}

/* collectd has already freed the monitor: it stops the read threads, then frees their user
 * data. */
static int plugin_shutdown(void) {
  config_free(configuration);
  configuration = NULL;
  return 0;
}

void module_register(void) {
  if (!daemon_layout_fits(PLUGIN_NAME))
    return;
  plugin_register_complex_config(PLUGIN_NAME, plugin_config);
  plugin_register_init(PLUGIN_NAME, plugin_init);
  plugin_register_shutdown(PLUGIN_NAME, plugin_shutdown);
}
