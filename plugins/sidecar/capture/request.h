/*
 * The request for one bundle, and the options for all. Plain data and limits that capture.h,
 * the public interface, shares with the modules below it. Pure.
 */
#ifndef SIDECAR_CAPTURE_REQUEST_H
#define SIDECAR_CAPTURE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct listener_proof;

enum {
  CAPTURE_FOLDER_MAX = 255, /* bytes of the directory's path, without its NUL */
  CAPTURE_PATH_MAX = 512,   /* of a bundle's path, with its NUL */
  CAPTURE_REASON_MAX = 48,  /* of a reason, without its NUL */
};

/* The reason of a process's baseline, which later bundles are compared with. */
#define CAPTURE_BASELINE "baseline"

/* The reasons of bundles that are due because of the time, or because they were asked for. */
#define CAPTURE_SCHEDULED "scheduled"
#define CAPTURE_REQUESTED "requested" /* by a file; see demand.h */

/* Borrowed until capture_free(). */
struct capture_options {
  const char *folder; /* absolute; created with mode 0700 if it does not exist */
  const char *proc_root;
  uint64_t smaps_max_rss_bytes; /* above it the memory map is listed without its sums */
  uint64_t process_max_bytes, process_max_bundles; /* kept for each instance name */
  uint64_t total_max_bytes;
  uint64_t min_interval_ms;     /* between two bundles of one flag of one process */
  uint64_t cpu_profile_seconds; /* 0: none */
  uint64_t pprof_max_bytes, pprof_timeout_ms; /* of each profile without progress; in addition
                                                 to the duration of a CPU profile */
  void (*log)(void *context, int severity, const char *line); /* severity as in syslog(3);
                                                                 called on the thread */
  void *context;
};

/* Copied by capture_request(). */
struct capture_request {
  const char *instance; /* names the process's directory, after unsafe bytes are escaped */
  pid_t pid;
  uid_t owner;            /* as process_read_owner(): limits are shared among users */
  uint64_t start_ticks;   /* to verify that it is still the same process */
  const char *reason;     /* one of the above, or the name of a red flag */
  uint64_t round;         /* of CAPTURE_SCHEDULED and CAPTURE_REQUESTED: which time it is; there
                             is one bundle for each */
  const char *headline;   /* the notification's line, or the like; "" for a baseline */
  const char *next_steps; /* lines of text: what to check for this reason; NULL: none */
  const char *pprof_url;  /* "http://127.0.0.1:6060/debug/pprof/", known to be the process's;
                             NULL: none */
  const struct listener_proof *pprof_server; /* the same, to verify for each connection */
  bool want_goroutine_dump;  /* false: more than GoroutineDumpMax, or an unknown number;
                                they are counted by stack then */
  bool want_goroutine_leaks; /* it has that profile, and detects them */
  bool want_cpu_profile;
  bool is_failure;       /* it need not wait because of a capture of a warning */
  const char *metrics;   /* text: the current values */
  const char *summary;   /* text: what grew since the baseline; see redflag/report.h */
  int64_t wall_time_ms;  /* since the epoch: names the bundle */
  uint64_t monotonic_ms; /* for the rate limit */
};

#endif
