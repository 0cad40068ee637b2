/* Remedies; see remedy.h. */
#include "sidecar/capture/remedy.h"

#include <errno.h>

const char *remedy_of(int error) {
  switch (-error) {
  case ENOSPC:
  case EDQUOT:
    return "free some space there, lower CaptureMaxBytes, or set CaptureFolder to another disk";
  case EFBIG:
    return "raise the limit of file sizes that collectd runs with (LimitFSIZE=, ulimit -f)";
  case EROFS:
    return "set CaptureFolder to a folder that can be written to";
  case EACCES:
    return "let the user that collectd runs as write there, or set CaptureFolder";
  case ENOENT:
    return "make the folder that it is to be in, or set CaptureFolder";
  case EPERM:
    return "it must belong to the user that collectd runs as, and nobody else may write to it: "
           "chown and chmod go-w, or remove it";
  case ELOOP:
  case ENOTDIR:
    return "it must be a folder and no link: remove it, or set CaptureFolder to where it leads";
  case EEXIST:
    return "remove it; was the clock set back?";
  case EMFILE:
  case ENFILE:
    return "raise the limit of open files that collectd runs with (LimitNOFILE=, ulimit -n)";
  case ENOMEM:
    return "the machine is short of memory";
  default:
    return "see CaptureFolder in collectd-sidecar(5)";
  }
}
