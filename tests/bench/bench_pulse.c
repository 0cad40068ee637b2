/*
 * What a pulse costs: its CPU time against that of a bare loop that makes the same system
 * calls and looks at nothing. The process watched is healthy: 100 descriptors, 30 threads.
 *
 *   bench_pulse [rounds]
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "healthy_process.h"
#include "measure.h"
#include "sidecar/os/process.h"

enum { REPEATS = 320 };

struct subject {
  struct process *process;
  int directory, stat, status, io, fd; /* for the bare loop */
  bool kernel_counts;                  /* descriptors, in the size of their directory */
  unsigned pulses;
};

static char text[16 * 1024];

static void pulse(void *argument) {
  struct subject *subject = argument;
  struct process_pulse pulse;
  if (process_read_pulse(subject->process, &pulse) != 0 || pulse.threads != HEALTHY_THREADS ||
      pulse.open_fds < HEALTHY_DESCRIPTORS || pulse.status_error != 0 || pulse.io_error != 0)
    bench_fail("process_read_pulse");
}

static void read_by_name(const struct subject *subject, const char *name) {
  int fd = openat(subject->directory, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || pread(fd, text, sizeof(text), 0) <= 0)
    bench_fail(name);
  close(fd);
}

static void read_limits_in_turn(struct subject *subject) {
  if (subject->pulses++ % PROCESS_LIMITS_EVERY == 0)
    read_by_name(subject, "limits");
}

/* Before Linux 6.2 the descriptors have to be listed. */
static void list_descriptors(const struct subject *subject) {
  static _Alignas(struct dirent64) char entries[64 * 1024];
  int fd = openat(subject->directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    bench_fail("fd");
  while (getdents64(fd, entries, sizeof(entries)) > 0)
    ;
  close(fd);
}

static void bare_calls_on_kept_files(void *argument) {
  struct subject *subject = argument;
  struct stat st;
  if (pread(subject->status, text, sizeof(text), 0) <= 0 ||
      pread(subject->io, text, sizeof(text), 0) <= 0)
    bench_fail("bare calls");
  if (!subject->kernel_counts)
    list_descriptors(subject);
  else if (fstat(subject->fd, &st) != 0)
    bench_fail("fd");
  if (pread(subject->stat, text, sizeof(text), 0) <= 0)
    bench_fail("stat");
  read_limits_in_turn(subject);
}

static void bare_calls_by_name(void *argument) {
  struct subject *subject = argument;
  struct stat st;
  read_by_name(subject, "status");
  read_by_name(subject, "io");
  if (!subject->kernel_counts) {
    list_descriptors(subject);
  } else {
    int fd = openat(subject->directory, "fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
      bench_fail("fd");
    close(fd);
  }
  read_by_name(subject, "stat");
  read_limits_in_turn(subject);
}

static void open_bare_files(struct subject *subject, pid_t pid) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d", (int)pid);
  subject->directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  subject->stat = openat(subject->directory, "stat", O_RDONLY | O_CLOEXEC);
  subject->status = openat(subject->directory, "status", O_RDONLY | O_CLOEXEC);
  subject->io = openat(subject->directory, "io", O_RDONLY | O_CLOEXEC);
  subject->fd = openat(subject->directory, "fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (subject->stat < 0 || subject->status < 0 || subject->io < 0 || subject->fd < 0)
    bench_fail(path);
  struct stat st;
  subject->kernel_counts = fstat(subject->fd, &st) == 0 && st.st_size > 0;
}

/* Below a limit of 16 a quarter is not enough to keep the files of one process open. */
static void measure(const char *name, measured bare, pid_t pid, rlim_t descriptors,
                    unsigned rounds) {
  struct subject subject = {0};
  struct host *host;
  struct rlimit old, limit;
  open_bare_files(&subject, pid);
  getrlimit(RLIMIT_NOFILE, &old);
  limit = old;
  limit.rlim_cur = descriptors;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || host_open("/proc", &host) != 0 ||
      setrlimit(RLIMIT_NOFILE, &old) != 0 || process_open(host, pid, &subject.process) != 0)
    bench_fail("opening the process");
  bench_side_by_side(name, 1.5, bare, pulse, &subject, rounds, REPEATS);
  process_close(subject.process);
  host_close(host);
}

int main(int argc, char **argv) {
  unsigned rounds = argc > 1 ? bench_argument(argv[1], BENCH_ROUNDS_MAX) : 101;
  pid_t pid = healthy_process_start();
  printf("pulse: CPU time a pulse, medians of %u rounds of %d; %d descriptors, %d threads\n",
         rounds, REPEATS, HEALTHY_DESCRIPTORS, HEALTHY_THREADS);
  measure("  files kept open", bare_calls_on_kept_files, pid, 1024, rounds);
  measure("  files opened each time", bare_calls_by_name, pid, 15, rounds);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return 0;
}
