/*
 * A pass over /proc/PID/fd that counts, and one that lists; see os/descriptors.h. The target of
 * each link shows the class, or is a path, and most paths were examined in an earlier reading
 * (path_table). Anything more expensive than a readlink is done only for inotify descriptors,
 * for new paths, for some of the others in turn, and for locked files.
 */
#include "sidecar/linux/descriptors.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/linux/key_sketch.h"
#include "sidecar/linux/locks.h"
#include "sidecar/linux/open_files.h"
#include "sidecar/linux/process.h"
#include "sidecar/linux/procfs.h"

enum {
  INSTANCES_MAX = 1024,
  ALWAYS_COUNTED = 512,     /* descriptors, in each call; also after the deadline */
  WATCHES_A_DESCRIPTOR = 16 /* cost as much as one without */
};

/* The path in reading->same_file_path, same_database_path or same_device_path. */
struct most_opened {
  uint64_t hash;
  int fd; /* the lowest that has it open */
};

/* One counting pass; over several calls if the deadlines are too short for one. */
struct descriptor_pass {
  struct descriptors *descriptors;
  struct host *host; /* of this call */
  struct open_files files;
  struct lock_match locks;
  off_t position; /* of the last entry that was counted */
  uint64_t work;  /* done in this call, in descriptors */
  uint64_t socket_inodes[DESCRIPTORS_SOCKETS_MAX];
  size_t socket_inodes_len;
  uint64_t owned; /* bit i: socket_inodes[i] is open */
  size_t checks_left;
  size_t lock_info_left;
  int instances[INSTANCES_MAX]; /* a descriptor of each inotify instance, in the order of
                                   open_files_compare() */
  size_t instances_len;
  uint64_t regular_paths;
  struct most_opened same_file, same_database, same_device;
  struct key_sketch directories;
  struct key_count directory, deleted_directory; /* those with most so far */
  struct descriptors_reading reading;
};

/* One descriptor of the pass. */
struct open_descriptor {
  const char *name; /* of the link: the descriptor's number */
  int fd;
  struct span target;
  struct fd_link parsed;
};

int descriptors_new(const struct pattern *patterns, size_t patterns_len,
                    uint32_t database_patterns, struct descriptors **ret) {
  if (patterns_len > PATTERNS_MAX)
    return -EINVAL;
  struct descriptors *descriptors = calloc(1, sizeof(*descriptors));
  if (descriptors == NULL)
    return -ENOMEM;
  descriptors->patterns = patterns;
  descriptors->patterns_len = patterns_len;
  descriptors->database_patterns = database_patterns;
  path_table_init(&descriptors->paths);
  descriptors->max = DESCRIPTORS_MAX;
  *ret = descriptors;
  return 0;
}

void descriptors_free(struct descriptors *descriptors) {
  if (descriptors == NULL)
    return;
  path_table_clear(&descriptors->paths);
  free(descriptors->pass);
  free(descriptors);
}

bool descriptors_in_progress(const struct descriptors *descriptors) {
  return descriptors->pass != NULL;
}

/* ---- descriptors without a path ---- */

static void count_socket(struct descriptor_pass *pass, uint64_t inode) {
  for (size_t i = 0; i < pass->socket_inodes_len; i++)
    if (pass->socket_inodes[i] == inode)
      pass->owned |= UINT64_C(1) << i;
}

/* Is it a duplicate of one that was counted? Otherwise remembers it. Of more instances than
 * INSTANCES_MAX, and where comparing is not allowed, duplicates are not recognised. */
static bool is_counted_instance(struct descriptor_pass *pass, int fd) {
  size_t low = 0, high = pass->instances_len;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order;
    if (open_files_compare(&pass->files, fd, pass->instances[middle], &order) != 0)
      return false;
    if (order == 0)
      return true;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  if (pass->instances_len == INSTANCES_MAX)
    return false;
  memmove(&pass->instances[low + 1], &pass->instances[low],
          (pass->instances_len - low) * sizeof(*pass->instances));
  pass->instances[low] = fd;
  pass->instances_len++;
  return false;
}

