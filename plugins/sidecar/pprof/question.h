/*
 * The kinds of questions a pprof endpoint is asked: for each the path, what takes the body
 * as it streams in, and where in a round the answer goes. A new kind is a row of the table
 * in question.c and a bit, an answer and values in pprof.h; pprof.c needs no change.
 */
#ifndef SIDECAR_PPROF_QUESTION_H
#define SIDECAR_PPROF_QUESTION_H

#include <stddef.h>

#include "sidecar/pprof/pprof.h"

struct question {
  unsigned bit;     /* of pprof.h; lower ones are asked first */
  const char *path; /* with the query */
  size_t answer;    /* offset of its struct pprof_answer in struct pprof_round */
  unsigned at_once; /* at most so many under way (asker.c has a limit for all questions), and
                       as many more to endpoints that were late the last time: bounds the
                       memory of the sinks */

  /*
   * The sink takes one body and lives as long as its request, on the client's thread: begin
   * on memory of sink_size bytes, feed for each piece, finish when the body is complete with
   * status 200, and in any case drop at the end (NULL: nothing to give back).
   * begin: 0 or -errno, then nothing else is called. feed: 0, or -errno to end the request.
   * finish: 0 with the values in *round, or -errno with *round left alone; called with the
   * client's lock held, so it moves and copies but does not work.
   */
  size_t sink_size;
  int (*begin)(void *sink, const struct pprof_options *options);
  int (*feed)(void *sink, const char *bytes, size_t len);
  int (*finish)(void *sink, struct pprof_round *round);
  void (*drop)(void *sink);
  /* Makes the values in *round unknown and gives back what they own. Also fits a round that
   * is all zero bytes. */
  void (*forget)(struct pprof_round *round);
};

extern const struct question questions[];
extern const size_t questions_len;

/* All values unknown, nothing asked, nothing answered; what was there is not given back. */
void questions_reset_round(struct pprof_round *round);
/* Gives back what the values own. */
void questions_forget_round(struct pprof_round *round);

static inline struct pprof_answer *question_answer(const struct question *question,
                                                   struct pprof_round *round) {
  return (struct pprof_answer *)(void *)((char *)round + question->answer);
}

#endif
