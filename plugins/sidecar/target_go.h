/*
 * A target's Go runtime, queried through pprof: goroutine count, MemStats, goroutine dumps and
 * heap profiles at their own intervals, or longer ones that keep PprofBudget, and the stacks
 * that are kept from one profile to the next. Queries never block: their results are collected
 * in a later step of the reading.
 */
#ifndef SIDECAR_TARGET_GO_H
#define SIDECAR_TARGET_GO_H

#include "sidecar/target.h"

/* Sends the queries that are due; with_detail: MemStats too. */
void target_go_query(struct target *target, const struct target_services *services,
                     bool with_detail, uint64_t now_ns);

/* Collects the results that have arrived, and adds their samples and the held ones. Returns 0,
 * or -ESRCH when the process ended. */
int target_go_take(struct target *target, struct target_services *services, uint64_t now_ns,
                   struct samples *samples);

#endif
