/*
 * One watched process from its discovery to its end: what is read of it in which tier, how
 * each collector fared, and what is said about that in the log.
 *
 * Gauges of the detail tier are held and sent again in each reading until newer ones come,
 * so that all series of a process come and go together. Counters are sent when they are
 * fresh, with the detail tier's interval: said again they would read as a rate of 0.
 */
#ifndef SIDECAR_WATCHED_H
#define SIDECAR_WATCHED_H

#include "common/backoff.h"
#include "sidecar/collector.h"
#include "sidecar/compose.h"
#include "sidecar/config.h"
#include "sidecar/endpoint.h"
#include "sidecar/instance_name.h"
#include "sidecar/os/descriptors.h"
#include "sidecar/os/locks.h"
#include "sidecar/parse/site_history.h"
#include "sidecar/watched_flags.h"

/* Where samples and log lines go. The glue implements it; tests record. */
struct watch_sink {
  /* interval_ms: how often this series is sent; 0: in each reading */
  void (*emit)(void *context, const char *instance, const struct sample *sample,
               uint64_t interval_ms);
  void (*say)(void *context, int severity, const char *line); /* severity as in syslog(3);
                                                                 any thread may call it */
  /* a red flag turned */
  void (*notify)(void *context, const char *instance, const struct flag_notice *notice);
  void *context;
};

/* What all watched processes share; used by one thread at a time. */
struct watch_services {
  const struct config *config;
  struct host *host;
  struct pprof *pprof;
  struct lock_table *locks;
  struct capture *capture; /* NULL: off */
  struct watch_sink sink;
  struct samples samples;             /* scratch */
  struct descriptors_reading reading; /* scratch */
};

/* Goroutine dumps and heap profiles: what is held of the last, and the stacks over time. */
struct watched_profiles {
  uint64_t dump_asked_ns, heap_asked_ns; /* 0: never */
  uint64_t goroutines_ns, heap_ns;       /* when the held ones were taken */
  struct held_samples goroutine_gauges, heap_gauges;
  struct site_history *goroutine_sites, *heap_sites; /* NULL before the first profile */
};

struct watched {
  struct process *process;
  const struct process_block *block;
  char instance[INSTANCE_NAME_SIZE];
  double start_time_seconds; /* since the epoch; NaN when unknown */

  struct process_pulse pulse;        /* the latest */
  struct process_pulse detail_pulse; /* the one at the last detail reading */
  uint64_t detail_ns;                /* when that was; 0: never */
  struct descriptors *descriptors;
  uint64_t regular, pipes, directories; /* of the last detail reading */
  struct held_samples detail_gauges;
  struct held_samples detail_counters;

  struct endpoint endpoint;
  uint64_t goroutines, heap_inuse_bytes;
  uint64_t memstats_ns; /* when the held ones were taken */
  uint64_t num_gc, pauses_ns;
  struct held_samples memstats_gauges;
  struct held_samples memstats_counters;
  unsigned runtime_failing; /* questions of pprof.h whose last answer was an error */
  struct watched_profiles profiles;
  struct watched_flags *flags;

  struct {
    enum collector_status status;
    uint64_t duration_ns; /* VALUE_UNKNOWN before the first reading */
    struct backoff complaint;
  } collectors[COLLECTORS];
};

/*
 * Starts to watch a process that is held open. Takes process over, also on failure.
 * Returns 0 or -ENOMEM; the caller owns *ret.
 */
int watched_new(struct watch_services *services, struct process *process,
                const struct process_block *block, const char *instance, struct watched **ret);

/* The process ended or is not watched any more. NULL is fine. */
void watched_free(struct watched *watched);

/* Says the last counters once more with the short interval, so that all its series leave
 * together, and ends the red flags that are up; for a process that ended. */
void watched_emit_last(struct watched *watched, struct watch_services *services);

/* Reads and sends the pulse. Returns 0, or -ESRCH when the process ended: nothing was sent
 * then. */
int watched_read_pulse(struct watched *watched, struct watch_services *services);

/* Is the detail tier due: its interval is over, or the pulse moved a lot? */
bool watched_detail_due(const struct watched *watched, const struct watch_services *services,
                        uint64_t now_ns);

/* Reads the detail tier and sends its counters. Returns 0, or -ESRCH when the process
 * ended. */
int watched_read_detail(struct watched *watched, struct watch_services *services,
                        uint64_t now_ns);

/* Sends the gauges of the last detail reading. */
void watched_emit_detail(const struct watched *watched, const struct watch_services *services);

/* Asks the Go runtime; never blocks. with_detail: MemStats too. Profiles when they are due. */
void watched_ask_runtime(struct watched *watched, const struct watch_services *services,
                         bool with_detail, uint64_t now_ns);

/* Sends what the Go runtime has answered and what is held. Returns 0 or -ESRCH. */
int watched_take_runtime(struct watched *watched, struct watch_services *services,
                         uint64_t now_ns);

/* Judges the red flags, tells of those that turned, sends their states. After all readings. */
void watched_judge(struct watched *watched, struct watch_services *services);

/* Sends how each collector fared. */
void watched_emit_collectors(const struct watched *watched, struct watch_services *services);

#endif
