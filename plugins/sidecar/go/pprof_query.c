/* The table of queries and their sinks; see pprof_query.h. */
#include "sidecar/go/pprof_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/scan.h"
#include "sidecar/go/pprof_index.h"

/* ---- the index page ---- */

/* A row for each profile, of a few hundred bytes; it is asked for in each reading. */
enum { INDEX_MAX_BYTES = 1 << 20 };

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

static void count_forget(struct pprof_round *round) {
  round->goroutines = VALUE_UNKNOWN;
}

/* ---- the first line of the grouped goroutine profile ---- */

static int total_begin(void *sink, const struct pprof_options *options) {
  (void)options;
  pprof_total_parser_init(sink);
  return 0;
}

static int total_feed(void *sink, const char *bytes, size_t len) {
  return pprof_total_parser_feed(sink, bytes, len);
}

static int total_finish(void *sink, struct pprof_round *round) {
  return pprof_total_parser_finish(sink, &round->goroutines);
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
    return; /* that had them already, and they stay valid whatever the shorter page gives */
  memset(&round->memstats, 0, sizeof(round->memstats));
}

/*
 * ---- the goroutine dump ---- A profile is large, so a round has a pointer to it. The memory
 * is allocated before the request is sent, so that nothing can fail or block when the answer is
 * complete.
 */

struct dump_sink {
  struct goroutine_profile_parser parser;
  struct goroutine_profile *profile; /* to become the round's */
};

static int dump_begin(void *sink, const struct pprof_options *options) {
  struct dump_sink *dump = sink;
  if (options->goroutine_matcher == NULL)
    return -EINVAL;
  dump->profile = malloc(sizeof(*dump->profile));
  if (dump->profile == NULL)
    return -ENOMEM;
  goroutine_profile_parser_init(&dump->parser, options->goroutine_matcher);
  return 0;
}

static int dump_feed(void *sink, const char *bytes, size_t len) {
  struct dump_sink *dump = sink;
  return goroutine_profile_parser_feed(&dump->parser, bytes, len);
}

static int dump_finish(void *sink, struct pprof_round *round) {
  struct dump_sink *dump = sink;
  int status = goroutine_profile_parser_finish(&dump->parser, dump->profile);
  if (status == 0)
    round->goroutine_profile = steal_pointer(&dump->profile);
  return status;
}

static void dump_drop(void *sink) {
  free(((struct dump_sink *)sink)->profile);
}

static void dump_forget(struct pprof_round *round) {
  free(round->goroutine_profile);
  round->goroutine_profile = NULL;
}

/* ---- goroutines by stack, all or the leaked ones; as the dump ---- */

struct groups_sink {
  struct goroutine_groups_parser parser;
  struct goroutine_profile *profile; /* to become the round's */
};

static int groups_begin(void *sink, const struct pprof_options *options) {
  struct groups_sink *groups = sink;
  if (options->goroutine_matcher == NULL)
    return -EINVAL;
  groups->profile = malloc(sizeof(*groups->profile));
  if (groups->profile == NULL)
    return -ENOMEM;
  goroutine_groups_parser_init(&groups->parser, options->goroutine_matcher);
  return 0;
}

static int groups_feed(void *sink, const char *bytes, size_t len) {
  struct groups_sink *groups = sink;
  return goroutine_groups_parser_feed(&groups->parser, bytes, len);
}

static int finish_groups(struct groups_sink *groups, bool is_leaks,
                         struct goroutine_profile **ret) {
  if (groups->parser.is_leaks != is_leaks)
    return -EBADMSG;
  int status = goroutine_groups_parser_finish(&groups->parser, groups->profile);
  if (status == 0)
    *ret = steal_pointer(&groups->profile);
  return status;
}

static int groups_finish(void *sink, struct pprof_round *round) {
  return finish_groups(sink, false, &round->goroutine_groups);
}

static int leaks_finish(void *sink, struct pprof_round *round) {
  return finish_groups(sink, true, &round->goroutine_leaks);
}

static void groups_drop(void *sink) {
  free(((struct groups_sink *)sink)->profile);
}

static void groups_forget(struct pprof_round *round) {
  free(round->goroutine_groups);
  round->goroutine_groups = NULL;
}

static void leaks_forget(struct pprof_round *round) {
  free(round->goroutine_leaks);
  round->goroutine_leaks = NULL;
}

/* ---- the heap profile; as the dump ---- */

/* One body contains both: the records and, after them, the MemStats. */
struct heap_sink {
  struct heap_profile_parser records;
  struct memstats_parser memstats;
  struct heap_profile *profile; /* to become the round's */
};

static int heap_begin(void *sink, const struct pprof_options *options) {
  struct heap_sink *heap = sink;
  if (options->heap_matcher == NULL)
    return -EINVAL;
  heap->profile = malloc(sizeof(*heap->profile));
  if (heap->profile == NULL)
    return -ENOMEM;
  heap_profile_parser_init(&heap->records, options->heap_matcher);
  memstats_parser_init(&heap->memstats);
  return 0;
}

