/*
 * Options of a <Plugin> block as tables: each row says how an option is read, where its
 * value goes and what is allowed. Whatever is not allowed refuses the daemon's start with
 * one line that names block, option, value and what would be. Both plugins' config_parse.c
 * are such tables.
 */
#ifndef COMMON_CONFIG_OPTION_H
#define COMMON_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/collectd.h"

struct config_option;

/* Where the reader is. */
struct config_context {
  const char *plugin; /* as log lines name it */
  const char *block;  /* as it stands in the file: <Plugin x>, <Node "a"> */
  void *config;       /* the plugin's whole configuration */
  void *target;       /* the struct that the options' offsets are in */
  const struct config_option *option;
  const oconfig_item_t *item;
};

struct config_option {
  const char *key;
  int (*set)(const struct config_context *context); /* 0, or -1 after config_refuse */
  size_t offset;                                    /* of the value in the target */
  double min, max, scale; /* of numbers; the scale turns the option's unit into ours */
  const char *allowed;
  bool repeatable;
  const char *now; /* NULL; this is an old name of that option, understood with a warning */
};

enum { CONFIG_OPTIONS_MAX = 32 }; /* rows of a table: bits of what was seen */

/* Logs block, option, value (not that of a Password) and why. Returns -1. */
int config_refuse(const struct config_context *context, const char *why);

/* The same, with what is allowed. */
int config_refuse_value(const struct config_context *context);

/* Are the item's values exactly of these types ('s' string, 'n' number, 'b' boolean), and is
 * it no block? */
bool config_has_values(const oconfig_item_t *item, const char *types);

/* The name of a block, "" when it has none or not a string. */
const char *config_block_name(const oconfig_item_t *item);

/* The field that the option's value goes to. */
void *config_target(const struct config_context *context);

/* Copies value to *target and frees the old one. */
int config_replace(const struct config_context *context, char **target, const char *value);

/*
 * The path that the value of an option means: a relative one begins in collectd's BaseDir,
 * which collectd has made its working directory by the time that it calls a plugin's init.
 * Returns 0 or -errno; the caller frees *ret.
 */
int config_path_in_base_dir(const char *path, char **ret);

/* Readers for tables: number to uint64_t, scaled; boolean to bool; string, not empty, to
 * char *, owned. */
int config_set_number(const struct config_context *context);
int config_set_boolean(const struct config_context *context);
int config_set_string(const struct config_context *context);

/* The number before it is scaled, within min and max. */
int config_read_number(const struct config_context *context, double *ret);

/*
 * Reads a block by a table of len rows. *seen has a bit for each row that was given, here
 * or in an earlier block of the same kind: what is not repeatable is refused the second
 * time. Returns 0 or -1 after logging.
 */
int config_parse_block(struct config_context *context, const oconfig_item_t *block,
                       const struct config_option *options, size_t len, uint32_t *seen);

#endif