static void count_watches(struct descriptor_pass *pass,
                          const struct open_descriptor *descriptor) {
  struct descriptors_reading *reading = &pass->reading;
  if (is_counted_instance(pass, descriptor->fd))
    return;
  struct fdinfo fdinfo;
  int status = open_file_read_info(&pass->files, descriptor->name, &fdinfo, NULL, NULL);
  if (status == -ENOENT || reading->inotify_watches == VALUE_UNKNOWN)
    return;
  if (status != 0) {
    reading->inotify_watches = VALUE_UNKNOWN;
    return;
  }
  reading->inotify_watches += fdinfo.inotify_watches;
  pass->work += fdinfo.inotify_watches / WATCHES_A_DESCRIPTOR;
}

static enum descriptor_class count_without_path(struct descriptor_pass *pass,
                                                const struct open_descriptor *descriptor) {
  enum descriptor_class class = open_file_class_without_path(descriptor->parsed.kind);
  if (class == DESCRIPTOR_SOCKET)
    count_socket(pass, descriptor->parsed.inode);
  if (class == DESCRIPTOR_INOTIFY)
    count_watches(pass, descriptor);
  return class;
}

/* ---- descriptors with a path ---- */

static uint32_t match_patterns(const struct descriptors *descriptors, const char *path) {
  uint32_t matching = 0;
  for (size_t i = 0; i < descriptors->patterns_len; i++)
    if (regexec(&descriptors->patterns[i].regex, path, 0, NULL, 0) == 0)
      matching |= UINT32_C(1) << i;
  return matching;
}

/* Does SQLite have it open along with a database? */
static bool is_journal(struct span path) {
  static const char deleted[] = " (deleted)";
  if (span_ends_with(path, deleted))
    path.len -= strlen(deleted);
  return span_ends_with(path, "-wal") || span_ends_with(path, "-shm") ||
         span_ends_with(path, "-journal");
}

static void remember(struct path_entry *entry, const struct open_file *file) {
  entry->class = (uint8_t)file->class;
  entry->is_deleted = file->is_deleted;
  entry->inode = file->inode;
  entry->device = file->device;
  entry->mount = file->mount;
}

/* The entry of a path, examined if it is new or due. Returns -ENOENT when the descriptor has
 * been closed since. */
