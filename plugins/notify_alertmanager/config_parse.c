/*
 * Reads <Plugin notify_alertmanager> from collectd's configuration tree. Each option is one
 * row of a table: name, how it is read, where it goes, what is allowed. Anything else
 * refuses the start with a line that names block, option, value and what is allowed.
 */
#include "notify_alertmanager/config.h"

#include "common/array.h"
#include "notify_alertmanager/config_internal.h"

/* An empty path is one: it means that nothing is kept. */
static int set_state_file(const struct config_context *context) {
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  return config_replace(context, config_target(context), context->item->values[0].value.string);
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
    {"PluginLabel", config_add_plugin_labels, IN_CONFIG(rules.plugin_labels), 0, 0, 0,
     "names of plugins (a-z, A-Z, 0-9 and _, no name of another label and not given before), "
     "all in quotes",
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

int config_parse(struct config *config, const struct oconfig_item_s *plugin_block) {
  struct config_context context = {.plugin = "notify_alertmanager",
                                   .block = "<Plugin notify_alertmanager>",
                                   .config = config,
                                   .target = config};
  return config_parse_block(&context, plugin_block, plugin_options,
                            ARRAY_LENGTH(plugin_options), &config->options_seen);
}
