/*
 * The glue between collectd and the rest: callbacks, threads, data sets, log lines. A
 * notification is turned into an alert on the thread that dispatches it and put into the
 * store; everything that waits for anything happens on the plugin's own threads.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/array.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/collectd.h"
#include "notify_alertmanager/config.h"
#include "notify_alertmanager/keeper.h"
#include "notify_alertmanager/metrics.h"
#include "notify_alertmanager/notification.h"
#include "notify_alertmanager/report.h"
#include "notify_alertmanager/sender.h"

#define PLUGIN_NAME "notify_alertmanager"

/* What the store may take for each alert of QueueLimit; most are far smaller. */
enum { BYTES_AN_ALERT = 4096 };
/* What waits at the end is given this long to be delivered. */
static const uint64_t LAST_POSTS_NS = 1000000000;

struct plugin;

struct node {
  struct plugin *plugin;
  const struct node_config *config;
  struct sender *sender;
  struct report report;
};

struct plugin {
  struct config *config;
  struct store *store;
  struct keeper *keeper;
  struct node nodes[CONFIG_NODES_MAX];
  size_t nodes_len; /* those that run */
  char *state_path; /* NULL: none is kept */
  atomic_int state_saved;
  struct backoff save_failed; /* of the keeper's thread */
  pthread_mutex_t drop_lock;
  struct backoff dropped;
};

/* Set by the configuration callback, which has no user data, and taken over by init. */
static struct config *configuration;

/* Freed with the notification callback, the last that collectd may call. */
static struct plugin *running;

static int64_t wall_ns(void) {
  return (int64_t)CDTIME_T_TO_NS(cdtime());
}

/* ---- what the threads tell ---- */

static void on_sender_event(void *context, const struct sender_event *event) {
  static const int levels[] = {
      [REPORT_NOTICE] = LOG_NOTICE, [REPORT_WARNING] = LOG_WARNING, [REPORT_ERROR] = LOG_ERR};
  struct node *node = context;
  char line[REPORT_LINE_SIZE];
  enum report_level level =
      report_event(&node->report, event, node->config->url, clock_monotonic_ns(), line);
  if (level != REPORT_NOTHING)
    plugin_log(levels[level], PLUGIN_NAME " plugin: %s", line);
}

static void wake_senders(struct plugin *p) {
  for (size_t i = 0; i < p->nodes_len; i++)
    sender_wake(p->nodes[i].sender);
}

static void on_alerts_changed(void *context) {
  wake_senders(context);
}

static void on_state_saved(void *context, int status) {
  struct plugin *p = context;
  uint32_t suppressed;
  atomic_store(&p->state_saved, status == 0);
  if (status == 0) {
    if (backoff_reset(&p->save_failed))
      NOTICE(PLUGIN_NAME " plugin: the state file %s is written again", p->state_path);
  } else if (backoff_due(&p->save_failed, clock_monotonic_ns(), &suppressed)) {
    ERROR(PLUGIN_NAME " plugin: the state file %s cannot be written: %s; alerts that fire at a "
                      "restart of collectd would not be resolved by name; see StateFile",
          p->state_path, strerror(-status));
  }
}

/* ---- notifications ---- */

static void complain_about_drop(struct plugin *p) {
  uint32_t suppressed = 0;
  pthread_mutex_lock(&p->drop_lock);
  bool due = backoff_due(&p->dropped, clock_monotonic_ns(), &suppressed);
  pthread_mutex_unlock(&p->drop_lock);
  if (due)
    WARNING(PLUGIN_NAME " plugin: no room for a new alert, it is dropped (%u more since the "
                        "last line); raise QueueLimit, or find what fires so much",
            suppressed);
}

static enum store_effect take(struct plugin *p, const notification_t *n, struct alert *alert,
                              int64_t time_ns) {
  int64_t now_ns = (int64_t)clock_monotonic_ns();
  if (n->severity == NOTIF_OKAY)
    return store_resolve(p->store, alert, time_ns, now_ns, n->message);
  return store_fire(p->store, alert, time_ns, now_ns);
}

/* Runs on whatever thread dispatched it, and must not keep that waiting. Always returns 0:
 * collectd would log anything else for each notification. */
