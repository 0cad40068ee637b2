/* What the files of the configuration share. */
#ifndef SIDECAR_CONFIG_INTERNAL_H
#define SIDECAR_CONFIG_INTERNAL_H

#include "sidecar/config.h"

/* Adds a block with its defaults; NULL after logging that memory is out. The caller has
 * seen to it that there is a place. */
struct process_block *config_add_block(struct config *config, const char *name);

struct config_context;

/* Reads a <RedFlag "NAME"> block. Returns 0, or -1 after logging why it is refused. */
int config_add_red_flag(const struct config_context *context);

#endif
