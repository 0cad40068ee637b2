/*
 * statx(2) for a C library that does not have it (musl before 1.2.5), with the kernel's own
 * definitions. On a kernel without it the error is ENOSYS, as that of any C library.
 */
#ifndef FALLBACK_STATX_H
#define FALLBACK_STATX_H

#include_next <sys/stat.h>

#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC 0x4000
#endif

static inline int statx(int directory, const char *path, int flags, unsigned mask,
                        struct statx *ret) {
  return (int)syscall(SYS_statx, directory, path, flags, mask, ret);
}

#endif
