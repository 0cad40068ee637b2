/* Readers of the values that only this plugin has; see config_values.h. */
#include "sidecar/config_values.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "sidecar/capture/capture.h"
#include "sidecar/config.h"
#include "sidecar/instance_name.h"

int config_set_port(const struct config_context *context) {
  double number;
  if (config_read_number(context, &number) != 0)
    return -1;
  if (number != floor(number))
    return config_refuse_value(context);
  *(uint16_t *)config_target(context) = (uint16_t)number;
  return 0;
}

int config_set_executable(const struct config_context *context) {
  if (config_has_values(context->item, "s") &&
      strchr(context->item->values[0].value.string, '/') != NULL)
    return config_refuse_value(context);
  return config_set_string(context);
}

int config_set_folder(const struct config_context *context) {
  if (config_has_values(context->item, "s")) {
    const char *path = context->item->values[0].value.string;
    if (strlen(path) > CAPTURE_FOLDER_MAX)
      return config_refuse_value(context);
  }
  return config_set_string(context);
}

int config_set_variable(const struct config_context *context) {
  if (config_has_values(context->item, "s") &&
      strchr(context->item->values[0].value.string, '=') != NULL)
    return config_refuse_value(context);
  return config_set_string(context);
}

int config_set_template(const struct config_context *context) {
  size_t at = 0;
  if (!config_has_values(context->item, "s") ||
      instance_template_check(context->item->values[0].value.string, &at) != 0)
    return config_refuse_value(context);
  return config_set_string(context);
}

#define NO_EXPRESSION "not a POSIX extended regular expression: %s"

static int compile(const struct config_context *context, const char *expression, regex_t *ret) {
  int status = regcomp(ret, expression, REG_EXTENDED | REG_NOSUB);
  if (status == 0)
    return 0;
  char words[160], why[256];
  regerror(status, ret, words, sizeof(words));
  snprintf(why, sizeof(why), NO_EXPRESSION, words);
  return config_refuse(context, why);
}

int config_set_command_line(const struct config_context *context) {
  struct process_block *block = context->target;
  regex_t regex;
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  if (compile(context, context->item->values[0].value.string, &regex) != 0)
    return -1;
  if (config_set_string(context) != 0) {
    regfree(&regex);
    return -1;
  }
  block->command_line_regex = regex;
  return 0;
}

int config_add_pattern(const struct config_context *context) {
  struct pattern_list *list = config_target(context);
  const oconfig_item_t *item = context->item;
  if (!config_has_values(item, "ss") || !pattern_name_is_valid(item->values[0].value.string))
    return config_refuse_value(context);
  char words[160], why[256];
  /* the defaults keep their places */
  int status = -ENOSPC;
  if (list->len < (size_t)context->option->max ||
      pattern_list_has(list, item->values[0].value.string))
    status = pattern_list_add(list, item->values[0].value.string, item->values[1].value.string,
                              words, sizeof(words));
  switch (status) {
  case 0:
    return 0;
  case -EEXIST:
    snprintf(why, sizeof(why), "this name was given before; each %s needs its own",
             context->option->key);
    break;
  case -ENOSPC:
    snprintf(why, sizeof(why), "too many; allowed are %.0f", context->option->max);
    break;
  case -EINVAL:
    snprintf(why, sizeof(why), NO_EXPRESSION, words);
    break;
  default:
    snprintf(why, sizeof(why), "out of memory");
  }
  return config_refuse(context, why);
}
