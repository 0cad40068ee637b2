/* Which processes are found, how soon, and which are not. */
#include "sidecar/os/discovery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cases.h"
#include "live_process.h"
#include "replay_tree.h"

/* A name that no other program on this machine has; longer than the kernel keeps one. */
static char name[32], other_name[32];
static char program[128], other_program[128];
static struct replay_tree folder;
static struct host *host;

static int set_up(void **state) {
  (void)state;
  replay_tree_create(&folder);
  snprintf(name, sizeof(name), "sidecar-under-test-%d", (int)getpid());
  snprintf(other_name, sizeof(other_name), "other-%d", (int)getpid());
  snprintf(program, sizeof(program), "%s/%s", folder.root, name);
  snprintf(other_program, sizeof(other_program), "%s/%s", folder.root, other_name);
  live_process_copy_program(SLEEPER, program);
  live_process_copy_program(SLEEPER, other_program);
  return host_open("/proc", &host);
}

static int tear_down(void **state) {
  (void)state;
  host_close(host);
  replay_tree_remove(&folder);
  return 0;
}

static struct discovery *discover(const struct discovery_rule *rules, size_t rules_len) {
  struct discovery *discovery;
  assert_int_equal(discovery_new(host, rules, rules_len, &discovery), 0);
  return discovery;
}

/* The rule that pid matches in a new scan, or -1. Also checks the order of the matches. */
static int scan_for(struct discovery *discovery, pid_t pid) {
  const struct discovery_match *matches;
  size_t len;
  int rule = -1;
  assert_int_equal(discovery_scan(discovery, &matches, &len), 0);
  for (size_t i = 0; i < len; i++) {
    assert_true(i == 0 || matches[i - 1].pid < matches[i].pid);
    if (matches[i].pid == pid)
      rule = (int)matches[i].rule;
  }
  return rule;
}

static size_t count_matches(struct discovery *discovery) {
  const struct discovery_match *matches;
  size_t len;
  assert_int_equal(discovery_scan(discovery, &matches, &len), 0);
  return len;
}

static void processes_are_matched_by_their_executable(void **state) {
  (void)state;
  const struct discovery_rule rule = {.executable = name};
  const char *const our_name[] = {name, "1000", NULL};
  const char *const another_name[] = {"sleep", "1000", NULL};
  const char *const our_file[] = {"tail", "-n", "0", "-f", program, NULL};
  struct discovery *discovery = discover(&rule, 1);
  char longer[160];
  snprintf(longer, sizeof(longer), "%s-sh-x", program);
  live_process_copy_program(SLEEPER, longer);
  assert_int_equal(count_matches(discovery), 0);

  pid_t ours = live_process_start_sleeper(program, NULL);
  pid_t disguised = live_process_start(program, another_name, NULL, NULL);
  pid_t impostor = live_process_start(SLEEPER, our_name, NULL, NULL);
  pid_t reader = live_process_start("/usr/bin/tail", our_file, NULL, NULL);
  pid_t longer_name = live_process_start_sleeper(longer, NULL);
  assert_int_equal(scan_for(discovery, ours), 0);
  assert_int_equal(scan_for(discovery, disguised), 0);
  assert_int_equal(scan_for(discovery, impostor), -1);
  assert_int_equal(scan_for(discovery, reader), -1);
  assert_int_equal(scan_for(discovery, longer_name), -1);
  assert_int_equal(count_matches(discovery), 2);

  live_process_end(ours);
  assert_int_equal(scan_for(discovery, ours), -1);
  assert_int_equal(count_matches(discovery), 1);
  live_process_end(disguised);
  live_process_end(impostor);
  live_process_end(reader);
  live_process_end(longer_name);
  discovery_free(discovery);
}

static void a_program_replaced_on_disk_is_still_found(void **state) {
  (void)state;
  const struct discovery_rule rule = {.executable = "replaced"};
  char path[128];
  snprintf(path, sizeof(path), "%s/replaced", folder.root);
  live_process_copy_program(SLEEPER, path);
  struct discovery *discovery = discover(&rule, 1);
  pid_t pid = live_process_start_sleeper(path, NULL);
  assert_int_equal(scan_for(discovery, pid), 0);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(scan_for(discovery, pid), 0);
  discovery_free(discovery);
  discovery = discover(&rule, 1); /* also by one who never saw it before */
  assert_int_equal(scan_for(discovery, pid), 0);
  live_process_end(pid);
  discovery_free(discovery);
}

