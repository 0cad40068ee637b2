/* The evidence of a red flag: the line and the facts. */
#include "sidecar/redflag/evidence.h"

#include <math.h>
#include <stdio.h>

#include "cases.h"
#include "common/format.h"
#include "common/text.h"

/* All that is known about a process, and nothing of it yet. */
struct known {
  struct snapshot now, baseline;
  struct findings findings;
  struct site_history goroutine_sites, heap_sites;
  struct red_flag_rules rules;
  struct evidence_facts facts;
};

static void know_nothing(struct known *known) {
  memset(known, 0, sizeof(*known));
  snapshot_init(&known->now);
  snapshot_init(&known->baseline);
  site_history_init(&known->goroutine_sites);
  site_history_init(&known->heap_sites);
  red_flag_rules_init(&known->rules);
  known->facts = (struct evidence_facts){
      .rules = &known->rules,
      .instance = "proj",
      .pid = 4711,
      .pprof_port = 6060,
      .now_ms = 10 * 3600 * 1000,
      .now = &known->now,
      .baseline = &known->baseline,
      .findings = &known->findings,
      .goroutine_sites = &known->goroutine_sites,
      .heap_sites = &known->heap_sites,
      .memory_pressure_percent = NAN,
      .inotify_watches_limit = VALUE_UNKNOWN,
  };
}

static struct flag_status breach(enum red_flag flag, enum red_flag_state state, double value,
                                 double threshold) {
  return (struct flag_status){
      .flag = flag,
      .state = state,
      .value = value,
      .threshold = threshold,
      .rise = NAN,
      .since_ms = 10 * 3600 * 1000 - 90 * 1000,
  };
}

static const char *fact(const struct evidence *evidence, const char *name) {
  for (size_t i = 0; i < evidence->len; i++)
    if (strcmp(evidence->items[i].name, name) == 0)
      return evidence_value(evidence, i);
  return "";
}

static void add_site(struct site_top *top, uint64_t key, uint64_t weight, const char *text) {
  struct site *site = &top->sites[top->len++];
  *site = (struct site){.key = key, .weight = weight, .objects = 1};
  snprintf(site->text, sizeof(site->text), "%s", text);
}

/* A baseline of little, then much at one site. */
static void grow(struct site_history *history, uint64_t before, uint64_t now,
                 enum goroutine_state state, uint64_t minutes) {
  struct site_top top = {.len = 0};
  add_site(&top, 1, before, "main.leak < main.main");
  top.sites[0].state = state;
  site_history_update(history, &top);
  site_history_mark_baseline(history);
  top.len = 0;
  add_site(&top, 1, now, "main.leak < main.main");
  top.sites[0].state = state;
  top.sites[0].oldest_minutes = minutes;
  site_history_update(history, &top);
}

static void check_evidence(const struct known *known, const struct flag_status *status,
                           const char *line, const char *name, const char *value) {
  autoevidence(evidence);
  evidence_compose(&evidence, status, &known->facts);
  assert_string_equal(evidence.line, line);
  if (name != NULL)
    assert_string_equal(fact(&evidence, name), value);
}

static void
many_descriptors_are_reported_with_the_largest_class_and_the_top_file(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  known.now.fds_by_class[DESCRIPTOR_PIPE] = 20;
  known.now.fds_by_class[DESCRIPTOR_REGULAR] = 980;
  known.now.same_file_opens = 871;
  snprintf(known.findings.same_file_path, EVIDENCE_PATH_SIZE,
           "/home/me/.claude/projects/x.jsonl");
  struct flag_status status = breach(RED_FLAG_FDS, RED_FLAG_FAILURE, 1043, 1000);
  check_evidence(&known, &status,
                 "proj (pid 4711): FDs: 1043 (failure from 1000) for 1 min; most are regular: "
                 "980; 871 times /home/me/.claude/projects/x.jsonl",
                 "path", "/home/me/.claude/projects/x.jsonl");
  check_evidence(&known, &status,
                 "proj (pid 4711): FDs: 1043 (failure from 1000) for 1 min; most are regular: "
                 "980; 871 times /home/me/.claude/projects/x.jsonl",
                 "next",
                 "lsof -p 4711 | awk '{print $5}' | sort | uniq -c | sort -rn; "
                 "lsof -p 4711 | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | "
                 "head -20");
}

