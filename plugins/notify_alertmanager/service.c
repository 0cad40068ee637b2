/* The running plugin; see service.h. */
#include "notify_alertmanager/service.h"

#include <errno.h>
#include <inttypes.h>

#include "common/clock.h"
#include "common/collectd.h"
#include "common/config_option.h"

#define PLUGIN "notify_alertmanager plugin: "

/* Memory of the store for each alert of QueueLimit; most are far smaller. */
enum { BYTES_PER_ALERT = 4096 };
/* Time to deliver waiting changes when collectd stops. */
static const uint64_t LAST_POSTS_NS = 1000000000;

/* ---- events of the threads ---- */

static void on_sender_event(void *context, const struct delivery_event *event) {
  static const int levels[] = {
      [REPORT_NOTICE] = LOG_NOTICE, [REPORT_WARNING] = LOG_WARNING, [REPORT_ERROR] = LOG_ERR};
  struct service_node *node = context;
  char line[REPORT_LINE_SIZE];
  enum report_level level =
      report_event(&node->report, event, node->config->url, clock_monotonic_ns(), line);
  if (level != REPORT_NOTHING)
    plugin_log(levels[level], PLUGIN "%s", line);
}

void service_wake_senders(struct service *s) {
  for (size_t i = 0; i < s->nodes_len; i++)
    sender_wake(s->nodes[i].sender);
}

static void on_alerts_changed(void *context) {
  service_wake_senders(context);
}

static void on_state_saved(void *context, int status) {
  struct service *s = context;
  uint32_t suppressed;
  atomic_store(&s->state_saved, status == 0);
  if (status == 0) {
    if (backoff_reset(&s->save_failed))
      NOTICE(PLUGIN "the state file %s is writable again", s->state_path);
  } else if (backoff_due(&s->save_failed, clock_monotonic_ns(), &suppressed)) {
    ERROR(PLUGIN "the state file %s cannot be written: %s; alerts that fire when collectd is "
                 "restarted would not be resolved by it; see StateFile",
          s->state_path, strerror(-status));
  }
}

/* ---- start and end ---- */

void service_free(struct service *s) {
  if (s == NULL)
    return;
  /* notifications may arrive after the shutdown callback */
  if (s->saver != NULL)
    state_saver_save(s->saver);
  for (size_t i = 0; i < s->nodes_len; i++)
    sender_free(s->nodes[i].sender);
  state_saver_free(s->saver);
  store_free(s->store);
  config_free(s->config);
  pthread_mutex_destroy(&s->drop_lock);
  free(s->state_path);
  free(s);
}

void service_stop(struct service *s) {
  uint64_t deadline_ns = clock_monotonic_ns() + LAST_POSTS_NS;
  for (size_t i = 0; i < s->nodes_len; i++)
    sender_stop(s->nodes[i].sender, deadline_ns);
  state_saver_stop(s->saver); /* writes while the last posts are made */
  for (size_t i = 0; i < s->nodes_len; i++)
    sender_join(s->nodes[i].sender);
}

static int start_failed(struct service *s, const char *what, int status) {
  ERROR(PLUGIN "cannot start: %s: %s", what, strerror(-status));
  if (s->saver != NULL)
    service_stop(s);
  service_free(s);
  return -1;
}

static int set_state_path(struct service *s) {
  const char *file = s->config->state_file;
  return file[0] == '\0' ? 0 : config_path_in_base_dir(file, &s->state_path);
}

static int make_state_saver(struct service *s) {
  const struct config *config = s->config;
  int status = set_state_path(s);
  if (status != 0)
    return status;
  atomic_init(&s->state_saved, s->state_path != NULL ? 1 : -1);
  const struct state_saver_config saver = {
      .path = s->state_path,
      .ages = {.forget_resolved_ns = (int64_t)config->resolved_retention_ns,
               .expire_ns = (int64_t)config->expire_ns,
               .expire_restored_ns = (int64_t)config->expire_restored_ns},
      .on_change = on_alerts_changed,
      .on_saved = on_state_saved,
      .context = s,
  };
  return state_saver_new(&saver, s->store, &s->saver);
}

static void load_state(struct service *s) {
  struct state_file_report report;
  if (s->state_path == NULL)
    return;
  int status = state_saver_load(s->saver, &report);
  if (status != 0 && status != -ENOENT)
    ERROR(PLUGIN "the state file %s cannot be read: %s; alerts that fired before are lost",
          s->state_path, strerror(-status));
  const char *kept = report.kept_aside[0] != '\0' ? report.kept_aside : "not kept";
  if (report.foreign)
    WARNING(PLUGIN "%s is no state file of this version and will be replaced (old file: %s)",
            s->state_path, kept);
  if (report.damaged > 0)
    WARNING(PLUGIN "%zu damaged lines in the state file %s were skipped, %zu were good (old "
                   "file: %s)",
            report.damaged, s->state_path, report.records, kept);
  struct store_counts counts = store_counts(s->store);
  uint64_t dropped = counts.dropped_firing + counts.dropped_resolved;
  if (report.records > 0)
    INFO(PLUGIN "%zu alerts restored from %s", counts.firing + counts.resolved, s->state_path);
  if (dropped > 0)
    WARNING(PLUGIN "%" PRIu64 " alerts of the state file %s are dropped, %" PRIu64
                   " of them firing: the store is full; raise QueueLimit",
            dropped, s->state_path, counts.dropped_firing);
}

static int start_node(struct service *s, const struct node_config *config) {
  struct service_node *node = &s->nodes[s->nodes_len];
  *node = (struct service_node){.config = config};
  const struct sender_config sender = {
      .name = config->name,
      .url = config->url,
      .user = config->user,
      .password = config->password,
      .token_file = config->token_file,
      .headers = (const char *const *)config->headers,
      .headers_len = config->headers_len,
      .ca_file = config->ca_file,
      .client_certificate = config->client_certificate,
      .client_key = config->client_key,
      .insecure = !config->verify_peer,
      .timeout_ns = config->timeout_ns,
      .resend_ns = s->config->resend_ns,
      .number = (unsigned)s->nodes_len,
      .on_event = on_sender_event,
      .context = node,
  };
  int status = sender_new(&sender, s->store, &node->sender);
  if (status != 0)
    return status;
  s->nodes_len++;
  return sender_start(node->sender);
}

static int start(struct service *s) {
  const struct config *config = s->config;
  const struct store_limits limits = {.alerts = config->queue_limit,
                                      .bytes = config->queue_limit * BYTES_PER_ALERT};
  int status = store_new(limits, &s->store);
  if (status != 0)
    return start_failed(s, "the store", status);
  status = make_state_saver(s);
  if (status != 0)
    return start_failed(s, "the state saver", status);
  load_state(s);
  for (size_t i = 0; i < config->nodes_len; i++) {
    status = start_node(s, &config->nodes[i]);
    if (status != 0)
      return start_failed(s, config->nodes[i].name, status);
  }
  status = state_saver_start(s->saver);
  if (status != 0)
    return start_failed(s, "the state saver's thread", status);
  return 0;
}

int service_start(struct config *config, struct service **ret) {
  struct service *s = calloc(1, sizeof(*s));
  if (s == NULL) {
    ERROR(PLUGIN "cannot start: %s", strerror(ENOMEM));
    config_free(config);
    return -1;
  }
  s->config = config;
  pthread_mutex_init(&s->drop_lock, NULL);
  if (start(s) != 0)
    return -1;
  *ret = s;
  return 0;
}
