/*
 * Queries Go runtimes through net/http/pprof. One thread serves all endpoints over common/http,
 * so a stuck one delays no other; the read callback starts a round, continues with /proc, and
 * collects the answers that have arrived. No connection is kept alive between requests: an idle
 * one would be one more descriptor and goroutine in the process. For the same reason an
 * endpoint gets one request at a time: the answer to the first would count a second connection.
 * Each connection is verified to reach the process (listener_verify) before it is used.
 * The queries are in pprof_query.h.
 */
#ifndef SIDECAR_GO_PPROF_H
#define SIDECAR_GO_PPROF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/go/pprof_query.h"
#include "sidecar/os/listener.h"

struct pprof;          /* the client: one per plugin, with its thread */
struct pprof_endpoint; /* one watched process's pprof server */

/* Starts the thread, with all signals blocked. Returns 0 or -errno; the caller owns *ret. The
 * functions below may be called by any thread, but for one endpoint only by one at a time. */
int pprof_new(const struct pprof_options *options, struct pprof **ret);

/* Cancels all requests, ends the thread and frees the client. All endpoints must be freed
 * before. Takes milliseconds, whatever the servers do. NULL is fine. */
void pprof_free(struct pprof *pprof);

/* server and path, the prefix of the pages, are copied; owner is the user whose share of
 * requests it uses (process_read_owner). Returns 0, -ENOMEM, or -EINVAL if the address is not
 * numeric or the path too long. */
int pprof_endpoint_new(struct pprof *pprof, const struct listener_proof *server,
                       const char *path, uid_t owner, struct pprof_endpoint **ret);

/* "http://127.0.0.1:6060/debug/pprof/"; valid as long as the endpoint. */
const char *pprof_endpoint_url(const struct pprof_endpoint *endpoint);

/* As it was given; valid as long as the endpoint. */
const struct listener_proof *pprof_endpoint_server(const struct pprof_endpoint *endpoint);

/* Cancels its request, without waiting for it. The answer is dropped. NULL is fine. */
void pprof_endpoint_free(struct pprof_endpoint *endpoint);

/*
 * Queries what (bits). A query of an earlier round that is still in progress is not sent again:
 * its answer will count for this round. Never blocks.
 */
void pprof_endpoint_query(struct pprof_endpoint *endpoint, unsigned what);

/*
 * Waits until every endpoint has answered this round, at most timeout_ms. Not waited for are
 * endpoints that were late: whose requests took longer than that the last time, from connecting
 * to the answer; and those that have not answered an earlier round yet.
 *
 * When there are more queries than can be sent at once, users take turns and get equal shares,
 * whatever the number of their endpoints; among those of one user prompt ones have places of
 * their own, and late ones come last.
 */
void pprof_wait(struct pprof *pprof, uint64_t timeout_ms);

/* Takes the answers that have arrived since the last call: each is returned once. The caller
 * owns the profiles and frees them with pprof_round_free(). */
void pprof_endpoint_take(struct pprof_endpoint *endpoint, struct pprof_round *ret);

#endif
