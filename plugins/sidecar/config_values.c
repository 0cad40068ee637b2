/* Reading and refusing the values of options; see config_values.h. */
#include "sidecar/config_values.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/text.h"
#include "sidecar/instance_name.h"

static const char *value_text(const oconfig_item_t *item, char *dst, size_t size) {
  size_t used = 0;
  dst[0] = '\0';
  for (int i = 0; i < item->values_num && used + 1 < size; i++) {
    const oconfig_value_t *value = &item->values[i];
    char text[200];
    if (value->type == OCONFIG_TYPE_STRING) {
      text[0] = '"';
      text_printable(text + 1, sizeof(text) - 2, span_of(value->value.string));
      strcat(text, "\"");
    } else if (value->type == OCONFIG_TYPE_NUMBER) {
      snprintf(text, sizeof(text), "%.15g", value->value.number);
    } else {
      snprintf(text, sizeof(text), "%s", value->value.boolean ? "true" : "false");
    }
    int n = snprintf(dst + used, size - used, " %s", text);
    used += n > 0 ? (size_t)n : 0;
  }
  return dst;
}

int config_refuse(const struct config_context *context, const char *why) {
  char value[512];
  ERROR("sidecar plugin: %s: %s%s: %s", context->block, context->item->key,
        value_text(context->item, value, sizeof(value)), why);
  return -1;
}

int config_refuse_value(const struct config_context *context) {
  char why[300];
  snprintf(why, sizeof(why), "allowed is %s", context->option->allowed);
  return config_refuse(context, why);
}

/* --- readers, one a kind of value */

static void *target_of(const struct config_context *context) {
  return (char *)context->target + context->option->offset;
}

/* The values must be exactly types ('s', 'n', 'b'), and no block may follow. */
static bool has_values(const oconfig_item_t *item, const char *types) {
  if (item->children_num != 0 || item->values_num != (int)strlen(types))
    return false;
  for (int i = 0; i < item->values_num; i++) {
    int type = item->values[i].type;
    if ((types[i] == 's' && type != OCONFIG_TYPE_STRING) ||
        (types[i] == 'n' && type != OCONFIG_TYPE_NUMBER) ||
        (types[i] == 'b' && type != OCONFIG_TYPE_BOOLEAN))
      return false;
  }
  return true;
}

static int read_number(const struct config_context *context, double *ret) {
  if (!has_values(context->item, "n"))
    return config_refuse_value(context);
  double number = context->item->values[0].value.number;
  if (!(number >= context->option->min && number <= context->option->max))
    return config_refuse_value(context);
  *ret = number;
  return 0;
}

int config_set_number(const struct config_context *context) {
  double number;
  if (read_number(context, &number) != 0)
    return -1;
  *(uint64_t *)target_of(context) = (uint64_t)llround(number * context->option->scale);
  return 0;
}

int config_set_port(const struct config_context *context) {
  double number;
  if (read_number(context, &number) != 0)
    return -1;
  if (number != floor(number))
    return config_refuse_value(context);
  *(uint16_t *)target_of(context) = (uint16_t)number;
  return 0;
}

int config_set_boolean(const struct config_context *context) {
  if (!has_values(context->item, "b"))
    return config_refuse_value(context);
  *(bool *)target_of(context) = context->item->values[0].value.boolean != 0;
  return 0;
}

int config_set_string(const struct config_context *context) {
  if (!has_values(context->item, "s") || context->item->values[0].value.string[0] == '\0')
    return config_refuse_value(context);
  char *copy = strdup(context->item->values[0].value.string);
  if (copy == NULL)
    return config_refuse(context, "out of memory");
  char **target = target_of(context);
  free(*target);
  *target = copy;
  return 0;
}

int config_set_executable(const struct config_context *context) {
  if (has_values(context->item, "s") &&
      strchr(context->item->values[0].value.string, '/') != NULL)
    return config_refuse_value(context);
  return config_set_string(context);
}

int config_set_variable(const struct config_context *context) {
  if (has_values(context->item, "s") &&
      strchr(context->item->values[0].value.string, '=') != NULL)
    return config_refuse_value(context);
  return config_set_string(context);
}

int config_set_template(const struct config_context *context) {
  size_t at = 0;
  if (!has_values(context->item, "s") ||
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
  if (!has_values(context->item, "s"))
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
  struct pattern_list *list = target_of(context);
  const oconfig_item_t *item = context->item;
  if (!has_values(item, "ss") || !pattern_name_is_valid(item->values[0].value.string))
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
