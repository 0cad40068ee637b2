/*
 * How much of a Go heap is live, from readings of MemStats: HeapAlloc without the garbage since
 * the last collection. Bytes. Pure.
 *
 * With GOGC=100, the default, the next collection starts at twice what the last one left
 * (runtime/mgcpacer.go), so that is half of NextGC. With another GOGC, or with GOMEMLIMIT, when
 * NextGC is what the limit leaves, it is something else. Then what was allocated since the last
 * collection is subtracted from HeapAlloc: a share of the increase of TotalAlloc since the
 * previous reading, by time, which is exact only if the program allocates evenly. Which of the
 * two it is, is decided again after every few collections: half of NextGC counts while the
 * other agrees with it and it is not the constant of a limit. Between collections nothing is
 * freed, and nothing new is known.
 */
#ifndef SIDECAR_GO_LIVE_HEAP_H
#define SIDECAR_GO_LIVE_HEAP_H

#include "sidecar/go/memstats.h"

struct live_heap {
  bool has_read;
  uint64_t num_gc, allocated; /* NumGC and TotalAlloc of the previous reading */
  int64_t wall_ms;            /* when that was, since the epoch */
  double live;                /* as last returned */
  bool agrees, varies;        /* half of NextGC counts if it does both */
  /* of the current group of readings that followed a collection */
  unsigned readings;
  double ratios;                /* sum of the estimates, each in halves of NextGC */
  double next_least, next_most; /* NextGC */
  double next;                  /* at the previous reading; 0: not known */
};

void live_heap_init(struct live_heap *heap);

/* A reading of that time, in milliseconds since the epoch. Returns what was live after the last
 * collection, or a little more; NaN when it is not known. */
double live_heap_observe(struct live_heap *heap, const struct memstats *stats, int64_t wall_ms);

#endif
