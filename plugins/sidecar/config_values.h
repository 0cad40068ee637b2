/*
 * What an option of <Plugin sidecar> may say: one reader a kind of value, and the words that
 * refuse one that is not allowed. config_parse.c has the options themselves.
 */
#ifndef SIDECAR_CONFIG_VALUES_H
#define SIDECAR_CONFIG_VALUES_H

#include "common/collectd.h"
#include "sidecar/config.h"

struct config_option;

struct config_context {
  struct config *config;
  const char *block; /* as it is named in messages */
  const struct config_option *option;
  const oconfig_item_t *item;
  void *target; /* struct config or struct process_block */
};

struct config_option {
  const char *key;
  int (*set)(const struct config_context *context);
  size_t offset;
  double min, max, scale; /* of numbers; the scale turns the option's unit into ours */
  const char *allowed;
  bool repeatable;
};

/* Logs that an option is refused and why, with block, option and value. Returns -1. */
int config_refuse(const struct config_context *context, const char *why);

/* The same, saying what is allowed. */
int config_refuse_value(const struct config_context *context);

/* Readers: each takes the item's values into the target. Return 0, or -1 after logging. */
int config_set_number(const struct config_context *context);
int config_set_port(const struct config_context *context);
int config_set_boolean(const struct config_context *context);
int config_set_string(const struct config_context *context);
int config_set_executable(const struct config_context *context);
int config_set_variable(const struct config_context *context);
int config_set_template(const struct config_context *context);
int config_set_command_line(const struct config_context *context);
int config_add_pattern(const struct config_context *context);

#endif
