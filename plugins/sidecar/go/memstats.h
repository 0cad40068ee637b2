/*
 * The "# runtime.MemStats" lines that Go appends to heap?debug=1 (runtime/pprof,
 * writeHeapInternal). They follow all sample records, so the body is parsed as it streams in,
 * in chunks of any size, and only the current line is kept. The records are parsed by
 * heap_profile.h. Pure.
 */
#ifndef SIDECAR_GO_MEMSTATS_H
#define SIDECAR_GO_MEMSTATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/line_reader.h"

enum { MEMSTATS_PAUSES = 256, MEMSTATS_QUANTILES = 5 };

/* Bytes, counts and nanoseconds of runtime.MemStats. VALUE_UNKNOWN: the line is missing, or its
 * number is impossible on today's machines. */
struct memstats {
  uint64_t alloc_bytes_total; /* TotalAlloc */
  uint64_t sys_bytes, mallocs, frees;
  uint64_t heap_alloc_bytes, heap_sys_bytes, heap_idle_bytes, heap_inuse_bytes;
  uint64_t heap_released_bytes, heap_objects;
  uint64_t stack_inuse_bytes, stack_sys_bytes;
  uint64_t mspan_inuse_bytes, mspan_sys_bytes, mcache_inuse_bytes, mcache_sys_bytes;
  uint64_t buck_hash_sys_bytes, gc_sys_bytes, other_sys_bytes;
  uint64_t lookups;
  uint64_t next_gc_bytes; /* unknown with GOGC=off */
  uint64_t last_gc_ns;    /* since the epoch; 0 before the first GC */
  uint64_t num_gc;
  double gc_cpu_fraction;             /* NaN when unknown */
  uint64_t pause_ns[MEMSTATS_PAUSES]; /* the ring: pause of GC n is at (n + 255) % 256 */
  bool has_pauses;
};

struct memstats_parser {
  int status;
  size_t opening_seen; /* bytes of "heap profile: " */
  bool in_memstats;
  uint32_t fields_seen; /* bit i: the table's field i */
  struct line_reader lines;
  struct memstats stats;
};

void memstats_parser_init(struct memstats_parser *parser);

/* Parses the next chunk. Returns 0, or -EBADMSG as soon as it cannot be a heap profile. After
 * an error every further call returns it again. */
int memstats_parser_feed(struct memstats_parser *parser, const char *bytes, size_t len);

/*
 * The body is complete. Returns 0 with the values; -EBADMSG when it was not a heap profile,
 * when HeapAlloc, HeapInuse, HeapSys or NumGC are missing or impossible, or when more is
 * allocated or in use than the size of the heap. A last line without newline counts as missing.
 */
int memstats_parser_finish(struct memstats_parser *parser, struct memstats *ret);

/*
 * Pauses of the collections after previous_num_gc up to stats->num_gc, in nanoseconds;
 * *ret_lost is how many of them had already left the ring. If the number of collections has
 * decreased, it is another process: 0, and none lost.
 */
uint64_t memstats_new_pauses_ns(const struct memstats *stats, uint64_t previous_num_gc,
                                uint64_t *ret_lost);

/*
 * The shortest, the quartiles and the longest of the pauses in the ring: those of the last 256
 * collections, or of all if there were fewer; as debug.ReadGCStats, which client_golang reads.
 * Returns false, with *ret unchanged, before the first collection and when the ring or the
 * number of collections is unknown.
 */
bool memstats_pause_quantiles_ns(const struct memstats *stats,
                                 uint64_t ret[MEMSTATS_QUANTILES]);

#endif
