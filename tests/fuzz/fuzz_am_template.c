/*
 * The first byte chooses the kind, the first line is a template, the rest is the values of its
 * placeholders. An accepted template can be filled in, and a URL remains one.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notify_alertmanager/template.h"
#include "notify_alertmanager/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EXPANDED_MAX = 4096 };

static bool field(void *context, struct span name, struct span *ret_value) {
  const struct span *value = context;
  if (name.len == 0 || (name.at[0] == 'm' && name.len % 2 == 0))
    return false;
  *ret_value = *value;
  return true;
}

static void check_node_url(const char *text) {
  struct buffer url;
  struct span rest;
  const char *why = NULL;
  buffer_init(&url, EXPANDED_MAX);
  int status = url_of_alerts(&url, text, &why);
  if (status == -EINVAL && why == NULL)
    abort();
  if (status == 0) {
    rest = buffer_span(&url);
    if (url_take_origin(&rest, &why) != 0 || !url_is_text(rest) ||
        !span_ends_with(rest, "/api/v2/alerts"))
      abort();
  }
  buffer_free(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  enum template_kind kind = data[0] % 2 == 0 ? TEMPLATE_TEXT : TEMPLATE_URL;
  struct span rest = span_make((const char *)data + 1, size - 1), line;
  scan_line(&rest, &line);
  char *text = strndup(line.at, line.len);
  if (text == NULL)
    return 0;

  const char *why = NULL;
  struct buffer expanded;
  buffer_init(&expanded, EXPANDED_MAX);
  int status = template_check(text, kind, &why);
  if ((status != 0) != (why != NULL))
    abort();
  if (status == 0) {
    status = template_expand(text, kind, field, &rest, &expanded);
    struct span url = buffer_span(&expanded);
    if (status != 0 && status != -EMSGSIZE)
      abort();
    if (status == 0 && kind == TEMPLATE_URL &&
        (url_take_origin(&url, &why) != 0 || !url_is_text(url)))
      abort();
  }
  check_node_url(text);
  buffer_free(&expanded);
  free(text);
  return 0;
}
