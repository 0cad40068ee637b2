/*
 * What the kernel says about listening sockets, compared with real ones; and answers that no
 * kernel gives, which the linker puts in place of recv(2)'s.
 */
#include "sidecar/linux/sock_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"

/* ---- the answer that is received ---- */

struct message {
  struct nlmsghdr header;
  union {
    struct inet_diag_msg socket;
    struct nlmsgerr error;
  } body;
};

static const struct message *forged; /* NULL: the kernel's */
static size_t forged_len;
static int forged_error;

ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags) {
  if (forged_error != 0) {
    errno = forged_error;
    return -1;
  }
  if (forged == NULL)
    return __real_recv(fd, bytes, len, flags);
  memcpy(bytes, forged, forged_len);
  return (ssize_t)forged_len;
}

static int set_up(void **state) {
  (void)state;
  forged = NULL;
  forged_error = 0;
  return 0;
}

/* ---- real sockets ---- */

static int make_socket(bool ipv6, bool listens, uint16_t *ret_port, uint64_t *ret_inode) {
  union {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
  } address = {.any.sa_family = ipv6 ? AF_INET6 : AF_INET};
  socklen_t len = ipv6 ? sizeof(address.ipv6) : sizeof(address.ipv4);
  struct stat st;
  int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (ipv6)
    address.ipv6.sin6_addr = in6addr_loopback;
  else
    address.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, &address.any, len) != 0 || (listens && listen(fd, 1) != 0) ||
      getsockname(fd, &address.any, &len) != 0 || fstat(fd, &st) != 0) {
    if (fd >= 0)
      close(fd);
    return -1;
  }
  *ret_port = ntohs(ipv6 ? address.ipv6.sin6_port : address.ipv4.sin_port);
  *ret_inode = st.st_ino;
  return fd;
}

/* Where a sandbox has no sock_diag(7), there is nothing to compare with. */
static void skip_without_sock_diag(int status) {
  if (status == 0 || status == -ENOENT)
    return;
  print_message("skipped: the kernel does not answer: %s\n", strerror(-status));
  skip();
}

static int count(void *context, const struct proc_net_tcp *tcp) {
  struct proc_net_tcp *last = context;
  *last = *tcp;
  return 0;
}

static void check_listener(bool ipv6) {
  uint16_t port;
  uint64_t expected, inode = 0;
  struct proc_net_tcp last = {0};
  const char *address = ipv6 ? "::1" : "127.0.0.1";
  int fd = make_socket(ipv6, true, &port, &expected);
  if (fd < 0)
    return; /* no IPv6 here */
  skip_without_sock_diag(sock_diag_find_listener(address, ipv6, port, &inode));
  assert_int_equal(inode, expected);
  assert_int_equal(sock_diag_list_listeners(ipv6, port, count, &last), 0);
  assert_int_equal(last.inode, expected);
  assert_int_equal(last.port, port);
  assert_int_equal(last.state, PROC_NET_TCP_LISTEN);
  assert_int_equal(last.ipv6, ipv6);
  static const uint8_t loopback[4] = {127, 0, 0, 1};
  assert_memory_equal(last.address, ipv6 ? in6addr_loopback.s6_addr : loopback, ipv6 ? 16 : 4);
  close(fd);
  assert_int_equal(sock_diag_find_listener(address, ipv6, port, &inode), -ENOENT);
}

static void a_listening_socket_is_found_by_its_inode(void **state) {
  (void)state;
  check_listener(false);
  check_listener(true);
}

static void a_socket_that_does_not_listen_is_none(void **state) {
  (void)state;
  uint16_t port;
  uint64_t expected, inode;
  int fd = make_socket(false, false, &port, &expected);
  assert_true(fd >= 0);
  int status = sock_diag_find_listener("127.0.0.1", false, port, &inode);
  close(fd);
  skip_without_sock_diag(status);
  assert_int_equal(status, -ENOENT);
}

static void an_address_that_is_none_is_not_asked_for(void **state) {
  (void)state;
  uint64_t inode;
  assert_int_equal(sock_diag_find_listener("localhost", false, 1, &inode), -EINVAL);
  assert_int_equal(sock_diag_find_listener("::1", false, 1, &inode), -EINVAL);
  assert_int_equal(sock_diag_find_listener("127.0.0.1", true, 1, &inode), -EINVAL);
}

static int refuse(void *context, const struct proc_net_tcp *tcp) {
  (void)context, (void)tcp;
  return -ETIME;
}

