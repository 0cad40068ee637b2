/*
 * The two deep questions: a goroutine dump and a heap profile. Their answers are large, so
 * a round carries them as pointers; see question.h for what each function does.
 */
#ifndef SIDECAR_PPROF_QUESTION_PROFILES_H
#define SIDECAR_PPROF_QUESTION_PROFILES_H

#include "sidecar/parse/goroutine_profile.h"
#include "sidecar/parse/heap_profile.h"
#include "sidecar/pprof/question.h"

struct goroutine_dump_sink {
  struct goroutine_profile_parser parser;
  struct goroutine_profile *profile; /* to become the round's */
};

int goroutine_dump_begin(void *sink, const struct pprof_options *options);
int goroutine_dump_feed(void *sink, const char *bytes, size_t len);
int goroutine_dump_finish(void *sink, struct pprof_round *round);
void goroutine_dump_drop(void *sink);
void goroutine_dump_forget(struct pprof_round *round);

/* One body has both: the records and, behind them, the MemStats. */
struct heap_profile_sink {
  struct heap_profile_parser records;
  struct memstats_parser memstats;
  struct heap_profile *profile; /* to become the round's */
};

int heap_profile_begin(void *sink, const struct pprof_options *options);
int heap_profile_feed(void *sink, const char *bytes, size_t len);
int heap_profile_finish(void *sink, struct pprof_round *round);
void heap_profile_drop(void *sink);
void heap_profile_forget(struct pprof_round *round);

#endif
