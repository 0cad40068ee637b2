/*
 * What is read of processes, as errands of the watchdog: each contains or owns all that its
 * reading touches, and nothing that it does not read. An errand that was left behind also owns
 * its host and lock table, and its process.
 */
#ifndef SIDECAR_ERRANDS_H
#define SIDECAR_ERRANDS_H

#include <limits.h>

#include "sidecar/go/endpoint.h"
#include "sidecar/os/descriptors.h"
#include "sidecar/os/discovery.h"
#include "sidecar/os/memory_map.h"
#include "sidecar/os/process.h"
#include "sidecar/users.h"
#include "sidecar/watchdog.h"

struct target;

/* All are freed with errand_free(), which leaves alone what is not the errand's own yet; they
 * are NULL without memory. */

/* Frees an errand, and nothing else. NULL is fine. */
void errand_free(struct errand *errand);

/* Closes the host and the lock table of an errand that was left behind and came back. */
void errand_close_host(struct errand *errand);

/* ---- finding processes ---- */

struct scan_errand {
  struct errand errand;
  struct discovery_examination *examination;
};

struct scan_errand *scan_errand_new(void);

/* ---- opening one ---- */

struct open_errand {
  struct errand errand; /* its pid is the process to open */
  int status;           /* of process_open() and process_read_owner() */
  struct process *process;
  uid_t owner;
  int cwd_status;
  char cwd[PATH_MAX]; /* as process_read_cwd() */
};

struct open_errand *open_errand_new(pid_t pid);

/* ---- pulses: as many as wanted, in turns ---- */

struct pulse_item {
  struct turn turn;
  struct target *target;   /* the owner's */
  struct process *process; /* of it */
  uint64_t started_ns, ended_ns;
  int error; /* of process_read_pulse() */
  struct process_pulse pulse;
};

struct pulse_errand {
  struct errand errand;
  struct turn_clock clock;
  size_t len;
  struct pulse_item items[];
};

struct pulse_errand *pulse_errand_new(size_t len);

/* ---- the detail of one process ---- */

struct detail_errand {
  struct errand errand;
  struct target *target; /* the owner's */
  struct process *process;
  struct descriptors *descriptors;
  bool wants_search, wants_rollup;

  uint64_t started_ns, map_ns, ended_ns; /* when it began; the memory map; it ended */
  struct endpoint_search search;         /* if wanted */
  uint64_t inodes[LISTENERS_MAX]; /* of the listeners; to be set where none are searched */
  size_t inodes_len;
  bool owned[LISTENERS_MAX];
  int descriptors_error; /* with -EINPROGRESS the rest is not read */
  struct descriptors_reading reading;
  int regions_error, rollup_error;
  uint64_t regions;
  struct memory_map_rollup rollup; /* if wanted, and the regions could be counted */
  int switches_error;
  uint64_t voluntary, involuntary; /* context switches */
  bool has_ended;
};

struct detail_errand *detail_errand_new(void);

#endif
