/* Names in readings; see reading.h. */
#include "sidecar/reading.h"

const char *descriptor_class_name(size_t descriptor_class) {
  static const char *const names[DESCRIPTOR_CLASSES] = {
      [DESCRIPTOR_REGULAR] = "regular", [DESCRIPTOR_DIRECTORY] = "directory",
      [DESCRIPTOR_PIPE] = "pipe",       [DESCRIPTOR_SOCKET] = "socket",
      [DESCRIPTOR_INOTIFY] = "inotify", [DESCRIPTOR_EVENTPOLL] = "eventpoll",
      [DESCRIPTOR_EVENTFD] = "eventfd", [DESCRIPTOR_DEVICE] = "device",
      [DESCRIPTOR_OTHER] = "other",
  };
  return descriptor_class < DESCRIPTOR_CLASSES ? names[descriptor_class] : NULL;
}
