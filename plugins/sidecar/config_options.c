/*
 * Each option is one row of a table: name, reader, destination, allowed values; see
 * config_options.h.
 */
#include "sidecar/config_options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/config_option.h"
#include "common/text.h"
#include "sidecar/capture/request.h"
#include "sidecar/go/pprof_query.h"
#include "sidecar/instance_name.h"

/* ---- readers of values specific to this plugin: each returns 0, or -1 after logging ---- */

static int set_executable(const struct config_context *context) {
  if (config_has_values(context->item, "s") &&
      strchr(context->item->values[0].value.string, '/') != NULL)
    return config_refuse_value(context);
  return config_set_string(context);
}

static int set_folder(const struct config_context *context) {
  if (config_has_values(context->item, "s")) {
    const char *path = context->item->values[0].value.string;
    if (strlen(path) > CAPTURE_FOLDER_MAX)
      return config_refuse_value(context);
  }
  return config_set_string(context);
}

static int refuse_time(const struct config_context *context, int status) {
  switch (status) {
  case -EEXIST:
    return config_refuse(context, "this time was given before");
  case -ENOSPC:
    return config_refuse(context, "too many; allowed are 24 times");
  default:
    return config_refuse_value(context);
  }
}

static int set_capture_interval(const struct config_context *context,
                                struct schedule *schedule) {
  double seconds;
  if (config_read_number(context, &seconds) != 0)
    return -1;
  if (schedule->times_len > 0 || schedule->interval_ms > 0)
    return config_refuse(context, "an interval is given alone, without times of day or another "
                                  "interval");
  schedule->interval_ms = (uint64_t)llround(seconds * context->option->scale);
  return 0;
}

/* Times of day, or an interval. */
static int add_to_schedule(const struct config_context *context) {
  struct schedule *schedule = config_target(context);
  const oconfig_item_t *item = context->item;
  if (config_has_values(item, "n"))
    return set_capture_interval(context, schedule);
  if (item->values_num == 0 || item->children_num > 0)
    return config_refuse_value(context);
  for (int i = 0; i < item->values_num; i++) {
    if (item->values[i].type != OCONFIG_TYPE_STRING)
      return config_refuse_value(context);
    int status = schedule_add_time(schedule, item->values[i].value.string);
    if (status != 0)
      return refuse_time(context, status);
  }
  if (schedule->interval_ms > 0)
    return config_refuse(context, "there is an interval already; give times of day or an "
                                  "interval");
  return 0;
}

static int set_variable(const struct config_context *context) {
  if (config_has_values(context->item, "s") &&
      strchr(context->item->values[0].value.string, '=') != NULL)
    return config_refuse_value(context);
  return config_set_string(context);
}

/* A prefix goes into a URL as it is, so what has a meaning there is not allowed. */
static bool is_url_path(const char *path) {
  static const char allowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  return path[0] == '/' && path[strspn(path, allowed)] == '\0' && strstr(path, "//") == NULL &&
         strstr(path, "/.") == NULL;
}

/* With or without the '/' at its end. */
static int set_path(const struct config_context *context) {
  char prefix[PPROF_PATH_MAX + 2];
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  const char *path = context->item->values[0].value.string;
  size_t len = strlen(path);
  bool is_complete = len > 0 && path[len - 1] == '/';
  if (!is_url_path(path) || len + !is_complete > PPROF_PATH_MAX)
    return config_refuse_value(context);
  snprintf(prefix, sizeof(prefix), "%s%s", path, is_complete ? "" : "/");
  return config_replace(context, config_target(context), prefix);
}

static int set_template(const struct config_context *context) {
  size_t at = 0;
  if (!config_has_values(context->item, "s") ||
      instance_template_check(context->item->values[0].value.string, &at) != 0)
    return config_refuse_value(context);
  return config_set_string(context);
}

#define NO_EXPRESSION "not a POSIX extended regular expression: %s"

