/*
 * Reads <Plugin notify_alertmanager> from collectd's configuration tree. Each option is one
 * row of a table: name, how it is read, where it goes, what is allowed. Anything else
 * refuses the start with a line that names block, option, value and what is allowed.
 */
#include "notify_alertmanager/config.h"

#include <math.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "notify_alertmanager/config_internal.h"

static void append(char *dst, size_t size, const char *text) {
  size_t used = strlen(dst);
  snprintf(dst + used, size - used, "%s", text);
}

static const char *value_text(const oconfig_item_t *item, char *dst, size_t size) {
  dst[0] = '\0';
  if (strcasecmp(item->key, "Password") == 0)
    return " (not shown)";
  for (int i = 0; i < item->values_num; i++) {
    const oconfig_value_t *value = &item->values[i];
    char printable[200], text[208];
    if (value->type == OCONFIG_TYPE_STRING)
      snprintf(text, sizeof(text), " \"%s\"",
               text_printable(printable, sizeof(printable), span_of(value->value.string)));
    else if (value->type == OCONFIG_TYPE_NUMBER)
      snprintf(text, sizeof(text), " %.15g", value->value.number);
    else
      snprintf(text, sizeof(text), " %s", value->value.boolean ? "true" : "false");
    append(dst, size, text);
  }
  return dst;
}

int config_refuse(const struct config_context *context, const char *why) {
  char value[512];
  ERROR("notify_alertmanager plugin: %s: %s%s: %s", context->block, context->item->key,
        value_text(context->item, value, sizeof(value)), why);
  return -1;
}

int config_refuse_value(const struct config_context *context) {
  char why[300];
  snprintf(why, sizeof(why), "allowed is %s", context->option->allowed);
  return config_refuse(context, why);
}

/* --- readers, one a kind of value */

static void *target_of(const struct config_context *context) {
  return (char *)context->target + context->option->offset;
}

bool config_has_values(const oconfig_item_t *item, const char *types) {
  if (item->children_num != 0 || item->values_num != (int)strlen(types))
    return false;
  for (int i = 0; i < item->values_num; i++) {
    int type = item->values[i].type;
    if ((types[i] == 's' && type != OCONFIG_TYPE_STRING) ||
        (types[i] == 'n' && type != OCONFIG_TYPE_NUMBER) ||
        (types[i] == 'b' && type != OCONFIG_TYPE_BOOLEAN))
      return false;
  }
  return true;
}

const char *config_block_name(const oconfig_item_t *item) {
  return item->values_num == 1 && item->values[0].type == OCONFIG_TYPE_STRING
             ? item->values[0].value.string
             : "";
}

int config_set_number(const struct config_context *context) {
  if (!config_has_values(context->item, "n"))
    return config_refuse_value(context);
  double number = context->item->values[0].value.number;
  if (!(number >= context->option->min && number <= context->option->max))
    return config_refuse_value(context);
  *(uint64_t *)target_of(context) = (uint64_t)llround(number * context->option->scale);
  return 0;
}

int config_set_boolean(const struct config_context *context) {
  if (!config_has_values(context->item, "b"))
    return config_refuse_value(context);
  *(bool *)target_of(context) = context->item->values[0].value.boolean != 0;
  return 0;
}

int config_replace(const struct config_context *context, char **target, const char *value) {
  char *copy = strdup(value);
  if (copy == NULL)
    return config_refuse(context, "out of memory");
  free(*target);
  *target = copy;
  return 0;
}

int config_set_string(const struct config_context *context) {
  if (!config_has_values(context->item, "s") ||
      context->item->values[0].value.string[0] == '\0')
    return config_refuse_value(context);
  return config_replace(context, target_of(context), context->item->values[0].value.string);
}

/* An empty path is one: it means that nothing is kept. */
static int set_state_file(const struct config_context *context) {
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  return config_replace(context, target_of(context), context->item->values[0].value.string);
}

/* --- the options; collectd-notify_alertmanager(5) describes each, and a test holds them
 * together */

#define IN_CONFIG(field) offsetof(struct config, field)
static const struct config_option plugin_options[] = {
    {"AlertName", config_add_alert_name, 0, 0, 0, 0,
     "a block with one name, <AlertName \"NAME\">, and at least one option in it", true},
    {"Annotation", config_add_annotation, 0, 0, 0, 0,
     "a name of a-z, A-Z, 0-9 and _ in quotes, not given before, and a text in quotes", true},
    {"ExpireAfter", config_set_number, IN_CONFIG(expire_ns), 0, 31536000, 1e9,
     "a number of seconds from 0 (never) to 31536000", false},
    {"ExpireRestoredAfter", config_set_number, IN_CONFIG(expire_restored_ns), 0, 31536000, 1e9,
     "a number of seconds from 0 (never) to 31536000", false},
    {"GeneratorURL", config_set_generator_url, 0, 0, 0, 0,
     "a URL in quotes, with placeholders behind its host", false},
    {"Label", config_add_label, 0, 0, 0, 0,
     "a name of a-z, A-Z, 0-9 and _ in quotes, none of the plugin's own and not given before, "
     "and a text in quotes",
     true},
    {"Labels", config_add_constants, 0, 0, 0, 0,
     "pairs of a name (a-z, A-Z, 0-9 and _, none of the plugin's own and not given before) "
     "and a value, all in quotes",
     true},
    {"Node", config_add_node, 0, 0, 0, 0,
     "a block with one name of letters, digits, '.', '-' and '_', at most 63: <Node \"NAME\">",
     true},
    {"QueueLimit", config_set_number, IN_CONFIG(queue_limit), 1, 1000000, 1,
     "a number of alerts from 1 to 1000000", false},
    {"ResendInterval", config_set_number, IN_CONFIG(resend_ns), 1, 150, 1e9,
     "a number of seconds from 1 to 150 (Alertmanager forgets after 300)", false},
    {"ResolvedRetention", config_set_number, IN_CONFIG(resolved_retention_ns), 1, 86400, 1e9,
     "a number of seconds from 1 to 86400", false},
    {"SeverityLabel", config_set_boolean, IN_CONFIG(rules.severity_label), 0, 0, 0,
     "true or false", false},
    {"StateFile", set_state_file, IN_CONFIG(state_file), 0, 0, 0,
     "a path in quotes, or \"\" for none", false},
};

static int refuse_unknown(const struct config_context *context,
                          const struct config_option *options, size_t len) {
  char why[400] = "unknown option; allowed are ";
  for (size_t i = 0; i < len; i++) {
    append(why, sizeof(why), i > 0 ? ", " : "");
    append(why, sizeof(why), options[i].key);
  }
  return config_refuse(context, why);
}

int config_parse_block(struct config_context *context, const oconfig_item_t *block,
                       const struct config_option *options, size_t len, uint32_t *seen) {
  for (int i = 0; i < block->children_num; i++) {
    context->item = &block->children[i];
    size_t n = 0;
    while (n < len && strcasecmp(options[n].key, context->item->key) != 0)
      n++;
    if (n == len)
      return refuse_unknown(context, options, len);
    if (!options[n].repeatable && (*seen & 1u << n) != 0)
      return config_refuse(context, "given twice; keep one of them");
    *seen |= 1u << n;
    context->option = &options[n];
    if (options[n].set(context) != 0)
      return -1;
  }
  return 0;
}

int config_parse(struct config *config, const struct oconfig_item_s *plugin_block) {
  struct config_context context = {
      .config = config, .block = "<Plugin notify_alertmanager>", .target = config};
  return config_parse_block(&context, plugin_block, plugin_options,
                            ARRAY_LENGTH(plugin_options), &config->options_seen);
}
