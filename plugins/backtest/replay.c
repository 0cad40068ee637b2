/* Rows through the red flags of the plugin; see replay.h. */
#include "backtest/replay.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/collector.h"
#include "sidecar/redflag/evidence.h"
#include "sidecar/redflag/flags.h"

struct part {
  bool has_column;
  bool has_counters;    /* columns */
  bool is_there;        /* in this row */
  bool is_counted;      /* a counter is there */
  bool is_changed;      /* since it was last observed */
  uint64_t observed_ms; /* 0: never */
};

struct replay {
  struct replay_options options;
  struct column columns[COLUMNS_MAX];
  double observed[COLUMNS_MAX]; /* cells of the parts when they were last observed */
  size_t columns_len;
  int start_column;
  bool has_heap_alloc, has_next_gc, has_num_gc; /* columns */
  struct part parts[COLUMN_PARTS];
  uint64_t begin_ms, end_ms;
  uint64_t start_time_ms; /* of the process; VALUE_UNKNOWN */
  uint64_t pid;           /* likewise */
  uint64_t known;         /* bit n: flag n was known in a row */
  struct flags *flags;    /* NULL before the first row */
  struct recorded row;
};

/* ---- lifetime ---- */

struct replay *replay_new(const struct replay_options *options) {
  struct replay *replay = calloc(1, sizeof(*replay));
  if (replay == NULL)
    return NULL;
  replay->options = *options;
  replay->start_column = -1;
  replay->start_time_ms = replay->pid = VALUE_UNKNOWN;
  recorded_init(&replay->row);
  return replay;
}

void replay_free(struct replay *replay) {
  if (replay == NULL)
    return;
  flags_free(replay->flags);
  free(replay);
}

bool replay_add_column(struct replay *replay, const struct column *column) {
  for (size_t i = 0; i < replay->columns_len; i++)
    if (column_is_same(&replay->columns[i], column))
      return false;
  if (column->part == PART_PROCESS &&
      column->offset == offsetof(struct recorded, start_time_ms))
    replay->start_column = (int)replay->columns_len;
  if (column->part == PART_MEMSTATS) {
    replay->has_heap_alloc |=
        column->offset == offsetof(struct recorded, memstats.heap_alloc_bytes);
    replay->has_next_gc |= column->offset == offsetof(struct recorded, memstats.next_gc_bytes);
    replay->has_num_gc |= column->offset == offsetof(struct recorded, memstats.num_gc);
  }
  replay->parts[column->part].has_column = true;
  replay->parts[column->part].has_counters |= column->is_counter;
  replay->observed[replay->columns_len] = NAN;
  replay->columns[replay->columns_len++] = *column;
  return true;
}

size_t replay_columns(const struct replay *replay) {
  return replay->columns_len;
}

const struct column *replay_column(const struct replay *replay, size_t i) {
  return &replay->columns[i];
}

int replay_start_column(const struct replay *replay) {
  return replay->start_column;
}

bool replay_knows(const struct replay *replay, enum red_flag flag) {
  return (replay->known & UINT64_C(1) << flag) != 0;
}

uint64_t replay_begin_ms(const struct replay *replay) {
  return replay->begin_ms;
}

uint64_t replay_end_ms(const struct replay *replay) {
  return replay->end_ms;
}

/* ---- changes ---- */

static struct evidence_facts facts_of(const struct replay *replay, uint64_t now_ms) {
  const struct config *config = replay->options.config;
  return (struct evidence_facts){
      .instance = replay->options.name,
      .pid = replay->pid <= INT32_MAX ? (pid_t)replay->pid : 0,
      .now_ms = now_ms,
      .now = &replay->flags->now,
      .baseline = &replay->flags->baseline,
      .findings = &replay->flags->findings,
      .rules = &config->red_flags,
      .goroutine_patterns = &config->goroutine_patterns,
      .memory_pressure_percent = NAN,
      .inotify_watches_limit = replay->options.inotify_watches_limit,
  };
}

static void pass_on(const struct replay *replay, uint64_t now_ms,
                    const struct flag_status *status, const struct evidence *evidence) {
  struct change change = {.time_ms = now_ms, .status = status, .message = evidence->line};
  replay->options.change(replay->options.context, &change);
}

static void note_known(struct replay *replay) {
  struct flag_status status;
  for (size_t i = 0; i < RED_FLAGS; i++)
    if (!replay_knows(replay, (enum red_flag)i) &&
        evaluator_get(replay->flags->evaluator, (enum red_flag)i, &status))
      replay->known |= UINT64_C(1) << i;
}

/* ---- processes ---- */

static void end_process(struct replay *replay, uint64_t now_ms) {
  struct flag_status ended[RED_FLAGS];
  size_t len = flags_end(replay->flags, ended);
  struct evidence_facts facts = facts_of(replay, now_ms);
  for (size_t i = 0; i < len; i++) {
    autoevidence(evidence);
    ended[i].since_ms = now_ms;
    evidence_compose_end(&evidence, ended[i].flag, &facts);
    pass_on(replay, now_ms, &ended[i], &evidence);
  }
  flags_free(replay->flags);
  replay->flags = NULL;
  replay->pid = VALUE_UNKNOWN;
}

