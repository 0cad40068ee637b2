/*
 * The pprof server of a process, and the verification that it belongs to this process: the port
 * from its environment (or the configuration), the sockets that listen on it, and one of them
 * among the process's own descriptors. A second sidecar with the same SIDECAR_PPROF cannot bind
 * the port and runs without it, so the port alone would give another process's values.
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
  struct pprof_endpoint *client; /* NULL unless the port is verified to be the process's */
  struct listener connected;     /* the listener that client connects to */
  enum collector_status status;
  char reason[256]; /* one printable line when status is not STATUS_OK */
};

/*
 * The port that a value of SIDECAR_PPROF requests: "1" is 6060, otherwise a port from 1 to
 * 65535. Returns 0; -ENODATA for "" (off, as in sidecar); -EINVAL for anything else. Pure.
 */
int endpoint_parse_port(const char *value, uint16_t *ret_port);

void endpoint_init(struct endpoint *endpoint);

/* Drops the endpoint and cancels its requests. May be called twice. */
void endpoint_close(struct endpoint *endpoint);

/*
 * First half of a check, before the descriptors are read: finds the port and its listeners.
 * Fills listeners, whose inodes the caller looks up among the descriptors.
 */
void endpoint_find(struct endpoint *endpoint, const struct endpoint_options *options,
                   struct process *process);

/*
 * Second half: owned[i]: the process has listeners[i] open; descriptors_error (0 or -errno):
 * the reason why that is not known. Afterwards client is set if and only if the port is
 * verified to be the process's.
 */
void endpoint_prove(struct endpoint *endpoint, const bool *owned, int descriptors_error,
                    struct pprof *pprof);

#endif
