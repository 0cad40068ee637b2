/* A bundle while it is written; see bundle.h. */
#include "sidecar/capture/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

enum { NOT_TAKEN_MAX = 16 * 1024 };

int bundle_begin(struct bundle *bundle, int instance, const char *name) {
  *bundle = (struct bundle){.instance = instance, .folder = -1};
  buffer_init(&bundle->not_taken, NOT_TAKEN_MAX);
  snprintf(bundle->name, sizeof(bundle->name), "%s", name);
  snprintf(bundle->hidden, sizeof(bundle->hidden), DIRECTORY_TEMPORARY "%s", name);
  struct stat st;
  if (fstatat(instance, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
    return -EEXIST;
  return directory_open(instance, bundle->hidden, true, &bundle->folder);
}

int bundle_create_file(struct bundle *bundle, const char *name) {
  return directory_create_file(bundle->folder, name);
}

int bundle_close_file(struct bundle *bundle, int fd) {
  struct stat st;
  int status = directory_sync(fd);
  if (status == 0 && fstat(fd, &st) != 0)
    status = -errno;
  if (status == 0) {
    bundle->bytes += directory_file_bytes(&st);
  }
  if (close(fd) != 0 && status == 0 && errno != EINTR)
    status = -errno;
  return status;
}

void bundle_drop_file(struct bundle *bundle, int fd, const char *name) {
  close(fd);
  unlinkat(bundle->folder, name, 0);
}

int bundle_write_file(struct bundle *bundle, const char *name, struct span text) {
  int fd = bundle_create_file(bundle, name);
  if (fd < 0)
    return fd;
  int status = file_write_all(fd, text);
  if (status != 0) {
    bundle_drop_file(bundle, fd, name);
    return status;
  }
  return bundle_close_file(bundle, fd);
}

void bundle_note(struct bundle *bundle, const char *name, const char *why) {
  buffer_printf(&bundle->not_taken, "  %s: %s\n", name, why);
}

int bundle_commit(struct bundle *bundle) {
  int status = directory_sync(bundle->folder);
  if (status == 0 &&
      renameat(bundle->instance, bundle->hidden, bundle->instance, bundle->name) != 0)
    status = -errno;
  if (status != 0) {
    bundle_abort(bundle);
    return status;
  }
  close(bundle->folder);
  bundle->folder = -1;
  buffer_free(&bundle->not_taken);
  /* it is there; at worst a loss of power brings the hidden name back */
  directory_sync(bundle->instance);
  return 0;
}

void bundle_abort(struct bundle *bundle) {
  buffer_free(&bundle->not_taken);
  if (bundle->folder < 0)
    return;
  close(bundle->folder);
  bundle->folder = -1;
  directory_remove(bundle->instance, bundle->hidden);
}

int bundle_replace_summary(int instance, struct span text) {
  static const char hidden[] = DIRECTORY_TEMPORARY CAPTURE_SUMMARY_FILE;
  if (unlinkat(instance, hidden, 0) != 0 && errno != ENOENT)
    return -errno;
  int fd = directory_create_file(instance, hidden);
  if (fd < 0)
    return fd;
  int status = file_write_all(fd, text);
  if (status == 0)
    status = directory_sync(fd);
  close(fd);
  if (status == 0 && renameat(instance, hidden, instance, CAPTURE_SUMMARY_FILE) != 0)
    status = -errno;
  if (status != 0)
    unlinkat(instance, hidden, 0);
  return status;
}
