/* Reading the process of a bundle; see reading.h. What runs here may be left behind. */
#include "sidecar/capture/reading.h"

#include <errno.h>
#include <stdlib.h>

#include "sidecar/capture/listing.h"
#include "sidecar/os/descriptors.h"
#include "sidecar/os/memory_map.h"

/* One of the two listings is made. */
struct walk {
  const atomic_bool *stopping;
  struct host *host;
  struct descriptor_listing *descriptors;
  struct region_listing *regions;
};

static bool is_stopped(const struct walk *walk) {
  host_make_progress(walk->host);
  return atomic_load(walk->stopping);
}

static struct walk walk_of(const struct capture_reading *reading) {
  return (struct walk){.stopping = reading->stopping, .host = reading->errand.host};
}

static int add_descriptor(void *context, const struct listed_descriptor *descriptor) {
  const struct walk *walk = context;
  if (is_stopped(walk))
    return -ECANCELED;
  return descriptor_listing_add(walk->descriptors, descriptor->fd, descriptor->class,
                                descriptor->target);
}

static int list_descriptors(struct capture_reading *reading) {
  struct walk walk = walk_of(reading);
  int status = descriptor_listing_new(&walk.descriptors);
  if (status == 0)
    status = descriptor_list(reading->process, add_descriptor, &walk);
  if (status == 0)
    status = descriptor_listing_print(walk.descriptors, &reading->descriptors);
  descriptor_listing_free(walk.descriptors);
  return status;
}

static int add_region(void *context, const struct memory_map_region *region) {
  const struct walk *walk = context;
  const struct region_sizes sizes = {region->size,          region->rss,      region->pss,
                                     region->private_dirty, region->lazyfree, region->swap};
  if (is_stopped(walk))
    return -ECANCELED;
  return region_listing_add(walk->regions, region->name, &sizes);
}

/* smaps makes the kernel walk page tables, which blocks the process. */
static int list_regions(struct capture_reading *reading) {
  struct walk walk = walk_of(reading);
  struct process_pulse pulse;
  int status = process_read_pulse(reading->process, &pulse);
  if (status != 0)
    return status;
  reading->has_sums = pulse.memory.resident_bytes <= reading->smaps_max_rss_bytes;
  status = region_listing_new(&walk.regions);
  if (status == 0)
    status = memory_map_list(reading->process, reading->has_sums, add_region, &walk);
  if (status == 0)
    status = region_listing_print(walk.regions, reading->has_sums, &reading->memory_map);
  region_listing_free(walk.regions);
  return status;
}

static void run(struct worker_task *task, struct worker *worker) {
  struct capture_reading *reading = (struct capture_reading *)task;
  (void)worker;
  reading->status = process_open(reading->errand.host, reading->errand.pid, &reading->process);
  if (reading->status == 0 && process_start_ticks(reading->process) != reading->start_ticks)
    reading->status = -ESRCH;
  if (reading->status != 0 || !reading->wants_listings)
    return;
  reading->descriptors_status = list_descriptors(reading);
  reading->memory_map_status = list_regions(reading);
}

void capture_reading_free(struct capture_reading *reading) {
  if (reading == NULL)
    return;
  buffer_free(&reading->descriptors);
  buffer_free(&reading->memory_map);
  process_close(reading->process);
  host_close(reading->errand.host);
  free(reading);
}

static void discard(struct worker_task *task) {
  capture_reading_free((struct capture_reading *)task);
}

/* It is too late for the bundle. */
static void come_back(void *context, struct errand *errand) {
  (void)context;
  discard(&errand->task);
}

static struct capture_reading *reading_new(const struct capture_reading_options *options,
                                           pid_t pid, uint64_t start_ticks) {
  struct capture_reading *reading = calloc(1, sizeof(*reading));
  if (reading == NULL)
    return NULL;
  reading->errand = (struct errand){
      .task = {.run = run, .discard = discard},
      .pid = pid,
      .uid = (uid_t)-1,
      .come_back = come_back,
  };
  reading->stopping = options->stopping;
  reading->start_ticks = start_ticks;
  reading->smaps_max_rss_bytes = options->smaps_max_rss_bytes;
  reading->wants_listings = options->wants_listings;
  buffer_init(&reading->descriptors, LISTING_MAX_BYTES);
  buffer_init(&reading->memory_map, LISTING_MAX_BYTES);
  return reading;
}

static int try_to_read(struct watchdog *watchdog, const char *proc_root,
                       struct capture_reading *reading) {
  struct errand *errand = &reading->errand;
  int status = host_open(proc_root, &errand->host);
  if (status != 0)
    return status;
  watchdog_begin(watchdog);
  host_process_user(errand->host, errand->pid, &errand->uid);
  if (watchdog_has_pid(watchdog, errand->pid) ||
      !watchdog_may_read_unknown(watchdog, errand->uid))
    return -EBUSY;
  return watchdog_run(watchdog, errand);
}

int capture_read(const struct capture_reading_options *options, pid_t pid, uint64_t start_ticks,
                 struct capture_reading **ret) {
  struct capture_reading *reading = reading_new(options, pid, start_ticks);
  if (reading == NULL)
    return -ENOMEM;
  int status = try_to_read(options->watchdog, options->proc_root, reading);
  if (status == 0)
    *ret = reading;
  else if (status != -ETIMEDOUT) /* otherwise it is the watchdog's */
    capture_reading_free(reading);
  return status == -EBUSY ? -ETIMEDOUT : status;
}

static bool may_leave(void *context) {
  (void)context;
  return true;
}

int capture_watchdog_new(struct watchdog **ret) {
  struct watchdog_owner owner = {.thread_name = "sidecar-listing", .may_leave = may_leave};
  return watchdog_new(&owner, ret);
}
