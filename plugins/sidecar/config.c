/* Defaults, completion and end of the configuration; see config.h. */
#include "sidecar/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/go/pprof_query.h"
#include "sidecar/go/stack.h"

/* What the guide counts with lsof | grep. SQLite's journals are open along with the database.
 */
const struct pattern_default config_fd_patterns[] = {
    {"claude_sessions", "/\\.claude/projects(/|$)"},
    {"codex_sessions", "/\\.codex/sessions(/|$)"},
    {"sqlite", "\\.(db|sqlite|sqlite3)(-wal|-shm|-journal)?( \\(deleted\\))?$"},
    {NULL, NULL},
};

struct config *config_new(void) {
  struct config *config = calloc(1, sizeof(*config));
  if (config == NULL)
    return NULL;
  config->detail_interval_ms = 60 * 1000;
  config->smaps_max_rss_bytes = 2048ull << 20;
  config->pprof_timeout_ms = 5000;
  config->pprof_max_bytes = 16ull << 20;
  config->pprof_budget_ppm = 1000;
  config->max_processes = 256;
  config->max_new_names = 64;
  config->goroutine_dump_interval_ms = 60 * 1000;
  config->goroutine_dump_max = 5000;
  config->goroutine_leak_interval_ms = 600 * 1000;
  config->goroutine_leak_max_heap_bytes = 512ull << 20;
  config->heap_profile_interval_ms = 60 * 1000;
  config->capture = true;
  config->baseline_delay_ms = 300 * 1000;
  config->capture_interval_ms = 3600 * 1000;
  config->capture_max_bytes = 1024ull << 20;
  config->capture_process_max_bytes = 128ull << 20;
  config->capture_process_max_bundles = 20;
  config->cpu_profile_seconds = 30;
  config->capture_folder = strdup("sidecar-captures");
  red_flag_rules_init(&config->red_flags);
  config->proc_root = strdup("/proc");
  if (config->capture_folder == NULL || config->proc_root == NULL) {
    config_free(config);
    return NULL;
  }
  return config;
}

void config_free(struct config *config) {
  if (config == NULL)
    return;
  pattern_list_clear(&config->fd_patterns);
  pattern_list_clear(&config->goroutine_patterns);
  pattern_list_clear(&config->heap_patterns);
  for (size_t i = 0; i < config->blocks_len; i++) {
    struct process_block *block = &config->blocks[i];
    if (block->command_line != NULL)
      regfree(&block->command_line_regex);
    free(block->name);
    free(block->executable);
    free(block->command_line);
    free(block->instance_template);
    free(block->pprof_variable);
    free(block->pprof_path);
  }
  for (size_t flag = 0; flag < RED_FLAGS; flag++)
    for (size_t i = 0; i < RED_FLAG_PATTERNS_MAX; i++)
      free(config->red_flag_patterns[flag][i]);
  free(config->capture_folder);
  free(config->proc_root);
  free(config);
}

struct process_block *config_add_block(struct config *config, const char *name) {
  bool is_sidecar = strcmp(name, "sidecar") == 0;
  struct process_block *block = &config->blocks[config->blocks_len];
  *block = (struct process_block){
      .name = strdup(name),
      .enabled = true,
      .executable = strdup(name),
      /* sidecar is started once per project; of other programs only the name is known */
      .instance_template = strdup(is_sidecar ? "%{cwd}" : "%{process}"),
      .minimum_age_ms = 5000,
      .pprof = true,
      .pprof_variable = strdup(PPROF_DEFAULT_VARIABLE),
      .pprof_path = strdup(PPROF_DEFAULT_PATH),
  };
  config->blocks_len++;
  if (block->name == NULL || block->executable == NULL || block->instance_template == NULL ||
      block->pprof_variable == NULL || block->pprof_path == NULL)
    return NULL;
  return block;
}

int config_complete(struct config *config) {
  bool has_sidecar = false;
  for (size_t i = 0; i < config->blocks_len; i++)
    has_sidecar = has_sidecar || strcmp(config->blocks[i].name, "sidecar") == 0;
  if (!has_sidecar && config_add_block(config, "sidecar") == NULL)
    return -ENOMEM;
  if (pattern_list_add_defaults(&config->fd_patterns, config_fd_patterns) != 0 ||
      pattern_list_add_defaults(&config->goroutine_patterns, stack_patterns_of_goroutines) !=
          0 ||
      pattern_list_add_defaults(&config->heap_patterns, stack_patterns_of_heap) != 0)
    return -ENOMEM;
  return 0;
}

const char *config_fault(const struct config *config, char *text, size_t size) {
  const struct {
    const char *definition;
    const struct pattern_list *list;
  } patterns[] = {
      [FD_PATTERNS] = {"an FdMatch", &config->fd_patterns},
      [GOROUTINE_PATTERNS] = {"a GoroutineMatch", &config->goroutine_patterns},
  };
  for (size_t flag = 0; flag < RED_FLAGS; flag++) {
    enum red_flag_pattern kind = red_flags[flag].pattern_kind;
    const char *const *name = config->red_flags.rules[flag].patterns;
    for (; *name != NULL; name++) {
      if (pattern_list_has(patterns[kind].list, *name))
        continue;
      snprintf(text, size, "<RedFlag \"%s\">: Patterns: \"%s\" is not the name of %s",
               red_flags[flag].name, *name, patterns[kind].definition);
      return text;
    }
  }
  return NULL;
}
