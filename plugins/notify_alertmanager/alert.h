/*
 * One alert as Alertmanager defines it: labels, annotations and generator URL. Packed into one
 * immutable, reference-counted block, so that ten thousand alerts are small and a sender thread
 * can serialize them while collectd replaces them. When an alert started and whether it fires
 * is up to the store. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_ALERT_H
#define NOTIFY_ALERTMANAGER_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/scan.h"

enum {
  ALERT_LABELS_MAX = 56,
  ALERT_ANNOTATIONS_MAX = 160,
  ALERT_LABEL_NAME_BYTES = 127,  /* the longest name of a label or annotation */
  ALERT_LABEL_BYTES = 512,       /* of one label's value; names of collectd have 127 */
  ALERT_ANNOTATION_BYTES = 8192, /* of one annotation's value */
  ALERT_BYTES_MAX = 64 * 1024,   /* of all names and values */
};

/* The annotation with the number of annotations that did not fit into the alert. */
#define ALERT_LEFT_OUT "annotations_left_out"

struct alert;

struct alert_pair {
  const char *name, *value; /* NUL-terminated, owned by the alert */
};

/* A run of packed pairs. */
typedef struct span alert_pairs;

/* Removes the next pair from *pairs; false when there is none. */
bool alert_pair_next(alert_pairs *pairs, struct alert_pair *ret);

/* The labels, the identity's first. They identify the alert in Alertmanager. */
alert_pairs alert_labels(const struct alert *alert);

/*
 * The labels that identify the problem: instance (the host), plugin, plugin_instance, type,
 * type_instance. Of all alerts with the same identity one fires at a time.
 */
alert_pairs alert_identity(const struct alert *alert);

alert_pairs alert_annotations(const struct alert *alert);

/* "" if it has none. */
const char *alert_generator_url(const struct alert *alert);

/* The value of a label, or NULL. */
const char *alert_label(const struct alert *alert, const char *name);

/* Are they the same alert for Alertmanager? */
bool alert_same_labels(const struct alert *a, const struct alert *b);

/* The memory that it uses. */
size_t alert_bytes(const struct alert *alert);

/* Adds a reference. The caller owns one, or holds the lock of an owner. */
struct alert *alert_ref(struct alert *alert);

/* Drops a reference; the last one frees the alert. NULL is fine. */
void alert_unref(struct alert *alert);

/*
 * Builds an alert from pairs. Values are passed as they are; the builder cleans them: the
 * result is well-formed UTF-8, with control and other harmful characters as \xNN, and cut
 * between characters, with a note of the length, if it is too long. Line breaks and tabs stay.
 */
struct alert_builder {
  struct buffer text; /* names and values, NUL-terminated */
  struct {
    uint32_t name_at, value_at; /* in text */
  } labels[ALERT_LABELS_MAX], annotations[ALERT_ANNOTATIONS_MAX];
  size_t labels_len, annotations_len;
  size_t url_at; /* SIZE_MAX: none */
  size_t annotations_left_out;
  bool verbatim; /* values come from an alert: what fits is not cut again */
};

/* To be freed by alert_builder_free. */
void alert_builder_init(struct alert_builder *b);
void alert_builder_free(struct alert_builder *b);

/* Is it a valid name of a label ([a-zA-Z_][a-zA-Z0-9_]*, at most ALERT_LABEL_NAME_BYTES)? */
bool alert_is_label_name(struct span name);

/*
 * Adds a label unless the value is empty. name is a valid name. Returns 0, -EEXIST if there is
 * one of that name, -E2BIG if there are ALERT_LABELS_MAX, -EMSGSIZE if ALERT_BYTES_MAX is
 * reached, or -ENOMEM.
 */
int alert_builder_label(struct alert_builder *b, const char *name, struct span value);

/*
 * Adds an annotation unless the value is empty. Characters that a name cannot have become "_";
 * a name that exists already gets "_2", "_3", ... An annotation that does not fit into the
 * alert is counted in annotations_left_out. Returns 0 or -ENOMEM.
 */
int alert_builder_annotation(struct alert_builder *b, struct span name, struct span value);

/* Is there an annotation of that name? */
bool alert_builder_has_annotation(const struct alert_builder *b, const char *name);

/* Sets the generator URL, which is a valid URL. Returns 0, -EMSGSIZE or -ENOMEM. */
int alert_builder_url(struct alert_builder *b, struct span url);

/*
 * Packs the alert. If annotations were left out, one named ALERT_LEFT_OUT has their number.
 * Returns 0 and one reference in *ret, -EINVAL without a label, or -ENOMEM.
 */
int alert_builder_finish(struct alert_builder *b, struct alert **ret);

/*
 * A copy of the alert with one annotation added or replaced. Returns 0 and one reference in
 * *ret, or an error of the builder.
 */
int alert_annotated(const struct alert *alert, const char *name, struct span value,
                    struct alert **ret);

#endif
