/* Snapshots and trends; see snapshot.h. */
#include "sidecar/redflag/snapshot.h"

#include <math.h>
#include <string.h>

#include "common/scan.h"

void snapshot_init(struct snapshot *snapshot) {
  memset(snapshot, 0xFF, sizeof(*snapshot)); /* all of it VALUE_UNKNOWN */
}

#define FIELD(member) offsetof(struct snapshot, member)
#define CLASS(class) offsetof(struct snapshot, fds_by_class[DESCRIPTOR_##class])
#define STATE(state) offsetof(struct snapshot, goroutines_by_state[GOROUTINE_##state])

const struct snapshot_field snapshot_fields[SNAPSHOT_FIELDS] = {
    {"RSS", FIELD(memory.resident_bytes), true},
    {"  anonymous", FIELD(memory.anon_bytes), true},
    {"  files", FIELD(memory.file_bytes), true},
    {"  shared memory", FIELD(memory.shmem_bytes), true},
    {"  freed, retained", FIELD(retained_bytes), true},
    {"swap", FIELD(memory.swap_bytes), true},
    {"heap allocated", FIELD(heap_alloc_bytes), true},
    {"heap in use", FIELD(heap_inuse_bytes), true},
    {"memory regions", FIELD(memory_regions), false},
    {"FDs", FIELD(fds), false},
    {"  regular files", CLASS(REGULAR), false},
    {"  directories", CLASS(DIRECTORY), false},
    {"  pipes", CLASS(PIPE), false},
    {"  sockets", CLASS(SOCKET), false},
    {"  inotify", CLASS(INOTIFY), false},
    {"  eventpoll", CLASS(EVENTPOLL), false},
    {"  eventfd", CLASS(EVENTFD), false},
    {"  devices", CLASS(DEVICE), false},
    {"  other", CLASS(OTHER), false},
    {"deleted files", FIELD(fds_deleted), false},
    {"same file opened", FIELD(same_file_opens), false},
    {"same database opened", FIELD(same_database_opens), false},
    {"session files", FIELD(session_files), false},
    {"inotify watches", FIELD(inotify_watches), false},
    {"threads", FIELD(threads), false},
    {"goroutines", FIELD(goroutines), false},
    {"  chan receive", STATE(CHAN_RECEIVE), false},
    {"  chan send", STATE(CHAN_SEND), false},
    {"  select", STATE(SELECT), false},
    {"  IO wait", STATE(IO_WAIT), false},
    {"  sleep", STATE(SLEEP), false},
    {"  sync", STATE(SYNC), false},
    {"  syscall", STATE(SYSCALL), false},
    {"  running", STATE(RUNNING), false},
    {"  runnable", STATE(RUNNABLE), false},
    {"  other", STATE(OTHER), false},
    {"  newly stuck", FIELD(goroutines_stuck), false},
    {"  leaked", FIELD(goroutines_leaked), false},
    {"  fetching data", FIELD(fetch_data), false},
    {"  stuck in a fetch", FIELD(fetches_stuck), false},
};

uint64_t snapshot_value(const struct snapshot *snapshot, const struct snapshot_field *field) {
  return *(const uint64_t *)(const void *)((const char *)snapshot + field->offset);
}

uint64_t snapshot_growth(uint64_t before, uint64_t now) {
  if (before == VALUE_UNKNOWN || now == VALUE_UNKNOWN || now <= before)
    return 0;
  return now - before;
}

/* ---- trends ---- */

void trend_begin(struct trend *trend) {
  for (size_t i = 0; i < RED_FLAG_SIGNALS; i++)
    trend->signals[i] = (struct trend_signal){.baseline = NAN,
                                              .latest = NAN,
                                              .lowest = NAN,
                                              .highest = NAN,
                                              .first_trough = NAN,
                                              .last_trough = NAN};
}

static void begin_signal(struct trend_signal *signal, double value, uint64_t now_ms) {
  signal->baseline = signal->lowest = signal->highest = signal->open_trough = value;
  signal->baseline_ms = signal->open_ms = now_ms;
}

/* A pause makes a window longer, which does not change the meaning of its trough. */
static void close_window(struct trend_signal *signal, uint64_t now_ms) {
  signal->last_trough = signal->open_trough;
  if (isnan(signal->first_trough))
    signal->first_trough = signal->open_trough;
  if (signal->last_trough <= signal->first_trough)
    signal->since_ms = now_ms;
  signal->open_trough = INFINITY;
  signal->open_ms = now_ms;
}

void trend_observe(struct trend *trend, enum red_flag_signal signal, double value,
                   uint64_t now_ms) {
  struct trend_signal *it = &trend->signals[signal];
  if (!isfinite(value) || value < 0)
    return;
  if (isnan(it->baseline))
    begin_signal(it, value, now_ms);
  else if (now_ms < it->open_ms)
    it->open_ms = now_ms;
  else if (now_ms - it->open_ms >= TREND_WINDOW_MS)
    close_window(it, now_ms);
  it->open_trough = fmin(it->open_trough, value);
  it->lowest = fmin(it->lowest, value);
  it->highest = fmax(it->highest, value);
  it->latest = value;
  it->latest_ms = now_ms;
}
