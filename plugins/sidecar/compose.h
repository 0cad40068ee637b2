/*
 * From what was read to the samples that are sent: one function a reading. Pure; the
 * names of metrics meet the fields of readings here and nowhere else.
 */
#ifndef SIDECAR_COMPOSE_H
#define SIDECAR_COMPOSE_H

#include "sidecar/metrics.h"
#include "sidecar/parse/goroutine_profile.h"
#include "sidecar/parse/heap_profile.h"
#include "sidecar/parse/memstats.h"
#include "sidecar/reading.h"

void compose_pulse(struct samples *samples, const struct process_pulse *pulse,
                   uint64_t ticks_per_second);

/* What a class of descriptors is called: the type instance of process_fds. */
const char *compose_class_name(enum descriptor_class class);

/* Type instances of patterns are borrowed from them. */
void compose_descriptors(struct samples *samples, const struct descriptors_reading *reading,
                         const struct pattern *patterns, size_t patterns_len);

void compose_rollup(struct samples *samples, const struct memory_map_rollup *rollup);

/* The values that go up and down. */
void compose_memstats_gauges(struct samples *samples, const struct memstats *stats);

/* Those that only go up. pauses_ns: the sum of GC pauses so far. */
void compose_memstats_counters(struct samples *samples, const struct memstats *stats,
                               uint64_t pauses_ns);

/* Type instances of patterns are borrowed from the lists. */
void compose_goroutine_profile(struct samples *samples, const struct goroutine_profile *profile,
                               const struct pattern_list *patterns);
void compose_heap_profile(struct samples *samples, const struct heap_profile *profile,
                          const struct pattern_list *patterns);

#endif
