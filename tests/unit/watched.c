/* Programs that the plugin watches; see watched.h. */
#include "watched.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "fake_collectd.h"
#include "live_process.h"
#include "wrapped_calls.h"

char watched_folder[] = "/tmp/sidecar-test-plugin-XXXXXX";
char watched_executable[64];
char watched_program[PATH_MAX];
_Atomic time_t watched_ahead_seconds, watched_asleep_seconds;
const char *watched_variable;
void (*watched_hold)(void);

enum { CHILDREN_MAX = 16 };
static pid_t children[CHILDREN_MAX];
static size_t children_len;

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

int __wrap_clock_gettime(clockid_t id, struct timespec *ret) {
  int status = __real_clock_gettime(id, ret);
  if (status == 0 && id == CLOCK_MONOTONIC && !wrapped_calls_is_waiting)
    ret->tv_sec += watched_ahead_seconds;
  if (status == 0 && id == CLOCK_BOOTTIME && watched_asleep_seconds > 0)
    ret->tv_sec += watched_ahead_seconds + watched_asleep_seconds;
  return status;
}

/* ---- the programs ---- */

/* Is the program past its start, where the dynamic linker opens and closes files? Also where
 * the kernel does not show what system call it is in (proc(5), /proc/PID/syscall). */
static bool is_sleeping(pid_t pid) {
  char path[64];
  long call = -1;
  snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
  FILE *stream = fopen(path, "r");
  if (stream == NULL)
    return true;
  int fields = fscanf(stream, "%ld", &call);
  fclose(stream);
  return fields == 1 && (call == SYS_clock_nanosleep || call == SYS_nanosleep);
}

static void wait_until_it_sleeps(pid_t pid) {
  char exe[PATH_MAX], link[64];
  snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
  for (int i = 0; i < 1000; i++) {
    ssize_t n = readlink(link, exe, sizeof(exe) - 1);
    if (n > 0 && (exe[n] = '\0', strcmp(exe, watched_program) == 0) && is_sleeping(pid))
      return;
    usleep(1000);
  }
  fail_msg("the child did not become %s", watched_program);
}

pid_t watched_start(const char *cwd) {
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/%s", watched_folder, cwd);
  mkdir(path, 0755);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(path) != 0)
      _exit(126);
    if (watched_hold != NULL)
      watched_hold();
    char *const environment[] = {(char *)(uintptr_t)watched_variable, NULL};
    execle(watched_program, watched_executable, "1000", (char *)NULL, environment);
    _exit(127);
  }
  children[children_len++] = pid;
  wait_until_it_sleeps(pid);
  return pid;
}

static bool has_environment(pid_t pid, const char *variable) {
  char path[64], bytes[256] = "";
  snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
  FILE *stream = fopen(path, "r");
  assert_non_null(stream);
  size_t len = fread(bytes, 1, sizeof(bytes) - 1, stream);
  fclose(stream);
  return len > 0 && strcmp(bytes, variable) == 0;
}

void watched_restart(pid_t pid, const char *variable) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/cwd/environment", (int)pid);
  FILE *stream = fopen(path, "w");
  assert_non_null(stream);
  assert_true(fputs(variable, stream) >= 0);
  assert_int_equal(fclose(stream), 0);
  assert_int_equal(kill(pid, SIGUSR1), 0);
  for (int i = 0; i < 1000 && !has_environment(pid, variable); i++)
    usleep(1000);
  wait_until_it_sleeps(pid);
}

void watched_forget(pid_t pid) {
  for (size_t i = 0; i < children_len; i++) {
    if (children[i] == pid)
      children[i] = children[--children_len];
  }
}

void watched_end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  watched_forget(pid);
}

/* ---- fixtures ---- */

int watched_set_up_group(void **state) {
  (void)state;
  assert_non_null(mkdtemp(watched_folder));
  snprintf(watched_executable, sizeof(watched_executable), "sidecar-%d", (int)getpid());
  snprintf(watched_program, sizeof(watched_program), "%s/%s", watched_folder,
           watched_executable);
  live_process_copy_program(SLEEPER, watched_program);
  return 0;
}

int watched_tear_down_group(void **state) {
  (void)state;
  char command[PATH_MAX + 16];
  snprintf(command, sizeof(command), "rm -rf '%s'", watched_folder);
  return system(command);
}

int watched_set_up(void **state) {
  (void)state;
  watched_ahead_seconds = watched_asleep_seconds = 0;
  wrapped_calls_patience_ms = 0;
  watched_variable = NULL;
  watched_hold = NULL;
  fake_collectd_reset();
  module_register();
  return 0;
}

int watched_tear_down(void **state) {
  (void)state;
  fake_collectd_shutdown();
  while (children_len > 0)
    watched_end(children[0]);
  return 0;
}

/* ---- the plugin ---- */

void watched_configure(const char *options, const char *process_options) {
  char text[2048];
  snprintf(text, sizeof(text),
           "%s\n"
           "<Process \"sidecar\">\n"
           " Executable \"%s\"\n"
           " MinimumAge 0\n"
           " %s\n"
           "</Process>\n",
           options, watched_executable, process_options);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
}

double watched_gauge(const char *instance, const char *type, const char *type_instance) {
  const struct fake_value *value = fake_collectd_find(instance, type, type_instance);
  if (value == NULL)
    fail_msg("%s/%s-%s was not dispatched", instance, type, type_instance);
  assert_int_equal(value->ds_type, DS_TYPE_GAUGE);
  return value->values[0].gauge;
}

bool watched_is_sent(const char *instance) {
  return fake_collectd_find(instance, "process_resident_memory_bytes", "") != NULL;
}

unsigned watched_own_descriptors(void) {
  struct stat st;
  unsigned count = 0;
  for (int fd = 0; fd < 2048; fd++)
    count += fstat(fd, &st) == 0;
  return count;
}
