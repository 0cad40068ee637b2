/*
 * Reads <Plugin sidecar> from collectd's configuration tree. Each option is one row of a
 * table: name, how it is read, where it goes, what is allowed. Anything else refuses the
 * start with a line that names block, option, value and what is allowed.
 */
#include "sidecar/config.h"

#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "sidecar/config_internal.h"
#include "sidecar/config_values.h"

/* --- the options; collectd-sidecar(5) describes each, and a test holds them together */

static int add_process(const struct config_context *context);

#define IN_CONFIG(field) offsetof(struct config, field)
static const struct config_option plugin_options[] = {
    {"BaselineDelay", config_set_number, IN_CONFIG(baseline_delay_ms), 1, 86400, 1e3,
     "a number of seconds from 1 to 86400", false},
    {"Capture", config_set_boolean, IN_CONFIG(capture), 0, 0, 0, "true or false", false},
    {"CaptureFolder", config_set_folder, IN_CONFIG(capture_folder), 0, 0, 0,
     "a path of at most 255 bytes, in quotes", false},
    {"CaptureInterval", config_set_number, IN_CONFIG(capture_interval_ms), 0, 604800, 1e3,
     "a number of seconds from 0 to 604800", false},
    {"CaptureMaxBytes", config_set_number, IN_CONFIG(capture_max_bytes), 1, 1048576, 1 << 20,
     "a number of megabytes from 1 to 1048576", false},
    {"CaptureOnWarning", config_set_boolean, IN_CONFIG(capture_on_warning), 0, 0, 0,
     "true or false", false},
    {"CaptureProcessMaxBundles", config_set_number, IN_CONFIG(capture_process_max_bundles), 2,
     10000, 1, "a number from 2 to 10000", false},
    {"CaptureProcessMaxBytes", config_set_number, IN_CONFIG(capture_process_max_bytes), 1,
     1048576, 1 << 20, "a number of megabytes from 1 to 1048576", false},
    {"CpuProfileSeconds", config_set_number, IN_CONFIG(cpu_profile_seconds), 0, 300, 1,
     "a number of seconds from 0 (none) to 300", false},
    {"DetailInterval", config_set_number, IN_CONFIG(detail_interval_ms), 1, 86400, 1e3,
     "a number of seconds from 1 to 86400", false},
    {"FdMatch", config_add_pattern, IN_CONFIG(fd_patterns), 0, 29, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true},
    {"GoroutineDumpInterval", config_set_number, IN_CONFIG(goroutine_dump_interval_ms), 0,
     86400, 1e3, "a number of seconds from 0 (never) to 86400", false},
    {"GoroutineDumpMax", config_set_number, IN_CONFIG(goroutine_dump_max), 1, 1000000, 1,
     "a number of goroutines from 1 to 1000000", false},
    {"GoroutineMatch", config_add_pattern, IN_CONFIG(goroutine_patterns), 0, 29, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true},
    {"HeapMatch", config_add_pattern, IN_CONFIG(heap_patterns), 0, 26, 0,
     "a name of a-z, 0-9 and _ in quotes, and a regular expression in quotes", true},
    {"HeapProfileInterval", config_set_number, IN_CONFIG(heap_profile_interval_ms), 0, 86400,
     1e3, "a number of seconds from 0 (never) to 86400", false},
    {"MaxProcesses", config_set_number, IN_CONFIG(max_processes), 1, 10000, 1,
     "a number from 1 to 10000", false},
    {"PprofMaxBytes", config_set_number, IN_CONFIG(pprof_max_bytes), 65536, 1073741824, 1,
     "a number of bytes from 65536 to 1073741824", false},
    {"PprofTimeout", config_set_number, IN_CONFIG(pprof_timeout_ms), 0.1, 60, 1e3,
     "a number of seconds from 0.1 to 60", false},
    {"ProcRoot", config_set_string, IN_CONFIG(proc_root), 0, 0, 0,
     "the path of a procfs, in quotes", false},
    {"Process", add_process, 0, 0, 0, 0, "a block with one name: <Process \"NAME\">", true},
    {"RedFlag", config_add_red_flag, 0, 0, 0, 0,
     "a block with the name of a red flag: <RedFlag \"NAME\">", true},
    {"SmapsMaxRSS", config_set_number, IN_CONFIG(smaps_max_rss_bytes), 0, 1048576, 1 << 20,
     "a number of megabytes from 0 (never read smaps_rollup) to 1048576", false},
    {"Summary", config_set_boolean, IN_CONFIG(summary), 0, 0, 0, "true or false", false},
    {"WarmUp", config_set_number, IN_CONFIG(red_flags.warm_up_ms), 0, 86400, 1e3,
     "a number of seconds from 0 to 86400", false},
};

#define IN_BLOCK(field) offsetof(struct process_block, field)
static const struct config_option process_options[] = {
    {"CommandLine", config_set_command_line, IN_BLOCK(command_line), 0, 0, 0,
     "a regular expression in quotes", false},
    {"Enabled", config_set_boolean, IN_BLOCK(enabled), 0, 0, 0, "true or false", false},
    {"Executable", config_set_executable, IN_BLOCK(executable), 0, 0, 0,
     "the base name of a program in quotes, without '/'", false},
    {"Instance", config_set_template, IN_BLOCK(instance_template), 0, 0, 0,
     "text in quotes with %{cwd}, %{executable}, %{process}, %{pid} and %{%}", false},
    {"MinimumAge", config_set_number, IN_BLOCK(minimum_age_ms), 0, 86400, 1e3,
     "a number of seconds from 0 to 86400", false},
    {"Pprof", config_set_boolean, IN_BLOCK(pprof), 0, 0, 0, "true or false", false},
    {"PprofPort", config_set_port, IN_BLOCK(pprof_port), 1, 65535, 1, "a port from 1 to 65535",
     false},
    {"PprofVariable", config_set_variable, IN_BLOCK(pprof_variable), 0, 0, 0,
     "the name of an environment variable in quotes, without '='", false},
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
  if (config->blocks_len >= PROCESS_BLOCKS_MAX - 1) /* one place is the sidecar block's */
    return config_refuse(context, "too many Process blocks; allowed are 31");

  struct process_block *block = config_add_block(config, name);
  if (block == NULL)
    return -1;
  char title[200], printable[160];
  snprintf(title, sizeof(title), "<Process \"%s\">",
           text_printable(printable, sizeof(printable), span_of(name)));
  struct config_context inner = *context;
  inner.block = title;
  inner.target = block;
  uint32_t seen = 0;
  return config_parse_block(&inner, item, process_options, ARRAY_LENGTH(process_options),
                            &seen);
}

int config_parse(struct config *config, const oconfig_item_t *plugin_block) {
  struct config_context context = {
      .plugin = "sidecar", .block = "<Plugin sidecar>", .config = config, .target = config};
  return config_parse_block(&context, plugin_block, plugin_options,
                            ARRAY_LENGTH(plugin_options), &config->options_seen);
}