static void a_zombie_is_not_found(void **state) {
  (void)state;
  const struct discovery_rule rule = {.executable = name};
  struct discovery *discovery = discover(&rule, 1);
  pid_t pid = live_process_start_sleeper(program, NULL);
  assert_int_equal(scan_for(discovery, pid), 0);
  live_process_kill(pid);
  assert_int_equal(scan_for(discovery, pid), -1);
  live_process_end(pid);
  discovery_free(discovery);
}

static void the_first_matching_rule_applies(void **state) {
  (void)state;
  regex_t three, two;
  assert_int_equal(regcomp(&three, " 1000 2000 3000$", REG_EXTENDED | REG_NOSUB), 0);
  assert_int_equal(regcomp(&two, "^my name 1000 2000$", REG_EXTENDED | REG_NOSUB), 0);
  const struct discovery_rule rules[] = {{.executable = other_name, .command_line = &three},
                                         {.executable = name, .command_line = &three},
                                         {.executable = name, .command_line = &two},
                                         {.executable = name},
                                         {.executable = name, .command_line = &two}};
  static const struct {
    const char *what;
    bool is_other;
    const char *arguments[5];
    int rule;
  } cases[] = {
      {"the command line of the second", false, {"x", "1000", "2000", "3000", NULL}, 1},
      {"that of the third, whole", false, {"my name", "1000", "2000", NULL}, 2},
      {"none, but a rule wants none", false, {"x", "1000", NULL}, 3},
      {"the first, with an empty name", true, {"", "1000", "2000", "3000", NULL}, 0},
      {"the right program with the wrong arguments", true, {"x", "1000", NULL}, -1},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct discovery *discovery = discover(rules, ARRAY_LENGTH(rules));
    pid_t pid = live_process_start(cases[i].is_other ? other_program : program,
                                   cases[i].arguments, NULL, NULL);
    check_int(cases[i].what, scan_for(discovery, pid), cases[i].rule);
    check_int(cases[i].what, scan_for(discovery, pid), cases[i].rule);
    live_process_end(pid);
    discovery_free(discovery);
  }
  regfree(&three);
  regfree(&two);
}

/* --- becoming another program --- */

/* Waits until pid runs program, according to the kernel. */
static void wait_for_program(pid_t pid, const char *wanted) {
  char link[64], path[256];
  snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
  for (int i = 0; i < 10000; i++, usleep(1000)) {
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    assert_true(len > 0);
    path[len] = '\0';
    if (strcmp(path, wanted) == 0)
      return;
  }
  fail_msg("%d has not become %s", (int)pid, wanted);
}

static void a_shell_that_executes_the_program_is_found_soon(void **state) {
  (void)state;
  static const struct {
    const char *what;
    unsigned scans_before, scans_at_most;
  } cases[] = {
      {"young, immediately", 1, 1},
      {"young as long as that lasts", 7, 1},
      {"old, within 48 scans", 100, 48},
  };
  const struct discovery_rule rule = {.executable = name};
  char script[160];
  snprintf(script, sizeof(script), "read go; exec %s 1000", program);
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct discovery *discovery = discover(&rule, 1);
    int input;
    pid_t pid = live_process_start_script("/bin/sh", script, &input);
    for (unsigned n = 0; n < cases[i].scans_before; n++)
      check_int(cases[i].what, scan_for(discovery, pid), -1);
    assert_int_equal(write(input, "\n", 1), 1);
    wait_for_program(pid, program);
    unsigned scans = 1;
    while (scan_for(discovery, pid) != 0)
      check_int(cases[i].what, scans++ < cases[i].scans_at_most, true);
    live_process_end(pid);
    close(input);
    discovery_free(discovery);
  }
}

static void a_process_that_executes_another_program_is_dropped_immediately(void **state) {
  (void)state;
  const struct discovery_rule rules[] = {{.executable = name}, {.executable = other_name}};
  struct discovery *discovery = discover(rules, ARRAY_LENGTH(rules));
  char shell[128], script[160];
  int input;
  replay_tree_add_directory(&folder, "shell");
  snprintf(shell, sizeof(shell), "%s/shell/%s", folder.root, name);
  live_process_copy_program("/bin/sh", shell);
  snprintf(script, sizeof(script), "read go; exec %s 1000", other_program);
  pid_t pid = live_process_start_script(shell, script, &input);
  for (int n = 0; n < 20; n++)
    assert_int_equal(scan_for(discovery, pid), 0);
  assert_int_equal(write(input, "\n", 1), 1);
  wait_for_program(pid, other_program);
  assert_int_equal(scan_for(discovery, pid), 1);
  live_process_end(pid);
  close(input);
  discovery_free(discovery);
}

