/*
 * Goroutines by stack, in the format of goroutine?debug=1 and goroutineleak?debug=1
 * (runtime/pprof, printCountProfile): a record for each stack and set of labels, with the
 * number of goroutines. For programs with more goroutines than can be dumped: the response is
 * as long as there are different stacks, and the program is stopped only while the stacks are
 * copied. It has neither wait times, nor who created a goroutine, nor the runtime's frames that
 * a stack begins with. Parses the body as it streams in, in chunks of any size, in fixed
 * memory. Pure.
 */
#ifndef SIDECAR_GO_GOROUTINE_GROUPS_H
#define SIDECAR_GO_GOROUTINE_GROUPS_H

#include "sidecar/go/goroutine_profile.h"

/* About 180 KB: allocate it on the heap, while a response is being received. */
struct goroutine_groups_parser {
  struct stack_matcher *matcher; /* borrowed */
  int status;
  struct line_reader lines;
  bool has_header, in_record;
  bool is_leaks;        /* goroutineleak: only those that nothing can wake */
  uint64_t unaccounted; /* goroutines of the header's total without a record so far */
  uint64_t count;       /* of the record */
  bool has_state;       /* a frame has decided about it */
  enum goroutine_state state;
  struct stack stack;
  struct goroutine_profile counts; /* sites unused */
  struct site_table sites;
};

/* The matcher is borrowed until the parser is done; its patterns' order is that of
 * struct goroutine_profile.matching. */
void goroutine_groups_parser_init(struct goroutine_groups_parser *parser,
                                  struct stack_matcher *matcher);

/* Parses the next chunk. Returns 0; -EBADMSG as soon as it cannot be such a profile; -ENOMEM.
 * After an error every further call returns it again. */
int goroutine_groups_parser_feed(struct goroutine_groups_parser *parser, const char *bytes,
                                 size_t len);

/*
 * The body is complete. Returns 0, or -EBADMSG (also when records are missing) or -ENOMEM with
 * *ret left alone. The profile is grouped: see is_grouped there. A site's key is that of its
 * frames, its state GOROUTINE_STATE_UNKNOWN where no frame shows it. Of goroutineleak all
 * goroutines are leaked, and there may be none.
 */
int goroutine_groups_parser_finish(struct goroutine_groups_parser *parser,
                                   struct goroutine_profile *ret);

#endif
