/*
 * sidecar-backtest judges as the plugin does: the same days, once as readings through the
 * plugin's flags and once as what the plugin sends of them, give the same lines. Also processes
 * that end, intervals, and values that come and go.
 */
#include <inttypes.h>
#include <math.h>

#include "backtest_cases.h"
#include "sidecar/collector.h"
#include "sidecar/redflag/evidence.h"
#include "sidecar/redflag/flags.h"

enum {
  SECOND = 1000,
  MINUTE = 60 * SECOND,
  HOUR = 60 * MINUTE,
  PULSE_MS = 10 * SECOND,
  DETAIL_MS = MINUTE,
  PID = 4711,
};

static const uint64_t START_MS = UINT64_C(1764400000000);
static const uint64_t WATCHES_LIMIT = 8192;

/* ---- a process, as the plugin reads it ---- */

struct process {
  struct process_pulse pulse;
  struct descriptors_reading descriptors;
  struct memory_map_rollup rollup;
  struct memstats memstats;
  struct goroutine_profile goroutines;
  uint64_t regions, goroutine_count;
};

static uint64_t random_below(uint64_t *seed, uint64_t limit) {
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (*seed >> 33) % limit;
}

/* Steps of that length since an hour. */
static uint64_t since(uint64_t age_ms, uint64_t hour, uint64_t step_ms) {
  return age_ms > hour * HOUR ? (age_ms - hour * HOUR) / step_ms : 0;
}

/* `much` from one hour on, for some hours; otherwise `usual`. */
static uint64_t during(uint64_t age_ms, uint64_t from_hour, uint64_t hours, uint64_t much,
                       uint64_t usual) {
  uint64_t hour = age_ms / HOUR;
  return hour >= from_hour && hour < from_hour + hours ? much : usual;
}

static void read_pulse(struct process *process, uint64_t age_ms, uint64_t *seed) {
  struct process_pulse *pulse = &process->pulse;
  uint64_t mb = 1 << 20;
  pulse->memory.anon_bytes = during(age_ms, 3, 2, 600, 60) * mb + random_below(seed, mb);
  pulse->memory.file_bytes = 20 * mb;
  pulse->memory.shmem_bytes = 0;
  pulse->memory.resident_bytes = pulse->memory.anon_bytes + pulse->memory.file_bytes;
  pulse->memory.swap_bytes = age_ms / HOUR >= 6 ? age_ms / MINUTE * mb : 0;
  pulse->threads = 20 + random_below(seed, 3) + during(age_ms, 8, 1, 90, 0);
  pulse->open_fds = 30 + age_ms / (5 * MINUTE) + random_below(seed, 4);
  pulse->user_ticks += random_below(seed, 40) + during(age_ms, 20, 1, 1200, 0);
  pulse->system_ticks += random_below(seed, 20);
  process->goroutine_count = 60 + random_below(seed, 8) + during(age_ms, 10, 2, 300, 0) +
                             since(age_ms, 24, 2 * MINUTE);
}

static void read_descriptors(struct process *process, uint64_t age_ms, uint64_t *seed) {
  struct descriptors_reading *descriptors = &process->descriptors;
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    descriptors->by_class[i] = 3 + random_below(seed, 2);
  descriptors->by_class[DESCRIPTOR_REGULAR] = process->pulse.open_fds / 2;
  descriptors->same_file_max = 1 + during(age_ms, 11, 1, 7, 0);
  for (size_t i = 0; i < PATTERNS_MAX; i++)
    descriptors->matching[i] = during(age_ms, 12, 1, 120 + i, i);
  descriptors->inotify_watches = during(age_ms, 13, 1, 7000, 300);
  descriptors->locks_held = 1;
  descriptors->locks_contended = during(age_ms, 14, 1, 1, 0);
  descriptors->locks_foreign = descriptors->locks_contended;
  process->regions = 100 + during(age_ms, 15, 1, 1500, 0);
  process->rollup.lazyfree = during(age_ms, 4, 1, 700, 0) << 20;
}

