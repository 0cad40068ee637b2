/*
 * The procfs at a root path; see os/host.h. Properties of the kernel are detected once here
 * rather than for each process.
 */
#include "sidecar/linux/host.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/scan.h"
#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/procfs.h"

enum { TEXT_MAX = 4 * 1024 * 1024 }; /* /proc/stat of a machine with thousands of interrupts */

/* We have open descriptors, so a size of 0 means that this kernel does not report their number.
 */
static enum fd_count_source find_fd_count_source(const struct host *host) {
  struct stat st;
  if (!host->is_procfs)
    return FD_COUNT_IS_ENTRIES;
  if (fstatat(host->directory, "self/fd", &st, 0) != 0)
    return FD_COUNT_UNCERTAIN; /* the procfs of a different pid namespace */
  return st.st_size > 0 ? FD_COUNT_IS_SIZE : FD_COUNT_IS_ENTRIES;
}

static bool has_our_pids(const struct host *host) {
  char self[16], pid[16];
  snprintf(pid, sizeof(pid), "%d", (int)getpid());
  return procfs_read_link(host->directory, "self", self, sizeof(self), NULL) == 0 &&
         strcmp(self, pid) == 0;
}

/* Of the daemon's limit, a quarter is for the directories of processes, and one for the files
 * of the pulse. Queries and captures take less than another: a few descriptors each, and their
 * number is bounded. */
static size_t quarter_of_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 256;
  return limit.rlim_cur / 4 < 65536 ? (size_t)(limit.rlim_cur / 4) : 65536;
}

size_t host_max_processes(void) {
  return quarter_of_descriptors();
}

int host_open(const char *root, struct host **ret) {
  autoclose(directory, open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory < 0)
    return -errno;
  struct statfs fs;
  if (fstatfs(directory, &fs) != 0)
    return -errno;

  struct host *host = calloc(1, sizeof(*host));
  if (host == NULL)
    return -ENOMEM;
  host->directory = steal_fd(&directory);
  host->is_procfs = fs.f_type == PROC_SUPER_MAGIC;
  host->has_our_pids = host->is_procfs && has_our_pids(host);
  host->fd_count = find_fd_count_source(host);
  host->ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK);
  host->deadline_ns = UINT64_MAX;
  host->kept_files_max = quarter_of_descriptors();
  buffer_init(&host->text, TEXT_MAX);
  host->entries = malloc(PROCFS_ENTRIES_SIZE);
  if (host->entries == NULL) {
    host_close(host);
    return -ENOMEM;
  }
  *ret = host;
  return 0;
}

void host_close(struct host *host) {
  if (host == NULL)
    return;
  close(host->directory);
  buffer_free(&host->text);
  free(host->entries);
  free(host);
}

void host_set_deadline(struct host *host, uint64_t deadline_ns) {
  host->deadline_ns = deadline_ns;
}

uint64_t host_progress(const struct host *host) {
  return atomic_load_explicit(&host->looks, memory_order_relaxed);
}

void host_make_progress(struct host *host) {
  atomic_fetch_add_explicit(&host->looks, 1, memory_order_relaxed);
}

uint64_t host_ticks_per_second(const struct host *host) {
  return host->ticks_per_second;
}

/* ---- time ---- */

/* "seconds.hundredths idle" */
static int read_captured_uptime(struct host *host, uint64_t *ret_ticks) {
  int status = procfs_read_file(host->directory, "uptime", true, &host->text);
  if (status != 0)
    return status;

  struct span s = buffer_span(&host->text);
  uint64_t seconds, hundredths;
  if (scan_u64(&s, &seconds) != 0 || !scan_literal(&s, ".") || s.len < 2 ||
      scan_u64(&s, &hundredths) != 0 || hundredths > 99 ||
      seconds > VALUE_UNKNOWN / 2 / host->ticks_per_second)
    return -EBADMSG;
  *ret_ticks = seconds * host->ticks_per_second + hundredths * host->ticks_per_second / 100;
  return 0;
}

