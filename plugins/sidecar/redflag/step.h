/*
 * A spike that does not recede: the floor steps up within a quarter of an hour or so, well
 * above all it was before, and stays there. Growth that is slower is growth.h's. It has
 * receded when half of the step is gone; after Window it is the new plateau. Pure.
 */
#ifndef SIDECAR_REDFLAG_STEP_H
#define SIDECAR_REDFLAG_STEP_H

#include "sidecar/redflag/red_flag_rules.h"
#include "sidecar/redflag/windows.h"

struct step {
  struct windows windows;
  bool is_up;        /* it has stepped, and has not receded */
  bool is_raised;    /* for Hold */
  double base;       /* highest trough of the plateau before */
  double least;      /* height that makes a step of it */
  double trough;     /* of the newest window */
  uint64_t begin_ms; /* of the first window above */
  uint64_t trough_ms;
};

void step_init(struct step *step, const struct red_flag_rule *rule);

/* Takes an observation; warm-up is the caller's. */
void step_add(struct step *step, const struct red_flag_rule *rule, double value,
              uint64_t now_ms);

#endif
