/*
 * maps, smaps and smaps_rollup; see os/memory_map.h. They are opened for each reading: an open
 * descriptor would keep the memory of a program alive that has since been replaced (exec).
 */
#include "sidecar/os/memory_map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/process.h"
#include "sidecar/linux/procfs.h"

enum {
  PIECE = 16 * 1024,    /* the kernel returns at most a page at a time, other systems more */
  REGIONS_ALWAYS = 4096 /* are counted also after the deadline */
};

static uint64_t count_newlines(const char *bytes, size_t len) {
  uint64_t count = 0;
  for (const char *at = bytes, *end = bytes + len;
       at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
    count++;
  return count;
}

int memory_map_count_regions(struct process *process, uint64_t *ret_regions) {
  autoclose(fd, openat(process_directory(process), "maps", O_RDONLY | O_CLOEXEC));
  if (fd < 0)
    return process_explain_error(process, -errno);

  char bytes[PIECE];
  uint64_t regions = 0;
  ssize_t len;
  /* a newline in a file's name is written as \012: each line is a region */
  while ((len = read(fd, bytes, sizeof(bytes))) > 0) {
    regions += count_newlines(bytes, (size_t)len);
    if (regions > REGIONS_ALWAYS && host_is_late(process_host(process)))
      return -ETIME;
  }
  if (len < 0)
    return process_explain_error(process, -errno);
  if (regions == 0) /* its memory has been freed: a zombie */
    return -ESRCH;
  *ret_regions = regions;
  return 0;
}

/* No such file: is the kernel too old, or has the process ended? */
static int explain_missing(const struct process *process) {
  return faccessat(process_directory(process), "stat", F_OK, 0) == 0 ? -ENOSYS : -ESRCH;
}

int memory_map_read_rollup(struct process *process, struct memory_map_rollup *ret) {
  struct buffer *text = &process_host(process)->text;
  int status = procfs_read_file(process_directory(process), "smaps_rollup", true, text);
  if (status == -ENOENT)
    return explain_missing(process);
  if (status != 0)
    return process_explain_error(process, status);
  return proc_smaps_parse_rollup(buffer_span(text), ret);
}

int memory_map_list(struct process *process, bool with_sums, memory_map_region_fn on_region,
                    void *context) {
  struct memory_map_region region;
  char name[LINE_READER_MAX]; /* the line is overwritten once its sums have been read */
  bool has_region = false;
  struct line line;
  autoprocfslines(file);
  int status =
      procfs_lines_open(&file, process_directory(process), with_sums ? "smaps" : "maps");
  if (status == -ENOENT)
    return explain_missing(process);

  while (status == 0 && (status = procfs_lines_next(&file, &line)) > 0) {
    status = 0;
    if (with_sums && proc_maps_is_sum(line.text)) {
      if (has_region)
        proc_maps_parse_sum(line.text, &region);
      continue;
    }
    if (has_region)
      status = on_region(context, &region);
    if (status != 0)
      return status;
    status = proc_maps_parse_region(line.text, &region);
    if (status != 0)
      return status;
    memcpy(name, region.name.at, region.name.len);
    region.name.at = name;
    has_region = true;
  }
  if (status != 0)
    return process_explain_error(process, status);
  return has_region ? on_region(context, &region) : -ESRCH;
}
