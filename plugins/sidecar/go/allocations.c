/*
 * Comparisons with an earlier profile, of which there are two: when the younger one has the
 * wanted age, the older one is replaced. See allocations.h.
 */
#include "sidecar/go/allocations.h"

#include <string.h>

/* ---- profiles to compare with ---- */

static void keep(struct allocations_base *base, const struct heap_profile *profile,
                 uint64_t now_ms) {
  const struct heap_allocated *listed = &profile->allocated;
  base->now_ms = now_ms;
  base->bytes = profile->allocated_bytes;
  base->unlisted_max = listed->unlisted_max;
  base->len = listed->len;
  for (size_t i = 0; i < listed->len; i++) {
    base->sites[i].key = listed->sites[i].key;
    base->sites[i].bytes_max = site_weight_max(&listed->sites[i]);
  }
}

/* The most that a site can have allocated until then. */
static uint64_t bytes_before(const struct allocations_base *base, uint64_t key) {
  for (size_t i = 0; i < base->len; i++)
    if (base->sites[i].key == key)
      return base->sites[i].bytes_max;
  return base->unlisted_max;
}

static void rotate(struct allocations *allocations) {
  const struct allocations_base *younger = &allocations->base[!allocations->older];
  if (allocations->last.now_ms - younger->now_ms < ALLOCATIONS_SPAN_MS)
    return;
  allocations->base[allocations->older] = allocations->last;
  allocations->older = !allocations->older;
}

/* ---- the comparison ---- */

/* Keeps the sites with the most bytes, in that order. */
static void add_site(struct allocations_lately *lately, const struct site *site,
                     uint64_t bytes) {
  size_t at = lately->len;
  while (at > 0 && bytes > lately->sites[at - 1].weight)
    at--;
  if (at == ALLOCATIONS_SITES)
    return;
  if (lately->len < ALLOCATIONS_SITES)
    lately->len++;
  memmove(&lately->sites[at + 1], &lately->sites[at],
          (lately->len - 1 - at) * sizeof(lately->sites[0]));
  lately->sites[at] = *site;
  lately->sites[at].weight = bytes;
}

static void compare(struct allocations_lately *lately, const struct allocations_base *base,
                    const struct heap_profile *profile, uint64_t now_ms) {
  lately->len = 0;
  lately->span_ms = now_ms - base->now_ms;
  lately->bytes =
      profile->allocated_bytes > base->bytes ? profile->allocated_bytes - base->bytes : 0;
  for (size_t i = 0; i < profile->allocated.len; i++) {
    const struct site *site = &profile->allocated.sites[i];
    uint64_t before = bytes_before(base, site->key);
    if (site->weight > before)
      add_site(lately, site, site->weight - before);
  }
}

void allocations_update(struct allocations *allocations, const struct heap_profile *profile,
                        uint64_t now_ms) {
  if (profile->allocated_bytes == VALUE_UNKNOWN)
    return;
  if (allocations->profiles > 0)
    rotate(allocations);
  keep(&allocations->last, profile, now_ms);
  if (allocations->profiles == 0)
    allocations->base[0] = allocations->base[1] = allocations->last;
  else
    compare(&allocations->lately, &allocations->base[allocations->older], profile, now_ms);
  if (allocations->profiles < 2)
    allocations->profiles++;
}

const struct allocations_lately *allocations_get(const struct allocations *allocations) {
  return allocations->profiles > 1 ? &allocations->lately : NULL;
}