static void growth_of_descriptors_names_the_class_that_grew(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  known.baseline.fds_by_class[DESCRIPTOR_REGULAR] = 30;
  known.baseline.fds_by_class[DESCRIPTOR_PIPE] = 10;
  known.now.fds_by_class[DESCRIPTOR_REGULAR] = 31;
  known.now.fds_by_class[DESCRIPTOR_PIPE] = 70;
  struct flag_status status = breach(RED_FLAG_FDS_GROWING, RED_FLAG_WARNING, 120, 20);
  status.rise = 60;
  status.rise_ms = 65 * 60 * 1000;
  check_evidence(
      &known, &status,
      "proj (pid 4711): FDs grew by 60 in 1 h 5 min (55/h), now 120; grew most since the "
      "baseline: pipe, by 60",
      "class", "pipe");
}

/* 1043 descriptors, most of them regular. */
static void know_descriptors(struct known *known) {
  know_nothing(known);
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    known->now.fds_by_class[i] = 0;
  known->now.fds_by_class[DESCRIPTOR_REGULAR] = 780;
  known->now.fds_by_class[DESCRIPTOR_DEVICE] = 263;
}

#define FDS_LINE                                                                               \
  "proj (pid 4711): FDs: 1043 (failure from 1000) for 1 min; most are regular: 780"

/* Each is named if it holds most. */
static void what_holds_most_descriptors_is_named(void **state) {
  (void)state;
  static const struct {
    uint64_t same_file, same_device, deleted, in_directory;
    bool is_exact;
    enum descriptor_class class;
    const char *line, *name, *value;
  } cases[] = {
      {400, 263, 100, 300, true, DESCRIPTOR_REGULAR, FDS_LINE "; 400 times /tmp/out.log",
       "count", "400"},
      {100, 263, 262, 261, true, DESCRIPTOR_REGULAR, FDS_LINE "; 263 times /dev/ptmx",
       "device_count", "263"},
      {100, 263, 700, 690, true, DESCRIPTOR_REGULAR,
       FDS_LINE "; 700 deleted, such as /tmp/x (deleted)", "deleted_count", "700"},
      {100, 263, 262, 780, true, DESCRIPTOR_REGULAR,
       FDS_LINE "; 780 files in /home/me/.claude/projects/x", "directory_count", "780"},
      {100, 1, 1, 780, false, DESCRIPTOR_REGULAR,
       FDS_LINE "; at least 780 files in /home/me/.claude/projects/x", "directory",
       "/home/me/.claude/projects/x"},
      {1, 2, 0, 260, true, DESCRIPTOR_DEVICE,
       FDS_LINE "; 260 devices in /home/me/.claude/projects/x", "directory_count", "260"},
      {1, 2, 0, 200, true, DESCRIPTOR_DIRECTORY,
       FDS_LINE "; 200 directories in /home/me/.claude/projects/x", "directory_count", "200"},
      /* of as many the most precise one */
      {200, 200, 200, 200, true, DESCRIPTOR_REGULAR, FDS_LINE "; 200 times /tmp/out.log",
       "count", "200"},
      /* less than a tenth is a fact, not what holds most */
      {103, 3, 20, 100, true, DESCRIPTOR_REGULAR, FDS_LINE, "count", "103"},
      {103, 3, 20, 100, true, DESCRIPTOR_REGULAR, FDS_LINE, "device", ""},
      {103, 3, 20, 100, true, DESCRIPTOR_REGULAR, FDS_LINE, "deleted", "/tmp/x (deleted)"},
      /* as many as in a healthy process, or not known */
      {3, 3, 3, 3, true, DESCRIPTOR_REGULAR, FDS_LINE, "path", ""},
      {3, 3, 3, 3, true, DESCRIPTOR_REGULAR, FDS_LINE, "count", ""},
      {3, 3, 3, 3, true, DESCRIPTOR_REGULAR, FDS_LINE, "directory", ""},
      {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, true, DESCRIPTOR_REGULAR,
       FDS_LINE, "deleted_count", ""},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct known known;
    know_descriptors(&known);
    known.now.same_file_opens = cases[i].same_file;
    known.now.fds_deleted = cases[i].deleted;
    known.findings.same_device_opens = cases[i].same_device;
    known.findings.directory_paths = cases[i].in_directory;
    known.findings.directory_is_exact = cases[i].is_exact;
    known.findings.directory_class = cases[i].class;
    strcpy(known.findings.same_file_path, "/tmp/out.log");
    strcpy(known.findings.same_device_path, "/dev/ptmx");
    strcpy(known.findings.deleted_path, "/tmp/x (deleted)");
    strcpy(known.findings.directory_path, "/home/me/.claude/projects/x");
    struct flag_status status = breach(RED_FLAG_FDS, RED_FLAG_FAILURE, 1043, 1000);
    check_evidence(&known, &status, cases[i].line, cases[i].name, cases[i].value);
  }
}

