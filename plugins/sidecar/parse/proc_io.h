/* /proc/PID/io (proc(5)): what a process really fetched from and sent to storage. */
#ifndef SIDECAR_PARSE_PROC_IO_H
#define SIDECAR_PARSE_PROC_IO_H

#include <stdint.h>

#include "common/scan.h"

struct proc_io {
  uint64_t read_bytes, write_bytes; /* of all threads, ended ones too */
};

/* Returns 0, or -EBADMSG when either is missing or no number; *ret is written only on
 * success. */
int proc_io_parse(struct span text, struct proc_io *ret);

#endif
