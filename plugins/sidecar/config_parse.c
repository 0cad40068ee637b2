/*
 * Reads <Plugin sidecar> from collectd's configuration tree. Each option is one row of a
 * table: name, how it is read, where it goes, what is allowed. Anything else refuses the
 * start with a line that names block, option, value and what is allowed.
 */
#include "sidecar/config.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/array.h"
#include "common/collectd.h"
#include "common/text.h"
#include "sidecar/config_internal.h"
#include "sidecar/instance_name.h"

struct option;

struct context {
  struct config *config;
  const char *block; /* as it is named in messages */
  const struct option *option;
  const oconfig_item_t *item;
  void *target; /* struct config or struct process_block */
};

struct option {
  const char *key;
  int (*set)(const struct context *context);
  size_t offset;
  double min, max, scale; /* of numbers; the scale turns the option's unit into ours */
  const char *allowed;
  bool repeatable;
};

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

static int refuse(const struct context *context, const char *why) {
  char value[512];
  ERROR("sidecar plugin: %s: %s%s: %s", context->block, context->item->key,
        value_text(context->item, value, sizeof(value)), why);
  return -1;
}

static int refuse_value(const struct context *context) {
  char why[300];
  snprintf(why, sizeof(why), "allowed is %s", context->option->allowed);
  return refuse(context, why);
}

/* --- readers, one a kind of value */

