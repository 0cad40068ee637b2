/*
 * /proc/PID/stat: one line of fields by position, as proc(5) numbers them. The second is
 * the name of the program in parentheses and may itself hold blanks, parentheses and
 * newlines, so the fields are counted from the last ")".
 */
#ifndef SIDECAR_PARSE_PROC_STAT_H
#define SIDECAR_PARSE_PROC_STAT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scan.h"

struct proc_stat {
  struct span name;                    /* 2: into the text; at most 15 bytes of a program */
  char state;                          /* 3: R S D T t I Z X ... */
  uint64_t flags;                      /* 9: PF_* */
  uint64_t minor_faults, major_faults; /* 10, 12: not those of its children */
  uint64_t user_ticks, system_ticks;   /* 14, 15: of all threads, ended ones too */
  uint64_t threads;                    /* 20 */
  uint64_t start_ticks;                /* 22: since boot */
  uint64_t virtual_bytes;              /* 23 */
};

/*
 * Parses the text of the file. Returns 0, or -EBADMSG when a field that is wanted is
 * missing, cut off or no number; *ret is written only on success.
 */
int proc_stat_parse(struct span text, struct proc_stat *ret);

/*
 * It ended: only its exit status is left (state Z), or not even that (X); or it is about to end
 * and has given its memory back, which is the first thing to go (do_exit() in the kernel).
 */
bool proc_stat_is_dead(const struct proc_stat *stat);

/* A thread of the kernel (PF_KTHREAD), which never was a program. */
bool proc_stat_is_kernel_thread(const struct proc_stat *stat);

#endif
