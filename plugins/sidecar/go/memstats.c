/* The MemStats parser; see memstats.h. One table lists the lines that are read. */
#include "sidecar/go/memstats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char OPENING[] = "heap profile: ";

/* No machine has sizes beyond this, and a double could not represent them exactly. */
#define SIZE_LIMIT (1ull << 53)
/* Counters only grow: any value that fits is possible. */
#define COUNTER_LIMIT (VALUE_UNKNOWN - 1)

struct field {
  const char *name;
  size_t offset; /* of an uint64_t in struct memstats */
  uint64_t max;
  bool required;
  size_t from_system; /* offset of the second number of "in use / from the system"; 0: none */
};

#define FIELD(name, member, max, required)                                                     \
  { name, offsetof(struct memstats, member), max, required, 0 }
#define FIELD_PAIR(name, inuse, from_system)                                                   \
  {                                                                                            \
    name, offsetof(struct memstats, inuse), SIZE_LIMIT, false,                                 \
        offsetof(struct memstats, from_system)                                                 \
  }

static const struct field FIELDS[] = {
    FIELD("HeapAlloc", heap_alloc_bytes, SIZE_LIMIT, true),
    FIELD("HeapSys", heap_sys_bytes, SIZE_LIMIT, true),
    FIELD("HeapInuse", heap_inuse_bytes, SIZE_LIMIT, true),
    FIELD("NumGC", num_gc, COUNTER_LIMIT, true),
    FIELD("HeapIdle", heap_idle_bytes, SIZE_LIMIT, false),
    FIELD("HeapReleased", heap_released_bytes, SIZE_LIMIT, false),
    FIELD("HeapObjects", heap_objects, SIZE_LIMIT, false),
    FIELD_PAIR("Stack", stack_inuse_bytes, stack_sys_bytes),
    FIELD_PAIR("MSpan", mspan_inuse_bytes, mspan_sys_bytes),
    FIELD_PAIR("MCache", mcache_inuse_bytes, mcache_sys_bytes),
    FIELD("BuckHashSys", buck_hash_sys_bytes, SIZE_LIMIT, false),
    FIELD("GCSys", gc_sys_bytes, SIZE_LIMIT, false),
    FIELD("OtherSys", other_sys_bytes, SIZE_LIMIT, false),
    FIELD("Lookups", lookups, COUNTER_LIMIT, false),
    FIELD("Sys", sys_bytes, SIZE_LIMIT, false),
    FIELD("NextGC", next_gc_bytes, SIZE_LIMIT, false),
    FIELD("LastGC", last_gc_ns, COUNTER_LIMIT, false),
    FIELD("TotalAlloc", alloc_bytes_total, COUNTER_LIMIT, false),
    FIELD("Mallocs", mallocs, COUNTER_LIMIT, false),
    FIELD("Frees", frees, COUNTER_LIMIT, false),
};

enum { FIELDS_LEN = sizeof(FIELDS) / sizeof(*FIELDS) };

static uint64_t *number_at(struct memstats *stats, size_t offset) {
  return (uint64_t *)(void *)((char *)stats + offset);
}

static uint64_t *field_at(struct memstats *stats, const struct field *field) {
  return number_at(stats, field->offset);
}

void memstats_parser_init(struct memstats_parser *parser) {
  memset(parser, 0, offsetof(struct memstats_parser, lines));
  line_reader_init(&parser->lines);
  memset(&parser->stats, 0, sizeof(parser->stats));
  parser->stats.gc_cpu_fraction = NAN;
  for (size_t i = 0; i < FIELDS_LEN; i++) {
    *field_at(&parser->stats, &FIELDS[i]) = VALUE_UNKNOWN;
    if (FIELDS[i].from_system != 0)
      *number_at(&parser->stats, FIELDS[i].from_system) = VALUE_UNKNOWN;
  }
}

/* ---- values ---- */