static void *target_of(const struct context *context) {
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

static int read_number(const struct context *context, double *ret) {
  if (!has_values(context->item, "n"))
    return refuse_value(context);
  double number = context->item->values[0].value.number;
  if (!(number >= context->option->min && number <= context->option->max))
    return refuse_value(context);
  *ret = number;
  return 0;
}

static int set_number(const struct context *context) {
  double number;
  if (read_number(context, &number) != 0)
    return -1;
  *(uint64_t *)target_of(context) = (uint64_t)llround(number * context->option->scale);
  return 0;
}

static int set_port(const struct context *context) {
  double number;
  if (read_number(context, &number) != 0)
    return -1;
  if (number != floor(number))
    return refuse_value(context);
  *(uint16_t *)target_of(context) = (uint16_t)number;
  return 0;
}

static int set_boolean(const struct context *context) {
  if (!has_values(context->item, "b"))
    return refuse_value(context);
  *(bool *)target_of(context) = context->item->values[0].value.boolean != 0;
  return 0;
}

static int set_string(const struct context *context) {
  if (!has_values(context->item, "s") || context->item->values[0].value.string[0] == '\0')
    return refuse_value(context);
  char *copy = strdup(context->item->values[0].value.string);
  if (copy == NULL)
    return refuse(context, "out of memory");
  char **target = target_of(context);
  free(*target);
  *target = copy;
  return 0;
}

static int set_executable(const struct context *context) {
  if (has_values(context->item, "s") &&
      strchr(context->item->values[0].value.string, '/') != NULL)
    return refuse_value(context);
  return set_string(context);
}

static int set_variable(const struct context *context) {
  if (has_values(context->item, "s") &&
      strchr(context->item->values[0].value.string, '=') != NULL)
    return refuse_value(context);
  return set_string(context);
}

static int set_template(const struct context *context) {
  size_t at = 0;
  if (!has_values(context->item, "s") ||
      instance_template_check(context->item->values[0].value.string, &at) != 0)
    return refuse_value(context);
  return set_string(context);
}

#define NO_EXPRESSION "not a POSIX extended regular expression: %s"

static int compile(const struct context *context, const char *expression, regex_t *ret) {
  int status = regcomp(ret, expression, REG_EXTENDED | REG_NOSUB);
  if (status == 0)
    return 0;
  char words[160], why[256];
  regerror(status, ret, words, sizeof(words));
  snprintf(why, sizeof(why), NO_EXPRESSION, words);
  return refuse(context, why);
}

static int set_command_line(const struct context *context) {
  struct process_block *block = context->target;
  regex_t regex;
  if (!has_values(context->item, "s"))
    return refuse_value(context);
  if (compile(context, context->item->values[0].value.string, &regex) != 0)
    return -1;
  if (set_string(context) != 0) {
    regfree(&regex);
    return -1;
  }
  block->command_line_regex = regex;
  return 0;
}

static int add_pattern(const struct context *context) {
  struct pattern_list *list = target_of(context);
  const oconfig_item_t *item = context->item;
  if (!has_values(item, "ss") || !pattern_name_is_valid(item->values[0].value.string))
    return refuse_value(context);
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
  return refuse(context, why);
}

/* --- the options; collectd-sidecar(5) describes each, and a test holds them together */

static int add_process(const struct context *context);

#define IN_CONFIG(field) offsetof(struct config, field)
static const struct option plugin_options[] = {
    {"DetailInterval", set_number, IN_CONFIG(detail_interval_ms), 1, 86400, 1e3,
     "a number of seconds from 1 to 86400", false},
    {"FdMatch", add_pattern, IN_CONFIG(fd_patterns), 0, 29, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true},
    {"GoroutineDumpInterval", set_number, IN_CONFIG(goroutine_dump_interval_ms), 0, 86400, 1e3,
     "a number of seconds from 0 (never) to 86400", false},
    {"GoroutineDumpMax", set_number, IN_CONFIG(goroutine_dump_max), 1, 1000000, 1,
     "a number of goroutines from 1 to 1000000", false},
    {"GoroutineMatch", add_pattern, IN_CONFIG(goroutine_patterns), 0, 29, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true},
    {"HeapMatch", add_pattern, IN_CONFIG(heap_patterns), 0, 26, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true},
    {"HeapProfileInterval", set_number, IN_CONFIG(heap_profile_interval_ms), 0, 86400, 1e3,
     "a number of seconds from 0 (never) to 86400", false},
    {"MaxProcesses", set_number, IN_CONFIG(max_processes), 1, 10000, 1,
     "a number from 1 to 10000", false},
    {"PprofMaxBytes", set_number, IN_CONFIG(pprof_max_bytes), 65536, 1073741824, 1,
     "a number of bytes from 65536 to 1073741824", false},
    {"PprofTimeout", set_number, IN_CONFIG(pprof_timeout_ms), 0.1, 60, 1e3,
     "a number of seconds from 0.1 to 60", false},
    {"ProcRoot", set_string, IN_CONFIG(proc_root), 0, 0, 0, "the path of a procfs, in quotes",
     false},
    {"Process", add_process, 0, 0, 0, 0, "a block with one name: <Process \"NAME\">", true},
    {"SmapsMaxRSS", set_number, IN_CONFIG(smaps_max_rss_bytes), 0, 1048576, 1 << 20,
     "a number of megabytes from 0 (never read smaps_rollup) to 1048576", false},
    {"Summary", set_boolean, IN_CONFIG(summary), 0, 0, 0, "true or false", false},
};

#define IN_BLOCK(field) offsetof(struct process_block, field)
static const struct option process_options[] = {
    {"CommandLine", set_command_line, IN_BLOCK(command_line), 0, 0, 0,
     "a regular expression in quotes", false},
    {"Enabled", set_boolean, IN_BLOCK(enabled), 0, 0, 0, "true or false", false},
    {"Executable", set_executable, IN_BLOCK(executable), 0, 0, 0,
     "the base name of a program in quotes, without '/'", false},
    {"Instance", set_template, IN_BLOCK(instance_template), 0, 0, 0,
     "text in quotes with %{cwd}, %{executable}, %{process}, %{pid} and %{%}", false},
    {"MinimumAge", set_number, IN_BLOCK(minimum_age_ms), 0, 86400, 1e3,
     "a number of seconds from 0 to 86400", false},
    {"Pprof", set_boolean, IN_BLOCK(pprof), 0, 0, 0, "true or false", false},
    {"PprofPort", set_port, IN_BLOCK(pprof_port), 1, 65535, 1, "a port from 1 to 65535", false},
    {"PprofVariable", set_variable, IN_BLOCK(pprof_variable), 0, 0, 0,
     "the name of an environment variable in quotes, without '='", false},
};

static int refuse_unknown(struct context *context, const struct option *options, size_t len) {
  char why[400] = "unknown option; allowed are ";
  for (size_t i = 0; i < len; i++) {
    if (i > 0)
      strcat(why, ", ");
    strcat(why, options[i].key);
  }
  return refuse(context, why);
}

static int parse_block(struct context *context, const oconfig_item_t *block,
                       const struct option *options, size_t len, uint32_t *seen) {
  for (int i = 0; i < block->children_num; i++) {
    context->item = &block->children[i];
    size_t n = 0;
    while (n < len && strcasecmp(options[n].key, context->item->key) != 0)
      n++;
    if (n == len)
      return refuse_unknown(context, options, len);
    if (!options[n].repeatable && (*seen & 1u << n) != 0)
      return refuse(context, "given twice; keep one of them");
    *seen |= 1u << n;
    context->option = &options[n];
    if (options[n].set(context) != 0)
      return -1;
  }
  return 0;
}

static int add_process(const struct context *context) {
  struct config *config = context->config;
  const oconfig_item_t *item = context->item;
  if (item->values_num != 1 || item->values[0].type != OCONFIG_TYPE_STRING ||
      item->values[0].value.string[0] == '\0')
    return refuse_value(context);
  const char *name = item->values[0].value.string;
  for (size_t i = 0; i < config->blocks_len; i++) {
    if (strcmp(config->blocks[i].name, name) == 0)
      return refuse(context, "this name was given before; each Process block needs its own");
  }
  if (config->blocks_len >= PROCESS_BLOCKS_MAX - 1) /* one place is the sidecar block's */
    return refuse(context, "too many Process blocks; allowed are 31");

  struct process_block *block = config_add_block(config, name);
  if (block == NULL)
    return -1;
  char title[200], printable[160];
  snprintf(title, sizeof(title), "<Process \"%s\">",
           text_printable(printable, sizeof(printable), span_of(name)));
  struct context inner = {.config = config, .block = title, .target = block};
  uint32_t seen = 0;
  return parse_block(&inner, item, process_options, ARRAY_LENGTH(process_options), &seen);
}

int config_parse(struct config *config, const oconfig_item_t *plugin_block) {
  struct context context = {.config = config, .block = "<Plugin sidecar>", .target = config};
  return parse_block(&context, plugin_block, plugin_options, ARRAY_LENGTH(plugin_options),
                     &config->options_seen);
}
