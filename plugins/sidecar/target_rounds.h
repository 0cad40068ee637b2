/*
 * Captures of targets that no red flag asks for, in rounds: at the times of CaptureSchedule,
 * and when an administrator asks for them (capture/demand.h), who is answered in the log. A
 * round gives each of its targets a capture, a few in each reading, and goes on until they are
 * written or the next round begins.
 */
#ifndef SIDECAR_TARGET_ROUNDS_H
#define SIDECAR_TARGET_ROUNDS_H

#include "sidecar/capture/schedule.h"
#include "sidecar/target.h"

/* All zero: there was none yet. */
struct target_rounds {
  struct schedule_clock clock;
  uint64_t numbers[ROUND_KINDS]; /* of the last round of each kind */
};

/* All borrowed. */
struct target_list {
  struct target **items;
  size_t len;
  struct turn *turns; /* scratch, with room for len */
};

/* To be called in each reading. Begins rounds that are due and goes on with those that have
 * begun. Touches no disk and no process. */
void target_rounds_run(struct target_rounds *rounds, const struct target_list *targets,
                       struct target_services *services);

#endif
