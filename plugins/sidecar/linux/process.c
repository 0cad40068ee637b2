/*
 * One process, accessed through its directory; see os/process.h. The files of the pulse are
 * kept open as long as the host's budget of descriptors allows, which makes each reading one
 * system call. All others are opened for each reading: a descriptor of maps, smaps_rollup or
 * environ would keep the memory of a program alive that has since been replaced (exec).
 */
#include "sidecar/linux/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "sidecar/linux/environ.h"
#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/procfs.h"

/* The files read at every pulse. Not statm, because status has its numbers in more detail. */
enum pulse_file { FILE_STAT, FILE_STATUS, FILE_IO, FILE_FDS, PULSE_FILES };

static const char *const FILE_NAMES[PULSE_FILES] = {"stat", "status", "io", "fd"};

enum { FD_ENTRIES_ALWAYS = 4096, THREADS_ALWAYS = 64 }; /* are read also after the deadline */

struct process {
  struct host *host;
  pid_t pid;
  int directory;
  bool keeps_files;
  int files[PULSE_FILES]; /* -1: not open */
  uint64_t start_ticks;
  unsigned pulses_to_limits;
  uint64_t max_fds;
  int limits_error;
};

struct host *process_host(const struct process *process) {
  return process->host;
}

int process_directory(const struct process *process) {
  return process->directory;
}

pid_t process_pid(const struct process *process) {
  return process->pid;
}

uint64_t process_start_ticks(const struct process *process) {
  return process->start_ticks;
}

int process_age_ms(const struct process *process, uint64_t *ret_ms) {
  uint64_t uptime_ticks;
  int status = host_uptime_ticks(process->host, &uptime_ticks);
  if (status != 0)
    return status;
  uint64_t age_ticks =
      uptime_ticks > process->start_ticks ? uptime_ticks - process->start_ticks : 0;
  *ret_ms = age_ticks * 1000 / process->host->ticks_per_second;
  return 0;
}

/* Numbers that select(2) can handle are left to those who use it, such as libmicrohttpd: what
 * is held for long gets a higher one, if the daemon may open so many. Takes ownership of fd. */
static int move_up(int fd) {
  int higher = fd >= 0 && fd < FD_SETSIZE ? fcntl(fd, F_DUPFD_CLOEXEC, FD_SETSIZE) : -1;
  if (higher < 0)
    return fd;
  close(fd);
  return higher;
}

/* Opens a file of the pulse, unless it is open. Returns its descriptor, to be released with
 * release_pulse_file, or -errno. */
