/* What is deleted first; see retention.h. */
#include "sidecar/capture/retention.h"

#include <string.h>

static bool is_of(const struct shelf_bundle *bundle, const char *instance) {
  return strcmp(bundle->instance, instance) == 0;
}

/* Is there a newer one of its kind, and of its instance? */
static bool is_succeeded(const struct shelf *shelf, size_t at,
                         const struct retention_newcomer *newcomer) {
  const struct shelf_bundle *bundle = &shelf->bundles[at];
  if (is_of(bundle, newcomer->instance) && bundle->is_baseline == newcomer->is_baseline)
    return true;
  for (size_t i = at + 1; i < shelf->len; i++)
    if (shelf->bundles[i].is_baseline == bundle->is_baseline &&
        is_of(&shelf->bundles[i], bundle->instance))
      return true;
  return false;
}

static const struct shelf_bundle *oldest_succeeded(const struct shelf *shelf,
                                                   const struct retention_newcomer *newcomer,
                                                   const char *instance) {
  for (size_t i = 0; i < shelf->len; i++) {
    if ((instance == NULL || is_of(&shelf->bundles[i], instance)) &&
        is_succeeded(shelf, i, newcomer))
      return &shelf->bundles[i];
  }
  return NULL;
}

static bool instance_is_full(const struct shelf *shelf, const struct retention_limits *limits,
                             const struct retention_newcomer *newcomer) {
  uint64_t bytes = newcomer->bytes, bundles = 1;
  for (size_t i = 0; i < shelf->len; i++) {
    if (is_of(&shelf->bundles[i], newcomer->instance)) {
      bytes += shelf->bundles[i].bytes;
      bundles++;
    }
  }
  return bytes > limits->process_max_bytes || bundles > limits->process_max_bundles;
}

const struct shelf_bundle *retention_next(const struct shelf *shelf,
                                          const struct retention_limits *limits,
                                          const struct retention_newcomer *newcomer,
                                          bool (*is_alive)(void *, const struct identity *),
                                          void *context, bool *ret_fits) {
  const struct shelf_bundle *victim;
  *ret_fits = true;
  if (instance_is_full(shelf, limits, newcomer)) {
    victim = oldest_succeeded(shelf, newcomer, newcomer->instance);
    if (victim != NULL)
      return victim;
  }
  if (shelf->bytes + newcomer->bytes <= limits->total_max_bytes && shelf->len < SHELF_MAX)
    return NULL;
  victim = oldest_succeeded(shelf, newcomer, NULL);
  if (victim != NULL)
    return victim;
  for (size_t i = 0; i < shelf->len; i++)
    if (!is_alive(context, &shelf->bundles[i].identity))
      return &shelf->bundles[i];
  *ret_fits = false;
  return NULL;
}
