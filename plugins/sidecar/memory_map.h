/*
 * The memory map of a process in the two forms the detail tier wants: how many regions,
 * and what they add up to. Both make the kernel walk the target's map under its lock, so
 * neither belongs into the pulse, and the caller holds the second back above a ceiling.
 */
#ifndef SIDECAR_MEMORY_MAP_H
#define SIDECAR_MEMORY_MAP_H

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

#endif
