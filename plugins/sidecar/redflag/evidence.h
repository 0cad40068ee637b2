/*
 * What a red flag is told with: one line for people, and named facts that say what to look
 * at first (the path opened most, the class that grew, the stack, the lock's owner, the
 * guide's next command). Pure; the glue turns it into a notification.
 */
#ifndef SIDECAR_REDFLAG_EVIDENCE_H
#define SIDECAR_REDFLAG_EVIDENCE_H

#include <sys/types.h>

#include "common/buffer.h"
#include "sidecar/parse/site_history.h"
#include "sidecar/redflag/moment.h"
#include "sidecar/redflag/verdicts.h"

enum {
  EVIDENCE_MAX = 16,
  EVIDENCE_LINE_SIZE = 256, /* what a collectd notification holds, with the NUL */
  EVIDENCE_PATH_SIZE = 512,
  EVIDENCE_OWNER_SIZE = 64,
  EVIDENCE_TEXT_MAX = 16 * 1024,
};

/* What was found while reading, in words. Paths are printable. */
struct findings {
  char same_file_path[EVIDENCE_PATH_SIZE];    /* open most often; "" none */
  char foreign_lock_path[EVIDENCE_PATH_SIZE]; /* "" none */
  char foreign_lock_owner[EVIDENCE_OWNER_SIZE];
  pid_t foreign_lock_pid;      /* 0 or -1 as in descriptors.h */
  const char *session_pattern; /* with most descriptors; NULL none */
};

/* All a line can be made from. Pointers are borrowed; NULL where nothing is known. */
struct evidence_facts {
  const char *instance;
  pid_t pid;
  uint16_t pprof_port; /* 0: none that is its own */
  uint64_t now_ms;     /* the clock of the verdict */
  const struct moment *now, *baseline;
  const struct findings *findings;
  const struct site_history *goroutine_sites, *heap_sites;
  double memory_pressure_percent; /* of the host, over a minute; NaN unknown */
  uint64_t inotify_watches_limit; /* VALUE_UNKNOWN */
};

struct evidence {
  char line[EVIDENCE_LINE_SIZE];
  size_t len;
  struct {
    const char *name; /* static */
    size_t at;        /* of the value in text */
  } items[EVIDENCE_MAX];
  struct buffer text;
};

void evidence_free(struct evidence *evidence);

/* Declares an empty evidence that is freed with its scope. */
#define autoevidence(name)                                                                     \
  __attribute__((cleanup(evidence_free))) struct evidence name = {                             \
      .text = {.max = EVIDENCE_TEXT_MAX}}

/* Fills an empty evidence from a verdict that changed. What memory runs out for is left
 * out; the line is always there. */
void evidence_compose(struct evidence *evidence, const struct verdict *verdict,
                      const struct evidence_facts *facts);

/* The line for a flag that ends because its process does. */
void evidence_compose_end(struct evidence *evidence, enum red_flag flag,
                          const struct evidence_facts *facts);

/* Adds a fact; name is static. */
void evidence_add(struct evidence *evidence, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *evidence_value(const struct evidence *evidence, size_t i);

#endif
