/*
 * The sockets that listen on a TCP port in the network namespace of a process, to verify that
 * an endpoint belongs to it.
 */
#ifndef SIDECAR_OS_LISTENER_H
#define SIDECAR_OS_LISTENER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/os/process.h"

struct listener {
  uint64_t inode; /* of the socket, as in the link of a descriptor: socket:[inode] */
  bool ipv6;      /* family of address; false for an IPv4 address on an IPv6 socket */
  bool any;       /* listens on all addresses, not only on this one */
  char address[INET6_ADDRSTRLEN]; /* the address to connect to: its own, or the loopback address
                                     of its family for "any" */
};

enum { LISTENERS_MAX = 16 };

/*
 * The sockets listening on port that a connection to localhost could reach, at most
 * LISTENERS_MAX: IPv4 before IPv6, 127.0.0.1 before other loopback addresses before "any".
 * *ret_len may be 0. Source: sock_diag(7), otherwise /proc/PID/net/tcp and tcp6 (the kernel's
 * networking/proc_net_tcp.rst). Returns 0; -EACCES, -ESRCH, -EMFILE; -ENOSYS where neither
 * table exists; -ETIME (os/host.h); -EXDEV when the process is in a different network
 * namespace, so that our connection would reach another process (not checked below a root that
 * is not a procfs).
 */
int listener_find(struct process *process, uint16_t port, struct listener ret[LISTENERS_MAX],
                  size_t *ret_len);

/*
 * The first listener that is owned (owned[i], see descriptors_read) and to which a connection
 * to its address is certain to go: another process's listener on the same address gets the
 * connection if it is more specific, and may get it if both are equal (SO_REUSEPORT). NULL when
 * there is none: the port is foreign.
 */
const struct listener *listener_first_owned(const struct listener *listeners, const bool *owned,
                                            size_t len);

/* ---- the proof, for each connection ---- */

/* A server that was verified to be a process's: where to connect to, and which sockets of the
 * port were among the process's descriptors. Plain data. */
struct listener_proof {
  char address[INET6_ADDRSTRLEN];
  bool ipv6;
  uint16_t port;
  uint64_t inodes[LISTENERS_MAX];
  size_t inodes_len;
};

/*
 * Is the proof still valid? To be called after connecting, before anything is sent: a process
 * can close its socket at any time, and another one that binds the port would get the request.
 *
 * Verified is that connections from us to the address and port are received by one of the
 * proved sockets. A closed socket does not come back, so it has been listening since it was
 * found among the process's descriptors, and the kernel lets no other user bind an address and
 * port that it would get these connections from. So ours was accepted by it, or is going to be.
 *
 * What remains can be done by the process's own user only, who can ptrace(2) it as well:
 * passing the socket or the connection on to another process, and binding the same or a more
 * specific address for a moment (SO_REUSEPORT). And inode numbers of sockets repeat after four
 * billion sockets.
 *
 * Returns 0; -EXDEV when another socket receives them, or none; -errno when that cannot be
 * read. Takes microseconds. Any thread may call it.
 */
int listener_verify(const struct listener_proof *proof);

#endif
