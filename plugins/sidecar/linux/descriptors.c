/*
 * One pass over /proc/PID/fd; see descriptors.h. The target of each link tells the class,
 * or is a path, and what a path is was mostly found out in an earlier reading (path_table).
 * What costs more than a readlink is asked only of inotify descriptors, of paths never
 * seen, of a slice of the others, and of files that somebody has locked.
 */
#include "sidecar/os/descriptors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/linux/descriptor_pass.h"
#include "sidecar/linux/procfs.h"

static uint32_t find_database_patterns(const struct pattern *patterns, size_t len) {
  uint32_t found = 0;
  for (size_t i = 0; i < len; i++)
    if (strcmp(patterns[i].name, DESCRIPTORS_DATABASE_PATTERN) == 0)
      found |= UINT32_C(1) << i;
  return found;
}

int descriptors_new(const struct pattern *patterns, size_t patterns_len,
                    struct descriptors **ret) {
  if (patterns_len > PATTERNS_MAX)
    return -EINVAL;
  struct descriptors *descriptors = calloc(1, sizeof(*descriptors));
  if (descriptors == NULL)
    return -ENOMEM;
  descriptors->patterns = patterns;
  descriptors->patterns_len = patterns_len;
  descriptors->database_patterns = find_database_patterns(patterns, patterns_len);
  path_table_init(&descriptors->paths);
  descriptors->max = DESCRIPTORS_MAX;
  *ret = descriptors;
  return 0;
}

void descriptors_free(struct descriptors *descriptors) {
  if (descriptors == NULL)
    return;
  path_table_clear(&descriptors->paths);
  free(descriptors);
}

/* --- what has no name --- */

static void count_socket(struct descriptor_pass *pass, uint64_t inode) {
  for (size_t i = 0; i < pass->socket_inodes_len; i++)
    if (pass->socket_inodes[i] == inode)
      pass->owned |= UINT64_C(1) << i;
}

static void count_watches(struct descriptor_pass *pass, const char *name) {
  struct descriptors_reading *reading = pass->reading;
  struct fdinfo fdinfo;
  int status = open_file_read_info(&pass->files, name, &fdinfo, NULL, NULL);
  if (status == -ENOENT || reading->inotify_watches == VALUE_UNKNOWN)
    return;
  if (status == 0)
    reading->inotify_watches += fdinfo.inotify_watches;
  else
    reading->inotify_watches = VALUE_UNKNOWN;
}

static enum descriptor_class count_nameless(struct descriptor_pass *pass,
                                            const struct open_descriptor *descriptor) {
  enum descriptor_class class = open_file_class_without_path(descriptor->parsed.kind);
  if (class == DESCRIPTOR_SOCKET)
    count_socket(pass, descriptor->parsed.inode);
  if (class == DESCRIPTOR_INOTIFY)
    count_watches(pass, descriptor->name);
  return class;
}

/* --- the pass --- */

/* The kernel cannot name a path longer than a page. What is needed instead of it is
 * something that is the same for the same file and that no path can be. */
enum { UNNAMED_SIZE = 1 + sizeof(uint64_t) + sizeof(uint32_t) };

static int identify_unnamed(struct descriptor_pass *pass, struct open_descriptor *descriptor,
                            char *key) {
  struct open_file file;
  descriptor->parsed = (struct fd_link){.kind = FD_LINK_PATH, .says_deleted = true};
  int status = open_file_examine(&pass->files, descriptor->name, span_make("", 0),
                                 &descriptor->parsed, &file);
  if (status != 0)
    return status;
  key[0] = '\0';
  memcpy(key + 1, &file.inode, sizeof(file.inode));
  memcpy(key + 1 + sizeof(file.inode), &file.device, sizeof(file.device));
  descriptor->target = span_make(key, UNNAMED_SIZE);
  return 0;
}

