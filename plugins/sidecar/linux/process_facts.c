/*
 * What is read of a process once, or seldom: where it runs, what it runs, one variable of
 * its environment, and the context switches of all its threads; see process.h. Nothing
 * here is kept open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "sidecar/linux/environ.h"
#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/procfs.h"
#include "sidecar/os/process.h"

enum { ENVIRONMENT_MAX = 16 * 1024 * 1024, ENVIRONMENT_PIECE = 4096 };

static const char DELETED[] = " (deleted)";

static void strip_deleted(char *path, size_t len) {
  if (span_ends_with(span_make(path, len), DELETED))
    path[len - (sizeof(DELETED) - 1)] = '\0';
}

/* Tells a folder whose name ends in " (deleted)" from one that is deleted: what is gone
 * has no links. Asks for what is in the cache only, so a dead file server blocks nothing. */
static bool has_links(struct process *process, const char *link) {
  struct statx stx;
  int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
  return process_host(process)->is_procfs &&
         statx(process_directory(process), link, flags, STATX_NLINK, &stx) == 0 &&
         stx.stx_nlink > 0;
}

int process_read_cwd(struct process *process, char *path, size_t size) {
  size_t len;
  int status = procfs_read_link(process_directory(process), "cwd", path, size, &len);
  if (status != 0)
    return process_explain_error(process, status);
  if (span_ends_with(span_make(path, len), DELETED) && !has_links(process, "cwd"))
    strip_deleted(path, len);
  return 0;
}

/* A replaced program may live on under another hard link, so links say nothing here. */
int process_read_executable(struct process *process, char *path, size_t size) {
  size_t len;
  int status = procfs_read_link(process_directory(process), "exe", path, size, &len);
  if (status != 0)
    return process_explain_error(process, status);
  strip_deleted(path, len);
  return 0;
}

/* Feeds piece by piece through one buffer, which is wiped before the stack is left. */
static int search_environment(int fd, struct environ_search *search) {
  char piece[ENVIRONMENT_PIECE];
  int status = 0;

  for (size_t total = 0; status == 0; total += sizeof(piece)) {
    ssize_t len = read(fd, piece, sizeof(piece));
    if (len < 0)
      status = -errno;
    else if (len == 0 || environ_search_feed(search, span_make(piece, (size_t)len)))
      break;
    else if (total > ENVIRONMENT_MAX)
      status = -E2BIG;
  }
  explicit_bzero(piece, sizeof(piece));
  return status;
}

int process_read_environment(struct process *process, const char *name, char *value,
                             size_t size) {
  struct environ_search search;
  int status = environ_search_start(&search, span_of(name), value, size);
  if (status != 0)
    return status;
  autoclose(fd, openat(process_directory(process), "environ", O_RDONLY | O_CLOEXEC));
  if (fd < 0)
    return process_explain_error(process, -errno);

  status = search_environment(fd, &search);
  if (status != 0) {
    explicit_bzero(value, size);
    return process_explain_error(process, status);
  }
  return process_explain_error(process, environ_search_finish(&search));
}

/* Adds one thread; one that ended meanwhile adds nothing. */
static int add_switches(struct process *process, int tasks, const char *thread,
                        uint64_t *voluntary, uint64_t *involuntary) {
  struct buffer *text = &process_host(process)->text;
  uint64_t thread_voluntary, thread_involuntary;
  char name[sizeof(((struct dirent64 *)NULL)->d_name) + sizeof("/status")];

  snprintf(name, sizeof(name), "%s/status", thread);
  int status = procfs_read_file(tasks, name, true, text);
  if (status == -ENOENT || status == -ESRCH)
    return 0;
  if (status != 0)
    return process_explain_error(process, status);
  status =
      proc_status_parse_switches(buffer_span(text), &thread_voluntary, &thread_involuntary);
  if (status == 0) {
    *voluntary += thread_voluntary;
    *involuntary += thread_involuntary;
  }
  return status;
}

int process_read_context_switches(struct process *process, uint64_t *ret_voluntary,
                                  uint64_t *ret_involuntary) {
  int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  autoclose(tasks, openat(process_directory(process), "task", flags));
  if (tasks < 0)
    return process_explain_error(process, -errno);

  struct procfs_entries entries;
  const struct dirent64 *entry;
  uint64_t voluntary = 0, involuntary = 0, threads = 0;
  int status = procfs_entries_start(&entries, tasks, process_host(process)->entries);
  while (status == 0 && (status = procfs_entries_next(&entries, &entry)) > 0) {
    status = 0;
    if (entry->d_name[0] == '.')
      continue;
    if (++threads > PROCESS_THREADS_MAX)
      status = -E2BIG;
    else
      status = add_switches(process, tasks, entry->d_name, &voluntary, &involuntary);
  }
  if (status != 0)
    return process_explain_error(process, status);
  *ret_voluntary = voluntary;
  *ret_involuntary = involuntary;
  return process_verify(process);
}
