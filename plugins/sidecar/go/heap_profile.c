/*
 * Parses a heap profile line by line: one header, records with a line for each frame, then the
 * MemStats, of which only the beginning matters here.
 */
#include "sidecar/go/heap_profile.h"

#include <errno.h>
#include <math.h>

void heap_profile_parser_init(struct heap_profile_parser *parser,
                              struct stack_matcher *matcher) {
  parser->matcher = matcher;
  parser->status = 0;
  parser->has_header = parser->in_record = parser->in_memstats = false;
  memset(&parser->totals, 0, sizeof(parser->totals));
  line_reader_init(&parser->lines);
  site_table_init(&parser->sites);
  site_table_init(&parser->allocated_sites);
}

/* Go's counters are int64. */
static int scan_count(struct span *s, uint64_t *ret) {
  int status = scan_u64(s, ret);
  return status == 0 && *ret > INT64_MAX ? -ERANGE : status;
}

/* In use is what was allocated without what was freed, and negative where Go has counted a free
 * for another record. */
struct counts {
  int64_t inuse_objects, inuse_bytes;
  struct heap_amount allocated;
};

static int scan_difference(struct span *s, int64_t *ret) {
  bool is_negative = scan_literal(s, "-");
  uint64_t size;
  int status = scan_count(s, &size);
  if (status == 0)
    *ret = is_negative ? -(int64_t)size : (int64_t)size;
  return status;
}

/* "20: 670792 [588: 11200096] @": the beginning of the header and of each record. */
static int scan_counts(struct span *s, struct counts *ret) {
  if (scan_difference(s, &ret->inuse_objects) != 0 || !scan_literal(s, ": ") ||
      scan_difference(s, &ret->inuse_bytes) != 0 || !scan_literal(s, " [") ||
      scan_count(s, &ret->allocated.objects) != 0 || !scan_literal(s, ": ") ||
      scan_count(s, &ret->allocated.bytes) != 0 || !scan_literal(s, "] @"))
    return -EBADMSG;
  return 0;
}

static int take_header(struct heap_profile_parser *parser, struct span text) {
  struct counts counts;
  uint64_t rate;
  if (!scan_literal(&text, "heap profile: ") || scan_counts(&text, &counts) != 0 ||
      !scan_literal(&text, " heap/") || scan_count(&text, &rate) != 0 || text.len > 0)
    return -EBADMSG;
  parser->has_header = true;
  parser->unaccounted_bytes = (uint64_t)counts.inuse_bytes;
  parser->unaccounted_objects = (uint64_t)counts.inuse_objects;
  /* Go writes twice its MemProfileRate, for historical reasons. */
  parser->totals.sample_bytes = rate == 1 ? 1 : rate / 2;
  return 0;
}

/*
 * Allocations of size bytes are sampled with the probability 1 - e^(-size/rate); each sample is
 * scaled up accordingly. The sum is truncated to whole bytes record by record, as in pprof.
 */
static int scale(struct heap_amount sampled, uint64_t rate, struct heap_amount *ret) {
  *ret = (struct heap_amount){0, 0};
  if (sampled.objects == 0 || sampled.bytes == 0)
    return 0;
  double objects = (double)sampled.objects, bytes = (double)sampled.bytes;
  double factor = rate > 1 ? 1 / -expm1(-bytes / objects / (double)rate) : 1;
  double limit = 0x1p62;
  if (!(bytes * factor < limit) || !(objects * factor < limit))
    return -EBADMSG;
  ret->bytes = (uint64_t)(bytes * factor);
  ret->objects = (uint64_t)(objects * factor);
  return 0;
}

static int add(uint64_t *total, uint64_t amount) {
  if (amount > (UINT64_C(1) << 62) - *total)
    return -EBADMSG;
  *total += amount;
  return 0;
}

static void add_site(struct site_table *table, struct stack *stack, struct heap_amount amount) {
  if (amount.bytes == 0)
    return;
  stack->site.key = stack->key;
  stack->site.weight = amount.bytes;
  stack->site.objects = amount.objects;
  stack->site.oldest_minutes = stack->site.blocked = 0;
  stack->site.state = GOROUTINE_OTHER;
  site_table_add(table, &stack->site);
}

