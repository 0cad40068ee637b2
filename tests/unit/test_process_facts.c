/* Working directory, executable, environment and context switches of a process. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "live_process.h"
#include "replay_tree.h"
#include "sidecar/os/process.h"

static struct host *host;
static struct replay_tree folder; /* for programs and working directories */

static int set_up(void **state) {
  (void)state;
  replay_tree_create(&folder);
  return host_open("/proc", &host);
}

static int tear_down(void **state) {
  (void)state;
  host_close(host);
  replay_tree_remove(&folder);
  return 0;
}

static struct process *hold(pid_t pid) {
  struct process *process;
  assert_int_equal(process_open(host, pid, &process), 0);
  return process;
}

/* --- working directory --- */

enum life { KEPT, DELETED };

static void working_directories_of_any_name_are_returned_unchanged(void **state) {
  (void)state;
  static const struct {
    const char *name, *folder;
    enum life life;
  } cases[] = {
      {"a project", "proj", KEPT},
      {"a deleted one loses the mark", "gone", DELETED},
      {"a name that looks deleted keeps it", "proj (deleted)", KEPT},
      {"and both", "was (deleted)", DELETED},
      {"blanks, quotes and semicolons", "a b\"c';d", KEPT},
      {"a newline", "a\nb", KEPT},
      {"bytes that are not UTF-8", "\xFF\xFE", KEPT},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char path[512], cwd[512];
    snprintf(path, sizeof(path), "%s/%s", folder.root, cases[i].folder);
    assert_int_equal(mkdir(path, 0755), 0);
    pid_t pid = live_process_start_sleeper(SLEEPER, path);
    if (cases[i].life == DELETED)
      assert_int_equal(rmdir(path), 0);
    struct process *process = hold(pid);
    check_int(cases[i].name, process_read_cwd(process, cwd, sizeof(cwd)), 0);
    check_span(cases[i].name, span_of(cwd), span_of(path));
    check_int(cases[i].name, process_read_cwd(process, cwd, strlen(path)), -ENAMETOOLONG);
    process_close(process);
    live_process_end(pid);
  }
}

/* Goes into nested folders until the path is so long. */
static void go_deep(void *argument) {
  char name[251];
  memset(name, 'd', 250);
  name[250] = '\0';
  if (chdir(folder.root) != 0)
    _exit(1);
  for (size_t len = strlen(folder.root); len + 251 <= *(size_t *)argument; len += 251) {
    mkdir(name, 0755);
    if (chdir(name) != 0)
      _exit(1);
  }
}

static void a_working_directory_may_be_4000_bytes_deep(void **state) {
  (void)state;
  size_t deep = 4000, too_deep = 5000;
  char cwd[4096];
  pid_t pid = live_process_fork(go_deep, &deep);
  struct process *process = hold(pid);
  assert_int_equal(process_read_cwd(process, cwd, sizeof(cwd)), 0);
  assert_true(strlen(cwd) > 3749 && strlen(cwd) <= 4000);
  assert_int_equal(strncmp(cwd, folder.root, strlen(folder.root)), 0);
  process_close(process);
  live_process_end(pid);

  pid = live_process_fork(go_deep, &too_deep);
  process = hold(pid);
  assert_int_equal(process_read_cwd(process, cwd, sizeof(cwd)), -ENAMETOOLONG);
  process_close(process);
  live_process_end(pid);
}

/* --- executable --- */

static void a_program_replaced_on_disk_keeps_its_name(void **state) {
  (void)state;
  char program[128], path[256];
  snprintf(program, sizeof(program), "%s/sidecar", folder.root);
  live_process_copy_program(SLEEPER, program);
  pid_t pid = live_process_start_sleeper(program, NULL);
  struct process *process = hold(pid);
  assert_int_equal(process_read_executable(process, path, sizeof(path)), 0);
  assert_string_equal(path, program);
  assert_int_equal(unlink(program), 0);
  assert_int_equal(process_read_executable(process, path, sizeof(path)), 0);
  assert_string_equal(path, program);
  live_process_copy_program(SLEEPER, program); /* the new version */
  assert_int_equal(process_read_executable(process, path, sizeof(path)), 0);
  assert_string_equal(path, program);
  assert_int_equal(process_read_executable(process, path, 8), -ENAMETOOLONG);
  process_close(process);
  live_process_end(pid);
}

