/*
 * The glue between collectd and the rest: callbacks, data sets, values. An alert is made from a
 * notification on the thread that dispatches it, and stored; whatever may wait runs on the
 * threads of service.h.
 */
#include <pthread.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/collectd.h"
#include "common/daemon_layout.h"
#include "common/data_set.h"
#include "notify_alertmanager/metrics.h"
#include "notify_alertmanager/notification.h"
#include "notify_alertmanager/service.h"

#define PLUGIN_NAME "notify_alertmanager"

/* Set by the configuration callback, which has no user data; init takes it over. */
static struct config *configuration;

/* For callbacks without user data. Freed with the notification callback, the last one that
 * collectd may call. */
static struct service *running;

/* Set by init: of the others, no values are sent. */
static bool has_type[METRICS];

static int64_t wall_ns(void) {
  return (int64_t)CDTIME_T_TO_NS(cdtime());
}

/* ---- notifications ---- */

static void log_drop(struct service *s) {
  uint32_t suppressed = 0;
  pthread_mutex_lock(&s->drop_lock);
  bool due = backoff_due(&s->dropped, clock_monotonic_ns(), &suppressed);
  pthread_mutex_unlock(&s->drop_lock);
  if (due)
    WARNING(PLUGIN_NAME " plugin: the store is full, a new alert is dropped (%u more since the "
                        "last line); raise QueueLimit, or find the source of so many alerts",
            suppressed);
}

static enum store_effect store_alert(struct service *s, const notification_t *n,
                                     struct alert *alert, int64_t time_ns) {
  int64_t now_ns = (int64_t)clock_monotonic_ns();
  if (n->severity == NOTIF_OKAY)
    return store_resolve(s->store, alert, time_ns, now_ns, n->message);
  return store_fire(s->store, alert, time_ns, now_ns);
}

/* Runs on the thread that dispatches it, which must not wait. Always returns 0: collectd would
 * log anything else for each notification. */
static int plugin_notify(const notification_t *n, user_data_t *user_data) {
  struct service *s = user_data->data;
  struct notification_view view;
  struct alert *alert;

  notification_view_init(&view, n, hostname_g != NULL ? hostname_g : "");
  if (alert_rules_apply(&s->config->rules, &view.source, &alert) != 0) {
    log_drop(s);
    return 0;
  }
  enum store_effect effect =
      store_alert(s, n, alert, notification_time_ns(&view, n, wall_ns()));
  alert_unref(alert);
  if (effect == STORE_CHANGED)
    service_wake_senders(s);
  if (effect == STORE_DROPPED)
    log_drop(s);
  if (effect == STORE_CHANGED || effect == STORE_RENEWED)
    state_saver_wake(s->saver);
  return 0;
}

/* ---- metrics ---- */

static void provide_types(void) {
  for (size_t i = 0; i < METRICS; i++)
    has_type[i] = data_set_provide(PLUGIN_NAME, metrics[i].type,
                                   metrics[i].derive ? DS_TYPE_DERIVE : DS_TYPE_GAUGE);
}

static void emit(void *context, enum metric metric, const char *plugin_instance,
                 const char *type_instance, double number) {
  (void)context;
  if (!has_type[metric])
    return;
  value_t value = {.gauge = number};
  value_list_t vl = VALUE_LIST_INIT;
  if (metrics[metric].derive)
    value.derive = (derive_t)number;
  vl.values = &value;
  vl.values_len = 1;
  snprintf(vl.plugin, sizeof(vl.plugin), "%s", PLUGIN_NAME);
  snprintf(vl.plugin_instance, sizeof(vl.plugin_instance), "%s", plugin_instance);
  snprintf(vl.type, sizeof(vl.type), "%s", metrics[metric].type);
  snprintf(vl.type_instance, sizeof(vl.type_instance), "%s", type_instance);
  plugin_dispatch_values(&vl);
}

static int plugin_read(user_data_t *user_data) {
  struct service *s = user_data->data;
  struct store_counts counts = store_counts(s->store);
  metrics_of_store(&counts, atomic_load(&s->state_saved), emit, NULL);
  for (size_t i = 0; i < s->nodes_len; i++) {
    struct delivery_stats stats = sender_stats(s->nodes[i].sender);
    metrics_of_node(s->nodes[i].config->name, &stats, emit, NULL);
  }
  return 0; /* an error would suspend the reads */
}

/* ---- start and end ---- */

static void free_service(void *service) {
  service_free(service);
  running = NULL;
}

/* Returns 0, or -1 after logging. */
static int make_configuration(void) {
  if (configuration == NULL)
    configuration = config_new();
  if (configuration != NULL)
    return 0;
  ERROR(PLUGIN_NAME " plugin: out of memory");
  return -1;
}

static int plugin_init(void) {
  if (make_configuration() != 0 || config_complete(configuration) != 0)
    return -1;
  struct config *config = configuration;
  configuration = NULL;
  if (service_start(config, &running) != 0)
    return -1;
  provide_types();
  plugin_register_complex_read(NULL, PLUGIN_NAME, plugin_read, 0,
                               &(user_data_t){.data = running});
  return plugin_register_notification(
      PLUGIN_NAME, plugin_notify, &(user_data_t){.data = running, .free_func = free_service});
}

static int plugin_shutdown(void) {
  if (running != NULL)
    service_stop(running);
  config_free(configuration); /* only if init was not called */
  configuration = NULL;
  return 0;
}

static int plugin_config(oconfig_item_t *block) {
  return make_configuration() == 0 ? config_parse(configuration, block) : -1;
}

void module_register(void) {
  if (!daemon_layout_fits(PLUGIN_NAME))
    return;
  plugin_register_complex_config(PLUGIN_NAME, plugin_config);
  plugin_register_init(PLUGIN_NAME, plugin_init);
  plugin_register_shutdown(PLUGIN_NAME, plugin_shutdown);
}