static int find_entry(struct descriptor_pass *pass, const struct open_descriptor *descriptor,
                      struct path_entry **ret) {
  struct path_table *paths = &pass->descriptors->paths;
  uint64_t hash = siphash(&paths->key, descriptor->target);
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
      entry->is_database = entry->patterns & pass->descriptors->database_patterns &&
                           !is_journal(descriptor->target);
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

/* SQLite keeps the locks of WAL mode on a file of their own. */
static enum lock_file_kind lock_file_kind(const struct descriptor_pass *pass,
                                          const struct open_descriptor *descriptor,
                                          const struct path_entry *entry) {
  struct span path = descriptor->target;
  if ((entry->patterns & pass->descriptors->database_patterns) == 0)
    return LOCK_FILE_PLAIN;
  if (span_ends_with(path, " (deleted)"))
    path.len -= strlen(" (deleted)");
  return span_ends_with(path, "-shm") ? LOCK_FILE_DATABASE_SHM : LOCK_FILE_DATABASE;
}

static int count_locks(struct descriptor_pass *pass, const struct open_descriptor *descriptor,
                       struct path_entry *entry, bool first) {
  if (first) {
    struct open_file_id id = {entry->inode, entry->device, entry->mount};
    bool need_info;
    int status = lock_match_file(&pass->locks, &id, descriptor->fd,
                                 lock_file_kind(pass, descriptor, entry), &need_info);
    if (status != 0)
      return status;
    entry->has_shared_lock = need_info;
  }
  if (entry->has_shared_lock && pass->lock_info_left > 0) {
    struct fdinfo fdinfo;
    pass->lock_info_left--;
    /* on an error the owner is the pid in the list */
    open_file_read_info(&pass->files, descriptor->name, &fdinfo, count_own_lock, pass);
  }
  return 0;
}

/* max: opens of the path that is open most often so far; path: its name. */
static void count_opens(const struct open_descriptor *descriptor,
                        const struct path_entry *entry, struct most_opened *most, uint64_t *max,
                        char *path) {
  if (entry->opens < *max || (entry->opens == *max && entry->lowest_fd > most->fd))
    return;
  if (entry->hash != most->hash || *max == 0)
    memcpy(path, descriptor->target.at, descriptor->target.len + 1);
  *max = entry->opens;
  *most = (struct most_opened){entry->hash, entry->lowest_fd};
}

/* The directory that a path is in; empty for a path that is in none. */
static struct span parent_of(const struct open_descriptor *descriptor) {
  struct span path = descriptor->target;
  const char *slash = path.len > 0 && path.at[0] == '/' && !descriptor->parsed.is_memfd
                          ? memrchr(path.at, '/', path.len)
                          : NULL;
  if (slash == NULL)
    return span_make(path.at, 0);
  return span_make(path.at, slash == path.at ? 1 : (size_t)(slash - path.at));
}

/* Is it the directory with most now? Then *most is its count, and path a copy of text unless
 * it was the one before. */
static bool is_fullest(const struct key_count *count, struct key_count *most, struct span text,
                       char *path) {
  if (count->count <= most->count)
    return false;
  if (count->key != most->key || most->count == 0) {
    memcpy(path, text.at, text.len);
    path[text.len] = '\0';
  }
  *most = *count;
  return true;
}

/* Directories are counted for each class by itself, and for what was unlinked. */
static void count_in_directory(struct descriptor_pass *pass,
                               const struct open_descriptor *descriptor,
                               const struct path_entry *entry, bool first) {
  struct descriptors_reading *reading = &pass->reading;
  if (!first && !entry->is_deleted)
    return;
  struct span directory = parent_of(descriptor);
  if (directory.len == 0)
    return;
  uint64_t kind = entry->is_deleted ? DESCRIPTOR_CLASSES : entry->class;
  uint64_t key = siphash(&pass->descriptors->paths.key, directory) ^ kind << 32;
  const struct key_count *count = key_sketch_add(&pass->directories, key);
  if (entry->is_deleted) {
    is_fullest(count, &pass->deleted_directory, descriptor->target, reading->deleted_path);
  } else if (is_fullest(count, &pass->directory, directory, reading->directory_path)) {
    reading->directory_paths_max = count->count;
    reading->directory_class = (enum descriptor_class)entry->class;
  }
}

static void count_regular(struct descriptor_pass *pass,
                          const struct open_descriptor *descriptor,
                          const struct path_entry *entry, bool first) {
  struct descriptors_reading *reading = &pass->reading;
  pass->regular_paths += first;
  count_opens(descriptor, entry, &pass->same_file, &reading->same_file_max,
              reading->same_file_path);
  if (entry->is_database)
    count_opens(descriptor, entry, &pass->same_database, &reading->same_database_max,
                reading->same_database_path);
}

/* Counts a descriptor whose target is a path, except its class and the total. Returns 0;
 * -ENOENT when it has been closed since; -ENOMEM. */
static int count_path(struct descriptor_pass *pass, const struct open_descriptor *descriptor,
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

  pass->reading.deleted += entry->is_deleted;
  for (uint32_t bits = entry->patterns; bits != 0; bits &= bits - 1)
    pass->reading.matching[__builtin_ctz(bits)]++;
  count_in_directory(pass, descriptor, entry, first);
  if (entry->class == DESCRIPTOR_REGULAR)
    count_regular(pass, descriptor, entry, first);
  if (entry->class == DESCRIPTOR_DEVICE)
    count_opens(descriptor, entry, &pass->same_device, &pass->reading.same_device_max,
                pass->reading.same_device_path);
  *ret_class = (enum descriptor_class)entry->class;
  return 0;
}

/* ---- the counting pass ---- */

/* The kernel cannot show a path longer than a page. It is replaced by a key that is the same
 * for the same file and cannot be a path. */
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
    class = count_without_path(pass, &descriptor);
  else
    status = count_path(pass, &descriptor, &class);
  if (status != 0)
    return status;
  pass->reading.by_class[class]++;
  pass->reading.total++;
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

  int status = procfs_entries_start(&entries, pass->files.links, pass->position, buffer);
  while (status == 0 && (status = procfs_entries_next(&entries, &entry)) > 0) {
    status = 0;
    if (!parse_descriptor(entry->d_name, &fd))
      continue;
    if (pass->reading.total == pass->descriptors->max)
      return -E2BIG;
    status = count_descriptor(pass, entry->d_name, fd);
    if (status == -ENOENT) /* closed since */
      status = 0;
    pass->position = entry->d_off;
    pass->work++;
    /* positions in a captured copy are not certain to be the same when it is opened again */
    if (status == 0 && !pass->files.is_captured && pass->work >= ALWAYS_COUNTED &&
        host_is_late(pass->host))
      status = -EINPROGRESS;
  }
  return status;
}

