/*
 * One stack while its frames pass by, innermost first: the patterns it matches, the key of
 * its site, and a text that shows it in short. Shared by the goroutine and heap parsers.
 */
#ifndef SIDECAR_PARSE_STACK_H
#define SIDECAR_PARSE_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "sidecar/parse/site_table.h"
#include "sidecar/parse/stack_patterns.h"

/*
 * The text reads "json.(*decodeState).object < history.load < main.main, created by
 * main.start": where the stack stands (the first function outside Go's runtime), then the
 * callers outside the standard library, as many as fit, without what repeats; import paths
 * are left to their last element. Raw bytes of somebody else's program, without control
 * characters: text_printable() it before it is shown.
 */
struct stack {
  uint64_t key;
  uint64_t matches;    /* bit i: pattern i, in any frame */
  uint64_t last_shown; /* hash of the name that the text ends with */
  uint32_t frames;
  bool is_runtime_only, is_text_full;
  size_t text_len;
  struct site site; /* its text is kept here; the rest is for the caller to fill in */
};

void stack_begin(struct stack *stack);

/* Takes a frame. Returns 0 or as stack_matcher_judge(). */
int stack_add_frame(struct stack *stack, struct stack_matcher *matcher, struct span name);

/* Takes the function that created the goroutine. It counts for the patterns. */
int stack_set_creator(struct stack *stack, struct stack_matcher *matcher, struct span name);

/* Adds amount to counts[i] for each pattern i that the stack matches. */
void stack_count_matches(const struct stack *stack, uint64_t amount, uint64_t *counts);

#endif
