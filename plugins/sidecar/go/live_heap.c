/* How much of a Go heap is live; see live_heap.h. */
#include "sidecar/go/live_heap.h"

#include <math.h>

#include "common/scan.h"

enum { GROUP_READINGS = 8 };

/* How far the mean of the estimates may be from half of NextGC, and by what NextGC differs at
 * least within a group unless it is a constant: shares. */
static const double AGREES = 0.15, VARIES = 0.01;

/* NextGC of a small heap with GOGC=100, whatever is live (runtime/mgcpacer.go, heapMinimum). */
static const uint64_t HEAP_MINIMUM = 4 << 20;

static void begin_group(struct live_heap *heap) {
  heap->readings = 0;
  heap->ratios = 0;
  heap->next_least = INFINITY;
  heap->next_most = 0;
}

void live_heap_init(struct live_heap *heap) {
  *heap = (struct live_heap){.live = NAN, .agrees = true, .varies = true};
  begin_group(heap);
}

static void compare(struct live_heap *heap, double estimate, double next) {
  if (fabs(next - heap->next) > VARIES * next)
    heap->varies = true;
  heap->next = next;
  heap->ratios += estimate / (next / 2);
  heap->next_least = fmin(heap->next_least, next);
  heap->next_most = fmax(heap->next_most, next);
  if (++heap->readings < GROUP_READINGS)
    return;
  heap->agrees = fabs(heap->ratios / GROUP_READINGS - 1) <= AGREES;
  heap->varies = heap->next_most - heap->next_least > VARIES * heap->next_most;
  begin_group(heap);
}

/* Allocated since the last collection, which was after the previous reading. */
static double allocated_since(const struct live_heap *heap, const struct memstats *stats,
                              int64_t wall_ms) {
  double passed_ms = (double)(wall_ms - heap->wall_ms);
  if (!heap->has_read || stats->alloc_bytes_total == VALUE_UNKNOWN ||
      stats->last_gc_ns == VALUE_UNKNOWN || heap->allocated == VALUE_UNKNOWN ||
      stats->alloc_bytes_total < heap->allocated || passed_ms <= 0)
    return 0;
  double age_ms = (double)wall_ms - (double)stats->last_gc_ns / 1e6;
  return (double)(stats->alloc_bytes_total - heap->allocated) *
         fmin(fmax(age_ms / passed_ms, 0), 1);
}

double live_heap_observe(struct live_heap *heap, const struct memstats *stats,
                         int64_t wall_ms) {
  if (stats == NULL || stats->heap_alloc_bytes == VALUE_UNKNOWN)
    return NAN;
  double alloc = (double)stats->heap_alloc_bytes;
  bool has_next = stats->next_gc_bytes != VALUE_UNKNOWN && stats->next_gc_bytes > 0;
  bool has_collected = !heap->has_read || stats->num_gc != heap->num_gc;
  double estimate = alloc;
  if (has_collected) {
    estimate = fmax(alloc - allocated_since(heap, stats, wall_ms), 0);
    if (has_next && stats->next_gc_bytes > HEAP_MINIMUM)
      compare(heap, estimate, (double)stats->next_gc_bytes);
  }
  double live = has_next && heap->agrees && heap->varies
                    ? fmin(alloc, (double)stats->next_gc_bytes / 2)
                    : estimate;
  heap->live = has_collected ? live : fmin(heap->live, live);
  heap->has_read = true;
  heap->num_gc = stats->num_gc;
  heap->allocated = stats->alloc_bytes_total;
  heap->wall_ms = wall_ms;
  return heap->live;
}
