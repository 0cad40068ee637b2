/*
 * A target: one watched process from its discovery to its end. What is read of it in which
 * tier, the status of its collectors, and how failures are logged. Its Go runtime is read by
 * target_go.h, its red flags are in target_flags.h.
 *
 * For the two tiers, pulse and detail, see reading.h. Gauges of the detail are held and sent
 * again in each reading until newer ones arrive, so that all series of a process start and end
 * together. Counters are sent only when they are fresh, with the detail's interval: if
 * repeated, they would show a rate of 0.
 */
#ifndef SIDECAR_TARGET_H
#define SIDECAR_TARGET_H

#include "common/backoff.h"
#include "sidecar/collector.h"
#include "sidecar/config.h"
#include "sidecar/go/endpoint.h"
#include "sidecar/go/site.h"
#include "sidecar/instance_name.h"
#include "sidecar/metrics.h"
#include "sidecar/os/descriptors.h"
#include "sidecar/os/locks.h"
#include "sidecar/os/process.h"
#include "sidecar/redflag/flags.h"

struct capture;

/* A red flag that changed, on its way to a notification. */
struct flag_notice {
  const struct flag_status *status;
  pid_t pid;
  int64_t since_seconds; /* since the epoch */
  const struct evidence *evidence;
};

/* Where samples, notifications and log lines are sent. Implemented by the glue; tests record
 * them. */
struct target_sink {
  void (*emit)(void *context, const char *instance, const struct sample *sample);
  void (*notify)(void *context, const char *instance, const struct flag_notice *notice);
  void (*log)(void *context, int severity, const char *line); /* severity as in syslog(3); any
                                                                 thread may call it */
  void *context;
};

/* Shared by all targets; used by one thread at a time. */
struct target_services {
  const struct config *config;
  struct host *host;
  struct pprof *pprof;
  struct lock_table *locks;
  struct capture *capture; /* NULL: off */
  struct target_sink sink;
  struct descriptors_reading descriptors; /* the current reading: it is large */
};

/* State of the Go runtime; see target_go.h. */
struct target_go {
  struct endpoint endpoint;
  unsigned failing; /* queries of pprof.h whose last result was an error */
  uint64_t goroutines, heap_inuse_bytes;
  uint64_t memstats_ns; /* when the held ones were taken */
  uint64_t num_gc, pauses_ns;
  struct held_samples memstats_gauges, memstats_counters;
  uint64_t dump_queried_ns, heap_queried_ns; /* 0: never */
  uint64_t goroutines_ns, heap_ns;           /* when the held ones were taken */
  struct held_samples goroutine_gauges, heap_gauges;
  struct site_history *goroutine_sites, *heap_sites; /* NULL before the first profile */
};

struct target {
  struct process *process;
  const struct process_block *block;
  char instance[INSTANCE_NAME_SIZE];
  double start_time_seconds; /* since the epoch; NaN when unknown */

  struct process_pulse pulse;        /* the latest */
  struct process_pulse detail_pulse; /* at the last detail reading */
  uint64_t detail_ns;                /* when that was; 0: never */
  struct descriptors *descriptors;
  uint64_t regular, pipes, directories; /* of the last detail reading */
  struct held_samples detail_gauges, detail_counters;

  struct target_go go;
  struct flags *flags;
  bool has_baseline_capture;

  struct {
    enum collector_status status;
    uint64_t duration_ns; /* VALUE_UNKNOWN before the first reading */
    struct backoff complaint;
  } collectors[COLLECTORS];
};

/*
 * Starts watching an open process. Takes ownership of process, also on failure. Returns 0 or
 * -ENOMEM; the caller owns *ret.
 */
int target_new(struct target_services *services, struct process *process,
               const struct process_block *block, const char *instance, struct target **ret);

/* NULL is fine. */
void target_free(struct target *target);

/* Functions that read also add their samples. */

/* Reads the pulse. Returns 0, or -ESRCH when the process ended: nothing is added then. */
int target_read_pulse(struct target *target, struct target_services *services,
                      struct samples *samples);

/* Is the detail due: is its interval over, or has the pulse changed a lot? */
bool target_detail_due(const struct target *target, const struct target_services *services,
                       uint64_t now_ns);

/* Reads the detail and adds its counters. Returns 0, or -ESRCH when the process ended. */
int target_read_detail(struct target *target, struct target_services *services, uint64_t now_ns,
                       struct samples *samples);

/* Adds the gauges of the last detail reading. */
void target_add_detail(const struct target *target, struct samples *samples);

/* Adds the last counters once more, with the short interval, so that all series of an ended
 * process end together. */
void target_add_last(const struct target *target, struct samples *samples);

/* Adds the status of each collector. */
void target_add_collectors(const struct target *target, struct samples *samples);

/*
 * Records the result of a collector's reading. reason describes the failure, and is logged
 * immediately, then less and less often, until the collector succeeds; only once per process if
 * several collectors are denied.
 */
void target_collector_ended(struct target *target, const struct target_services *services,
                            enum collector collector, enum collector_status status,
                            const char *reason, uint64_t duration_ns);

#endif