static void a_reused_pid_is_judged_from_the_start(void **state) {
  (void)state;
  const struct discovery_rule rule = {.executable = name};
  struct discovery *discovery = discover(&rule, 1);
  pid_t pid = live_process_start_sleeper(SLEEPER, NULL);
  for (int n = 0; n < 100; n++)
    assert_int_equal(scan_for(discovery, pid), -1);
  live_process_end(pid);
  bool chosen = live_process_start_with_pid(pid, program) != 0;
  int found = chosen ? scan_for(discovery, pid) : -1;
  if (chosen)
    live_process_end(pid);
  discovery_free(discovery);
  if (!chosen) {
    print_message("skipped: choosing a pid needs CAP_CHECKPOINT_RESTORE\n");
    skip();
  }
  assert_int_equal(found, 0);
}

/* --- without permission, without descriptors --- */

struct findings {
  pid_t ours, other, zombie;
  int found_ours, found_other, found_zombie, found_kernel_thread;
};

static void find_without_permission(void *answer) {
  struct findings *findings = answer;
  const struct discovery_rule rules[] = {
      {.executable = name}, {.executable = other_name}, {.executable = "kthreadd"}};
  struct host *theirs;
  struct discovery *discovery;
  const struct discovery_match *matches;
  size_t len;
  findings->found_ours = findings->found_other = -1;
  findings->found_zombie = findings->found_kernel_thread = -1;
  if (host_open("/proc", &theirs) != 0 ||
      discovery_new(theirs, rules, ARRAY_LENGTH(rules), &discovery) != 0 ||
      discovery_scan(discovery, &matches, &len) != 0)
    _exit(1);
  for (size_t i = 0; i < len; i++) {
    if (matches[i].pid == findings->ours)
      findings->found_ours = (int)matches[i].rule;
    if (matches[i].pid == findings->other)
      findings->found_other = (int)matches[i].rule;
    if (matches[i].pid == findings->zombie)
      findings->found_zombie = (int)matches[i].rule;
    if (matches[i].pid == 2)
      findings->found_kernel_thread = (int)matches[i].rule;
  }
  discovery_free(discovery);
  host_close(theirs);
}

static void names_are_used_for_executables_that_cannot_be_read(void **state) {
  (void)state;
  if (geteuid() != 0) {
    print_message("skipped: needs root, to become another user\n");
    skip();
  }
  struct findings findings = {.ours = live_process_start_sleeper(program, NULL),
                              .other = live_process_start_sleeper(other_program, NULL),
                              .zombie = live_process_start_sleeper(program, NULL)};
  live_process_kill(findings.zombie);
  live_process_ask_unprivileged(find_without_permission, &findings, sizeof(findings));
  live_process_end(findings.ours);
  live_process_end(findings.other);
  live_process_end(findings.zombie);
  assert_int_equal(findings.found_ours, 0); /* by its first 15 bytes */
  assert_int_equal(findings.found_other, 1);
  assert_int_equal(findings.found_zombie, -1);
  assert_int_equal(findings.found_kernel_thread, -1);
}

static void a_shortage_of_descriptors_loses_no_process(void **state) {
  (void)state;
  regex_t any;
  assert_int_equal(regcomp(&any, "1000", REG_EXTENDED | REG_NOSUB), 0);
  const struct discovery_rule rule = {.executable = name, .command_line = &any};
  struct discovery *discovery = discover(&rule, 1);
  pid_t pid = live_process_start_sleeper(program, NULL);
  assert_int_equal(scan_for(discovery, pid), 0);
  struct rlimit old, none;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  none = old;
  none.rlim_cur = 0;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  int found = scan_for(discovery, pid);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
  assert_int_equal(found, 0);
  assert_int_equal(scan_for(discovery, pid), 0);
  live_process_end(pid);
  discovery_free(discovery);
  regfree(&any);
}

