/*
 * One line of /proc/PID/mountinfo (proc(5)), as far as it says which device a mount is:
 * the device that the lock list names, where stat(2) may show another.
 */
#ifndef SIDECAR_PARSE_PROC_MOUNTINFO_H
#define SIDECAR_PARSE_PROC_MOUNTINFO_H

#include <stdint.h>

#include "common/scan.h"

struct proc_mount {
  uint64_t id; /* mnt_id of fdinfo, stx_mnt_id of statx(2) */
  uint32_t major, minor;
};

/* Returns 0 or -EBADMSG. */
int proc_mountinfo_parse(struct span line, struct proc_mount *ret);

#endif
