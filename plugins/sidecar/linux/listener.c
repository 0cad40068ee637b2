/*
 * Listening sockets from /proc/PID/net/tcp and tcp6, which show the network namespace of
 * that process; see os/listener.h.
 */
#include "sidecar/os/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/process.h"
#include "sidecar/linux/procfs.h"

enum { NAMESPACE_MAX = 64 }; /* "net:[4026531833]" */

/* Our own namespace, from the host's procfs, or from /proc if that does not list us. */
static int read_own_namespace(const struct host *host, char *name, size_t size) {
  int status = procfs_read_link(host->directory, "self/ns/net", name, size, NULL);
  return status == 0 ? 0 : procfs_read_link(AT_FDCWD, "/proc/self/ns/net", name, size, NULL);
}

static int check_namespace(struct process *process) {
  const struct host *host = process_host(process);
  char own[NAMESPACE_MAX], its[NAMESPACE_MAX];
  if (!host->is_procfs)
    return 0;
  int status = procfs_read_link(process_directory(process), "ns/net", its, sizeof(its), NULL);
  if (status != 0)
    return process_explain_error(process, status);
  status = read_own_namespace(host, own, sizeof(own));
  if (status != 0)
    return process_explain_error(process, status);
  return strcmp(own, its) == 0 ? 0 : -EXDEV;
}

/* ---- addresses ---- */

static const uint8_t MAPPED_PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/* Is it an IPv4 address that a connection to localhost reaches? Fills the listener then. */
static bool describe_ipv4(const uint8_t address[4], struct listener *ret) {
  static const uint8_t any[4] = {0}, loopback[4] = {127, 0, 0, 1};
  ret->ipv6 = false;
  ret->any = memcmp(address, any, sizeof(any)) == 0;
  if (!ret->any && address[0] != 127)
    return false;
  return inet_ntop(AF_INET, ret->any ? loopback : address, ret->address,
                   sizeof(ret->address)) != NULL;
}

static bool describe(const struct proc_net_tcp *tcp, struct listener *ret) {
  ret->inode = tcp->inode;
  if (!tcp->ipv6)
    return describe_ipv4(tcp->address, ret);
  if (memcmp(tcp->address, MAPPED_PREFIX, sizeof(MAPPED_PREFIX)) == 0)
    return describe_ipv4(tcp->address + sizeof(MAPPED_PREFIX), ret);

  ret->ipv6 = true;
  ret->any = memcmp(tcp->address, &in6addr_any, sizeof(in6addr_any)) == 0;
  if (!ret->any && memcmp(tcp->address, &in6addr_loopback, sizeof(in6addr_loopback)) != 0)
    return false;
  return inet_ntop(AF_INET6, &in6addr_loopback, ret->address, sizeof(ret->address)) != NULL;
}

/* ---- tables ---- */

/* The order of listener_find(): IPv4 first, a loopback address before "any", and 127.0.0.1
 * before others of 127.0.0.0/8. */
static int rank(const struct listener *listener) {
  bool is_other_loopback = !listener->ipv6 && strcmp(listener->address, "127.0.0.1") != 0;
  return 4 * listener->ipv6 + 2 * listener->any + is_other_loopback;
}

static void insert(struct listener *listeners, size_t *len, const struct listener *found) {
  size_t at = *len;
  if (at < LISTENERS_MAX)
    (*len)++;
  else if (rank(&listeners[--at]) <= rank(found)) /* replaces the last one, if it is better */
    return;
  for (; at > 0 && rank(&listeners[at - 1]) > rank(found); at--)
    listeners[at] = listeners[at - 1];
  listeners[at] = *found;
}

static int read_table(const struct process *process, const char *name, uint16_t port,
                      struct listener *listeners, size_t *len) {
  autoprocfslines(file);
  struct line line;
  struct proc_net_tcp tcp;
  struct listener found;

  int status = procfs_lines_open(&file, process_directory(process), name);
  while (status == 0 && (status = procfs_lines_next(&file, &line)) > 0) {
    status = 0;
    if (proc_net_tcp_parse(line.text, &tcp) != 0)
      continue;
    /* listening sockets come before all connections, of which there may be 100,000; in old
     * kernels mixed with connection requests */
    if (tcp.state != PROC_NET_TCP_LISTEN && tcp.state != PROC_NET_TCP_SYN_RECV)
      return 0;
    if (tcp.state == PROC_NET_TCP_LISTEN && tcp.port == port && describe(&tcp, &found))
      insert(listeners, len, &found);
  }
  return status;
}

int listener_find(struct process *process, uint16_t port, struct listener ret[LISTENERS_MAX],
                  size_t *ret_len) {
  struct listener listeners[LISTENERS_MAX];
  size_t len = 0;
  int status = check_namespace(process);
  if (status != 0)
    return status;

  int ipv4_status = read_table(process, "net/tcp", port, listeners, &len);
  if (ipv4_status != 0 && ipv4_status != -ENOENT)
    return process_explain_error(process, ipv4_status);
  int ipv6_status = read_table(process, "net/tcp6", port, listeners, &len);
  if (ipv6_status != 0 && ipv6_status != -ENOENT) /* a kernel without IPv6 */
    return process_explain_error(process, ipv6_status);
  if (ipv4_status == -ENOENT && ipv6_status == -ENOENT) {
    status = process_verify(process);
    return status != 0 ? status : -ENOSYS;
  }

  memcpy(ret, listeners, len * sizeof(*listeners));
  *ret_len = len;
  return 0;
}

/* ---- ownership ---- */

static bool takes_connections_of(const struct listener *other, const struct listener *one) {
  return strcmp(other->address, one->address) == 0 && (one->any || !other->any);
}

const struct listener *listener_first_owned(const struct listener *listeners, const bool *owned,
                                            size_t len) {
  for (size_t i = 0; i < len; i++) {
    bool is_reached = owned[i];
    for (size_t j = 0; j < len && is_reached; j++)
      is_reached = owned[j] || !takes_connections_of(&listeners[j], &listeners[i]);
    if (is_reached)
      return &listeners[i];
  }
  return NULL;
}