/* Without its start, the process is taken to have started with the first row. */
static int begin_process(struct replay *replay, uint64_t now_ms) {
  const struct config *config = replay->options.config;
  struct flags_options options = {.rules = &config->red_flags,
                                  .fd_patterns = &config->fd_patterns,
                                  .goroutine_patterns = &config->goroutine_patterns};
  uint64_t start_ms = replay->start_time_ms;
  for (size_t i = 0; i < COLUMN_PARTS; i++)
    replay->parts[i].observed_ms = 0;
  return flags_new(&options, start_ms < now_ms ? now_ms - start_ms : 0, now_ms, &replay->flags);
}

/* A cell in the unit of its field; VALUE_UNKNOWN if it is unknown, or too large for one. */
static uint64_t field_of(double cell, double scale) {
  double value = cell * scale;
  return value < 0x1p64 ? (uint64_t)value : VALUE_UNKNOWN; /* not NaN, which is not less */
}

/* The process of the last row has ended if another one has its name. */
static int follow_process(struct replay *replay, uint64_t now_ms, const double *cells) {
  uint64_t start_ms = VALUE_UNKNOWN;
  if (replay->start_column >= 0)
    start_ms =
        field_of(cells[replay->start_column], replay->columns[replay->start_column].scale);
  if (start_ms == VALUE_UNKNOWN)
    start_ms = replay->start_time_ms;
  bool is_other = start_ms != replay->start_time_ms && replay->start_time_ms != VALUE_UNKNOWN;
  replay->start_time_ms = start_ms;
  if (replay->flags != NULL && is_other)
    end_process(replay, now_ms);
  return replay->flags != NULL ? 0 : begin_process(replay, now_ms);
}

/* ---- rows ---- */

static void take_cell(struct replay *replay, size_t i, double cell) {
  const struct column *column = &replay->columns[i];
  struct part *part = &replay->parts[column->part];
  if (column->part == PART_NONE)
    return;
  bool is_known = !isnan(cell);
  *column_field(column, &replay->row) = field_of(cell, column->scale);
  part->is_there |= is_known;
  part->is_counted |= is_known && column->is_counter;
  part->is_changed |= is_known && cell != replay->observed[i];
}

/* The limit of which part is that share; VALUE_UNKNOWN if that cannot be told. */
static uint64_t limit_of(uint64_t part, uint64_t share) {
  bool is_known = part != VALUE_UNKNOWN && share != VALUE_UNKNOWN && share > 0;
  return is_known ? (uint64_t)((double)part * RECORDED_WHOLE / (double)share + 0.5)
                  : VALUE_UNKNOWN;
}

/* That of the host the values are of, or the one that was given. */
static uint64_t watches_limit(const struct replay *replay) {
  const struct recorded *row = &replay->row;
  uint64_t limit = limit_of(row->descriptors.inotify_watches, row->inotify_watches_share);
  return limit != VALUE_UNKNOWN ? limit : replay->options.inotify_watches_limit;
}

static void take_cells(struct replay *replay, const double *cells) {
  for (size_t i = 0; i < COLUMN_PARTS; i++)
    replay->parts[i].is_there = replay->parts[i].is_counted = replay->parts[i].is_changed =
        false;
  for (size_t i = 0; i < replay->columns_len; i++)
    take_cell(replay, i, cells[i]);
  /* The live heap is not that of the plugin without one of these. It takes HeapAlloc for it
   * when there is no NextGC in a reading: then the cell is empty. */
  if (!replay->has_heap_alloc || !replay->has_next_gc || !replay->has_num_gc)
    replay->row.memstats.heap_alloc_bytes = replay->row.memstats.next_gc_bytes = VALUE_UNKNOWN;
  if (replay->row.open_fds_share != VALUE_UNKNOWN)
    replay->row.pulse.max_fds =
        limit_of(replay->row.pulse.open_fds, replay->row.open_fds_share);
  if (replay->row.pid != VALUE_UNKNOWN)
    replay->pid = replay->row.pid;
}

static uint64_t detail_interval(const struct config *config, enum column_part part) {
  uint64_t dumps_ms = config->goroutine_dump_interval_ms;
  return part == PART_GOROUTINES && dumps_ms > 0 ? dumps_ms : config->detail_interval_ms;
}

/* Would the plugin have read it again by now? A row may come a little early. */
static bool is_due(const struct replay *replay, enum column_part part, uint64_t now_ms) {
  uint64_t age_ms = now_ms - replay->parts[part].observed_ms;
  uint64_t row_ms = now_ms - replay->end_ms;
  return age_ms + row_ms / 10 >= detail_interval(replay->options.config, part) ||
         (part == PART_DESCRIPTORS && flags_want_descriptors(replay->flags, age_ms));
}

