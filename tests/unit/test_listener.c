/* Listening sockets of real processes and of captured ones, and who gets a connection. */
#include "sidecar/os/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "held_process.h"
#include "replay_tree.h"
#include "sidecar/linux/sock_diag.h"

/* --- a kernel with and without sock_diag(7) --- */

static bool has_sock_diag = true;

int __real_sock_diag_find_listener(const char *address, bool ipv6, uint16_t port,
                                   uint64_t *ret_inode);
int __wrap_sock_diag_find_listener(const char *address, bool ipv6, uint16_t port,
                                   uint64_t *ret_inode);

int __wrap_sock_diag_find_listener(const char *address, bool ipv6, uint16_t port,
                                   uint64_t *ret_inode) {
  return has_sock_diag ? __real_sock_diag_find_listener(address, ipv6, port, ret_inode)
                       : -EAFNOSUPPORT;
}

int __real_sock_diag_list_listeners(bool ipv6, uint16_t port,
                                    int (*take)(void *context, const struct proc_net_tcp *tcp),
                                    void *context);
int __wrap_sock_diag_list_listeners(bool ipv6, uint16_t port,
                                    int (*take)(void *context, const struct proc_net_tcp *tcp),
                                    void *context);

int __wrap_sock_diag_list_listeners(bool ipv6, uint16_t port,
                                    int (*take)(void *context, const struct proc_net_tcp *tcp),
                                    void *context) {
  return has_sock_diag ? __real_sock_diag_list_listeners(ipv6, port, take, context)
                       : -EAFNOSUPPORT;
}

/* --- real sockets --- */

struct address {
  const char *text;
  bool ipv6_only;
};

static union {
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
} bound; /* the address that the next listener takes */
static bool ipv6_only;

static int last_inode_of(int fd) {
  struct stat st;
  return fstat(fd, &st) != 0 ? -1 : (int)st.st_ino;
}

/* Both sides of the fork know the address only by number: what, and the port it got. */
enum what { LOOPBACK, ANY, MAPPED, LOOPBACK_6, ANY_6, ANY_6_ONLY, NOT_LISTENING };

static int make_socket(enum what what, in_port_t port) {
  bool ipv6 = what == MAPPED || what == LOOPBACK_6 || what == ANY_6 || what == ANY_6_ONLY;
  socklen_t len = ipv6 ? sizeof(bound.ipv6) : sizeof(bound.ipv4);
  memset(&bound, 0, sizeof(bound));
  if (ipv6) {
    bound.ipv6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    if (what == LOOPBACK_6)
      bound.ipv6.sin6_addr = in6addr_loopback;
    if (what == MAPPED)
      inet_pton(AF_INET6, "::ffff:127.0.0.1", &bound.ipv6.sin6_addr);
  } else {
    bound.ipv4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    if (what != ANY)
      bound.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  ipv6_only = what == ANY_6_ONLY;
  int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), yes = 1;
  if (fd < 0 || (ipv6_only && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes))) ||
      bind(fd, (struct sockaddr *)&bound, len) != 0 ||
      (what != NOT_LISTENING && listen(fd, 4) != 0) ||
      getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
    return -1;
  return fd;
}

static int listen_on(void *argument) {
  int fd = make_socket((enum what)(uintptr_t)argument, 0);
  return fd < 0 ? -1 : ntohs(bound.ipv4.sin_port); /* IPv6 has it in the same place */
}

static int find_last_inode(void *argument) {
  (void)argument;
  int free_fd = dup(0);
  close(free_fd);
  return last_inode_of(free_fd - 1);
}

