/* The bundles on the disk; see inventory.h. */
#include "sidecar/capture/inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "sidecar/capture/directory.h"

/* --- scanning --- */

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
  if (fstatat(scan->directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
    return 0;
  scan->bytes += directory_file_bytes(&st);
  return 0;
}

static void read_identity(int bundle, struct identity *ret) {
  char text[IDENTITY_TEXT_MAX];
  *ret = (struct identity){0};
  autoclose(fd, openat(bundle, CAPTURE_IDENTITY_FILE,
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
  if (len > 0)
    identity_parse(span_make(text, (size_t)len), ret);
}

/* Room for one more; NULL: no memory. */
static struct inventory_bundle *append(struct inventory *inventory) {
  if (inventory->len == inventory->capacity) {
    size_t capacity = inventory->capacity > 0 ? inventory->capacity * 2 : 16;
    struct inventory_bundle *bundles =
        reallocarray(inventory->bundles, capacity, sizeof(*bundles));
    if (bundles == NULL)
      return NULL;
    inventory->bundles = bundles;
    inventory->capacity = capacity;
  }
  return &inventory->bundles[inventory->len++];
}

static int scan_bundle(void *context, const char *name) {
  const struct scan *instance = context;
  struct inventory *inventory = instance->inventory;
  char reason[CAPTURE_REASON_MAX + 1];
  pid_t pid;
  if (atomic_load(instance->stopping))
    return -ECANCELED;
  autoclose(fd, -1);
  if (inventory->len == INVENTORY_MAX || !capture_name_parse_bundle(name, &pid, reason) ||
      directory_open(instance->directory, name, false, &fd) != 0)
    return 0;

  struct scan inside = {.directory = fd};
  directory_walk(fd, add_size, &inside);
  struct inventory_bundle *bundle = append(inventory);
  if (bundle == NULL)
    return -ENOMEM;
  *bundle = (struct inventory_bundle){.is_baseline = strcmp(reason, CAPTURE_BASELINE) == 0,
                                      .bytes = inside.bytes};
  snprintf(bundle->instance, sizeof(bundle->instance), "%s", instance->instance);
  snprintf(bundle->name, sizeof(bundle->name), "%s", name);
  read_identity(fd, &bundle->identity);
  inventory->bytes += bundle->bytes;
  return 0;
}

static int scan_instance(void *context, const char *name) {
  const struct scan *all = context;
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

static int by_time(const void *a, const void *b) {
  const struct inventory_bundle *left = a, *right = b;
  int order = strcmp(left->name, right->name);
  return order != 0 ? order : strcmp(left->instance, right->instance);
}

int inventory_scan(int folder, const atomic_bool *stopping, struct inventory *ret) {
  *ret = (struct inventory){0};
  struct scan all = {.inventory = ret, .stopping = stopping, .directory = folder};
  int status = directory_walk(folder, scan_instance, &all);
  if (ret->len > 0)
    qsort(ret->bundles, ret->len, sizeof(*ret->bundles), by_time);
  return status;
}

void inventory_free(struct inventory *inventory) {
  free(inventory->bundles);
  *inventory = (struct inventory){0};
}

const struct inventory_bundle *inventory_find_baseline(const struct inventory *inventory,
                                                       const struct identity *identity) {
  for (size_t i = inventory->len; i-- > 0;) {
    const struct inventory_bundle *bundle = &inventory->bundles[i];
    if (bundle->is_baseline && identity_equals(&bundle->identity, identity))
      return bundle;
  }
  return NULL;
}

/* --- what is deleted first --- */

static bool is_of(const struct inventory_bundle *bundle, const char *instance) {
  return strcmp(bundle->instance, instance) == 0;
}

/* Is there a newer bundle of its kind and instance? */
static bool is_succeeded(const struct inventory *inventory, size_t at,
                         const struct inventory_newcomer *newcomer) {
  const struct inventory_bundle *bundle = &inventory->bundles[at];
  if (is_of(bundle, newcomer->instance) && bundle->is_baseline == newcomer->is_baseline)
    return true;
  for (size_t i = at + 1; i < inventory->len; i++)
    if (inventory->bundles[i].is_baseline == bundle->is_baseline &&
        is_of(&inventory->bundles[i], bundle->instance))
      return true;
  return false;
}

static const struct inventory_bundle *
oldest_succeeded(const struct inventory *inventory, const struct inventory_newcomer *newcomer,
                 const char *instance) {
  for (size_t i = 0; i < inventory->len; i++) {
    if ((instance == NULL || is_of(&inventory->bundles[i], instance)) &&
        is_succeeded(inventory, i, newcomer))
      return &inventory->bundles[i];
  }
  return NULL;
}

static bool instance_is_full(const struct inventory *inventory,
                             const struct inventory_limits *limits,
                             const struct inventory_newcomer *newcomer) {
  uint64_t bytes = newcomer->bytes, bundles = 1;
  for (size_t i = 0; i < inventory->len; i++) {
    if (is_of(&inventory->bundles[i], newcomer->instance)) {
      bytes += inventory->bundles[i].bytes;
      bundles++;
    }
  }
  return bytes > limits->process_max_bytes || bundles > limits->process_max_bundles;
}

const struct inventory_bundle *
inventory_next_victim(const struct inventory *inventory, const struct inventory_limits *limits,
                      const struct inventory_newcomer *newcomer,
                      bool (*is_alive)(void *, const struct identity *), void *context,
                      bool *ret_fits) {
  const struct inventory_bundle *victim;
  *ret_fits = true;
  if (instance_is_full(inventory, limits, newcomer)) {
    victim = oldest_succeeded(inventory, newcomer, newcomer->instance);
    if (victim != NULL)
      return victim;
  }
  if (inventory->bytes + newcomer->bytes <= limits->total_max_bytes &&
      inventory->len < INVENTORY_MAX)
    return NULL;
  victim = oldest_succeeded(inventory, newcomer, NULL);
  if (victim != NULL)
    return victim;
  for (size_t i = 0; i < inventory->len; i++)
    if (!is_alive(context, &inventory->bundles[i].identity))
      return &inventory->bundles[i];
  *ret_fits = false;
  return NULL;
}

/* --- deleting --- */

static bool has_instance(const struct inventory *inventory, const char *instance) {
  for (size_t i = 0; i < inventory->len; i++)
    if (is_of(&inventory->bundles[i], instance))
      return true;
  return false;
}

int inventory_remove(struct inventory *inventory, int folder,
                     const struct inventory_bundle *bundle) {
  struct inventory_bundle removed = *bundle;
  char hidden[sizeof(DIRECTORY_TEMPORARY) + CAPTURE_BUNDLE_NAME_MAX];
  size_t at = (size_t)(bundle - inventory->bundles);
  memmove(&inventory->bundles[at], &inventory->bundles[at + 1],
          (inventory->len - at - 1) * sizeof(*inventory->bundles));
  inventory->len--;
  inventory->bytes -= removed.bytes;

  autoclose(instance, -1);
  int status = directory_open(folder, removed.instance, false, &instance);
  if (status != 0)
    return status == -ENOENT ? 0 : status;
  snprintf(hidden, sizeof(hidden), DIRECTORY_TEMPORARY "%s", removed.name);
  if (renameat(instance, removed.name, instance, hidden) != 0)
    return errno == ENOENT ? 0 : -errno;
  status = directory_remove(instance, hidden);
  if (!has_instance(inventory, removed.instance)) {
    unlinkat(instance, CAPTURE_SUMMARY_FILE, 0);
    unlinkat(folder, removed.instance, AT_REMOVEDIR); /* fails if there are other files */
  }
  return status;
}
