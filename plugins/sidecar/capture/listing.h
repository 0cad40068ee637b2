/*
 * The texts fds.txt and memory-map.txt of a bundle: similar to the output of `lsof | sort |
 * uniq -c` and `pmap -x`. The writer adds descriptors and regions one by one as it reads them,
 * and prints them at the end. Names come from other programs and are made printable. Pure.
 */
#ifndef SIDECAR_CAPTURE_LISTING_H
#define SIDECAR_CAPTURE_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "sidecar/reading.h"

enum { LISTING_MAX_BYTES = 8 * 1024 * 1024 };

struct descriptor_listing;

/* Returns 0 or -ENOMEM; the caller owns *ret. */
int descriptor_listing_new(struct descriptor_listing **ret);

/* NULL is fine. */
void descriptor_listing_free(struct descriptor_listing *listing);

/* target: as reported by the kernel, raw bytes; "" if the path is too long. Returns 0 or
 * -ENOMEM. */
int descriptor_listing_add(struct descriptor_listing *listing, int fd,
                           enum descriptor_class class, struct span target);

/* Counts by class, the files that are open most often, then each descriptor, in the order in
 * which they were added. Those that did not fit are counted at the end. Nothing can be added
 * after this. Returns 0, -ENOMEM or -EMSGSIZE. */
int descriptor_listing_print(struct descriptor_listing *listing, struct buffer *text);

/* A region of a memory map, in bytes; except for its size VALUE_UNKNOWN if not read. */
struct region_sizes {
  uint64_t size, rss, pss, private_dirty, lazyfree, swap;
};

struct region_listing;

/* Returns 0 or -ENOMEM; the caller owns *ret. */
int region_listing_new(struct region_listing **ret);

/* NULL is fine. */
void region_listing_free(struct region_listing *listing);

/* name: as reported by the kernel, raw bytes; "" for anonymous memory. Returns 0 or -ENOMEM. */
int region_listing_add(struct region_listing *listing, struct span name,
                       const struct region_sizes *sizes);

/* A table of regions and their sums by name: the largest RSS first, or the largest size if not
 * by_rss. What does not fit in the text is omitted. Nothing can be added after this. Returns 0
 * or -ENOMEM. */
int region_listing_print(struct region_listing *listing, bool by_rss, struct buffer *text);

#endif
