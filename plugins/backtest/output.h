/*
 * What is printed: a line for each change, or a summary of each recording, as comma-separated
 * values.
 */
#ifndef BACKTEST_OUTPUT_H
#define BACKTEST_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "backtest/replay.h"

/* The flag of one recording, for the summary. */
struct tally {
  bool is_up;
  uint64_t times_up;
  uint64_t since_ms; /* of is_up */
  uint64_t up_ms;
  uint64_t first_ms; /* when it first went up; 0: never */
};

struct output {
  FILE *out; /* borrowed */
  bool is_summary;
  bool has_risen; /* a flag went up */
  struct tally tallies[RED_FLAGS];
};

/* Prints the header. */
void output_begin(struct output *output, FILE *out, bool is_summary);

/* The change function of a replay, whose context is the output. */
void output_change(void *context, const struct change *change);

/* A recording has ended: prints its summary, if that is wanted. */
void output_end_recording(struct output *output, const struct replay *replay,
                          const struct config *config, const char *name);

#endif
