/*
 * Reads <RedFlag "NAME"> blocks, options as tables like config_parse.c's. What numbers are
 * allowed depends on the flag: its unit, its limit, and whether it has a window at all.
 */
#include <stdio.h>
#include <string.h>

#include "sidecar/config_internal.h"
#include "sidecar/config_values.h"

enum { ALLOWED_MAX = 120 };

static int set_threshold(const struct config_context *context) {
  double number;
  if (config_read_number(context, &number) != 0)
    return -1;
  *(double *)config_target(context) = number * context->option->scale;
  return 0;
}

/* As every reader of a value that the flag does not have: option->allowed says what it has. */
static int refuse(const struct config_context *context) {
  return config_refuse(context, context->option->allowed);
}

/* --- the options; collectd-sidecar(5) describes each, and a test holds them together */

enum { OPTION_DISABLE, OPTION_FAILURE, OPTION_HOLD, OPTION_WARNING, OPTION_WINDOW, OPTIONS };

#define IN_RULE(field) offsetof(struct red_flag_rule, field)
static const struct config_option red_flag_options[OPTIONS] = {
    [OPTION_DISABLE] = {"Disable", config_set_boolean, IN_RULE(disabled), 0, 0, 0,
                        "true or false", false},
    [OPTION_FAILURE] = {"Failure", set_threshold, IN_RULE(failure), 0, 0, 0, NULL, false},
    [OPTION_HOLD] = {"Hold", config_set_number, IN_RULE(hold_ms), 0, 86400, 1e3,
                     "a number of seconds from 0 to 86400", false},
    [OPTION_WARNING] = {"Warning", set_threshold, IN_RULE(warning), 0, 0, 0, NULL, false},
    [OPTION_WINDOW] = {"Window", config_set_number, IN_RULE(window_ms), 1, 86400, 1e3,
                       "a number of seconds from 1 to 86400", false},
};

/* The table as it is for one flag. */
static void options_of(const struct red_flag_info *info, char allowed[ALLOWED_MAX],
                       struct config_option ret[OPTIONS]) {
  memcpy(ret, red_flag_options, sizeof(red_flag_options));
  snprintf(allowed, ALLOWED_MAX, "a number in %s above 0, up to %.0f", info->unit, info->max);
  for (size_t i = 0; i < OPTIONS; i++) {
    bool is_threshold = i == OPTION_FAILURE || i == OPTION_WARNING;
    if (is_threshold) {
      /* above 0: at 0 it would always be up */
      ret[i].min = 1e-6;
      ret[i].max = info->max;
      ret[i].scale = info->scale;
      ret[i].allowed = allowed;
    }
    if (info->kind == RED_FLAG_BY_OTHERS && i != OPTION_DISABLE) {
      ret[i].set = refuse;
      ret[i].allowed = "this flag follows from the others; allowed is Disable";
    } else if (info->window_s == 0 && i == OPTION_WINDOW) {
      ret[i].set = refuse;
      ret[i].allowed = "this flag has no window; allowed are Disable, Failure, Hold, Warning";
    }
  }
}

static int refuse_name(const struct config_context *context) {
  char why[512] = "no such red flag; allowed are ";
  for (size_t i = 0, used = strlen(why); i < RED_FLAGS; i++)
    used += (size_t)snprintf(why + used, sizeof(why) - used, "%s%s", i > 0 ? ", " : "",
                             red_flags[i].name);
  return config_refuse(context, why);
}

int config_add_red_flag(const struct config_context *context) {
  struct red_flag_rules *rules = &((struct config *)context->config)->red_flags;
  const oconfig_item_t *item = context->item;
  const char *name = config_block_name(item);
  if (name[0] == '\0')
    return config_refuse_value(context);
  enum red_flag flag = red_flag_find(name);
  if (flag == RED_FLAGS)
    return refuse_name(context);

  char title[64], allowed[ALLOWED_MAX];
  snprintf(title, sizeof(title), "<RedFlag \"%s\">", red_flags[flag].name);
  struct config_option options[OPTIONS];
  options_of(&red_flags[flag], allowed, options);
  struct config_context inner = *context;
  inner.block = title;
  inner.target = &rules->rules[flag];
  if (config_parse_block(&inner, item, options, OPTIONS, &rules->seen[flag]) != 0)
    return -1;
  const char *fault = red_flag_rule_fault(flag, &rules->rules[flag]);
  return fault == NULL ? 0 : config_refuse(context, fault);
}
