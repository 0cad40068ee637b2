/* Writes and reads the state file; see state_file.h. */
#include "notify_alertmanager/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

enum { FLUSH_BYTES = 64 * 1024, READ_BYTES = 64 * 1024 };

/* ---- writing ---- */

static int flush(struct state_file *f) {
  int status = file_write_all(f->fd, buffer_span(&f->pending));
  buffer_reset(&f->pending);
  return status;
}

static void state_file_free(struct state_file *f) {
  if (f->fd >= 0)
    close(f->fd);
  free(f->path);
  free(f->new_path);
  json_writer_free(&f->writer);
  buffer_free(&f->pending);
  *f = (struct state_file){.fd = -1};
}

void state_file_abort(struct state_file *f) {
  if (f->fd >= 0)
    unlink(f->new_path);
  state_file_free(f);
}

/* A new file, whatever exists at that path: a leftover, or a link that another user made. */
static int create(const char *path) {
  if (unlink(path) != 0 && errno != ENOENT)
    return -errno;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  return fd < 0 ? -errno : fd;
}

static int begin(struct state_file *f, const char *path) {
  int status = json_writer_init(&f->writer, &f->pending);
  if (status != 0)
    return status;
  size_t new_size = strlen(path) + sizeof(".new");
  f->path = strdup(path);
  f->new_path = malloc(new_size);
  if (f->path == NULL || f->new_path == NULL)
    return -ENOMEM;
  snprintf(f->new_path, new_size, "%s.new", path);
  f->fd = create(f->new_path);
  if (f->fd < 0)
    return f->fd;
  return buffer_append_string(&f->pending, STATE_RECORD_HEADER "\n");
}

int state_file_begin(struct state_file *f, const char *path) {
  *f = (struct state_file){.fd = -1};
  buffer_init(&f->pending, FLUSH_BYTES + 2 * STATE_RECORD_BYTES_MAX);
  int status = begin(f, path);
  if (status != 0)
    state_file_abort(f);
  return status;
}

int state_file_add(struct state_file *f, const struct state_record *record) {
  int status = state_record_write(&f->writer, record);
  if (status == 0 && f->pending.len >= FLUSH_BYTES)
    status = flush(f);
  return status;
}

/* The rename has to be synced too. */
static int sync_directory_of(const char *path) {
  autofree(char, copy, strdup(path));
  if (copy == NULL)
    return -ENOMEM;
  autoclose(fd, open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0)
    return -errno;
  /* some file systems cannot sync a directory */
  return fsync(fd) == 0 || errno == EINVAL ? 0 : -errno;
}

int state_file_commit(struct state_file *f) {
  int status = flush(f);
  if (status == 0 && fsync(f->fd) != 0)
    status = -errno;
  if (status == 0 && rename(f->new_path, f->path) != 0)
    status = -errno;
  if (status != 0) {
    state_file_abort(f);
    return status;
  }
  status = sync_directory_of(f->path);
  state_file_free(f);
  return status;
}

/* ---- reading ---- */

struct loader {
  state_file_fn on_record;
  void *context;
  struct state_file_report *report;
  struct buffer line; /* the beginning of a line that continues in the next piece */
  bool header_seen;
  bool skipping; /* the line is too long to be a record */
};

static void take_line(struct loader *l, struct span line) {
  struct state_record record;
  if (!l->header_seen) {
    l->header_seen = true;
    l->report->foreign = !span_equals(line, STATE_RECORD_HEADER);
    return;
  }
  if (state_record_read(line, &record) != 0) {
    l->report->damaged++;
    return;
  }
  l->report->records++;
  l->on_record(l->context, &record);
}

static void end_line(struct loader *l) {
  if (l->skipping)
    l->report->damaged++;
  else
    take_line(l, buffer_span(&l->line));
  l->skipping = false;
  buffer_reset(&l->line);
}

static void take_piece(struct loader *l, struct span piece) {
  while (piece.len > 0 && !l->report->foreign) {
    const char *newline = memchr(piece.at, '\n', piece.len);
    size_t len = newline != NULL ? (size_t)(newline - piece.at) : piece.len;
    if (!l->skipping && buffer_append(&l->line, piece.at, len) != 0)
      l->skipping = true;
    if (newline == NULL)
      return;
    end_line(l);
    piece = span_make(newline + 1, piece.len - len - 1);
  }
}

static int read_all(struct loader *l, int fd) {
  autofree(char, piece, malloc(READ_BYTES));
  if (piece == NULL)
    return -ENOMEM;
  while (!l->report->foreign) {
    ssize_t n = file_read(fd, piece, READ_BYTES);
    if (n < 0)
      return (int)n;
    if (n == 0)
      break;
    take_piece(l, span_make(piece, (size_t)n));
  }
  /* each line is written with its end: this one is truncated */
  if (!l->report->foreign && (l->line.len > 0 || l->skipping || !l->header_seen))
    end_line(l);
  return 0;
}

static void keep_aside(const char *path, struct state_file_report *report) {
  int len = snprintf(report->kept_aside, sizeof(report->kept_aside), "%s.damaged", path);
  bool fits = len > 0 && (size_t)len < sizeof(report->kept_aside);
  if (fits)
    unlink(report->kept_aside);
  if (!fits || link(path, report->kept_aside) != 0)
    report->kept_aside[0] = '\0';
}

int state_file_load(const char *path, state_file_fn on_record, void *context,
                    struct state_file_report *ret) {
  struct stat st;
  *ret = (struct state_file_report){0};
  /* O_NONBLOCK: do not hang on a pipe */
  autoclose(fd, open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (fd < 0 || fstat(fd, &st) != 0)
    return -errno;
  if (!S_ISREG(st.st_mode))
    return -EINVAL;

  struct loader l = {.on_record = on_record, .context = context, .report = ret};
  buffer_init(&l.line, STATE_RECORD_BYTES_MAX);
  int status = read_all(&l, fd);
  buffer_free(&l.line);
  if (status == 0 && (ret->foreign || ret->damaged > 0))
    keep_aside(path, ret);
  return status;
}
