/*
 * All watched processes: who is born, who ended, who is called what, and the order in
 * which a reading goes through them. Knows nothing of collectd; plugin.c is between.
 */
#ifndef SIDECAR_WATCH_H
#define SIDECAR_WATCH_H

#include "sidecar/watched.h"

struct watch;

/*
 * config is borrowed and must be complete (config_complete). Returns 0, or -errno after
 * saying what is wrong through the sink: the process table cannot be read, no thread, no
 * memory. The caller owns *ret.
 */
int watch_new(const struct config *config, const struct watch_sink *sink, struct watch **ret);

/* Ends within milliseconds, whatever the watched processes do. NULL is fine. */
void watch_free(struct watch *watch);

/*
 * One reading: finds processes, reads and sends all tiers that are due. interval_ns is the
 * time between readings, from which it is decided how long answers of Go runtimes are
 * waited for. Problems are said through the sink and are never a reason to stop reading.
 */
void watch_read(struct watch *watch, uint64_t interval_ns);

#endif