/* A file that is open twice among a thousand others is not the suspect. */
static void a_few_opens_of_a_file_are_not_named(void **state) {
  (void)state;
  struct known known;
  for (uint64_t opens = 0; opens < 4; opens++) {
    know_nothing(&known);
    known.now.fds_by_class[DESCRIPTOR_REGULAR] = 20;
    known.now.same_file_opens = opens;
    strcpy(known.findings.same_file_path, "/tmp/out.log");
    struct flag_status status = breach(RED_FLAG_FDS_ABOVE_BASELINE, RED_FLAG_WARNING, 20, 5);
    autoevidence(evidence);
    evidence_compose(&evidence, &status, &known.facts);
    assert_null(strstr(evidence.line, "out.log"));
    assert_string_equal(fact(&evidence, "path"), "");
    assert_string_equal(fact(&evidence, "count"), "");
  }
  /* but by the flag that is about it, whatever its threshold is */
  struct flag_status status = breach(RED_FLAG_SAME_FILE, RED_FLAG_WARNING, 3, 2);
  check_evidence(&known, &status,
                 "proj (pid 4711): opens of one file: 3 (warning from 2) for 1 min; 3 times "
                 "/tmp/out.log",
                 "count", "3");
}

/* Recorded metrics have counts and no paths. */
static void without_paths_only_deleted_files_are_named(void **state) {
  (void)state;
  struct known known;
  know_descriptors(&known);
  known.now.same_file_opens = 500;
  known.now.fds_deleted = 400;
  struct flag_status status = breach(RED_FLAG_FDS, RED_FLAG_FAILURE, 1043, 1000);
  check_evidence(&known, &status, FDS_LINE "; 400 deleted", "deleted_count", "400");
  check_evidence(&known, &status, FDS_LINE "; 400 deleted", "deleted", "");
  check_evidence(&known, &status, FDS_LINE "; 400 deleted", "count", "");
}

static void check_growth(struct known *known, const char *line) {
  struct flag_status status = breach(RED_FLAG_FDS_GROWING, RED_FLAG_WARNING, 120, 20);
  status.rise = 60;
  status.rise_ms = 65 * 60 * 1000;
  autoevidence(evidence);
  evidence_compose(&evidence, &status, &known->facts);
  const char *since = strstr(evidence.line, "; grew most since the baseline: ");
  assert_non_null(since);
  assert_string_equal(since + strlen("; grew most since the baseline: "), line);
}

static void growth_of_descriptors_names_what_may_have_grown(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  strcpy(known.findings.same_file_path, "/tmp/out.log");
  strcpy(known.findings.deleted_path, "/tmp/x (deleted)");
  strcpy(known.findings.directory_path, "/home/me");
  known.baseline.fds_by_class[DESCRIPTOR_REGULAR] = 60;
  known.now.fds_by_class[DESCRIPTOR_REGULAR] = 120;
  known.baseline.fds_by_class[DESCRIPTOR_PIPE] = 10;
  known.now.fds_by_class[DESCRIPTOR_PIPE] = 12;
  known.findings.directory_paths = 40;
  known.findings.directory_is_exact = true;
  known.baseline.same_file_opens = 50;
  known.now.same_file_opens = 60; /* only 10 of them are new */
  check_growth(&known, "regular, by 60; 40 files in /home/me");
  known.baseline.fds_deleted = 0;
  known.now.fds_deleted = 55;
  check_growth(&known, "regular, by 60; 55 deleted, such as /tmp/x (deleted)");
  known.baseline.same_file_opens = 1;
  check_growth(&known, "regular, by 60; 60 times /tmp/out.log");
  /* less than half of the growth */
  known.findings.directory_paths = 29;
  known.now.fds_deleted = 29;
  known.now.same_file_opens = 29;
  check_growth(&known, "regular, by 60");
  /* files do not explain pipes */
  known.findings.directory_paths = known.now.fds_deleted = known.now.same_file_opens = 100;
  known.now.fds_by_class[DESCRIPTOR_PIPE] = 90;
  check_growth(&known, "pipe, by 80");
}