/* Reads the path of a descriptor again, provided that it is still the same file. */
static void read_path_again(struct descriptor_pass *pass, int fd, uint64_t inode, char *path) {
  const struct path_table *paths = &pass->descriptors->paths;
  char name[16], target[PATH_MAX];
  size_t len;
  snprintf(name, sizeof(name), "%d", fd);
  if (procfs_read_link(pass->files.links, name, target, sizeof(target), &len) != 0)
    return;
  const struct path_entry *entry =
      path_table_find(paths, siphash(&paths->key, span_make(target, len)));
  if (entry != NULL && entry->inode == inode)
    memcpy(path, target, len + 1);
}

static void sum_up(struct descriptor_pass *pass) {
  struct descriptors_reading *reading = &pass->reading;
  reading->duplicate = reading->by_class[DESCRIPTOR_REGULAR] - pass->regular_paths;
  reading->directory_paths_are_exact =
      key_sketch_is_exact(&pass->directories, pass->directory.key);

  struct lock_sum sum = lock_match_sum(&pass->locks);
  reading->locks_held = sum.held;
  reading->locks_foreign = sum.foreign;
  if (pass->descriptors->database_patterns == 0)
    reading->same_database_max = VALUE_UNKNOWN;
  reading->locks_contended =
      pass->descriptors->database_patterns != 0 ? sum.contended : VALUE_UNKNOWN;
  reading->foreign_lock_pid = sum.foreign_pid;
  reading->foreign_lock_kind = sum.foreign_kind;
  if (sum.foreign_fd >= 0)
    read_path_again(pass, sum.foreign_fd, sum.foreign_inode, reading->foreign_lock_path);
}

static int start_pass(struct descriptors *descriptors, struct process *process,
                      const struct lock_table *locks, const uint64_t *socket_inodes,
                      size_t socket_inodes_len) {
  struct descriptor_pass *pass = calloc(1, sizeof(*pass));
  if (pass == NULL)
    return -ENOMEM;
  pass->descriptors = descriptors;
  pass->checks_left = DESCRIPTORS_RECHECK_MAX;
  pass->lock_info_left = DESCRIPTORS_LOCK_INFO_MAX;
  pass->socket_inodes_len = socket_inodes_len;
  if (socket_inodes_len > 0)
    memcpy(pass->socket_inodes, socket_inodes, socket_inodes_len * sizeof(*socket_inodes));
  lock_match_init(&pass->locks, locks, process_pid(process), process_directory(process));
  path_table_begin(&descriptors->paths);
  descriptors->pass = pass;
  return 0;
}

