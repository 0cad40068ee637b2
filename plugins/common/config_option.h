/*
 * Options of a <Plugin> block as tables: each row has the reader of an option, the destination
 * of its value and the allowed values. An invalid option prevents the daemon's start, with one
 * log line that names block, option, value and what is allowed. The tables are in
 * sidecar/config_options.c and notify_alertmanager/config.c.
 */
#ifndef COMMON_CONFIG_OPTION_H
#define COMMON_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/collectd.h"

struct config_option;

/* The position of the reader. */
struct config_context {
  const char *plugin; /* the name in log lines */
  const char *block;  /* as in the file: <Plugin x>, <Node "a"> */
  void *config;       /* the complete configuration of the plugin */
  void *target;       /* the struct that the offsets refer to */
  const struct config_option *option;
  const oconfig_item_t *item;
};

struct config_option {
  const char *key;
  int (*set)(const struct config_context *context); /* 0, or -1 after config_refuse */
  size_t offset;                                    /* of the value in the target */
  double min, max, scale; /* of numbers; the scale converts the option's unit to ours */
  const char *allowed;
  bool repeatable;
  const char *now; /* NULL; or this is an old name of that option, accepted with a warning */
};

enum { CONFIG_OPTIONS_MAX = 64 }; /* rows of a table: bits of what was seen */

/* Logs block, option, value (not where it may be a secret) and the reason. Returns -1. */
int config_refuse(const struct config_context *context, const char *why);

/* The same, with the allowed values as the reason. */
int config_refuse_value(const struct config_context *context);

/* Does the item have values of exactly these types ('s' string, 'n' number, 'b' boolean), and
 * is it not a block? */
bool config_has_values(const oconfig_item_t *item, const char *types);

/* The name of a block, "" when it has none or not a string. */
const char *config_block_name(const oconfig_item_t *item);

/* The field in which the option's value is stored. */
void *config_target(const struct config_context *context);

/* Copies value to *target and frees the old one. */
int config_replace(const struct config_context *context, char **target, const char *value);

/*
 * The path given by an option: a relative one is below collectd's BaseDir, which is the working
 * directory by the time that collectd calls a plugin's init. Returns 0 or -errno; the caller
 * frees *ret.
 */
int config_path_in_base_dir(const char *path, char **ret);

/* Readers for tables: number to uint64_t, scaled; boolean to bool; string, not empty, to
 * char *, owned. */
int config_set_number(const struct config_context *context);
int config_set_port(const struct config_context *context);
int config_set_boolean(const struct config_context *context);
int config_set_string(const struct config_context *context);

/* The number before it is scaled, within min and max. */
int config_read_number(const struct config_context *context, double *ret);

/*
 * Reads a block by a table of len rows. *seen has a bit for each row that was given, here or in
 * an earlier block of the same kind: a repeated option is an error unless it is repeatable.
 * Returns 0 or -1 after logging.
 */
int config_parse_block(struct config_context *context, const oconfig_item_t *block,
                       const struct config_option *options, size_t len, uint64_t *seen);

#endif
