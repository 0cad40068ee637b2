/*
 * What classifying descriptors costs, as ratios of two things measured side by side: the
 * CPU time of a reading, and that of a bare loop of getdents64 and readlinkat over the same
 * directory, which nobody can do without. A child holds the descriptors still.
 *
 *   bench_descriptors [descriptors [rounds]]
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/scan.h"
#include "sidecar/descriptors.h"

enum { ROUNDS_MAX = 1001 };

static char folder[PATH_MAX];

static void fail(const char *what) {
  fprintf(stderr, "bench_descriptors: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* --- what the child holds --- */

static void name_file(char *name, size_t size, unsigned i) {
  snprintf(name, size, "%s/session-%08x-4c1e-9b7d-000000000000.jsonl", folder, i);
}

static int hold_distinct_file(unsigned i) {
  char name[PATH_MAX + 64];
  name_file(name, sizeof(name), i);
  return open(name, O_RDWR | O_CREAT, 0600);
}

static int hold_same_file(unsigned i) {
  (void)i;
  return hold_distinct_file(0);
}

static int hold_socket(unsigned i) {
  (void)i;
  return socket(AF_UNIX, SOCK_STREAM, 0);
}

/* As in a healthy process: pipes, sockets, some files, some of them twice. */
static int hold_mixture(unsigned i) {
  switch (i % 4) {
  case 0:
    return hold_distinct_file(i);
  case 1:
    return hold_distinct_file(i % 64);
  case 2:
    return open("/dev/null", O_RDONLY);
  default:
    return hold_socket(i);
  }
}

struct load {
  const char *name;
  int (*hold)(unsigned);
};

static const struct load loads[] = {
    {"distinct files", hold_distinct_file},
    {"the same file", hold_same_file},
    {"sockets", hold_socket},
    {"a mixture", hold_mixture},
};

static pid_t start_child(const struct load *load, unsigned count) {
  int ready[2];
  char byte = 0;
  if (pipe(ready) != 0)
    fail("pipe");
  pid_t pid = fork();
  if (pid < 0)
    fail("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < count; i++)
      if (load->hold(i) < 0)
        fail(load->name);
    if (write(ready[1], &byte, 1) != 1)
      _exit(1);
    for (;;)
      pause();
  }
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 1)
    fail("child");
  close(ready[0]);
  return pid;
}

