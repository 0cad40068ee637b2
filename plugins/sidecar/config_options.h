/*
 * Reads <Plugin sidecar> from collectd's configuration tree. Any unknown or invalid option is
 * an error that prevents the start, with a log line that names block, option, value and what is
 * allowed.
 */
#ifndef SIDECAR_CONFIG_OPTIONS_H
#define SIDECAR_CONFIG_OPTIONS_H

#include "common/collectd.h"
#include "common/config_option.h"
#include "sidecar/config.h"

/*
 * Takes a <Plugin sidecar> block; several add up. Returns 0, or -1 after logging what is
 * wrong.
 */
int config_parse(struct config *config, const oconfig_item_t *plugin_block);

enum config_block { CONFIG_PLUGIN_BLOCK, CONFIG_PROCESS_BLOCK, CONFIG_RED_FLAG_BLOCK };

/* The options of a kind of block, old names included, for documents that list them. Offsets are
 * in struct config, struct process_block and struct red_flag_rule. */
const struct config_option *config_options(enum config_block block, size_t *ret_len);

#endif
