/*
 * The state of one process's descriptors between readings. In a separate header so that a test
 * can lower the limit.
 */
#ifndef SIDECAR_LINUX_DESCRIPTORS_H
#define SIDECAR_LINUX_DESCRIPTORS_H

#include "sidecar/linux/path_table.h"
#include "sidecar/os/descriptors.h"

struct descriptors {
  const struct pattern *patterns;
  size_t patterns_len;
  uint32_t database_patterns; /* bit i: pattern i matches databases */
  struct path_table paths;
  struct descriptor_pass *pass; /* of the reading in progress; NULL: none */
  uint64_t max;                 /* DESCRIPTORS_MAX, but in tests */
};

#endif