static int open_pulse_file(struct process *process, enum pulse_file file) {
  if (process->files[file] >= 0)
    return process->files[file];
  /* of the directory of descriptors only the size is read: O_PATH needs no permission */
  int flags = file == FILE_FDS ? O_PATH | O_DIRECTORY : O_RDONLY;
  int fd = openat(process->directory, FILE_NAMES[file], flags | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  if (process->keeps_files)
    fd = process->files[file] = move_up(fd);
  return fd;
}

static void release_pulse_file(const struct process *process, int fd) {
  if (!process->keeps_files)
    close(fd);
}

/* Reads a file of the pulse into the host's scratch buffer. */
static int read_pulse_file(struct process *process, enum pulse_file file) {
  int fd = open_pulse_file(process, file);
  if (fd < 0)
    return fd;
  int status = procfs_read(fd, true, &process->host->text);
  release_pulse_file(process, fd);
  return status;
}

static int read_stat(struct process *process, struct proc_stat *ret) {
  int status = read_pulse_file(process, FILE_STAT);
  if (status != 0)
    return procfs_process_error(-status);
  status = proc_stat_parse(buffer_span(&process->host->text), ret);
  if (status != 0)
    return status;
  return proc_stat_is_dead(ret) ? -ESRCH : 0;
}

int process_open(struct host *host, pid_t pid, struct process **ret) {
  char name[16];
  snprintf(name, sizeof(name), "%d", (int)pid);
  autoclose(directory, openat(host->directory, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (directory < 0)
    return procfs_process_error(errno);

  struct process *process = calloc(1, sizeof(*process));
  if (process == NULL)
    return -ENOMEM;
  *process = (struct process){.host = host,
                              .pid = pid,
                              .directory = move_up(steal_fd(&directory)),
                              .max_fds = VALUE_UNKNOWN};
  for (size_t i = 0; i < PULSE_FILES; i++)
    process->files[i] = -1;
  if (host->kept_files + PULSE_FILES <= host->kept_files_max) {
    host->kept_files += PULSE_FILES;
    process->keeps_files = true;
  }

  struct proc_stat stat;
  int status = read_stat(process, &stat);
  if (status != 0) {
    process_close(process);
    return status;
  }
  process->start_ticks = stat.start_ticks;
  *ret = process;
  return 0;
}

void process_close(struct process *process) {
  if (process == NULL)
    return;
  for (size_t i = 0; i < PULSE_FILES; i++)
    if (process->files[i] >= 0)
      close(process->files[i]);
  if (process->keeps_files)
    process->host->kept_files -= PULSE_FILES;
  close(process->directory);
  free(process);
}

void process_move(struct process *process, struct host *host) {
  process->host = host;
  if (process->keeps_files)
    host->kept_files += PULSE_FILES;
}

/* An open directory cannot refer to another process; a captured copy could be replaced. */
static int read_stat_of_same(struct process *process, struct proc_stat *ret) {
  int status = read_stat(process, ret);
  if (status == 0 && ret->start_ticks != process->start_ticks)
    return -ESRCH;
  return status;
}

int process_verify(struct process *process) {
  struct proc_stat stat;
  return read_stat_of_same(process, &stat);
}

/* The kernel shows status without the lock that execve(2) holds, and the directory cannot refer
 * to another process. */
bool process_is_running(struct process *process) {
  if (!process->host->is_procfs)
    return process_verify(process) != -ESRCH;
  int status = read_pulse_file(process, FILE_STATUS);
  if (status != 0)
    return procfs_process_error(-status) != -ESRCH;
  return proc_status_parse(buffer_span(&process->host->text), &(struct process_memory){0}) !=
         -ENODATA;
}

int process_explain_error(struct process *process, int status) {
  if (status == 0)
    return 0;
  status = procfs_process_error(-status);
  bool may_have_ended = status == -EACCES || status == -ENODATA;
  return may_have_ended && process_verify(process) == -ESRCH ? -ESRCH : status;
}

/* ---- the pulse ---- */

static int read_status(struct process *process, struct process_pulse *pulse) {
  int status = read_pulse_file(process, FILE_STATUS);
  if (status != 0)
    return procfs_process_error(-status);
  return proc_status_parse(buffer_span(&process->host->text), &pulse->memory);
}

static int read_io(struct process *process, struct process_pulse *pulse) {
  struct proc_io parsed;
  int status = read_pulse_file(process, FILE_IO);
  if (status != 0) /* -ENOENT is kept: kernels without task accounting do not have the file */
    return status == -EPERM ? -EACCES : status;
  status = proc_io_parse(buffer_span(&process->host->text), &parsed);
  if (status != 0)
    return status;
  pulse->disk_read_bytes = parsed.read_bytes;
  pulse->disk_write_bytes = parsed.write_bytes;
  return 0;
}

static int read_limits(struct process *process, uint64_t *ret) {
  struct host *host = process->host;
  int status = procfs_read_file(process->directory, "limits", true, &host->text);
  if (status != 0)
    return procfs_process_error(-status);
  return proc_limits_parse_open_files(buffer_span(&host->text), ret);
}

/* A limit that was read, or does not exist, is cached for a while; a failure is not. */
static int read_limits_seldom(struct process *process) {
  if (process->pulses_to_limits == 0) {
    process->max_fds = VALUE_UNKNOWN;
    process->limits_error = read_limits(process, &process->max_fds);
    if (process->limits_error != 0 && process->limits_error != -ENODATA)
      return process->limits_error;
    process->pulses_to_limits = PROCESS_LIMITS_EVERY;
  }
  process->pulses_to_limits--;
  return process->limits_error;
}

static int count_fd_entries(struct process *process, uint64_t *ret) {
  autoclose(fd, openat(process->directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0)
    return procfs_process_error(errno);

  struct procfs_entries entries;
  const struct dirent64 *entry;
  uint64_t count = 0;
  int status = procfs_entries_start(&entries, fd, 0, process->host->entries);
  while (status == 0 && (status = procfs_entries_next(&entries, &entry)) > 0) {
    status = 0;
    count += entry->d_name[0] != '.';
    if (count > FD_ENTRIES_ALWAYS && entries.at >= entries.len && host_is_late(process->host))
      status = -ETIME;
  }
  if (status == 0)
    *ret = count;
  return status < 0 ? procfs_process_error(-status) : 0;
}

static int read_fd_count(struct process *process, uint64_t *ret) {
  enum fd_count_source source = process->host->fd_count;
  if (source == FD_COUNT_IS_ENTRIES)
    return count_fd_entries(process, ret);

  int fd = open_pulse_file(process, FILE_FDS);
  if (fd < 0)
    return procfs_process_error(-fd);
  struct stat st;
  int status = fstat(fd, &st) == 0 ? 0 : procfs_process_error(errno);
  release_pulse_file(process, fd);
  if (status != 0)
    return status;
  if (st.st_size == 0 && source == FD_COUNT_UNCERTAIN)
    return count_fd_entries(process, ret);
  *ret = (uint64_t)st.st_size;
  return 0;
}

int process_read_pulse(struct process *process, struct process_pulse *ret) {
  struct process_pulse pulse;
  memset(&pulse, 0xFF, sizeof(pulse)); /* every number VALUE_UNKNOWN */

  pulse.status_error = read_status(process, &pulse);
  pulse.io_error = read_io(process, &pulse);
  pulse.fds_error = read_fd_count(process, &pulse.open_fds);
  pulse.limits_error = read_limits_seldom(process);
  pulse.max_fds = process->max_fds;

  struct proc_stat stat;
  int status = read_stat_of_same(process, &stat);
  if (status != 0)
    return status;
  pulse.virtual_bytes = stat.virtual_bytes;
  pulse.threads = stat.threads;
  pulse.user_ticks = stat.user_ticks;
  pulse.system_ticks = stat.system_ticks;
  pulse.children_ticks = stat.children_user_ticks + stat.children_system_ticks;
  pulse.minor_faults = stat.minor_faults;
  pulse.major_faults = stat.major_faults;
  *ret = pulse;
  return 0;
}

/* ---- its user ---- */

static bool is_same_file(int fd, const struct stat *other) {
  struct stat st;
  return fstat(fd, &st) == 0 && st.st_dev == other->st_dev && st.st_ino == other->st_ino;
}

/* Who created the outermost user namespace that the process is in and we are not. Namespaces
 * are nested at most 32 deep (user_namespaces(7)). Returns -ENOENT when it is in none. */
static int read_namespace_owner(struct process *process, uid_t *ret) {
  struct stat own;
  if (fstatat(process->host->directory, "self/ns/user", &own, 0) != 0)
    return -errno;
  autoclose(fd, openat(process->directory, "ns/user", O_RDONLY | O_CLOEXEC));
  if (fd < 0)
    return -errno;
  if (is_same_file(fd, &own))
    return -ENOENT;
  for (unsigned depth = 0; depth < 32; depth++) {
    autoclose(parent, ioctl(fd, NS_GET_PARENT));
    if (parent < 0)
      return -errno;
    if (is_same_file(parent, &own))
      return ioctl(fd, NS_GET_OWNER_UID, ret) == 0 ? 0 : -errno;
    close(fd);
    fd = steal_fd(&parent);
  }
  return -ELOOP;
}

int process_read_owner(struct process *process, uid_t *ret) {
  if (process->host->is_procfs && read_namespace_owner(process, ret) == 0)
    return 0;
  int status = read_pulse_file(process, FILE_STATUS);
  if (status != 0)
    return procfs_process_error(-status);
  return proc_status_parse_uid(buffer_span(&process->host->text), ret);
}

/* ---- executable and working directory ---- */

/* Distinguishes a directory whose name ends in " (deleted)" from one that was removed and so
 * has no links. Uses only cached values, so that a dead file server does not block. */
static bool has_links(struct process *process, const char *link) {
  struct statx stx;
  int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
  return process->host->is_procfs &&
         statx(process->directory, link, flags, STATX_NLINK, &stx) == 0 && stx.stx_nlink > 0;
}

int process_read_cwd(struct process *process, char *path, size_t size) {
  size_t len;
  int status = procfs_read_link(process->directory, "cwd", path, size, &len);
  if (status != 0)
    return process_explain_error(process, status);
  if (span_ends_with(span_make(path, len), PROCFS_DELETED) && !has_links(process, "cwd"))
    procfs_strip_deleted(path, len);
  return 0;
}

/* A replaced program may still have another hard link, so the link count does not help here. */
int process_read_executable(struct process *process, char *path, size_t size) {
  size_t len;
  int status = procfs_read_link(process->directory, "exe", path, size, &len);
  if (status != 0)
    return process_explain_error(process, status);
  procfs_strip_deleted(path, len);
  return 0;
}

/* ---- its environment ---- */

enum {
  ENVIRONMENT_MAX = 16 * 1024 * 1024,
  ENVIRONMENT_ALWAYS = 128 * 1024, /* is read also after the deadline */
  ENVIRONMENT_PIECE = 4096
};

/* Feeds it in chunks through one buffer, which is wiped before this returns. */
static int search_environment(struct host *host, int fd, struct environ_search *search) {
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
    else if (total >= ENVIRONMENT_ALWAYS && host_is_late(host))
      status = -ETIME;
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
  autoclose(fd, openat(process->directory, "environ", O_RDONLY | O_CLOEXEC));
  if (fd < 0)
    return process_explain_error(process, -errno);

  status = search_environment(process->host, fd, &search);
  if (status != 0) {
    explicit_bzero(value, size);
    return process_explain_error(process, status);
  }
  return process_explain_error(process, environ_search_finish(&search));
}

/* ---- its threads ---- */

/* Adds one thread; one that has ended in the meantime adds nothing. */
static int add_switches(struct process *process, int tasks, const char *thread,
                        uint64_t *voluntary, uint64_t *involuntary) {
  struct buffer *text = &process->host->text;
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
  autoclose(tasks, openat(process->directory, "task", flags));
  if (tasks < 0)
    return process_explain_error(process, -errno);

  struct procfs_entries entries;
  const struct dirent64 *entry;
  uint64_t voluntary = 0, involuntary = 0, threads = 0;
  int status = procfs_entries_start(&entries, tasks, 0, process->host->entries);
  while (status == 0 && (status = procfs_entries_next(&entries, &entry)) > 0) {
    status = 0;
    if (entry->d_name[0] == '.')
      continue;
    if (++threads > PROCESS_THREADS_MAX)
      status = -E2BIG;
    else if (threads > THREADS_ALWAYS && host_is_late(process->host))
      status = -ETIME;
    else
      status = add_switches(process, tasks, entry->d_name, &voluntary, &involuntary);
  }
  if (status != 0)
    return process_explain_error(process, status);
  *ret_voluntary = voluntary;
  *ret_involuntary = involuntary;
  return process_verify(process);
}
