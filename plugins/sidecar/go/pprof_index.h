/*
 * The number of goroutines from net/http/pprof's index page (/debug/pprof/): one table row for
 * each profile, each on its own line (indexTmplExecute). For this page the program does not
 * walk its stacks, so it is cheap enough for the pulse. Parses the body as it streams in, in
 * chunks of any size, and keeps only the current line. Pure.
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

#endif