/* At most 255 bytes, and the end of a path rather than its beginning. */
static void a_long_path_is_shortened_in_the_line(void **state) {
  (void)state;
  struct known known;
  know_descriptors(&known);
  char *path = known.findings.directory_path;
  memset(path, 'a', EVIDENCE_PATH_SIZE - 1);
  path[0] = '/';
  strcpy(path + EVIDENCE_PATH_SIZE - 1 - strlen("/\\x0Aend"), "/\\x0Aend");
  known.findings.directory_paths = 780;
  struct flag_status status = breach(RED_FLAG_FDS, RED_FLAG_FAILURE, 1043, 1000);
  autoevidence(evidence);
  evidence_compose(&evidence, &status, &known.facts);
  assert_true(strlen(evidence.line) < EVIDENCE_LINE_SIZE);
  assert_non_null(strstr(evidence.line, "; at least 780 files in ...aaa"));
  assert_true(span_ends_with(span_of(evidence.line), "aaa/\\x0Aend"));
  assert_string_equal(fact(&evidence, "directory"), path);
}

static void memory_is_reported_with_the_retained_part(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  known.now.memory.anon_bytes = 2100ull << 20;
  known.now.heap_inuse_bytes = 100ull << 20;
  known.now.retained_bytes = 1900ull << 20;
  struct flag_status status =
      breach(RED_FLAG_RSS, RED_FLAG_WARNING, 2200.0 * (1 << 20), 500.0 * (1 << 20));
  status.is_retained = true;
  check_evidence(
      &known, &status,
      "proj (pid 4711): RSS: 2.15 GB (warning from 500.0 MB) for 1 min; Go heap in use "
      "100.0 MB, freed but retained 1.86 GB: retained, not leaked",
      "retained", "1.86 GB");
}

/* Not the oldest, which have waited since the start, but the stack that has become more. */
static void stuck_goroutines_are_reported_with_the_stack_that_grew(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  static struct stuck stuck;
  memset(&stuck, 0, sizeof(stuck));
  for (uint64_t round = 0; round < 2; round++) {
    struct site_top top = {.len = 0};
    add_site(&top, 1, round == 0 ? 2 : 12, "main.leak < main.main");
    top.sites[0].state = GOROUTINE_CHAN_SEND;
    top.sites[0].blocked = round == 0 ? 0 : 11;
    top.sites[0].oldest_minutes = 47 * round;
    add_site(&top, 2, 19, "fsnotify.(*inotify).readEvents");
    top.sites[1].blocked = round == 0 ? 0 : 19;
    top.sites[1].oldest_minutes = 300 * round;
    site_history_update(&known.goroutine_sites, &top);
    stuck_observe(&stuck, &top);
  }
  known.facts.stuck = &stuck;
  struct flag_status status = breach(RED_FLAG_GOROUTINES_STUCK, RED_FLAG_WARNING, 12, NAN);
  check_evidence(
      &known, &status,
      "proj (pid 4711): goroutines blocked for 10 minutes: 12 for 1 min beyond the baseline; "
      "+9, the oldest for 47 minutes; 12 in chan_send at main.leak < main.main",
      "age", "47 minutes");
}

/* Above the ceiling of dumps: the stacks are those of now, or the time of them is shown. */
static void older_stacks_are_shown_with_their_time(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  grow(&known.goroutine_sites, 5, 12, GOROUTINE_CHAN_RECEIVE, 0);
  known.facts.sites_of =
      (struct evidence_moment){.wall_ms = INT64_C(1785550380000), .goroutines = 17};
  struct flag_status status = breach(RED_FLAG_GOROUTINES, RED_FLAG_FAILURE, 6000, 1000);
  check_evidence(&known, &status,
                 "proj (pid 4711): goroutines: 6000 (failure from 1000) for 1 min; 12 of 17 at "
                 "02:13 UTC in chan_receive at main.leak < main.main",
                 "as_of", "17 at 02:13 UTC");

  /* now without states, with the baseline of the dump */
  static struct site_history groups;
  struct site_top top = {.len = 0};
  add_site(&top, 77, 5990, "main.leak < main.main");
  top.sites[0].state = GOROUTINE_STATE_UNKNOWN;
  known.goroutine_sites.records[0].now.frames_key = 77;
  site_history_begin_grouped(&groups, &known.goroutine_sites);
  site_history_update(&groups, &top);
  known.facts.goroutine_sites = &groups;
  known.facts.older_dump = &known.goroutine_sites;
  known.facts.dump_of = known.facts.sites_of;
  known.facts.sites_of = (struct evidence_moment){0, 0};
  check_evidence(&known, &status,
                 "proj (pid 4711): goroutines: 6000 (failure from 1000) for 1 min; 5990 at "
                 "main.leak < main.main",
                 "count", "5990");
  status = breach(RED_FLAG_GOROUTINES_GROWING, RED_FLAG_WARNING, 6000, NAN);
  autoevidence(evidence);
  evidence_compose(&evidence, &status, &known.facts);
  assert_string_equal(fact(&evidence, "growth"), "5985");

  /* what is stuck is known from the dump alone */
  static struct stuck stuck;
  memset(&stuck, 0, sizeof(stuck));
  stuck.len = 1;
  stuck.groups[0] = (struct stuck_group){.key = 1, .blocked = 4, .weight = 12};
  known.facts.stuck = &stuck;
  status = breach(RED_FLAG_GOROUTINES_STUCK, RED_FLAG_WARNING, 4, NAN);
  check_evidence(&known, &status,
                 "proj (pid 4711): goroutines blocked for 10 minutes: 4 for 1 min beyond the "
                 "baseline; +4; 12 of 17 at 02:13 UTC in chan_receive at main.leak < main.main",
                 "as_of", "17 at 02:13 UTC");
}

