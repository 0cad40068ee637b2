/*
 * One line of /proc/PID/net/tcp or tcp6 (the kernel's networking/proc_net_tcp.rst).
 */
#ifndef SIDECAR_PARSE_PROC_NET_TCP_H
#define SIDECAR_PARSE_PROC_NET_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scan.h"

enum { PROC_NET_TCP_SYN_RECV = 0x03, PROC_NET_TCP_LISTEN = 0x0A };

struct proc_net_tcp {
  bool ipv6;           /* the form of the line: an IPv4 address may stand in it mapped */
  uint8_t address[16]; /* local address in network order; the first 4 bytes for IPv4 */
  uint16_t port;       /* local port, in host order */
  uint8_t state;
  uint64_t inode; /* of the socket; 0 when no descriptor belongs to it */
};

/*
 * Addresses are 32-bit words in the byte order of the machine that wrote them, taken to be
 * ours. Returns 0; -EBADMSG for any other line, the heading among them.
 */
int proc_net_tcp_parse(struct span line, struct proc_net_tcp *ret);

#endif
