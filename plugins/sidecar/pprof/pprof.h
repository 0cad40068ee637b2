/*
 * The Go runtime's side of a process, asked through net/http/pprof. One thread serves all
 * endpoints over common/http, so a stuck one delays nobody; the read callback starts a
 * round, goes on with /proc, and collects what has arrived. Nothing is kept alive between
 * requests: an idle connection would be one more descriptor and goroutine in the target.
 * For the same reason an endpoint is asked one question at a time: a second connection
 * would be counted by the answer to the first. The questions stand in question.c.
 */
#ifndef SIDECAR_PPROF_H
#define SIDECAR_PPROF_H

#include <stdbool.h>
#include <stdint.h>

#include "sidecar/parse/goroutine_profile.h"
#include "sidecar/parse/heap_profile.h"
#include "sidecar/parse/memstats.h"

struct pprof;          /* the client: one a plugin, with its thread */
struct pprof_endpoint; /* one watched process's pprof server */

/* What a round asks for. */
enum {
  PPROF_GOROUTINE_COUNT = 1 << 0, /* /debug/pprof/ */
  PPROF_MEMSTATS = 1 << 1,        /* /debug/pprof/heap?debug=1 */
  PPROF_HEAP_PROFILE = 1 << 2,    /* the same, with its records: brings MemStats, too */
  PPROF_GOROUTINE_DUMP = 1 << 3,  /* /debug/pprof/goroutine?debug=2: stops the process
                                          while it is written */
};

struct pprof_options {
  uint64_t timeout_ms; /* of each request */
  uint64_t max_bytes;  /* of each response */
  /* For the stacks of the last two questions, which fail without. Borrowed until
   * pprof_free(), and meanwhile for the client's thread alone. */
  struct stack_matcher *goroutine_matcher, *heap_matcher;
};

/* Starts the thread, with all signals blocked. Returns 0 or -errno; the caller owns *ret.
 * The functions below may be called by any thread but those of one endpoint by one at a
 * time. */
int pprof_new(const struct pprof_options *options, struct pprof **ret);

/* Cancels what is under way, ends the thread and frees the client. All endpoints must be
 * freed before. Takes milliseconds, whatever the servers do. NULL is fine. */
void pprof_free(struct pprof *pprof);

/* address is numeric (struct listener). Returns 0, -ENOMEM, or -EINVAL when it is not. */
int pprof_endpoint_new(struct pprof *pprof, const char *address, bool ipv6, uint16_t port,
                       struct pprof_endpoint **ret);

/* "http://127.0.0.1:6060"; valid as long as the endpoint. */
const char *pprof_endpoint_url(const struct pprof_endpoint *endpoint);

/* Cancels what is under way on it, without waiting for that. No answer to it will show
 * anywhere. NULL is fine. */
void pprof_endpoint_free(struct pprof_endpoint *endpoint);

/* The answer to one kind of question. */
struct pprof_answer {
  int error;            /* 0, or as in struct http_result; -EBADMSG: malformed;
                           -ENOENT: 404; -EREMOTEIO: another HTTP status */
  char reason[256];     /* printable, names the path; "" when error is 0 */
  uint64_t duration_ns; /* of the request, from its connecting on */
};

struct pprof_round {
  unsigned asked, answered; /* bits as above; asked includes what is still under way,
                               answered what failed */
  struct pprof_answer goroutine_count_answer, memstats_answer;
  struct pprof_answer heap_profile_answer, goroutine_dump_answer;
  uint64_t goroutines; /* VALUE_UNKNOWN unless answered without an error */
  struct memstats memstats;
  struct heap_profile *heap_profile; /* NULL unless answered without an error */
  struct goroutine_profile *goroutine_profile;
};

/*
 * Asks for what. A question of an earlier round that is still under way is not asked
 * again: its answer will count for this round. Never blocks.
 */
void pprof_endpoint_ask(struct pprof_endpoint *endpoint, unsigned what);

/*
 * Waits until every endpoint that answered its last round in time has answered this one,
 * at most timeout_ms, which is also what "in time" means for the next round. Endpoints that
 * were late the last time are not waited for, and make room for those that were not when
 * there are more questions than are put at once.
 */
void pprof_wait(struct pprof *pprof, uint64_t timeout_ms);

/* Takes the answers that have arrived since the last call: each is returned once. The
 * profiles are the caller's, to be freed with pprof_round_free(). */
void pprof_endpoint_take(struct pprof_endpoint *endpoint, struct pprof_round *ret);

/* Gives back what a round that was taken owns. */
void pprof_round_free(struct pprof_round *round);

#endif
