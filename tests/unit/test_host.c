/* Opening a process table and its clocks, live and captured. */
#include "sidecar/os/host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "replay_tree.h"

static void other_directories_are_not_process_tables(void **state) {
  (void)state;
  struct host *host;
  assert_int_equal(host_open("/nowhere/proc", &host), -ENOENT);
  assert_int_equal(host_open("/dev/null", &host), -ENOTDIR);
  host_close(NULL);
}

static void the_live_clocks_agree_with_the_kernels(void **state) {
  (void)state;
  struct host *host;
  uint64_t ticks, boot;
  double uptime;
  assert_int_equal(host_open("/proc", &host), 0);
  assert_int_equal(host_ticks_per_second(host), sysconf(_SC_CLK_TCK));
  FILE *stream = fopen("/proc/uptime", "r");
  assert_non_null(stream);
  assert_int_equal(fscanf(stream, "%lf", &uptime), 1);
  fclose(stream);
  assert_int_equal(host_uptime_ticks(host, &ticks), 0);
  double seconds = (double)ticks / (double)host_ticks_per_second(host);
  assert_true(seconds >= uptime - 0.02 && seconds < uptime + 5);
  assert_int_equal(host_boot_time_seconds(host, &boot), 0);
  double now = (double)time(NULL);
  assert_true((double)boot + seconds > now - 5 && (double)boot + seconds < now + 5);
  host_close(host);
}

static void the_time_asleep_is_what_the_clocks_differ_by(void **state) {
  (void)state;
  struct host *host;
  struct timespec boot, awake;
  uint64_t asleep_ms;
  assert_int_equal(host_open("/proc", &host), 0);
  assert_int_equal(host_asleep_ms(host, &asleep_ms), 0);
  clock_gettime(CLOCK_MONOTONIC, &awake);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  double difference =
      (double)(boot.tv_sec - awake.tv_sec) * 1e3 + (double)(boot.tv_nsec - awake.tv_nsec) / 1e6;
  assert_true((double)asleep_ms <= difference + 2 && (double)asleep_ms > difference - 5000);
  host_close(host);
}

static void a_boot_has_an_id(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int status;
    const char *boot;
  } cases[] = {
      {"as Linux has it", "8cdeb457-0b73-4ebd-9d1c-be639c3f1372\n", 0,
       "8cdeb457-0b73-4ebd-9d1c-be639c3f1372"},
      {"too long", "8cdeb457-0b73-4ebd-9d1c-be639c3f1372-0000\n", -EBADMSG, ""},
      {"no name", "a, b\n", -EBADMSG, ""},
      {"nothing", "", -EBADMSG, ""},
  };
  struct host *host;
  char boot[HOST_BOOT_ID_MAX], again[HOST_BOOT_ID_MAX];
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct replay_tree tree;
    replay_tree_create(&tree);
    assert_int_equal(host_open(tree.root, &host), 0);
    assert_int_equal(host_boot_id(host, boot), -ENOENT); /* it was not captured */
    assert_string_equal(boot, "");
    replay_tree_add_file(&tree, "sys/kernel/random/boot_id", span_of(cases[i].text));
    check_int(cases[i].name, host_boot_id(host, boot), cases[i].status);
    check_span(cases[i].name, span_of(boot), span_of(cases[i].boot));
    host_close(host);
    replay_tree_remove(&tree);
  }
  assert_int_equal(host_open("/proc", &host), 0);
  assert_int_equal(host_boot_id(host, boot), 0);
  assert_int_equal(strlen(boot), 36);
  assert_int_equal(host_boot_id(host, again), 0);
  assert_string_equal(boot, again);
  host_close(host);
}

