/* Open descriptors and memory regions as texts; see listing.h. */
#include "sidecar/capture/listing.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "common/text.h"
#include "sidecar/capture/tally.h"
#include "sidecar/reading.h"

/* a path of PATH_MAX bytes, each of them escaped */
enum { PRINTABLE_MAX = 4 * PATH_MAX + 1, MOST_OPENED = 30 };

/* --- descriptors --- */

struct descriptor_listing {
  struct tally files; /* regular ones, by name */
  uint64_t by_class[DESCRIPTOR_CLASSES], total;
  struct buffer lines; /* one line for each descriptor */
  uint64_t not_listed;
  char printable[PRINTABLE_MAX];
};

int descriptor_listing_new(struct descriptor_listing **ret) {
  struct descriptor_listing *listing = calloc(1, sizeof(*listing));
  if (listing == NULL)
    return -ENOMEM;
  buffer_init(&listing->lines, LISTING_MAX_BYTES / 2);
  *ret = listing;
  return 0;
}

void descriptor_listing_free(struct descriptor_listing *listing) {
  if (listing == NULL)
    return;
  tally_free(&listing->files);
  buffer_free(&listing->lines);
  free(listing);
}

static const char *printable_target(struct descriptor_listing *listing, struct span target) {
  if (target.len == 0)
    return "(a path too long to be named)";
  return text_printable(listing->printable, sizeof(listing->printable), target);
}

int descriptor_listing_add(struct descriptor_listing *listing, int fd,
                           enum descriptor_class class, struct span target) {
  listing->total++;
  listing->by_class[class]++;
  if (class == DESCRIPTOR_REGULAR && target.len > 0 &&
      tally_add(&listing->files, target, NULL) != 0)
    return -ENOMEM;
  int status = buffer_printf(&listing->lines, "%6d  %-10s  %s\n", fd,
                             descriptor_class_name(class), printable_target(listing, target));
  listing->not_listed += status == -EMSGSIZE;
  return status == -EMSGSIZE ? 0 : status;
}

static int print_classes(const struct descriptor_listing *listing, struct buffer *text) {
  int status = buffer_printf(text, "%" PRIu64 " open descriptors\n", listing->total);
  for (unsigned i = 0; status == 0 && i < DESCRIPTOR_CLASSES; i++)
    status = buffer_printf(text, "%7" PRIu64 "  %s\n", listing->by_class[i],
                           descriptor_class_name((enum descriptor_class)i));
  return status;
}

static int print_most_opened(struct descriptor_listing *listing, struct buffer *text) {
  struct tally *files = &listing->files;
  int status = buffer_append_string(text, "\nFiles by how often they are open\n");
  tally_sort(files, TALLY_BY_COUNT);
  for (size_t i = 0; status == 0 && i < files->len && i < MOST_OPENED; i++) {
    const struct tally_row *row = &files->rows[i];
    status = buffer_printf(text, "%7" PRIu64 "  %s\n", row->count,
                           printable_target(listing, span_make(row->name, row->name_len)));
  }
  if (status == 0 && files->len > MOST_OPENED)
    status = buffer_printf(text, "         and %zu files more\n", files->len - MOST_OPENED);
  return status;
}

int descriptor_listing_print(struct descriptor_listing *listing, struct buffer *text) {
  int status = print_classes(listing, text);
  if (status == 0)
    status = print_most_opened(listing, text);
  if (status == 0)
    status = buffer_append_string(text, "\n    fd  class       what it is\n");
  if (status == 0)
    status = buffer_append(text, buffer_string(&listing->lines), listing->lines.len);
  if (status == 0 && listing->not_listed > 0)
    status = buffer_printf(text, "and %" PRIu64 " more, counted above\n", listing->not_listed);
  return status;
}

/* --- memory regions --- */

enum { SUM_SIZE, SUM_RSS, SUM_PSS, SUM_PRIVATE_DIRTY, SUM_LAZYFREE, SUM_SWAP };

struct region_listing {
  struct tally regions; /* by name */
  char printable[PRINTABLE_MAX];
};

int region_listing_new(struct region_listing **ret) {
  struct region_listing *listing = calloc(1, sizeof(*listing));
  if (listing == NULL)
    return -ENOMEM;
  *ret = listing;
  return 0;
}

void region_listing_free(struct region_listing *listing) {
  if (listing == NULL)
    return;
  tally_free(&listing->regions);
  free(listing);
}

int region_listing_add(struct region_listing *listing, struct span name,
                       const struct region_sizes *sizes) {
  const uint64_t sums[TALLY_SUMS] = {
      [SUM_SIZE] = sizes->size,         [SUM_RSS] = sizes->rss,
      [SUM_PSS] = sizes->pss,           [SUM_PRIVATE_DIRTY] = sizes->private_dirty,
      [SUM_LAZYFREE] = sizes->lazyfree, [SUM_SWAP] = sizes->swap,
  };
  return tally_add(&listing->regions, name, sums);
}

static int print_row(struct buffer *text, const struct tally_row *row, const char *name) {
  int status = buffer_printf(text, "%8" PRIu64, row->count);
  for (size_t i = 0; status == 0 && i < TALLY_SUMS; i++) {
    if (row->sums[i] == VALUE_UNKNOWN)
      status = buffer_printf(text, " %13s", "-");
    else
      status = buffer_printf(text, " %13" PRIu64, row->sums[i] / 1024);
  }
  return status == 0 ? buffer_printf(text, "  %s\n", name) : status;
}

int region_listing_print(struct region_listing *listing, bool by_rss, struct buffer *text) {
  struct tally *regions = &listing->regions;
  int status =
      buffer_printf(text, "%8s %13s %13s %13s %13s %13s %13s  %s\n", "regions", "size kB",
                    "RSS kB", "PSS kB", "dirty kB", "lazyfree kB", "swap kB", "what it is");
  if (status == 0)
    status = print_row(text, &regions->total, "all");
  tally_sort(regions, by_rss ? SUM_RSS : SUM_SIZE);
  for (size_t i = 0; status == 0 && i < regions->len; i++) {
    const struct tally_row *row = &regions->rows[i];
    struct span name = span_make(row->name, row->name_len);
    status = print_row(
        text, row,
        name.len == 0 ? "(anonymous)"
                      : text_printable(listing->printable, sizeof(listing->printable), name));
  }
  if (status == 0 && regions->others.count > 0)
    status = print_row(text, &regions->others, "(others)");
  /* sorted by size: only the smallest ones do not fit */
  return status == -EMSGSIZE ? 0 : status;
}