static void listeners_that_localhost_reaches_are_found(void **state) {
  (void)state;
  static const struct {
    const char *name;
    enum what what;
    size_t len;
    bool ipv6, any;
    const char *address;
  } cases[] = {
      {"loopback", LOOPBACK, 1, false, false, "127.0.0.1"},
      {"any address", ANY, 1, false, true, "127.0.0.1"},
      {"IPv4 loopback on an IPv6 socket", MAPPED, 1, false, false, "127.0.0.1"},
      {"IPv6 loopback", LOOPBACK_6, 1, true, false, "::1"},
      {"any IPv6 address", ANY_6, 1, true, true, "::1"},
      {"any IPv6 address and no IPv4", ANY_6_ONLY, 1, true, true, "::1"},
      {"a socket that does not listen", NOT_LISTENING, 0, false, false, ""},
  };
  int probe = socket(AF_INET6, SOCK_STREAM, 0);
  close(probe);
  for (size_t n = 0; n < 2 * ARRAY_LENGTH(cases); n++) {
    size_t i = n / 2;
    has_sock_diag = n % 2 == 0;
    if (probe < 0 && cases[i].what >= MAPPED && cases[i].what <= ANY_6_ONLY) {
      print_message("left out: %s: there is no IPv6 here\n", cases[i].name);
      continue;
    }
    struct held_process held;
    struct listener found[LISTENERS_MAX];
    size_t len;
    held_process_start(&held);
    int port = held_process_do(&held, listen_on, (void *)(uintptr_t)cases[i].what);
    int inode = held_process_do(&held, find_last_inode, NULL);
    check_int(cases[i].name, listener_find(held.process, (uint16_t)port, found, &len), 0);
    check_int(cases[i].name, len, cases[i].len);
    if (len == 1) {
      check_int(cases[i].name, found[0].inode, inode);
      check_int(cases[i].name, found[0].ipv6, cases[i].ipv6);
      check_int(cases[i].name, found[0].any, cases[i].any);
      assert_string_equal(found[0].address, cases[i].address);
    }
    held_process_end(&held);
  }
  has_sock_diag = true;
}

static int leave_network(void *argument) {
  (void)argument;
  return unshare(CLONE_NEWNET);
}

static void another_network_namespace_is_detected(void **state) {
  (void)state;
  if (geteuid() != 0) {
    print_message("skipped: only root may make a network namespace\n");
    skip();
  }
  struct held_process held;
  struct listener found[LISTENERS_MAX];
  size_t len = 4711;
  held_process_start(&held);
  held_process_do(&held, leave_network, NULL);
  assert_int_equal(listener_find(held.process, 6060, found, &len), -EXDEV);
  assert_int_equal(len, 4711);
  held_process_end(&held);
}

static void a_process_that_ended_has_no_listeners(void **state) {
  (void)state;
  struct held_process held;
  struct listener found[LISTENERS_MAX];
  size_t len;
  held_process_start(&held);
  held_process_kill(&held);
  assert_int_equal(listener_find(held.process, 6060, found, &len), -ESRCH);
  held_process_end(&held);
}

/* --- captured tables, written on a little-endian machine --- */

#define HEADING                                                                                \
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define TCP(local, state, inode)                                                               \
  "   0: " local " 00000000:0000 " state                                                       \
  " 00000000:00000000 00:00000000 00000000     0        0 " inode " 1 0 100 0 0 10 0\n"
#define ANY_6_WORDS "00000000000000000000000000000000"

struct captured {
  struct replay_tree tree;
  struct host *host;
  struct process *process;
};

static void open_captured(struct captured *captured) {
  replay_tree_create(&captured->tree);
  replay_tree_unpack(&captured->tree, "sidecar");
  assert_int_equal(host_open(captured->tree.root, &captured->host), 0);
  assert_int_equal(process_open(captured->host, 18891, &captured->process), 0);
}

static void close_captured(struct captured *captured) {
  process_close(captured->process);
  host_close(captured->host);
  replay_tree_remove(&captured->tree);
}

static void skip_on_big_endian(void) {
  if (htonl(1) == 1) {
    print_message("skipped: the tables are of a little-endian machine\n");
    skip();
  }
}

