/*
 * A CPU profile of a Go program: which of the program's own functions used the time. The
 * profile is a message of google/pprof's profile.proto, as written by runtime/pprof, not
 * compressed. Pure, in memory that is bounded by the size of the profile.
 */
#ifndef SIDECAR_GO_CPU_PROFILE_H
#define SIDECAR_GO_CPU_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/scan.h"
#include "sidecar/go/site.h"
#include "sidecar/go/stack.h"

enum { CPU_USERS_MAX = 3 };

/*
 * A function, with the time of all samples in which it is the innermost function outside Go's
 * standard library: what it used itself, and what the library used for it. Time in which only
 * the library ran, such as a garbage collection, belongs to the outermost function.
 */
struct cpu_user {
  uint64_t ns;
  /* The function and its callers outside the standard library, as in struct stack: those of the
   * sample with most of the time. */
  char text[SITE_TEXT_MAX];
};

struct cpu_profile {
  uint64_t cpu_ns;      /* of all samples */
  uint64_t duration_ns; /* of the profile; 0: not known */
  size_t len;
  struct cpu_user users[CPU_USERS_MAX]; /* the one with most time first */
};

/*
 * The matcher may have any patterns. Returns 0; -EBADMSG when it is not a CPU profile, or
 * contradicts itself; -EMSGSIZE when it has more functions, addresses or frames than a real
 * one; -ENOMEM.
 */
int cpu_profile_parse(struct span profile, struct stack_matcher *matcher,
                      struct cpu_profile *ret);

#endif
