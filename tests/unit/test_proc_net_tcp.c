/* Lines of the tables of TCP sockets. */
#include "sidecar/linux/proc_parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "cases.h"

#define BEHIND_STATE " 00000000:00000000 00:00000000 00000000  1000        0 "

/* An address in this machine's format: words in host order. */
static void write_words(char *text, const uint8_t *address, size_t words) {
  for (size_t i = 0; i < words; i++) {
    uint32_t word;
    memcpy(&word, address + 4 * i, sizeof(word));
    sprintf(text + 8 * i, "%08X", word);
  }
}

static void sockets_are_read(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int family;
    const char *address;
    uint16_t port;
    uint8_t state;
    uint64_t inode;
  } cases[] = {
      {"a listener on loopback", AF_INET, "127.0.0.1", 6060, PROC_NET_TCP_LISTEN, 4711},
      {"a listener on any address", AF_INET, "0.0.0.0", 1, PROC_NET_TCP_LISTEN, 1},
      {"a connection", AF_INET, "192.0.2.77", 65535, 1, UINT64_MAX - 1},
      {"a connection without a process", AF_INET, "192.0.2.77", 80, 6, 0},
      {"IPv6 loopback", AF_INET6, "::1", 6060, PROC_NET_TCP_LISTEN, 9},
      {"IPv6, any", AF_INET6, "::", 6060, PROC_NET_TCP_LISTEN, 9},
      {"IPv6, every byte different", AF_INET6, "2001:db8:304:506:708:90a:b0c:d0e", 1, 1, 9},
      {"an IPv4 address on an IPv6 socket", AF_INET6, "::ffff:127.0.0.1", 80, 1, 9},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    bool ipv6 = cases[i].family == AF_INET6;
    uint8_t address[16] = {0};
    char words[33], line[256];
    assert_int_equal(inet_pton(cases[i].family, cases[i].address, address), 1);
    write_words(words, address, ipv6 ? 4 : 1);
    snprintf(line, sizeof(line), "  %zu: %s:%04X %.*s:0000 %02X" BEHIND_STATE "%llu 1 0 100", i,
             words, cases[i].port, ipv6 ? 32 : 8, "00000000000000000000000000000000",
             cases[i].state, (unsigned long long)cases[i].inode);

    struct span copy = exact_copy(span_of(line));
    struct proc_net_tcp tcp;
    check_int(cases[i].name, proc_net_tcp_parse(copy, &tcp), 0);
    check_int(cases[i].name, tcp.ipv6, ipv6);
    check_int(cases[i].name, memcmp(tcp.address, address, 16), 0);
    check_int(cases[i].name, tcp.port, cases[i].port);
    check_int(cases[i].name, tcp.state, cases[i].state);
    check_int(cases[i].name, tcp.inode, cases[i].inode);
    exact_free(copy);
  }
}

static void other_lines_are_rejected(void **state) {
  (void)state;
  static const struct {
    const char *name, *line;
  } cases[] = {
      {"the heading", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
                      "retrnsmt   uid  timeout inode"},
      {"nothing", ""},
      {"no slot", "0100007F:17AC 00000000:0000 0A" BEHIND_STATE "1"},
      {"an address too short", "0: 0100007:17AC 00000000:0000 0A" BEHIND_STATE "1"},
      {"an address too long", "0: 0100007F0:17AC 00000000:0000 0A" BEHIND_STATE "1"},
      {"an address that is no number", "0: 010000zF:17AC 00000000:0000 0A" BEHIND_STATE "1"},
      {"a port too short", "0: 0100007F:7AC 00000000:0000 0A" BEHIND_STATE "1"},
      {"no colon", "0: 0100007F 17AC 00000000:0000 0A" BEHIND_STATE "1"},
      {"a state too long", "0: 0100007F:17AC 00000000:0000 00A" BEHIND_STATE "1"},
      {"a state that is no number", "0: 0100007F:17AC 00000000:0000 0x" BEHIND_STATE "1"},
      {"no inode", "0: 0100007F:17AC 00000000:0000 0A" BEHIND_STATE},
      {"an inode that is no number", "0: 0100007F:17AC 00000000:0000 0A" BEHIND_STATE "-1"},
      {"cut off in the middle", "0: 0100007F:17AC 00000000:0000 0A 00000000:0000"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].line));
    struct proc_net_tcp tcp = {.inode = 4711};
    check_int(cases[i].name, proc_net_tcp_parse(copy, &tcp), -EBADMSG);
    check_int(cases[i].name, tcp.inode, 4711);
    exact_free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sockets_are_read),
      cmocka_unit_test(other_lines_are_rejected),
  };
  return cmocka_run_group_tests_name("proc_net_tcp", tests, NULL, NULL);
}