/* A heap of an idle program: the readings alternate between two heights of its teeth. */
static void read_go(struct process *process, uint64_t age_ms, uint64_t *seed) {
  struct memstats *stats = &process->memstats;
  uint64_t mb = 1 << 20;
  bool is_high = age_ms / DETAIL_MS % 2 != 0;
  stats->heap_alloc_bytes = (is_high ? 60 : 40) * mb + during(age_ms, 16, 3, 200, 0) * mb +
                            age_ms / MINUTE * (mb / 8);
  stats->next_gc_bytes = 2 * stats->heap_alloc_bytes + random_below(seed, mb);
  stats->num_gc = age_ms / (2 * MINUTE);
  stats->last_gc_ns = (START_MS + age_ms / (2 * MINUTE) * (2 * MINUTE)) * UINT64_C(1000000);
  stats->heap_inuse_bytes = stats->heap_alloc_bytes + 5 * mb;
  stats->heap_idle_bytes = 30 * mb;
  stats->heap_released_bytes = 10 * mb;
  stats->alloc_bytes_total += during(age_ms, 18, 1, 2000, 50) * mb;
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    process->goroutines.by_state[i] = random_below(seed, 9);
  for (size_t i = 0; i < GOROUTINE_BLOCKED_AGES; i++)
    process->goroutines.blocked[i] = 4 + since(age_ms, 19, 10 * MINUTE);
  for (size_t i = 0; i < PATTERNS_MAX; i++)
    process->goroutines.matching[i] = during(age_ms, 21, 1, 5, 0);
}

static void read_detail(struct process *process, uint64_t age_ms, uint64_t *seed) {
  read_descriptors(process, age_ms, seed);
  read_go(process, age_ms, seed);
}

/* ---- the plugin ---- */

enum {
  DETAIL = READING_DESCRIPTORS | READING_MEMORY_MAP | READING_MEMSTATS | READING_GOROUTINES
};

static void observe(struct flags *flags, const struct process *process, unsigned detail,
                    uint64_t now_ms) {
  struct reading reading = {
      .parts = READING_PULSE | READING_GOROUTINE_COUNT | READING_PPROF | detail,
      .now_ms = now_ms,
      .pulse = &process->pulse,
      .ticks_per_second = 100,
      .descriptors = &process->descriptors,
      .lock_owner = "",
      .inotify_watches_limit = WATCHES_LIMIT,
      .memory_regions = process->regions,
      .memory_pressure_percent = NAN,
      .wall_ms = (int64_t)now_ms,
      .lazyfree_bytes = process->rollup.lazyfree,
      .goroutines = process->goroutine_count,
      .memstats = &process->memstats,
      .goroutine_profile = &process->goroutines,
      .has_pprof = 1,
  };
  flags_observe(flags, &reading);
}

static void notify(struct output *output, struct flags *flags, const struct config *config,
                   const struct flag_status *status, uint64_t now_ms) {
  struct evidence_facts facts = {.instance = "proj",
                                 .pid = PID,
                                 .now_ms = now_ms,
                                 .now = &flags->now,
                                 .baseline = &flags->baseline,
                                 .findings = &flags->findings,
                                 .rules = &config->red_flags,
                                 .goroutine_patterns = &config->goroutine_patterns,
                                 .memory_pressure_percent = NAN,
                                 .inotify_watches_limit = WATCHES_LIMIT};
  autoevidence(evidence);
  evidence_compose(&evidence, status, &facts);
  struct change change = {.time_ms = now_ms, .status = status, .message = evidence.line};
  output_change(output, &change);
}

static void judge(struct output *output, struct flags *flags, const struct config *config,
                  uint64_t now_ms) {
  struct flag_status changed[RED_FLAGS];
  size_t len = flags_judge(flags, now_ms, (int64_t)now_ms, changed);
  if (flags->baseline_wall_ms == 0 && now_ms - flags->started_ms >= config->baseline_delay_ms)
    flags_mark_baseline(flags, (int64_t)now_ms);
  for (size_t i = 0; i < len; i++)
    notify(output, flags, config, &changed[i], now_ms);
}

/* ---- what it sends ---- */