static uint64_t parse_number(struct span value, uint64_t max) {
  uint64_t number;
  if (scan_u64(&value, &number) != 0 || number > max)
    return VALUE_UNKNOWN;
  return value.len == 0 ? number : VALUE_UNKNOWN;
}

/* "N / M": in use, and obtained from the system. Both are known, or neither. */
static void parse_pair(struct span value, uint64_t max, uint64_t *ret_inuse,
                       uint64_t *ret_from_system) {
  uint64_t inuse;
  if (scan_u64(&value, &inuse) != 0 || inuse > max || !scan_literal(&value, " / "))
    return;
  uint64_t from_system = parse_number(value, max);
  if (from_system == VALUE_UNKNOWN)
    return;
  *ret_inuse = inuse;
  *ret_from_system = from_system;
}

/* Ten to the power of a small number. */
static double power_of_ten(uint64_t exponent) {
  double power = 1;
  for (uint64_t i = 0; i < exponent; i++)
    power *= 10;
  return power;
}

/*
 * A number from 0 to 1 as Go's %v writes it: "0", "0.25", "1.2e-05". strtod(3) would follow the
 * locale the daemon happens to run in. NaN for anything else.
 */
static double parse_fraction(struct span value) {
  enum { DIGITS_MAX = 18, EXPONENT_MAX = 300 };
  uint64_t digits = 0, exponent = 0, decimals = 0;

  if (scan_u64(&value, &digits) != 0 || digits > 9)
    return NAN;
  if (scan_literal(&value, ".")) {
    struct span part = value;
    uint64_t ignored;
    if (scan_u64(&value, &ignored) == -EINVAL)
      return NAN;
    size_t len = part.len - value.len;
    for (; decimals < len && decimals < DIGITS_MAX; decimals++)
      digits = digits * 10 + (uint64_t)(part.at[decimals] - '0');
  }
  if (scan_literal(&value, "e-") &&
      (scan_u64(&value, &exponent) != 0 || exponent > EXPONENT_MAX))
    return NAN;
  if (value.len > 0)
    return NAN;
  double fraction = (double)digits / power_of_ten(decimals) / power_of_ten(exponent);
  return fraction <= 1 ? fraction : NAN;
}

/* "[1 2 ... 256]": all of them, or none. */
static bool parse_pauses(struct span value, uint64_t *ret) {
  if (!scan_literal(&value, "["))
    return false;
  for (size_t i = 0; i < MEMSTATS_PAUSES; i++) {
    if (i > 0 && !scan_literal(&value, " "))
      return false;
    if (scan_u64(&value, &ret[i]) != 0 || ret[i] > SIZE_LIMIT)
      return false;
  }
  return span_equals(value, "]");
}

/* ---- lines ---- */

/* If two lines have the same name, at least one of them was not written by Go. */
static int parse_field(struct memstats_parser *parser, struct span name, struct span value) {
  for (size_t i = 0; i < FIELDS_LEN; i++) {
    if (!span_equals(name, FIELDS[i].name))
      continue;
    if ((parser->fields_seen & 1u << i) != 0)
      return -EBADMSG;
    parser->fields_seen |= 1u << i;
    uint64_t *number = field_at(&parser->stats, &FIELDS[i]);
    if (FIELDS[i].from_system != 0)
      parse_pair(value, FIELDS[i].max, number,
                 number_at(&parser->stats, FIELDS[i].from_system));
    else
      *number = parse_number(value, FIELDS[i].max);
    return 0;
  }
  if (span_equals(name, "GCCPUFraction"))
    parser->stats.gc_cpu_fraction = parse_fraction(value);
  else if (span_equals(name, "PauseNs"))
    parser->stats.has_pauses = parse_pauses(value, parser->stats.pause_ns);
  return 0;
}

