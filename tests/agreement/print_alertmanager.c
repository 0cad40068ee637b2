/*
 * Prints the tables of notify_alertmanager, tab-separated, for the tests that compare its
 * documents with them: "metric" type kind place instances unit help; "default" field value;
 * "limit" number, and a phrase of the manual that has it as %d.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/collectd.h"
#include "notify_alertmanager/config.h"
#include "notify_alertmanager/metrics.h"
#include "notify_alertmanager/notification.h"

/* The daemon's part: the configuration logs, and asks for global options. */
const char *global_option_get(const char *option) {
  (void)option;
  return NULL;
}

void plugin_log(int severity, const char *format, ...) {
  (void)severity, (void)format;
}

static void print_defaults(const struct config *config) {
  printf("default\tresend_ns\t%" PRIu64 "\n", config->resend_ns);
  printf("default\tresolved_retention_ns\t%" PRIu64 "\n", config->resolved_retention_ns);
  printf("default\texpire_ns\t%" PRIu64 "\n", config->expire_ns);
  printf("default\texpire_restored_ns\t%" PRIu64 "\n", config->expire_restored_ns);
  printf("default\tqueue_limit\t%" PRIu64 "\n", config->queue_limit);
  printf("default\tstate_file\t%s\n", config->state_file);
  printf("default\trules.severity_label\t%s\n",
         config->rules.severity_label ? "true" : "false");
  for (size_t i = 0; i < config->rules.plugin_labels_len; i++)
    printf("default\trules.plugin_labels\t%s\n", config->rules.plugin_labels[i]);
  printf("default\tname\t%s\n", config->nodes[0].name);
  printf("default\turl\t%s\n", config->nodes[0].url);
  printf("default\tverify_peer\t%s\n", config->nodes[0].verify_peer ? "true" : "false");
  printf("default\ttimeout_ns\t%" PRIu64 "\n", config->nodes[0].timeout_ns);
}

static void print_limits(void) {
  printf("limit\t%d\tcut at %%d characters\n", ALERT_NAME_MAX);
  printf("limit\t%d\tat most %%d characters\n", ALERT_NAME_MAX);
  printf("limit\t%d\tAt most %%d labels\n", ALERT_META_LABELS_MAX);
  printf("limit\t%d\tAt most %%d meta data\n", NOTIFICATION_META_MAX);
  printf("limit\t%d\tannotation longer than %%d bytes\n", ALERT_ANNOTATION_BYTES);
  printf("limit\t%d\tlabel longer than %%d bytes\n", ALERT_LABEL_BYTES);
  printf("limit\t%d\tfit into %%d kB\n", ALERT_BYTES_MAX / 1024);
  printf("limit\t%d\tup to %%d labels\n", CONFIG_LABELS_MAX);
  printf("limit\t%d\tup to %%d plugins\n", CONFIG_PLUGIN_LABELS_MAX);
}

int main(void) {
  for (size_t i = 0; i < METRICS; i++)
    printf("metric\t%s\t%s\t%s\t%s\t%s\t%s\n", metrics[i].type,
           metrics[i].derive ? "derive" : "gauge", metrics[i].of_node ? "node" : METRICS_ALL,
           metrics[i].instances, metrics[i].unit, metrics[i].help);

  print_limits();

  struct config *config = config_new();
  if (config == NULL || config_complete(config) != 0)
    return 1;
  print_defaults(config);
  config_free(config);
  return 0;
}
