/* The bundles on the disk; see shelf.h. */
#include "sidecar/capture/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "sidecar/capture/bundle.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/request.h"

/* --- looking --- */

struct scan {
  struct shelf *shelf;
  bool (*is_canceled)(void *);
  void *context;
  int folder;           /* the one that is walked */
  const char *instance; /* its name */
  uint64_t bytes;       /* of a bundle */
};

static int add_size(void *context, const char *name) {
  struct scan *scan = context;
  struct stat st;
  if (fstatat(scan->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
    return 0;
  uint64_t size = (uint64_t)st.st_size, on_disk = (uint64_t)st.st_blocks * 512;
  scan->bytes += on_disk > size ? on_disk : size;
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
static struct shelf_bundle *shelf_append(struct shelf *shelf) {
  if (shelf->len == shelf->capacity) {
    size_t capacity = shelf->capacity > 0 ? shelf->capacity * 2 : 16;
    struct shelf_bundle *bundles = reallocarray(shelf->bundles, capacity, sizeof(*bundles));
    if (bundles == NULL)
      return NULL;
    shelf->bundles = bundles;
    shelf->capacity = capacity;
  }
  return &shelf->bundles[shelf->len++];
}

static int scan_bundle(void *context, const char *name) {
  const struct scan *instance = context;
  struct shelf *shelf = instance->shelf;
  char reason[CAPTURE_REASON_MAX + 1];
  pid_t pid;
  if (instance->is_canceled(instance->context))
    return -ECANCELED;
  autoclose(fd, -1);
  if (shelf->len == SHELF_MAX || !capture_name_parse_bundle(name, &pid, reason) ||
      directory_open(instance->folder, name, false, &fd) != 0)
    return 0;

  struct scan inside = {.folder = fd};
  directory_walk(fd, add_size, &inside);
  struct shelf_bundle *bundle = shelf_append(shelf);
  if (bundle == NULL)
    return -ENOMEM;
  *bundle = (struct shelf_bundle){.is_baseline = strcmp(reason, CAPTURE_BASELINE) == 0,
                                  .bytes = inside.bytes};
  snprintf(bundle->instance, sizeof(bundle->instance), "%s", instance->instance);
  snprintf(bundle->name, sizeof(bundle->name), "%s", name);
  read_identity(fd, &bundle->identity);
  shelf->bytes += bundle->bytes;
  return 0;
}

static int scan_instance(void *context, const char *name) {
  const struct scan *all = context;
  autoclose(fd, -1);
  if (name[0] == '.' || strlen(name) >= CAPTURE_FILE_NAME_MAX ||
      directory_open(all->folder, name, false, &fd) != 0)
    return 0;
  directory_sweep(fd);
  struct scan instance = *all;
  instance.folder = fd;
  instance.instance = name;
  int status = directory_walk(fd, scan_bundle, &instance);
  return status == -ENOMEM || status == -ECANCELED ? status : 0;
}

static int by_time(const void *a, const void *b) {
  const struct shelf_bundle *left = a, *right = b;
  int order = strcmp(left->name, right->name);
  return order != 0 ? order : strcmp(left->instance, right->instance);
}

int shelf_scan(int folder, bool (*is_canceled)(void *), void *context, struct shelf *ret) {
  *ret = (struct shelf){0};
  struct scan all = {
      .shelf = ret, .is_canceled = is_canceled, .context = context, .folder = folder};
  int status = directory_walk(folder, scan_instance, &all);
  if (ret->len > 0)
    qsort(ret->bundles, ret->len, sizeof(*ret->bundles), by_time);
  return status;
}

void shelf_free(struct shelf *shelf) {
  free(shelf->bundles);
  *shelf = (struct shelf){0};
}

const struct shelf_bundle *shelf_find_baseline(const struct shelf *shelf,
                                               const struct identity *identity) {
  for (size_t i = shelf->len; i-- > 0;) {
    const struct shelf_bundle *bundle = &shelf->bundles[i];
    if (bundle->is_baseline && identity_equals(&bundle->identity, identity))
      return bundle;
  }
  return NULL;
}

/* --- deleting --- */

static bool has_instance(const struct shelf *shelf, const char *instance) {
  for (size_t i = 0; i < shelf->len; i++)
    if (strcmp(shelf->bundles[i].instance, instance) == 0)
      return true;
  return false;
}

int shelf_remove(struct shelf *shelf, int folder, const struct shelf_bundle *bundle) {
  struct shelf_bundle removed = *bundle;
  char hidden[sizeof(DIRECTORY_TEMPORARY) + CAPTURE_BUNDLE_NAME_MAX];
  size_t at = (size_t)(bundle - shelf->bundles);
  memmove(&shelf->bundles[at], &shelf->bundles[at + 1],
          (shelf->len - at - 1) * sizeof(*shelf->bundles));
  shelf->len--;
  shelf->bytes -= removed.bytes;

  autoclose(instance, -1);
  int status = directory_open(folder, removed.instance, false, &instance);
  if (status != 0)
    return status == -ENOENT ? 0 : status;
  snprintf(hidden, sizeof(hidden), DIRECTORY_TEMPORARY "%s", removed.name);
  if (renameat(instance, removed.name, instance, hidden) != 0)
    return errno == ENOENT ? 0 : -errno;
  status = directory_remove(instance, hidden);
  if (!has_instance(shelf, removed.instance)) {
    unlinkat(instance, CAPTURE_SUMMARY_FILE, 0);
    unlinkat(folder, removed.instance, AT_REMOVEDIR); /* not if somebody has put a file there */
  }
  return status;
}
