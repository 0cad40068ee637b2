/*
 * What a red flag of the profiling guide is: one row of the table in red_flags.c holds all
 * that is particular to it, and everything else is made from the rows: the type instances of
 * red_flag, the configuration and its defaults, notifications, the README of a capture, the
 * tables of the manual, the alert rules for Prometheus and Graphite. Also the rules as the
 * configuration leaves them, and what judging them gives. Pure.
 */
#ifndef SIDECAR_REDFLAG_RED_FLAG_H
#define SIDECAR_REDFLAG_RED_FLAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of documents and of pages. */
enum red_flag {
  RED_FLAG_RSS,
  RED_FLAG_SWAP_GROWING,
  RED_FLAG_MEMORY_REGIONS,
  RED_FLAG_FDS,
  RED_FLAG_FDS_GROWING,
  RED_FLAG_SAME_FILE,
  RED_FLAG_SESSION_FILES,
  RED_FLAG_THREADS,
  RED_FLAG_GOROUTINES,
  RED_FLAG_GOROUTINES_GROWING,
  RED_FLAG_GOROUTINES_STUCK,
  RED_FLAG_FETCH_DATA_PILING,
  RED_FLAG_HEAP_GROWING,
  RED_FLAG_HEAP_NOT_RECEDING,
  RED_FLAG_ALLOCATION_RATE,
  RED_FLAG_CPU,
  RED_FLAG_SQLITE_CONTENTION,
  RED_FLAG_INOTIFY_WATCHES,
  RED_FLAG_PPROF_MISSING, /* information; depends on all others and is judged last */
  RED_FLAGS
};

/* The numbers are what red_flag sends: an API. */
enum red_flag_state { RED_FLAG_OK = 0, RED_FLAG_WARNING = 1, RED_FLAG_FAILURE = 2 };

/* What flags are judged from. Each is observed whenever it has been read. */
enum red_flag_signal {
  SIGNAL_NONE,
  SIGNAL_RESIDENT_BYTES,
  SIGNAL_RETAINED_BYTES, /* of them, freed by the Go program and not yet taken back */
  SIGNAL_SWAP_BYTES,
  SIGNAL_MEMORY_REGIONS,
  SIGNAL_OPEN_FDS,
  SIGNAL_SAME_FILE_OPENS,
  SIGNAL_SESSION_FILES, /* of the pattern with most */
  SIGNAL_THREADS,
  SIGNAL_GOROUTINES,
  SIGNAL_GOROUTINES_STUCK,      /* blocked for at least 10 minutes */
  SIGNAL_FETCH_DATA,            /* goroutines that fetch data */
  SIGNAL_HEAP_LIVE_BYTES,       /* what the last collection left, or less */
  SIGNAL_ALLOCATED_BYTES,       /* counter */
  SIGNAL_CPU_SECONDS,           /* counter, user and system */
  SIGNAL_SQLITE_FOREIGN_LOCKS,  /* other processes' locks to write on its databases */
  SIGNAL_INOTIFY_WATCHES_RATIO, /* of the user's limit, 0 to 1 */
  SIGNAL_HAS_PPROF,             /* 0 or 1 */
  RED_FLAG_SIGNALS
};

/* How a flag is judged (detectors.h), and what Warning and Failure mean to it. */
enum red_flag_kind {
  RED_FLAG_BY_LEVEL,  /* at or above the threshold for Hold */
  RED_FLAG_BY_RATE,   /* as BY_LEVEL, of what a counter gains in a second */
  RED_FLAG_BY_GROWTH, /* the trough rose by the threshold, steadily, in Hold */
  RED_FLAG_BY_STEP,   /* the trough stepped up by the threshold and stays for Hold */
  RED_FLAG_BY_USUAL,  /* Failure as BY_RATE; Warning: twice what is usual for the process */
  RED_FLAG_BY_OTHERS, /* another flag is not OK and the signal is 0 */
};

/* How amounts of a signal are scaled in the configuration and written for people. */
enum red_flag_amount {
  AMOUNT_NONE,
  AMOUNT_COUNT,
  AMOUNT_BYTES,            /* configured in MB */
  AMOUNT_BYTES_PER_SECOND, /* configured in MB/s */
  AMOUNT_CORES,
  AMOUNT_PERCENT, /* of a limit; the signal is a ratio */
};

struct buffer;
struct evidence;
struct evidence_facts;
struct flag_status;

/* Adds the facts of a flag that is not OK, and the most telling ones to the line that begins
 * with what it is about. Implemented in evidence.c. */
