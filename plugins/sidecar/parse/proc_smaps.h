/*
 * /proc/PID/smaps_rollup (proc(5)): one heading and sums "Name:  123 kB".
 */
#ifndef SIDECAR_PARSE_PROC_SMAPS_H
#define SIDECAR_PARSE_PROC_SMAPS_H

#include "common/scan.h"
#include "sidecar/reading.h"

/*
 * Returns 0, with VALUE_UNKNOWN for what does not stand there or makes no sense; -EBADMSG
 * when not even Rss does.
 */
int proc_smaps_parse_rollup(struct span text, struct memory_map_rollup *ret);

#endif
