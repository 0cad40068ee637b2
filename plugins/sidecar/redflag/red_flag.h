/*
 * The red flags of the profiling guide: one row of the table in red_flags.c holds everything
 * specific to a flag, and everything else is made from the rows: the type instances of
 * red_flag, the configuration and its defaults, notifications, the README of a capture, the
 * tables of the manual, the alert rules for Prometheus and Graphite. Also the rules as
 * configured, and the resulting status. Pure.
 */
#ifndef SIDECAR_REDFLAG_RED_FLAG_H
#define SIDECAR_REDFLAG_RED_FLAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which they are documented. */
enum red_flag {
  RED_FLAG_RSS,
  RED_FLAG_RSS_GROWING,
  RED_FLAG_SWAP_GROWING,
  RED_FLAG_MEMORY_REGIONS,
  RED_FLAG_FDS,
  RED_FLAG_FDS_GROWING,
  RED_FLAG_FDS_ABOVE_BASELINE,
  RED_FLAG_FDS_LIMIT,
  RED_FLAG_SAME_FILE,
  RED_FLAG_SESSION_FILES,
  RED_FLAG_THREADS,
  RED_FLAG_GOROUTINES,
  RED_FLAG_GOROUTINES_GROWING,
  RED_FLAG_GOROUTINES_STUCK,
  RED_FLAG_GOROUTINES_LEAKED,
  RED_FLAG_FETCH_DATA_PILING,
  RED_FLAG_FETCH_STUCK,
  RED_FLAG_HEAP_GROWING,
  RED_FLAG_HEAP_NOT_RECEDING,
  RED_FLAG_ALLOCATION_RATE,
  RED_FLAG_CPU,
  RED_FLAG_CPU_BUSY,
  RED_FLAG_CHILD_CPU,
  RED_FLAG_SQLITE_CONTENTION,
  RED_FLAG_SQLITE_HANDLES,
  RED_FLAG_INOTIFY_WATCHES,
  RED_FLAG_PPROF_MISSING, /* information; depends on all others and is judged last */
  RED_FLAGS
};

/* The numbers are the values of the metric red_flag: an API. */
enum red_flag_state { RED_FLAG_OK = 0, RED_FLAG_WARNING = 1, RED_FLAG_FAILURE = 2 };

/* The signals that flags are judged from. Each is observed whenever it has been read. */
enum red_flag_signal {
  SIGNAL_NONE,
  SIGNAL_RESIDENT_BYTES,
  SIGNAL_RETAINED_BYTES,  /* part of it: freed by the Go program and not yet reclaimed */
  SIGNAL_ANONYMOUS_BYTES, /* resident and swapped, without what is retained */
  SIGNAL_SWAP_BYTES,
  SIGNAL_MEMORY_REGIONS,
  SIGNAL_OPEN_FDS,
  SIGNAL_OPEN_FDS_RATIO, /* of the soft limit, 0 to 1 */
  SIGNAL_SAME_FILE_OPENS,
  SIGNAL_SESSION_FILES, /* the highest count of a pattern */
  SIGNAL_THREADS,
  SIGNAL_GOROUTINES,
  SIGNAL_GOROUTINES_STUCK,     /* since the baseline (stuck.h) */
  SIGNAL_GOROUTINES_LEAKED,    /* that nothing can wake */
  SIGNAL_FETCH_DATA,           /* goroutines that fetch data */
  SIGNAL_FETCHES_STUCK,        /* those that have been waiting for 2 minutes */
  SIGNAL_HEAP_LIVE_BYTES,      /* left by the last collection, or less */
  SIGNAL_ALLOCATED_BYTES,      /* counter */
  SIGNAL_CPU_SECONDS,          /* counter, user and system */
  SIGNAL_CHILD_CPU_SECONDS,    /* counter: of children that have ended */
  SIGNAL_SQLITE_FOREIGN_LOCKS, /* of other processes, that stop readers of its databases */
  SIGNAL_SAME_DATABASE_OPENS,
  SIGNAL_INOTIFY_WATCHES_RATIO, /* of the user's limit, 0 to 1 */
  SIGNAL_MEMORY_PRESSURE,       /* percent of a minute in which some task of the host waited */
  SIGNAL_HAS_PPROF,             /* 0 or 1 */
  RED_FLAG_SIGNALS
};

/* How a flag is judged (detectors.h), and the meaning of Warning and Failure. */
enum red_flag_kind {
  RED_FLAG_BY_LEVEL,    /* at or above the threshold for Hold */
  RED_FLAG_BY_RATE,     /* as BY_LEVEL, for the increase of a counter per second */
  RED_FLAG_BY_GROWTH,   /* the trough rose by the threshold, steadily, in Hold */
  RED_FLAG_BY_STEP,     /* the trough stepped up by the threshold and stays for Hold */
  RED_FLAG_BY_USUAL,    /* Failure as BY_RATE; Warning: the floor is above its usual */
  RED_FLAG_BY_BASELINE, /* as BY_LEVEL, for multiples of what it had after WarmUp */
  RED_FLAG_BY_OTHERS,   /* another flag is not OK and the signal is 0 */
};

/* How values of a signal are scaled in the configuration and displayed. */
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

/* Adds the facts of a flag that is not OK, and appends the most important ones to the line.
 * Implemented in evidence.c. */
typedef void (*red_flag_evidence_fn)(struct evidence *evidence, struct buffer *line,
                                     const struct flag_status *status,
                                     const struct evidence_facts *facts);

enum { RED_FLAG_PATTERNS_MAX = 4 };
enum red_flag_pattern { NO_PATTERNS, FD_PATTERNS, GOROUTINE_PATTERNS };

