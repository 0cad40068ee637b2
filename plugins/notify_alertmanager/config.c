/*
 * Reads <Plugin notify_alertmanager> from collectd's configuration tree; see config.h. Each
 * option is a row of a table: name, reader, destination, allowed values. Anything else makes
 * the daemon refuse to start, with a log line that names block, option, value and what is
 * allowed. The options are described in collectd-notify_alertmanager(5); a test compares them.
 */
#include "notify_alertmanager/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/config_option.h"
#include "common/text.h"
#include "notify_alertmanager/header.h"
#include "notify_alertmanager/template.h"
#include "notify_alertmanager/url.h"

enum { URL_MAX_BYTES = 2048, PASSWORD_MAX_BYTES = 1024, NODE_NAME_MAX = 63 };

static const uint64_t SECOND_NS = 1000000000;

_Static_assert(ALERT_OWN_LABELS + CONFIG_LABELS_MAX + ALERT_META_LABELS_MAX <= ALERT_LABELS_MAX,
               "an alert has room for all labels");

/* ---- defaults and memory ---- */

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

static void secret_free(char *secret) {
  if (secret != NULL)
    explicit_bzero(secret, strlen(secret));
  free(secret);
}

static void node_free(struct node_config *node) {
  free(node->name);
  free(node->url);
  free(node->user);
  secret_free(node->password);
  free(node->token_file);
  for (size_t i = 0; i < node->headers_len; i++)
    secret_free(node->headers[i]);
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

static void plugin_labels_free(struct alert_rules *rules) {
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
  plugin_labels_free(rules);
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

static struct node_config *node_new(struct config *config, const char *name) {
  char *copy = strdup(name);
  if (copy == NULL)
    return NULL;
  struct node_config *node = &config->nodes[config->nodes_len++];
  *node = (struct node_config){.name = copy, .verify_peer = true, .timeout_ns = 10 * SECOND_NS};
  return node;
}

/* ---- labels, annotations and names ---- */

/* Makes room for one more element, zeroed, behind len of them. NULL if out of memory, with
 * the array unchanged. */
static void *grow(void *array, size_t len, size_t size) {
  char *grown = realloc(array, (len + 1) * size);
  if (grown != NULL)
    memset(grown + len * size, 0, size);
  return grown;
}

static bool has_text(const struct alert_text *texts, size_t len, const char *name) {
  for (size_t i = 0; i < len; i++)
    if (strcmp(texts[i].name, name) == 0)
      return true;
  return false;
}

static int add_text(const struct config_context *context, struct alert_text **texts,
                    size_t *len, const char *name, const char *text) {
  struct alert_text *grown = grow(*texts, *len, sizeof(*grown));
  if (grown == NULL)
    return config_refuse(context, "out of memory");
  *texts = grown;
  struct alert_text *added = &grown[(*len)++];
  added->name = strdup(name);
  added->text = strdup(text);
  if (added->name == NULL || added->text == NULL)
    return config_refuse(context, "out of memory");
  return 0;
}

static bool is_free_label(const struct alert_rules *rules, const char *name) {
  return alert_is_label_name(span_of(name)) && !alert_rules_own_label(rules, span_of(name)) &&
         !has_text(rules->constants, rules->constants_len, name) &&
         !has_text(rules->labels, rules->labels_len, name);
}

static bool labels_are_full(const struct alert_rules *rules) {
  return rules->constants_len + rules->labels_len >= CONFIG_LABELS_MAX;
}

static int refuse_value_because(const struct config_context *context, const char *why) {
  char text[400];
  snprintf(text, sizeof(text), "%s; allowed is %s", why, context->option->allowed);
  return config_refuse(context, text);
}

static int add_constants(const struct config_context *context) {
  const oconfig_item_t *item = context->item;
  struct config *config = context->config;
  struct alert_rules *rules = &config->rules;
  if (item->children_num != 0 || item->values_num == 0 || item->values_num % 2 != 0)
    return config_refuse_value(context);
  for (int i = 0; i < item->values_num; i++)
    if (item->values[i].type != OCONFIG_TYPE_STRING || item->values[i].value.string[0] == '\0')
      return config_refuse_value(context);

  for (int i = 0; i < item->values_num; i += 2) {
    const char *name = item->values[i].value.string;
    if (!is_free_label(rules, name))
      return config_refuse_value(context);
    if (labels_are_full(rules))
      return config_refuse(context, "too many labels; allowed are 32");
    if (add_text(context, &rules->constants, &rules->constants_len, name,
                 item->values[i + 1].value.string) != 0)
      return -1;
  }
  return 0;
}

static int add_label(const struct config_context *context) {
  struct config *config = context->config;
  struct alert_rules *rules = &config->rules;
  const char *why;
  if (!config_has_values(context->item, "ss"))
    return config_refuse_value(context);
  const char *name = context->item->values[0].value.string;
  const char *text = context->item->values[1].value.string;
  if (!is_free_label(rules, name))
    return config_refuse_value(context);
  if (template_check(text, TEMPLATE_TEXT, &why) != 0)
    return refuse_value_because(context, why);
  if (labels_are_full(rules))
    return config_refuse(context, "too many labels; allowed are 32");
  return add_text(context, &rules->labels, &rules->labels_len, name, text);
}

/* The first option replaces the default, others add to it. */
static int add_plugin_labels(const struct config_context *context) {
  const oconfig_item_t *item = context->item;
  struct config *config = context->config;
  struct alert_rules *rules = &config->rules;
  if (item->children_num != 0 || item->values_num == 0)
    return config_refuse_value(context);
  if (!config->plugin_labels_given)
    plugin_labels_free(rules);
  config->plugin_labels_given = true;

  for (int i = 0; i < item->values_num; i++) {
    if (item->values[i].type != OCONFIG_TYPE_STRING ||
        !is_free_label(rules, item->values[i].value.string))
      return config_refuse_value(context);
    if (rules->plugin_labels_len == CONFIG_PLUGIN_LABELS_MAX)
      return config_refuse(context, "too many plugins; allowed are 32");
    char **grown = grow(rules->plugin_labels, rules->plugin_labels_len, sizeof(*grown));
    if (grown == NULL)
      return config_refuse(context, "out of memory");
    rules->plugin_labels = grown;
    grown[rules->plugin_labels_len] = strdup(item->values[i].value.string);
    if (grown[rules->plugin_labels_len++] == NULL)
      return config_refuse(context, "out of memory");
  }
  return 0;
}

static int add_annotation(const struct config_context *context) {
  struct config *config = context->config;
  struct alert_rules *rules = &config->rules;
  const char *why;
  if (!config_has_values(context->item, "ss"))
    return config_refuse_value(context);
  const char *name = context->item->values[0].value.string;
  const char *text = context->item->values[1].value.string;
  if (!alert_is_label_name(span_of(name)) ||
      has_text(rules->annotations, rules->annotations_len, name))
    return config_refuse_value(context);
  if (template_check(text, TEMPLATE_TEXT, &why) != 0)
    return refuse_value_because(context, why);
  if (rules->annotations_len == CONFIG_ANNOTATIONS_MAX)
    return config_refuse(context, "too many annotations; allowed are 64");
  return add_text(context, &rules->annotations, &rules->annotations_len, name, text);
}

static int set_generator_url(const struct config_context *context) {
  const char *why;
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  const char *url = context->item->values[0].value.string;
  if (template_check(url, TEMPLATE_URL, &why) != 0)
    return refuse_value_because(context, why);
  struct config *config = context->config;
  return config_replace(context, &config->rules.generator_url, url);
}

/* ---- <AlertName> blocks ---- */

#define IN_RULE(field) offsetof(struct alert_name_rule, field)
static const struct config_option alert_name_options[] = {
    {"Plugin", config_set_string, IN_RULE(plugin), 0, 0, 0, "a shell pattern in quotes", false,
     NULL},
    {"PluginInstance", config_set_string, IN_RULE(plugin_instance), 0, 0, 0,
     "a shell pattern in quotes", false, NULL},
    {"Type", config_set_string, IN_RULE(type), 0, 0, 0, "a shell pattern in quotes", false,
     NULL},
    {"TypeInstance", config_set_string, IN_RULE(type_instance), 0, 0, 0,
     "a shell pattern in quotes", false, NULL},
};

static int add_alert_name(const struct config_context *context) {
  struct config *config = context->config;
  struct alert_rules *rules = &config->rules;
  const char *name = config_block_name(context->item);
  if (name[0] == '\0' || context->item->children_num == 0)
    return config_refuse_value(context);
  if (rules->names_len == CONFIG_ALERT_NAMES_MAX)
    return config_refuse(context, "too many AlertName blocks; allowed are 256");

  struct alert_name_rule *grown = grow(rules->names, rules->names_len, sizeof(*grown));
  if (grown == NULL)
    return config_refuse(context, "out of memory");
  rules->names = grown;
  struct alert_name_rule *rule = &grown[rules->names_len++];
  rule->alertname = strdup(name);
  if (rule->alertname == NULL)
    return config_refuse(context, "out of memory");
  char title[200], printable[160];
  snprintf(title, sizeof(title), "<AlertName \"%s\">",
           text_printable(printable, sizeof(printable), span_of(name)));
  struct config_context inner = *context;
  inner.block = title;
  inner.target = rule;
  uint64_t seen = 0;
  return config_parse_block(&inner, context->item, alert_name_options,
                            ARRAY_LENGTH(alert_name_options), &seen);
}

/* ---- <Node> blocks ---- */

static int refuse_error(const struct config_context *context, const char *what, int error) {
  char why[300];
  snprintf(why, sizeof(why), "%s: %s", what, strerror(error));
  return config_refuse(context, why);
}

static int set_url(const struct config_context *context) {
  struct node_config *node = context->target;
  const char *why;
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);

  autobuffer(url, URL_MAX_BYTES);
  int status = url_of_alerts(&url, context->item->values[0].value.string, &why);
  if (status == -EINVAL)
    return refuse_value_because(context, why);
  if (status != 0)
    return refuse_error(context, "cannot be used", -status);
  return config_replace(context, &node->url, buffer_string(&url));
}

static int set_readable_file(const struct config_context *context) {
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  autoclose(fd, open(context->item->values[0].value.string, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd < 0)
    return refuse_error(context, "the file cannot be read", errno);
  return config_set_string(context);
}

/* The file's first line. */
static int set_password_file(const struct config_context *context) {
  struct node_config *node = context->target;
  char text[PASSWORD_MAX_BYTES + 2];
  struct span line;

  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  if (node->password != NULL)
    return config_refuse(context, "Password is given too; keep one of them");
  autoclose(fd, open(context->item->values[0].value.string, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
  if (len < 0)
    return refuse_error(context, "the file cannot be read", errno);

  struct span rest = span_make(text, (size_t)len);
  if (!scan_line(&rest, &line) || line.len == 0 || line.len > PASSWORD_MAX_BYTES ||
      memchr(line.at, '\0', line.len) != NULL)
    return config_refuse(context, "its first line has to be a password of 1 to 1024 bytes");
  text[line.len] = '\0';
  int status = config_replace(context, &node->password, text);
  explicit_bzero(text, sizeof(text));
  return status;
}

static int set_password(const struct config_context *context) {
  const struct node_config *node = context->target;
  if (node->password != NULL)
    return config_refuse(context, "PasswordFile is given too; keep one of them");
  return config_set_string(context);
}

/* It is read for each post: there may be none yet. What does not begin with "/" is not shown in
 * the log: it may be the token. */
static int set_token_file(const struct config_context *context) {
  if (!config_has_values(context->item, "s") || context->item->values[0].value.string[0] != '/')
    return config_refuse_value(context);
  return config_set_string(context);
}

static bool has_header(const struct node_config *node, const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < node->headers_len; i++)
    if (strncasecmp(node->headers[i], name, len) == 0 && node->headers[i][len] == ':')
      return true;
  return false;
}

/* The name is shown if it can be one: the value may be in its place. */
static int refuse_header(const struct config_context *context, const char *name,
                         const char *why) {
  char text[HEADER_NAME_MAX + 120];
  snprintf(text, sizeof(text), "%s %s", header_is_name(span_of(name)) ? name : "it", why);
  return refuse_value_because(context, text);
}

static int add_header(const struct config_context *context) {
  struct node_config *node = context->target;
  if (!config_has_values(context->item, "ss"))
    return config_refuse_value(context);
  const char *name = context->item->values[0].value.string;
  const char *value = context->item->values[1].value.string;
  const char *why = header_refusal(span_of(name), span_of(value));
  if (why != NULL)
    return refuse_header(context, name, why);
  if (has_header(node, name))
    return refuse_header(context, name, "was given before");
  if (node->headers_len == CONFIG_HEADERS_MAX)
    return config_refuse(context, "too many headers; allowed are 16");

  char line[HEADER_NAME_MAX + HEADER_VALUE_MAX + sizeof(": ")];
  snprintf(line, sizeof(line), "%s: %s", name, value);
  int status = config_replace(context, &node->headers[node->headers_len], line);
  node->headers_len += status == 0;
  explicit_bzero(line, sizeof(line));
  return status;
}

#define IN_NODE(field) offsetof(struct node_config, field)
static const struct config_option node_options[] = {
    {"BearerTokenFile", set_token_file, IN_NODE(token_file), 0, 0, 0,
     "the path of a file, from / on, in quotes", false, NULL},
    {"CACert", set_readable_file, IN_NODE(ca_file), 0, 0, 0,
     "the path of a PEM file, in quotes", false, NULL},
    {"ClientCert", set_readable_file, IN_NODE(client_certificate), 0, 0, 0,
     "the path of a PEM file, in quotes", false, NULL},
    {"ClientKey", set_readable_file, IN_NODE(client_key), 0, 0, 0,
     "the path of a PEM file, in quotes", false, NULL},
    {"Header", add_header, 0, 0, 0, 0,
     "a name and a value, both in quotes, without line breaks; the name not given before", true,
     NULL},
    {"Password", set_password, IN_NODE(password), 0, 0, 0, "a password in quotes", false, NULL},
    {"PasswordFile", set_password_file, 0, 0, 0, 0, "the path of a file, in quotes", false,
     NULL},
    {"Timeout", config_set_number, IN_NODE(timeout_ns), 0.1, 300, 1e9,
     "a number of seconds from 0.1 to 300", false, NULL},
    {"URL", set_url, 0, 0, 0, 0, "http://HOST:PORT or https://HOST:PORT, a path may follow",
     false, NULL},
    {"User", config_set_string, IN_NODE(user), 0, 0, 0, "a name in quotes", false, NULL},
    {"VerifyPeer", config_set_boolean, IN_NODE(verify_peer), 0, 0, 0, "true or false", false,
     NULL},
};

static bool is_node_name(const char *name) {
  size_t len =
      strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
  return len > 0 && len <= NODE_NAME_MAX && name[len] == '\0';
}

/* Checks that need the whole block. */
static int check_node(const struct config_context *context, const struct node_config *node) {
  if (node->url == NULL)
    return config_refuse(context, "the block has no URL");
  if (node->password != NULL && node->user == NULL)
    return config_refuse(context, "the block has a password and no User");
  if (node->token_file != NULL && node->user != NULL)
    return config_refuse(context, "the block has a BearerTokenFile and a User, which are both "
                                  "sent as the header Authorization; keep one of them");
  if (has_header(node, "Authorization") && (node->token_file != NULL || node->user != NULL))
    return config_refuse(context, "the block has a Header \"Authorization\", which User and "
                                  "BearerTokenFile set; keep one of them");
  if (node->client_key != NULL && node->client_certificate == NULL)
    return config_refuse(context, "the block has a ClientKey and no ClientCert");
  return 0;
}

static int add_node(const struct config_context *context) {
  struct config *config = context->config;
  const char *name = config_block_name(context->item);
  if (!is_node_name(name))
    return config_refuse_value(context);
  for (size_t i = 0; i < config->nodes_len; i++)
    if (strcasecmp(config->nodes[i].name, name) == 0)
      return config_refuse(context, "this name was given before; each Node needs its own");
  if (config->nodes_len == CONFIG_NODES_MAX)
    return config_refuse(context, "too many Node blocks; allowed are 32");

  struct node_config *node = node_new(config, name);
  if (node == NULL)
    return config_refuse(context, "out of memory");
  char title[NODE_NAME_MAX + sizeof("<Node \"\">")];
  snprintf(title, sizeof(title), "<Node \"%s\">", name);
  struct config_context inner = *context;
  inner.block = title;
  inner.target = node;
  uint64_t seen = 0;
  if (config_parse_block(&inner, context->item, node_options, ARRAY_LENGTH(node_options),
                         &seen) != 0)
    return -1;
  return check_node(context, node);
}

/* ---- the plugin block ---- */

/* An empty path is allowed: no file. */
static int set_state_file(const struct config_context *context) {
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  return config_replace(context, config_target(context), context->item->values[0].value.string);
}

#define IN_CONFIG(field) offsetof(struct config, field)
static const struct config_option plugin_options[] = {
    {"AlertName", add_alert_name, 0, 0, 0, 0,
     "a block with one name, <AlertName \"NAME\">, and at least one option in it", true, NULL},
    {"Annotation", add_annotation, 0, 0, 0, 0,
     "a name of a-z, A-Z, 0-9 and _ in quotes, not given before, and a text in quotes", true,
     NULL},
    {"ExpireAfter", config_set_number, IN_CONFIG(expire_ns), 0, 31536000, 1e9,
     "a number of seconds from 0 (never) to 31536000", false, NULL},
    {"ExpireRestoredAfter", config_set_number, IN_CONFIG(expire_restored_ns), 0, 31536000, 1e9,
     "a number of seconds from 0 (never) to 31536000", false, NULL},
    {"GeneratorURL", set_generator_url, 0, 0, 0, 0,
     "a URL in quotes, with placeholders behind its host", false, NULL},
    {"Label", add_label, 0, 0, 0, 0,
     "a name of a-z, A-Z, 0-9 and _ in quotes, none of the plugin's own and not given before, "
     "and a text in quotes",
     true, NULL},
    {"Labels", add_constants, 0, 0, 0, 0,
     "pairs of a name (a-z, A-Z, 0-9 and _, none of the plugin's own and not given before) "
     "and a value, all in quotes",
     true, NULL},
    {"Node", add_node, 0, 0, 0, 0,
     "a block with one name of letters, digits, '.', '-' and '_', at most 63: <Node \"NAME\">",
     true, NULL},
    {"PluginLabel", add_plugin_labels, IN_CONFIG(rules.plugin_labels), 0, 0, 0,
     "names of plugins (a-z, A-Z, 0-9 and _, no name of another label and not given before), "
     "all in quotes",
     true, NULL},
    {"QueueLimit", config_set_number, IN_CONFIG(queue_limit), 1, 1000000, 1,
     "a number of alerts from 1 to 1000000", false, NULL},
    {"ResendInterval", config_set_number, IN_CONFIG(resend_ns), 1, 150, 1e9,
     "a number of seconds from 1 to 150 (Alertmanager forgets after 300)", false, NULL},
    {"ResolvedRetention", config_set_number, IN_CONFIG(resolved_retention_ns), 1, 86400, 1e9,
     "a number of seconds from 1 to 86400", false, NULL},
    {"SeverityLabel", config_set_boolean, IN_CONFIG(rules.severity_label), 0, 0, 0,
     "true or false", false, NULL},
    {"StateFile", set_state_file, IN_CONFIG(state_file), 0, 0, 0,
     "a path in quotes, or \"\" for none", false, NULL},
};

int config_parse(struct config *config, const struct oconfig_item_s *plugin_block) {
  struct config_context context = {.plugin = "notify_alertmanager",
                                   .block = "<Plugin notify_alertmanager>",
                                   .config = config,
                                   .target = config};
  return config_parse_block(&context, plugin_block, plugin_options,
                            ARRAY_LENGTH(plugin_options), &config->options_seen);
}

int config_complete(struct config *config) {
  if (config->nodes_len > 0)
    return 0;
  struct node_config *node = node_new(config, "local");
  if (node != NULL)
    node->url = strdup(CONFIG_DEFAULT_URL "/api/v2/alerts");
  if (node == NULL || node->url == NULL) {
    ERROR("notify_alertmanager plugin: out of memory");
    return -1;
  }
  INFO("notify_alertmanager plugin: no <Node> block: alerts go to " CONFIG_DEFAULT_URL);
  return 0;
}

const struct config_option *config_options(enum config_block block, size_t *ret_len) {
  switch (block) {
  case CONFIG_NODE_BLOCK:
    *ret_len = ARRAY_LENGTH(node_options);
    return node_options;
  case CONFIG_ALERT_NAME_BLOCK:
    *ret_len = ARRAY_LENGTH(alert_name_options);
    return alert_name_options;
  default:
    *ret_len = ARRAY_LENGTH(plugin_options);
    return plugin_options;
  }
}
