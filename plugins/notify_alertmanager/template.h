/*
 * Texts with placeholders: "%{plugin_instance}", "%{meta:pid}". The configuration uses
 * them for labels, annotations and the generator URL. Checked once when the configuration
 * is read, filled in for each notification. Pure; what a placeholder stands for is the
 * caller's business.
 */
#ifndef NOTIFY_ALERTMANAGER_TEMPLATE_H
#define NOTIFY_ALERTMANAGER_TEMPLATE_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/scan.h"

/* The words that may stand between "%{" and "}"; any other is refused. "%{%}" is a "%". */
#define TEMPLATE_FIELDS                                                                        \
  "host plugin plugin_instance type type_instance alertname severity message meta:NAME %"

enum template_kind {
  TEMPLATE_TEXT, /* values go in as they are */
  TEMPLATE_URL,  /* values are percent-encoded; the text has to be an http(s) URL */
};

/*
 * Checks a template. Returns 0, or -EINVAL with *ret_why a static text that says what is
 * wrong: an unknown or unfinished placeholder; for a URL also what url_take_origin finds
 * (so that no placeholder can stand in the host), or a byte that may not stand in a URL.
 */
int template_check(const char *text, enum template_kind kind, const char **ret_why);

/* Finds the value of a field ("host", "meta:pid"). Returns false when there is none. */
typedef bool (*template_field_fn)(void *context, struct span field, struct span *ret_value);

/*
 * Appends the text with its placeholders filled in; those without a value are empty.
 * The text has passed template_check. Returns 0, -EMSGSIZE (dst's cap; dst then holds a
 * part) or -ENOMEM.
 */
int template_expand(const char *text, enum template_kind kind, template_field_fn field,
                    void *context, struct buffer *dst);

#endif