static void listeners_are_sorted_and_others_omitted(void **state) {
  (void)state;
  skip_on_big_endian();
  struct captured captured;
  struct listener found[LISTENERS_MAX];
  size_t len;
  open_captured(&captured);
  replay_tree_add_file(
      &captured.tree, "18891/net/tcp",
      SPAN_LITERAL(HEADING TCP("00000000:17AC", "0A", "1") /* any */
                   TCP("0100007F:17AD", "0A", "2")         /* another port */
                   TCP("4D0200C0:17AC", "0A", "3")         /* 192.0.2.77 */
                   TCP("0100007F:17AC", "03", "9")         /* a request for a connection */
                   TCP("0200007F:17AC", "0A", "4")         /* 127.0.0.2 */
                   TCP("0100007F:17AC", "01", "5")         /* a connection: no more listeners */
                   TCP("0100007F:17AC", "0A", "6")));
  replay_tree_add_file(
      &captured.tree, "18891/net/tcp6",
      SPAN_LITERAL(HEADING TCP(ANY_6_WORDS ":17AC", "0A", "7")
                       TCP("00000000000000000000000001000000:17AC", "0A", "8")
                           TCP("0000000000000000FFFF00000100007F:17AC", "0A", "10")
                               TCP("B80D0120000000000000000001000000:17AC", "0A", "11")));
  assert_int_equal(listener_find(captured.process, 6060, found, &len), 0);
  static const struct {
    uint64_t inode;
    const char *address;
  } expected[] = {
      {10, "127.0.0.1"}, {4, "127.0.0.2"}, {1, "127.0.0.1"}, {8, "::1"}, {7, "::1"}};
  assert_int_equal(len, ARRAY_LENGTH(expected));
  for (size_t i = 0; i < len; i++) {
    assert_int_equal(found[i].inode, expected[i].inode);
    assert_string_equal(found[i].address, expected[i].address);
  }
  close_captured(&captured);
}

static void no_more_are_returned_than_fit(void **state) {
  (void)state;
  skip_on_big_endian();
  struct captured captured;
  struct listener found[LISTENERS_MAX];
  size_t len;
  char table[64 * 160] = "", *at = table;
  open_captured(&captured);
  for (unsigned i = 0; i < 40; i++)
    at += sprintf(at, TCP("%02X00007F:17AC", "0A", "%u"), i + 1, i + 1);
  replay_tree_add_file(&captured.tree, "18891/net/tcp", span_of(table));
  assert_int_equal(listener_find(captured.process, 6060, found, &len), 0);
  assert_int_equal(len, LISTENERS_MAX);
  close_captured(&captured);
}

static void the_least_important_listeners_are_omitted(void **state) {
  (void)state;
  skip_on_big_endian();
  struct captured captured;
  struct listener found[LISTENERS_MAX];
  size_t len;
  char table[64 * 160] = "", *at = table;
  open_captured(&captured);
  for (unsigned i = 1; i <= 40; i++)
    at += sprintf(at, TCP("%02X00007F:17AC", "0A", "%u"), i + 1, i + 1);
  sprintf(at, TCP("0100007F:17AC", "0A", "1"));
  replay_tree_add_file(&captured.tree, "18891/net/tcp", span_of(table));
  assert_int_equal(listener_find(captured.process, 6060, found, &len), 0);
  assert_int_equal(len, LISTENERS_MAX);
  assert_string_equal(found[0].address, "127.0.0.1");
  assert_int_equal(found[0].inode, 1);
  assert_int_equal(found[1].inode, 2);
  close_captured(&captured);
}

static void without_tables_everything_is_unknown(void **state) {
  (void)state;
  struct captured captured;
  struct listener found[LISTENERS_MAX];
  size_t len = 4711;
  open_captured(&captured);
  assert_int_equal(listener_find(captured.process, 6060, found, &len), -ENOSYS);
  assert_int_equal(len, 4711);
  replay_tree_add_file(&captured.tree, "18891/net/tcp", SPAN_LITERAL(HEADING));
  assert_int_equal(listener_find(captured.process, 6060, found, &len), 0); /* no IPv6 */
  assert_int_equal(len, 0);
  close_captured(&captured);
}

/* --- who gets the connection --- */

