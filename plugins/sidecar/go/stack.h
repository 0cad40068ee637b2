/*
 * One stack of a Go program, frame by frame, innermost first: the named patterns that it
 * matches, the key of its site, and a short text. Shared by the parsers of goroutine dumps and
 * heap profiles. Pure.
 */
#ifndef SIDECAR_GO_STACK_H
#define SIDECAR_GO_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pattern.h"
#include "common/scan.h"
#include "sidecar/go/site.h"

/*
 * ---- patterns over functions ---- The patterns that a function matches are cached by a hash
 * of its name, so regular expressions run only for names not seen before; a stack matches the
 * patterns of all its frames. The cache outlives a dump: the next one of the same program finds
 * its functions there, and so does one of another user's program. So the hash has a secret key:
 * a name that is mistaken for another program's function cannot be constructed.
 *
 * A pattern is matched against one function name at a time, as written by Go: import path and
 * name without arguments, addresses or file ("encoding/json.(*decodeState).object"). So "^" and
 * "$" match the ends of that name; dots in the last element of an import path are written
 * "%2e", type arguments "[...]".
 */

enum { STACK_FUNCTION_MAX = 4096 /* of a longer name only this much is matched */ };

/* The symptoms of the profiling guide; each list ends with a NULL name. */
extern const struct pattern_default stack_patterns_of_goroutines[];
extern const struct pattern_default stack_patterns_of_heap[];

struct stack_function {
  uint64_t hash;    /* of the name, under the matcher's key; never 0 */
  uint64_t matches; /* bit i: pattern i */
  bool is_runtime;  /* of Go's runtime */
  bool is_standard; /* of Go's standard library, which includes the runtime */
};

struct stack_matcher; /* patterns and the cache; used by one thread at a time */

/* patterns are borrowed. Returns 0 or -ENOMEM; the caller owns *ret. Takes 53 KB, regardless of
 * the input. */
int stack_matcher_new(const struct pattern_list *patterns, struct stack_matcher **ret);
void stack_matcher_free(struct stack_matcher *matcher);

/* Bit i: pattern i has this name. */
uint64_t stack_matcher_named(const struct stack_matcher *matcher, const char *name);

/* How many names the regular expressions have been run on so far. */
uint64_t stack_matcher_searched(const struct stack_matcher *matcher);

/* Matches one function. Returns 0; -EBADMSG when the name contains a control character, which
 * Go's compiler never generates; -ENOMEM. */
int stack_matcher_match(struct stack_matcher *matcher, struct span name,
                        struct stack_function *ret);

/* Adds a word to the key of a site. The words are hashes under the matcher's secret key (and
 * small numbers), so they cannot be chosen. */
static inline uint64_t stack_key_mix(uint64_t key, uint64_t word) {
  key = (key ^ word) * UINT64_C(0x9E3779B97F4A7C15);
  return key ^ key >> 29;
}

/* ---- one stack ---- */

/*
 * The text reads "json.(*decodeState).object < history.load < main.main, created by
 * main.start": the innermost function outside Go's runtime, then the callers outside the
 * standard library, as many as fit, without repetitions; import paths are cut to their last
 * element. Raw bytes from another program, without control characters: use text_printable()
 * before displaying it.
 */
struct stack {
  uint64_t key;
  uint64_t matches;       /* bit i: pattern i, in any frame */
  uint64_t frame_matches; /* the same without the function that created the goroutine */
  uint64_t last_shown;    /* hash of the name that the text ends with */
  uint32_t frames;
  bool is_runtime_only, is_text_full;
  size_t text_len;
  struct site site; /* its text is kept here; the caller fills in the rest */
};

void stack_begin(struct stack *stack);

/*
 * The function in a frame's line of runtime/pprof's text format (printStackRecord):
 * "#\t0x43d0ab\tmain.load+0x2b\t\t/src/main.go:7"; "" if only the address is known. A line
 * that is_long is only the beginning of it. Returns 0 or -EBADMSG.
 */
int stack_frame_name(struct span line, bool is_long, struct span *ret_name);

/* Adds a frame. Return values as of stack_matcher_match(). */
int stack_add_frame(struct stack *stack, struct stack_matcher *matcher, struct span name);

/* Adds the function that created the goroutine. It counts for the patterns. */
int stack_set_creator(struct stack *stack, struct stack_matcher *matcher, struct span name);

/* Adds amount to counts[i] for each pattern i that the stack matches. */
void stack_count_matches(const struct stack *stack, uint64_t amount, uint64_t *counts);

#endif
