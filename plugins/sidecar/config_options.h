/*
 * Reads <Plugin sidecar> from collectd's configuration tree. Any unknown or invalid option is
 * an error that prevents the start, with a log line that names block, option, value and what is
 * allowed.
 */
#ifndef SIDECAR_CONFIG_OPTIONS_H
#define SIDECAR_CONFIG_OPTIONS_H

#include "common/collectd.h"
#include "sidecar/config.h"

/*
 * Takes a <Plugin sidecar> block; several add up. Returns 0, or -1 after logging what is
 * wrong.
 */
int config_parse(struct config *config, const oconfig_item_t *plugin_block);

#endif