static bool is_observed(const struct replay *replay, enum column_part part, uint64_t now_ms) {
  const struct part *it = &replay->parts[part];
  if (!it->is_there)
    return false;
  if (part == PART_PULSE || part == PART_GOROUTINE_COUNT || part == PART_LEAKS)
    return true;
  if (it->has_counters && !it->is_counted)
    return false; /* the plugin sends counters only when it has read them */
  return it->observed_ms == 0 || it->is_changed || is_due(replay, part, now_ms);
}

/* What the plugin makes of its search for a server. The port is verified to be the process's.
 */
static double has_pprof(const struct recorded *row) {
  if (row->pprof_port != VALUE_UNKNOWN)
    return 1;
  switch (row->pprof_status) {
  case STATUS_OK:
    return 1;
  case STATUS_OFF:
  case STATUS_FOREIGN:
  case STATUS_REFUSED:
  case STATUS_INVALID:
    return 0;
  default:
    return NAN;
  }
}

static struct reading reading_of(const struct replay *replay, unsigned parts, uint64_t now_ms) {
  const struct recorded *row = &replay->row;
  return (struct reading){
      .parts = parts,
      .now_ms = now_ms,
      .pulse = &row->pulse,
      .ticks_per_second = 1000000,
      .descriptors = &row->descriptors,
      .lock_owner = "",
      .inotify_watches_limit = watches_limit(replay),
      .memory_regions = row->memory_regions,
      .memory_pressure_percent = NAN, /* is of the host, and no metric */
      .wall_ms = (int64_t)now_ms,
      .lazyfree_bytes = row->rollup.lazyfree,
      .goroutines = row->goroutines,
      .goroutines_leaked = row->goroutines_leaked,
      .memstats = &row->memstats,
      .goroutine_profile = &row->goroutine_profile,
      .has_pprof = has_pprof(row),
  };
}

static void observe(struct replay *replay, uint64_t now_ms, const double *cells) {
  static const unsigned readings[COLUMN_PARTS] = {
      [PART_PULSE] = READING_PULSE,           [PART_DESCRIPTORS] = READING_DESCRIPTORS,
      [PART_MEMORY_MAP] = READING_MEMORY_MAP, [PART_GOROUTINE_COUNT] = READING_GOROUTINE_COUNT,
      [PART_MEMSTATS] = READING_MEMSTATS,     [PART_GOROUTINES] = READING_GOROUTINES,
      [PART_LEAKS] = READING_LEAKS,
  };
  unsigned parts = READING_PPROF;
  bool is_taken[COLUMN_PARTS] = {false};
  for (size_t i = 0; i < COLUMN_PARTS; i++) {
    is_taken[i] = readings[i] != 0 && is_observed(replay, (enum column_part)i, now_ms);
    parts |= is_taken[i] ? readings[i] : 0;
  }
  for (size_t i = 0; i < replay->columns_len; i++)
    if (is_taken[replay->columns[i].part])
      replay->observed[i] = cells[i];
  for (size_t i = 0; i < COLUMN_PARTS; i++)
    if (is_taken[i])
      replay->parts[i].observed_ms = now_ms;
  struct reading reading = reading_of(replay, parts, now_ms);
  flags_observe(replay->flags, &reading);
}

/* As the plugin does it: once the process has settled and its descriptors are known. */
static void keep_baseline(struct replay *replay, uint64_t now_ms) {
  const struct part *descriptors = &replay->parts[PART_DESCRIPTORS];
  if (replay->flags->baseline_wall_ms == 0 &&
      now_ms - replay->flags->started_ms >= replay->options.config->baseline_delay_ms &&
      (descriptors->observed_ms != 0 || !descriptors->has_column))
    flags_mark_baseline(replay->flags, (int64_t)now_ms);
}

/* In the order of the plugin, whose notifications know the baseline. */
static void judge(struct replay *replay, uint64_t now_ms) {
  struct flag_status changed[RED_FLAGS];
  size_t len = flags_judge(replay->flags, now_ms, (int64_t)now_ms, changed);
  keep_baseline(replay, now_ms);
  struct evidence_facts facts = facts_of(replay, now_ms);
  for (size_t i = 0; i < len; i++) {
    autoevidence(evidence);
    evidence_compose(&evidence, &changed[i], &facts);
    pass_on(replay, now_ms, &changed[i], &evidence);
  }
}

int replay_row(struct replay *replay, uint64_t time_ms, const double *cells) {
  int status = follow_process(replay, time_ms, cells);
  if (status != 0)
    return status;
  if (replay->begin_ms == 0)
    replay->begin_ms = replay->end_ms = time_ms;
  take_cells(replay, cells);
  observe(replay, time_ms, cells);
  judge(replay, time_ms);
  note_known(replay);
  replay->end_ms = time_ms;
  return 0;
}
