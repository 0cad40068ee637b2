/* The bundles on the disk; see inventory.h. */
#include "sidecar/capture/inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "sidecar/capture/directory.h"

/* --- sorted lists --- */

/* The first position whose item is not before the key. */
static size_t find_position(const struct inventory_list *list, const void *key,
                            int (*compare)(const void *key, const void *item)) {
  size_t low = 0, high = list->len;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(key, list->items[middle]) > 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* NULL: none is equal to the key. */
static void *find_item(const struct inventory_list *list, const void *key,
                       int (*compare)(const void *key, const void *item)) {
  size_t at = find_position(list, key, compare);
  return at < list->len && compare(key, list->items[at]) == 0 ? list->items[at] : NULL;
}

/* Returns false when out of memory. */
static bool insert(struct inventory_list *list, void *item,
                   int (*compare)(const void *key, const void *item)) {
  if (!array_reserve(&list->items, list->len, &list->capacity, 16))
    return false;
  size_t at = find_position(list, item, compare);
  memmove(&list->items[at + 1], &list->items[at], (list->len - at) * sizeof(*list->items));
  list->items[at] = item;
  list->len++;
  return true;
}

/* Frees the item, too. */
static void drop(struct inventory_list *list, size_t at) {
  free(list->items[at]);
  list->len--;
  memmove(&list->items[at], &list->items[at + 1], (list->len - at) * sizeof(*list->items));
}

static void free_list(struct inventory_list *list) {
  for (size_t i = 0; i < list->len; i++)
    free(list->items[i]);
  free(list->items);
}

static int compare_owners(const void *a, const void *b) {
  const struct inventory_owner *left = a, *right = b;
  return (left->uid > right->uid) - (left->uid < right->uid);
}

static int compare_groups(const void *a, const void *b) {
  const struct inventory_group *left = a, *right = b;
  int order = strcmp(left->instance, right->instance);
  return order != 0 ? order : compare_owners(left->owner, right->owner);
}

static int compare_bundles(const void *a, const void *b) {
  const struct inventory_bundle *left = a, *right = b;
  int order = strcmp(left->name, right->name);
  return order != 0 ? order : compare_groups(left->group, right->group);
}

/* --- what is known --- */

/* A copy that is inserted; NULL: no memory. */
static void *insert_copy(struct inventory_list *list, const void *item, size_t size,
                         int (*compare)(const void *key, const void *item)) {
  void *copy = malloc(size);
  if (copy == NULL)
    return NULL;
  memcpy(copy, item, size);
  if (insert(list, copy, compare))
    return copy;
  free(copy);
  return NULL;
}

static struct inventory_group group_key(const char *instance, struct inventory_owner *owner) {
  struct inventory_group key = {.owner = owner};
  snprintf(key.instance, sizeof(key.instance), "%s", instance);
  return key;
}

/* NULL: none. */
static struct inventory_group *find_group(const struct inventory *inventory,
                                          const struct inventory_newcomer *newcomer) {
  struct inventory_owner owner = {.uid = newcomer->identity.owner};
  struct inventory_group key = group_key(newcomer->instance, &owner);
  return find_item(&inventory->groups, &key, compare_groups);
}

static void drop_if_empty(struct inventory *inventory, struct inventory_owner *owner,
                          struct inventory_group *group) {
  if (group != NULL && group->len == 0)
    drop(&inventory->groups, find_position(&inventory->groups, group, compare_groups));
  if (owner->len == 0)
    drop(&inventory->owners, find_position(&inventory->owners, owner, compare_owners));
}

/* Adds it and its owner if need be; NULL: no memory. */
static struct inventory_group *get_group(struct inventory *inventory,
                                         const struct inventory_newcomer *newcomer) {
  struct inventory_owner key = {.uid = newcomer->identity.owner};
  struct inventory_owner *owner = find_item(&inventory->owners, &key, compare_owners);
  if (owner == NULL)
    owner = insert_copy(&inventory->owners, &key, sizeof(key), compare_owners);
  if (owner == NULL)
    return NULL;
  struct inventory_group *group = find_group(inventory, newcomer);
  if (group != NULL)
    return group;
  struct inventory_group new = group_key(newcomer->instance, owner);
  group = insert_copy(&inventory->groups, &new, sizeof(new), compare_groups);
  if (group == NULL)
    drop_if_empty(inventory, owner, NULL);
  return group;
}

int inventory_add(struct inventory *inventory, const struct inventory_newcomer *newcomer,
                  const struct inventory_bundle **ret) {
  size_t name_size = strlen(newcomer->name) + 1;
  struct inventory_group *group = get_group(inventory, newcomer);
  if (group == NULL)
    return -ENOMEM;
  struct inventory_bundle *bundle = malloc(sizeof(*bundle) + name_size);
  if (bundle != NULL) {
    *bundle = (struct inventory_bundle){.group = group,
                                        .kind = newcomer->kind,
                                        .identity = newcomer->identity,
                                        .bytes = newcomer->bytes};
    memcpy(bundle->name, newcomer->name, name_size);
  }
  if (bundle == NULL || !insert(&inventory->bundles, bundle, compare_bundles)) {
    free(bundle);
    drop_if_empty(inventory, group->owner, group);
    return -ENOMEM;
  }
  group->len++;
  group->bytes += bundle->bytes;
  group->owner->len++;
  group->owner->bytes += bundle->bytes;
  inventory->bytes += bundle->bytes;
  const struct inventory_bundle **newest = &group->newest[bundle->kind];
  if (*newest == NULL || compare_bundles(bundle, *newest) > 0)
    *newest = bundle;
  *ret = bundle;
  return 0;
}

/* The newest of this group and kind before the position. */
static const struct inventory_bundle *newest_before(const struct inventory *inventory,
                                                    size_t at,
                                                    const struct inventory_group *group,
                                                    enum bundle_kind kind) {
  while (at-- > 0) {
    const struct inventory_bundle *bundle = inventory_at(inventory, at);
    if (bundle->group == group && bundle->kind == kind)
      return bundle;
  }
  return NULL;
}

void inventory_forget(struct inventory *inventory, const struct inventory_bundle *bundle) {
  size_t at = find_position(&inventory->bundles, bundle, compare_bundles);
  struct inventory_group *group = bundle->group;
  group->len--;
  group->bytes -= bundle->bytes;
  group->owner->len--;
  group->owner->bytes -= bundle->bytes;
  inventory->bytes -= bundle->bytes;
  if (group->newest[bundle->kind] == bundle && group->len > 0)
    group->newest[bundle->kind] = newest_before(inventory, at, group, bundle->kind);
  drop(&inventory->bundles, at);
  drop_if_empty(inventory, group->owner, group);
}

void inventory_free(struct inventory *inventory) {
  free_list(&inventory->bundles);
  free_list(&inventory->groups);
  free_list(&inventory->owners);
  *inventory = (struct inventory){0};
}

const struct inventory_bundle *inventory_find_newest(const struct inventory *inventory,
                                                     const struct identity *identity,
                                                     enum bundle_kind kind) {
  for (size_t i = inventory->bundles.len; i-- > 0;) {
    const struct inventory_bundle *bundle = inventory_at(inventory, i);
    if (bundle->kind == kind && identity_equals(&bundle->identity, identity))
      return bundle;
  }
  return NULL;
}

/* --- the directory --- */

struct scan {
  struct inventory *inventory;
  const atomic_bool *stopping;
  int directory;        /* the one being scanned */
  const char *instance; /* its name, below the capture folder */
  uint64_t bytes;       /* of a bundle's files */
};

static int add_size(void *context, const char *name) {
  struct scan *scan = context;
  struct stat st;
  if (atomic_load(scan->stopping))
    return -ECANCELED;
  if (fstatat(scan->directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
    return 0;
  scan->bytes += directory_file_bytes(&st);
  return 0;
}

static void read_identity(int bundle, struct identity *ret) {
  char text[IDENTITY_TEXT_MAX];
  *ret = (struct identity){.owner = IDENTITY_OWNER_UNKNOWN};
  autoclose(fd, openat(bundle, CAPTURE_IDENTITY_FILE,
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
  if (len > 0)
    identity_parse(span_make(text, (size_t)len), ret);
}

static int scan_bundle(void *context, const char *name) {
  const struct scan *instance = context;
  struct inventory *inventory = instance->inventory;
  char reason[CAPTURE_REASON_MAX + 1];
  pid_t pid;
  if (atomic_load(instance->stopping))
    return -ECANCELED;
  autoclose(fd, -1);
  if (inventory->bundles.len == INVENTORY_MAX ||
      !capture_name_parse_bundle(name, &pid, reason) ||
      directory_open(instance->directory, name, false, &fd) != 0)
    return 0;

  struct scan inside = {.directory = fd, .stopping = instance->stopping};
  if (directory_walk(fd, add_size, &inside) == -ECANCELED)
    return -ECANCELED;
  struct inventory_newcomer bundle = {
      .instance = instance->instance,
      .name = name,
      .kind = capture_bundle_kind(reason),
      .bytes = inside.bytes,
  };
  read_identity(fd, &bundle.identity);
  const struct inventory_bundle *added;
  return inventory_add(inventory, &bundle, &added);
}

static int scan_instance(void *context, const char *name) {
  const struct scan *all = context;
  if (atomic_load(all->stopping))
    return -ECANCELED;
  autoclose(fd, -1);
  if (name[0] == '.' || strlen(name) >= CAPTURE_FILE_NAME_MAX ||
      directory_open(all->directory, name, false, &fd) != 0)
    return 0;
  directory_sweep(fd);
  struct scan instance = *all;
  instance.directory = fd;
  instance.instance = name;
  int status = directory_walk(fd, scan_bundle, &instance);
  return status == -ENOMEM || status == -ECANCELED ? status : 0;
}

int inventory_scan(int folder, const atomic_bool *stopping, struct inventory *ret) {
  struct stat st;
  *ret = (struct inventory){0};
  if (fstat(folder, &st) != 0)
    return -errno;
  struct scan all = {.inventory = ret, .stopping = stopping, .directory = folder};
  int status = directory_walk(folder, scan_instance, &all);
  if (status != 0) {
    inventory_free(ret);
    return status;
  }
  ret->device = st.st_dev;
  ret->inode = st.st_ino;
  return 0;
}

bool inventory_is_of(const struct inventory *inventory, int folder) {
  struct stat st;
  return fstat(folder, &st) == 0 && st.st_dev == inventory->device &&
         st.st_ino == inventory->inode;
}

bool inventory_is_missing(const struct inventory_bundle *bundle, int folder) {
  char path[CAPTURE_FILE_NAME_MAX + CAPTURE_BUNDLE_NAME_MAX];
  struct stat st;
  snprintf(path, sizeof(path), "%s/%s", bundle->group->instance, bundle->name);
  return fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

int inventory_forget_missing(struct inventory *inventory, int folder,
                             const atomic_bool *stopping) {
  for (size_t i = inventory->bundles.len; i-- > 0;) {
    if (atomic_load(stopping))
      return -ECANCELED;
    if (inventory_is_missing(inventory_at(inventory, i), folder))
      inventory_forget(inventory, inventory_at(inventory, i));
  }
  return 0;
}

/* --- what is deleted first --- */

void inventory_begin_round(struct inventory *inventory) {
  for (size_t i = 0; i < inventory->bundles.len; i++)
    inventory_at(inventory, i)->is_alive = false;
}

/* Bundles of a group, of an owner, or all. */
struct chosen {
  const struct inventory_group *group; /* NULL: any */
  const struct inventory_owner *owner; /* NULL: any */
};

static bool is_chosen(const struct inventory_bundle *bundle, const struct chosen *chosen) {
  return (chosen->group == NULL || bundle->group == chosen->group) &&
         (chosen->owner == NULL || bundle->group->owner == chosen->owner);
}

/* Is there a newer bundle of its kind and group? The newcomer is, in its own. */
static bool is_succeeded(const struct inventory_bundle *bundle,
                         const struct inventory_newcomer *newcomer,
                         const struct inventory_group *newcomers) {
  return bundle != bundle->group->newest[bundle->kind] ||
         (bundle->kind == newcomer->kind && bundle->group == newcomers);
}

static const struct inventory_bundle *
oldest_succeeded(const struct inventory *inventory, const struct inventory_newcomer *newcomer,
                 const struct chosen *chosen) {
  const struct inventory_group *newcomers = find_group(inventory, newcomer);
  for (size_t i = 0; i < inventory->bundles.len; i++) {
    const struct inventory_bundle *bundle = inventory_at(inventory, i);
    if (is_chosen(bundle, chosen) && is_succeeded(bundle, newcomer, newcomers))
      return bundle;
  }
  return NULL;
}

static const struct inventory_bundle *oldest_ended(struct inventory *inventory,
                                                   const struct chosen *chosen,
                                                   inventory_alive_fn is_alive, void *context) {
  for (size_t i = 0; i < inventory->bundles.len; i++) {
    struct inventory_bundle *bundle = inventory_at(inventory, i);
    if (!is_chosen(bundle, chosen))
      continue;
    bundle->is_alive = bundle->is_alive || is_alive(context, &bundle->identity);
    if (!bundle->is_alive)
      return bundle;
  }
  return NULL;
}

static const struct inventory_bundle *oldest(const struct inventory *inventory,
                                             const struct chosen *chosen) {
  for (size_t i = 0; i < inventory->bundles.len; i++)
    if (is_chosen(inventory_at(inventory, i), chosen))
      return inventory_at(inventory, i);
  return NULL;
}

static bool group_is_full(const struct inventory_group *group,
                          const struct inventory_limits *limits,
                          const struct inventory_newcomer *newcomer) {
  return group != NULL && (group->bytes + newcomer->bytes > limits->process_max_bytes ||
                           group->len + 1 > limits->process_max_bundles);
}

static bool bytes_are_full(const struct inventory *inventory,
                           const struct inventory_limits *limits,
                           const struct inventory_newcomer *newcomer) {
  return inventory->bytes + newcomer->bytes > limits->total_max_bytes;
}

/* The owner who has the most bytes, or else bundles, once the newcomer is there; of two with
 * the same number, the newcomer's. NULL: the newcomer's, who has none yet. */
static const struct inventory_owner *largest_owner(const struct inventory *inventory,
                                                   const struct inventory_newcomer *newcomer,
                                                   bool by_bytes) {
  const struct inventory_owner *largest = NULL;
  uint64_t most = by_bytes ? newcomer->bytes : 1;
  for (size_t i = 0; i < inventory->owners.len; i++) {
    const struct inventory_owner *owner = inventory->owners.items[i];
    bool is_newcomers = owner->uid == newcomer->identity.owner;
    uint64_t has = by_bytes ? owner->bytes : owner->len;
    if (is_newcomers)
      has += by_bytes ? newcomer->bytes : 1;
    if (has > most || (has == most && is_newcomers)) {
      largest = owner;
      most = has;
    }
  }
  return largest;
}

static const struct inventory_bundle *victim_of_all(struct inventory *inventory,
                                                    const struct inventory_newcomer *newcomer,
                                                    bool by_bytes, inventory_alive_fn is_alive,
                                                    void *context) {
  struct chosen chosen = {.owner = largest_owner(inventory, newcomer, by_bytes)};
  if (chosen.owner == NULL)
    return NULL;
  const struct inventory_bundle *victim = oldest_succeeded(inventory, newcomer, &chosen);
  if (victim == NULL)
    victim = oldest_ended(inventory, &chosen, is_alive, context);
  if (victim == NULL && chosen.owner->uid != newcomer->identity.owner)
    victim = oldest(inventory, &chosen);
  return victim;
}

const struct inventory_bundle *inventory_next_victim(struct inventory *inventory,
                                                     const struct inventory_limits *limits,
                                                     const struct inventory_newcomer *newcomer,
                                                     inventory_alive_fn is_alive, void *context,
                                                     bool *ret_fits) {
  struct chosen chosen = {.group = find_group(inventory, newcomer)};
  const struct inventory_bundle *victim = NULL;
  *ret_fits = true;
  if (group_is_full(chosen.group, limits, newcomer))
    victim = oldest_succeeded(inventory, newcomer, &chosen);
  bool by_bytes = bytes_are_full(inventory, limits, newcomer);
  if (victim != NULL || (!by_bytes && inventory->bundles.len < INVENTORY_MAX))
    return victim;
  if (newcomer->bytes <= limits->total_max_bytes)
    victim = victim_of_all(inventory, newcomer, by_bytes, is_alive, context);
  *ret_fits = victim != NULL;
  return victim;
}

/* --- deleting --- */

static int delete_bundle(int instance, const char *name) {
  char hidden[sizeof(DIRECTORY_TEMPORARY) + CAPTURE_BUNDLE_NAME_MAX];
  snprintf(hidden, sizeof(hidden), DIRECTORY_TEMPORARY "%s", name);
  if (renameat(instance, name, instance, hidden) != 0)
    return errno == ENOENT ? 0 : -errno;
  return directory_remove(instance, hidden);
}

static bool has_instance(const struct inventory *inventory, const char *name) {
  struct inventory_owner first = {.uid = 0};
  struct inventory_group key = group_key(name, &first);
  size_t at = find_position(&inventory->groups, &key, compare_groups);
  if (at == inventory->groups.len)
    return false;
  const struct inventory_group *group = inventory->groups.items[at];
  return strcmp(group->instance, name) == 0;
}

int inventory_remove(struct inventory *inventory, int folder,
                     const struct inventory_bundle *bundle) {
  char name[CAPTURE_FILE_NAME_MAX];
  snprintf(name, sizeof(name), "%s", bundle->group->instance);
  autoclose(instance, -1);
  int status = directory_open(folder, name, false, &instance);
  if (status == 0)
    status = delete_bundle(instance, bundle->name);
  inventory_forget(inventory, bundle);
  if (instance >= 0 && !has_instance(inventory, name)) {
    unlinkat(instance, CAPTURE_SUMMARY_FILE, 0);
    unlinkat(folder, name, AT_REMOVEDIR); /* fails if there are other files */
  }
  return status == -ENOENT ? 0 : status;
}
