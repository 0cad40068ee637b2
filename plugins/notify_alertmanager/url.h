/*
 * What a URL in the configuration has to look like, checked when it is read: libcurl would
 * only find out at the first post, and Alertmanager would refuse every alert whose
 * generatorURL it cannot parse. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_URL_H
#define NOTIFY_ALERTMANAGER_URL_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/scan.h"

/* May c stand in a URL as it is, whatever the place (RFC 3986, unreserved)? */
bool url_is_unreserved(char c);

/* Are these bytes that may stand in a URL, "%" only in front of two hexadecimal digits? */
bool url_is_text(struct span s);

/*
 * Takes "http://host", "https://host:port" or "http://[::1]:port" off the front of *s.
 * Returns 0, or -EINVAL with *ret_why a static text: another scheme, no host, a user
 * name in front of the host, a port that is none.
 */
int url_take_origin(struct span *s, const char **ret_why);

/*
 * Makes of a node's URL, "http://host:9093" or with a path in front of the API
 * ("https://host/alertmanager/"), the one alerts are posted to, in dst, which is emptied
 * first. Returns 0; -EINVAL with *ret_why set, also for a query or a fragment; -ENOMEM;
 * -EMSGSIZE.
 */
int url_of_alerts(struct buffer *dst, const char *url, const char **ret_why);

#endif
