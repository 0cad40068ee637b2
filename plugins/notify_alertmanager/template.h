/*
 * Texts with placeholders such as "%{plugin_instance}" and "%{meta:pid}". The configuration
 * uses them for labels, annotations and the generator URL. Checked once when the configuration
 * is read, expanded for each notification. Pure; the caller supplies the values.
 */
#ifndef NOTIFY_ALERTMANAGER_TEMPLATE_H
#define NOTIFY_ALERTMANAGER_TEMPLATE_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/scan.h"

/* The words that are allowed between "%{" and "}". "%{%}" is a "%". */
#define TEMPLATE_FIELDS                                                                        \
  "host plugin plugin_instance type type_instance alertname severity message meta:NAME %"

enum template_kind {
  TEMPLATE_TEXT, /* values are inserted as they are */
  TEMPLATE_URL,  /* values are percent-encoded; the text has to be an http(s) URL */
};

/*
 * Checks a template. Returns 0, or -EINVAL with the reason in *ret_why, a static text: an
 * unknown or unterminated placeholder; for a URL also an error of url_take_origin (so that the
 * host has no placeholder), or a byte that a URL must not contain.
 */
int template_check(const char *text, enum template_kind kind, const char **ret_why);

/* Finds the value of a field ("host", "meta:pid"). Returns false if there is none. */
typedef bool (*template_field_fn)(void *context, struct span field, struct span *ret_value);

/*
 * Appends the text with its placeholders replaced; those without a value are empty. The text
 * has passed template_check. Returns 0, -EMSGSIZE (at dst's limit; dst then has a part) or
 * -ENOMEM.
 */
int template_expand(const char *text, enum template_kind kind, template_field_fn field,
                    void *context, struct buffer *dst);

#endif
