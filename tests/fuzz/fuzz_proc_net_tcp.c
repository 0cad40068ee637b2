/* Any bytes as a table of TCP sockets: an IPv4 address is four bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct span text = span_make((const char *)data, size), line;
  struct proc_net_tcp tcp;
  while (scan_line(&text, &line)) {
    if (proc_net_tcp_parse(line, &tcp) != 0)
      continue;
    if (tcp.inode == VALUE_UNKNOWN)
      abort();
    for (size_t i = 4; i < sizeof(tcp.address) && !tcp.ipv6; i++)
      if (tcp.address[i] != 0)
        abort();
  }
  return 0;
}
