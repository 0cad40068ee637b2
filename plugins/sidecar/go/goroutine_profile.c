/*
 * Parses a goroutine dump line by line. The lines that a stack can have are defined by
 * runtime/traceback.go; any other line is an error, so that an error page or another profile in
 * the middle of the body is not counted as frames.
 */
#include "sidecar/go/goroutine_profile.h"

#include <errno.h>

/* The limit at which runtime/pprof truncates a dump (writeGoroutineStacks). */
#define GO_DUMP_MAX_BYTES (UINT64_C(64) << 20)

static const uint64_t blocked_minutes[GOROUTINE_BLOCKED_AGES] = {
    [GOROUTINE_BLOCKED_1M] = 1,
    [GOROUTINE_BLOCKED_10M] = 10,
    [GOROUTINE_BLOCKED_1H] = 60,
};

const char *goroutine_blocked_name(enum goroutine_blocked age) {
  static const char *const names[GOROUTINE_BLOCKED_AGES] = {
      [GOROUTINE_BLOCKED_1M] = "1m",
      [GOROUTINE_BLOCKED_10M] = "10m",
      [GOROUTINE_BLOCKED_1H] = "1h",
  };
  return names[age];
}

void goroutine_profile_parser_init(struct goroutine_profile_parser *parser,
                                   struct stack_matcher *matcher) {
  parser->matcher = matcher;
  parser->status = 0;
  parser->fed_bytes = 0;
  parser->in_stack = parser->awaits_location = parser->needs_location = false;
  parser->in_ancestors = false;
  parser->event_patterns = stack_matcher_named(matcher, "monitor");
  memset(&parser->counts, 0, sizeof(parser->counts));
  line_reader_init(&parser->lines);
  site_table_init(&parser->sites);
}

/* In what a call or a channel is waited for. */
static bool is_wait(enum goroutine_state state) {
  return state == GOROUTINE_CHAN_RECEIVE || state == GOROUTINE_CHAN_SEND ||
         state == GOROUTINE_SELECT || state == GOROUTINE_IO_WAIT || state == GOROUTINE_SYNC ||
         state == GOROUTINE_SYSCALL;
}

static bool is_wait_for_events(enum goroutine_state state) {
  return state == GOROUTINE_CHAN_RECEIVE || state == GOROUTINE_SELECT;
}

static void count_blocked(struct goroutine_profile_parser *parser, const struct site *site) {
  struct goroutine_profile *counts = &parser->counts;
  uint64_t left = parser->stack.frame_matches;
  bool is_long = parser->waited_minutes >= GOROUTINE_LONG_MINUTES || parser->is_leaked;
  if (!is_long || !is_wait(parser->state))
    return;
  if (is_wait_for_events(parser->state) && !parser->is_leaked)
    left &= ~parser->event_patterns;
  for (; left != 0; left &= left - 1) {
    int i = __builtin_ctzll(left);
    struct site *longest = &counts->longest_blocked[i];
    counts->matching_blocked[i]++;
    if (longest->weight == 0 || site->oldest_minutes > longest->oldest_minutes)
      *longest = *site;
  }
}

static void end_goroutine(struct goroutine_profile_parser *parser) {
  struct goroutine_profile *counts = &parser->counts;
  struct stack *stack = &parser->stack;

  parser->in_stack = parser->in_ancestors = false;
  counts->goroutines++;
  counts->by_state[parser->state]++;
  for (size_t i = 0; i < GOROUTINE_BLOCKED_AGES; i++)
    counts->blocked[i] += parser->is_leaked || parser->waited_minutes >= blocked_minutes[i];
  stack_count_matches(stack, 1, counts->matching);

  stack->site.key = stack_key_mix(stack->key, parser->state);
  stack->site.weight = stack->site.objects = 1;
  stack->site.oldest_minutes = parser->waited_minutes;
  stack->site.blocked =
      parser->is_leaked || parser->waited_minutes >= blocked_minutes[GOROUTINE_BLOCKED_10M];
  stack->site.leaked = parser->is_leaked;
  stack->site.state = parser->state;
  site_table_add(&parser->sites, &stack->site);
  count_blocked(parser, &stack->site);
}

