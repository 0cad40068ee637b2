/* Reads the options that say what an alert looks like; see config.h. */
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "notify_alertmanager/config_internal.h"
#include "notify_alertmanager/template.h"

_Static_assert(ALERT_OWN_LABELS + CONFIG_LABELS_MAX + ALERT_META_LABELS_MAX <= ALERT_LABELS_MAX,
               "every label has its place");

/* Room for one element more, zeroed, behind len of them; NULL without memory, and then the
 * array is as it was. */
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

static int refuse_template(const struct config_context *context, const char *why) {
  char text[400];
  snprintf(text, sizeof(text), "%s; allowed is %s", why, context->option->allowed);
  return config_refuse(context, text);
}

int config_add_constants(const struct config_context *context) {
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

int config_add_label(const struct config_context *context) {
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
    return refuse_template(context, why);
  if (labels_are_full(rules))
    return config_refuse(context, "too many labels; allowed are 32");
  return add_text(context, &rules->labels, &rules->labels_len, name, text);
}

/* The first option takes the place of the default, others add to it. */
int config_add_plugin_labels(const struct config_context *context) {
  const oconfig_item_t *item = context->item;
  struct config *config = context->config;
  struct alert_rules *rules = &config->rules;
  if (item->children_num != 0 || item->values_num == 0)
    return config_refuse_value(context);
  if (!config->plugin_labels_given)
    config_free_plugin_labels(rules);
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

int config_add_annotation(const struct config_context *context) {
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
    return refuse_template(context, why);
  if (rules->annotations_len == CONFIG_ANNOTATIONS_MAX)
    return config_refuse(context, "too many annotations; allowed are 64");
  return add_text(context, &rules->annotations, &rules->annotations_len, name, text);
}

int config_set_generator_url(const struct config_context *context) {
  const char *why;
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  const char *url = context->item->values[0].value.string;
  if (template_check(url, TEMPLATE_URL, &why) != 0)
    return refuse_template(context, why);
  struct config *config = context->config;
  return config_replace(context, &config->rules.generator_url, url);
}

/* --- <AlertName> blocks */

#define IN_RULE(field) offsetof(struct alert_name_rule, field)
static const struct config_option alert_name_options[] = {
    {"Plugin", config_set_string, IN_RULE(plugin), 0, 0, 0, "a shell pattern in quotes", false},
    {"PluginInstance", config_set_string, IN_RULE(plugin_instance), 0, 0, 0,
     "a shell pattern in quotes", false},
    {"Type", config_set_string, IN_RULE(type), 0, 0, 0, "a shell pattern in quotes", false},
    {"TypeInstance", config_set_string, IN_RULE(type_instance), 0, 0, 0,
     "a shell pattern in quotes", false},
};

int config_add_alert_name(const struct config_context *context) {
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
  uint32_t seen = 0;
  return config_parse_block(&inner, context->item, alert_name_options,
                            ARRAY_LENGTH(alert_name_options), &seen);
}