static int count_descriptor(struct descriptor_pass *pass, const char *name, int fd) {
  char target[PATH_MAX];
  size_t len;
  struct open_descriptor descriptor = {.name = name, .fd = fd};
  enum descriptor_class class;

  int status = procfs_read_link(pass->files.links, name, target, sizeof(target), &len);
  if (status == 0) {
    descriptor.target = span_make(target, len);
    descriptor.parsed = fd_link_parse(descriptor.target);
  } else if (status == -ENAMETOOLONG) {
    status = identify_unnamed(pass, &descriptor, target);
  }
  if (status != 0)
    return status;

  if (descriptor.parsed.kind != FD_LINK_PATH)
    class = count_nameless(pass, &descriptor);
  else
    status = descriptor_pass_count_path(pass, &descriptor, &class);
  if (status != 0)
    return status;
  pass->reading->by_class[class]++;
  pass->reading->total++;
  return 0;
}

static bool parse_descriptor(const char *name, int *ret) {
  uint64_t number;
  if (scan_whole_u64(span_of(name), 0, INT_MAX, &number) != 0)
    return false;
  *ret = (int)number;
  return true;
}

static int count_descriptors(struct descriptor_pass *pass, char *buffer) {
  struct procfs_entries entries;
  const struct dirent64 *entry;
  int fd;

  int status = procfs_entries_start(&entries, pass->files.links, buffer);
  while (status == 0 && (status = procfs_entries_next(&entries, &entry)) > 0) {
    status = 0;
    if (!parse_descriptor(entry->d_name, &fd))
      continue;
    if (pass->reading->total == pass->descriptors->max)
      return -E2BIG;
    status = count_descriptor(pass, entry->d_name, fd);
    if (status == -ENOENT) /* closed meanwhile */
      status = 0;
  }
  return status;
}

/* The path of a descriptor again, provided that it is still that file. */
static void read_path_again(struct descriptor_pass *pass, int fd, uint64_t inode, char *path) {
  const struct path_table *paths = &pass->descriptors->paths;
  char name[16], target[PATH_MAX];
  size_t len;
  snprintf(name, sizeof(name), "%d", fd);
  if (procfs_read_link(pass->files.links, name, target, sizeof(target), &len) != 0)
    return;
  const struct path_entry *entry =
      path_table_find(paths, path_hash(&paths->key, span_make(target, len)));
  if (entry != NULL && entry->inode == inode)
    memcpy(path, target, len + 1);
}

static void sum_up(struct descriptor_pass *pass) {
  struct descriptors_reading *reading = pass->reading;
  reading->duplicate = reading->by_class[DESCRIPTOR_REGULAR] - pass->regular_paths;

  struct lock_sum sum = lock_match_sum(&pass->locks);
  reading->locks_held = sum.held;
  reading->locks_foreign = sum.foreign;
  reading->locks_contended =
      pass->descriptors->database_patterns != 0 ? sum.contended : VALUE_UNKNOWN;
  reading->foreign_lock_pid = sum.foreign_pid;
  if (sum.foreign_fd >= 0)
    read_path_again(pass, sum.foreign_fd, sum.foreign_inode, reading->foreign_lock_path);
}

int descriptors_read(struct descriptors *descriptors, struct process *process,
                     const struct lock_table *locks, const uint64_t *socket_inodes,
                     size_t socket_inodes_len, bool *ret_owned,
                     struct descriptors_reading *ret) {
  if (socket_inodes == NULL)
    socket_inodes_len = 0;
  if (socket_inodes_len > DESCRIPTORS_SOCKETS_MAX)
    return -EINVAL;

  struct descriptors_reading reading = {0};
  struct descriptor_pass pass = {
      .descriptors = descriptors,
      .socket_inodes = socket_inodes,
      .socket_inodes_len = socket_inodes_len,
      .checks_left = DESCRIPTORS_RECHECK_MAX,
      .lock_info_left = DESCRIPTORS_LOCK_INFO_MAX,
      .reading = &reading,
  };
  int status = open_files_open(&pass.files, process);
  if (status != 0)
    return status;
  lock_match_init(&pass.locks, locks, process_pid(process), pass.files.process);

  path_table_begin(&descriptors->paths);
  status = process_explain_error(
      process, count_descriptors(&pass, process_host(process)->entries));
  if (status == 0) {
    sum_up(&pass);
    path_table_end(&descriptors->paths);
    for (size_t i = 0; i < socket_inodes_len; i++)
      ret_owned[i] = pass.owned >> i & 1;
    *ret = reading;
  } else {
    path_table_clear(&descriptors->paths);
  }
  lock_match_free(&pass.locks);
  open_files_close(&pass.files);
  return status;
}
