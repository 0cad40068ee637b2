/*
 * A snapshot of a process: its numbers at one moment, of any tier. One is kept of the baseline
 * and one of now, so that a notification can say which class grew, and a report what grew at
 * all. Pure.
 */
#ifndef SIDECAR_REDFLAG_SNAPSHOT_H
#define SIDECAR_REDFLAG_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/go/goroutine_profile.h"
#include "sidecar/reading.h"

/* Each is VALUE_UNKNOWN until it was read, and again when it cannot be. */
struct snapshot {
  uint64_t resident_bytes, anon_bytes, file_bytes, shmem_bytes, swap_bytes;
  uint64_t retained_bytes; /* of RSS, freed by the Go program and kept: idle and not released,
                              and what the kernel may take (LazyFree) */
  uint64_t heap_alloc_bytes, heap_inuse_bytes;
  uint64_t memory_regions;
  uint64_t fds, fds_by_class[DESCRIPTOR_CLASSES];
  uint64_t same_file_opens, session_files, inotify_watches;
  uint64_t threads;
  uint64_t goroutines, goroutines_by_state[GOROUTINE_STATES];
  uint64_t goroutines_stuck; /* blocked for at least ten minutes */
  uint64_t fetch_data;
};

/* Everything unknown. */
void snapshot_init(struct snapshot *snapshot);

/* A row of the comparison. */
struct snapshot_field {
  const char *name; /* for people: "RSS", "files" */
  size_t offset;    /* of the uint64_t in struct snapshot */
  bool is_bytes;
};

enum { SNAPSHOT_FIELDS = 17 + DESCRIPTOR_CLASSES + GOROUTINE_STATES };

/* All fields, in the order of the guide's flowchart: memory, descriptors, goroutines. */
extern const struct snapshot_field snapshot_fields[SNAPSHOT_FIELDS];

uint64_t snapshot_value(const struct snapshot *snapshot, const struct snapshot_field *field);

/* How much more now than before; 0 when it is not more, or not known. */
uint64_t snapshot_growth(uint64_t before, uint64_t now);

#endif
