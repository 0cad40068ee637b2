/*
 * The pprof server of a process, and the verification that it belongs to this process: the port
 * from its environment (or the configuration), the sockets that listen on it, and one of them
 * among the process's own descriptors. A second sidecar with the same SIDECAR_PPROF cannot bind
 * the port and runs without it, so the port alone would give another process's values. The
 * client verifies each connection, because a verification here lasts only as long as the
 * process keeps its socket.
 */
#ifndef SIDECAR_GO_ENDPOINT_H
#define SIDECAR_GO_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/collector.h"
#include "sidecar/go/pprof.h"
#include "sidecar/os/listener.h"

/* The configuration for one kind of program. */
struct endpoint_options {
  bool enabled;
  uint16_t port;        /* 0: from the environment */
  const char *variable; /* the environment variable that has it; borrowed */
};

struct endpoint {
  uint16_t port; /* 0: none */
  struct listener listeners[LISTENERS_MAX];
  size_t listeners_len;
  uid_t owner;                   /* as process_read_owner() */
  const char *path;              /* the prefix of its pages; borrowed */
  struct pprof_endpoint *client; /* NULL unless the port is verified to be the process's */
  enum collector_status status;
  char reason[256]; /* one printable line when status is not STATUS_OK */
};

/*
 * The port that a value of SIDECAR_PPROF requests: "1" is 6060, otherwise a port from 1 to
 * 65535. Returns 0; -ENODATA for "" (off, as in sidecar); -EINVAL for anything else. Pure.
 */
int endpoint_parse_port(const char *value, uint16_t *ret_port);

/*
 * The same for the variable of another program, which may also hold the address that it listens
 * on: ":6060", "localhost:6060", "127.0.0.1:6060" or "[::1]:6060". Another host is -EINVAL.
 * Pure.
 */
int endpoint_parse_address(const char *value, uint16_t *ret_port);

/* owner: the user of the process, as process_read_owner(); path: the prefix of its pages,
 * borrowed. */
void endpoint_init(struct endpoint *endpoint, uid_t owner, const char *path);

/* Drops the endpoint and cancels its requests. May be called twice. */
void endpoint_close(struct endpoint *endpoint);

/* ---- a check: begin, read, find, prove ---- */

enum { ENDPOINT_VALUE_SIZE = 64 };

/* What a check reads of the process: contains all that reading touches. */
struct endpoint_search {
  const char *variable; /* to read; borrowed; NULL: none */
  uint16_t port;        /* if that is not to be read; 0: none */
  int variable_error;
  char value[ENDPOINT_VALUE_SIZE];
  int listeners_error;
  struct listener listeners[LISTENERS_MAX];
  size_t listeners_len;
};

/* Decides what is to be read. A port that was verified is not looked up again. Any other is:
 * the permission to read the environment may change, and a process that executes itself again
 * may have another port. */
void endpoint_begin(const struct endpoint *endpoint, const struct endpoint_options *options,
                    struct endpoint_search *ret);

/* Reads it, before the descriptors, among which the caller looks up the inodes of the
 * listeners. Any thread may call it; the process can block it. */
void endpoint_read(struct endpoint_search *search, struct process *process);

/* Takes the result: the port and its listeners, or why there are none. */
void endpoint_find(struct endpoint *endpoint, const struct endpoint_options *options,
                   const struct endpoint_search *search);

/* Drops the endpoint, with the status and the reason, one printable line, why it is not known.
 */
void endpoint_fail(struct endpoint *endpoint, enum collector_status status, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));

/*
 * The last part: owned[i]: the process has listeners[i] open; descriptors_error (0 or -errno):
 * the reason why that is not known. Afterwards client is set if and only if the port is
 * verified to be the process's.
 */
void endpoint_prove(struct endpoint *endpoint, const bool *owned, int descriptors_error,
                    struct pprof *pprof);

#endif
