/*
 * The overnight comparison of the guide as a page of text: what grew since the baseline, by how
 * much, which stacks, and which red flags changed when. Pure.
 */
#ifndef SIDECAR_REDFLAG_REPORT_H
#define SIDECAR_REDFLAG_REPORT_H

#include "common/suspends.h"
#include "sidecar/redflag/evaluator.h"
#include "sidecar/redflag/evidence.h"
#include "sidecar/redflag/snapshot.h"

enum { REPORT_CHANGES = 32 };

/* A red flag whose state changed. */
struct flag_change {
  int64_t wall_ms; /* since the epoch */
  enum red_flag flag;
  enum red_flag_state state;
};

/* The latest changes, in a ring. All zero is empty. */
struct flag_changes {
  struct flag_change items[REPORT_CHANGES];
  size_t total; /* the newest is number total - 1 */
};

void flag_changes_add(struct flag_changes *changes, const struct flag_change *change);

struct report {
  const struct evidence_facts *facts;
  const struct evaluator *evaluator;
  const struct flag_changes *changes;
  const struct trend *trend; /* since the baseline */
  double start_time_seconds; /* since the epoch; NaN unknown */
  int64_t baseline_wall_ms;  /* 0: no baseline yet */
  int64_t now_wall_ms;
  const struct suspends *suspends; /* of the machine; NULL: none */
};

/* Appends the page, truncated to the cap of the buffer. */
void report_write(struct buffer *text, const struct report *report);

#endif
