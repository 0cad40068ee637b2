/*
 * Any bytes as an instance give a safe file name; as the name of a bundle and as an identity
 * they are rejected, or the same when printed again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/capture/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_instance(const char *instance) {
  char name[CAPTURE_FILE_NAME_MAX];
  capture_name_instance(instance, name);
  if (name[0] == '\0' || name[0] == '.' || name[0] == '-' || strchr(name, '/') != NULL ||
      strlen(name) >= sizeof(name))
    abort();
  for (const char *c = name; *c != '\0'; c++)
    if ((unsigned char)*c <= ' ' || *c == 0x7f)
      abort();
}

static void check_bundle(const char *name) {
  char reason[CAPTURE_REASON_MAX + 1], again[CAPTURE_BUNDLE_NAME_MAX];
  pid_t pid;
  if (!capture_name_parse_bundle(name, &pid, reason))
    return;
  if (pid <= 0 || !capture_reason_is_valid(reason) || strlen(name) >= sizeof(again))
    abort();
  capture_name_bundle(0, pid, reason, again);
  if (strcmp(strrchr(again, '-'), strrchr(name, '-')) != 0)
    abort();
}

static void check_identity(struct span text) {
  struct identity identity, again;
  char printed[IDENTITY_TEXT_MAX];
  if (identity_parse(text, &identity) != 0)
    return;
  identity_print(&identity, printed);
  /* a NUL ends the boot where it is printed */
  if (identity_parse(span_of(printed), &again) != 0 || again.pid != identity.pid ||
      again.start_ticks != identity.start_ticks)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL)
    return 0;
  if (size > 0)
    memcpy(text, data, size);
  text[size] = '\0';
  check_instance(text);
  check_bundle(text);
  check_identity(span_make(text, size));
  free(text);
  return 0;
}