static int end_record(struct heap_profile_parser *parser) {
  struct heap_profile *totals = &parser->totals;
  struct stack *stack = &parser->stack;

  parser->in_record = false;
  totals->records++;
  if (add(&totals->inuse_bytes, parser->inuse.bytes) != 0 ||
      add(&totals->inuse_objects, parser->inuse.objects) != 0 ||
      add(&totals->allocated_bytes, parser->allocated.bytes) != 0)
    return -EBADMSG;
  stack_count_matches(stack, parser->inuse.bytes, totals->matching_bytes);
  add_site(&parser->sites, stack, parser->inuse);
  add_site(&parser->allocated_sites, stack, parser->allocated);
  return 0;
}

/* What is in use cannot be known from a record with a negative number. */
static struct heap_amount inuse_of(const struct counts *counts) {
  if (counts->inuse_objects < 0 || counts->inuse_bytes < 0)
    return (struct heap_amount){0, 0};
  return (struct heap_amount){(uint64_t)counts->inuse_objects, (uint64_t)counts->inuse_bytes};
}

/* "1: 1048576 [2: 2097152] @ 0x48e8d3 0x425bcb": the addresses are those of the functions in
 * the lines below. */
static int take_record(struct heap_profile_parser *parser, struct span text) {
  struct counts counts;
  if (scan_counts(&text, &counts) != 0 || (text.len > 0 && text.at[0] != ' '))
    return -EBADMSG;
  parser->unaccounted_bytes -= (uint64_t)counts.inuse_bytes;
  parser->unaccounted_objects -= (uint64_t)counts.inuse_objects;
  parser->in_record = true;
  stack_begin(&parser->stack);
  uint64_t rate = parser->totals.sample_bytes;
  int status = scale(inuse_of(&counts), rate, &parser->inuse);
  return status != 0 ? status : scale(counts.allocated, rate, &parser->allocated);
}

static int take_frame(struct heap_profile_parser *parser, struct line line) {
  struct span name;
  int status = stack_frame_name(line.text, line.is_long, &name);
  if (status != 0 || name.len == 0)
    return status;
  return stack_add_frame(&parser->stack, parser->matcher, name);
}

static int take_line(struct heap_profile_parser *parser, struct line line) {
  struct span text = line.text;
  if (parser->in_memstats)
    return text.len == 0 || text.at[0] == '#' ? 0 : -EBADMSG;
  if (!parser->has_header)
    return line.is_long ? -EBADMSG : take_header(parser, text);
  if (parser->in_record && span_starts_with(text, "#\t"))
    return take_frame(parser, line);

  /* anything else ends the record before it */
  int status = parser->in_record ? end_record(parser) : 0;
  if (status != 0 || text.len == 0)
    return status;
  if (span_equals(text, "# runtime.MemStats")) {
    parser->in_memstats = true;
    return 0;
  }
  return take_record(parser, text);
}

int heap_profile_parser_feed(struct heap_profile_parser *parser, const char *bytes,
                             size_t len) {
  struct span piece = span_make(bytes, len);
  struct line line;
  while (parser->status == 0 && line_reader_next(&parser->lines, &piece, &line))
    parser->status = take_line(parser, line);
  return parser->status;
}

static void set_unknown(struct heap_profile *totals) {
  totals->inuse_bytes = totals->inuse_objects = totals->allocated_bytes = VALUE_UNKNOWN;
  for (size_t i = 0; i < PATTERNS_MAX; i++)
    totals->matching_bytes[i] = VALUE_UNKNOWN;
}

int heap_profile_parser_finish(struct heap_profile_parser *parser, struct heap_profile *ret) {
  if (parser->status != 0)
    return parser->status;
  /* the MemStats come last: with them, and nothing unaccounted for, no record is missing */
  if (!parser->in_memstats || parser->unaccounted_bytes != 0 ||
      parser->unaccounted_objects != 0)
    return parser->status = -EBADMSG;
  struct heap_profile *totals = &parser->totals;
  if (totals->sample_bytes == 0) {
    set_unknown(totals);
    site_table_init(&parser->sites);
    site_table_init(&parser->allocated_sites);
  }
  site_table_top(&parser->sites, &totals->sites);
  totals->allocated.len = site_table_list(&parser->allocated_sites, totals->allocated.sites,
                                          HEAP_ALLOCATED_MAX, &totals->allocated.unlisted_max);
  *ret = *totals;
  return 0;
}
