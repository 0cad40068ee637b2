/* The links in /proc/PID/fd, one by one; see descriptor_list.h. */
#include "sidecar/os/descriptors.h"

#include <errno.h>

#include "sidecar/linux/open_files.h"
#include "sidecar/linux/procfs.h"

/* Returns 0, or -ENOENT when it was closed meanwhile. */
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
  uint64_t number;
  autoopenfiles(files);
  int status = open_files_open(&files, process);
  if (status != 0)
    return status;

  status = procfs_entries_start(&entries, files.links, process_host(process)->entries);
  while (status == 0 && (status = procfs_entries_next(&entries, &entry)) > 0) {
    struct listed_descriptor descriptor = {0};
    status = 0;
    if (scan_whole_u64(span_of(entry->d_name), 0, INT_MAX, &number) != 0)
      continue;
    descriptor.fd = (int)number;
    int examined = examine(&files, entry->d_name, target, &descriptor);
    if (examined == -ENOENT)
      continue;
    if (examined != 0)
      return process_explain_error(process, examined);
    int told = on_descriptor(context, &descriptor);
    if (told != 0)
      return told;
  }
  return status < 0 ? process_explain_error(process, status) : 0;
}