/* "# Name = value". Frames of sample records have a tab after the "#". */
static int parse_line(struct memstats_parser *parser, struct span line) {
  static const char between[] = " = ";
  if (!scan_literal(&line, "# "))
    return 0;
  if (!parser->in_memstats) {
    parser->in_memstats = span_equals(line, "runtime.MemStats");
    return 0;
  }
  const char *equals = memmem(line.at, line.len, between, sizeof(between) - 1);
  if (equals == NULL)
    return 0;
  struct span name = span_make(line.at, (size_t)(equals - line.at));
  size_t taken = name.len + sizeof(between) - 1;
  return parse_field(parser, name, span_make(line.at + taken, line.len - taken));
}

/* Anything else is detected by its first bytes, however long its first line is. */
static int check_opening(struct memstats_parser *parser, const char *bytes, size_t len) {
  size_t left = sizeof(OPENING) - 1 - parser->opening_seen;
  if (len > left)
    len = left;
  if (memcmp(OPENING + parser->opening_seen, bytes, len) != 0)
    return -EBADMSG;
  parser->opening_seen += len;
  return 0;
}

int memstats_parser_feed(struct memstats_parser *parser, const char *bytes, size_t len) {
  struct span piece = span_make(bytes, len);
  struct line line;

  if (parser->status == 0 && len > 0)
    parser->status = check_opening(parser, bytes, len);
  while (parser->status == 0 && line_reader_next(&parser->lines, &piece, &line)) {
    if (!line.is_long)
      parser->status = parse_line(parser, line.text);
  }
  return parser->status;
}

static bool contradicts(const struct memstats *stats) {
  return stats->heap_alloc_bytes > stats->heap_sys_bytes ||
         stats->heap_inuse_bytes > stats->heap_sys_bytes;
}

int memstats_parser_finish(struct memstats_parser *parser, struct memstats *ret) {
  if (parser->status != 0)
    return parser->status;
  for (size_t i = 0; i < FIELDS_LEN; i++)
    if (FIELDS[i].required && *field_at(&parser->stats, &FIELDS[i]) == VALUE_UNKNOWN)
      return -EBADMSG;
  if (contradicts(&parser->stats))
    return -EBADMSG;
  *ret = parser->stats;
  return 0;
}

uint64_t memstats_new_pauses_ns(const struct memstats *stats, uint64_t previous_num_gc,
                                uint64_t *ret_lost) {
  uint64_t sum = 0, count = 0;

  *ret_lost = 0;
  if (stats->num_gc != VALUE_UNKNOWN && stats->num_gc > previous_num_gc)
    count = stats->num_gc - previous_num_gc;
  uint64_t kept = !stats->has_pauses ? 0 : count < MEMSTATS_PAUSES ? count : MEMSTATS_PAUSES;
  *ret_lost = count - kept;
  for (uint64_t i = 0; i < kept; i++)
    sum += stats->pause_ns[(stats->num_gc - i + MEMSTATS_PAUSES - 1) % MEMSTATS_PAUSES];
  return sum;
}

static int compare_pauses(const void *a, const void *b) {
  uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
  return (left > right) - (left < right);
}

bool memstats_pause_quantiles_ns(const struct memstats *stats,
                                 uint64_t ret[MEMSTATS_QUANTILES]) {
  enum { PARTS = MEMSTATS_QUANTILES - 1 };
  uint64_t sorted[MEMSTATS_PAUSES];
  if (!stats->has_pauses || stats->num_gc == VALUE_UNKNOWN || stats->num_gc == 0)
    return false;
  /* a ring that is not full has been filled from its beginning */
  size_t len = stats->num_gc < MEMSTATS_PAUSES ? (size_t)stats->num_gc : MEMSTATS_PAUSES;
  memcpy(sorted, stats->pause_ns, len * sizeof(*sorted));
  qsort(sorted, len, sizeof(*sorted), compare_pauses);
  for (size_t i = 0; i < PARTS; i++)
    ret[i] = sorted[len * i / PARTS];
  ret[PARTS] = sorted[len - 1];
  return true;
}
