/* /proc/PID/limits (proc(5)): how many descriptors a process may have open. */
#ifndef SIDECAR_PARSE_PROC_LIMITS_H
#define SIDECAR_PARSE_PROC_LIMITS_H

#include <stdint.h>

#include "common/scan.h"

/* The soft limit. Returns 0, -ENODATA when there is none ("unlimited"), -EBADMSG. */
int proc_limits_parse_open_files(struct span text, uint64_t *ret_soft);

#endif
