/* Netlink requests for TCP sockets; see sock_diag.h. */
#include "sidecar/linux/sock_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/cleanup.h"

struct question {
  struct nlmsghdr header;
  struct inet_diag_req_v2 request;
};

union answer {
  struct nlmsghdr header;
  char bytes[16 * 1024];
};

static struct question question_make(bool ipv6, uint16_t port, uint16_t flags) {
  return (struct question){
      .header = {.nlmsg_len = sizeof(struct question),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | flags},
      .request = {.sdiag_family = ipv6 ? AF_INET6 : AF_INET,
                  .sdiag_protocol = IPPROTO_TCP,
                  .idiag_states = 1 << TCP_LISTEN,
                  .id = {.idiag_sport = htons(port),
                         .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
  };
}

/* Returns a descriptor to receive the answer from, or -errno. */
static int ask(const struct question *question) {
  autoclose(fd, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (fd < 0)
    return -errno;
  /* the kernel answers while it is asked: a time limit only in case some kernel does not */
  struct timeval limit = {.tv_sec = 1};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
      send(fd, question, sizeof(*question), 0) < 0)
    return -errno;
  return steal_fd(&fd);
}

/* Receives the next messages. Returns their length or -errno. */
static ssize_t receive(int fd, union answer *answer) {
  ssize_t len = recv(fd, answer, sizeof(*answer), 0);
  if (len < 0)
    return -errno;
  return NLMSG_OK(&answer->header, (size_t)len) ? len : -EBADMSG;
}

/* One message. Returns 1 with a socket; 0 at the end of a list; -errno. */
static int parse(const struct nlmsghdr *header, struct inet_diag_msg *ret) {
  struct nlmsgerr error;
  if (header->nlmsg_type == NLMSG_DONE)
    return 0;
  if (header->nlmsg_type == NLMSG_ERROR && header->nlmsg_len >= NLMSG_LENGTH(sizeof(error))) {
    memcpy(&error, NLMSG_DATA(header), sizeof(error));
    return error.error < 0 ? error.error : -EBADMSG;
  }
  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      header->nlmsg_len < NLMSG_LENGTH(sizeof(*ret)))
    return -EBADMSG;
  memcpy(ret, NLMSG_DATA(header), sizeof(*ret));
  return 1;
}

int sock_diag_find_listener(const char *address, bool ipv6, uint16_t port,
                            uint64_t *ret_inode) {
  /* the peer of an unknown address and port: only a listening socket can match */
  struct question question = question_make(ipv6, port, 0);
  if (inet_pton(ipv6 ? AF_INET6 : AF_INET, address, question.request.id.idiag_src) != 1)
    return -EINVAL;
  autoclose(fd, ask(&question));
  if (fd < 0)
    return fd;
  union answer answer;
  struct inet_diag_msg found;
  ssize_t len = receive(fd, &answer);
  int status = len < 0 ? (int)len : parse(&answer.header, &found);
  if (status <= 0)
    return status < 0 ? status : -EBADMSG;
  if (found.idiag_state != TCP_LISTEN)
    return -ENOENT;
  *ret_inode = found.idiag_inode;
  return 0;
}

static struct proc_net_tcp describe(const struct inet_diag_msg *found) {
  struct proc_net_tcp tcp = {.ipv6 = found->idiag_family == AF_INET6,
                             .port = ntohs(found->id.idiag_sport),
                             .state = found->idiag_state,
                             .inode = found->idiag_inode};
  memcpy(tcp.address, found->id.idiag_src, tcp.ipv6 ? 16 : 4);
  return tcp;
}

int sock_diag_list_listeners(bool ipv6, uint16_t port,
                             int (*take)(void *context, const struct proc_net_tcp *tcp),
                             void *context) {
  struct question question = question_make(ipv6, port, NLM_F_DUMP);
  autoclose(fd, ask(&question));
  if (fd < 0)
    return fd;
  union answer answer;
  for (;;) {
    ssize_t len = receive(fd, &answer);
    if (len < 0)
      return (int)len;
    const struct nlmsghdr *header = &answer.header;
    for (; NLMSG_OK(header, (size_t)len); header = NLMSG_NEXT(header, len)) {
      struct inet_diag_msg found;
      int status = parse(header, &found);
      if (status <= 0)
        return status;
      struct proc_net_tcp tcp = describe(&found);
      if ((status = take(context, &tcp)) != 0)
        return status;
    }
  }
}
