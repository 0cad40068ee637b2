/*
 * Listening sockets; see os/listener.h. Those of our own network namespace come from
 * sock_diag(7) where the kernel allows it, otherwise from /proc/PID/net/tcp and tcp6, which
 * show the namespace of that process.
 */
#include "sidecar/os/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/process.h"
#include "sidecar/linux/procfs.h"
#include "sidecar/linux/sock_diag.h"

enum {
  NAMESPACE_MAX = 64, /* "net:[4026531833]" */
  LINES_ALWAYS = 256, /* are read also after the deadline */
  LINES_A_LOOK = 32   /* at the clock; about as many as one read(2) returns */
};

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

enum { SOCKETS_MAX = 100000 }; /* where there is no deadline */

struct search {
  struct host *host; /* NULL: on a thread that has no deadline */
  uint16_t port;
  struct listener *listeners;
  size_t len, looked_at;
};

static bool is_too_long(const struct search *search) {
  size_t n = search->looked_at;
  if (search->host == NULL)
    return n > SOCKETS_MAX;
  return n > LINES_ALWAYS && n % LINES_A_LOOK == 0 && host_is_late(search->host);
}

/* Returns 0, or -ETIME. */
static int take(void *context, const struct proc_net_tcp *tcp) {
  struct search *search = context;
  struct listener found;
  search->looked_at++;
  if (is_too_long(search))
    return -ETIME;
  if (tcp->state == PROC_NET_TCP_LISTEN && tcp->port == search->port && describe(tcp, &found))
    insert(search->listeners, &search->len, &found);
  return 0;
}

static int read_table(int directory, const char *name, struct search *search) {
  autoprocfslines(file);
  struct line line;
  struct proc_net_tcp tcp;

  int status = procfs_lines_open(&file, directory, name);
  while (status == 0 && (status = procfs_lines_next(&file, &line)) > 0) {
    status = 0;
    if (proc_net_tcp_parse(line.text, &tcp) != 0)
      continue;
    /* listening sockets come before all connections, of which there may be 100,000; in old
     * kernels mixed with connection requests */
    if (tcp.state != PROC_NET_TCP_LISTEN && tcp.state != PROC_NET_TCP_SYN_RECV)
      return 0;
    if ((status = take(search, &tcp)) != 0)
      return status;
  }
  return status;
}

/* Both tables, relative to directory. -ENOENT: there is none (one alone is missing in a kernel
 * without IPv6). */
static int read_tables(int directory, const char *const names[2], struct search *search) {
  bool found = false;
  for (size_t i = 0; i < 2; i++) {
    int status = read_table(directory, names[i], search);
    if (status != 0 && status != -ENOENT)
      return status;
    found |= status == 0;
  }
  return found ? 0 : -ENOENT;
}

/* Those of our own namespace. */
static int ask_kernel(struct search *search) {
  int status = sock_diag_list_listeners(false, search->port, take, search);
  return status != 0 ? status : sock_diag_list_listeners(true, search->port, take, search);
}

int listener_find(struct process *process, uint16_t port, struct listener ret[LISTENERS_MAX],
                  size_t *ret_len) {
  static const char *const names[] = {"net/tcp", "net/tcp6"};
  struct listener listeners[LISTENERS_MAX];
  struct host *host = process_host(process);
  struct search search = {.host = host, .port = port, .listeners = listeners};
  int status = check_namespace(process);
  if (status != 0)
    return status;

  status = host->is_procfs ? ask_kernel(&search) : -ENOSYS;
  if (status != 0 && status != -ETIME) {
    search.len = 0;
    status = read_tables(process_directory(process), names, &search);
  }
  if (status == -ENOENT) {
    status = process_verify(process);
    return status != 0 ? status : -ENOSYS;
  }
  if (status != 0)
    return process_explain_error(process, status);
  memcpy(ret, listeners, search.len * sizeof(*listeners));
  *ret_len = search.len;
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

static bool is_proved(const struct listener_proof *proof, uint64_t inode) {
  for (size_t i = 0; i < proof->inodes_len; i++) {
    if (proof->inodes[i] == inode)
      return true;
  }
  return false;
}

/* Without sock_diag(7): from the tables of our own namespace. */
static int verify_by_tables(const struct listener_proof *proof) {
  static const char *const names[] = {"/proc/self/net/tcp", "/proc/self/net/tcp6"};
  struct listener listeners[LISTENERS_MAX];
  bool owned[LISTENERS_MAX];
  struct search search = {.port = proof->port, .listeners = listeners};
  int status = read_tables(AT_FDCWD, names, &search);
  if (status != 0)
    return status;
  for (size_t i = 0; i < search.len; i++)
    owned[i] = is_proved(proof, listeners[i].inode);
  const struct listener *reached = listener_first_owned(listeners, owned, search.len);
  return reached != NULL && strcmp(reached->address, proof->address) == 0 ? 0 : -EXDEV;
}

int listener_verify(const struct listener_proof *proof) {
  uint64_t inode;
  if (sock_diag_find_listener(proof->address, proof->ipv6, proof->port, &inode) != 0)
    return verify_by_tables(proof);
  return is_proved(proof, inode) ? 0 : -EXDEV;
}
