/* The table of questions; see question.h. */
#include "sidecar/pprof/question.h"

#include <string.h>

#include "common/scan.h"
#include "sidecar/parse/pprof_index.h"

/* ---- the index page ---- */

static int index_begin(void *sink, const struct pprof_options *options) {
  (void)options;
  pprof_index_parser_init(sink);
  return 0;
}

static int index_feed(void *sink, const char *bytes, size_t len) {
  return pprof_index_parser_feed(sink, bytes, len);
}

static int index_finish(void *sink, struct pprof_round *round) {
  return pprof_index_parser_finish(sink, &round->goroutines);
}

static void index_forget(struct pprof_round *round) {
  round->goroutines = VALUE_UNKNOWN;
}

/* ---- MemStats ---- */

static int memstats_begin(void *sink, const struct pprof_options *options) {
  (void)options;
  memstats_parser_init(sink);
  return 0;
}

static int memstats_feed(void *sink, const char *bytes, size_t len) {
  return memstats_parser_feed(sink, bytes, len);
}

static int memstats_finish(void *sink, struct pprof_round *round) {
  return memstats_parser_finish(sink, &round->memstats);
}

static void memstats_forget(struct pprof_round *round) {
  memset(&round->memstats, 0, sizeof(round->memstats));
}

/* ---- the table ---- */

const struct question questions[] = {
    {
        .bit = PPROF_GOROUTINE_COUNT,
        .path = "/debug/pprof/",
        .answer = offsetof(struct pprof_round, goroutine_count_answer),
        .at_once = 64,
        .sink_size = sizeof(struct pprof_index_parser),
        .begin = index_begin,
        .feed = index_feed,
        .finish = index_finish,
        .forget = index_forget,
    },
    {
        .bit = PPROF_MEMSTATS,
        .path = "/debug/pprof/heap?debug=1",
        .answer = offsetof(struct pprof_round, memstats_answer),
        .at_once = 32,
        .sink_size = sizeof(struct memstats_parser),
        .begin = memstats_begin,
        .feed = memstats_feed,
        .finish = memstats_finish,
        .forget = memstats_forget,
    },
};

const size_t questions_len = sizeof(questions) / sizeof(*questions);

void questions_forget_round(struct pprof_round *round) {
  for (size_t i = 0; i < questions_len; i++)
    questions[i].forget(round);
}

void questions_reset_round(struct pprof_round *round) {
  memset(round, 0, sizeof(*round));
  questions_forget_round(round);
}
