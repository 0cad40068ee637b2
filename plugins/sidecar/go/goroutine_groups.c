/*
 * Parses goroutines by stack, line by line: a header with their number, then for each stack a
 * record with its count, its labels if it has any, and a line for each frame.
 */
#include "sidecar/go/goroutine_groups.h"

#include <errno.h>

#include "common/array.h"

void goroutine_groups_parser_init(struct goroutine_groups_parser *parser,
                                  struct stack_matcher *matcher) {
  parser->matcher = matcher;
  parser->status = 0;
  parser->has_header = parser->in_record = parser->is_leaks = false;
  memset(&parser->counts, 0, sizeof(parser->counts));
  line_reader_init(&parser->lines);
  site_table_init(&parser->sites);
}

/* ---- the state ---- */

/*
 * Functions that wait, by the beginning of their names. Those of the runtime are shown only for
 * stacks that have no others; that a channel is waited for is not shown otherwise.
 */
static const struct {
  const char *name;
  enum goroutine_state state;
} waits[] = {
    {"time.Sleep", GOROUTINE_SLEEP},
    {"internal/poll.runtime_pollWait", GOROUTINE_IO_WAIT},
    {"internal/poll.runtime_Semacquire", GOROUTINE_SYNC},
    {"internal/sync.runtime_Semacquire", GOROUTINE_SYNC},
    {"sync.runtime_Semacquire", GOROUTINE_SYNC},
    {"sync.runtime_notifyListWait", GOROUTINE_SYNC},
    {"syscall.Syscall", GOROUTINE_SYSCALL},
    {"syscall.RawSyscall", GOROUTINE_SYSCALL},
    {"runtime.chanrecv", GOROUTINE_CHAN_RECEIVE},
    {"runtime.chansend", GOROUTINE_CHAN_SEND},
    {"runtime.selectgo", GOROUTINE_SELECT},
    {"runtime.block", GOROUTINE_SELECT},
};

/* The innermost frame decides, apart from runtime.gopark, in which all wait. */
static void take_state(struct goroutine_groups_parser *parser, struct span name) {
  if (parser->has_state || span_starts_with(name, "runtime.gopark"))
    return;
  parser->has_state = true;
  for (size_t i = 0; i < ARRAY_LENGTH(waits); i++)
    if (span_starts_with(name, waits[i].name))
      parser->state = waits[i].state;
}

/* ---- lines ---- */

/* "goroutine profile: total 27" */
static int take_header(struct goroutine_groups_parser *parser, struct span text) {
  parser->is_leaks = scan_literal(&text, "goroutineleak ");
  if ((!parser->is_leaks && !scan_literal(&text, "goroutine ")) ||
      !scan_literal(&text, "profile: total ") ||
      scan_whole_u64(text, parser->is_leaks ? 0 : 1, INT64_MAX, &parser->unaccounted) != 0)
    return -EBADMSG;
  parser->counts.goroutines = parser->unaccounted;
  parser->counts.is_grouped = true;
  parser->has_header = true;
  return 0;
}

static void end_record(struct goroutine_groups_parser *parser) {
  struct stack *stack = &parser->stack;
  uint64_t leaked = parser->is_leaks ? parser->count : 0;
  parser->in_record = false;
  stack_count_matches(stack, parser->count, parser->counts.matching);
  stack->site.key = stack->site.frames_key != 0 ? stack->site.frames_key : stack->key;
  stack->site.weight = stack->site.objects = parser->count;
  stack->site.oldest_minutes = 0;
  stack->site.blocked = stack->site.leaked = leaked;
  stack->site.state = parser->state;
  site_table_add(&parser->sites, &stack->site);
}

/* "12 @ 0x48cc2a 0x465586": the addresses are those of the functions in the lines below, and
 * of those that are not shown. */
static int take_record(struct goroutine_groups_parser *parser, struct span text) {
  if (scan_u64(&text, &parser->count) != 0 || !scan_literal(&text, " @") ||
      (text.len > 0 && text.at[0] != ' '))
    return -EBADMSG;
  if (parser->count == 0 || parser->count > parser->unaccounted)
    return -EBADMSG;
  parser->unaccounted -= parser->count;
  parser->in_record = true;
  parser->has_state = false;
  parser->state = GOROUTINE_STATE_UNKNOWN;
  stack_begin(&parser->stack);
  return 0;
}

static int take_frame(struct goroutine_groups_parser *parser, struct line line) {
  struct span name;
  int status = stack_frame_name(line.text, line.is_long, &name);
  if (status != 0 || name.len == 0)
    return status;
  take_state(parser, name);
  return stack_add_frame(&parser->stack, parser->matcher, name);
}

static int take_line(struct goroutine_groups_parser *parser, struct line line) {
  struct span text = line.text;
  if (!parser->has_header)
    return line.is_long ? -EBADMSG : take_header(parser, text);
  if (parser->in_record && span_starts_with(text, "#\t"))
    return take_frame(parser, line);
  /* text of the program, in which Go escapes what would end the line */
  if (parser->in_record && span_starts_with(text, "# labels: {"))
    return 0;
  if (parser->in_record)
    end_record(parser);
  return text.len == 0 ? 0 : take_record(parser, text);
}

int goroutine_groups_parser_feed(struct goroutine_groups_parser *parser, const char *bytes,
                                 size_t len) {
  struct span piece = span_make(bytes, len);
  struct line line;
  while (parser->status == 0 && line_reader_next(&parser->lines, &piece, &line))
    parser->status = take_line(parser, line);
  return parser->status;
}

int goroutine_groups_parser_finish(struct goroutine_groups_parser *parser,
                                   struct goroutine_profile *ret) {
  if (parser->status != 0)
    return parser->status;
  /* a record ends with a blank line, and all of them make up the total */
  if (!parser->has_header || parser->in_record || parser->unaccounted > 0 ||
      line_reader_has_partial(&parser->lines))
    return parser->status = -EBADMSG;
  site_table_top(&parser->sites, &parser->counts.sites);
  *ret = parser->counts;
  return 0;
}
