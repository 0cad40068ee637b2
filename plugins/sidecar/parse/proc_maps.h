/*
 * The lines of /proc/PID/maps and of smaps (proc(5)): a line a region, and in smaps behind
 * each the lines "Name:  123 kB" of what is resident in it.
 */
#ifndef SIDECAR_PARSE_PROC_MAPS_H
#define SIDECAR_PARSE_PROC_MAPS_H

#include <stdbool.h>

#include "common/scan.h"
#include "sidecar/reading.h"

/*
 * The line of a region: "start-end perms offset device inode  name". Sets size and name (a
 * part of the line, "" where it has none) and leaves the rest unknown. Returns 0 or -EBADMSG.
 */
int proc_maps_parse_region(struct span line, struct memory_map_region *ret);

/* A line of smaps behind that of its region: sets what it has of the region. Lines that are
 * of no interest are passed over. */
void proc_maps_parse_sum(struct span line, struct memory_map_region *region);

/* Does a region begin here, or does the line go on with the last one's sums? */
bool proc_maps_is_sum(struct span line);

#endif
