/*
 * Queries Go runtimes through net/http/pprof. One thread serves all endpoints over common/http,
 * so a stuck one delays no other; the read callback starts a round, continues with /proc, and
 * collects the answers that have arrived. No connection is kept alive between requests: an idle
 * one would be one more descriptor and goroutine in the process. For the same reason an
 * endpoint gets one request at a time: the answer to the first would count a second connection.
 * The queries are in pprof_query.h.
 */
#ifndef SIDECAR_GO_PPROF_H
#define SIDECAR_GO_PPROF_H

#include <stdbool.h>
#include <stdint.h>

#include "sidecar/go/pprof_query.h"

struct pprof;          /* the client: one per plugin, with its thread */
struct pprof_endpoint; /* one watched process's pprof server */

/* Starts the thread, with all signals blocked. Returns 0 or -errno; the caller owns *ret. The
 * functions below may be called by any thread, but for one endpoint only by one at a time. */
int pprof_new(const struct pprof_options *options, struct pprof **ret);

/* Cancels all requests, ends the thread and frees the client. All endpoints must be freed
 * before. Takes milliseconds, whatever the servers do. NULL is fine. */
void pprof_free(struct pprof *pprof);

/* address is numeric (struct listener). Returns 0, -ENOMEM, or -EINVAL if it is not. */
int pprof_endpoint_new(struct pprof *pprof, const char *address, bool ipv6, uint16_t port,
                       struct pprof_endpoint **ret);

/* "http://127.0.0.1:6060"; valid as long as the endpoint. */
const char *pprof_endpoint_url(const struct pprof_endpoint *endpoint);

/* Cancels its request, without waiting for it. The answer is dropped. NULL is fine. */
void pprof_endpoint_free(struct pprof_endpoint *endpoint);

/*
 * Queries what (bits). A query of an earlier round that is still in progress is not sent again:
 * its answer will count for this round. Never blocks.
 */
void pprof_endpoint_query(struct pprof_endpoint *endpoint, unsigned what);

/*
 * Waits until every endpoint that answered its last round in time has answered this one, at
 * most timeout_ms, which is also what "in time" means for the next round. Endpoints that were
 * late the last time are not waited for, and come after the others when there are more queries
 * than can be sent at once.
 */
void pprof_wait(struct pprof *pprof, uint64_t timeout_ms);

/* Takes the answers that have arrived since the last call: each is returned once. The caller
 * owns the profiles and frees them with pprof_round_free(). */
void pprof_endpoint_take(struct pprof_endpoint *endpoint, struct pprof_round *ret);

#endif