/* Go no longer says how long they have been waiting. */
static void stuck_goroutines_that_have_leaked_are_reported_as_such(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  static struct stuck stuck;
  memset(&stuck, 0, sizeof(stuck));
  for (uint64_t round = 0; round < 2; round++) {
    struct site_top top = {.len = 0};
    add_site(&top, 1, round == 0 ? 2 : 12, "main.leak < main.main");
    top.sites[0].state = GOROUTINE_CHAN_SEND;
    top.sites[0].blocked = top.sites[0].leaked = round == 0 ? 0 : 12;
    site_history_update(&known.goroutine_sites, &top);
    stuck_observe(&stuck, &top);
  }
  known.facts.stuck = &stuck;
  struct flag_status status = breach(RED_FLAG_GOROUTINES_STUCK, RED_FLAG_WARNING, 10, NAN);
  check_evidence(
      &known, &status,
      "proj (pid 4711): goroutines blocked for 10 minutes: 10 for 1 min beyond the baseline; "
      "+10, 12 leaked: nothing can wake them; 12 in chan_send at main.leak < main.main",
      "leaked", "12");
}

/* Who created them, and what they wait for, only a dump shows. */
static void leaked_goroutines_are_reported_with_the_stack_that_most_have(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  struct flag_status status = breach(RED_FLAG_GOROUTINES_LEAKED, RED_FLAG_WARNING, 17, 1);
  struct site_top leaks = {.len = 0}, dump = {.len = 0};
  known.facts.leaks = &leaks;
  check_evidence(&known, &status,
                 "proj (pid 4711): leaked goroutines: 17 (warning from 1) for 1 min", NULL,
                 NULL);
  add_site(&leaks, 1, 12, "main.fetch");
  add_site(&leaks, 2, 5, "main.other");
  leaks.sites[0].frames_key = 77;
  leaks.sites[0].state = leaks.sites[1].state = GOROUTINE_STATE_UNKNOWN;
  check_evidence(&known, &status,
                 "proj (pid 4711): leaked goroutines: 17 (warning from 1) for 1 min; 12 at "
                 "main.fetch",
                 "count", "12");

  /* others with the same frames were created by another, and did not leak */
  add_site(&dump, 3, 20, "main.fetch, created by main.alive");
  add_site(&dump, 4, 11, "main.fetch, created by main.start");
  dump.sites[0].frames_key = dump.sites[1].frames_key = 77;
  dump.sites[1].leaked = 11;
  dump.sites[0].state = dump.sites[1].state = GOROUTINE_CHAN_SEND;
  site_history_update(&known.goroutine_sites, &dump);
  check_evidence(&known, &status,
                 "proj (pid 4711): leaked goroutines: 17 (warning from 1) for 1 min; 12 in "
                 "chan_send at main.fetch, created by main.start",
                 "stack", "main.fetch, created by main.start");
}

static void a_growing_heap_is_reported_with_rate_and_sites(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  grow(&known.heap_sites, 10 << 20, 90 << 20, GOROUTINE_OTHER, 0);
  struct flag_status status =
      breach(RED_FLAG_HEAP_GROWING, RED_FLAG_WARNING, 200 << 20, 16 << 20);
  status.rise = 80 << 20;
  status.rise_ms = 4 * 3600 * 1000;
  check_evidence(&known, &status,
                 "proj (pid 4711): the Go heap grew by 80.0 MB in 4 h 0 min (20.0 MB/h), "
                 "now 200.0 MB; +80.0 MB at main.leak < main.main",
                 "site_1", "+80.0 MB since the baseline, now 90.0 MB: main.leak < main.main");
}

