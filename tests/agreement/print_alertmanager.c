/*
 * Prints the tables of notify_alertmanager, tab-separated, for the tests that compare its
 * documents with them: "metric" type kind place instances unit help; "option" block name
 * allowed default; "default" option value, of those that have no field of their own; "limit"
 * number, and a phrase of the manual that has it as %d.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/config_option.h"
#include "notify_alertmanager/config.h"
#include "notify_alertmanager/metrics.h"
#include "notify_alertmanager/notification.h"

/* A number in the option's unit, a boolean, or text. */
static void print_default(const struct config_option *option, const void *target) {
  const void *value = (const char *)target + option->offset;
  if (option->set == config_set_number)
    printf("%.15g", (double)*(const uint64_t *)value / option->scale);
  else if (option->set == config_set_boolean)
    printf("%s", *(const bool *)value ? "true" : "false");
  else if (option->offset != 0 && *(char *const *)value != NULL)
    printf("%s", *(char *const *)value);
}

static void print_options(enum config_block block, const char *name, const void *target) {
  size_t len;
  const struct config_option *options = config_options(block, &len);
  for (size_t i = 0; i < len; i++) {
    printf("option\t%s\t%s\t%s\t", name, options[i].key, options[i].allowed);
    if (target != NULL && !options[i].repeatable)
      print_default(&options[i], target);
    putchar('\n');
  }
}

/* Those that no field has as they are written. */
static void print_other_defaults(const struct config *config) {
  for (size_t i = 0; i < config->rules.plugin_labels_len; i++)
    printf("default\tPluginLabel\t%s\n", config->rules.plugin_labels[i]);
  printf("default\tNode\t%s\n", config->nodes[0].name);
  printf("default\tURL\t%s\n", config->nodes[0].url);
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
  print_options(CONFIG_PLUGIN_BLOCK, "plugin", config);
  print_options(CONFIG_NODE_BLOCK, "node", &config->nodes[0]);
  print_options(CONFIG_ALERT_NAME_BLOCK, "name", NULL);
  print_other_defaults(config);
  config_free(config);
  return 0;
}
