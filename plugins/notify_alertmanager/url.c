/* Checks URLs of the configuration; see url.h. */
#include "notify_alertmanager/url.h"

#include <errno.h>

#define ALERTS_PATH "/api/v2/alerts"

bool url_is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         memchr("-._~", c, 4) != NULL;
}

static bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_any_of(char c, const char *set) {
  return c != '\0' && strchr(set, c) != NULL;
}

bool url_is_text(struct span s) {
  for (size_t i = 0; i < s.len; i++) {
    char c = s.at[i];
    if (c == '%') {
      if (s.len - i < 3 || !is_hex(s.at[i + 1]) || !is_hex(s.at[i + 2]))
        return false;
    } else if (!url_is_unreserved(c) && !is_any_of(c, ":/?#[]@!$&'()*+,;=")) {
      return false;
    }
  }
  return true;
}

static size_t host_length(struct span s) {
  size_t len = 0;
  if (s.len > 0 && s.at[0] == '[') {
    len = 1;
    while (len < s.len && (is_hex(s.at[len]) || is_any_of(s.at[len], ":.")))
      len++;
    return len > 1 && len < s.len && s.at[len] == ']' ? len + 1 : 0;
  }
  while (len < s.len && url_is_unreserved(s.at[len]))
    len++;
  return len;
}

int url_take_origin(struct span *s, const char **ret_why) {
  uint64_t port = 0;

  if (!scan_literal(s, "http://") && !scan_literal(s, "https://")) {
    *ret_why = "it has to begin with http:// or https://";
    return -EINVAL;
  }
  size_t len = host_length(*s);
  if (len == 0) {
    *ret_why = "http:// has to be followed by a host name or an address";
    return -EINVAL;
  }
  *s = span_make(s->at + len, s->len - len);
  if (scan_literal(s, ":") && (scan_u64(s, &port) != 0 || port < 1 || port > 65535)) {
    *ret_why = "the port has to be a number from 1 to 65535";
    return -EINVAL;
  }
  if (s->len > 0 && !is_any_of(s->at[0], "/?#")) {
    *ret_why = "the host name contains an invalid byte (for a user name there is the option "
               "User)";
    return -EINVAL;
  }
  return 0;
}

int url_of_alerts(struct buffer *dst, const char *url, const char **ret_why) {
  struct span path = span_of(url);
  int status = url_take_origin(&path, ret_why);
  if (status != 0)
    return status;
  if (!url_is_text(path) || memchr(path.at, '?', path.len) != NULL ||
      memchr(path.at, '#', path.len) != NULL) {
    *ret_why = "only a path may follow the host";
    return -EINVAL;
  }
  while (path.len > 0 && path.at[path.len - 1] == '/')
    path.len--;
  if (span_ends_with(path, ALERTS_PATH))
    path.len -= strlen(ALERTS_PATH);

  buffer_reset(dst);
  status = buffer_append(dst, url, (size_t)(path.at + path.len - url));
  return status != 0 ? status : buffer_append_string(dst, ALERTS_PATH);
}
