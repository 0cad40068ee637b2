/*
 * /proc/PID/status (proc(5)): the memory lines of a process, and the context switches of
 * a single thread. Lines are found by their key, because kernels differ in which they
 * have.
 */
#ifndef SIDECAR_PARSE_PROC_STATUS_H
#define SIDECAR_PARSE_PROC_STATUS_H

#include <stdint.h>

#include "common/scan.h"

/* Bytes; VALUE_UNKNOWN for a line that is not there (the split: before Linux 4.5). */
struct proc_status {
  uint64_t resident_peak; /* VmHWM */
  uint64_t resident;      /* VmRSS = anon + file + shmem */
  uint64_t anon;          /* RssAnon */
  uint64_t file;          /* RssFile */
  uint64_t shmem;         /* RssShmem */
  uint64_t swap;          /* VmSwap */
};

/*
 * Returns 0; -ENODATA when there is no resident memory to speak of (a kernel thread, a
 * zombie); -EBADMSG when a line is no number of kB. *ret is written only on success.
 */
int proc_status_parse(struct span text, struct proc_status *ret);

/* voluntary_ctxt_switches and nonvoluntary_ctxt_switches of the thread the text is of.
 * Returns 0 or -EBADMSG. */
int proc_status_parse_switches(struct span text, uint64_t *ret_voluntary,
                               uint64_t *ret_involuntary);

#endif