static void write_name(FILE *out, const struct sample *sample, size_t value) {
  const char *source = metric_source(sample->metric, value);
  fprintf(out, ",%s%s%s%s", metrics[sample->metric].type, source != NULL ? "_" : "",
          source != NULL ? source : "",
          metrics[sample->metric].kind != METRIC_GAUGE ? "_total" : "");
  if (sample->type_instance != NULL)
    fprintf(out, ":%s", sample->type_instance);
}

static void write_value(FILE *out, const struct sample *sample, size_t value) {
  if (metrics[sample->metric].kind == METRIC_GAUGE)
    fprintf(out, ",%.15g", sample->value.gauge);
  else
    fprintf(out, ",%" PRId64, sample->value.derive[value]);
}

static void write_samples(FILE *out, const struct samples *samples,
                          void (*write)(FILE *out, const struct sample *sample, size_t value)) {
  for (size_t i = 0; i < samples->len; i++)
    for (size_t n = 0; n < samples->items[i].values_len; n++)
      write(out, &samples->items[i], n);
}

/* Gauges of the detail are sent in each interval, counters only when they were read: they are
 * the last columns, which are empty in between. */
static void write_row(FILE *out, const struct process *process, const struct config *config,
                      bool is_detail, uint64_t now_ms) {
  struct samples samples = {.len = 0};
  samples_add_pulse(&samples, &process->pulse, 100);
  samples_add_gauge_double(&samples, METRIC_START_TIME_SECONDS, NULL, (double)START_MS / 1e3);
  samples_add_gauge(&samples, METRIC_PID, NULL, PID);
  samples_add_gauge(&samples, METRIC_PPROF_PORT, NULL, 6060);
  samples_add_gauge(&samples, METRIC_GOROUTINES, NULL, process->goroutine_count);
  samples_add_descriptors(&samples, &process->descriptors, &config->fd_patterns, VALUE_UNKNOWN);
  samples_add_rollup(&samples, &process->rollup);
  samples_add_gauge(&samples, METRIC_MEMORY_REGIONS, NULL, process->regions);
  samples_add_memstats_gauges(&samples, &process->memstats);
  samples_add_goroutine_profile(&samples, &process->goroutines, &config->goroutine_patterns);
  size_t gauges = samples.len;
  samples_add_memstats_counters(&samples, &process->memstats, 0);
  if (now_ms == START_MS) {
    fputs("time", out);
    write_samples(out, &samples, write_name);
    fputc('\n', out);
  }
  size_t counters = samples.len - gauges;
  samples.len = is_detail ? samples.len : gauges;
  fprintf(out, "%" PRIu64 ".%03u", now_ms / 1000, (unsigned)(now_ms % 1000));
  write_samples(out, &samples, write_value);
  fprintf(out, "%.*s\n", is_detail ? 0 : (int)counters, ",,,,,,,,");
}

/* ---- both ---- */

/* Two days. Returns the recording; what the plugin says is printed to output. */
static char *live_two_days(struct output *output, const struct config *config) {
  struct flags_options options = {.rules = &config->red_flags,
                                  .fd_patterns = &config->fd_patterns,
                                  .goroutine_patterns = &config->goroutine_patterns};
  static struct process process;
  struct flags *flags;
  char *recording;
  size_t len;
  uint64_t seed = 1, descriptors_ms = START_MS;
  FILE *out = open_memstream(&recording, &len);
  assert_non_null(out);
  assert_int_equal(flags_new(&options, 0, START_MS, &flags), 0);
  for (uint64_t age_ms = 0; age_ms < 48 * HOUR; age_ms += PULSE_MS) {
    bool is_detail = age_ms % DETAIL_MS == 0;
    uint64_t now_ms = START_MS + age_ms;
    read_pulse(&process, age_ms, &seed);
    if (is_detail)
      read_detail(&process, age_ms, &seed);
    write_row(out, &process, config, is_detail, now_ms);
    bool is_watched = flags_want_descriptors(flags, now_ms - descriptors_ms);
    unsigned detail = is_detail ? DETAIL : is_watched ? READING_DESCRIPTORS : 0;
    if (detail != 0)
      descriptors_ms = now_ms;
    observe(flags, &process, detail, now_ms);
    judge(output, flags, config, now_ms);
  }
  flags_free(flags);
  fclose(out);
  return recording;
}

