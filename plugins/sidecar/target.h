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
#include "common/suspends.h"
#include "sidecar/collector.h"
#include "sidecar/config.h"
#include "sidecar/errands.h"
#include "sidecar/go/allocations.h"
#include "sidecar/go/endpoint.h"
#include "sidecar/go/pprof_budget.h"
#include "sidecar/go/site.h"
#include "sidecar/instance_name.h"
#include "sidecar/metrics.h"
#include "sidecar/os/descriptors.h"
#include "sidecar/os/locks.h"
#include "sidecar/os/process.h"
#include "sidecar/redflag/flags.h"
#include "sidecar/users.h"

struct capture;
struct captured_cpu;

/* A red flag that changed, on its way to a notification. */
struct flag_notice {
  const struct flag_status *status;
  pid_t pid;
  int64_t since_seconds; /* since the epoch */
  const struct evidence *evidence;
};

/* A user's processes of a <Process> block end before they are watched, again and again, or no
 * longer. */
struct crash_notice {
  const char *block;
  uid_t uid;
  uint64_t count; /* of those that were seen to end, in the last ten minutes */
  bool is_over;
  const char *line; /* for people */
};

/* Where samples, notifications and log lines are sent. Implemented by the glue; tests record
 * them. */
struct target_sink {
  void (*emit)(void *context, const char *instance, const struct sample *sample);
  void (*notify)(void *context, const char *instance, const struct flag_notice *notice);
  void (*notify_crashes)(void *context, const struct crash_notice *notice);
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
  struct watchdog *watchdog;
  struct detail_errand *detail; /* used again; NULL: none */
  struct capture *capture;      /* NULL: off */
  struct target_sink sink;
  struct suspends suspends; /* of the machine */
};

