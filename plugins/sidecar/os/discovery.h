/*
 * Finds the processes to watch among all running ones. A scan is one pass over the process
 * table and examines only new processes: a process is identified by its pid and the inode
 * number of its directory, which changes when the pid is reused. Because a process may become
 * another program (exec) under the same pid, those already seen are examined again in turn, a
 * slice of them in each scan, young ones in every scan.
 */
#ifndef SIDECAR_OS_DISCOVERY_H
#define SIDECAR_OS_DISCOVERY_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "sidecar/os/host.h"

struct discovery_rule {
  const char *executable;      /* base name of the program, exact */
  const regex_t *command_line; /* further condition; NULL: any. The arguments are joined
                                  by single spaces. See pattern_compile() */
};

struct discovery_match {
  pid_t pid;
  size_t rule; /* index of the first rule that matched */
};

struct discovery;

/* What a scan leaves out; all zero: nothing. */
struct discovery_exclusions {
  bool everything; /* that is not known to match */
  bool (*has_pid)(const void *context, pid_t pid);
  bool (*has_user)(const void *context, uid_t uid);
  const void *context;
};

/*
 * rules are borrowed and must live as long as the discovery. Returns 0, -ENOMEM, or -E2BIG
 * from 65,535 rules on; the caller owns *ret.
 */
int discovery_new(struct host *host, const struct discovery_rule *rules, size_t rules_len,
                  struct discovery **ret);
void discovery_free(struct discovery *discovery);

/*
 * Scans once. *ret_matches is sorted by pid, owned by the discovery and valid until the next
 * scan. A process is matched by the base name of its executable, without " (deleted)"; by its
 * comm (truncated to 15 bytes) if the executable cannot be read. Kernel threads and zombies do
 * not match. A process that becomes another program (exec) is noticed at once when it matched
 * or was first seen less than 8 scans ago, otherwise within 48 scans, or a few where there are
 * few processes. After the host's deadline (os/host.h) at least one process is examined; the
 * others keep their result, and the next scan begins with them. Returns 0, -ENOMEM, or the
 * error of reading the process table; a process that ends during the scan is not an error.
 */
int discovery_scan(struct discovery *discovery, const struct discovery_match **ret_matches,
                   size_t *ret_len);

/*
 * A scan in three parts, because a process can block the one who examines it. discovery_begin()
 * lists the processes and returns, in *ret, which of them to examine; that is the discovery's
 * until it is taken from it by discovery_lose(). Those of a process or user that is excluded
 * keep their result; exclusions may be NULL. Returns as discovery_scan().
 */
struct discovery_examination;
int discovery_begin(struct discovery *discovery, const struct discovery_exclusions *exclusions,
                    struct discovery_examination **ret);

/* Examines them. go_on is called after each; if it returns false, the examination was lost in
 * that one. May be called by another thread. */
void discovery_examine(struct discovery_examination *examination, bool (*go_on)(void *context),
                       void *context);

/* The examination does not return from a process after the first so many: the caller owns it
 * from now on, for discovery_examination_free(). Returns the process. The others have to wait
 * for the next scan. */
pid_t discovery_lose(struct discovery *discovery, size_t done);
void discovery_examination_free(struct discovery_examination *examination);

/* Ends the scan. Returns and results as discovery_scan(). */
int discovery_end(struct discovery *discovery, const struct discovery_match **ret_matches,
                  size_t *ret_len);

/* From now on it uses another host of the same root. */
void discovery_move(struct discovery *discovery, struct host *host);

#endif
