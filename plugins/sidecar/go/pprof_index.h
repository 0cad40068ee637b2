/*
 * The number of goroutines from net/http/pprof's index page (/debug/pprof/): one table row
 * a profile, each a line of its own (indexTmplExecute). The page costs the program no walk
 * over its stacks, so the pulse requests it. Takes the body as it streams in, in pieces cut at
 * any byte, and keeps only the current line. Pure.
 */
#ifndef SIDECAR_GO_PPROF_INDEX_H
#define SIDECAR_GO_PPROF_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "common/line_reader.h"

struct pprof_index_parser {
  int status;
  uint64_t goroutines; /* VALUE_UNKNOWN until the row came */
  struct line_reader lines;
};

void pprof_index_parser_init(struct pprof_index_parser *parser);

/* Takes the next piece. Returns 0, or -EBADMSG when the row has come with a number that no
 * program can have (the page is written by a goroutine), or come twice. After
 * an error every further call returns it again. */
int pprof_index_parser_feed(struct pprof_index_parser *parser, const char *bytes, size_t len);

/* The body is complete. Returns 0, or -EBADMSG when the row never came whole. */
int pprof_index_parser_finish(struct pprof_index_parser *parser, uint64_t *ret_goroutines);

#endif