int host_uptime_ticks(struct host *host, uint64_t *ret_ticks) {
  if (!host->is_procfs)
    return read_captured_uptime(host, ret_ticks);

  /* Start times use this clock, including time namespaces; in containers the file may be an
   * overlay (lxcfs) that shows the container's age instead. */
  struct timespec now;
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
    return -errno;
  *ret_ticks = (uint64_t)now.tv_sec * host->ticks_per_second +
               (uint64_t)now.tv_nsec * host->ticks_per_second / 1000000000;
  return 0;
}

/* Always of this machine, as the monotonic clock is. That clock is read last, so that a pause
 * between the two is not taken for sleep. */
int host_asleep_ms(struct host *host, uint64_t *ret_ms) {
  (void)host;
  struct timespec boot;
  if (clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
    return -errno;
  uint64_t boot_ms = (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000;
  uint64_t awake_ms = clock_monotonic_ns() / 1000000;
  *ret_ms = boot_ms > awake_ms ? boot_ms - awake_ms : 0;
  return 0;
}

int host_boot_time_seconds(struct host *host, uint64_t *ret_seconds) {
  int status = procfs_read_file(host->directory, "stat", true, &host->text);
  if (status != 0)
    return status;

  struct span text = buffer_span(&host->text), line;
  while (scan_line(&text, &line))
    if (scan_literal(&line, "btime "))
      return scan_whole_u64(line, 0, VALUE_UNKNOWN - 1, ret_seconds) == 0 ? 0 : -EBADMSG;
  return -EBADMSG;
}

/* ---- single facts ---- */

/* The first line of a file, without its newline. */
static int read_first_line(struct host *host, const char *name, struct span *ret) {
  int status = procfs_read_file(host->directory, name, true, &host->text);
  if (status != 0)
    return status;
  struct span text = buffer_span(&host->text);
  return scan_line(&text, ret) ? 0 : -EBADMSG;
}

int host_inotify_watches_limit(struct host *host, uint64_t *ret_watches) {
  struct span line;
  int status = read_first_line(host, "sys/fs/inotify/max_user_watches", &line);
  if (status == 0 && scan_whole_u64(line, 1, VALUE_UNKNOWN - 1, ret_watches) != 0)
    status = -EBADMSG;
  return status;
}

int host_memory_pressure(struct host *host, double *ret_percent) {
  int status = procfs_read_file(host->directory, "pressure/memory", true, &host->text);
  return status != 0 ? status : proc_pressure_parse(buffer_span(&host->text), ret_percent);
}

int host_process_name(struct host *host, pid_t pid, char *name, size_t size) {
  char path[32];
  struct span line;
  snprintf(path, sizeof(path), "%d/comm", (int)pid);
  int status = read_first_line(host, path, &line);
  if (status != 0)
    return status == -ENOENT ? -ESRCH : status;
  if (line.len >= size)
    return -ENAMETOOLONG;
  memcpy(name, line.at, line.len);
  name[line.len] = '\0';
  return 0;
}

int host_process_user(struct host *host, pid_t pid, uid_t *ret) {
  char path[32];
  snprintf(path, sizeof(path), "%d/status", (int)pid);
  int status = procfs_read_file(host->directory, path, true, &host->text);
  if (status != 0)
    return procfs_process_error(-status);
  return proc_status_parse_uid(buffer_span(&host->text), ret);
}

int host_boot_id(struct host *host, char ret[HOST_BOOT_ID_MAX]) {
  ret[0] = '\0';
  struct span line;
  int status = read_first_line(host, "sys/kernel/random/boot_id", &line);
  if (status != 0)
    return status;
  if (line.len >= HOST_BOOT_ID_MAX)
    return -EBADMSG;
  for (size_t i = 0; i < line.len; i++)
    if (line.at[i] != '-' && !isxdigit((unsigned char)line.at[i]))
      return -EBADMSG;
  snprintf(ret, HOST_BOOT_ID_MAX, "%.*s", (int)line.len, line.at);
  return 0;
}