/* A large site that is kept, and a larger one whose garbage was freed again. */
static void a_high_allocation_rate_names_what_allocates_not_what_is_kept(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  grow(&known.heap_sites, 10 << 20, 11 << 20, GOROUTINE_OTHER, 0);
  static struct allocations allocations;
  static struct heap_profile profile;
  memset(&allocations, 0, sizeof(allocations));
  for (uint64_t minute = 0; minute < 2; minute++) {
    struct site_top top = {.len = 0};
    add_site(&top, 2, 1 + minute * (1800ull << 20), "main.truncateLine");
    add_site(&top, 1, (10 + minute) << 20, "main.leak < main.main");
    memcpy(profile.allocated.sites, top.sites, 2 * sizeof(top.sites[0]));
    profile.allocated.len = top.len;
    profile.allocated_bytes = minute * (2000ull << 20);
    allocations_update(&allocations, &profile, minute * 60 * 1000);
  }
  known.facts.allocations = &allocations;
  struct flag_status status =
      breach(RED_FLAG_ALLOCATION_RATE, RED_FLAG_WARNING, 30 << 20, 20 << 20);
  const char *line = "proj (pid 4711): allocations: 30.0 MB/s (warning from 20.0 MB/s) for "
                     "1 min; 1.76 GB in 1 min (90 %) at main.truncateLine";
  check_evidence(&known, &status, line, "site_1", "1.76 GB in 1 min (90 %): main.truncateLine");
  check_evidence(&known, &status, line, "site_2",
                 "1.0 MB in 1 min (0 %): main.leak < main.main");
}

static void the_cpu_names_the_functions_that_use_it_once_there_is_a_profile(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  struct flag_status status = breach(RED_FLAG_CPU, RED_FLAG_WARNING, 0.31, 0.05);
  check_evidence(&known, &status,
                 "proj (pid 4711): CPU: 0.31 cores (warning from 0.05 cores) for 1 min",
                 "site_1", "");
  struct cpu_profile cpu = {
      .cpu_ns = 8000000000,
      .len = 2,
      .users = {{6000000000, "history.\x1b[2J < main.main"}, {80000000, "main.\x1b[2J"}}};
  known.facts.cpu = &cpu;
  const char *line = "proj (pid 4711): CPU: 0.31 cores (warning from 0.05 cores) for 1 min; "
                     "75 % in history.\\x1B[2J < main.main";
  check_evidence(&known, &status, line, "site_1", "75 %: history.\\x1B[2J < main.main");
  check_evidence(&known, &status, line, "site_2", "1 %: main.\\x1B[2J");
}

static void fetches_that_pile_up_name_the_stack_that_the_pattern_matches(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  struct pattern_list patterns = {.len = 0};
  struct site_top top = {.len = 0};
  add_site(&top, 1, 90, "main.idle < main.main");
  add_site(&top, 2, 12, "db.query < app.fetchData < app.run");
  site_history_update(&known.goroutine_sites, &top);
  assert_int_equal(pattern_list_add(&patterns, "fetch_data", "[fF]etchData", NULL, 0), 0);
  known.facts.goroutine_patterns = &patterns;
  struct flag_status status = breach(RED_FLAG_FETCH_DATA_PILING, RED_FLAG_FAILURE, 12, 10);
  check_evidence(
      &known, &status,
      "proj (pid 4711): goroutines that fetch data: 12 (failure from 10) for 1 min; 12 "
      "in chan_receive at db.query < app.fetchData < app.run",
      "count", "12");
  pattern_list_clear(&patterns);
}

static void a_stuck_fetch_is_reported_with_stack_state_and_age(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  struct site *site = &known.findings.stuck_fetch;
  struct flag_status status = breach(RED_FLAG_FETCH_STUCK, RED_FLAG_WARNING, 1, 1);
  check_evidence(&known, &status,
                 "proj (pid 4711): fetches that have been waiting for minutes: 1 (warning from "
                 "1) for 1 min",
                 "stack", "");
  *site = (struct site){.weight = 1, .state = GOROUTINE_IO_WAIT, .oldest_minutes = 12};
  snprintf(site->text, sizeof(site->text), "poll.Read < app.fetchData");
  static const char line[] =
      "proj (pid 4711): fetches that have been waiting for minutes: 1 (warning from 1) for "
      "1 min; the oldest for 12 minutes in io_wait at poll.Read < app.fetchData";
  check_evidence(&known, &status, line, "age", "12 minutes");
  check_evidence(&known, &status, line, "stack", "poll.Read < app.fetchData");
  check_evidence(&known, &status, line, "state", "io_wait");
}

