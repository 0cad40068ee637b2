/*
 * Prints the configuration's defaults as the code has them, one a line, for the test that
 * holds the man page and the sample configuration against them: where it stands (plugin,
 * sidecar: the sidecar block, other: any other block), name of the field, value.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/config.h"

static void print_number(const char *where, const char *field, uint64_t value) {
  printf("%s\t%s\t%" PRIu64 "\n", where, field, value);
}

static void print_text(const char *where, const char *field, const char *value) {
  printf("%s\t%s\t%s\n", where, field, value != NULL ? value : "");
}

static void print_truth(const char *where, const char *field, bool value) {
  print_text(where, field, value ? "true" : "false");
}

static void print_block(const char *where, const struct process_block *block) {
  print_text(where, "command_line", block->command_line);
  print_truth(where, "enabled", block->enabled);
  print_text(where, "executable", block->executable);
  print_text(where, "instance_template", block->instance_template);
  print_number(where, "minimum_age_ms", block->minimum_age_ms);
  print_truth(where, "pprof", block->pprof);
  print_number(where, "pprof_port", block->pprof_port);
  print_text(where, "pprof_variable", block->pprof_variable);
}

int main(void) {
  struct config *config = config_new();
  if (config == NULL || config_add_block(config, "other") == NULL ||
      config_complete(config) != 0)
    return 1;
  print_number("plugin", "baseline_delay_ms", config->baseline_delay_ms);
  print_truth("plugin", "capture", config->capture);
  print_text("plugin", "capture_folder", config->capture_folder);
  print_number("plugin", "capture_interval_ms", config->capture_interval_ms);
  print_number("plugin", "capture_max_bytes", config->capture_max_bytes);
  print_truth("plugin", "capture_on_warning", config->capture_on_warning);
  print_number("plugin", "capture_process_max_bundles", config->capture_process_max_bundles);
  print_number("plugin", "capture_process_max_bytes", config->capture_process_max_bytes);
  print_number("plugin", "cpu_profile_seconds", config->cpu_profile_seconds);
  print_number("plugin", "detail_interval_ms", config->detail_interval_ms);
  print_number("plugin", "goroutine_dump_interval_ms", config->goroutine_dump_interval_ms);
  print_number("plugin", "goroutine_dump_max", config->goroutine_dump_max);
  print_number("plugin", "heap_profile_interval_ms", config->heap_profile_interval_ms);
  print_number("plugin", "max_processes", config->max_processes);
  print_number("plugin", "pprof_max_bytes", config->pprof_max_bytes);
  print_number("plugin", "pprof_timeout_ms", config->pprof_timeout_ms);
  print_text("plugin", "proc_root", config->proc_root);
  print_number("plugin", "smaps_max_rss_bytes", config->smaps_max_rss_bytes);
  print_truth("plugin", "summary", config->summary);
  print_number("plugin", "red_flags.warm_up_ms", config->red_flags.warm_up_ms);
  print_block("other", &config->blocks[0]);
  print_block("sidecar", &config->blocks[1]);
  config_free(config);
  return 0;
}
