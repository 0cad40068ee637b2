/*
 * Any bytes as a goroutine dump: in one piece and in chunks they give the same, and the counts
 * add up.
 */
#include "sidecar/go/goroutine_profile.h"

#include "profile_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct stack_matcher *matcher, struct goroutine_profile_parser *parser,
                 const uint8_t *data, size_t size, bool in_pieces,
                 struct goroutine_profile *ret) {
  goroutine_profile_parser_init(parser, matcher);
  for (size_t at = 0, n; at < size; at += n) {
    n = in_pieces ? next_piece(data, size, at, 'g') : size;
    if (goroutine_profile_parser_feed(parser, (const char *)data + at, n) != 0)
      break;
  }
  return goroutine_profile_parser_finish(parser, ret);
}

static void check(const struct goroutine_profile *profile) {
  uint64_t sum = 0, sites = 0;
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    sum += profile->by_state[i];
  require(sum == profile->goroutines && sum > 0);
  require(profile->blocked[GOROUTINE_BLOCKED_1M] <= sum);
  require(profile->blocked[GOROUTINE_BLOCKED_10M] <= profile->blocked[GOROUTINE_BLOCKED_1M]);
  require(profile->blocked[GOROUTINE_BLOCKED_1H] <= profile->blocked[GOROUTINE_BLOCKED_10M]);
  for (size_t i = 0; i < PATTERNS_MAX; i++)
    require(profile->matching[i] <= sum);
  for (size_t i = 0; i < profile->sites.len; i++) {
    sites += profile->sites.sites[i].weight;
    require(strlen(profile->sites.sites[i].text) < SITE_TEXT_MAX);
  }
  require(sites <= sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct stack_matcher *matcher;
  static struct goroutine_profile_parser parser;
  static struct goroutine_profile whole, pieces;
  if (matcher == NULL)
    matcher = matcher_new(stack_patterns_of_goroutines);

  memset(&whole, 0, sizeof(whole));
  memset(&pieces, 0, sizeof(pieces));
  int status = parse(matcher, &parser, data, size, false, &whole);
  require(parse(matcher, &parser, data, size, true, &pieces) == status);
  if (status == 0)
    check(&whole);
  require(whole.goroutines == pieces.goroutines && whole.is_cut_short == pieces.is_cut_short);
  require(memcmp(whole.by_state, pieces.by_state, sizeof(whole.by_state)) == 0);
  require(memcmp(whole.blocked, pieces.blocked, sizeof(whole.blocked)) == 0);
  require(memcmp(whole.matching, pieces.matching, sizeof(whole.matching)) == 0);
  require_same_sites(&whole.sites, &pieces.sites);
  return 0;
}
