/*
 * Who listens on a TCP port, seen from inside the network namespace of the process that
 * is expected to: the proof that an endpoint belongs to it.
 */
#ifndef SIDECAR_LISTENER_H
#define SIDECAR_LISTENER_H

#include <netinet/in.h>
#include <stdbool.h>

#include "sidecar/process.h"

struct listener {
  uint64_t inode; /* of the socket, as in the link of a descriptor: socket:[inode] */
  bool ipv6;
  char address[INET6_ADDRSTRLEN]; /* where to connect: the address listened on, or the
                                     loopback address of its family for "any" */
};

enum { LISTENERS_MAX = 16 };

/*
 * All sockets listening on port that a connection to localhost could reach. *ret_len may
 * be 0. Returns 0, -EACCES, -ESRCH; -EXDEV when the process lives in another network
 * namespace than ours, so that our connection would reach somebody else.
 */
int listener_find(struct process *process, uint16_t port,
                  struct listener ret[LISTENERS_MAX], size_t *ret_len);

#endif