static void it_says_what_the_plugin_says(void **state) {
  (void)state;
  struct run run;
  struct output output;
  char *said;
  size_t len;
  run_init(&run);
  run.watches_limit = WATCHES_LIMIT;
  FILE *out = open_memstream(&said, &len);
  assert_non_null(out);
  output_begin(&output, out, false);
  char *recording = live_two_days(&output, run.config);
  fclose(out);
  run_text(&run, recording);
  assert_string_equal(run.printed, said);
  size_t raised = 0;
  for (size_t i = 0; i < RED_FLAGS; i++) {
    char flag[64];
    snprintf(flag, sizeof(flag), ",%s,", red_flags[i].name);
    raised += strstr(said, flag) != NULL;
  }
  assert_in_range(raised, 15, RED_FLAGS); /* the days have something of each kind */
  free(recording);
  free(said);
  run_free(&run);
}

/* ---- processes ---- */

static void a_changed_start_is_a_new_process(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  assert_string_equal(run_text(&run,
                               "time,process_start_time_seconds,process_pid,process_threads\n"
                               "2000,1000,7,70\n"
                               "2060,1000,7,70\n"
                               "2070,,,\n"
                               "2080,2075,8,70\n"
                               "2130,2075,8,70\n"
                               "2140,2075,8,70\n"),
                      "2060,threads,warning,70,60,2000,"
                      "proj (pid 7): threads: 70 (warning from 60) for 1 min\n"
                      "2080,threads,ok,,,2080,proj (pid 7): threads: the process ended\n"
                      "2140,threads,warning,70,60,2080,"
                      "proj (pid 8): threads: 70 (warning from 60) for 1 min\n");
  run_free(&run);
}

/* It is in milliseconds inside, which is a thousand times as much. */
static void a_start_may_be_any_number(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  assert_string_equal(run_text(&run, "time,process_start_time_seconds,process_threads\n"
                                     "2000,1e18,70\n"
                                     "2060,1e18,70\n"),
                      "2060,threads,warning,70,60,2000,"
                      "proj: threads: 70 (warning from 60) for 1 min\n");
  run_free(&run);
}

/* Growth is not judged before WarmUp, which is counted from the start. */
static void a_known_start_is_the_beginning_of_the_warm_up(void **state) {
  (void)state;
  for (int age_s = 0; age_s <= 900; age_s += 900) {
    struct run run;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fputs("time,process_start_time_seconds,process_open_fds\n", out);
    for (int s = 0; s <= 3900; s += 10)
      fprintf(out, "%d,%d,%d\n", 100000 + s, 100000 - age_s, 50 + s / 60);
    fclose(out);
    run_init(&run);
    run_text(&run, text);
    check_int("fds_growing", strstr(run.printed, "fds_growing,warning") != NULL, age_s == 900);
    run_free(&run);
    free(text);
  }
}

static void a_process_without_a_pid_has_none_in_its_message(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  const char *said = run_text(&run, "time,process_threads\n1000,120\n1060,120\n"
                                    "1120,50\n1180,50\n1240,50\n1300,50\n1360,50\n1420,50\n"
                                    "1480,50\n1540,50\n1600,50\n1660,50\n1720,50\n1780,50\n");
  static const char raised[] = "1060,threads,failure,120,100,1000,"
                               "proj: threads: 120 (failure from 100) for 1 min\n";
  assert_int_equal(strncmp(said, raised, strlen(raised)), 0);
  assert_non_null(strstr(said, ",\"proj: threads: back to normal, now 50\"\n"));
  run_free(&run);
}

/* ---- values ---- */

static void an_empty_cell_is_unknown(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  /* neither does it raise, nor clear, nor is it 0 */
  const char *said = run_text(&run, "time,process_threads,process_open_fds\n"
                                    "1000,70,\n1030,,20\n1060,70,20\n1090,,20\n1120,,20\n");
  assert_string_equal(said, "1060,threads,warning,70,60,1000,"
                            "proj: threads: 70 (warning from 60) for 1 min\n");
  run_free(&run);
}

