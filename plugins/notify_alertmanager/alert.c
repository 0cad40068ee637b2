/* The alert as one block of packed pairs; see alert.h. */
#include "notify_alertmanager/alert.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/array.h"

struct alert {
  atomic_uint references;
  uint32_t identity_len, labels_len, annotations_len, len; /* len includes the URL's NUL */
  char bytes[]; /* identity, other labels by name, annotations, URL */
};

/* In this order in front of the other labels. */
static const char *const identity_names[] = {
    "instance", "plugin", "plugin_instance", "type", "type_instance",
};

bool alert_pair_next(alert_pairs *pairs, struct alert_pair *ret) {
  if (pairs->len == 0)
    return false;
  ret->name = pairs->at;
  ret->value = ret->name + strlen(ret->name) + 1;
  const char *end = ret->value + strlen(ret->value) + 1;
  pairs->len -= (size_t)(end - pairs->at);
  pairs->at = end;
  return true;
}

alert_pairs alert_labels(const struct alert *alert) {
  return span_make(alert->bytes, alert->labels_len);
}

alert_pairs alert_identity(const struct alert *alert) {
  return span_make(alert->bytes, alert->identity_len);
}

alert_pairs alert_annotations(const struct alert *alert) {
  return span_make(alert->bytes + alert->labels_len, alert->annotations_len);
}

const char *alert_generator_url(const struct alert *alert) {
  return alert->bytes + alert->labels_len + alert->annotations_len;
}

const char *alert_label(const struct alert *alert, const char *name) {
  alert_pairs labels = alert_labels(alert);
  struct alert_pair pair;
  while (alert_pair_next(&labels, &pair))
    if (strcmp(pair.name, name) == 0)
      return pair.value;
  return NULL;
}

bool alert_same_labels(const struct alert *a, const struct alert *b) {
  return a->labels_len == b->labels_len && memcmp(a->bytes, b->bytes, a->labels_len) == 0;
}

size_t alert_bytes(const struct alert *alert) {
  return sizeof(*alert) + alert->len;
}

struct alert *alert_ref(struct alert *alert) {
  atomic_fetch_add_explicit(&alert->references, 1, memory_order_relaxed);
  return alert;
}

void alert_unref(struct alert *alert) {
  if (alert != NULL &&
      atomic_fetch_sub_explicit(&alert->references, 1, memory_order_acq_rel) == 1)
    free(alert);
}

/* ---- packing ---- */

struct packing {
  const struct alert_builder *builder;
  char *at;
  uint64_t packed; /* a bit for each label that is in */
};
_Static_assert(ALERT_LABELS_MAX <= 64, "each label has its bit");

static void pack_string(struct packing *p, size_t text_at) {
  const char *string = p->builder->text.data + text_at;
  size_t size = strlen(string) + 1;
  memcpy(p->at, string, size);
  p->at += size;
}

static const char *label_name(const struct alert_builder *b, size_t i) {
  return b->text.data + b->labels[i].name_at;
}

static void pack_label(struct packing *p, size_t i) {
  pack_string(p, p->builder->labels[i].name_at);
  pack_string(p, p->builder->labels[i].value_at);
  p->packed |= (uint64_t)1 << i;
}

static void pack_identity(struct packing *p) {
  for (size_t n = 0; n < ARRAY_LENGTH(identity_names); n++)
    for (size_t i = 0; i < p->builder->labels_len; i++)
      if (strcmp(label_name(p->builder, i), identity_names[n]) == 0)
        pack_label(p, i);
}

/* By name, so that equal label sets are equal bytes whatever order they came in. */
static void pack_other_labels(struct packing *p) {
  const struct alert_builder *b = p->builder;
  for (;;) {
    size_t next = b->labels_len;
    for (size_t i = 0; i < b->labels_len; i++)
      if ((p->packed >> i & 1) == 0 &&
          (next == b->labels_len || strcmp(label_name(b, i), label_name(b, next)) < 0))
        next = i;
    if (next == b->labels_len)
      return;
    pack_label(p, next);
  }
}

int alert_builder_finish(struct alert_builder *b, struct alert **ret) {
  if (b->labels_len == 0)
    return -EINVAL;
  if (b->annotations_left_out > 0) {
    char count[24];
    int len = snprintf(count, sizeof(count), "%zu", b->annotations_left_out);
    int status = alert_builder_annotation(b, SPAN_LITERAL(ALERT_LEFT_OUT),
                                          span_make(count, (size_t)len));
    if (status != 0)
      return status;
  }
  struct alert *alert = malloc(sizeof(*alert) + b->text.len + 1);
  if (alert == NULL)
    return -ENOMEM;
  atomic_init(&alert->references, 1);

  struct packing p = {.builder = b, .at = alert->bytes};
  pack_identity(&p);
  alert->identity_len = (uint32_t)(p.at - alert->bytes);
  pack_other_labels(&p);
  alert->labels_len = (uint32_t)(p.at - alert->bytes);
  for (size_t i = 0; i < b->annotations_len; i++) {
    pack_string(&p, b->annotations[i].name_at);
    pack_string(&p, b->annotations[i].value_at);
  }
  alert->annotations_len = (uint32_t)(p.at - alert->bytes) - alert->labels_len;
  if (b->url_at != SIZE_MAX)
    pack_string(&p, b->url_at);
  else
    *p.at++ = '\0';
  alert->len = (uint32_t)(p.at - alert->bytes);
  *ret = alert;
  return 0;
}

static int copy_annotations(struct alert_builder *b, const struct alert *alert,
                            const char *but) {
  alert_pairs annotations = alert_annotations(alert);
  struct alert_pair pair;
  while (alert_pair_next(&annotations, &pair)) {
    int status = strcmp(pair.name, but) == 0
                     ? 0
                     : alert_builder_annotation(b, span_of(pair.name), span_of(pair.value));
    if (status != 0)
      return status;
  }
  return 0;
}

static int copy_annotated(struct alert_builder *b, const struct alert *alert, const char *name,
                          struct span value) {
  alert_pairs labels = alert_labels(alert);
  struct alert_pair pair;
  while (alert_pair_next(&labels, &pair)) {
    int status = alert_builder_label(b, pair.name, span_of(pair.value));
    if (status != 0)
      return status;
  }
  b->verbatim = false;
  int status = alert_builder_annotation(b, span_of(name), value);
  b->verbatim = true;
  if (status == 0)
    status = copy_annotations(b, alert, name);
  struct span url = span_of(alert_generator_url(alert));
  return status == 0 && url.len > 0 ? alert_builder_url(b, url) : status;
}

int alert_annotated(const struct alert *alert, const char *name, struct span value,
                    struct alert **ret) {
  struct alert_builder b;
  alert_builder_init(&b);
  b.verbatim = true;
  int status = copy_annotated(&b, alert, name, value);
  if (status == 0)
    status = alert_builder_finish(&b, ret);
  alert_builder_free(&b);
  return status;
}
