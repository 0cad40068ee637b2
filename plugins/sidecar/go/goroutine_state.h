/*
 * The state of a goroutine, from its header in goroutine?debug=2 (runtime/traceback.go,
 * goroutineheader): a wait reason (runtime/runtime2.go, waitReasonStrings) or a plain status
 * (gStatusStrings), grouped into the ten states that have a metric. Covers Go 1.19 to 1.27; an
 * unknown reason is "other". Pure.
 */
#ifndef SIDECAR_GO_GOROUTINE_STATE_H
#define SIDECAR_GO_GOROUTINE_STATE_H

#include <stdbool.h>

#include "common/scan.h"

enum goroutine_state {
  GOROUTINE_CHAN_RECEIVE,
  GOROUTINE_CHAN_SEND,
  GOROUTINE_SELECT,
  GOROUTINE_IO_WAIT,
  GOROUTINE_SLEEP,
  GOROUTINE_SYNC, /* mutexes, condition variables, wait groups, semaphores */
  GOROUTINE_SYSCALL,
  GOROUTINE_RUNNING,
  GOROUTINE_RUNNABLE,
  GOROUTINE_OTHER,
  GOROUTINE_STATES,
  GOROUTINE_STATE_UNKNOWN = GOROUTINE_STATES /* no goroutine dump shows it */
};

/* The state's name as a type instance: "chan_receive"; of one that is unknown "". */
const char *goroutine_state_name(enum goroutine_state state);

/*
 * The state that a reason stands for: the text up to the first comma of the notes, such as
 * "chan receive (nil chan)" or "running (scan)". A note in parentheses after a known reason
 * ("(durable)", "(leaked)", "(scan)", one yet to come) does not change its state. *ret_known
 * (may be NULL): whether it is a reason of one of these versions of Go.
 */
enum goroutine_state goroutine_state_parse(struct span reason, bool *ret_known);

#endif