/* "12 minutes"; other notes ("locked to thread", "synctest bubble 3") are not counted. */
static int take_note(struct goroutine_profile_parser *parser, struct span note) {
  if (!span_ends_with(note, " minutes"))
    return 0;
  note.len -= strlen(" minutes");
  return scan_whole_u64(note, 0, VALUE_UNKNOWN - 1, &parser->waited_minutes);
}

/* The notes in the brackets, separated by ", ": the state, then details. */
static int take_notes(struct goroutine_profile_parser *parser, struct span notes) {
  bool is_first = true;
  while (notes.len > 0) {
    const char *comma = memchr(notes.at, ',', notes.len);
    size_t len = comma != NULL ? (size_t)(comma - notes.at) : notes.len;
    struct span note = span_make(notes.at, len);
    notes.at += len;
    notes.len -= len;
    if (is_first) {
      parser->state = goroutine_state_parse(note, NULL);
      parser->is_leaked = memmem(note.at, note.len, "(leaked)", strlen("(leaked)")) != NULL;
    } else if (take_note(parser, note) != 0) {
      return -EBADMSG;
    }
    is_first = false;
    scan_literal(&notes, ",");
    scan_blanks(&notes);
  }
  return is_first ? -EBADMSG : 0;
}

/*
 * Splits what follows "[" in a header into the notes and what ends it: "]:", or labels of the
 * goroutine (runtime/pprof.SetGoroutineLabels) and a colon. Labels are text of the program and
 * may contain anything, but notes contain neither a "]" nor a brace. Labels are
 *   "] {key: \"any text\", ...}:"         since Go 1.27, with GODEBUG=tracebacklabels=1, the
 *                                        default for modules with "go 1.27"
 *   " labels:{\"key\": \"any text\"}]:"  in Go 1.26, with the same setting.
 */
static int split_header(struct span text, bool is_long, struct span *ret_notes) {
  static const char old_labels[] = " labels:{";
  size_t len = 0;
  while (len < text.len && text.at[len] != ']' && text.at[len] != '{')
    len++;
  struct span notes = span_make(text.at, len);
  struct span rest = span_make(text.at + len, text.len - len);
  const char *end = "]:";
  if (span_starts_with(rest, "{")) {
    if (len < strlen(old_labels) - 1 ||
        memcmp(text.at + len + 1 - strlen(old_labels), old_labels, strlen(old_labels)) != 0)
      return -EBADMSG;
    notes.len = len + 1 - strlen(old_labels);
    end = "}]:";
  } else if (span_starts_with(rest, "] {")) {
    end = "}:";
  } else if (rest.len != strlen(end) && !is_long) {
    return -EBADMSG;
  }
  if (!is_long && !span_ends_with(rest, end))
    return -EBADMSG;
  *ret_notes = notes;
  return 0;
}

/* "goroutine 18 [chan receive, 12 minutes]:"; with GOTRACEBACK=system or crash also
 * "goroutine 18 gp=0xc000007880 m=nil [...]:". */
static int take_header(struct goroutine_profile_parser *parser, struct line line) {
  struct span rest = line.text, notes;
  uint64_t id;
  if (!scan_literal(&rest, "goroutine ") || scan_u64(&rest, &id) != 0 ||
      !scan_literal(&rest, " "))
    return -EBADMSG;
  const char *bracket = memchr(rest.at, '[', rest.len);
  if (bracket == NULL)
    return -EBADMSG;
  rest = span_make(bracket + 1, (size_t)(rest.at + rest.len - bracket - 1));
  int status = split_header(rest, line.is_long, &notes);
  if (status != 0)
    return status;

  parser->in_stack = true;
  parser->waited_minutes = 0;
  stack_begin(&parser->stack);
  return take_notes(parser, notes);
}