static int compile(const struct config_context *context, const char *expression, regex_t *ret) {
  int status = pattern_compile(expression, ret);
  if (status == 0)
    return 0;
  if (status == REG_ESPACE)
    return config_refuse(context, "out of memory");
  char words[160], why[256];
  regerror(status, ret, words, sizeof(words));
  snprintf(why, sizeof(why), NO_EXPRESSION, words);
  return config_refuse(context, why);
}

static int set_command_line(const struct config_context *context) {
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

static int add_pattern(const struct config_context *context) {
  struct pattern_list *list = config_target(context);
  const oconfig_item_t *item = context->item;
  if (!config_has_values(item, "ss") || !pattern_name_is_valid(item->values[0].value.string))
    return config_refuse_value(context);
  char words[160], why[256];
  /* the limit does not count the defaults */
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

/* ---- <RedFlag> ---- */

enum { ALLOWED_MAX = 120 };

static int set_threshold(const struct config_context *context) {
  double number;
  if (config_read_number(context, &number) != 0)
    return -1;
  *(double *)config_target(context) = number * context->option->scale;
  return 0;
}

static int set_enabled(const struct config_context *context) {
  if (!config_has_values(context->item, "b"))
    return config_refuse_value(context);
  *(bool *)config_target(context) = context->item->values[0].value.boolean == 0;
  return 0;
}

/* Names that replace the table's; config_fault() checks that such patterns exist. */
static int set_patterns(const struct config_context *context) {
  struct config *config = context->config;
  struct red_flag_rule *rule = context->target;
  char **owned = config->red_flag_patterns[rule - config->red_flags.rules];
  const oconfig_item_t *item = context->item;
  if (item->values_num < 1 || item->values_num > RED_FLAG_PATTERNS_MAX ||
      item->children_num > 0)
    return config_refuse_value(context);
  for (int i = 0; i < item->values_num; i++) {
    if (item->values[i].type != OCONFIG_TYPE_STRING ||
        !pattern_name_is_valid(item->values[i].value.string))
      return config_refuse_value(context);
    if (config_replace(context, &owned[i], item->values[i].value.string) != 0)
      return -1;
    rule->patterns[i] = owned[i];
  }
  rule->patterns[item->values_num] = NULL;
  return 0;
}

/* The reader of an option that the flag does not have; option->allowed lists those it has. */
static int refuse_option(const struct config_context *context) {
  return config_refuse(context, context->option->allowed);
}

/* --- the options; collectd-sidecar(5) describes each, and a test compares them */

enum {
  OPTION_DISABLE,
  OPTION_ENABLED,
  OPTION_FAILURE,
  OPTION_HOLD,
  OPTION_PATTERNS,
  OPTION_WARNING,
  OPTION_WINDOW,
  FLAG_OPTIONS
};

#define IN_RULE(field) offsetof(struct red_flag_rule, field)
static const struct config_option red_flag_options[FLAG_OPTIONS] = {
    [OPTION_DISABLE] = {"Disable", config_set_boolean, IN_RULE(disabled), 0, 0, 0,
                        "true or false", false, "Enabled"},
    [OPTION_ENABLED] = {"Enabled", set_enabled, IN_RULE(disabled), 0, 0, 0, "true or false",
                        false, NULL},
    [OPTION_FAILURE] = {"Failure", set_threshold, IN_RULE(failure), 0, 0, 0, NULL, false, NULL},
    [OPTION_HOLD] = {"Hold", config_set_number, IN_RULE(hold_ms), 0, 86400, 1e3,
                     "a number of seconds from 0 to 86400", false, NULL},
    [OPTION_PATTERNS] = {"Patterns", set_patterns, 0, 0, 0, 0,
                         "1 to 4 names of FdMatch or GoroutineMatch in quotes", false, NULL},
    [OPTION_WARNING] = {"Warning", set_threshold, IN_RULE(warning), 0, 0, 0, NULL, false, NULL},
    [OPTION_WINDOW] = {"Window", config_set_number, IN_RULE(window_ms), 1, 86400, 1e3,
                       "a number of seconds from 1 to 86400", false, NULL},
};

/* Does the flag have the option at all? Returns NULL, or the options that it has instead. */
static const char *missing_option(const struct red_flag_info *info, size_t option) {
  if (option == OPTION_ENABLED || option == OPTION_DISABLE)
    return NULL;
  if (info->kind == RED_FLAG_BY_OTHERS)
    return "this flag follows from the others; allowed is Enabled";
  if (option == OPTION_WINDOW && info->window_s == 0)
    return "this flag has no window; allowed are Enabled, Failure, Hold, Warning";
  if (option == OPTION_PATTERNS && info->patterns[0] == NULL)
    return "this flag has no Patterns";
  return NULL;
}

/* The table adapted to one flag. */
static void options_of(const struct red_flag_info *info, char allowed[ALLOWED_MAX],
                       struct config_option ret[FLAG_OPTIONS]) {
  memcpy(ret, red_flag_options, sizeof(red_flag_options));
  snprintf(allowed, ALLOWED_MAX, "a number in %s above 0, up to %.0f", info->unit,
           red_flag_max(info->amount));
  for (size_t i = 0; i < FLAG_OPTIONS; i++) {
    const char *missing = missing_option(info, i);
    if (i == OPTION_FAILURE || i == OPTION_WARNING) {
      /* above 0: at 0 it would always be raised */
      ret[i].min = 1e-6;
      ret[i].max = red_flag_max(info->amount);
      ret[i].scale = red_flag_scale(info->amount);
      ret[i].allowed = allowed;
    }
    if (missing != NULL) {
      ret[i].set = refuse_option;
      ret[i].allowed = missing;
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

static int add_red_flag(const struct config_context *context) {
  struct config *config = context->config;
  struct red_flag_rules *rules = &config->red_flags;
  const oconfig_item_t *item = context->item;
  const char *name = config_block_name(item);
  if (name[0] == '\0')
    return config_refuse_value(context);
  enum red_flag flag = red_flag_find(name);
  if (flag == RED_FLAGS)
    return refuse_name(context);

  char title[64], allowed[ALLOWED_MAX];
  snprintf(title, sizeof(title), "<RedFlag \"%s\">", red_flags[flag].name);
  struct config_option options[FLAG_OPTIONS];
  options_of(&red_flags[flag], allowed, options);
  struct config_context inner = *context;
  inner.block = title;
  inner.target = &rules->rules[flag];
  if (config_parse_block(&inner, item, options, FLAG_OPTIONS,
                         &config->red_flag_options_seen[flag]) != 0)
    return -1;
  const char *fault = red_flag_rule_fault(flag, &rules->rules[flag]);
  return fault == NULL ? 0 : config_refuse(context, fault);
}

/* ---- <Process> ---- */

#define IN_BLOCK(field) offsetof(struct process_block, field)
static const struct config_option process_options[] = {
    {"CommandLine", set_command_line, IN_BLOCK(command_line), 0, 0, 0,
     "a regular expression in quotes", false, NULL},
    {"Enabled", config_set_boolean, IN_BLOCK(enabled), 0, 0, 0, "true or false", false, NULL},
    {"Executable", set_executable, IN_BLOCK(executable), 0, 0, 0,
     "the base name of a program in quotes, without '/'", false, NULL},
    {"Instance", set_template, IN_BLOCK(instance_template), 0, 0, 0,
     "text in quotes with %{cwd}, %{executable}, %{process}, %{pid} and %{%}", false, NULL},
    {"MinimumAge", config_set_number, IN_BLOCK(minimum_age_ms), 0, 86400, 1e3,
     "a number of seconds from 0 to 86400", false, NULL},
    {"Pprof", config_set_boolean, IN_BLOCK(pprof), 0, 0, 0, "true or false", false, NULL},
    {"PprofPath", set_path, IN_BLOCK(pprof_path), 0, 0, 0,
     "a path that begins with '/', of at most 128 letters, digits and -._~/, in quotes", false,
     NULL},
    {"PprofPort", config_set_port, IN_BLOCK(pprof_port), 1, 65535, 1, "a port from 1 to 65535",
     false, NULL},
    {"PprofVariable", set_variable, IN_BLOCK(pprof_variable), 0, 0, 0,
     "the name of an environment variable in quotes, without '='", false, NULL},
};

static int add_process(const struct config_context *context) {
  struct config *config = context->config;
  const oconfig_item_t *item = context->item;
  const char *name = config_block_name(item);
  if (name[0] == '\0')
    return config_refuse_value(context);
  for (size_t i = 0; i < config->blocks_len; i++) {
    if (strcmp(config->blocks[i].name, name) == 0)
      return config_refuse(context,
                           "this name was given before; each Process block needs its own");
  }
  if (config->blocks_len >= PROCESS_BLOCKS_MAX - 1) /* one is reserved for the sidecar block */
    return config_refuse(context, "too many Process blocks; allowed are 31");

  struct process_block *block = config_add_block(config, name);
  if (block == NULL)
    return config_refuse(context, "out of memory");
  char title[200], printable[160];
  snprintf(title, sizeof(title), "<Process \"%s\">",
           text_printable(printable, sizeof(printable), span_of(name)));
  struct config_context inner = *context;
  inner.block = title;
  inner.target = block;
  uint64_t seen = 0;
  return config_parse_block(&inner, item, process_options, ARRAY_LENGTH(process_options),
                            &seen);
}

/* ---- <Plugin sidecar> ---- */

#define IN_CONFIG(field) offsetof(struct config, field)
static const struct config_option plugin_options[] = {
    {"BaselineDelay", config_set_number, IN_CONFIG(baseline_delay_ms), 1, 86400, 1e3,
     "a number of seconds from 1 to 86400", false, NULL},
    {"Capture", config_set_boolean, IN_CONFIG(capture), 0, 0, 0, "true or false", false, NULL},
    {"CaptureFolder", set_folder, IN_CONFIG(capture_folder), 0, 0, 0,
     "a path of at most 255 bytes, in quotes", false, NULL},
    {"CaptureInterval", config_set_number, IN_CONFIG(capture_interval_ms), 0, 604800, 1e3,
     "a number of seconds from 0 to 604800", false, NULL},
    {"CaptureMaxBytes", config_set_number, IN_CONFIG(capture_max_bytes), 1, 1048576, 1 << 20,
     "a number of megabytes from 1 to 1048576", false, "CaptureMaxSize"},
    {"CaptureMaxSize", config_set_number, IN_CONFIG(capture_max_bytes), 1, 1048576, 1 << 20,
     "a number of megabytes from 1 to 1048576", false, NULL},
    {"CaptureOnWarning", config_set_boolean, IN_CONFIG(capture_on_warning), 0, 0, 0,
     "true or false", false, NULL},
    {"CaptureProcessMaxBundles", config_set_number, IN_CONFIG(capture_process_max_bundles), 2,
     10000, 1, "a number from 2 to 10000", false, NULL},
    {"CaptureProcessMaxBytes", config_set_number, IN_CONFIG(capture_process_max_bytes), 1,
     1048576, 1 << 20, "a number of megabytes from 1 to 1048576", false,
     "CaptureProcessMaxSize"},
    {"CaptureProcessMaxSize", config_set_number, IN_CONFIG(capture_process_max_bytes), 1,
     1048576, 1 << 20, "a number of megabytes from 1 to 1048576", false, NULL},
    {"CaptureSchedule", add_to_schedule, IN_CONFIG(capture_schedule), 60, 604800, 1e3,
     "1 to 24 times of day in quotes (\"06:00\"), or a number of seconds from 60 to 604800",
     true, NULL},
    {"CpuProfileSeconds", config_set_number, IN_CONFIG(cpu_profile_seconds), 0, 300, 1,
     "a number of seconds from 0 (none) to 300", false, NULL},
    {"DetailInterval", config_set_number, IN_CONFIG(detail_interval_ms), 1, 86400, 1e3,
     "a number of seconds from 1 to 86400", false, NULL},
    {"FdMatch", add_pattern, IN_CONFIG(fd_patterns), 0, 29, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true, NULL},
    {"GoroutineDumpInterval", config_set_number, IN_CONFIG(goroutine_dump_interval_ms), 0,
     86400, 1e3, "a number of seconds from 0 (never) to 86400", false, NULL},
    {"GoroutineDumpMax", config_set_number, IN_CONFIG(goroutine_dump_max), 1, 1000000, 1,
     "a number of goroutines from 1 to 1000000", false, NULL},
    {"GoroutineLeakInterval", config_set_number, IN_CONFIG(goroutine_leak_interval_ms), 0,
     86400, 1e3, "a number of seconds from 0 (never) to 86400", false, NULL},
    {"GoroutineLeakMaxHeap", config_set_number, IN_CONFIG(goroutine_leak_max_heap_bytes), 0,
     1048576, 1 << 20, "a number of megabytes from 0 (never) to 1048576", false, NULL},
    {"GoroutineMatch", add_pattern, IN_CONFIG(goroutine_patterns), 0, 29, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true, NULL},
    {"HeapMatch", add_pattern, IN_CONFIG(heap_patterns), 0, 26, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true, NULL},
    {"HeapProfileInterval", config_set_number, IN_CONFIG(heap_profile_interval_ms), 0, 86400,
     1e3, "a number of seconds from 0 (never) to 86400", false, NULL},
    {"MaxNewNames", config_set_number, IN_CONFIG(max_new_names), 1, 1000000, 1,
     "a number of names an hour from 1 to 1000000", false, NULL},
    {"MaxProcesses", config_set_number, IN_CONFIG(max_processes), 1, 10000, 1,
     "a number from 1 to 10000", false, NULL},
    {"PprofBudget", config_set_number, IN_CONFIG(pprof_budget_ppm), 0, 100, 1e4,
     "a percentage of a core from 0 (no limit) to 100", false, NULL},
    {"PprofMaxBytes", config_set_number, IN_CONFIG(pprof_max_bytes), 65536, 1073741824, 1,
     "a number of bytes from 65536 to 1073741824", false, "PprofMaxSize"},
    {"PprofMaxSize", config_set_number, IN_CONFIG(pprof_max_bytes), 1, 1024, 1 << 20,
     "a number of megabytes from 1 to 1024", false, NULL},
    {"PprofTimeout", config_set_number, IN_CONFIG(pprof_timeout_ms), 0.1, 60, 1e3,
     "a number of seconds from 0.1 to 60", false, NULL},
    {"ProcRoot", config_set_string, IN_CONFIG(proc_root), 0, 0, 0,
     "the path of a procfs, in quotes", false, NULL},
    {"Process", add_process, 0, 0, 0, 0, "a block with one name: <Process \"NAME\">", true,
     NULL},
    {"RedFlag", add_red_flag, 0, 0, 0, 0,
     "a block with the name of a red flag: <RedFlag \"NAME\">", true, NULL},
    {"SmapsMaxRSS", config_set_number, IN_CONFIG(smaps_max_rss_bytes), 0, 1048576, 1 << 20,
     "a number of megabytes from 0 (never read smaps_rollup) to 1048576", false, NULL},
    {"Summary", config_set_boolean, IN_CONFIG(summary), 0, 0, 0, "true or false", false, NULL},
    {"WarmUp", config_set_number, IN_CONFIG(red_flags.warm_up_ms), 0, 86400, 1e3,
     "a number of seconds from 0 to 86400", false, NULL},
};

int config_parse(struct config *config, const oconfig_item_t *plugin_block) {
  struct config_context context = {
      .plugin = "sidecar", .block = "<Plugin sidecar>", .config = config, .target = config};
  return config_parse_block(&context, plugin_block, plugin_options,
                            ARRAY_LENGTH(plugin_options), &config->options_seen);
}

const struct config_option *config_options(enum config_block block, size_t *ret_len) {
  switch (block) {
  case CONFIG_PROCESS_BLOCK:
    *ret_len = ARRAY_LENGTH(process_options);
    return process_options;
  case CONFIG_RED_FLAG_BLOCK:
    *ret_len = ARRAY_LENGTH(red_flag_options);
    return red_flag_options;
  default:
    *ret_len = ARRAY_LENGTH(plugin_options);
    return plugin_options;
  }
}
