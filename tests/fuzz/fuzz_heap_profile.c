/*
 * Any bytes as a heap profile: in one piece and in chunks they give the same, and no pattern or
 * site has more than the total.
 */
#include "sidecar/go/heap_profile.h"

#include "profile_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct stack_matcher *matcher, struct heap_profile_parser *parser,
                 const uint8_t *data, size_t size, bool in_pieces, struct heap_profile *ret) {
  heap_profile_parser_init(parser, matcher);
  for (size_t at = 0, n; at < size; at += n) {
    n = in_pieces ? next_piece(data, size, at, '#') : size;
    if (heap_profile_parser_feed(parser, (const char *)data + at, n) != 0)
      break;
  }
  return heap_profile_parser_finish(parser, ret);
}

static void check(const struct heap_profile *profile) {
  uint64_t sites = 0, allocated = 0;
  for (size_t i = 0; i < PATTERNS_MAX; i++)
    require(profile->matching_bytes[i] <= profile->inuse_bytes);
  for (size_t i = 0; i < profile->sites.len; i++) {
    sites += profile->sites.sites[i].weight;
    require(strlen(profile->sites.sites[i].text) < SITE_TEXT_MAX);
  }
  require(sites <= profile->inuse_bytes);
  for (size_t i = 0; i < profile->allocated.len; i++)
    allocated += profile->allocated.sites[i].weight;
  require(allocated <= profile->allocated_bytes);
  require((profile->sample_bytes == 0) == (profile->inuse_bytes == VALUE_UNKNOWN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct stack_matcher *matcher;
  static struct heap_profile_parser parser;
  static struct heap_profile whole, pieces;
  if (matcher == NULL)
    matcher = matcher_new(stack_patterns_of_heap);

  memset(&whole, 0, sizeof(whole));
  memset(&pieces, 0, sizeof(pieces));
  int status = parse(matcher, &parser, data, size, false, &whole);
  require(parse(matcher, &parser, data, size, true, &pieces) == status);
  if (status == 0)
    check(&whole);
  require(whole.records == pieces.records && whole.inuse_bytes == pieces.inuse_bytes);
  require(whole.inuse_objects == pieces.inuse_objects);
  require(memcmp(whole.matching_bytes, pieces.matching_bytes, sizeof(whole.matching_bytes)) ==
          0);
  require_same_sites(&whole.sites, &pieces.sites);
  return 0;
}