struct red_flag_info {
  const char *name;    /* type instance of red_flag, name of the <RedFlag> block */
  const char *alert;   /* alert name, in Alertmanager, Prometheus and Grafana */
  const char *summary; /* summary of the alert, independent of the process: one sentence */
  const char *subject; /* subject of a notification: "FDs" */
  enum red_flag_kind kind;
  enum red_flag_signal signal;
  enum red_flag_signal discount;  /* if known, is subtracted from the signal before a failure is
                                     judged; SIGNAL_NONE: none */
  enum red_flag_signal condition; /* growth begins only if this reached condition_min in Hold;
                                     SIGNAL_NONE, or not known: whatever it is */
  double condition_min;
  enum red_flag_amount amount;
  const char *unit;        /* of warning and failure; "" none */
  double warning, failure; /* in unit; NaN: none */
  uint32_t hold_s;
  uint32_t window_s;     /* 0: the flag has no window */
  double share;          /* growth: minimum rise in Hold as a share of the value; less in longer
                            spans, in proportion */
  uint32_t smooth_steps; /* growth: it is smooth if it is in single windows, or in at least so
                            many wider ones */

  /* Names of the patterns that the signal is made from, terminated by NULL, and the option that
   * defines such patterns. */
  const char *patterns[RED_FLAG_PATTERNS_MAX + 1];
  enum red_flag_pattern pattern_kind;
  bool is_information;    /* its severity in alerts is "info" */
  bool wants_cpu_profile; /* its capture includes a CPU profile */
  bool wants_leaks;       /* when it goes up, leaked goroutines are looked for at once */

  red_flag_evidence_fn add_evidence; /* NULL: no further facts */
  /* Commands that confirm it; PID and PORT are placeholders. Those of confirm_pprof need a
   * pprof server. NULL: none. */
  const char *confirm, *confirm_pprof;
  const char *why;        /* why it is a red flag: a part of a sentence */
  const char *tuning;     /* when to change its thresholds: a sentence; "" never */
  const char *next_steps; /* what to check in a capture: lines */
};

extern const struct red_flag_info red_flags[RED_FLAGS];

/* The flag of this name, or RED_FLAGS when there is none. Case matters. */
enum red_flag red_flag_find(const char *name);

/* The name of a flag, by its number; NULL from RED_FLAGS on. */
const char *red_flag_name(size_t flag);

/* The metric of a signal, for alert rules. */
struct red_flag_metric {
  const char *type;          /* collectd type; NULL if no metric is identical to the signal.
                                That of SIGNAL_GOROUTINES_STUCK also counts those that wait by
                                design */
  const char *type_instance; /* "" none; "*" the flag's patterns */
};

extern const struct red_flag_metric red_flag_metrics[RED_FLAG_SIGNALS];

/* Is name one of the patterns of a row or rule? */
bool red_flag_has_pattern(const char *const *patterns, const char *name);

/* Units of the signal in one unit of the configuration, and the largest threshold there. */
double red_flag_scale(enum red_flag_amount amount);
double red_flag_max(enum red_flag_amount amount);

/* ---- as configured ---- */

struct red_flag_rule {
  bool disabled;
  double warning, failure; /* in the unit of the signal; NaN: none */
  uint64_t hold_ms;
  uint64_t window_ms;                              /* 0: the flag has none */
  double share;                                    /* as in the row */
  uint32_t smooth_steps;                           /* as in the row */
  double grain;                                    /* the least difference of two values */
  const char *patterns[RED_FLAG_PATTERNS_MAX + 1]; /* as in the row; borrowed */
};

struct red_flag_rules {
  uint64_t warm_up_ms; /* growth is not judged in younger processes */
  struct red_flag_rule rules[RED_FLAGS];
};

/* The default of WarmUp: younger processes are still loading their sessions. */
enum { RED_FLAG_WARM_UP_MS = 15 * 60 * 1000 };

/* Sets the defaults of the table. */
void red_flag_rules_init(struct red_flag_rules *rules);

/* Growth is judged over spans from Hold on, which is that many windows. */
enum { GROWTH_WINDOWS_MIN = 4, GROWTH_WINDOWS_MAX = 24, GROWTH_HOLD_MAX_MS = 86400 * 1000 };

/*
 * Checks whether a rule is consistent. Returns NULL, or the error: a static string that names
 * the options.
 */
const char *red_flag_rule_fault(enum red_flag flag, const struct red_flag_rule *rule);

/* ---- as judged ---- */

/* value, threshold and rise are in the unit of the signal (for a rate: per second), NaN if
 * there is none. */
struct flag_status {
  enum red_flag flag;
  enum red_flag_state state, before;
  double value;     /* the last observation that was judged */
  double threshold; /* the one reached; when OK, the one not reached. Growth and step: the
                       minimum rise. Warning of BY_USUAL: 1.6 times the usual */
  double rise; /* growth and step: of the trough, over rise_ms; also when it has levelled off */
  uint64_t rise_ms;
  uint64_t since_ms;  /* when it began: for a level, the beginning of the breach, not the end of
                         Hold; for growth, its beginning. When OK: now */
  bool may_level_off; /* growth: nothing is known of this time of other days */
  bool has_levelled_off; /* growth: OK because it rises no more, not because it fell back */
  bool is_retained;      /* only without the discount is the signal at or above a threshold: a
                        failure is then a warning */
};

/*
 * Is a change worth a capture? Each failure is. A warning is if on_warning; if it is of growth
 * or of a step, which by default never become failures; and, of a flag that is judged by the
 * usual, or of a rate that by default never becomes a failure, if the process has had no
 * capture of such a warning yet (is_first). A flag that goes
 * down, and information, never are.
 */
bool red_flag_is_worth_a_capture(const struct flag_status *status, bool on_warning,
                                 bool is_first);

#endif
