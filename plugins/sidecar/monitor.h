/*
 * The monitor: all targets, which processes they are, their names, and the order of the steps
 * of a reading. Independent of collectd; plugin.c is the glue.
 */
#ifndef SIDECAR_MONITOR_H
#define SIDECAR_MONITOR_H

#include "sidecar/target.h"

struct monitor;

/*
 * config is borrowed and must be complete (config_complete). Returns 0, or -errno after logging
 * the reason through the sink: the process table cannot be read, no thread, no memory. The
 * caller owns *ret.
 */
int monitor_new(const struct config *config, const struct target_sink *sink,
                struct monitor **ret);

/* Takes milliseconds, whatever the targets do. NULL is fine. Returns false when a thread is
 * left behind that a process blocks, and owns the configuration from now on. */
bool monitor_free(struct monitor *monitor);

/*
 * One reading: finds processes, reads and sends all tiers that are due. interval_ns is the time
 * between readings; it determines how long to wait for responses of Go runtimes. Failures are
 * logged through the sink and never stop the readings.
 */
void monitor_read(struct monitor *monitor, uint64_t interval_ns);

#endif
