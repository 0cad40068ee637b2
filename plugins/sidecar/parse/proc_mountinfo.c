/* Mounts and their devices; see proc_mountinfo.h: "36 35 98:0 /root /mnt rw - ext3 ..." */
#include "sidecar/parse/proc_mountinfo.h"

#include <errno.h>

int proc_mountinfo_parse(struct span line, struct proc_mount *ret) {
  struct span id, parent, device;
  uint64_t mount_id, major, minor;

  if (!scan_word(&line, &id) || !scan_word(&line, &parent) || !scan_word(&line, &device) ||
      scan_whole_u64(id, 0, VALUE_UNKNOWN - 1, &mount_id) != 0)
    return -EBADMSG;
  if (scan_u64(&device, &major) != 0 || !scan_literal(&device, ":") ||
      scan_whole_u64(device, 0, UINT32_MAX, &minor) != 0 || major > UINT32_MAX)
    return -EBADMSG;

  *ret = (struct proc_mount){mount_id, (uint32_t)major, (uint32_t)minor};
  return 0;
}
