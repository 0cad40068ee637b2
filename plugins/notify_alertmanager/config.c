/* The configuration's defaults and its memory; see config.h. */
#include "notify_alertmanager/config.h"

#include <stdlib.h>
#include <string.h>

#include "notify_alertmanager/config_internal.h"

static const uint64_t SECOND_NS = 1000000000;

struct config *config_new(void) {
  struct config *config = calloc(1, sizeof(*config));
  if (config == NULL)
    return NULL;
  config->resend_ns = 60 * SECOND_NS;
  config->resolved_retention_ns = 15 * 60 * SECOND_NS;
  config->expire_restored_ns = 6 * 3600 * SECOND_NS;
  config->queue_limit = 16384;
  config->rules.severity_label = true;
  config->state_file = strdup(CONFIG_DEFAULT_STATE_FILE);
  config->rules.plugin_labels = calloc(1, sizeof(*config->rules.plugin_labels));
  if (config->rules.plugin_labels != NULL)
    config->rules.plugin_labels[config->rules.plugin_labels_len++] =
        strdup(CONFIG_DEFAULT_PLUGIN_LABEL);
  if (config->state_file == NULL || config->rules.plugin_labels == NULL ||
      config->rules.plugin_labels[0] == NULL) {
    config_free(config);
    return NULL;
  }
  return config;
}

static void node_free(struct node_config *node) {
  free(node->name);
  free(node->url);
  free(node->user);
  if (node->password != NULL)
    explicit_bzero(node->password, strlen(node->password));
  free(node->password);
  free(node->ca_file);
  free(node->client_certificate);
  free(node->client_key);
}

static void texts_free(struct alert_text *texts, size_t len) {
  for (size_t i = 0; i < len; i++) {
    free(texts[i].name);
    free(texts[i].text);
  }
  free(texts);
}

void config_free_plugin_labels(struct alert_rules *rules) {
  for (size_t i = 0; i < rules->plugin_labels_len; i++)
    free(rules->plugin_labels[i]);
  free(rules->plugin_labels);
  rules->plugin_labels = NULL;
  rules->plugin_labels_len = 0;
}

static void rules_free(struct alert_rules *rules) {
  for (size_t i = 0; i < rules->names_len; i++) {
    free(rules->names[i].alertname);
    free(rules->names[i].plugin);
    free(rules->names[i].plugin_instance);
    free(rules->names[i].type);
    free(rules->names[i].type_instance);
  }
  free(rules->names);
  texts_free(rules->constants, rules->constants_len);
  texts_free(rules->labels, rules->labels_len);
  texts_free(rules->annotations, rules->annotations_len);
  config_free_plugin_labels(rules);
  free(rules->generator_url);
}

void config_free(struct config *config) {
  if (config == NULL)
    return;
  for (size_t i = 0; i < config->nodes_len; i++)
    node_free(&config->nodes[i]);
  rules_free(&config->rules);
  free(config->state_file);
  free(config);
}

struct node_config *config_new_node(struct config *config, const char *name) {
  char *copy = strdup(name);
  if (copy == NULL)
    return NULL;
  struct node_config *node = &config->nodes[config->nodes_len++];
  *node = (struct node_config){.name = copy, .verify_peer = true, .timeout_ns = 10 * SECOND_NS};
  return node;
}

int config_complete(struct config *config) {
  if (config->nodes_len > 0)
    return 0;
  struct node_config *node = config_new_node(config, "local");
  if (node != NULL)
    node->url = strdup(CONFIG_DEFAULT_URL "/api/v2/alerts");
  if (node == NULL || node->url == NULL) {
    ERROR("notify_alertmanager plugin: out of memory");
    return -1;
  }
  INFO("notify_alertmanager plugin: no <Node> block: alerts go to " CONFIG_DEFAULT_URL);
  return 0;
}
