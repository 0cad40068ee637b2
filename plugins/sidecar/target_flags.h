/*
 * A target's red flags, from status to notification: judging them, a notification and a capture
 * for each change, and the baseline. What the flags take from readings is in redflag/flags.h.
 */
#ifndef SIDECAR_TARGET_FLAGS_H
#define SIDECAR_TARGET_FLAGS_H

#include "sidecar/target.h"

/* Judges the flags after all readings, notifies of those that changed, adds their states. */
void target_flags_judge(struct target *target, struct target_services *services,
                        struct samples *samples);

/* The process is no longer watched: notifies that its raised flags are cleared. */
void target_flags_end(struct target *target, struct target_services *services);

#endif
