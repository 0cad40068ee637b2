/*
 * The evidence of a red flag that changed: one line for people, and named facts to look at
 * first (the path opened most, the class that grew, the stack, the lock's owner, the command
 * that confirms it). Pure; the glue turns it into a notification.
 */
#ifndef SIDECAR_REDFLAG_EVIDENCE_H
#define SIDECAR_REDFLAG_EVIDENCE_H

#include <sys/types.h>

#include "common/buffer.h"
#include "common/pattern.h"
#include "sidecar/go/allocations.h"
#include "sidecar/go/cpu_profile.h"
#include "sidecar/go/site.h"
#include "sidecar/redflag/red_flag.h"
#include "sidecar/redflag/snapshot.h"
#include "sidecar/redflag/stuck.h"

enum {
  EVIDENCE_MAX = 16,
  EVIDENCE_LINE_SIZE = 256, /* of a collectd notification, with the NUL */
  EVIDENCE_PATH_SIZE = 512,
  EVIDENCE_OWNER_SIZE = 64,
  EVIDENCE_TEXT_MAX = 16 * 1024,
  EVIDENCE_STACK_SIZE = 200, /* of a stack in a line, with the NUL */
};

/* Findings of a reading, as text. Paths are printable. */
struct findings {
  char same_file_path[EVIDENCE_PATH_SIZE]; /* the path open most often; "" none */
  char same_device_path[EVIDENCE_PATH_SIZE];
  uint64_t same_device_opens;              /* VALUE_UNKNOWN; 0 none */
  char deleted_path[EVIDENCE_PATH_SIZE];   /* one of those that were unlinked; "" none */
  char directory_path[EVIDENCE_PATH_SIZE]; /* with the most paths open; "" none */
  uint64_t directory_paths;                /* at least; VALUE_UNKNOWN */
  bool directory_is_exact;                 /* not more */
  enum descriptor_class directory_class;   /* of these paths */
  char same_database_path[EVIDENCE_PATH_SIZE];
  char foreign_lock_path[EVIDENCE_PATH_SIZE]; /* "" none */
  char foreign_lock_owner[EVIDENCE_OWNER_SIZE];
  pid_t foreign_lock_pid; /* 0 or -1 as in descriptors.h */
  enum sqlite_lock foreign_lock_kind;
  const char *session_pattern; /* with the most descriptors; NULL none */
  struct site stuck_fetch;     /* the one that has been waiting the longest; weight 0: none */
};

/* When a profile of the goroutines was taken, and how many there were. wall_ms 0: it is as new
 * as the values that it explains. */
struct evidence_moment {
  int64_t wall_ms;
  uint64_t goroutines;
};

/* Everything that a line may use. Pointers are borrowed; NULL if nothing is known. */
struct evidence_facts {
  const char *instance;
  pid_t pid;              /* 0: not known */
  uint16_t pprof_port;    /* 0: none that is known to be its own */
  const char *pprof_path; /* the prefix of its pages; NULL: PPROF_DEFAULT_PATH */
  uint64_t now_ms;        /* the clock of the status */
  const struct snapshot *now, *baseline;
  const struct findings *findings;
  const struct site_history *goroutine_sites, *heap_sites;
  /* The sites of the last dump, if goroutine_sites are of a later profile, by stack alone;
   * otherwise NULL. What was found stuck is of the dump. */
  const struct site_history *older_dump;
  struct evidence_moment sites_of, dump_of;
  const struct site_top *leaks; /* stacks of leaked goroutines, of the last detection */
  const struct allocations *allocations;
  const struct stuck *stuck;
  const struct cpu_profile *cpu;      /* taken when the flag was raised */
  const struct red_flag_rules *rules; /* never NULL */
  const struct pattern_list *goroutine_patterns;
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

/* Fills an empty evidence from a status that changed. Without memory, facts are omitted; the
 * line is always there. */
void evidence_compose(struct evidence *evidence, const struct flag_status *status,
                      const struct evidence_facts *facts);

/* The line for a flag that is cleared because its process ended. */
void evidence_compose_end(struct evidence *evidence, enum red_flag flag,
                          const struct evidence_facts *facts);

/* Adds a fact; name is static. */
void evidence_add(struct evidence *evidence, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *evidence_value(const struct evidence *evidence, size_t i);

/* The stack of a site as one printable line, cut to size. Returns dst. */
char *evidence_stack(char *dst, size_t size, const struct site *site);

enum { EVIDENCE_MOMENT_SIZE = 48 };

/* " of 17 at 02:13 UTC"; "" if it is as new as the values. Returns dst. */
char *evidence_moment_text(char dst[EVIDENCE_MOMENT_SIZE],
                           const struct evidence_moment *moment);

/* ---- the evidence of each kind of flag, for the table of red flags ---- */

#define EVIDENCE_OF(name)                                                                      \
  void evidence_of_##name(struct evidence *evidence, struct buffer *line,                      \
                          const struct flag_status *status,                                    \
                          const struct evidence_facts *facts)

EVIDENCE_OF(memory);
EVIDENCE_OF(swap);
EVIDENCE_OF(fds);
EVIDENCE_OF(fds_growth);
EVIDENCE_OF(same_file);
EVIDENCE_OF(session_files);
EVIDENCE_OF(same_database);
EVIDENCE_OF(goroutines);
EVIDENCE_OF(goroutine_growth);
EVIDENCE_OF(stuck_goroutines);
EVIDENCE_OF(leaked_goroutines);
EVIDENCE_OF(fetching);
EVIDENCE_OF(stuck_fetch);
EVIDENCE_OF(heap_growth);
EVIDENCE_OF(allocations);
EVIDENCE_OF(cpu);
EVIDENCE_OF(contention);
EVIDENCE_OF(watches);
EVIDENCE_OF(missing_pprof);

#endif