/* The detail is sent in each interval, but read every minute, and earlier if much has changed.
 */
static void the_detail_is_judged_when_it_was_read(void **state) {
  (void)state;
  static const struct {
    const char *name, *rows, *since;
  } cases[] = {
      {"a change is a reading", "1000,100\n1010,2000\n1040,2000\n1070,2000\n",
       "1070,memory_regions,warning,2000,1000,1010,"},
      {"without a change it was read after a minute",
       "1000,2000\n1020,2000\n1050,2000\n1060,2000\n",
       "1060,memory_regions,warning,2000,1000,1000,"},
      {"a row may be a little early", "1000,2000\n1030,2000\n1059.9,2000\n",
       "1059.900,memory_regions,warning,2000,1000,1000,"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct run run;
    char text[200];
    run_init(&run);
    run.config->red_flags.rules[RED_FLAG_MEMORY_REGIONS].hold_ms = 45 * SECOND;
    snprintf(text, sizeof(text), "time,process_memory_regions\n%s", cases[i].rows);
    const char *said = run_text(&run, text);
    if (strncmp(said, cases[i].since, strlen(cases[i].since)) != 0)
      fail_msg("%s: %s", cases[i].name, said);
    run_free(&run);
  }
}

static void a_signal_of_two_columns_needs_both(void **state) {
  (void)state;
  static const char *const columns[] = {"ps_cputime_user_total,ps_cputime_syst_total",
                                        "ps_cputime_user_total,process_threads",
                                        "ps_cputime_syst_total,process_threads"};
  for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
    struct run run;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fprintf(out, "time,%s\n", columns[i]);
    for (uint64_t s = 0; s <= 1200; s += 10)
      fprintf(out, "%" PRIu64 ",%" PRIu64 ",%d\n", 100000 + s, s * 1200000, 20);
    fclose(out);
    run_init(&run);
    run_text(&run, text);
    check_int(columns[i], strstr(run.printed, "cpu,failure,1.2,1,100000,") != NULL, i == 0);
    run_free(&run);
    free(text);
  }
}

/* A day of a heap that grows. Each column is there under its own name or another's. */
static void write_heap(FILE *out, bool has_alloc, bool has_next, bool has_cycles) {
  fprintf(out, "time,process_start_time_seconds,%s,%s,%s\n",
          has_alloc ? "go_memstats_heap_alloc_bytes" : "go_memstats_sys_bytes",
          has_next ? "go_memstats_next_gc_bytes" : "go_memstats_heap_sys_bytes",
          has_cycles ? "go_gc_cycles_total" : "go_memstats_mallocs_total");
  for (uint64_t s = 0; s <= 24 * 3600; s += 60)
    fprintf(out, "%" PRIu64 ",1000,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", 100000 + s,
            50000000 + s * 5000, 100000000 + s * 10000, s / 60);
}

static void the_live_heap_needs_all_of_its_columns(void **state) {
  (void)state;
  for (int missing = 0; missing <= 3; missing++) {
    struct run run;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    write_heap(out, missing != 1, missing != 2, missing != 3);
    fclose(out);
    run_init(&run);
    run_text(&run, text);
    check_int("heap_growing", strstr(run.printed, "heap_growing,warning") != NULL,
              missing == 0);
    run_free(&run);
    free(text);
  }
}

static void inotify_watches_need_the_limit(void **state) {
  (void)state;
  static const char text[] = "time,process_inotify_watches\n1000,600\n1060,601\n";
  for (uint64_t limit = 0; limit <= 1000; limit += 1000) {
    struct run run;
    run_init(&run);
    run.watches_limit = limit > 0 ? limit : VALUE_UNKNOWN;
    run_text(&run, text);
    check_int("raised", strstr(run.printed, ",inotify_watches,warning,0.601,0.5,1000,") != NULL,
              limit > 0);
    run_free(&run);
  }
}

