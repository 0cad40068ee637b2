/* Facts about the machine that red flags are judged and told by; see host.h. */
#include <errno.h>
#include <stdio.h>

#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/procfs.h"

/* Without the line break at its end. */
static int read_line(struct host *host, const char *name, struct span *ret) {
  int status = procfs_read_file(host->directory, name, true, &host->text);
  if (status != 0)
    return status;
  struct span text = buffer_span(&host->text);
  return scan_line(&text, ret) ? 0 : -EBADMSG;
}

int host_inotify_watches_limit(struct host *host, uint64_t *ret_watches) {
  struct span line;
  int status = read_line(host, "sys/fs/inotify/max_user_watches", &line);
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
  int status = read_line(host, path, &line);
  if (status != 0)
    return status == -ENOENT ? -ESRCH : status;
  if (line.len >= size)
    return -ENAMETOOLONG;
  memcpy(name, line.at, line.len);
  name[line.len] = '\0';
  return 0;
}
