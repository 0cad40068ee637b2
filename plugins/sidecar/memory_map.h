/*
 * The memory map of a process in the two forms the detail tier wants: how many regions,
 * and what they add up to; and region by region, for a capture. All make the kernel walk the
 * target's map under its lock, so none belongs into the pulse, and the caller holds those
 * with sums back above a ceiling.
 */
#ifndef SIDECAR_MEMORY_MAP_H
#define SIDECAR_MEMORY_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "sidecar/process.h"

/* Sums over all regions, in bytes; VALUE_UNKNOWN where this kernel does not say. */
struct memory_map_rollup {
  uint64_t rss, pss, private_clean, private_dirty, lazyfree, swap_pss;
  uint64_t footprint; /* private_clean + private_dirty + swap_pss - lazyfree: what ending
                         the process would give back; unknown if one of them is */
};

/* Lines of maps (proc(5)). Returns 0, -EACCES, -ESRCH, -EMFILE. */
int memory_map_count_regions(struct process *process, uint64_t *ret_regions);

/*
 * smaps_rollup (proc(5), Linux 4.14). Returns 0, -EACCES, -ESRCH, -EMFILE; -ENOSYS when
 * the kernel does not have it; -EBADMSG when it holds no sums.
 */
int memory_map_read_rollup(struct process *process, struct memory_map_rollup *ret);

/* One region, in bytes; but for its size VALUE_UNKNOWN without sums. */
struct memory_map_region {
  struct span name; /* as the kernel gives it: a path, "[heap]", "" for anonymous memory; raw
                       bytes, valid during the call */
  uint64_t size, rss, pss, private_dirty, lazyfree, swap;
};

/* What it returns, if not 0, ends the walk. */
typedef int (*memory_map_region_fn)(void *context, const struct memory_map_region *region);

/*
 * Each region of smaps, or of maps when with_sums is false: then the kernel walks no page
 * tables. Returns 0, what the function returned, -EACCES, -ESRCH, -EMFILE, -EBADMSG, -ENOSYS.
 */
int memory_map_list(struct process *process, bool with_sums, memory_map_region_fn on_region,
                    void *context);

#endif