static void many_paths_come_and_go_and_the_rest_is_kept(void **state) {
  (void)state;
  enum { OURS = 10, CROWD = 100 };
  const struct discovery_rule rule = {.executable = name};
  struct discovery *discovery = discover(&rule, 1);
  pid_t ours[OURS], crowd[CROWD];
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < CROWD; i++) {
      crowd[i] = live_process_start_sleeper(i % 10 == 3 ? program : SLEEPER, NULL);
      if (i % 10 == 3)
        ours[i / 10] = crowd[i];
    }
    assert_int_equal(count_matches(discovery), OURS);
    for (int i = 0; i < OURS; i++)
      assert_int_equal(scan_for(discovery, ours[i]), 0);
    for (int i = 0; i < CROWD; i++) {
      live_process_end(crowd[i]);
      if (i % 10 == 3)
        assert_int_equal(count_matches(discovery), OURS - 1 - i / 10);
    }
  }
  discovery_free(discovery);
}

/* --- captured tables --- */

static void only_pids_in_their_usual_form_are_processes(void **state) {
  (void)state;
  static const char *const odd[] = {"0",    "012", "-5",         "12a",
                                    "+12",  "1e3", "2147483648", "99999999999999999999",
                                    "self", ".12"};
  static const pid_t good[] = {900, 1, 2147483647, 32768, 12};
  static const pid_t sorted[] = {1, 12, 900, 32768, 2147483647};
  const struct discovery_rule rule = {.executable = "sidecar"};
  struct replay_tree tree;
  struct host *captured;
  struct discovery *discovery;
  const struct discovery_match *matches;
  size_t len;
  char path[64];
  replay_tree_create(&tree);
  for (size_t i = 0; i < ARRAY_LENGTH(odd); i++) {
    snprintf(path, sizeof(path), "%s/exe", odd[i]);
    replay_tree_add_link(&tree, path, "/usr/bin/sidecar");
  }
  for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
    snprintf(path, sizeof(path), "%d/exe", (int)good[i]);
    replay_tree_add_link(&tree, path, "/usr/bin/sidecar");
  }
  replay_tree_add_file(&tree, "77", SPAN_LITERAL("a file"));
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(discovery_new(captured, &rule, 1, &discovery), 0);
  for (int n = 0; n < 3; n++) {
    assert_int_equal(discovery_scan(discovery, &matches, &len), 0);
    assert_int_equal(len, ARRAY_LENGTH(sorted));
    for (size_t i = 0; i < len; i++)
      assert_int_equal(matches[i].pid, sorted[i]);
  }
  discovery_free(discovery);
  host_close(captured);
  replay_tree_remove(&tree);
}

