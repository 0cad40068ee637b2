/*
 * The line about one process that Summary logs in each interval, with the values that are
 * above the healthy ranges of the operating system (os/healthy.h). Pure.
 */
#ifndef SIDECAR_SUMMARY_H
#define SIDECAR_SUMMARY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* VALUE_UNKNOWN is shown as "-". */
struct summary {
  const char *instance;
  pid_t pid;
  uint64_t resident_bytes, heap_inuse_bytes;
  uint64_t fds, threads, goroutines;
  uint64_t regular, pipes, directories; /* of the last detail reading */
  const char *pprof_note;               /* why there are no Go values; NULL when there are */
};

/* The RSS at which the guide considers an idle sidecar a problem: 500 MB. */
extern const uint64_t SUMMARY_RESIDENT_HIGH_BYTES;

/* Writes the line to dst, always NUL-terminated, truncated if it does not fit. Returns dst. */
char *summary_format(char *dst, size_t size, const struct summary *summary);

#endif
