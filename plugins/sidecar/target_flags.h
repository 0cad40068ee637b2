/*
 * A target's red flags, from status to notification: judging them, a notification and a capture
 * for each change; the baseline, and captures of rounds. What the flags take from readings is
 * in redflag/flags.h.
 */
#ifndef SIDECAR_TARGET_FLAGS_H
#define SIDECAR_TARGET_FLAGS_H

#include "sidecar/capture/request.h"
#include "sidecar/target.h"

/* Judges the flags after all readings, notifies of those that changed, adds their states. */
void target_flags_judge(struct target *target, struct target_services *services,
                        struct samples *samples);

/* Requests the capture of a target's round of this kind; see target_rounds.h. Return values as
 * of capture_request(). services->capture is not NULL. */
int target_flags_capture_round(const struct target *target,
                               const struct target_services *services, enum round_kind kind,
                               char ret_path[CAPTURE_PATH_MAX]);

/* As capture_check(). */
int target_flags_check_round(const struct target *target,
                             const struct target_services *services, enum round_kind kind);

/* The process is no longer watched: notifies that its raised flags are cleared. */
void target_flags_end(struct target *target, struct target_services *services);

#endif