static void the_search_for_a_pprof_server_is_known_by_its_status(void **state) {
  (void)state;
  static const struct {
    const char *name, *cells; /* port and status */
    bool is_missing;
  } cases[] = {
      {"a port", "6060,0", false},
      {"a port alone", "6060,", false},
      {"neither is known", ",", false},
      {"off", ",1", true},
      {"denied", ",2", false},
      {"foreign", ",3", true},
      {"refused", ",4", true},
      {"invalid", ",7", true},
      {"a timeout of the port", "6060,5", false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct run run;
    char text[200];
    run_init(&run);
    snprintf(text, sizeof(text),
             "time,process_threads,process_pprof_port,collector_status:pprof\n"
             "1000,70,%s\n1060,70,%s\n",
             cases[i].cells, cases[i].cells);
    run_text(&run, text);
    check_int(cases[i].name, strstr(run.printed, "pprof_missing,warning") != NULL,
              cases[i].is_missing);
    run_free(&run);
  }
}

/* ---- intervals ---- */

static void rows_of_an_interval_are_one(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  run.interval_ms = 10 * SECOND;
  run.config->red_flags.rules[RED_FLAG_THREADS].hold_ms = 10 * SECOND;
  /* the last value of each metric in an interval counts; at 1004 and 1021 it is high */
  const char *said = run_text(&run, "time,process_threads,process_open_fds\n"
                                    "1000,20,300\n1004,70,\n1009,30,\n"
                                    "1010,30,300\n1015,70,\n1021,70,300\n1029,,300\n");
  assert_string_equal(said, "1029,threads,warning,70,60,1015,"
                            "proj: threads: 70 (warning from 60)\n");
  run_free(&run);
}

static void two_processes_are_never_one_row(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  run.interval_ms = 100 * SECOND;
  run.config->red_flags.rules[RED_FLAG_THREADS].hold_ms = 0;
  const char *said = run_text(&run, "time,process_start_time_seconds,process_threads\n"
                                    "1000,900,70\n1010,1005,\n1011,1005,30\n");
  assert_string_equal(said, "1000,threads,warning,70,60,1000,"
                            "proj: threads: 70 (warning from 60)\n"
                            "1011,threads,ok,,,1011,proj: threads: the process ended\n");
  run_free(&run);
}

/* ---- the summary ---- */

static void a_summary_counts_what_went_up(void **state) {
  (void)state;
  struct run run;
  struct span text =
      SPAN_LITERAL("time,process_start_time_seconds,process_threads,process_open_fds\n"
                   "940,900,20,20\n1000,900,70,20\n1060,900,70,20\n1120,1100,20,20\n"
                   "1180,1100,120,20\n1240,1100,120,20\n1300,1100,120,20\n");
  run_init(&run);
  for (size_t i = 0; i < RED_FLAGS; i++)
    run.config->red_flags.rules[i].disabled =
        i != RED_FLAG_THREADS && i != RED_FLAG_FDS && i != RED_FLAG_GOROUTINES;
  assert_int_equal(run_from(&run, run_lines, &text, true), 0);
  assert_string_equal(run.printed, "name,flag,times_up,minutes_up,first_after_minutes\n"
                                   "proj,fds,0,0.0,\n"
                                   "proj,threads,2,2.0,2.0\n"
                                   "proj,goroutines,,,\n");
  assert_true(run.output.has_risen);
  run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_says_what_the_plugin_says),
      cmocka_unit_test(a_changed_start_is_a_new_process),
      cmocka_unit_test(a_start_may_be_any_number),
      cmocka_unit_test(a_known_start_is_the_beginning_of_the_warm_up),
      cmocka_unit_test(a_process_without_a_pid_has_none_in_its_message),
      cmocka_unit_test(an_empty_cell_is_unknown),
      cmocka_unit_test(the_detail_is_judged_when_it_was_read),
      cmocka_unit_test(a_signal_of_two_columns_needs_both),
      cmocka_unit_test(the_live_heap_needs_all_of_its_columns),
      cmocka_unit_test(inotify_watches_need_the_limit),
      cmocka_unit_test(the_search_for_a_pprof_server_is_known_by_its_status),
      cmocka_unit_test(rows_of_an_interval_are_one),
      cmocka_unit_test(two_processes_are_never_one_row),
      cmocka_unit_test(a_summary_counts_what_went_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