static int heap_feed(void *sink, const char *bytes, size_t len) {
  struct heap_sink *heap = sink;
  int status = heap_profile_parser_feed(&heap->records, bytes, len);
  return status != 0 ? status : memstats_parser_feed(&heap->memstats, bytes, len);
}

static int heap_finish(void *sink, struct pprof_round *round) {
  struct heap_sink *heap = sink;
  int status = heap_profile_parser_finish(&heap->records, heap->profile);
  if (status == 0)
    status = memstats_parser_finish(&heap->memstats, &round->memstats);
  if (status == 0)
    round->heap_profile = steal_pointer(&heap->profile);
  return status;
}

static void heap_drop(void *sink) {
  free(((struct heap_sink *)sink)->profile);
}

static void heap_forget(struct pprof_round *round) {
  free(round->heap_profile);
  round->heap_profile = NULL;
}

/* ---- the table ---- */

const struct pprof_query pprof_queries[] = {
    {
        .bit = PPROF_GOROUTINE_COUNT,
        .path = "",
        .answer = offsetof(struct pprof_round, goroutine_count_answer),
        .at_once = 32,
        .max_bytes = INDEX_MAX_BYTES,
        .sink_size = sizeof(struct pprof_index_parser),
        .begin = index_begin,
        .feed = index_feed,
        .finish = index_finish,
        .forget = count_forget,
    },
    {
        .bit = PPROF_GOROUTINE_TOTAL,
        .path = "goroutine?debug=1",
        .answer = offsetof(struct pprof_round, goroutine_count_answer),
        .at_once = 32,
        .sink_size = sizeof(struct pprof_total_parser),
        .begin = total_begin,
        .feed = total_feed,
        .finish = total_finish,
        .forget = count_forget,
    },
    {
        .bit = PPROF_MEMSTATS,
        .path = "heap?debug=1",
        .answer = offsetof(struct pprof_round, memstats_answer),
        .at_once = 32,
        .sink_size = sizeof(struct memstats_parser),
        .begin = memstats_begin,
        .feed = memstats_feed,
        .finish = memstats_finish,
        .forget = memstats_forget,
    },
    {
        .bit = PPROF_HEAP_PROFILE,
        .path = "heap?debug=1",
        .answer = offsetof(struct pprof_round, heap_profile_answer),
        .at_once = 8,
        .sink_size = sizeof(struct heap_sink),
        .begin = heap_begin,
        .feed = heap_feed,
        .finish = heap_finish,
        .drop = heap_drop,
        .forget = heap_forget,
    },
    {
        .bit = PPROF_GOROUTINE_DUMP,
        .path = "goroutine?debug=2",
        .answer = offsetof(struct pprof_round, goroutine_dump_answer),
        .at_once = 8,
        .sink_size = sizeof(struct dump_sink),
        .begin = dump_begin,
        .feed = dump_feed,
        .finish = dump_finish,
        .drop = dump_drop,
        .forget = dump_forget,
    },
    {
        .bit = PPROF_GOROUTINE_GROUPS,
        .path = "goroutine?debug=1",
        .answer = offsetof(struct pprof_round, goroutine_groups_answer),
        .at_once = 8,
        .sink_size = sizeof(struct groups_sink),
        .begin = groups_begin,
        .feed = groups_feed,
        .finish = groups_finish,
        .drop = groups_drop,
        .forget = groups_forget,
    },
    {
        .bit = PPROF_GOROUTINE_LEAKS,
        .path = "goroutineleak?debug=1",
        .answer = offsetof(struct pprof_round, goroutine_leaks_answer),
        .at_once = 8,
        .sink_size = sizeof(struct groups_sink),
        .begin = groups_begin,
        .feed = groups_feed,
        .finish = leaks_finish,
        .drop = groups_drop,
        .forget = leaks_forget,
    },
};

const size_t pprof_queries_len = ARRAY_LENGTH(pprof_queries);

const char *pprof_error_text(int error) {
  switch (error) {
  case -EBADMSG:
    return "not a response of Go's net/http/pprof";
  case -EXDEV:
    return "the port no longer belongs to the process";
  default:
    return NULL;
  }
}

const char *pprof_error_hint(int error) {
  switch (error) {
  case -ECONNREFUSED:
  case -ECONNRESET:
  case -EHOSTUNREACH:
    return "check what the process printed when it started; restart it with SIDECAR_PPROF=PORT "
           "if the port is in use";
  case -ENOENT:
    return "the program does not serve this page there: set PprofPath if it serves pprof below "
           "another path; see collectd-sidecar(5)";
  default:
    return "";
  }
}

void pprof_round_free(struct pprof_round *round) {
  for (size_t i = 0; i < pprof_queries_len; i++)
    pprof_queries[i].forget(round);
}

void pprof_round_reset(struct pprof_round *round) {
  memset(round, 0, sizeof(*round));
  pprof_round_free(round);
}
