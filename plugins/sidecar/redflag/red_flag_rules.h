/*
 * The red flags as the configuration leaves them: thresholds in the signals' own units, times
 * in milliseconds, and what combinations make sense. Pure; reading <RedFlag> blocks is
 * config_red_flags.c.
 */
#ifndef SIDECAR_REDFLAG_RED_FLAG_RULES_H
#define SIDECAR_REDFLAG_RED_FLAG_RULES_H

#include "sidecar/redflag/red_flag.h"

struct red_flag_rule {
  bool disabled;
  double warning, failure; /* in the signal's unit; NaN: none */
  uint64_t hold_ms;
  uint64_t window_ms; /* 0: the flag has none */
};

struct red_flag_rules {
  uint64_t warm_up_ms; /* no growth is judged in a process younger than this */
  struct red_flag_rule rules[RED_FLAGS];
  uint32_t seen[RED_FLAGS]; /* bit n: option n of the flag's block was given */
};

/* Writes the defaults of the table. */
void red_flag_rules_init(struct red_flag_rules *rules);

/* Growth is judged over Hold, cut into this many windows. */
enum { GROWTH_WINDOWS_MIN = 4, GROWTH_WINDOWS_MAX = 24 };

/*
 * Does a rule make sense for its flag? Returns NULL, or what does not: a part of a sentence
 * that names the options, valid for the program's life.
 */
const char *red_flag_rule_fault(enum red_flag flag, const struct red_flag_rule *rule);

#endif
