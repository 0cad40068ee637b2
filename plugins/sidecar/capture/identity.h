/*
 * Which process a bundle is of, in the bundle's file identity.txt: pid, start time and boot
 * say so beyond doubt, so that a baseline is found again after a restart of the daemon. Pure.
 */
#ifndef SIDECAR_CAPTURE_IDENTITY_H
#define SIDECAR_CAPTURE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/scan.h"
#include "sidecar/os/host.h"

#define IDENTITY_FILE "identity.txt"

struct identity {
  pid_t pid;
  uint64_t start_ticks;
  char boot[HOST_BOOT_ID_MAX]; /* "" where the system does not say */
};

enum { IDENTITY_TEXT_MAX = 128 };

/* "pid 4711, start 123456, boot 0f5c...\n" */
void identity_print(const struct identity *identity, char ret[IDENTITY_TEXT_MAX]);

/* Returns 0 or -EBADMSG. */
int identity_parse(struct span text, struct identity *ret);

bool identity_equals(const struct identity *a, const struct identity *b);

#endif
