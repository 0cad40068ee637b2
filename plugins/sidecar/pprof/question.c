/* The table of questions; see question.h. */
#include "sidecar/pprof/question.h"

#include <string.h>

#include "common/scan.h"
#include "sidecar/parse/pprof_index.h"
#include "sidecar/pprof/question_profiles.h"

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
  if (round->heap_profile != NULL)
    return; /* they came with that, and hold whatever becomes of the shorter page */
  memset(&round->memstats, 0, sizeof(round->memstats));
}

/* ---- the table ---- */

const struct question questions[] = {
    {
        .bit = PPROF_GOROUTINE_COUNT,
        .path = "/debug/pprof/",
        .answer = offsetof(struct pprof_round, goroutine_count_answer),
        .at_once = 16,
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
        .at_once = 16,
        .sink_size = sizeof(struct memstats_parser),
        .begin = memstats_begin,
        .feed = memstats_feed,
        .finish = memstats_finish,
        .forget = memstats_forget,
    },
    {
        .bit = PPROF_HEAP_PROFILE,
        .path = "/debug/pprof/heap?debug=1",
        .answer = offsetof(struct pprof_round, heap_profile_answer),
        .at_once = 4,
        .sink_size = sizeof(struct heap_profile_sink),
        .begin = heap_profile_begin,
        .feed = heap_profile_feed,
        .finish = heap_profile_finish,
        .drop = heap_profile_drop,
        .forget = heap_profile_forget,
    },
    {
        .bit = PPROF_GOROUTINE_DUMP,
        .path = "/debug/pprof/goroutine?debug=2",
        .answer = offsetof(struct pprof_round, goroutine_dump_answer),
        .at_once = 4,
        .sink_size = sizeof(struct goroutine_dump_sink),
        .begin = goroutine_dump_begin,
        .feed = goroutine_dump_feed,
        .finish = goroutine_dump_finish,
        .drop = goroutine_dump_drop,
        .forget = goroutine_dump_forget,
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
