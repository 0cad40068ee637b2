/* What config.c, config_parse.c and config_rules.c share. */
#ifndef NOTIFY_ALERTMANAGER_CONFIG_INTERNAL_H
#define NOTIFY_ALERTMANAGER_CONFIG_INTERNAL_H

#include "common/collectd.h"
#include "notify_alertmanager/config.h"

struct config_option;

/* Where the parser is. */
struct config_context {
  struct config *config;
  const char *block; /* as it is named in messages */
  const struct config_option *option;
  const oconfig_item_t *item;
  void *target; /* the struct the option's offset is in */
};

struct config_option {
  const char *key;
  int (*set)(const struct config_context *context);
  size_t offset;
  double min, max, scale; /* of numbers; the scale turns the option's unit into ours */
  const char *allowed;
  bool repeatable;
};

/* Logs block, option, value and why; returns -1. */
int config_refuse(const struct config_context *context, const char *why);

/* The same with what the option allows. */
int config_refuse_value(const struct config_context *context);

/* The values must be exactly types ('s', 'n', 'b'), and no block may follow. */
bool config_has_values(const oconfig_item_t *item, const char *types);

/* The one value of a block's first line, "" when it is not one string. */
const char *config_block_name(const oconfig_item_t *item);

/* Readers for the option tables. */
int config_set_number(const struct config_context *context);
int config_set_boolean(const struct config_context *context);
int config_set_string(const struct config_context *context);

/* Copies value to *target, freeing what was there. */
int config_replace(const struct config_context *context, char **target, const char *value);

int config_parse_block(struct config_context *context, const oconfig_item_t *block,
                       const struct config_option *options, size_t len, uint32_t *seen);

/* config_rules.c: what an alert looks like. */
int config_add_constants(const struct config_context *context);
int config_add_label(const struct config_context *context);
int config_add_annotation(const struct config_context *context);
int config_add_alert_name(const struct config_context *context);
int config_set_generator_url(const struct config_context *context);

/* config_node.c */
int config_add_node(const struct config_context *context);
struct node_config *config_new_node(struct config *config, const char *name);

#endif