static void several_handles_on_a_database_name_its_path(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  struct flag_status status = breach(RED_FLAG_SQLITE_HANDLES, RED_FLAG_WARNING, 3, 3);
  static const char line[] =
      "proj (pid 4711): handles on one database: 3 (warning from 3) for 1 min";
  check_evidence(&known, &status, line, "path", "");
  snprintf(known.findings.same_database_path, EVIDENCE_PATH_SIZE, "/p/.todos/issues.db");
  check_evidence(&known, &status,
                 "proj (pid 4711): handles on one database: 3 (warning from 3) for 1 min; on "
                 "/p/.todos/issues.db",
                 "path", "/p/.todos/issues.db");
}

static void the_owner_of_a_foreign_lock_is_named(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  known.findings.foreign_lock_pid = 99;
  snprintf(known.findings.foreign_lock_path, EVIDENCE_PATH_SIZE, "/p/td.db");
  snprintf(known.findings.foreign_lock_owner, EVIDENCE_OWNER_SIZE, "td");
  struct flag_status status = breach(RED_FLAG_SQLITE_CONTENTION, RED_FLAG_WARNING, 1, 1);
  check_evidence(
      &known, &status,
      "proj (pid 4711): others' locks on its databases: 1 (warning from 1) for 1 min; "
      "on /p/td.db by td (pid 99)",
      "owner_pid", "99");
}

static void the_kind_of_a_foreign_lock_is_named(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  known.findings.foreign_lock_pid = 99;
  known.findings.foreign_lock_kind = SQLITE_LOCK_EXCLUSIVE;
  snprintf(known.findings.foreign_lock_path, EVIDENCE_PATH_SIZE, "/p/td.db");
  snprintf(known.findings.foreign_lock_owner, EVIDENCE_OWNER_SIZE, "td");
  struct flag_status status = breach(RED_FLAG_SQLITE_CONTENTION, RED_FLAG_WARNING, 1, 1);
  check_evidence(
      &known, &status,
      "proj (pid 4711): others' locks on its databases: 1 (warning from 1) for 1 min; "
      "exclusive, on /p/td.db by td (pid 99)",
      "lock", "exclusive");
}

static void without_pprof_no_command_queries_it(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  struct flag_status status = breach(RED_FLAG_GOROUTINES, RED_FLAG_WARNING, 300, 200);
  known.facts.pprof_path = "/api/pprof/";
  check_evidence(&known, &status,
                 "proj (pid 4711): goroutines: 300 (warning from 200) for 1 min", "next",
                 "curl -s 'http://localhost:6060/api/pprof/goroutine?debug=1' | head -40");
  known.facts.pprof_port = 0;
  check_evidence(&known, &status,
                 "proj (pid 4711): goroutines: 300 (warning from 200) for 1 min", "next", "");
  status = breach(RED_FLAG_PPROF_MISSING, RED_FLAG_WARNING, NAN, NAN);
  check_evidence(
      &known, &status,
      "proj (pid 4711): pprof: another red flag is raised; restart it with SIDECAR_PPROF=1 to "
      "look into it",
      NULL, NULL);
}

static void the_end_of_a_flag_is_one_line(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  struct flag_status status = breach(RED_FLAG_THREADS, RED_FLAG_OK, 40, 60);
  check_evidence(&known, &status, "proj (pid 4711): threads: back to normal, now 40", NULL,
                 NULL);
  autoevidence(evidence);
  evidence_compose_end(&evidence, RED_FLAG_THREADS, &known.facts);
  assert_string_equal(evidence.line, "proj (pid 4711): threads: the process ended");
}

