/* Descriptors and memory map as texts; see report.h. */
#include "sidecar/capture/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "sidecar/capture/tally.h"
#include "sidecar/compose.h"
#include "sidecar/os/descriptors.h"
#include "sidecar/os/memory_map.h"

/* a path of PATH_MAX bytes, each of them escaped */
enum { PRINTABLE_MAX = 4 * PATH_MAX + 1, MOST_OPENED = 30 };

/* --- descriptors --- */

struct descriptor_report {
  const atomic_bool *stopping;
  struct tally files; /* regular ones, by name */
  uint64_t by_class[DESCRIPTOR_CLASSES], total;
  struct buffer list;
  uint64_t not_listed;
  char *printable;
};

static const char *printable_target(struct descriptor_report *report, struct span target) {
  if (target.len == 0)
    return "(a path too long to be named)";
  return text_printable(report->printable, PRINTABLE_MAX, target);
}

static int add_descriptor(void *context, const struct listed_descriptor *descriptor) {
  struct descriptor_report *report = context;
  if (atomic_load(report->stopping))
    return -ECANCELED;
  report->total++;
  report->by_class[descriptor->class]++;
  if (descriptor->class == DESCRIPTOR_REGULAR && descriptor->target.len > 0 &&
      tally_add(&report->files, descriptor->target, NULL) != 0)
    return -ENOMEM;
  int status = buffer_printf(&report->list, "%6d  %-10s  %s\n", descriptor->fd,
                             compose_class_name(descriptor->class),
                             printable_target(report, descriptor->target));
  report->not_listed += status == -EMSGSIZE;
  return status == -EMSGSIZE ? 0 : status;
}

static int print_descriptors(struct descriptor_report *report, struct buffer *text) {
  int status = buffer_printf(text, "%" PRIu64 " open descriptors\n", report->total);
  for (unsigned i = 0; status == 0 && i < DESCRIPTOR_CLASSES; i++)
    status = buffer_printf(text, "%7" PRIu64 "  %s\n", report->by_class[i],
                           compose_class_name((enum descriptor_class)i));
  if (status == 0)
    status = buffer_printf(text, "\nFiles by how often they are open\n");
  tally_sort(&report->files, TALLY_BY_COUNT);
  for (size_t i = 0; status == 0 && i < report->files.len && i < MOST_OPENED; i++) {
    const struct tally_row *row = &report->files.rows[i];
    status = buffer_printf(text, "%7" PRIu64 "  %s\n", row->count,
                           printable_target(report, span_make(row->name, row->name_len)));
  }
  if (status == 0 && report->files.len > MOST_OPENED)
    status =
        buffer_printf(text, "         and %zu files more\n", report->files.len - MOST_OPENED);
  if (status == 0)
    status = buffer_printf(text, "\n    fd  class       what it is\n");
  if (status == 0)
    status = buffer_append(text, buffer_string(&report->list), report->list.len);
  if (status == 0 && report->not_listed > 0)
    status = buffer_printf(text, "and %" PRIu64 " more, counted above\n", report->not_listed);
  return status;
}

int report_descriptors(struct process *process, const atomic_bool *stopping,
                       struct buffer *text) {
  struct descriptor_report report = {.stopping = stopping};
  autofree(char, printable, malloc(PRINTABLE_MAX));
  if (printable == NULL)
    return -ENOMEM;
  report.printable = printable;
  buffer_init(&report.list, REPORT_MAX_BYTES / 2);
  int status = descriptor_list(process, add_descriptor, &report);
  if (status == 0)
    status = print_descriptors(&report, text);
  tally_free(&report.files);
  buffer_free(&report.list);
  return status;
}

/* --- memory map --- */

enum { SUM_SIZE, SUM_RSS, SUM_PSS, SUM_PRIVATE_DIRTY, SUM_LAZYFREE, SUM_SWAP };

struct map_report {
  const atomic_bool *stopping;
  struct tally regions; /* by name */
};

static int add_region(void *context, const struct memory_map_region *region) {
  struct map_report *report = context;
  const uint64_t sums[TALLY_SUMS] = {
      [SUM_SIZE] = region->size,         [SUM_RSS] = region->rss,
      [SUM_PSS] = region->pss,           [SUM_PRIVATE_DIRTY] = region->private_dirty,
      [SUM_LAZYFREE] = region->lazyfree, [SUM_SWAP] = region->swap,
  };
  if (atomic_load(report->stopping))
    return -ECANCELED;
  return tally_add(&report->regions, region->name, sums);
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

static int print_map(struct map_report *report, bool with_sums, char *printable,
                     struct buffer *text) {
  struct tally *regions = &report->regions;
  int status =
      buffer_printf(text, "%8s %13s %13s %13s %13s %13s %13s  %s\n", "regions", "size kB",
                    "RSS kB", "PSS kB", "dirty kB", "lazyfree kB", "swap kB", "what it is");
  if (status == 0)
    status = print_row(text, &regions->total, "all");
  tally_sort(regions, with_sums ? SUM_RSS : SUM_SIZE);
  for (size_t i = 0; status == 0 && i < regions->len; i++) {
    const struct tally_row *row = &regions->rows[i];
    const char *name = row->name_len == 0 ? "(anonymous)"
                                          : text_printable(printable, PRINTABLE_MAX,
                                                           span_make(row->name, row->name_len));
    status = print_row(text, row, name);
  }
  if (status == 0 && regions->others.count > 0)
    status = print_row(text, &regions->others, "(others)");
  /* the totals stand at the top: what does not fit are the smallest */
  return status == -EMSGSIZE ? 0 : status;
}

int report_memory_map(struct process *process, bool with_sums, const atomic_bool *stopping,
                      struct buffer *text) {
  struct map_report report = {.stopping = stopping};
  autofree(char, printable, malloc(PRINTABLE_MAX));
  if (printable == NULL)
    return -ENOMEM;
  int status = memory_map_list(process, with_sums, add_region, &report);
  if (status == 0)
    status = print_map(&report, with_sums, printable, text);
  tally_free(&report.regions);
  return status;
}
