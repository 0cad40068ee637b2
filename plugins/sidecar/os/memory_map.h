/*
 * The memory map of a process: number of regions and sums, for the detail tier, and region by
 * region, for a capture. All make the kernel walk the process's map under its lock, so none
 * belongs in the pulse, and the caller skips those with sums above a ceiling.
 */
#ifndef SIDECAR_OS_MEMORY_MAP_H
#define SIDECAR_OS_MEMORY_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "sidecar/os/process.h"
#include "sidecar/reading.h"

/* Lines of maps (proc(5)). Returns 0, -EACCES, -ESRCH, -EMFILE, -ETIME (os/host.h). */
int memory_map_count_regions(struct process *process, uint64_t *ret_regions);

/*
 * smaps_rollup (proc(5), Linux 4.14). Returns 0, -EACCES, -ESRCH, -EMFILE; -ENOSYS when
 * the kernel does not have it; -EBADMSG when it holds no sums.
 */
int memory_map_read_rollup(struct process *process, struct memory_map_rollup *ret);

/* A return value other than 0 ends the walk. */
typedef int (*memory_map_region_fn)(void *context, const struct memory_map_region *region);

/*
 * Each region of smaps, or of maps when with_sums is false: then the kernel walks no page
 * tables. Returns 0, the function's return value, -EACCES, -ESRCH, -EMFILE, -EBADMSG, -ENOSYS.
 */
int memory_map_list(struct process *process, bool with_sums, memory_map_region_fn on_region,
                    void *context);

#endif