static int plugin_notify(const notification_t *n, user_data_t *user_data) {
  struct plugin *p = user_data->data;
  struct notification_view view;
  struct alert *alert;

  notification_view_init(&view, n, hostname_g != NULL ? hostname_g : "");
  if (alert_rules_apply(&p->config->rules, &view.source, &alert) != 0) {
    complain_about_drop(p);
    return 0;
  }
  enum store_effect effect = take(p, n, alert, notification_time_ns(&view, n, wall_ns()));
  alert_unref(alert);
  if (effect == STORE_CHANGED)
    wake_senders(p);
  if (effect == STORE_DROPPED)
    complain_about_drop(p);
  if (effect == STORE_CHANGED || effect == STORE_RENEWED)
    keeper_wake(p->keeper);
  return 0;
}

/* ---- metrics ---- */

/* A types.db may have defined ours already; defining a type twice is logged by collectd. */
static void register_data_sets(void) {
  for (size_t i = 0; i < METRICS; i++) {
    const struct metric_info *info = &metrics[i];
    if (plugin_get_ds(info->type) != NULL)
      continue;
    data_source_t source = {
        .name = "value",
        .type = info->derive ? DS_TYPE_DERIVE : DS_TYPE_GAUGE,
        .min = 0,
        .max = NAN,
    };
    data_set_t set = {.ds_num = 1, .ds = &source};
    snprintf(set.type, sizeof(set.type), "%s", info->type);
    plugin_register_data_set(&set);
  }
}

static void emit(void *context, enum metric metric, const char *plugin_instance,
                 const char *type_instance, double number) {
  (void)context;
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
  struct plugin *p = user_data->data;
  struct store_counts counts = store_counts(p->store);
  metrics_of_store(&counts, atomic_load(&p->state_saved), emit, NULL);
  for (size_t i = 0; i < p->nodes_len; i++) {
    struct sender_stats stats = sender_stats(p->nodes[i].sender);
    metrics_of_node(p->nodes[i].config->name, &stats, emit, NULL);
  }
  return 0; /* an error would suspend the readings; there is always a next time */
}

/* ---- start and end ---- */

static void plugin_free(void *data) {
  struct plugin *p = data;
  if (p == NULL)
    return;
  /* a notification may have come after the shutdown callback */
  if (p->keeper != NULL)
    keeper_save(p->keeper);
  for (size_t i = 0; i < p->nodes_len; i++)
    sender_free(p->nodes[i].sender);
  keeper_free(p->keeper);
  store_free(p->store);
  config_free(p->config);
  pthread_mutex_destroy(&p->drop_lock);
  free(p->state_path);
  free(p);
  running = NULL;
}

static void stop(struct plugin *p) {
  uint64_t deadline_ns = clock_monotonic_ns() + LAST_POSTS_NS;
  for (size_t i = 0; i < p->nodes_len; i++)
    sender_stop(p->nodes[i].sender, deadline_ns);
  for (size_t i = 0; i < p->nodes_len; i++)
    sender_join(p->nodes[i].sender);
  keeper_stop(p->keeper);
}

static int start_failed(struct plugin *p, const char *what, int status) {
  ERROR(PLUGIN_NAME " plugin: cannot start: %s: %s", what, strerror(-status));
  if (p->keeper != NULL)
    stop(p);
  plugin_free(p);
  return -1;
}

/* collectd has made BaseDir its working directory; the log shall name the whole path. */
static int set_state_path(struct plugin *p) {
  const char *file = p->config->state_file;
  const char *folder = global_option_get("BaseDir");
  if (file[0] == '\0')
    return 0;
  int len = file[0] == '/' || folder == NULL
                ? asprintf(&p->state_path, "%s", file)
                : asprintf(&p->state_path, "%s/%s", folder, file);
  if (len >= 0)
    return 0;
  p->state_path = NULL;
  return -ENOMEM;
}