/* Until it goes on, the lock table may be read again: it counts no locks any more. */
static void suspend_pass(struct descriptor_pass *pass) {
  open_files_close(&pass->files);
  lock_match_free(&pass->locks);
  lock_match_init(&pass->locks, NULL, 0, -1);
}

static void end_pass(struct descriptors *descriptors) {
  open_files_close(&descriptors->pass->files);
  lock_match_free(&descriptors->pass->locks);
  free(descriptors->pass);
  descriptors->pass = NULL;
}

int descriptors_read(struct descriptors *descriptors, struct process *process,
                     const struct lock_table *locks, const uint64_t *socket_inodes,
                     size_t socket_inodes_len, bool *ret_owned,
                     struct descriptors_reading *ret) {
  if (socket_inodes == NULL)
    socket_inodes_len = 0;
  if (socket_inodes_len > DESCRIPTORS_SOCKETS_MAX)
    return -EINVAL;

  if (descriptors->pass == NULL &&
      start_pass(descriptors, process, locks, socket_inodes, socket_inodes_len) != 0)
    return -ENOMEM;
  struct descriptor_pass *pass = descriptors->pass;
  pass->work = 0;
  pass->host = process_host(process);
  int status = open_files_open(&pass->files, process);
  if (status == 0)
    status =
        process_explain_error(process, count_descriptors(pass, process_host(process)->entries));
  if (status == -EINPROGRESS) {
    suspend_pass(pass);
    return status;
  }

  if (status == 0) {
    sum_up(pass);
    path_table_end(&descriptors->paths);
    for (size_t i = 0; i < pass->socket_inodes_len; i++)
      ret_owned[i] = pass->owned >> i & 1;
    *ret = pass->reading;
  } else {
    path_table_clear(&descriptors->paths);
  }
  end_pass(descriptors);
  return status;
}

/* ---- the listing pass ---- */

/* Returns 0, or -ENOENT when it has been closed since. */
static int examine(struct open_files *files, const char *name, char *target,
                   struct listed_descriptor *ret) {
  size_t len = 0;
  struct open_file file;
  int status = procfs_read_link(files->links, name, target, PATH_MAX, &len);
  if (status != 0 && status != -ENAMETOOLONG)
    return status;
  ret->target = span_make(target, len);
  struct fd_link link =
      status == 0 ? fd_link_parse(ret->target) : (struct fd_link){.kind = FD_LINK_PATH};
  if (link.kind != FD_LINK_PATH) {
    ret->class = open_file_class_without_path(link.kind);
    return 0;
  }
  status = open_file_examine(files, name, ret->target, &link, &file);
  if (status == 0)
    ret->class = file.class;
  return status;
}

int descriptor_list(struct process *process, descriptor_list_fn on_descriptor, void *context) {
  char target[PATH_MAX];
  struct procfs_entries entries;
  const struct dirent64 *entry;
  autoopenfiles(files);
  int status = open_files_open(&files, process);
  if (status != 0)
    return status;

  status = procfs_entries_start(&entries, files.links, 0, process_host(process)->entries);
  while (status == 0 && (status = procfs_entries_next(&entries, &entry)) > 0) {
    struct listed_descriptor descriptor = {0};
    status = 0;
    if (!parse_descriptor(entry->d_name, &descriptor.fd))
      continue;
    int examined = examine(&files, entry->d_name, target, &descriptor);
    if (examined == -ENOENT)
      continue;
    if (examined != 0)
      return process_explain_error(process, examined);
    status = on_descriptor(context, &descriptor);
    if (status != 0)
      return status;
  }
  return status < 0 ? process_explain_error(process, status) : 0;
}