typedef void (*red_flag_evidence_fn)(struct evidence *evidence, struct buffer *line,
                                     const struct flag_status *status,
                                     const struct evidence_facts *facts);

enum { RED_FLAG_PATTERNS_MAX = 4 };

struct red_flag_info {
  const char *name;    /* type instance of red_flag, name of the <RedFlag> block */
  const char *alert;   /* alert name, in Alertmanager, Prometheus and Grafana */
  const char *summary; /* what the alert says whoever it is about: one sentence */
  const char *subject; /* what a notification is about: "FDs" */
  enum red_flag_kind kind;
  enum red_flag_signal signal;
  enum red_flag_signal discount; /* is subtracted from the signal before a failure is judged,
                                    while it is known; SIGNAL_NONE */
  enum red_flag_amount amount;
  const char *unit;        /* of warning and failure; "" none */
  double warning, failure; /* in unit; NaN: none */
  uint32_t hold_s;
  uint32_t window_s; /* 0: the flag has no window */

  /* Names of the FdMatch or GoroutineMatch patterns that the signal is made from; the first
   * that is NULL ends them. */
  const char *patterns[RED_FLAG_PATTERNS_MAX + 1];
  bool is_information;    /* its severity in alerts is "info" */
  bool wants_cpu_profile; /* its capture has one */

  red_flag_evidence_fn add_evidence; /* NULL: the line says it all */
  /* Commands that confirm it; PID and PORT stand for the process's. Those of confirm_pprof need
   * a pprof server. NULL: none. */
  const char *confirm, *confirm_pprof;
  const char *why;        /* it is a red flag: a part of a sentence */
  const char *tuning;     /* when its thresholds should be changed: a sentence; "" never */
  const char *next_steps; /* what to look at in a capture: lines */
};

extern const struct red_flag_info red_flags[RED_FLAGS];

/* The flag of this name, or RED_FLAGS when there is none. Case matters. */
enum red_flag red_flag_find(const char *name);

/* The name of a flag, by its number; NULL from RED_FLAGS on. */
const char *red_flag_name(size_t flag);

/* The metric that has a signal, for alert rules. */
struct red_flag_metric {
  const char *type;          /* collectd type; NULL where no metric has the signal as it is */
  const char *type_instance; /* "" none; "*" the flag's patterns */
};

extern const struct red_flag_metric red_flag_metrics[RED_FLAG_SIGNALS];

/* Is name among those of a row or rule? */
bool red_flag_has_pattern(const char *const *patterns, const char *name);

/* Units of the signal in one unit of the configuration, and the largest threshold there. */
double red_flag_scale(enum red_flag_amount amount);
double red_flag_max(enum red_flag_amount amount);

/* ---- as configured ---- */

struct red_flag_rule {
  bool disabled;
  double warning, failure; /* in the signal's unit; NaN: none */
  uint64_t hold_ms;
  uint64_t window_ms;                              /* 0: the flag has none */
  const char *patterns[RED_FLAG_PATTERNS_MAX + 1]; /* as in the row; borrowed */
};

struct red_flag_rules {
  uint64_t warm_up_ms; /* no growth is judged in a process younger than this */
  struct red_flag_rule rules[RED_FLAGS];
};

/* WarmUp's default: a younger process still loads its sessions. */
enum { RED_FLAG_WARM_UP_MS = 15 * 60 * 1000 };

/* Writes the defaults of the table. */
void red_flag_rules_init(struct red_flag_rules *rules);

/* Growth is judged over Hold, cut into this many windows. */
enum { GROWTH_WINDOWS_MIN = 4, GROWTH_WINDOWS_MAX = 24 };

/*
 * Does a rule make sense for its flag? Returns NULL, or what does not: a part of a sentence
 * that names the options, valid for the program's life.
 */
const char *red_flag_rule_fault(enum red_flag flag, const struct red_flag_rule *rule);

/* ---- as judged ---- */

/* value, threshold and rise are in the signal's unit (a rate's: per second), NaN where there
 * is none. */
struct flag_status {
  enum red_flag flag;
  enum red_flag_state state, before;
  double value;     /* the latest observation that it was judged by */
  double threshold; /* that is reached; when OK, the one that is not. Growth and step: the least
                       rise. BY_USUAL's warning: twice the usual */
  double rise;      /* growth and step: of the trough, over rise_ms */
  uint64_t rise_ms;
  uint64_t since_ms; /* when it began: of a level the breach, not the end of its hold; of a
                        growth its begin. When OK: now */
  bool is_retained;  /* at or above a threshold is only the signal without its discount taken
                        off:  a failure is a warning then */
};

#endif