/* --- environment --- */

static const char *const SLEEP[] = {"sleep", "1000", NULL};

static void the_variable_is_found_in_a_live_environment(void **state) {
  (void)state;
  static const struct {
    const char *name;
    const char *environment[5];
    int status;
    const char *value;
  } cases[] = {
      {"set", {"A=b", "SIDECAR_PPROF=6061", "C=d", NULL}, 0, "6061"},
      {"set twice: the first", {"SIDECAR_PPROF=1", "SIDECAR_PPROF=2", NULL}, 0, "1"},
      {"set to nothing", {"SIDECAR_PPROF=", NULL}, 0, ""},
      {"not set", {"A=b", "SIDECAR_PPROF_=1", NULL}, -ENODATA, NULL},
      {"no environment at all", {NULL}, -ENODATA, NULL},
      {"too long for the buffer",
       {"SIDECAR_PPROF=0123456789abcdef", NULL},
       -ENAMETOOLONG,
       NULL},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char value[16];
    pid_t pid = live_process_start(SLEEPER, SLEEP, cases[i].environment, NULL);
    struct process *process = hold(pid);
    check_int(cases[i].name,
              process_read_environment(process, "SIDECAR_PPROF", value, sizeof(value)),
              cases[i].status);
    if (cases[i].status == 0)
      check_span(cases[i].name, span_of(value), span_of(cases[i].value));
    assert_int_equal(process_read_environment(process, "A=b", value, sizeof(value)), -EINVAL);
    process_close(process);
    live_process_end(pid);
  }
}

static void a_variable_is_found_behind_a_megabyte_of_environment(void **state) {
  (void)state;
  enum { VARIABLES = 10, LENGTH = 100 * 1024 };
  const char *environment[VARIABLES + 2];
  for (int i = 0; i < VARIABLES; i++) {
    char *variable = malloc(LENGTH + 1);
    assert_non_null(variable);
    memset(variable, 'x', LENGTH);
    memcpy(variable, "SIDECAR=", 8);
    variable[LENGTH] = '\0';
    environment[i] = variable;
  }
  environment[VARIABLES] = "SIDECAR_PPROF=6061";
  environment[VARIABLES + 1] = NULL;
  pid_t pid = live_process_start(SLEEPER, SLEEP, environment, NULL);
  struct process *process = hold(pid);
  char value[16];
  assert_int_equal(process_read_environment(process, "SIDECAR_PPROF", value, sizeof(value)), 0);
  assert_string_equal(value, "6061");
  process_close(process);
  live_process_end(pid);
  for (int i = 0; i < VARIABLES; i++)
    free((void *)(uintptr_t)environment[i]);
}

/* Bytes that no other memory has, made from a seed so that the test itself never holds
 * them in a row: it compares one by one. */
enum { SECRET_LEN = 24 };

static char secret_byte(size_t i) {
  return (char)('A' + (i * 7 + 3) % 26);
}

static void become_a_keeper_of_secrets(void *nothing) {
  (void)nothing;
  char variable[16 + SECRET_LEN + 1] = "TOKEN=";
  size_t len = strlen(variable);
  for (size_t i = 0; i < SECRET_LEN; i++)
    variable[len++] = secret_byte(i);
  char pprof[] = "SIDECAR_PPROF=6061";
  char *environment[] = {variable, pprof, NULL};
  execve(SLEEPER, (char *const *)(uintptr_t)SLEEP, environment);
  _exit(1);
}

static bool holds_the_secret(const char *at, size_t len) {
  for (size_t start = 0; start + SECRET_LEN <= len; start++) {
    size_t same = 0;
    while (same < SECRET_LEN && at[start + same] == secret_byte(same))
      same++;
    if (same == SECRET_LEN)
      return true;
  }
  return false;
}

/* Searches all memory that we may have written to, except the terabytes that a sanitizer
 * reserves. */
