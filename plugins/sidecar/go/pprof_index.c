/* The parsers of the number of goroutines; see pprof_index.h. */
#include "sidecar/go/pprof_index.h"

#include <errno.h>
#include <stdbool.h>

#include "common/array.h"

/* No address space could hold the stacks of more. */
static const uint64_t GOROUTINES_MAX = 1ull << 40;

void pprof_index_parser_init(struct pprof_index_parser *parser) {
  parser->status = 0;
  parser->goroutines = VALUE_UNKNOWN;
  line_reader_init(&parser->lines);
}

static bool is_possible(int scan_status, uint64_t count) {
  return scan_status == 0 && count > 0 && count <= GOROUTINES_MAX;
}

/* The link to the profile, which identifies its row. html/template, which wrote the page before
 * Go 1.14, omits the quotes and escapes the sign. */
static bool scan_link(struct span *line) {
  static const char *const targets[] = {
      "'goroutine?debug=1'",
      "\"goroutine?debug=1\"",
      "goroutine?debug&#61;1>",
  };
  if (!scan_literal(line, "<a href="))
    return false;
  for (size_t i = 0; i < ARRAY_LENGTH(targets); i++)
    if (scan_literal(line, targets[i]))
      return true;
  return false;
}

/*
 * The row of the profile, on a line of its own:
 * Go 1.10:         <tr><td align=right>40<td><a href="goroutine?debug=1">goroutine</a>
 * Go 1.11 to 1.13: <td>40</td><td><a href=goroutine?debug&#61;1>goroutine</a></td>, indented
 * since Go 1.14:   <tr><td>40</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>
 */
static int parse_line(struct pprof_index_parser *parser, struct span line) {
  uint64_t count = 0;

  scan_blanks(&line);
  scan_literal(&line, "<tr>");
  if (!scan_literal(&line, "<td>") && !scan_literal(&line, "<td align=right>"))
    return 0;
  int status = scan_u64(&line, &count);
  if (status == -EINVAL)
    return 0;
  scan_literal(&line, "</td>");
  if (!scan_literal(&line, "<td>") || !scan_link(&line))
    return 0;
  if (!is_possible(status, count) || parser->goroutines != VALUE_UNKNOWN)
    return -EBADMSG;
  parser->goroutines = count;
  return 0;
}

int pprof_index_parser_feed(struct pprof_index_parser *parser, const char *bytes, size_t len) {
  struct span piece = span_make(bytes, len);
  struct line line;

  while (parser->status == 0 && line_reader_next(&parser->lines, &piece, &line)) {
    if (!line.is_long)
      parser->status = parse_line(parser, line.text);
  }
  return parser->status;
}

int pprof_index_parser_finish(struct pprof_index_parser *parser, uint64_t *ret_goroutines) {
  if (parser->status != 0)
    return parser->status;
  if (parser->goroutines == VALUE_UNKNOWN)
    return -EBADMSG;
  *ret_goroutines = parser->goroutines;
  return 0;
}

/* ---- the first line of the grouped goroutine profile ---- */

void pprof_total_parser_init(struct pprof_total_parser *parser) {
  parser->goroutines = VALUE_UNKNOWN;
  line_reader_init(&parser->lines);
}

int pprof_total_parser_feed(struct pprof_total_parser *parser, const char *bytes, size_t len) {
  struct span piece = span_make(bytes, len);
  struct line line;
  uint64_t count = 0;

  if (!line_reader_next(&parser->lines, &piece, &line))
    return parser->lines.carried > LINE_READER_MAX ? -EBADMSG : 0;
  if (line.is_long || !scan_literal(&line.text, "goroutine profile: total "))
    return -EBADMSG;
  int status = scan_u64(&line.text, &count);
  if (!is_possible(status, count) || line.text.len > 0)
    return -EBADMSG;
  parser->goroutines = count;
  return -EALREADY;
}

int pprof_total_parser_finish(const struct pprof_total_parser *parser,
                              uint64_t *ret_goroutines) {
  if (parser->goroutines == VALUE_UNKNOWN)
    return -EBADMSG;
  *ret_goroutines = parser->goroutines;
  return 0;
}
