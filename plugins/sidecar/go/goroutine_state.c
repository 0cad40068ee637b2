/*
 * The table of wait reasons. Those that only goroutines of the runtime or of tests have (GC
 * workers, tracing, synctest) are "other": they are not searched for leaks.
 */
#include "sidecar/go/goroutine_state.h"

#include <string.h>

#include "common/array.h"

static const char *const state_names[GOROUTINE_STATES] = {
    [GOROUTINE_CHAN_RECEIVE] = "chan_receive",
    [GOROUTINE_CHAN_SEND] = "chan_send",
    [GOROUTINE_SELECT] = "select",
    [GOROUTINE_IO_WAIT] = "io_wait",
    [GOROUTINE_SLEEP] = "sleep",
    [GOROUTINE_SYNC] = "sync",
    [GOROUTINE_SYSCALL] = "syscall",
    [GOROUTINE_RUNNING] = "running",
    [GOROUTINE_RUNNABLE] = "runnable",
    [GOROUTINE_OTHER] = "other",
};

const char *goroutine_state_name(enum goroutine_state state) {
  return state < GOROUTINE_STATES ? state_names[state] : "";
}

struct reason {
  struct span text;
  enum goroutine_state state;
};

#define REASON(text, state)                                                                    \
  { {text, sizeof(text) - 1}, state }

/* The most frequent ones come first: the search is linear. */
static const struct reason reasons[] = {
    REASON("chan receive", GOROUTINE_CHAN_RECEIVE),
    REASON("select", GOROUTINE_SELECT),
    REASON("IO wait", GOROUTINE_IO_WAIT),
    REASON("chan send", GOROUTINE_CHAN_SEND),
    REASON("sleep", GOROUTINE_SLEEP),
    REASON("syscall", GOROUTINE_SYSCALL),
    REASON("runnable", GOROUTINE_RUNNABLE),
    REASON("running", GOROUTINE_RUNNING),
    REASON("semacquire", GOROUTINE_SYNC), /* in older versions of Go also for the four below */
    REASON("sync.Mutex.Lock", GOROUTINE_SYNC),
    REASON("sync.RWMutex.RLock", GOROUTINE_SYNC),
    REASON("sync.RWMutex.Lock", GOROUTINE_SYNC),
    REASON("sync.WaitGroup.Wait", GOROUTINE_SYNC),
    REASON("sync.Cond.Wait", GOROUTINE_SYNC),
    REASON("preempted", GOROUTINE_RUNNABLE), /* ready to run */
    REASON("copystack", GOROUTINE_RUNNING),  /* its stack is being moved */
    REASON("coroutine", GOROUTINE_OTHER),    /* an iter.Pull at rest */
    REASON("finalizer wait", GOROUTINE_OTHER),
    REASON("cleanup wait", GOROUTINE_OTHER),
    REASON("panicwait", GOROUTINE_OTHER),
    REASON("debug call", GOROUTINE_OTHER),
    REASON("dumping heap", GOROUTINE_OTHER),
    REASON("GC assist marking", GOROUTINE_OTHER),
    REASON("GC assist wait", GOROUTINE_OTHER),
    REASON("GC sweep wait", GOROUTINE_OTHER),
    REASON("GC scavenge wait", GOROUTINE_OTHER),
    REASON("GC worker (idle)", GOROUTINE_OTHER),
    REASON("GC worker (active)", GOROUTINE_OTHER),
    REASON("GC mark termination", GOROUTINE_OTHER),
    REASON("GC weak to strong wait", GOROUTINE_OTHER),
    REASON("garbage collection", GOROUTINE_OTHER),
    REASON("garbage collection scan", GOROUTINE_OTHER),
    REASON("wait for GC cycle", GOROUTINE_OTHER),
    REASON("force gc (idle)", GOROUTINE_OTHER),
    REASON("GOMAXPROCS updater (idle)", GOROUTINE_OTHER),
    REASON("timer goroutine (idle)", GOROUTINE_OTHER),
    REASON("trace reader (blocked)", GOROUTINE_OTHER),
    REASON("trace goroutine status", GOROUTINE_OTHER),
    REASON("trace proc status", GOROUTINE_OTHER),
    REASON("page trace flush", GOROUTINE_OTHER),
    REASON("stopping the world", GOROUTINE_OTHER),
    REASON("flushing proc caches", GOROUTINE_OTHER),
    REASON("synctest.Run", GOROUTINE_OTHER),
    REASON("synctest.Wait", GOROUTINE_OTHER),
    REASON("waiting", GOROUTINE_OTHER),                  /* no reason given */
    REASON("waiting for cgo callback", GOROUTINE_OTHER), /* spare ones, for C threads */
    REASON("leaked", GOROUTINE_OTHER),
    REASON("idle", GOROUTINE_OTHER),
    REASON("dead", GOROUTINE_OTHER),
    REASON("unknown wait reason", GOROUTINE_OTHER),
    REASON("???", GOROUTINE_OTHER),
};

static const struct reason *find(struct span reason) {
  for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
    struct span text = reasons[i].text;
    if (text.len == reason.len && memcmp(text.at, reason.at, text.len) == 0)
      return &reasons[i];
  }
  return NULL;
}

/* Removes " (...)" from the end of *reason. */
static bool drop_note(struct span *reason) {
  if (reason->len == 0 || reason->at[reason->len - 1] != ')')
    return false;
  const char *open = memrchr(reason->at, '(', reason->len);
  if (open == NULL || open == reason->at || open[-1] != ' ')
    return false;
  reason->len = (size_t)(open - reason->at) - 1;
  return true;
}

enum goroutine_state goroutine_state_parse(struct span reason, bool *ret_known) {
  const struct reason *found = find(reason);
  /* at most "(durable)", "(leaked)" and "(scan)" follow one reason */
  for (int notes = 0; found == NULL && notes < 4 && drop_note(&reason); notes++)
    found = find(reason);
  if (ret_known != NULL)
    *ret_known = found != NULL;
  return found != NULL ? found->state : GOROUTINE_OTHER;
}
