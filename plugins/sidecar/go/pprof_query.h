/*
 * The queries of a Go program's pprof server (net/http/pprof) and the answers of a round: for
 * each kind of query the path, the parser of the body, and where in the round its values are
 * stored. Sending requests is left to pprof.h. A new kind is a bit, an answer and values here,
 * and a row of the table in pprof_query.c. Pure.
 */
#ifndef SIDECAR_GO_PPROF_QUERY_H
#define SIDECAR_GO_PPROF_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "sidecar/go/goroutine_groups.h"
#include "sidecar/go/goroutine_profile.h"
#include "sidecar/go/heap_profile.h"
#include "sidecar/go/memstats.h"

/* The environment variable that sidecar reads the port of its server from. */
#define PPROF_DEFAULT_VARIABLE "SIDECAR_PPROF"

/* Where net/http/pprof registers its pages, and the length of the longest prefix instead. A
 * prefix begins and ends with '/'. */
#define PPROF_DEFAULT_PATH "/debug/pprof/"
enum { PPROF_PATH_MAX = 128 };

/* The kinds of queries: bits. Pages are below the prefix. */
enum {
  PPROF_GOROUTINE_COUNT = 1 << 0,  /* the index page */
  PPROF_MEMSTATS = 1 << 1,         /* heap?debug=1 */
  PPROF_HEAP_PROFILE = 1 << 2,     /* the same, with its records; includes MemStats */
  PPROF_GOROUTINE_DUMP = 1 << 3,   /* goroutine?debug=2: stops the process while it is
                                      written */
  PPROF_GOROUTINE_GROUPS = 1 << 4, /* goroutine?debug=1: instead, above the ceiling of dumps */
  PPROF_GOROUTINE_TOTAL = 1 << 5,  /* the same, its first line: the count of a program that has
                                      no index page; has the same answer as the index page */
  PPROF_GOROUTINE_LEAKS = 1 << 6,  /* goroutineleak?debug=1, of Go 1.27 and later: collects
                                      garbage to find those that nothing can wake */
};

/*
 * What a server may take of the client, whatever it does. Nothing of a response is kept but its
 * values, in memory of fixed size, so the limits are far above the largest of honest ones: a
 * heap page lists every stack ever sampled and only grows, 17 MB within two hours were seen,
 * and a busy machine may need a minute for it.
 */
enum { PPROF_REQUEST_MAX_MS = 120 * 1000, PPROF_RESPONSE_MAX_BYTES = 256 << 20 };

struct pprof_options {
  uint64_t timeout_ms; /* without progress; a request takes PPROF_REQUEST_MAX_MS at most */
  uint64_t max_bytes;  /* of each response; a query may have a lower limit */
  /* Needed for the stacks in a page. Borrowed until pprof_free(); until then only
   * the client's thread may use them. */
  struct stack_matcher *goroutine_matcher, *heap_matcher;
};

/* The result of one query. */
struct pprof_answer {
  int error;            /* 0, or as in struct http_result; -EBADMSG: malformed;
                           -ENOENT: 404; -EREMOTEIO: another HTTP status */
  char reason[256];     /* printable, names the path; "" when error is 0 */
  uint64_t duration_ns; /* of the request, including the connection setup */
  uint64_t bytes;       /* of the response, as far as received */
};

struct pprof_round {
  unsigned queried, answered; /* bits as above; queried includes those in progress, answered
                                 includes failures */
  struct pprof_answer goroutine_count_answer, memstats_answer;
  struct pprof_answer heap_profile_answer, goroutine_dump_answer, goroutine_groups_answer;
  struct pprof_answer goroutine_leaks_answer;
  uint64_t goroutines; /* VALUE_UNKNOWN unless answered without an error */
  struct memstats memstats;
  struct heap_profile *heap_profile; /* NULL unless answered without an error */
  /* as above */
  struct goroutine_profile *goroutine_profile, *goroutine_groups, *goroutine_leaks;
};

/* Frees what a collected round owns. */
void pprof_round_free(struct pprof_round *round);

/* Resets to all unknown, nothing queried, nothing answered; frees nothing. */
void pprof_round_reset(struct pprof_round *round);

/* What an error of a request means for a pprof server, for a log line: a clause. NULL for
 * errors that the HTTP client explains. */
const char *pprof_error_text(int error);

/* What can be done about a refusal (STATUS_REFUSED), for the end of the log line: a clause, ""
 * when nothing is known. */
const char *pprof_error_hint(int error);

/* ---- the table ---- */

struct pprof_query {
  unsigned bit;     /* PPROF_...; lower ones are sent first */
  const char *path; /* below the prefix, with the query */
  size_t answer;    /* offset of its struct pprof_answer in struct pprof_round */
  unsigned at_once; /* at most so many in progress (pprof.c has a limit for all queries), and as
                       many more for endpoints that were not prompt the last time; half of it
                       for one user: limits the memory of the sinks */

  uint64_t max_bytes; /* of the response; 0: that of the options */

  /*
   * The sink parses one body and lives as long as its request, on the client's thread: begin on
   * memory of sink_size bytes, feed for each chunk, finish when the body is complete with
   * status 200, and in any case drop at the end (NULL: it owns nothing). begin: 0, or -errno,
   * then nothing else is called. feed: 0, -EALREADY when the rest is not needed (the request
   * ends as if complete), or another -errno to end the request. finish: 0 with the values in
   * *round, or -errno with *round unchanged; it is called with the client's lock held, so it
   * must be quick.
   */
  size_t sink_size;
  int (*begin)(void *sink, const struct pprof_options *options);
  int (*feed)(void *sink, const char *bytes, size_t len);
  int (*finish)(void *sink, struct pprof_round *round);
  void (*drop)(void *sink);
  /* Makes the values in *round unknown and frees what they own. Also for a round that is all
   * zero bytes. */
  void (*forget)(struct pprof_round *round);
};

extern const struct pprof_query pprof_queries[];
extern const size_t pprof_queries_len;

static inline struct pprof_answer *pprof_query_answer(const struct pprof_query *query,
                                                      struct pprof_round *round) {
  return (struct pprof_answer *)(void *)((char *)round + query->answer);
}

#endif
