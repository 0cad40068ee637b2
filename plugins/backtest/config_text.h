/*
 * Reads the syntax of collectd's configuration files into collectd's tree. collectd's own
 * reader, liboconfig, is part of the daemon and cannot be linked. This one is strict: what it
 * does not know is an error. Text in, tree out, no files.
 */
#ifndef BACKTEST_CONFIG_TEXT_H
#define BACKTEST_CONFIG_TEXT_H

#include "common/collectd.h"
#include "common/scan.h"

enum {
  CONFIG_TEXT_MAX = 1024 * 1024, /* bytes of a file */
  CONFIG_DEPTH_MAX = 16,         /* of blocks */
};

/* Where reading stopped, and why. */
struct config_text_error {
  unsigned line;
  const char *why; /* static */
};

/*
 * Reads a complete file. Returns 0 with the top of the tree, which the caller releases with
 * config_tree_clear(); -EINVAL with *ret_error; -ENOMEM.
 */
int config_text_parse(struct span text, oconfig_item_t *ret,
                      struct config_text_error *ret_error);

/* Reads one line: the name of an option and its values. As above. */
int config_text_parse_line(struct span line, oconfig_item_t *ret,
                           struct config_text_error *ret_error);

/* Frees all that belongs to an item, but not the item itself. */
void config_tree_clear(oconfig_item_t *item);

/* Adds an empty item. Returns NULL without memory; earlier children may have moved. */
oconfig_item_t *config_tree_add_child(oconfig_item_t *parent);

/* Adds a copy of a string to the item's values. Returns 0 or -ENOMEM. */
int config_tree_add_string(oconfig_item_t *item, struct span text);

#endif
