/* Takes apart the only kind of URL http_plain.c serves: a numeric address with its port. */
#ifndef COMMON_HTTP_URL_H
#define COMMON_HTTP_URL_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/scan.h"

/* The spans point into the URL. */
struct http_url {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
  socklen_t address_len;
  struct span authority; /* address and port, as a Host header wants them */
  struct span path;      /* with the query; nothing in it can end a request line early */
};

/* http://ADDRESS:PORT/PATH with nothing left out, ADDRESS in brackets when it is IPv6.
 * Returns 0, or -EINVAL. NULL is no URL. */
int http_url_parse(const char *url, struct http_url *ret);

#endif
