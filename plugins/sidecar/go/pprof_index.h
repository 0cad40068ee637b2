/*
 * The number of goroutines, from either of two pages of net/http/pprof. The index page
 * (/debug/pprof/) has one table row for each profile (indexTmpl, indexTmplExecute). For this
 * page the program does not walk its stacks, so it is cheap enough for the pulse. A program
 * that registers single handlers has no index page: the first line of the grouped goroutine
 * profile (goroutine?debug=1) has the number as well (runtime/pprof's printCountProfile), and
 * no more of it is read. Both parse the body as it streams in, in chunks of any size, and keep
 * only the current line. Pure.
 */
#ifndef SIDECAR_GO_PPROF_INDEX_H
#define SIDECAR_GO_PPROF_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "common/line_reader.h"

struct pprof_index_parser {
  int status;
  uint64_t goroutines; /* VALUE_UNKNOWN until the row was found */
  struct line_reader lines;
};

void pprof_index_parser_init(struct pprof_index_parser *parser);

/* Parses the next chunk. Returns 0, or -EBADMSG when the row has an impossible number (0 is
 * impossible, too: a goroutine writes the page) or occurs twice. After an error every further
 * call returns it again. */
int pprof_index_parser_feed(struct pprof_index_parser *parser, const char *bytes, size_t len);

/* The body is complete. Returns 0, or -EBADMSG when there was no complete row. */
int pprof_index_parser_finish(struct pprof_index_parser *parser, uint64_t *ret_goroutines);

/* ---- the first line of the grouped goroutine profile ---- */

struct pprof_total_parser {
  uint64_t goroutines; /* VALUE_UNKNOWN until the line is complete */
  struct line_reader lines;
};

void pprof_total_parser_init(struct pprof_total_parser *parser);

/* Parses the next chunk. Returns 0 while the first line is incomplete; -EALREADY when it has
 * the number: nothing more is needed; -EBADMSG when it is another line. After that it must not
 * be called again. */
int pprof_total_parser_feed(struct pprof_total_parser *parser, const char *bytes, size_t len);

/* Returns 0, or -EBADMSG when the first line was not complete. */
int pprof_total_parser_finish(const struct pprof_total_parser *parser,
                              uint64_t *ret_goroutines);

#endif