static void end_child(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

static void remove_files(unsigned count) {
  char name[PATH_MAX + 64];
  for (unsigned i = 0; i < count; i++) {
    name_file(name, sizeof(name), i);
    unlink(name);
  }
}

/* --- what is measured --- */

static uint64_t cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t bare_loop(pid_t pid) {
  static _Alignas(struct dirent64) char entries[64 * 1024];
  char path[64], target[PATH_MAX];
  uint64_t links = 0;
  ssize_t len;
  snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    fail(path);
  while ((len = getdents64(fd, entries, sizeof(entries))) > 0) {
    for (ssize_t at = 0; at < len;) {
      const struct dirent64 *entry = (const void *)(entries + at);
      at += entry->d_reclen;
      links += readlinkat(fd, entry->d_name, target, sizeof(target)) > 0;
    }
  }
  close(fd);
  return links;
}

static struct descriptor_pattern patterns[] = {
    {.name = "claude_sessions"}, {.name = "codex_sessions"}, {.name = "sqlite"}};
enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

static void compile_patterns(void) {
  static const char *const texts[PATTERNS] = {
      "/\\.claude/projects/", "/\\.codex/sessions/",
      "\\.(db|sqlite|sqlite3)(-wal|-shm|-journal)?( \\(deleted\\))?$"};
  for (size_t i = 0; i < PATTERNS; i++)
    if (regcomp(&patterns[i].regex, texts[i], REG_EXTENDED | REG_NOSUB) != 0)
      fail("regcomp");
}

struct subject {
  struct host *host;
  struct process *process;
  struct lock_table *locks;
  struct descriptors *known;
};

static void read_once(struct subject *subject, struct descriptors *descriptors,
                      uint64_t expected) {
  static struct descriptors_reading reading;
  int status =
      descriptors_read(descriptors, subject->process, subject->locks, NULL, 0, NULL, &reading);
  if (status != 0 || reading.total != expected) {
    fprintf(stderr, "bench_descriptors: status %d, %lu of %lu descriptors\n", status,
            (unsigned long)reading.total, (unsigned long)expected);
    exit(1);
  }
}

static int compare_u64(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double median_us(uint64_t *values, size_t len) {
  qsort(values, len, sizeof(*values), compare_u64);
  return (double)values[len / 2] / 1000;
}

static void measure(const struct load *load, unsigned count, unsigned rounds) {
  static uint64_t bare[ROUNDS_MAX], steady[ROUNDS_MAX], first[ROUNDS_MAX];
  struct subject subject;
  pid_t pid = start_child(load, count);
  if (host_open("/proc", &subject.host) != 0 ||
      process_open(subject.host, pid, &subject.process) != 0 ||
      lock_table_new(&subject.locks) != 0 ||
      lock_table_refresh(subject.locks, subject.host) != 0 ||
      descriptors_new(patterns, PATTERNS, &subject.known) != 0)
    fail("setting up");

  uint64_t expected = bare_loop(pid);
  read_once(&subject, subject.known, expected);
  for (unsigned i = 0; i < rounds; i++) {
    struct descriptors *fresh;
    if (descriptors_new(patterns, PATTERNS, &fresh) != 0)
      fail("descriptors_new");
    uint64_t t0 = cpu_ns();
    bare_loop(pid);
    uint64_t t1 = cpu_ns();
    read_once(&subject, subject.known, expected);
    uint64_t t2 = cpu_ns();
    read_once(&subject, fresh, expected);
    uint64_t t3 = cpu_ns();
    descriptors_free(fresh);
    bare[i] = t1 - t0, steady[i] = t2 - t1, first[i] = t3 - t2;
  }

  double bare_us = median_us(bare, rounds);
  double steady_us = median_us(steady, rounds);
  double first_us = median_us(first, rounds);
  printf("%6u descriptors, %-14s  bare %9.0f us  steady %9.0f us = %.2f x  "
         "first %9.0f us = %.2f x\n",
         count, load->name, bare_us, steady_us, steady_us / bare_us, first_us,
         first_us / bare_us);
  fflush(stdout);

  descriptors_free(subject.known);
  lock_table_free(subject.locks);
  process_close(subject.process);
  host_close(subject.host);
  end_child(pid);
}

static unsigned parse_argument(const char *text, unsigned max) {
  uint64_t value;
  if (scan_whole_u64(span_of(text), 1, max, &value) != 0) {
    fprintf(stderr, "bench_descriptors: not a number from 1 to %u: %s\n", max, text);
    exit(2);
  }
  return (unsigned)value;
}

int main(int argc, char **argv) {
  unsigned count = argc > 1 ? parse_argument(argv[1], 900000) : 10000;
  unsigned rounds = argc > 2 ? parse_argument(argv[2], ROUNDS_MAX) : 41;
  struct rlimit limit = {count + 100, count + 100};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    fail("setrlimit(RLIMIT_NOFILE)");

  const char *tmp = getenv("TMPDIR");
  snprintf(folder, sizeof(folder), "%s/bench_descriptors.XXXXXX", tmp != NULL ? tmp : "/tmp");
  if (mkdtemp(folder) == NULL)
    fail(folder);
  compile_patterns();
  printf("CPU time, medians of %u rounds; bare: getdents64 and readlinkat alone\n", rounds);
  for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
    measure(&loads[i], count, rounds);

  remove_files(count);
  rmdir(folder);
  for (size_t i = 0; i < PATTERNS; i++)
    regfree(&patterns[i].regex);
  return 0;
}
