/*
 * Descriptors that have a path; see descriptor_pass.h. What a path is was mostly found out
 * in an earlier reading: only new ones, and some of the others in turn, are looked at.
 */
#include <errno.h>

#include "sidecar/linux/descriptor_pass.h"

static uint32_t match_patterns(const struct descriptors *descriptors, const char *path) {
  uint32_t matching = 0;
  for (size_t i = 0; i < descriptors->patterns_len; i++)
    if (regexec(&descriptors->patterns[i].regex, path, 0, NULL, 0) == 0)
      matching |= UINT32_C(1) << i;
  return matching;
}

static void remember(struct path_entry *entry, const struct open_file *file) {
  entry->class = (uint8_t)file->class;
  entry->is_deleted = file->is_deleted;
  entry->inode = file->inode;
  entry->device = file->device;
  entry->mount = file->mount;
}

/* The entry of a path, examined if it is new or its turn has come. Returns -ENOENT when the
 * descriptor was closed meanwhile. */
static int find_entry(struct descriptor_pass *pass, const struct open_descriptor *descriptor,
                      struct path_entry **ret) {
  struct path_table *paths = &pass->descriptors->paths;
  uint64_t hash = path_hash(&paths->key, descriptor->target);
  struct path_entry *entry = path_table_find(paths, hash);
  bool is_new = entry == NULL;

  if (is_new || (pass->checks_left > 0 && path_table_is_due(paths, entry))) {
    struct open_file file;
    pass->checks_left -= !is_new;
    int status = open_file_examine(&pass->files, descriptor->name, descriptor->target,
                                   &descriptor->parsed, &file);
    if (status != 0)
      return status;
    if (is_new) {
      entry = path_table_add(paths, hash);
      if (entry == NULL)
        return -ENOMEM;
      entry->patterns = match_patterns(pass->descriptors, descriptor->target.at);
    }
    remember(entry, &file);
    path_table_mark_checked(paths, entry);
  }
  *ret = entry;
  return 0;
}

static void count_own_lock(void *context, const struct proc_lock *lock) {
  struct descriptor_pass *pass = context;
  if (pass->lock_info_left > 0)
    pass->lock_info_left--;
  lock_match_own(&pass->locks, lock);
}

static int count_locks(struct descriptor_pass *pass, const struct open_descriptor *descriptor,
                       struct path_entry *entry, bool first) {
  if (first) {
    struct open_file_id id = {entry->inode, entry->device, entry->mount};
    bool ask;
    bool is_database = entry->patterns & pass->descriptors->database_patterns;
    int status = lock_match_file(&pass->locks, &id, descriptor->fd, is_database, &ask);
    if (status != 0)
      return status;
    entry->has_shared_lock = ask;
  }
  if (entry->has_shared_lock && pass->lock_info_left > 0) {
    struct fdinfo fdinfo;
    pass->lock_info_left--;
    /* on an error the list's word stands */
    open_file_read_info(&pass->files, descriptor->name, &fdinfo, count_own_lock, pass);
  }
  return 0;
}

static void count_regular(struct descriptor_pass *pass,
                          const struct open_descriptor *descriptor,
                          const struct path_entry *entry, bool first) {
  struct descriptors_reading *reading = pass->reading;
  pass->regular_paths += first;
  if (entry->opens < reading->same_file_max)
    return;
  bool tie = entry->opens == reading->same_file_max;
  if (tie && entry->lowest_fd > pass->most_opened_fd)
    return;

  if (entry->hash != pass->most_opened_hash || reading->same_file_max == 0)
    memcpy(reading->same_file_path, descriptor->target.at, descriptor->target.len + 1);
  reading->same_file_max = entry->opens;
  pass->most_opened_hash = entry->hash;
  pass->most_opened_fd = entry->lowest_fd;
}

int descriptor_pass_count_path(struct descriptor_pass *pass,
                               const struct open_descriptor *descriptor,
                               enum descriptor_class *ret_class) {
  struct path_entry *entry;
  int status = find_entry(pass, descriptor, &entry);
  if (status != 0)
    return status;

  bool first = path_table_see(&pass->descriptors->paths, entry);
  if (first || descriptor->fd < entry->lowest_fd)
    entry->lowest_fd = descriptor->fd;
  entry->opens++;
  status = count_locks(pass, descriptor, entry, first);
  if (status != 0)
    return status;

  pass->reading->deleted += entry->is_deleted;
  for (uint32_t bits = entry->patterns; bits != 0; bits &= bits - 1)
    pass->reading->matching[__builtin_ctz(bits)]++;
  if (entry->class == DESCRIPTOR_REGULAR)
    count_regular(pass, descriptor, entry, first);
  *ret_class = (enum descriptor_class)entry->class;
  return 0;
}
