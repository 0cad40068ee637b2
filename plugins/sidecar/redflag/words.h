/* Amounts, durations and stacks as people read them: for lines, summaries and READMEs. */
#ifndef SIDECAR_REDFLAG_WORDS_H
#define SIDECAR_REDFLAG_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "sidecar/parse/site_table.h"

enum { WORDS_SIZE = 32 };

/* "1.2 GB", "35.0 MB", "12 kB"; powers of 1024, as the guide's tools have it. Returns dst. */
char *words_bytes(char dst[WORDS_SIZE], double bytes);

/* "45 s", "12 min", "1 h 5 min", "3 d 2 h". Returns dst. */
char *words_duration(char dst[WORDS_SIZE], uint64_t ms);

/* The stack of a site as one printable line, cut to size. Returns dst. */
char *words_stack(char *dst, size_t size, const struct site *site);

#endif
