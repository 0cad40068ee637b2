/*
 * One pass over a process's descriptors: what descriptors.c, which lists them and counts
 * those without a path, shares with descriptor_path.c, which counts those that have one.
 */
#ifndef SIDECAR_LINUX_DESCRIPTOR_PASS_H
#define SIDECAR_LINUX_DESCRIPTOR_PASS_H

#include "sidecar/linux/lock_match.h"
#include "sidecar/linux/open_files.h"
#include "sidecar/linux/path_table.h"
#include "sidecar/os/descriptors.h"

struct descriptors {
  const struct pattern *patterns;
  size_t patterns_len;
  uint32_t database_patterns; /* bit i: pattern i tells databases */
  struct path_table paths;
  uint64_t max; /* DESCRIPTORS_MAX, but in tests */
};

struct descriptor_pass {
  struct descriptors *descriptors;
  struct open_files files;
  struct lock_match locks;
  const uint64_t *socket_inodes;
  size_t socket_inodes_len;
  uint64_t owned; /* bit i: socket_inodes[i] is open */
  size_t checks_left;
  size_t lock_info_left;
  uint64_t regular_paths;
  uint64_t most_opened_hash; /* of the path in reading->same_file_path */
  int most_opened_fd;        /* the lowest that has it open */
  struct descriptors_reading *reading;
};

/* One descriptor of the pass. */
struct open_descriptor {
  const char *name; /* of the link: the descriptor's number */
  int fd;
  struct span target;
  struct fd_link parsed;
};

/*
 * Counts a descriptor whose target is a path, all but its class and the total. Returns 0;
 * -ENOENT when it was closed meanwhile; -ENOMEM.
 */
int descriptor_pass_count_path(struct descriptor_pass *pass,
                               const struct open_descriptor *descriptor,
                               enum descriptor_class *ret_class);

#endif
