/* Files, lines, links and entries below a directory descriptor; see procfs.h. */
#include "sidecar/linux/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { FIRST_READ = 16 * 1024 }; /* reads the usual file in one call */

int procfs_process_error(int error) {
  switch (error) {
  case EPERM:
    return -EACCES;
  case ENOENT:
    return -ESRCH;
  default:
    return -error;
  }
}

/* ---- whole files ---- */

/* The destination of the next read: at least some room, unless the cap is reached. */
static char *find_room(struct buffer *buffer, size_t *ret_room) {
  size_t more = buffer->len == 0 ? FIRST_READ : buffer->len;
  if (more > buffer->max - buffer->len)
    more = buffer->max - buffer->len;
  char *room = more > 0 ? buffer_reserve(buffer, more) : NULL;
  if (room != NULL)
    *ret_room =
        buffer->capacity - 1 - buffer->len; /* all the capacity, not only what was added */
  return room;
}

int procfs_read(int fd, bool is_one_record, struct buffer *buffer) {
  buffer_reset(buffer);
  for (;;) {
    size_t room = 0;
    char *at = find_room(buffer, &room);
    if (at == NULL)
      return buffer->len < buffer->max ? -ENOMEM : -EMSGSIZE;

    ssize_t len = pread(fd, at, room, (off_t)buffer->len);
    if (len < 0)
      return -errno;
    buffer->len += (size_t)len;
    at[len] = '\0';
    if (len == 0 || (is_one_record && (size_t)len < room))
      return 0;
  }
}

int procfs_read_file(int directory, const char *name, bool is_one_record,
                     struct buffer *buffer) {
  autoclose(fd, openat(directory, name, O_RDONLY | O_CLOEXEC));
  return fd < 0 ? -errno : procfs_read(fd, is_one_record, buffer);
}

/* ---- line by line ---- */

int procfs_lines_open(struct procfs_lines *lines, int directory, const char *name) {
  lines->fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
  lines->piece = span_make(lines->bytes, 0);
  line_reader_init(&lines->reader);
  return lines->fd < 0 ? -errno : 0;
}

void procfs_lines_close(struct procfs_lines *lines) {
  if (lines->fd >= 0)
    close(lines->fd);
  lines->fd = -1;
}

int procfs_lines_next(struct procfs_lines *lines, struct line *ret) {
  while (!line_reader_next(&lines->reader, &lines->piece, ret)) {
    ssize_t len = read(lines->fd, lines->bytes, sizeof(lines->bytes));
    if (len < 0)
      return -errno;
    if (len == 0) {
      if (!line_reader_has_partial(&lines->reader))
        return 0;
      *ret = line_reader_join(&lines->reader, span_make(lines->bytes, 0));
      return 1;
    }
    lines->piece = span_make(lines->bytes, (size_t)len);
  }
  return 1;
}

/* ---- links ---- */

int procfs_read_link(int directory, const char *name, char *target, size_t size,
                     size_t *ret_len) {
  ssize_t len = readlinkat(directory, name, target, size);
  if (len < 0)
    return -errno;
  if ((size_t)len >= size)
    return -ENAMETOOLONG;
  target[len] = '\0';
  if (ret_len != NULL)
    *ret_len = (size_t)len;
  return 0;
}

void procfs_strip_deleted(char *path, size_t len) {
  if (span_ends_with(span_make(path, len), PROCFS_DELETED))
    path[len - strlen(PROCFS_DELETED)] = '\0';
}

/* ---- directories ---- */

int procfs_entries_start(struct procfs_entries *entries, int fd, off_t position, char *buffer) {
  if (lseek(fd, position, SEEK_SET) < 0)
    return -errno;
  *entries = (struct procfs_entries){.fd = fd, .buffer = buffer};
  return 0;
}

/* Linked by its name, which tests replace; musl has it as getdents(), for a pointer to dirents.
 */
static ssize_t read_entries(int fd, char *buffer) {
#ifdef __GLIBC__
  return getdents64(fd, buffer, PROCFS_ENTRIES_SIZE);
#else
  return getdents(fd, (void *)buffer, PROCFS_ENTRIES_SIZE);
#endif
}

int procfs_entries_next(struct procfs_entries *entries, const struct dirent64 **ret) {
  if (entries->at >= entries->len) {
    ssize_t len = read_entries(entries->fd, entries->buffer);
    if (len <= 0)
      return len < 0 ? -errno : 0;
    entries->len = (size_t)len;
    entries->at = 0;
  }
  /* the kernel aligns every record for its first member */
  const struct dirent64 *entry = (const void *)(entries->buffer + entries->at);
  entries->at += entry->d_reclen;
  *ret = entry;
  return 1;
}
