/* Dispatched notifications and their meta data; see fake_dispatched.h. */
#include "fake_dispatched.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_memory.h"

enum { DISPATCHED_MAX = 256 };

static notification_t dispatched[DISPATCHED_MAX];
static size_t dispatched_len;

/* ---- called by the plugin ---- */

static int add_meta(notification_t *n, const char *name, const char *text) {
  notification_meta_t *meta = fake_memory(sizeof(*meta));
  snprintf(meta->name, sizeof(meta->name), "%s", name);
  meta->type = NM_TYPE_STRING;
  meta->nm_value.nm_string = fake_memory_text(text);
  notification_meta_t **end = &n->meta;
  while (*end != NULL)
    end = &(*end)->next;
  *end = meta;
  return 0;
}

int plugin_notification_meta_add_string(notification_t *n, const char *name,
                                        const char *value) {
  return add_meta(n, name, value);
}

int plugin_notification_meta_add_unsigned_int(notification_t *n, const char *name,
                                              uint64_t value) {
  char text[32];
  snprintf(text, sizeof(text), "%" PRIu64, value);
  return add_meta(n, name, text);
}

int plugin_notification_meta_add_double(notification_t *n, const char *name, double value) {
  char text[32];
  snprintf(text, sizeof(text), "%.15g", value);
  return add_meta(n, name, text);
}

int plugin_notification_meta_free(notification_meta_t *meta) {
  while (meta != NULL) {
    notification_meta_t *next = meta->next;
    free((char *)meta->nm_value.nm_string);
    free(meta);
    meta = next;
  }
  return 0;
}

int plugin_dispatch_notification(const notification_t *n) {
  if (dispatched_len == DISPATCHED_MAX)
    return -1;
  notification_t *copy = &dispatched[dispatched_len++];
  *copy = *n;
  copy->meta = NULL;
  for (const notification_meta_t *meta = n->meta; meta != NULL; meta = meta->next)
    add_meta(copy, meta->name, meta->nm_value.nm_string);
  return 0;
}

/* ---- for tests ---- */

void fake_dispatched_reset(void) {
  for (size_t i = 0; i < dispatched_len; i++)
    plugin_notification_meta_free(dispatched[i].meta);
  dispatched_len = 0;
}

size_t fake_dispatched_len(void) {
  return dispatched_len;
}

const notification_t *fake_dispatched(size_t index) {
  return index < dispatched_len ? &dispatched[index] : NULL;
}

const notification_t *fake_dispatched_of(const char *plugin_instance,
                                         const char *type_instance) {
  for (size_t i = dispatched_len; i-- > 0;)
    if (strcmp(dispatched[i].plugin_instance, plugin_instance) == 0 &&
        strcmp(dispatched[i].type_instance, type_instance) == 0)
      return &dispatched[i];
  return NULL;
}

const char *fake_dispatched_meta(const notification_t *notification, const char *name) {
  for (const notification_meta_t *meta = notification->meta; meta != NULL; meta = meta->next)
    if (strcmp(meta->name, name) == 0)
      return meta->nm_value.nm_string;
  return NULL;
}