static void executables_are_compared_by_their_whole_base_name(void **state) {
  (void)state;
  static const struct {
    const char *what, *target;
    bool found;
  } cases[] = {
      {"in a folder", "/usr/local/bin/sidecar", true},
      {"deleted", "/usr/local/bin/sidecar (deleted)", true},
      {"in a deleted folder", "/tmp/x (deleted)/sidecar", true},
      {"without a folder", "sidecar", true},
      {"another beginning", "/usr/bin/mysidecar", false},
      {"another end", "/usr/bin/sidecar2", false},
      {"a folder of that name", "/opt/sidecar/bin/tool", false},
      {"in capitals", "/usr/bin/Sidecar", false},
      {"deleted twice is part of the name", "/usr/bin/sidecar (deleted) (deleted)", false},
      {"a newline at the end", "/usr/bin/sidecar\n", false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    const struct discovery_rule rule = {.executable = "sidecar"};
    struct replay_tree tree;
    struct host *captured;
    struct discovery *discovery;
    replay_tree_create(&tree);
    replay_tree_add_link(&tree, "4711/exe", cases[i].target);
    assert_int_equal(host_open(tree.root, &captured), 0);
    assert_int_equal(discovery_new(captured, &rule, 1, &discovery), 0);
    check_int(cases[i].what, count_matches(discovery), cases[i].found);
    discovery_free(discovery);
    host_close(captured);
    replay_tree_remove(&tree);
  }
}

static void captured_hosts_are_read_exactly(void **state) {
  (void)state;
  const struct discovery_rule rules[] = {
      {.executable = "sleep"}, {.executable = "kthreadd"}, {.executable = "sidecar"}};
  struct replay_tree tree;
  struct host *captured;
  struct discovery *discovery;
  const struct discovery_match *matches;
  size_t len;
  replay_tree_create(&tree);
  replay_tree_unpack(&tree, "sidecar");
  replay_tree_unpack(&tree, "zombie");
  replay_tree_unpack(&tree, "kernel_thread");
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(discovery_new(captured, rules, ARRAY_LENGTH(rules), &discovery), 0);
  assert_int_equal(discovery_scan(discovery, &matches, &len), 0);
  assert_int_equal(len, 1);
  assert_int_equal(matches[0].pid, 18891);
  assert_int_equal(matches[0].rule, 2);
  discovery_free(discovery);
  host_close(captured);
  replay_tree_remove(&tree);
}

/* Makes so many captured processes run a program. */
static void run_program(struct replay_tree *tree, int processes, const char *executable) {
  char path[64];
  for (int i = 1; i <= processes; i++) {
    snprintf(path, sizeof(path), "%d/exe", i * 16);
    replay_tree_add_link(tree, path, executable);
  }
}

/* A captured table in the order of its directory: each process is still examined in turn. */
static void in_any_order_all_are_examined_within_48_scans(void **state) {
  (void)state;
  enum { PROCESSES = 2000 };
  const struct discovery_rule rule = {.executable = "sidecar"};
  struct replay_tree tree;
  struct host *captured;
  struct discovery *discovery;
  replay_tree_create(&tree);
  run_program(&tree, PROCESSES, "/bin/sh");
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(discovery_new(captured, &rule, 1, &discovery), 0);
  for (int n = 0; n < 20; n++)
    assert_int_equal(count_matches(discovery), 0);
  run_program(&tree, PROCESSES, "/bin/sidecar");
  size_t before = count_matches(discovery);
  assert_true(before > 0 && before < PROCESSES / 8); /* a slice, not all of them */
  size_t found = before;
  for (int n = 1; n < 48; n++) {
    found = count_matches(discovery);
    assert_true(found >= before);
    before = found;
  }
  assert_int_equal(found, PROCESSES);
  discovery_free(discovery);
  host_close(captured);
  replay_tree_remove(&tree);
}

/* Each scan has time for one process: one is not examined twice before all others were. */
static void a_scan_without_time_goes_on_where_the_last_one_stopped(void **state) {
  (void)state;
  enum { PROCESSES = 100 };
  const struct discovery_rule rule = {.executable = "sidecar"};
  struct replay_tree tree;
  struct host *captured;
  struct discovery *discovery;
  replay_tree_create(&tree);
  run_program(&tree, PROCESSES, "/bin/sidecar");
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(discovery_new(captured, &rule, 1, &discovery), 0);
  host_set_deadline(captured, 0);
  for (size_t n = 1; n <= PROCESSES; n++)
    assert_int_equal(count_matches(discovery), n);
  assert_int_equal(count_matches(discovery), PROCESSES);
  host_set_deadline(captured, UINT64_MAX);
  assert_int_equal(count_matches(discovery), PROCESSES);
  discovery_free(discovery);
  host_close(captured);
  replay_tree_remove(&tree);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(processes_are_matched_by_their_executable),
      cmocka_unit_test(a_program_replaced_on_disk_is_still_found),
      cmocka_unit_test(a_zombie_is_not_found),
      cmocka_unit_test(the_first_matching_rule_applies),
      cmocka_unit_test(a_shell_that_executes_the_program_is_found_soon),
      cmocka_unit_test(a_process_that_executes_another_program_is_dropped_immediately),
      cmocka_unit_test(a_reused_pid_is_judged_from_the_start),
      cmocka_unit_test(names_are_used_for_executables_that_cannot_be_read),
      cmocka_unit_test(a_shortage_of_descriptors_loses_no_process),
      cmocka_unit_test(many_paths_come_and_go_and_the_rest_is_kept),
      cmocka_unit_test(only_pids_in_their_usual_form_are_processes),
      cmocka_unit_test(executables_are_compared_by_their_whole_base_name),
      cmocka_unit_test(captured_hosts_are_read_exactly),
      cmocka_unit_test(in_any_order_all_are_examined_within_48_scans),
      cmocka_unit_test(a_scan_without_time_goes_on_where_the_last_one_stopped),
  };
  return cmocka_run_group_tests_name("discovery", tests, set_up, tear_down);
}
