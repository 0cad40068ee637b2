/* Options as tables; see config_option.h. */
#include "common/config_option.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/text.h"

static void append(char *dst, size_t size, const char *text) {
  size_t used = strlen(dst);
  snprintf(dst + used, size - used, "%s", text);
}

/* The values as in the file, each after a space. */
static const char *value_text(const oconfig_item_t *item, char *dst, size_t size) {
  dst[0] = '\0';
  for (int i = 0; i < item->values_num; i++) {
    const oconfig_value_t *value = &item->values[i];
    char printable[200], text[208];
    if (value->type == OCONFIG_TYPE_STRING)
      snprintf(text, sizeof(text), " \"%s\"",
               text_printable(printable, sizeof(printable), span_of(value->value.string)));
    else if (value->type == OCONFIG_TYPE_NUMBER)
      snprintf(text, sizeof(text), " %.15g", value->value.number);
    else
      snprintf(text, sizeof(text), " %s", value->value.boolean ? "true" : "false");
    append(dst, size, text);
  }
  return dst;
}

static bool is_path(const oconfig_item_t *item) {
  size_t len = strlen(item->key);
  return len > 4 && strcasecmp(item->key + len - 4, "File") == 0 && item->values_num == 1 &&
         item->values[0].type == OCONFIG_TYPE_STRING && item->values[0].value.string[0] == '/';
}

/* May a value be a password or the like? By the name, which may be misspelt. */
static bool is_secret(const oconfig_item_t *item) {
  static const char *const words[] = {"pass", "token", "header", "auth", "secret", "bearer"};
  bool found = false;
  for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
    found |= strcasestr(item->key, words[i]) != NULL;
  return found && !is_path(item);
}

int config_refuse(const struct config_context *context, const char *why) {
  char value[512];
  ERROR("%s plugin: %s: %s%s: %s", context->plugin, context->block, context->item->key,
        is_secret(context->item) ? " (not shown)"
                                 : value_text(context->item, value, sizeof(value)),
        why);
  return -1;
}

int config_refuse_value(const struct config_context *context) {
  char why[300];
  snprintf(why, sizeof(why), "allowed is %s", context->option->allowed);
  return config_refuse(context, why);
}

/* --- readers, one for each type of value */

void *config_target(const struct config_context *context) {
  return (char *)context->target + context->option->offset;
}

bool config_has_values(const oconfig_item_t *item, const char *types) {
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

const char *config_block_name(const oconfig_item_t *item) {
  return item->values_num == 1 && item->values[0].type == OCONFIG_TYPE_STRING
             ? item->values[0].value.string
             : "";
}

int config_read_number(const struct config_context *context, double *ret) {
  if (!config_has_values(context->item, "n"))
    return config_refuse_value(context);
  double number = context->item->values[0].value.number;
  if (!(number >= context->option->min && number <= context->option->max))
    return config_refuse_value(context);
  *ret = number;
  return 0;
}

int config_set_number(const struct config_context *context) {
  double number;
  if (config_read_number(context, &number) != 0)
    return -1;
  *(uint64_t *)config_target(context) = (uint64_t)llround(number * context->option->scale);
  return 0;
}

int config_set_port(const struct config_context *context) {
  double number;
  if (config_read_number(context, &number) != 0)
    return -1;
  if (number != floor(number))
    return config_refuse_value(context);
  *(uint16_t *)config_target(context) = (uint16_t)number;
  return 0;
}

int config_set_boolean(const struct config_context *context) {
  if (!config_has_values(context->item, "b"))
    return config_refuse_value(context);
  *(bool *)config_target(context) = context->item->values[0].value.boolean != 0;
  return 0;
}

int config_replace(const struct config_context *context, char **target, const char *value) {
  char *copy = strdup(value);
  if (copy == NULL)
    return config_refuse(context, "out of memory");
  free(*target);
  *target = copy;
  return 0;
}

int config_path_in_base_dir(const char *path, char **ret) {
  const char *folder = global_option_get("BaseDir");
  char working[PATH_MAX];
  if (path[0] == '/') {
    *ret = strdup(path);
    return *ret != NULL ? 0 : -ENOMEM;
  }
  /* An absolute BaseDir is used as written, so that log and configuration have the same path; a
   * relative one is already the working directory, so it would now refer to another
   * directory. */
  if (folder == NULL || folder[0] != '/')
    folder = getcwd(working, sizeof(working));
  if (folder == NULL)
    return -errno;
  const char *between = folder[strlen(folder) - 1] == '/' ? "" : "/";
  if (asprintf(ret, "%s%s%s", folder, between, path) >= 0)
    return 0;
  *ret = NULL;
  return -ENOMEM;
}

int config_set_string(const struct config_context *context) {
  if (!config_has_values(context->item, "s") ||
      context->item->values[0].value.string[0] == '\0')
    return config_refuse_value(context);
  return config_replace(context, config_target(context), context->item->values[0].value.string);
}

/* --- a block */

static int refuse_unknown(const struct config_context *context,
                          const struct config_option *options, size_t len) {
  char why[700] = "unknown option; allowed are ";
  for (size_t i = 0, listed = 0; i < len; i++) {
    if (options[i].now != NULL)
      continue;
    append(why, sizeof(why), listed++ > 0 ? ", " : "");
    append(why, sizeof(why), options[i].key);
  }
  return config_refuse(context, why);
}

static size_t find_option(const struct config_option *options, size_t len, const char *key) {
  size_t n = 0;
  while (n < len && strcasecmp(options[n].key, key) != 0)
    n++;
  return n;
}

static void warn_of_old_name(const struct config_context *context,
                             const struct config_option *now) {
  WARNING("%s plugin: %s: %s is an old name and will go; use %s, %s", context->plugin,
          context->block, context->option->key, now->key, now->allowed);
}

int config_parse_block(struct config_context *context, const oconfig_item_t *block,
                       const struct config_option *options, size_t len, uint64_t *seen) {
  for (int i = 0; i < block->children_num; i++) {
    context->item = &block->children[i];
    size_t n = find_option(options, len, context->item->key);
    context->option = n < len ? &options[n] : NULL;
    if (n == len)
      return refuse_unknown(context, options, len);
    size_t now = options[n].now != NULL ? find_option(options, len, options[n].now) : n;
    if (!options[n].repeatable && (*seen & UINT64_C(1) << now) != 0)
      return config_refuse(context, "given twice; keep one of them");
    *seen |= UINT64_C(1) << now;
    if (options[n].set(context) != 0)
      return -1;
    if (now != n)
      warn_of_old_name(context, &options[now]);
  }
  return 0;
}
