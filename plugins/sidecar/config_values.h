/*
 * Readers of the kinds of values that only <Plugin sidecar> has: ports, names of programs
 * and variables, templates, expressions. For the table in config_parse.c; the others are in
 * common/config_option.h. Each returns 0, or -1 after logging why it refuses.
 */
#ifndef SIDECAR_CONFIG_VALUES_H
#define SIDECAR_CONFIG_VALUES_H

#include "common/config_option.h"

int config_set_port(const struct config_context *context); /* to uint16_t */
int config_set_executable(const struct config_context *context);
int config_set_folder(const struct config_context *context);
int config_set_variable(const struct config_context *context);
int config_set_template(const struct config_context *context);
int config_set_command_line(const struct config_context *context); /* target: process_block */
int config_add_pattern(const struct config_context *context);      /* to struct pattern_list */

#endif
