/*
 * Syntax of the URLs in the configuration, checked when it is read: otherwise libcurl would
 * report an error at the first post, and Alertmanager would reject every alert whose
 * generatorURL it cannot parse. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_URL_H
#define NOTIFY_ALERTMANAGER_URL_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/scan.h"

/* Is c allowed everywhere in a URL (RFC 3986, unreserved)? */
bool url_is_unreserved(char c);

/* Are these bytes all allowed in a URL, "%" only in front of two hexadecimal digits? */
bool url_is_text(struct span s);

/*
 * Removes "http://host", "https://host:port" or "http://[::1]:port" from the front of *s.
 * Returns 0, or -EINVAL with the reason in *ret_why, a static text: another scheme, no host, a
 * user name in front of the host, an invalid port.
 */
int url_take_origin(struct span *s, const char **ret_why);

/*
 * Writes to dst, after emptying it, the URL to post alerts to: a node's URL, "http://host:9093"
 * or with a path ("https://host/alertmanager/"), followed by the path of the API. Returns 0;
 * -EINVAL with *ret_why set, also for a query or a fragment; -ENOMEM; -EMSGSIZE.
 */
int url_of_alerts(struct buffer *dst, const char *url, const char **ret_why);

#endif
