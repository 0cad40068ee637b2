/*
 * The texts of a bundle that come from the operating system: what `lsof | sort | uniq -c`
 * and `pmap -x` are used for in the guide. Names are made printable: they are others'.
 */
#ifndef SIDECAR_CAPTURE_REPORT_H
#define SIDECAR_CAPTURE_REPORT_H

#include <stdatomic.h>

#include "common/buffer.h"
#include "sidecar/os/process.h"

enum { REPORT_MAX_BYTES = 8 * 1024 * 1024 };

/*
 * Counts by class, the files that are open most often, and then each descriptor. Returns 0,
 * -ECANCELED once *stopping, -ENOMEM, or as descriptor_list(). What does not fit in the text
 * is counted there.
 */
int report_descriptors(struct process *process, const atomic_bool *stopping,
                       struct buffer *text);

/* Regions and their sums, by name. Returns 0, -ECANCELED, -ENOMEM, or as memory_map_list(). */
int report_memory_map(struct process *process, bool with_sums, const atomic_bool *stopping,
                      struct buffer *text);

#endif
