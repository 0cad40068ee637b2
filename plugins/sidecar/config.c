/*
 * The configuration's life: defaults, completion, end. Reading it from collectd's
 * configuration tree is config_parse.c.
 */
#include "sidecar/config.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/collectd.h"
#include "sidecar/config_internal.h"

/* What the guide counts by hand with lsof | grep. SQLite's journals are open with it. */
static const struct {
  const char *name, *expression;
} default_patterns[] = {
    {"claude_sessions", "/\\.claude/projects(/|$)"},
    {"codex_sessions", "/\\.codex/sessions(/|$)"},
    {"sqlite", "\\.(db|sqlite|sqlite3)(-wal|-shm|-journal)?( \\(deleted\\))?$"},
};

struct config *config_new(void) {
  struct config *config = calloc(1, sizeof(*config));
  if (config == NULL)
    return NULL;
  config->detail_interval_ms = 60 * 1000;
  config->smaps_max_rss_bytes = 2048ull << 20;
  config->pprof_timeout_ms = 2000;
  config->pprof_max_bytes = 16ull << 20;
  config->max_processes = 256;
  config->proc_root = strdup("/proc");
  if (config->proc_root == NULL) {
    free(config);
    return NULL;
  }
  return config;
}

void config_free(struct config *config) {
  if (config == NULL)
    return;
  for (size_t i = 0; i < config->patterns_len; i++) {
    free((char *)config->patterns[i].name);
    regfree(&config->patterns[i].regex);
  }
  for (size_t i = 0; i < config->blocks_len; i++) {
    struct process_block *block = &config->blocks[i];
    if (block->command_line != NULL)
      regfree(&block->command_line_regex);
    free(block->name);
    free(block->executable);
    free(block->command_line);
    free(block->instance_template);
    free(block->pprof_variable);
  }
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
      /* sidecar is started once per project; of others only the name is known */
      .instance_template = strdup(is_sidecar ? "%{cwd}" : "%{process}"),
      .minimum_age_ms = 5000,
      .pprof = true,
      .pprof_variable = strdup("SIDECAR_PPROF"),
  };
  config->blocks_len++;
  if (block->name == NULL || block->executable == NULL || block->instance_template == NULL ||
      block->pprof_variable == NULL) {
    ERROR("sidecar plugin: out of memory");
    return NULL;
  }
  return block;
}

static bool has_pattern(const struct config *config, const char *name) {
  for (size_t i = 0; i < config->patterns_len; i++) {
    if (strcmp(config->patterns[i].name, name) == 0)
      return true;
  }
  return false;
}

static int add_default_patterns(struct config *config) {
  for (size_t i = 0; i < ARRAY_LENGTH(default_patterns); i++) {
    if (has_pattern(config, default_patterns[i].name))
      continue;
    struct descriptor_pattern *pattern = &config->patterns[config->patterns_len];
    if (regcomp(&pattern->regex, default_patterns[i].expression, REG_EXTENDED | REG_NOSUB) != 0)
      return -1;
    pattern->name = strdup(default_patterns[i].name);
    if (pattern->name == NULL) {
      regfree(&pattern->regex);
      return -1;
    }
    config->patterns_len++;
  }
  return 0;
}

int config_complete(struct config *config) {
  bool has_sidecar = false;
  for (size_t i = 0; i < config->blocks_len; i++)
    has_sidecar = has_sidecar || strcmp(config->blocks[i].name, "sidecar") == 0;
  if (!has_sidecar && config_add_block(config, "sidecar") == NULL)
    return -1;
  if (add_default_patterns(config) != 0) {
    ERROR("sidecar plugin: out of memory");
    return -1;
  }
  return 0;
}