/* Whatever is known, and whatever a path contains: one printable line that fits. */
static void every_flag_has_one_printable_line_that_fits(void **state) {
  (void)state;
  struct known known;
  know_nothing(&known);
  char long_path[EVIDENCE_PATH_SIZE];
  memset(long_path, 'a', sizeof(long_path) - 1);
  long_path[sizeof(long_path) - 1] = '\0';
  for (size_t round = 0; round < 2; round++) {
    for (size_t flag = 0; flag < RED_FLAGS; flag++) {
      for (int state_now = RED_FLAG_OK; state_now <= RED_FLAG_FAILURE; state_now++) {
        struct flag_status status = breach((enum red_flag)flag, (enum red_flag_state)state_now,
                                           1e17, round ? 1e17 : NAN);
        status.rise = round ? 1e17 : NAN;
        status.rise_ms = round ? UINT64_MAX : 0;
        autoevidence(evidence);
        evidence_compose(&evidence, &status, &known.facts);
        char printable[EVIDENCE_LINE_SIZE];
        text_printable(printable, sizeof(printable), span_of(evidence.line));
        assert_true(strlen(evidence.line) > strlen("proj (pid 4711): "));
        if (strstr(evidence.line, "\\x") == NULL)
          assert_string_equal(printable, evidence.line);
      }
    }
    /* the second time everything is known, and ugly */
    memset(&known.now, 0x11, sizeof(known.now));
    memset(&known.baseline, 0, sizeof(known.baseline));
    memcpy(known.findings.same_file_path, long_path, sizeof(long_path));
    memcpy(known.findings.foreign_lock_path, long_path, sizeof(long_path));
    memcpy(known.findings.directory_path, long_path, sizeof(long_path));
    memcpy(known.findings.deleted_path, long_path, sizeof(long_path));
    memcpy(known.findings.same_device_path, long_path, sizeof(long_path));
    known.findings.directory_paths = known.findings.same_device_opens = UINT64_MAX - 1;
    known.findings.foreign_lock_pid = 1;
    known.findings.session_pattern = "claude_sessions";
    known.facts.memory_pressure_percent = 12.5;
    known.facts.inotify_watches_limit = 65536;
    grow(&known.goroutine_sites, 1, 1ull << 60, GOROUTINE_SELECT, UINT64_MAX);
    grow(&known.heap_sites, 1, 1ull << 60, GOROUTINE_OTHER, 0);
  }
}

static void amounts_and_durations_are_readable(void **state) {
  (void)state;
  char words[FORMAT_SIZE];
  assert_string_equal(format_bytes(words, 0), "0 kB");
  assert_string_equal(format_bytes(words, 1536), "2 kB");
  assert_string_equal(format_bytes(words, 35.25 * (1 << 20)), "35.2 MB");
  assert_string_equal(format_bytes(words, -2.5 * (1 << 30)), "-2.50 GB");
  assert_string_equal(format_duration(words, 45 * 1000), "45 s");
  assert_string_equal(format_duration(words, 12 * 60 * 1000), "12 min");
  assert_string_equal(format_duration(words, 65 * 60 * 1000), "1 h 5 min");
  assert_string_equal(format_duration(words, 50ull * 3600 * 1000), "2 d 2 h");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_descriptors_are_reported_with_the_largest_class_and_the_top_file),
      cmocka_unit_test(growth_of_descriptors_names_the_class_that_grew),
      cmocka_unit_test(what_holds_most_descriptors_is_named),
      cmocka_unit_test(a_few_opens_of_a_file_are_not_named),
      cmocka_unit_test(without_paths_only_deleted_files_are_named),
      cmocka_unit_test(growth_of_descriptors_names_what_may_have_grown),
      cmocka_unit_test(a_long_path_is_shortened_in_the_line),
      cmocka_unit_test(memory_is_reported_with_the_retained_part),
      cmocka_unit_test(stuck_goroutines_are_reported_with_the_stack_that_grew),
      cmocka_unit_test(older_stacks_are_shown_with_their_time),
      cmocka_unit_test(stuck_goroutines_that_have_leaked_are_reported_as_such),
      cmocka_unit_test(leaked_goroutines_are_reported_with_the_stack_that_most_have),
      cmocka_unit_test(a_growing_heap_is_reported_with_rate_and_sites),
      cmocka_unit_test(a_high_allocation_rate_names_what_allocates_not_what_is_kept),
      cmocka_unit_test(the_cpu_names_the_functions_that_use_it_once_there_is_a_profile),
      cmocka_unit_test(fetches_that_pile_up_name_the_stack_that_the_pattern_matches),
      cmocka_unit_test(a_stuck_fetch_is_reported_with_stack_state_and_age),
      cmocka_unit_test(several_handles_on_a_database_name_its_path),
      cmocka_unit_test(the_owner_of_a_foreign_lock_is_named),
      cmocka_unit_test(the_kind_of_a_foreign_lock_is_named),
      cmocka_unit_test(without_pprof_no_command_queries_it),
      cmocka_unit_test(the_end_of_a_flag_is_one_line),
      cmocka_unit_test(every_flag_has_one_printable_line_that_fits),
      cmocka_unit_test(amounts_and_durations_are_readable),
  };
  return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
