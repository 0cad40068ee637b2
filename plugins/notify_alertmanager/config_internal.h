/* What config.c, config_parse.c and config_rules.c share. */
#ifndef NOTIFY_ALERTMANAGER_CONFIG_INTERNAL_H
#define NOTIFY_ALERTMANAGER_CONFIG_INTERNAL_H

#include "common/config_option.h"
#include "notify_alertmanager/config.h"

/* config_rules.c: what an alert looks like. */
int config_add_constants(const struct config_context *context);
int config_add_label(const struct config_context *context);
int config_add_annotation(const struct config_context *context);
int config_add_alert_name(const struct config_context *context);
int config_add_plugin_labels(const struct config_context *context);
void config_free_plugin_labels(struct alert_rules *rules); /* config.c */
int config_set_generator_url(const struct config_context *context);

/* config_node.c */
int config_add_node(const struct config_context *context);
struct node_config *config_new_node(struct config *config, const char *name);

#endif