static void captured_clocks_do_not_advance(void **state) {
  (void)state;
  static const struct {
    const char *name, *uptime, *stat;
    int uptime_status, boot_status;
    uint64_t ticks, boot;
  } cases[] = {
      {"a captured host", "3092.52 4730.50\n", "cpu  1 2\nbtime 1795429419\nctxt 1\n", 0, 0,
       309252, 1795429419},
      {"one that just booted", "0.07 0.00\n", "btime 0\n", 0, 0, 7, 0},
      {"no fraction", "3092\n", "btime\n", -EBADMSG, -EBADMSG, 0, 0},
      {"a fraction that is none", "3092.x 1.0\n", "btime x\n", -EBADMSG, -EBADMSG, 0, 0},
      {"more than a fraction", "3092.521 1.0\n", "btime 17954x\n", -EBADMSG, -EBADMSG, 0, 0},
      {"longer than the universe lasts", "999999999999999999.00 1.0\n",
       "btime 99999999999999999999\n", -EBADMSG, -EBADMSG, 0, 0},
      {"nothing", "", "", -EBADMSG, -EBADMSG, 0, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct replay_tree tree;
    struct host *host;
    uint64_t ticks = 4711, boot = 4711;
    replay_tree_create(&tree);
    replay_tree_add_file(&tree, "uptime", span_of(cases[i].uptime));
    replay_tree_add_file(&tree, "stat", span_of(cases[i].stat));
    assert_int_equal(host_open(tree.root, &host), 0);
    check_int(cases[i].name, host_uptime_ticks(host, &ticks), cases[i].uptime_status);
    check_int(cases[i].name, host_boot_time_seconds(host, &boot), cases[i].boot_status);
    uint64_t expected = cases[i].ticks * host_ticks_per_second(host) / 100;
    check_int(cases[i].name, ticks, cases[i].uptime_status == 0 ? expected : 4711);
    check_int(cases[i].name, boot, cases[i].boot_status == 0 ? cases[i].boot : 4711);
    host_close(host);
    replay_tree_remove(&tree);
  }
}

static void missing_files_have_their_own_errors(void **state) {
  (void)state;
  struct replay_tree tree;
  struct host *host;
  uint64_t value;
  replay_tree_create(&tree);
  assert_int_equal(host_open(tree.root, &host), 0);
  assert_int_equal(host_uptime_ticks(host, &value), -ENOENT);
  assert_int_equal(host_boot_time_seconds(host, &value), -ENOENT);
  host_close(host);
  replay_tree_remove(&tree);
}

/* Machines with thousands of interrupts have a line of that length before btime. */
static void the_boot_time_is_found_after_lines_of_any_length(void **state) {
  (void)state;
  enum { ZEROS = 300000 };
  struct replay_tree tree;
  struct host *host;
  uint64_t boot;
  char *text = malloc(ZEROS * 2 + 64);
  assert_non_null(text);
  size_t len = (size_t)sprintf(text, "intr 5");
  for (int i = 0; i < ZEROS; i++, len += 2)
    memcpy(text + len, " 0", 2);
  len += (size_t)sprintf(text + len, "\nctxt 1\nbtime 1795429419\n");
  replay_tree_create(&tree);
  replay_tree_add_file(&tree, "stat", span_make(text, len));
  assert_int_equal(host_open(tree.root, &host), 0);
  assert_int_equal(host_boot_time_seconds(host, &boot), 0);
  assert_int_equal(boot, 1795429419);
  host_close(host);
  replay_tree_remove(&tree);
  free(text);
}

static void facts_of_the_machine_match_the_kernels(void **state) {
  (void)state;
  struct host *host;
  uint64_t watches, expected;
  double percent;
  char name[16];
  assert_int_equal(host_open("/proc", &host), 0);
  FILE *stream = fopen("/proc/sys/fs/inotify/max_user_watches", "r");
  assert_non_null(stream);
  assert_int_equal(fscanf(stream, "%" SCNu64, &expected), 1);
  fclose(stream);
  assert_int_equal(host_inotify_watches_limit(host, &watches), 0);
  assert_int_equal(watches, expected);
  int status = host_memory_pressure(host, &percent);
  if (access("/proc/pressure/memory", R_OK) == 0)
    assert_true((status == 0 && percent >= 0) || status == -EOPNOTSUPP);
  else
    assert_int_equal(status, -ENOENT);
  assert_int_equal(prctl(PR_SET_NAME, "tmux: server"), 0);
  assert_int_equal(host_process_name(host, getpid(), name, sizeof(name)), 0);
  assert_string_equal(name, "tmux: server");
  assert_int_equal(host_process_name(host, getpid(), name, 4), -ENAMETOOLONG);
  assert_int_equal(host_process_name(host, 1 << 30, name, sizeof(name)), -ESRCH);
  host_close(host);
}

static void captured_facts_are_plausible_or_rejected(void **state) {
  (void)state;
  static const struct {
    const char *name, *watches, *pressure;
    int watches_status, pressure_status;
  } cases[] = {
      {"a captured host", "65536\n", "some avg10=0.00 avg60=2.50 total=1\n", 0, 0},
      {"no limit at all", "0\n", "full avg60=1.00\n", -EBADMSG, -EBADMSG},
      {"no numbers", "x\n", "some avg60=x\n", -EBADMSG, -EBADMSG},
      {"nothing", "", "", -EBADMSG, -EBADMSG},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct replay_tree tree;
    struct host *host;
    uint64_t watches;
    double percent;
    replay_tree_create(&tree);
    replay_tree_add_file(&tree, "sys/fs/inotify/max_user_watches", span_of(cases[i].watches));
    replay_tree_add_file(&tree, "pressure/memory", span_of(cases[i].pressure));
    assert_int_equal(host_open(tree.root, &host), 0);
    check_int(cases[i].name, host_inotify_watches_limit(host, &watches),
              cases[i].watches_status);
    check_int(cases[i].name, host_memory_pressure(host, &percent), cases[i].pressure_status);
    host_close(host);
    replay_tree_remove(&tree);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(other_directories_are_not_process_tables),
      cmocka_unit_test(the_live_clocks_agree_with_the_kernels),
      cmocka_unit_test(the_time_asleep_is_what_the_clocks_differ_by),
      cmocka_unit_test(a_boot_has_an_id),
      cmocka_unit_test(captured_clocks_do_not_advance),
      cmocka_unit_test(missing_files_have_their_own_errors),
      cmocka_unit_test(the_boot_time_is_found_after_lines_of_any_length),
      cmocka_unit_test(facts_of_the_machine_match_the_kernels),
      cmocka_unit_test(captured_facts_are_plausible_or_rejected),
  };
  return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
