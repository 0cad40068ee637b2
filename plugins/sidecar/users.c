/* Users as an array sorted by id, and the arithmetic of fair shares; see users.h. */
#include "sidecar/users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

static const uint64_t HOUR_NS = UINT64_C(3600000000000);

bool allowance_take(struct allowance *allowance, double per_hour, uint64_t now_ns) {
  double given_back = allowance->at_ns > 0 && now_ns > allowance->at_ns
                          ? (double)(now_ns - allowance->at_ns) / (double)HOUR_NS * per_hour
                          : 0;
  allowance->taken = allowance->taken > given_back ? allowance->taken - given_back : 0;
  allowance->at_ns = now_ns;
  if (allowance->taken + 1 > per_hour)
    return false;
  allowance->taken++;
  return true;
}

bool user_may_log(struct user *user, uint64_t now_ns) {
  return allowance_take(&user->lines, USER_LINES_PER_HOUR, now_ns);
}

/* ---- names ---- */

bool user_had_name(const struct user *user, const char *name) {
  for (size_t i = 0; i < USER_NAMES_REMEMBERED; i++)
    if (strcmp(user->names[i], name) == 0)
      return true;
  return false;
}

void user_remember_name(struct user *user, const char *name) {
  if (user_had_name(user, name))
    return;
  snprintf(user->names[user->next_name], INSTANCE_NAME_SIZE, "%s", name);
  user->next_name = (user->next_name + 1) % USER_NAMES_REMEMBERED;
}

/* ---- users ---- */

struct users {
  struct user **items; /* by id */
  size_t len, capacity;
};

int users_new(struct users **ret) {
  *ret = calloc(1, sizeof(**ret));
  return *ret != NULL ? 0 : -ENOMEM;
}

void users_free(struct users *users) {
  if (users == NULL)
    return;
  for (size_t i = 0; i < users->len; i++)
    free(users->items[i]);
  free(users->items);
  free(users);
}

/* The position of the first whose id is not lower. */
static size_t find_position(const struct users *users, uid_t uid) {
  size_t low = 0, high = users->len;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (users->items[middle]->uid < uid)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct user *users_get(struct users *users, uid_t uid) {
  size_t at = find_position(users, uid);
  if (at < users->len && users->items[at]->uid == uid)
    return users->items[at];
  struct user *user = calloc(1, sizeof(*user));
  if (user == NULL || !array_reserve(&users->items, users->len, &users->capacity, 8)) {
    free(user);
    return NULL;
  }
  user->uid = uid;
  memmove(&users->items[at + 1], &users->items[at], (users->len - at) * sizeof(*users->items));
  users->items[at] = user;
  users->len++;
  return user;
}

struct user *users_largest(const struct users *users) {
  struct user *largest = NULL;
  for (size_t i = 0; i < users->len; i++)
    if (largest == NULL || users->items[i]->processes > largest->processes)
      largest = users->items[i];
  return largest;
}

void users_begin(struct users *users, uint64_t now_ns) {
  size_t kept = 0;
  for (size_t i = 0; i < users->len; i++) {
    struct user *user = users->items[i];
    user->spent_ns /= 2;
    if (user->processes > 0 || short_lived_is_active(&user->short_lived))
      user->idle_since_ns = 0;
    else if (user->idle_since_ns == 0)
      user->idle_since_ns = now_ns;
    if (user->idle_since_ns > 0 && now_ns - user->idle_since_ns >= HOUR_NS)
      free(user);
    else
      users->items[kept++] = user;
  }
  users->len = kept;
}

void users_for_each(struct users *users, void (*each)(void *context, struct user *user),
                    void *context) {
  for (size_t i = 0; i < users->len; i++)
    each(context, users->items[i]);
}

/* ---- turns ---- */

static int compare_turns(const void *a, const void *b) {
  const struct turn *left = a, *right = b;
  if (left->user->spent_ns != right->user->spent_ns)
    return left->user->spent_ns < right->user->spent_ns ? -1 : 1;
  if (left->user->uid != right->user->uid)
    return left->user->uid < right->user->uid ? -1 : 1;
  if (left->since != right->since)
    return left->since < right->since ? -1 : 1;
  return (left->item > right->item) - (left->item < right->item);
}

void turns_arrange(struct turn *turns, size_t len) {
  if (len > 1)
    qsort(turns, len, sizeof(*turns), compare_turns);
  uint64_t users_left = 0, items_left = 0;
  for (size_t i = len; i-- > 0;) {
    bool is_last = i + 1 == len || turns[i].user != turns[i + 1].user;
    users_left += is_last;
    items_left = is_last ? 1 : items_left + 1;
    turns[i].users_left = users_left;
    turns[i].items_left = items_left;
  }
}

static uint64_t part_of(uint64_t now_ns, uint64_t ends_ns, uint64_t parts) {
  return now_ns < ends_ns ? now_ns + (ends_ns - now_ns) / parts : ends_ns;
}

uint64_t turn_deadline(struct turn_clock *clock, const struct turn *turn, uint64_t now_ns) {
  if (clock->user != turn->user) {
    clock->user = turn->user;
    clock->user_ends_ns = part_of(now_ns, clock->ends_ns, turn->users_left);
  }
  uint64_t ends_ns = part_of(now_ns, clock->user_ends_ns, turn->items_left);
  if (ends_ns < now_ns + TURN_MIN_NS)
    ends_ns = now_ns + TURN_MIN_NS;
  return ends_ns < clock->user_ends_ns ? ends_ns : clock->user_ends_ns;
}
