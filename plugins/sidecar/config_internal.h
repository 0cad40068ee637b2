/* What config.c and config_parse.c share. */
#ifndef SIDECAR_CONFIG_INTERNAL_H
#define SIDECAR_CONFIG_INTERNAL_H

#include "sidecar/config.h"

/* Adds a block with its defaults; NULL after logging that memory is out. The caller has
 * seen to it that there is a place. */
struct process_block *config_add_block(struct config *config, const char *name);

#endif
