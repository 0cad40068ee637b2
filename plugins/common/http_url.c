/* URLs with numeric addresses; see http_url.h. */
#include "common/http_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static int parse_address(struct span host, struct http_url *url) {
  char text[INET6_ADDRSTRLEN];
  bool is_v6 = host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
  if (is_v6)
    host = span_make(host.at + 1, host.len - 2);
  if (host.len >= sizeof(text))
    return -EINVAL;
  memcpy(text, host.at, host.len);
  text[host.len] = '\0';

  if (is_v6 && inet_pton(AF_INET6, text, &url->address.v6.sin6_addr) == 1) {
    url->address.v6.sin6_family = AF_INET6;
    url->address_len = sizeof(url->address.v6);
    return 0;
  }
  if (!is_v6 && inet_pton(AF_INET, text, &url->address.v4.sin_addr) == 1) {
    url->address.v4.sin_family = AF_INET;
    url->address_len = sizeof(url->address.v4);
    return 0;
  }
  return -EINVAL;
}

static bool is_path(struct span path) {
  for (size_t i = 0; i < path.len; i++)
    if (path.at[i] <= ' ' || path.at[i] > '~')
      return false;
  return span_starts_with(path, "/");
}

int http_url_parse(const char *text, struct http_url *ret) {
  struct span rest = span_of(text != NULL ? text : "");
  struct http_url url;
  uint64_t port;

  memset(&url, 0, sizeof(url));
  if (!scan_literal(&rest, "http://"))
    return -EINVAL;
  const char *slash = memchr(rest.at, '/', rest.len);
  if (slash == NULL)
    return -EINVAL;
  url.authority = span_make(rest.at, (size_t)(slash - rest.at));
  url.path = span_make(slash, rest.len - url.authority.len);
  const char *colon = memrchr(url.authority.at, ':', url.authority.len);
  if (colon == NULL || !is_path(url.path))
    return -EINVAL;

  struct span host = span_make(rest.at, (size_t)(colon - rest.at));
  struct span digits = span_make(colon + 1, url.authority.len - host.len - 1);
  if (scan_whole_u64(digits, 1, UINT16_MAX, &port) != 0)
    return -EINVAL;
  int status = parse_address(host, &url);
  if (status != 0)
    return status;
  if (url.address.any.sa_family == AF_INET)
    url.address.v4.sin_port = htons((uint16_t)port);
  else
    url.address.v6.sin6_port = htons((uint16_t)port);
  *ret = url;
  return 0;
}
