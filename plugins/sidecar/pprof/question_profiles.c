/*
 * From a body to a profile that the round owns. The memory for the result is taken when the
 * question is put, so that nothing is left to fail, and to wait for, when it is answered.
 */
#include "sidecar/pprof/question_profiles.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"

/* ---- the goroutine dump ---- */

int goroutine_dump_begin(void *sink, const struct pprof_options *options) {
  struct goroutine_dump_sink *dump = sink;
  if (options->goroutine_matcher == NULL)
    return -EINVAL;
  dump->profile = malloc(sizeof(*dump->profile));
  if (dump->profile == NULL)
    return -ENOMEM;
  goroutine_profile_parser_init(&dump->parser, options->goroutine_matcher);
  return 0;
}

int goroutine_dump_feed(void *sink, const char *bytes, size_t len) {
  struct goroutine_dump_sink *dump = sink;
  return goroutine_profile_parser_feed(&dump->parser, bytes, len);
}

int goroutine_dump_finish(void *sink, struct pprof_round *round) {
  struct goroutine_dump_sink *dump = sink;
  int status = goroutine_profile_parser_finish(&dump->parser, dump->profile);
  if (status == 0)
    round->goroutine_profile = steal_pointer(&dump->profile);
  return status;
}

void goroutine_dump_drop(void *sink) {
  free(((struct goroutine_dump_sink *)sink)->profile);
}

void goroutine_dump_forget(struct pprof_round *round) {
  free(round->goroutine_profile);
  round->goroutine_profile = NULL;
}

/* ---- the heap profile ---- */

int heap_profile_begin(void *sink, const struct pprof_options *options) {
  struct heap_profile_sink *heap = sink;
  if (options->heap_matcher == NULL)
    return -EINVAL;
  heap->profile = malloc(sizeof(*heap->profile));
  if (heap->profile == NULL)
    return -ENOMEM;
  heap_profile_parser_init(&heap->records, options->heap_matcher);
  memstats_parser_init(&heap->memstats);
  return 0;
}

int heap_profile_feed(void *sink, const char *bytes, size_t len) {
  struct heap_profile_sink *heap = sink;
  int status = heap_profile_parser_feed(&heap->records, bytes, len);
  return status != 0 ? status : memstats_parser_feed(&heap->memstats, bytes, len);
}

int heap_profile_finish(void *sink, struct pprof_round *round) {
  struct heap_profile_sink *heap = sink;
  int status = heap_profile_parser_finish(&heap->records, heap->profile);
  if (status == 0)
    status = memstats_parser_finish(&heap->memstats, &round->memstats);
  if (status == 0)
    round->heap_profile = steal_pointer(&heap->profile);
  return status;
}

void heap_profile_drop(void *sink) {
  free(((struct heap_profile_sink *)sink)->profile);
}

void heap_profile_forget(struct pprof_round *round) {
  free(round->heap_profile);
  round->heap_profile = NULL;
}
