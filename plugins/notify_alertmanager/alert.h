/*
 * One alert as Alertmanager knows it: labels, annotations, the URL it came from. Packed
 * into one block that never changes and is counted by reference, so that ten thousand of
 * them are small and a sender thread can write them out while collectd replaces them. When
 * an alert began and whether it fires is the store's business. Pure.
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
  ALERT_LABEL_BYTES = 512,       /* of one label's value; a collectd name's 127 bytes fit */
  ALERT_ANNOTATION_BYTES = 8192, /* of one annotation's value */
  ALERT_BYTES_MAX = 64 * 1024,   /* of all names and values */
};

/* Says how many annotations did not fit into the alert. */
#define ALERT_LEFT_OUT "annotations_left_out"

struct alert;

struct alert_pair {
  const char *name, *value; /* NUL-terminated, owned by the alert */
};

/* A run of packed pairs. */
typedef struct span alert_pairs;

/* Takes the next pair off *pairs; false when there is none. */
bool alert_pair_next(alert_pairs *pairs, struct alert_pair *ret);

/* The labels, the identity's first. They are what Alertmanager tells alerts apart by. */
alert_pairs alert_labels(const struct alert *alert);

/*
 * The labels that say what the alert is about: instance (the host), plugin,
 * plugin_instance, type, type_instance. All alerts with the same are one problem, of
 * which one fires at a time.
 */
alert_pairs alert_identity(const struct alert *alert);

alert_pairs alert_annotations(const struct alert *alert);

/* "" when there is none. */
const char *alert_generator_url(const struct alert *alert);

/* The value of a label, or NULL. */
const char *alert_label(const struct alert *alert, const char *name);

/* Is it the same alert for Alertmanager? */
bool alert_same_labels(const struct alert *a, const struct alert *b);

/* The memory it takes. */
size_t alert_bytes(const struct alert *alert);

/* Another owner. Any thread may call it that owns the alert, or holds a lock of one who does.
 */
struct alert *alert_ref(struct alert *alert);

/* An owner less; the last one frees it. NULL is fine. */
void alert_unref(struct alert *alert);

/*
 * Makes an alert out of pairs. Give each value as it is; the builder makes it fit:
 * well-formed UTF-8, control and other harmful characters as \xNN, cut between
 * characters with a note of the length when it is too long. Line breaks and tabs stay.
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

/* Give it back with alert_builder_free. */
void alert_builder_init(struct alert_builder *b);
void alert_builder_free(struct alert_builder *b);

/* May name be a label's ([a-zA-Z_][a-zA-Z0-9_]*, at most ALERT_LABEL_NAME_BYTES)? */
bool alert_is_label_name(struct span name);

/*
 * Adds a label unless the value is empty. name is a label name. Returns 0, -EEXIST when it
 * is there already, -E2BIG when there are too many, -EMSGSIZE when ALERT_BYTES_MAX is
 * full, -ENOMEM.
 */
int alert_builder_label(struct alert_builder *b, const char *name, struct span value);

/*
 * Adds an annotation unless the value is empty. What may not stand in a label name becomes
 * "_" in the annotation's; a name that is there already gets "_2", "_3", ... What does not
 * fit into the alert is counted in annotations_left_out. Returns 0 or -ENOMEM.
 */
int alert_builder_annotation(struct alert_builder *b, struct span name, struct span value);

/* Is there an annotation of that name? */
bool alert_builder_has_annotation(const struct alert_builder *b, const char *name);

/* Sets the generator URL, which is a URL already. Returns 0, -EMSGSIZE or -ENOMEM. */
int alert_builder_url(struct alert_builder *b, struct span url);

/*
 * Packs it. When annotations were left out, one named ALERT_LEFT_OUT says how many.
 * Returns 0 and one reference in *ret, -EINVAL without a label, or -ENOMEM.
 */
int alert_builder_finish(struct alert_builder *b, struct alert **ret);

/*
 * The same alert with one annotation set, replacing one of the same name. Returns 0 and
 * one reference in *ret, or as the builder.
 */
int alert_annotated(const struct alert *alert, const char *name, struct span value,
                    struct alert **ret);

#endif
