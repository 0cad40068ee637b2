/* What watch.c (the order of a reading) and watch_roster.c (who is watched) share. */
#ifndef SIDECAR_WATCH_INTERNAL_H
#define SIDECAR_WATCH_INTERNAL_H

#include "sidecar/os/discovery.h"
#include "sidecar/watch.h"

struct watch {
  struct watch_services services;
  struct discovery *discovery;
  struct discovery_rule rules[PROCESS_BLOCKS_MAX];
  const struct process_block *rule_blocks[PROCESS_BLOCKS_MAX]; /* of the rule with that index */
  size_t rules_len;
  struct watched **watched; /* in order of start; owned */
  size_t watched_len, watched_capacity;
  bool locks_are_fresh;                /* were read in this reading */
  uint64_t counts[PROCESS_BLOCKS_MAX]; /* by rule */
  /* the pprof thread's while that runs */
  struct stack_matcher *goroutine_matcher, *heap_matcher;
  struct backoff complaint_scan, complaint_full, complaint_open, complaint_none;
};

/* Says one line through the sink. */
__attribute__((format(printf, 3, 4))) void watch_say(const struct watch *watch, int severity,
                                                     const char *format, ...);

/* Is a line about this due, or was it said too recently? */
bool watch_complaint_due(struct backoff *complaint);

/* Scans; lets go of processes that ended or became another program, takes up new ones. */
void watch_find_processes(struct watch *watch);

/* Ends to watch number i; ended says whether the process did, too. */
void watch_drop(struct watch *watch, size_t i, bool ended);

#endif