static int make_keeper(struct plugin *p) {
  const struct config *config = p->config;
  int status = set_state_path(p);
  if (status != 0)
    return status;
  atomic_init(&p->state_saved, p->state_path != NULL ? 1 : -1);
  const struct keeper_config keeper = {
      .path = p->state_path,
      .ages = {.forget_resolved_ns = (int64_t)config->resolved_retention_ns,
               .expire_ns = (int64_t)config->expire_ns,
               .expire_restored_ns = (int64_t)config->expire_restored_ns},
      .on_change = on_alerts_changed,
      .on_saved = on_state_saved,
      .context = p,
  };
  return keeper_new(&keeper, p->store, &p->keeper);
}

static void load_state(struct plugin *p) {
  struct state_file_report report;
  if (p->state_path == NULL)
    return;
  int status = keeper_load(p->keeper, &report);
  if (status != 0 && status != -ENOENT)
    ERROR(PLUGIN_NAME " plugin: the state file %s cannot be read: %s; what fired before is "
                      "forgotten",
          p->state_path, strerror(-status));
  const char *kept = report.kept_aside[0] != '\0' ? report.kept_aside : "not kept";
  if (report.foreign)
    WARNING(PLUGIN_NAME " plugin: %s is no state file of this version and will be replaced "
                        "(what it was: %s)",
            p->state_path, kept);
  if (report.damaged > 0)
    WARNING(PLUGIN_NAME " plugin: %zu damaged lines in the state file %s were passed over, %zu "
                        "were good (what it was: %s)",
            report.damaged, p->state_path, report.records, kept);
  if (report.records > 0)
    INFO(PLUGIN_NAME " plugin: %zu alerts known from before, from %s", report.records,
         p->state_path);
}

static int start_node(struct plugin *p, const struct node_config *config) {
  struct node *node = &p->nodes[p->nodes_len];
  *node = (struct node){.plugin = p, .config = config};
  const struct sender_config sender = {
      .name = config->name,
      .url = config->url,
      .user = config->user,
      .password = config->password,
      .ca_file = config->ca_file,
      .client_certificate = config->client_certificate,
      .client_key = config->client_key,
      .insecure = !config->verify_peer,
      .timeout_ns = config->timeout_ns,
      .resend_ns = p->config->resend_ns,
      .number = (unsigned)p->nodes_len,
      .on_event = on_sender_event,
      .context = node,
  };
  int status = sender_new(&sender, p->store, &node->sender);
  if (status != 0)
    return status;
  p->nodes_len++;
  return sender_start(node->sender);
}

static int start(struct plugin *p) {
  const struct config *config = p->config;
  const struct store_limits limits = {.alerts = config->queue_limit,
                                      .bytes = config->queue_limit * BYTES_AN_ALERT};
  int status = store_new(limits, &p->store);
  if (status != 0)
    return start_failed(p, "the store", status);
  status = make_keeper(p);
  if (status != 0)
    return start_failed(p, "the keeper of the state", status);
  load_state(p);
  for (size_t i = 0; i < config->nodes_len; i++) {
    status = start_node(p, &config->nodes[i]);
    if (status != 0)
      return start_failed(p, config->nodes[i].name, status);
  }
  status = keeper_start(p->keeper);
  if (status != 0)
    return start_failed(p, "the keeper's thread", status);
  return 0;
}

static int plugin_init(void) {
  if (configuration == NULL)
    configuration = config_new();
  if (configuration == NULL || config_complete(configuration) != 0)
    return -1;
  struct plugin *p = calloc(1, sizeof(*p));
  if (p == NULL)
    return -1;
  p->config = configuration;
  configuration = NULL;
  pthread_mutex_init(&p->drop_lock, NULL);
  if (start(p) != 0)
    return -1;

  running = p;
  register_data_sets();
  plugin_register_complex_read(NULL, PLUGIN_NAME, plugin_read, 0, &(user_data_t){.data = p});
  return plugin_register_notification(PLUGIN_NAME, plugin_notify,
                                      &(user_data_t){.data = p, .free_func = plugin_free});
}

static int plugin_shutdown(void) {
  if (running != NULL)
    stop(running);
  config_free(configuration); /* only where init was never called */
  configuration = NULL;
  return 0;
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

void module_register(void) {
  plugin_register_complex_config(PLUGIN_NAME, plugin_config);
  plugin_register_init(PLUGIN_NAME, plugin_init);
  plugin_register_shutdown(PLUGIN_NAME, plugin_shutdown);
}
