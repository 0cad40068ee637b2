/*
 * Processes that end before they are old enough to be watched (MinimumAge): a program that
 * crashes at its start, again and again, never becomes a target. They are counted for each user
 * and <Process> block, which is a rule of the discovery. One that lives shorter than the time
 * between two scans is seen in some of them only, so counts are too low; a subcommand that
 * takes milliseconds is hardly ever seen. Pure, in fixed memory: a user may start any number.
 */
#ifndef SIDECAR_SHORT_LIVED_H
#define SIDECAR_SHORT_LIVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/config.h"

enum {
  SHORT_LIVED_YOUNG_MAX = 8, /* of a user in one scan; of more, these are counted */
  SHORT_LIVED_MANY = 5,      /* within ten minutes: they are started again and again */
  SHORT_LIVED_MINUTES = 10
};

struct young_process {
  pid_t pid;
  uint64_t start_ticks;
  size_t rule;
  bool is_seen; /* in this scan */
};

/* Of one rule. */
struct short_lived_count {
  uint32_t before, now; /* that ended in the previous five minutes, and in these */
  uint64_t begin_ns;    /* of these; monotonic */
  bool is_raised;       /* there were many, and since then ten minutes have not been without */
};

/* Of one user; all zero: none. */
struct short_lived {
  struct young_process young[SHORT_LIVED_YOUNG_MAX];
  size_t young_len;
  struct short_lived_count counts[PROCESS_BLOCKS_MAX];
};

/* This scan has found a process of that rule that is too young. */
void short_lived_see(struct short_lived *short_lived, pid_t pid, uint64_t start_ticks,
                     size_t rule);

/* The scan is complete. is_running: does a process with that pid match a rule? Forgets those
 * that are no longer young. Returns how many have ended and writes their rules to ret. */
size_t short_lived_end_scan(struct short_lived *short_lived,
                            bool (*is_running)(const void *context, pid_t pid),
                            const void *context, size_t ret[SHORT_LIVED_YOUNG_MAX]);

/* One of that rule has ended. */
void short_lived_count(struct short_lived *short_lived, size_t rule, uint64_t now_ns);

/* Judges a rule. Returns whether is_raised has changed; *ret_count: in the last five to ten
 * minutes. */
bool short_lived_judge(struct short_lived *short_lived, size_t rule, uint64_t now_ns,
                       uint64_t *ret_count);

/* Is there anything to be remembered about the user? */
bool short_lived_is_active(const struct short_lived *short_lived);

#endif
