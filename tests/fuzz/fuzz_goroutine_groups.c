/*
 * Any bytes as goroutines by stack: in one piece and in chunks they give the same, and the
 * counts add up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/go/goroutine_groups.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
  if (!condition)
    abort();
}

static struct stack_matcher *matcher_new(void) {
  static struct pattern_list patterns;
  struct stack_matcher *matcher;
  require(pattern_list_add_defaults(&patterns, stack_patterns_of_goroutines) == 0);
  require(stack_matcher_new(&patterns, &matcher) == 0);
  return matcher;
}

/* The length of the chunk that ends at `at`, from the bytes of the body there. */
static size_t next_piece(const uint8_t *data, size_t size, size_t at) {
  size_t n = 1 + data[at] % 64 + (data[at] == 'g' ? 5000 : 0);
  return n < size - at ? n : size - at;
}

static int parse(struct stack_matcher *matcher, struct goroutine_groups_parser *parser,
                 const uint8_t *data, size_t size, bool in_pieces,
                 struct goroutine_profile *ret) {
  goroutine_groups_parser_init(parser, matcher);
  for (size_t at = 0, n; at < size; at += n) {
    n = in_pieces ? next_piece(data, size, at) : size;
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
    matcher = matcher_new();

  memset(&whole, 0, sizeof(whole));
  memset(&pieces, 0, sizeof(pieces));
  int status = parse(matcher, &parser, data, size, false, &whole);
  require(parse(matcher, &parser, data, size, true, &pieces) == status);
  if (status == 0)
    check(&whole);
  require(whole.goroutines == pieces.goroutines);
  require(memcmp(whole.matching, pieces.matching, sizeof(whole.matching)) == 0);
  require(whole.sites.len == pieces.sites.len);
  for (size_t i = 0; i < whole.sites.len; i++)
    require(strcmp(whole.sites.sites[i].text, pieces.sites.sites[i].text) == 0);
  return 0;
}