static void the_error_of_the_taker_ends_the_list(void **state) {
  (void)state;
  uint16_t port;
  uint64_t inode;
  int fd = make_socket(false, true, &port, &inode);
  assert_true(fd >= 0);
  skip_without_sock_diag(sock_diag_find_listener("127.0.0.1", false, port, &inode));
  assert_int_equal(sock_diag_list_listeners(false, port, refuse, NULL), -ETIME);
  close(fd);
}

/* ---- forged answers ---- */

enum { SOCKET_LEN = NLMSG_LENGTH(sizeof(struct inet_diag_msg)) };
enum { ERROR_LEN = NLMSG_LENGTH(sizeof(struct nlmsgerr)) };

static const struct {
  const char *name;
  struct message message;
  size_t len;
  int found, listed; /* the results */
} answers[] = {
    {"half a header",
     {.header = {SOCKET_LEN, SOCK_DIAG_BY_FAMILY, 0, 0, 0}},
     8,
     -EBADMSG,
     -EBADMSG},
    {"nothing", {.header = {0}}, 0, -EBADMSG, -EBADMSG},
    {"longer than what came",
     {.header = {SOCKET_LEN, SOCK_DIAG_BY_FAMILY, 0, 0, 0}},
     SOCKET_LEN - 1,
     -EBADMSG,
     -EBADMSG},
    {"too short for a socket",
     {.header = {NLMSG_LENGTH(8), SOCK_DIAG_BY_FAMILY, 0, 0, 0}},
     NLMSG_LENGTH(8),
     -EBADMSG,
     -EBADMSG},
    {"of another type", {.header = {SOCKET_LEN, 99, 0, 0, 0}}, SOCKET_LEN, -EBADMSG, -EBADMSG},
    {"an end",
     {.header = {NLMSG_LENGTH(4), NLMSG_DONE, 0, 0, 0}},
     NLMSG_LENGTH(4),
     -EBADMSG,
     0},
    {"an error",
     {.header = {ERROR_LEN, NLMSG_ERROR, 0, 0, 0}, .body.error.error = -EPERM},
     ERROR_LEN,
     -EPERM,
     -EPERM},
    {"an error of 0",
     {.header = {ERROR_LEN, NLMSG_ERROR, 0, 0, 0}, .body.error.error = 0},
     ERROR_LEN,
     -EBADMSG,
     -EBADMSG},
    {"too short for an error",
     {.header = {NLMSG_LENGTH(2), NLMSG_ERROR, 0, 0, 0}},
     NLMSG_LENGTH(4),
     -EBADMSG,
     -EBADMSG},
    {"a connection",
     {.header = {SOCKET_LEN, SOCK_DIAG_BY_FAMILY, 0, 0, 0},
      .body.socket.idiag_state = TCP_ESTABLISHED},
     SOCKET_LEN,
     -ENOENT,
     -ETIME},
};

static void no_answer_is_believed_that_is_not_whole(void **state) {
  (void)state;
  uint64_t inode = 1234;
  for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
    forged = &answers[i].message;
    forged_len = answers[i].len;
    int found = sock_diag_find_listener("127.0.0.1", false, 1, &inode);
    int listed = sock_diag_list_listeners(false, 1, refuse, NULL);
    if (found == -EAFNOSUPPORT || found == -EPROTONOSUPPORT) {
      print_message("skipped: no sock_diag(7) here\n");
      skip();
    }
    check_int(answers[i].name, found, answers[i].found);
    check_int(answers[i].name, listed, answers[i].listed);
  }
  assert_int_equal(inode, 1234);
  forged = NULL;
  forged_error = EAGAIN; /* the time limit */
  assert_int_equal(sock_diag_find_listener("127.0.0.1", false, 1, &inode), -EAGAIN);
  assert_int_equal(sock_diag_list_listeners(false, 1, refuse, NULL), -EAGAIN);
}

#define DIAG_TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      DIAG_TEST(a_listening_socket_is_found_by_its_inode),
      DIAG_TEST(a_socket_that_does_not_listen_is_none),
      DIAG_TEST(an_address_that_is_none_is_not_asked_for),
      DIAG_TEST(the_error_of_the_taker_ends_the_list),
      DIAG_TEST(no_answer_is_believed_that_is_not_whole),
  };
  return cmocka_run_group_tests_name("sock_diag", tests, NULL, NULL);
}
