/* The index page's parser; see pprof_index.h. */
#include "sidecar/go/pprof_index.h"

#include <errno.h>

/* No address space could hold the stacks of more. */
static const uint64_t GOROUTINES_MAX = 1ull << 40;

void pprof_index_parser_init(struct pprof_index_parser *parser) {
  parser->status = 0;
  parser->goroutines = VALUE_UNKNOWN;
  line_reader_init(&parser->lines);
}

/*
 * Go 1.19 to 1.26: <tr><td>40</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr> The
 * link identifies the row.
 */
static int parse_line(struct pprof_index_parser *parser, struct span line) {
  uint64_t count;

  if (!scan_literal(&line, "<tr><td>"))
    return 0;
  int status = scan_u64(&line, &count);
  if (status == -EINVAL || !scan_literal(&line, "</td><td><a href="))
    return 0;
  if (!scan_literal(&line, "'goroutine?debug=1'") &&
      !scan_literal(&line, "\"goroutine?debug=1\""))
    return 0;
  if (status != 0 || count == 0 || count > GOROUTINES_MAX)
    return -EBADMSG;
  if (parser->goroutines != VALUE_UNKNOWN)
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
