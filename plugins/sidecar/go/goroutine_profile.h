/*
 * A goroutine dump in the format of goroutine?debug=2 (runtime/traceback.go): a header and a
 * stack for each goroutine. Counts them by state, by how long they have been blocked and by
 * named patterns of functions, and keeps the most frequent stacks. Parses the body as it
 * streams in, in chunks of any size, in fixed memory. Pure.
 */
#ifndef SIDECAR_GO_GOROUTINE_PROFILE_H
#define SIDECAR_GO_GOROUTINE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/line_reader.h"
#include "sidecar/go/goroutine_state.h"
#include "sidecar/go/site.h"
#include "sidecar/go/stack.h"

enum goroutine_blocked {
  GOROUTINE_BLOCKED_1M,
  GOROUTINE_BLOCKED_10M,
  GOROUTINE_BLOCKED_1H,
  GOROUTINE_BLOCKED_AGES
};

/* The age as a type instance: "1m", "10m", "1h". */
const char *goroutine_blocked_name(enum goroutine_blocked age);

/* A wait that long is no longer one for a slow disk or network. */
enum { GOROUTINE_LONG_MINUTES = 2 };

struct goroutine_profile {
  uint64_t goroutines; /* in the dump; the sum over by_state */
  uint64_t by_state[GOROUTINE_STATES];
  /* With at least that wait time in the header. Go records the start of a wait at a garbage
   * collection, so a wait appears late, never early. Leaked ones count for every age: once
   * goroutineleak has been requested, Go omits their wait time for good, and nothing can end
   * the wait. */
  uint64_t blocked[GOROUTINE_BLOCKED_AGES];
  /* Goroutines by pattern: with a match in any frame shown, or in "created by". */
  uint64_t matching[PATTERNS_MAX];
  /* Of those, the ones that have been waiting for GOROUTINE_LONG_MINUTES for something that
   * does not come: with a match in a frame, in a state that calls and channels are waited for
   * in, not in a sleep. The loops of a monitor wait for events in a select or at a channel,
   * however long: those do not count for the pattern "monitor". With the one that has been
   * waiting the longest; its weight is 0 if there is none. */
  uint64_t matching_blocked[PATTERNS_MAX];
  struct site longest_blocked[PATTERNS_MAX];
  /* The end is missing: Go itself stops at 64 MB, or the connection broke. The counts are then
   * not those of the process, but the sites still show what piles up. */
  bool is_cut_short;
  /* Counted by stack alone (goroutine_groups.h): by_state, blocked, matching_blocked and
   * longest_blocked are unknown, and matching is without "created by". */
  bool is_grouped;
  struct site_top sites;
};

/* About 190 KB: allocate it on the heap, while a dump is being received. */
struct goroutine_profile_parser {
  struct stack_matcher *matcher; /* borrowed */
  int status;
  uint64_t fed_bytes;
  struct line_reader lines;
  bool in_stack;        /* after a header, until the next blank line */
  bool awaits_location; /* the line was a function, the next must be its file and line */
  bool needs_location;  /* ... and is accepted as a C function only because of that */
  bool in_ancestors;    /* GODEBUG=tracebackancestors: stacks of goroutines that have ended */
  uint64_t waited_minutes;
  bool is_leaked; /* Go has found that nothing can wake it; it then omits how long it waited */
  uint64_t event_patterns; /* bit i: loops that wait for events match pattern i too */
  enum goroutine_state state;
  struct stack stack;
  struct goroutine_profile counts; /* sites unused */
  struct site_table sites;
};

/* The matcher is borrowed until the parser is done; its patterns' order is that of
 * struct goroutine_profile.matching. */
void goroutine_profile_parser_init(struct goroutine_profile_parser *parser,
                                   struct stack_matcher *matcher);

/* Parses the next chunk. Returns 0; -EBADMSG as soon as it cannot be a goroutine dump; -ENOMEM.
 * After an error every further call returns it again. */
int goroutine_profile_parser_feed(struct goroutine_profile_parser *parser, const char *bytes,
                                  size_t len);

/* The body is complete. Returns 0, or -EBADMSG or -ENOMEM with *ret left alone. */
int goroutine_profile_parser_finish(struct goroutine_profile_parser *parser,
                                    struct goroutine_profile *ret);

#endif
