/*
 * The monitor: all targets, which processes they are and what they are called, and the order in
 * which a reading goes through them. Knows nothing of collectd; plugin.c is between.
 */
#ifndef SIDECAR_MONITOR_H
#define SIDECAR_MONITOR_H

#include "sidecar/target.h"

struct monitor;

/*
 * config is borrowed and must be complete (config_complete). Returns 0, or -errno after
 * logging through the sink what is wrong: the process table cannot be read, no thread, no
 * memory. The caller owns *ret.
 */
int monitor_new(const struct config *config, const struct target_sink *sink,
                struct monitor **ret);

/* Ends within milliseconds, whatever the targets do. NULL is fine. */
void monitor_free(struct monitor *monitor);

/*
 * One reading: finds processes, reads and sends all tiers that are due. interval_ns is the
 * time between readings, from which it is decided how long answers of Go runtimes are
 * waited for. Failures are logged through the sink and are never a reason to stop reading.
 */
void monitor_read(struct monitor *monitor, uint64_t interval_ns);

#endif
