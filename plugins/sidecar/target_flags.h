/*
 * A target's red flags from status to notification: judging them, a notification of each
 * change, the captures that go with it, and the baseline. What readings mean to them is
 * redflag/flags.h's.
 */
#ifndef SIDECAR_TARGET_FLAGS_H
#define SIDECAR_TARGET_FLAGS_H

#include "sidecar/target.h"

/* Judges the flags after all readings, notifies of those that changed, adds their states. */
void target_flags_judge(struct target *target, struct target_services *services,
                        struct samples *samples);

/* The process is not watched any more: notifies that the flags that are up end with it. */
void target_flags_end(struct target *target, struct target_services *services);

#endif