/* Logs a line of at most 1023 bytes with a severity of syslog(3). */
void target_log(const struct target_services *services, int severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* State of the Go runtime; see target_go.h. */
struct target_go {
  struct endpoint endpoint;
  unsigned failing;  /* queries of pprof.h whose last result was an error */
  bool has_no_index; /* its goroutines are counted by PPROF_GOROUTINE_TOTAL */
  struct pprof_budget budget;
  unsigned awaited;      /* queries in progress after the last reading */
  bool is_count_skipped; /* the goroutines were not counted, for the budget */
  bool wants_memstats;   /* since the last detail */
  bool has_dumped;       /* or had its goroutines counted by stack; ever */
  uint64_t stretched_ms; /* the shortest interval that keeps the budget */
  uint64_t goroutines, heap_inuse_bytes;
  uint64_t memstats_ns; /* when the held ones were taken */
  uint64_t num_gc, pauses_ns;
  struct held_samples memstats_gauges, memstats_counters;
  uint64_t dump_queried_ns, heap_queried_ns, leaks_queried_ns; /* 0: never */
  uint64_t goroutines_ns, heap_ns, leaks_ns; /* when the held ones were taken */
  struct evidence_moment dump, groups;       /* of the last ones */
  bool has_new_sites;                        /* of goroutines, in this reading */
  struct held_samples goroutine_gauges, heap_gauges;
  /* NULL before the first profile */
  struct site_history *goroutine_sites, *heap_sites;
  /* While there are more than GoroutineDumpMax; NULL otherwise. Of goroutine_sites, which are
   * then those of the last dump, it has the baseline. */
  struct site_history *goroutine_groups;
  bool wants_leaks;       /* a red flag does, before their interval is over */
  bool has_no_leaks_page; /* its Go is older than that profile */
  bool leaks_failed;      /* the last time */
  uint64_t leaked;        /* VALUE_UNKNOWN */
  struct site_top *leaks; /* NULL before the first detection */
  struct allocations *allocations;
};

/* Captures that are due without a red flag; see target_rounds.h. */
enum round_kind { ROUND_REQUESTED, ROUND_SCHEDULED, ROUND_KINDS };

struct target {
  struct process *process;
  bool is_away; /* an errand that was left behind owns the process, of which only pid and start
                   time may be read */
  bool is_detail_away; /* it owns the descriptors, too */
  bool is_withheld;  /* the process is not read, because it blocks an errand that looked for it,
                       or others of its user block their readers */
  struct user *user; /* borrowed */
  const struct process_block *block;
  char instance[INSTANCE_NAME_SIZE];
  double start_time_seconds; /* since the epoch; NaN when unknown */

  struct process_pulse pulse;        /* the latest */
  struct process_pulse detail_pulse; /* at the last detail reading */
  uint64_t detail_ns;                /* when that began; 0: never */
  unsigned postponed;                /* readings in a row that had no time for the detail */
  bool has_new_detail;               /* it was completed in this reading */
  unsigned detail_parts;             /* readings that the present one took so far */
  uint64_t turn_ns;                  /* when a part of it was read last */
  struct descriptors *descriptors;
  uint64_t regular, pipes, directories; /* of the last detail reading */
  struct held_samples detail_gauges, detail_counters;

  struct target_go go;
  struct flags *flags;
  bool has_baseline_capture;
  uint64_t warnings_captured; /* bit n: a warning of flag n was */
  bool awaits_cpu;            /* a capture takes a CPU profile */
  struct captured_cpu *cpu;   /* it did, and the flag it was for is up; NULL: none */
  struct {
    uint64_t wanted, done; /* numbers of rounds; equal: none is wanted */
  } rounds[ROUND_KINDS];

  struct {
    enum collector_status status;
    uint64_t duration_ns;                          /* VALUE_UNKNOWN before the first reading */
    struct backoff complaints[COLLECTOR_STATUSES]; /* by kind of failure */
  } collectors[COLLECTORS];
};

/*
 * Starts watching an open process of a user. Takes ownership of process, also on failure.
 * Returns 0 or -ENOMEM; the caller owns *ret.
 */
int target_new(struct target_services *services, struct process *process, struct user *user,
               const struct process_block *block, const char *instance, struct target **ret);

/* NULL is fine. */
void target_free(struct target *target);

/* Functions that read also add their samples. */

/* Takes a pulse that was read. Returns 0, or -ESRCH when the process ended: nothing is added
 * then. */
int target_take_pulse(struct target *target, struct target_services *services,
                      const struct pulse_item *item, struct samples *samples);

/* Instead of the pulse, while the process is away or withheld: it has no values. */
void target_miss_pulse(struct target *target, const struct target_services *services);

/* Is it away or withheld? */
static inline bool target_is_blocked(const struct target *target) {
  return target->is_away || target->is_withheld;
}

/* Is the detail due: is its interval over, has the pulse changed a lot, or is it not complete?
 */
bool target_detail_due(const struct target *target, const struct target_services *services,
                       uint64_t now_ns);

/* Reads the detail and adds its counters, or a part of it, until the host's deadline. Returns
 * 0; -ESRCH when the process ended; -ETIMEDOUT: the errand *ret_left, with the process, its
 * descriptors, the host and the locks, was left behind. */
int target_read_detail(struct target *target, struct target_services *services, uint64_t now_ns,
                       struct samples *samples, struct errand **ret_left);

/* There was no time for the detail, which is due. */
void target_postpone_detail(struct target *target, const struct target_services *services,
                            uint64_t now_ns);

/* Adds the gauges of the last detail reading. */
void target_add_detail(const struct target *target, struct samples *samples);

/* Adds the last counters once more, with the short interval, so that all series of an ended
 * process end together. */
void target_add_last(const struct target *target, struct samples *samples);

/* Adds the status of each collector. */
void target_add_collectors(const struct target *target, struct samples *samples);

/*
 * Records the result of a collector's reading. reason describes the failure, and is logged
 * immediately, then, as long as the same status comes again within an hour, less and less
 * often; a success is logged once after each line; only once per process if
 * several collectors are denied; never if it is late: the monitor logs one line for all.
 */
void target_collector_ended(struct target *target, const struct target_services *services,
                            enum collector collector, enum collector_status status,
                            const char *reason, uint64_t duration_ns);

#endif
