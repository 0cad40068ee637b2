/* Counts stuck goroutines by group, from one dump to the next; see stuck.h. */
#include "sidecar/redflag/stuck.h"

/* ---- groups ---- */

static struct stuck_group *find_group(struct stuck *stuck, uint64_t key) {
  for (size_t i = 0; i < stuck->len; i++)
    if (stuck->groups[i].key == key)
      return &stuck->groups[i];
  return NULL;
}

static const struct site *find_site(const struct site_top *top, uint64_t key) {
  for (size_t i = 0; i < top->len; i++)
    if (top->sites[i].key == key)
      return &top->sites[i];
  return NULL;
}

/* A new group takes a free place, or that of an unlisted group with the least allowance, which
 * from then on is as unknown as all others. There is one: at most half of them are listed. */
static struct stuck_group *place_for(struct stuck *stuck) {
  if (stuck->len < STUCK_GROUPS_MAX)
    return &stuck->groups[stuck->len++];
  struct stuck_group *least = NULL;
  for (size_t i = 0; i < stuck->len; i++) {
    struct stuck_group *group = &stuck->groups[i];
    if (group->weight == 0 && (least == NULL || group->allowance < least->allowance))
      least = group;
  }
  if (least != NULL && least->allowance > stuck->unlisted_allowance)
    stuck->unlisted_allowance = least->allowance;
  return least;
}

/* Those that were blocked and no longer are have come back, or ended. */
static void update_group(struct stuck_group *group, const struct site *site,
                         uint64_t unlisted_max) {
  uint64_t blocked = site != NULL ? site->blocked : 0;
  uint64_t blocked_max = site != NULL ? blocked + site->uncertainty : unlisted_max;
  if (blocked_max >= blocked && blocked_max < group->blocked)
    group->allowance += group->blocked - blocked_max;
  group->blocked = blocked;
  group->weight = site != NULL ? site_weight_max(site) : 0;
}

void stuck_observe(struct stuck *stuck, const struct site_top *top) {
  for (size_t i = 0; i < stuck->len; i++)
    update_group(&stuck->groups[i], find_site(top, stuck->groups[i].key), top->unlisted_max);
  for (size_t i = 0; i < top->len; i++) {
    const struct site *site = &top->sites[i];
    if (find_group(stuck, site->key) != NULL)
      continue;
    uint64_t allowance = stuck->unlisted_allowance;
    struct stuck_group *group = place_for(stuck);
    if (group == NULL)
      break;
    *group = (struct stuck_group){
        .key = site->key, .frames_key = site->frames_key, .allowance = allowance};
    update_group(group, site, 0);
  }
  stuck->unlisted_max = top->unlisted_max;
  if (!stuck->has_dump)
    stuck_mark_baseline(stuck);
  stuck->has_dump = true;
}

void stuck_bound(struct stuck *stuck, const struct site_top *grouped) {
  for (size_t i = 0; i < stuck->len; i++) {
    struct stuck_group *group = &stuck->groups[i];
    const struct site *site = find_site(grouped, group->frames_key);
    uint64_t max = site != NULL ? site_weight_max(site) : grouped->unlisted_max;
    if (group->frames_key == 0 || max >= group->blocked)
      continue;
    group->allowance += group->blocked - max;
    group->blocked = max;
  }
}

void stuck_mark_baseline(struct stuck *stuck) {
  size_t kept = 0;
  for (size_t i = 0; i < stuck->len; i++) {
    struct stuck_group group = stuck->groups[i];
    if (group.weight == 0)
      continue; /* the same as any other that was not listed */
    group.allowance = group.weight;
    stuck->groups[kept++] = group;
  }
  stuck->len = kept;
  stuck->unlisted_allowance = stuck->unlisted_max;
}

/* ---- what is stuck ---- */

uint64_t stuck_in_group(const struct stuck_group *group) {
  return group->blocked > group->allowance ? group->blocked - group->allowance : 0;
}

uint64_t stuck_count(const struct stuck *stuck) {
  uint64_t count = 0;
  for (size_t i = 0; i < stuck->len; i++)
    count += stuck_in_group(&stuck->groups[i]);
  return count;
}

const struct stuck_group *stuck_worst(const struct stuck *stuck) {
  const struct stuck_group *worst = NULL;
  for (size_t i = 0; i < stuck->len; i++) {
    const struct stuck_group *group = &stuck->groups[i];
    if (stuck_in_group(group) > (worst != NULL ? stuck_in_group(worst) : 0))
      worst = group;
  }
  return worst;
}
