/*
 * The sample records of heap?debug=1 (runtime/pprof, writeHeapInternal): memory in use, by
 * named patterns of functions and by the stacks that allocated most of it; and all that was
 * ever allocated, by the stacks that allocated most, freed or not. The records are samples;
 * each is scaled up by the probability that an allocation of its size is sampled, as in go tool
 * pprof. Go 1.22.3 sometimes counts a free for another record than its allocation, which makes
 * that one negative: what it has in use is unknown, and counts for nothing; the rest counts as
 * in pprof. Parses the body as it streams in, in chunks of any size, in fixed memory. The "#
 * runtime.MemStats" after the records are parsed by memstats.h. Pure.
 */
#ifndef SIDECAR_GO_HEAP_PROFILE_H
#define SIDECAR_GO_HEAP_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/line_reader.h"
#include "sidecar/go/site.h"
#include "sidecar/go/stack.h"

struct heap_amount {
  uint64_t objects, bytes;
};

/* More of them are listed than of those in use: what a program allocated in days must not hide
 * what it allocates now. */
enum { HEAP_ALLOCATED_MAX = 4 * SITE_TOP_MAX };

/* The stacks that allocated most: weight and objects are those allocated. */
struct heap_allocated {
  size_t len;
  struct site sites[HEAP_ALLOCATED_MAX]; /* heaviest first */
  uint64_t unlisted_max;
};

/*
 * Bytes and objects are scaled, as in "go tool pprof -sample_index=inuse_space", and are as of
 * the end of the last garbage collection. VALUE_UNKNOWN: the program does not sample
 * (runtime.MemProfileRate = 0).
 */
struct heap_profile {
  uint64_t sample_bytes; /* one sample per so many bytes; 1: each allocation; 0: none */
  uint64_t records;
  uint64_t inuse_bytes, inuse_objects;
  /*
   * By pattern: bytes of the records with a match in any frame, each record once. pprof's
   * -focus does the same, but also matches file names. Neither has the frames of the runtime
   * above the allocating function.
   */
  uint64_t matching_bytes[PATTERNS_MAX];
  struct site_top sites; /* none while inuse_bytes is unknown */
  /* Since the program started, freed or not: pprof's -sample_index=alloc_space. */
  uint64_t allocated_bytes;
  struct heap_allocated allocated;
};

/* About 400 KB: allocate it on the heap, while a profile is being received. */
struct heap_profile_parser {
  struct stack_matcher *matcher; /* borrowed */
  int status;
  bool has_header, in_record, in_memstats;
  /* the sums of the first line minus those of the records so far, modulo 2^64; not scaled */
  uint64_t unaccounted_bytes, unaccounted_objects;
  struct heap_amount inuse, allocated; /* of the current record; scaled */
  struct line_reader lines;
  struct stack stack;
  struct heap_profile totals; /* sites unused */
  struct site_table sites, allocated_sites;
};

/* The matcher is borrowed until the parser is done; its patterns' order is that of
 * struct heap_profile.matching_bytes. */
void heap_profile_parser_init(struct heap_profile_parser *parser,
                              struct stack_matcher *matcher);

/* Parses the next chunk. Returns 0; -EBADMSG as soon as it cannot be a heap profile; -ENOMEM.
 * After an error every further call returns it again. */
int heap_profile_parser_feed(struct heap_profile_parser *parser, const char *bytes, size_t len);

/*
 * The body is complete. Returns 0; -ENOMEM; -EBADMSG, also when the records do not add up to
 * the sums in the first line, so that a truncated profile gives no values. *ret is written only
 * on success.
 */
int heap_profile_parser_finish(struct heap_profile_parser *parser, struct heap_profile *ret);

#endif
