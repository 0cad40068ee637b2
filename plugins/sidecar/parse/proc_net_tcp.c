/*
 * Lines of the TCP tables; see proc_net_tcp.h. Fields after the state: queues, timer,
 * retransmissions, uid, timeout, inode.
 */
#include "sidecar/parse/proc_net_tcp.h"

#include <errno.h>
#include <string.h>

static bool scan_hex_field(struct span *s, size_t digits, uint64_t *ret) {
  if (s->len < digits)
    return false;
  struct span field = span_make(s->at, digits);
  if (scan_hex(&field, ret) != 0 || field.len > 0)
    return false;
  s->at += digits;
  s->len -= digits;
  return true;
}

/* "0100007F:1F90", or four words for IPv6 */
static bool parse_endpoint(struct span s, struct proc_net_tcp *tcp) {
  static const size_t ipv4_len = 8 + 1 + 4, ipv6_len = 32 + 1 + 4;
  if (s.len != ipv4_len && s.len != ipv6_len)
    return false;
  tcp->ipv6 = s.len == ipv6_len;

  uint64_t value;
  for (size_t word = 0; word < (tcp->ipv6 ? 4 : 1); word++) {
    if (!scan_hex_field(&s, 8, &value))
      return false;
    uint32_t in_host_order = (uint32_t)value;
    memcpy(tcp->address + 4 * word, &in_host_order, 4);
  }
  if (!scan_literal(&s, ":") || !scan_hex_field(&s, 4, &value))
    return false;
  tcp->port = (uint16_t)value;
  return true;
}

int proc_net_tcp_parse(struct span line, struct proc_net_tcp *ret) {
  struct proc_net_tcp tcp = {0};
  struct span slot, local, remote, state, skipped, inode;
  uint64_t number;

  if (!scan_word(&line, &slot) || scan_u64(&slot, &number) != 0 || !span_equals(slot, ":"))
    return -EBADMSG;
  if (!scan_word(&line, &local) || !scan_word(&line, &remote) || !scan_word(&line, &state) ||
      !parse_endpoint(local, &tcp))
    return -EBADMSG;
  if (state.len != 2 || !scan_hex_field(&state, 2, &number))
    return -EBADMSG;
  tcp.state = (uint8_t)number;

  for (int i = 0; i < 5; i++)
    if (!scan_word(&line, &skipped))
      return -EBADMSG;
  if (!scan_word(&line, &inode) || scan_whole_u64(inode, 0, UINT64_MAX, &tcp.inode) != 0)
    return -EBADMSG;

  *ret = tcp;
  return 0;
}
