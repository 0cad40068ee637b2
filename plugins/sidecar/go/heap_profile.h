/*
 * The sample records of heap?debug=1 (runtime/pprof, writeHeapInternal): what is in use,
 * by named patterns of functions and by the stacks that allocated most of it. The records
 * are samples; each is scaled up by how likely an allocation of its size is to be sampled,
 * as go tool pprof does it. Takes the body as it streams in, in pieces cut at any byte, in
 * fixed memory. The "# runtime.MemStats" after the records are memstats.h's. Pure.
 */
#ifndef SIDECAR_GO_HEAP_PROFILE_H
#define SIDECAR_GO_HEAP_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/line_reader.h"
#include "sidecar/go/site.h"
#include "sidecar/go/stack.h"

/*
 * Bytes and objects are the scaled ones, as "go tool pprof -sample_index=inuse_space" shows
 * them. Go counts them up to the end of the last garbage collection. VALUE_UNKNOWN: the
 * program does not sample (runtime.MemProfileRate = 0).
 */
struct heap_profile {
  uint64_t sample_bytes; /* one sample each so many bytes; 1: each allocation; 0: none */
  uint64_t records;
  uint64_t inuse_bytes, inuse_objects;
  /*
   * By pattern: bytes of the records with a match in any frame shown, each record once.
   * pprof's -focus does the same, but looks at file names too. Frames of the runtime above
   * the allocating function are shown by neither.
   */
  uint64_t matching_bytes[PATTERNS_MAX];
  struct site_top sites; /* none while inuse_bytes is unknown */
};

/* About 180 KB: belongs on the heap, for as long as a profile is under way. */
struct heap_profile_parser {
  struct stack_matcher *matcher; /* borrowed */
  int status;
  bool has_header, in_record, in_memstats;
  /* of the sums in the first line, the part that no record has covered yet; not scaled */
  uint64_t unaccounted_bytes, unaccounted_objects;
  uint64_t record_bytes, record_objects; /* of the current record; scaled */
  struct line_reader lines;
  struct stack stack;
  struct heap_profile totals; /* sites unused */
  struct site_table sites;
};

/* The matcher is borrowed until the parser is done; its patterns' order is that of
 * struct heap_profile.matching_bytes. */
void heap_profile_parser_init(struct heap_profile_parser *parser,
                              struct stack_matcher *matcher);

/* Takes the next piece. Returns 0; -EBADMSG as soon as it cannot be a heap profile;
 * -ENOMEM. After an error every further call returns it again. */
int heap_profile_parser_feed(struct heap_profile_parser *parser, const char *bytes, size_t len);

/*
 * The body is complete. Returns 0; -ENOMEM; -EBADMSG, also when the records do not add up
 * to what the first line says, so that a profile cut short gives no values. *ret is
 * written only on success.
 */
int heap_profile_parser_finish(struct heap_profile_parser *parser, struct heap_profile *ret);

#endif
