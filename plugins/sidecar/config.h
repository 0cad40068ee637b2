/*
 * The configuration as plain data, with its defaults: LoadPlugin sidecar alone watches every
 * running sidecar. Reading it from collectd's configuration tree is config_options.h. Pure.
 */
#ifndef SIDECAR_CONFIG_H
#define SIDECAR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pattern.h"
#include "sidecar/capture/schedule.h"
#include "sidecar/redflag/red_flag.h"

enum { PROCESS_BLOCKS_MAX = 32 };

/* A <Process NAME> block: one kind of program to watch. Strings are owned. */
struct process_block {
  char *name;
  bool enabled;
  char *executable;
  char *command_line; /* the expression as written; NULL: any */
  regex_t command_line_regex;
  char *instance_template;
  uint64_t minimum_age_ms;
  bool pprof;
  uint16_t pprof_port;  /* 0: from the environment */
  char *pprof_variable; /* name of the environment variable */
  char *pprof_path;     /* prefix of the pages; begins and ends with '/' */
};

struct config {
  uint64_t detail_interval_ms;
  char *proc_root;
  uint64_t smaps_max_rss_bytes;
  uint64_t pprof_timeout_ms;
  uint64_t pprof_max_bytes;
  uint64_t pprof_budget_ppm; /* of a core; 0: no limit */
  uint64_t max_processes;
  uint64_t max_new_names; /* of a user, in an hour */
  bool summary;
  uint64_t options_seen;               /* bit n: option n of the plugin block was given */
  uint64_t goroutine_dump_interval_ms; /* 0: never */
  uint64_t goroutine_dump_max;         /* goroutines */
  uint64_t goroutine_leak_interval_ms; /* 0: never */
  uint64_t goroutine_leak_max_heap_bytes;
  uint64_t heap_profile_interval_ms; /* 0: never */
  bool capture, capture_on_warning;
  char *capture_folder; /* relative: below BaseDir */
  uint64_t baseline_delay_ms;
  uint64_t capture_interval_ms; /* between two bundles of one flag of one process */
  struct schedule capture_schedule;
  uint64_t capture_max_bytes, capture_process_max_bytes, capture_process_max_bundles;
  uint64_t cpu_profile_seconds; /* 0: none */
  struct red_flag_rules red_flags;
  uint64_t red_flag_options_seen[RED_FLAGS]; /* bit n: option n of the flag's block was given */
  char *red_flag_patterns[RED_FLAGS][RED_FLAG_PATTERNS_MAX]; /* owned; of rules with Patterns */
  struct pattern_list fd_patterns, goroutine_patterns, heap_patterns;
  struct process_block blocks[PROCESS_BLOCKS_MAX];
  size_t blocks_len;
};

/* The FdMatch patterns that each configuration has; ended by a NULL name. */
extern const struct pattern_default config_fd_patterns[];

/* Returns the defaults, or NULL when out of memory. The caller owns it. */
struct config *config_new(void);
void config_free(struct config *config);

/*
 * Adds a Process block with its defaults. The caller has checked that there is room. Returns
 * NULL when out of memory; the block is config's.
 */
struct process_block *config_add_block(struct config *config, const char *name);

/*
 * To be called after all blocks: adds what the user did not configure (the sidecar block,
 * default patterns that were not replaced). Returns 0 or -ENOMEM.
 */
int config_complete(struct config *config);

/*
 * Checks that each pattern that a red flag refers to is configured. Returns NULL, or an error
 * line with flag and pattern, written to text.
 */
const char *config_fault(const struct config *config, char *text, size_t size);

#endif
