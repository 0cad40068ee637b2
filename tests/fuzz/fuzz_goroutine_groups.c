/*
 * Any bytes as goroutines by stack: in one piece and in chunks they give the same, and the
 * counts add up.
 */
#include "sidecar/go/goroutine_groups.h"

#include "profile_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct stack_matcher *matcher, struct goroutine_groups_parser *parser,
                 const uint8_t *data, size_t size, bool in_pieces,
                 struct goroutine_profile *ret) {
  goroutine_groups_parser_init(parser, matcher);
  for (size_t at = 0, n; at < size; at += n) {
    n = in_pieces ? next_piece(data, size, at, 'g') : size;
    if (goroutine_groups_parser_feed(parser, (const char *)data + at, n) != 0)
      break;
  }
  return goroutine_groups_parser_finish(parser, ret);
}

static void check(const struct goroutine_profile *profile) {
  uint64_t sites = 0;
  require(profile->is_grouped && !profile->is_cut_short);
  for (size_t i = 0; i < PATTERNS_MAX; i++)
    require(profile->matching[i] <= profile->goroutines);
  for (size_t i = 0; i < profile->sites.len; i++) {
    const struct site *site = &profile->sites.sites[i];
    sites += site->weight;
    require(site->leaked == 0 || site->leaked <= site->weight);
    require(site->state <= GOROUTINE_STATE_UNKNOWN);
    require(strlen(site->text) < SITE_TEXT_MAX);
  }
  require(sites <= profile->goroutines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct stack_matcher *matcher;
  static struct goroutine_groups_parser parser;
  static struct goroutine_profile whole, pieces;
  if (matcher == NULL)
    matcher = matcher_new(stack_patterns_of_goroutines);

  memset(&whole, 0, sizeof(whole));
  memset(&pieces, 0, sizeof(pieces));
  int status = parse(matcher, &parser, data, size, false, &whole);
  require(parse(matcher, &parser, data, size, true, &pieces) == status);
  if (status == 0)
    check(&whole);
  require(whole.goroutines == pieces.goroutines);
  require(memcmp(whole.matching, pieces.matching, sizeof(whole.matching)) == 0);
  require_same_sites(&whole.sites, &pieces.sites);
  return 0;
}