static bool we_hold_the_secret(void) {
  enum { PIECE = 1024 * 1024, LARGEST = 256 * 1024 * 1024 };
  static char piece[PIECE];
  bool found = false;
  char line[512];
  int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  FILE *maps = fopen("/proc/self/maps", "r");
  assert_true(memory >= 0 && maps != NULL);
  while (fgets(line, sizeof(line), maps) != NULL) {
    unsigned long start, end;
    char writable;
    if (sscanf(line, "%lx-%lx %*c%c", &start, &end, &writable) != 3 || writable != 'w' ||
        end - start > LARGEST)
      continue;
    while (start < end) {
      ssize_t len = pread(memory, piece, PIECE, (off_t)start);
      if (len <= 0)
        break;
      found = found || holds_the_secret(piece, (size_t)len);
      start += (unsigned long)len > SECRET_LEN ? (unsigned long)len - SECRET_LEN : SECRET_LEN;
    }
  }
  fclose(maps);
  close(memory);
  explicit_bzero(piece, sizeof(piece));
  return found;
}

static void the_rest_is_wiped_from_our_memory(void **state) {
  (void)state;
  pid_t pid = live_process_fork(become_a_keeper_of_secrets, NULL);
  struct process *process = hold(pid);
  char value[64];
  int status = -ENODATA;
  for (int i = 0; i < 1000 && status == -ENODATA; i++, usleep(1000)) /* until it has execed */
    status = process_read_environment(process, "SIDECAR_PPROF", value, sizeof(value));
  assert_int_equal(status, 0);
  assert_false(we_hold_the_secret());
  assert_int_equal(process_read_environment(process, "TOKEN", value, SECRET_LEN),
                   -ENAMETOOLONG);
  assert_false(we_hold_the_secret());
  /* the search works: it finds the secret requested by name */
  assert_int_equal(process_read_environment(process, "TOKEN", value, sizeof(value)), 0);
  char *kept = strdup(value);
  assert_true(we_hold_the_secret());
  explicit_bzero(kept, strlen(kept));
  explicit_bzero(value, sizeof(value));
  free(kept);
  process_close(process);
  live_process_end(pid);
}

/* --- context switches --- */

enum { SWITCHES = 200 };

static void *switch_often(void *nothing) {
  for (int i = 0; i < SWITCHES; i++)
    usleep(100);
  return nothing;
}

static void *switch_and_stay(void *barrier) {
  switch_often(NULL);
  pthread_barrier_wait(barrier);
  for (;;)
    pause();
  return NULL;
}

static void leave_the_work_to_threads(void *nothing) {
  (void)nothing;
  static pthread_barrier_t barrier;
  pthread_t thread;
  pthread_barrier_init(&barrier, NULL, 4);
  for (int i = 0; i < 3; i++)
    if (pthread_create(&thread, NULL, switch_and_stay, &barrier) != 0)
      _exit(1);
  pthread_barrier_wait(&barrier);
}

static void switches_of_all_threads_count(void **state) {
  (void)state;
  pid_t pid = live_process_fork(leave_the_work_to_threads, NULL);
  struct process *process = hold(pid);
  uint64_t voluntary, involuntary;
  assert_int_equal(process_read_context_switches(process, &voluntary, &involuntary), 0);
  assert_true(voluntary >= (uint64_t)3 * SWITCHES && voluntary < (uint64_t)30 * SWITCHES);
  process_close(process);
  live_process_end(pid);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(working_directories_of_any_name_are_returned_unchanged),
      cmocka_unit_test(a_working_directory_may_be_4000_bytes_deep),
      cmocka_unit_test(a_program_replaced_on_disk_keeps_its_name),
      cmocka_unit_test(the_variable_is_found_in_a_live_environment),
      cmocka_unit_test(a_variable_is_found_behind_a_megabyte_of_environment),
      cmocka_unit_test(the_rest_is_wiped_from_our_memory),
      cmocka_unit_test(switches_of_all_threads_count),
  };
  return cmocka_run_group_tests_name("process_facts", tests, set_up, tear_down);
}