static void only_a_listener_that_a_connection_is_certain_to_reach_is_owned(void **state) {
  (void)state;
  static const struct listener v4 = {.address = "127.0.0.1"},
                               v4_any = {.address = "127.0.0.1", .any = true},
                               v4_other = {.address = "127.0.0.2"},
                               v6 = {.address = "::1", .ipv6 = true},
                               v6_any = {.address = "::1", .ipv6 = true, .any = true};
  const struct {
    const char *name;
    size_t len;
    struct listener listeners[3];
    bool owned[3];
    int expected; /* -1: none */
  } cases[] = {
      {"nothing listens", 0, {v4}, {false}, -1},
      {"its own", 1, {v4}, {true}, 0},
      {"another process's", 1, {v4}, {false}, -1},
      {"the first of its own", 2, {v4, v6}, {true, true}, 0},
      {"its own after another process's on another address", 2, {v4, v6}, {false, true}, 1},
      {"its own on loopback before another process's on any",
       2,
       {v4, v4_any},
       {true, false},
       0},
      {"its own on any after another process's on loopback",
       2,
       {v4, v4_any},
       {false, true},
       -1},
      {"its own on any and another loopback address", 2, {v4_other, v4_any}, {false, true}, 1},
      {"two sockets share the address", 2, {v4, v4}, {true, false}, -1},
      {"two sockets share any address", 2, {v6_any, v6_any}, {false, true}, -1},
      {"two of its own share the address", 2, {v4, v4}, {true, true}, 0},
      {"IPv4 is shadowed, IPv6 is not", 3, {v4, v4_any, v6}, {false, true, true}, 2},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    const struct listener *found =
        listener_first_owned(cases[i].listeners, cases[i].owned, cases[i].len);
    int index = found != NULL ? (int)(found - cases[i].listeners) : -1;
    check_int(cases[i].name, index, cases[i].expected);
  }
}

/* --- the proof, for each connection --- */

static int close_and_make(int fd, enum what what, uint16_t port) {
  if (fd >= 0)
    close(fd);
  return make_socket(what, htons(port));
}

static void a_proof_is_valid_as_long_as_the_socket_listens(void **state) {
  (void)state;
  static const struct {
    const char *name, *address;
    enum what what;
    bool ipv6;
  } cases[] = {
      {"loopback", "127.0.0.1", LOOPBACK, false},
      {"any", "127.0.0.1", ANY, false},
      {"mapped", "127.0.0.1", MAPPED, false},
      {"IPv6 loopback", "::1", LOOPBACK_6, true},
      {"IPv6 any", "::1", ANY_6, true},
      {"IPv6 any, only IPv6", "::1", ANY_6_ONLY, true},
  };
  for (size_t i = 0; i < 2 * ARRAY_LENGTH(cases); i++) {
    size_t row = i / 2;
    has_sock_diag = i % 2 == 0;
    int fd = make_socket(cases[row].what, 0);
    if (fd < 0)
      continue; /* a machine without IPv6 */
    uint16_t port =
        ntohs(cases[row].what == LOOPBACK || cases[row].what == ANY ? bound.ipv4.sin_port
                                                                    : bound.ipv6.sin6_port);
    struct listener_proof proof = {.ipv6 = cases[row].ipv6,
                                   .port = port,
                                   .inodes = {1, (uint64_t)last_inode_of(fd)},
                                   .inodes_len = 2};
    strcpy(proof.address, cases[row].address);
    check_int(cases[row].name, listener_verify(&proof), 0);
    fd = close_and_make(fd, NOT_LISTENING, 0);
    check_int(cases[row].name, listener_verify(&proof), -EXDEV);
    fd = close_and_make(fd, cases[row].what, port);
    assert_true(fd >= 0);
    check_int(cases[row].name, listener_verify(&proof), -EXDEV);
    close(fd);
  }
  has_sock_diag = true;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(listeners_that_localhost_reaches_are_found),
      cmocka_unit_test(another_network_namespace_is_detected),
      cmocka_unit_test(a_process_that_ended_has_no_listeners),
      cmocka_unit_test(listeners_are_sorted_and_others_omitted),
      cmocka_unit_test(no_more_are_returned_than_fit),
      cmocka_unit_test(the_least_important_listeners_are_omitted),
      cmocka_unit_test(without_tables_everything_is_unknown),
      cmocka_unit_test(a_proof_is_valid_as_long_as_the_socket_listens),
      cmocka_unit_test(only_a_listener_that_a_connection_is_certain_to_reach_is_owned),
  };
  return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