static int take_frame(struct goroutine_profile_parser *parser, struct span name) {
  if (name.len == 0)
    return -EBADMSG;
  parser->awaits_location = true;
  if (parser->in_ancestors)
    return 0;
  return stack_add_frame(&parser->stack, parser->matcher, name);
}

/* "created by net/http.(*Server).Serve in goroutine 5"; older versions omit the number. */
static int take_creator(struct goroutine_profile_parser *parser, struct span name) {
  static const char in_goroutine[] = " in goroutine ";
  size_t len = name.len;
  while (len > 0 && name.at[len - 1] >= '0' && name.at[len - 1] <= '9')
    len--;
  if (len < name.len && span_ends_with(span_make(name.at, len), in_goroutine))
    name.len = len - strlen(in_goroutine);
  if (name.len == 0)
    return -EBADMSG;
  parser->awaits_location = true;
  if (parser->in_ancestors)
    return 0;
  return stack_set_creator(&parser->stack, parser->matcher, name);
}

/* The lines of a stack that do not end in ")". */
static int take_rare_line(struct goroutine_profile_parser *parser, struct line line) {
  struct span text = line.text;
  if (span_starts_with(text, "goroutine ")) {
    end_goroutine(parser);
    return take_header(parser, line);
  }
  if (line.is_long)
    return -EBADMSG;
  if (scan_literal(&text, "created by "))
    return take_creator(parser, text);
  if (span_starts_with(text, "...") && span_ends_with(text, "elided..."))
    return 0;
  if (span_starts_with(text, "non-Go function at pc="))
    return 0;
  if (span_starts_with(text, "[originating from goroutine ")) {
    parser->in_ancestors = true;
    return 0;
  }
  parser->needs_location = true;
  return take_frame(parser, text);
}

static int take_stack_line(struct goroutine_profile_parser *parser, struct line line) {
  struct span text = line.text;
  if (text.at[0] == '\t') {
    parser->awaits_location = parser->needs_location = false;
    return 0;
  }
  if (parser->needs_location)
    return -EBADMSG;
  if (text.at[text.len - 1] == ')' && !line.is_long) {
    const char *arguments = memrchr(text.at, '(', text.len);
    if (arguments != NULL)
      return take_frame(parser, span_make(text.at, (size_t)(arguments - text.at)));
  }
  return take_rare_line(parser, line);
}

static int take_line(struct goroutine_profile_parser *parser, struct line line) {
  if (line.text.len > 0)
    return parser->in_stack ? take_stack_line(parser, line) : take_header(parser, line);
  if (parser->needs_location)
    return -EBADMSG;
  if (parser->in_stack)
    end_goroutine(parser);
  return 0;
}

int goroutine_profile_parser_feed(struct goroutine_profile_parser *parser, const char *bytes,
                                  size_t len) {
  struct span piece = span_make(bytes, len);
  struct line line;
  parser->fed_bytes += len;
  while (parser->status == 0 && line_reader_next(&parser->lines, &piece, &line))
    parser->status = take_line(parser, line);
  return parser->status;
}

int goroutine_profile_parser_finish(struct goroutine_profile_parser *parser,
                                    struct goroutine_profile *ret) {
  if (parser->status != 0)
    return parser->status;
  struct goroutine_profile *counts = &parser->counts;
  counts->is_cut_short = line_reader_has_partial(&parser->lines) ||
                         (parser->in_stack && parser->awaits_location) ||
                         parser->fed_bytes == GO_DUMP_MAX_BYTES;
  if (parser->in_stack)
    end_goroutine(parser);
  if (counts->goroutines == 0)
    return parser->status = -EBADMSG;
  site_table_top(&parser->sites, &counts->sites);
  *ret = *counts;
  return 0;
}
