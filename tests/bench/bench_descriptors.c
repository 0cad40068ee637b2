/*
 * The cost of classifying descriptors, compared with a bare loop of getdents64 and readlinkat
 * over the same directory, which is the minimum: a steady reading, and the first one of a
 * process. A child holds the descriptors open.
 *
 *   bench_descriptors [descriptors [rounds]]
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/array.h"
#include "measure.h"
#include "sidecar/os/descriptors.h"

static char folder[PATH_MAX];

/* --- the child's descriptors --- */

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
    bench_fail("pipe");
  pid_t pid = fork();
  if (pid < 0)
    bench_fail("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < count; i++)
      if (load->hold(i) < 0)
        bench_fail(load->name);
    if (write(ready[1], &byte, 1) != 1)
      _exit(1);
    for (;;)
      pause();
  }
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 1)
    bench_fail("child");
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

/* --- measurements --- */

struct subject {
  struct host *host;
  struct process *process;
  struct lock_table *locks;
  struct descriptors *known;
  uint64_t expected;
  char path[64];
};

static uint64_t list_links(const char *path) {
  static _Alignas(struct dirent64) char entries[64 * 1024];
  char target[PATH_MAX];
  uint64_t links = 0;
  ssize_t len;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    bench_fail(path);
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

static void bare_loop(void *context) {
  const struct subject *subject = context;
  if (list_links(subject->path) != subject->expected)
    bench_fail("the child does not hold still");
}

/* As the plugin has them by default. */
static struct pattern patterns[] = {
    {.name = "claude_sessions"}, {.name = "codex_sessions"}, {.name = "sqlite"}};

static void compile_patterns(void) {
  static const char *const texts[ARRAY_LENGTH(patterns)] = {
      "/\\.claude/projects/", "/\\.codex/sessions/",
      "\\.(db|sqlite|sqlite3)(-wal|-shm|-journal)?( \\(deleted\\))?$"};
  for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++)
    if (regcomp(&patterns[i].regex, texts[i], REG_EXTENDED | REG_NOSUB) != 0)
      bench_fail("regcomp");
}

static struct descriptors *new_descriptors(void) {
  struct descriptors *descriptors;
  if (descriptors_new(patterns, ARRAY_LENGTH(patterns), 0, &descriptors) != 0)
    bench_fail("descriptors_new");
  return descriptors;
}

static void read_once(const struct subject *subject, struct descriptors *descriptors) {
  static struct descriptors_reading reading;
  int status =
      descriptors_read(descriptors, subject->process, subject->locks, NULL, 0, NULL, &reading);
  if (status != 0 || reading.total != subject->expected)
    bench_fail("descriptors_read");
}

static void steady_reading(void *context) {
  const struct subject *subject = context;
  read_once(subject, subject->known);
}

static void first_reading(void *context) {
  struct descriptors *descriptors = new_descriptors();
  read_once(context, descriptors);
  descriptors_free(descriptors);
}

static void measure(const struct load *load, unsigned count, unsigned rounds) {
  struct subject subject = {.known = new_descriptors()};
  char name[64];
  pid_t pid = start_child(load, count);
  if (host_open("/proc", &subject.host) != 0 ||
      process_open(subject.host, pid, &subject.process) != 0 ||
      lock_table_new(&subject.locks) != 0 ||
      lock_table_refresh(subject.locks, subject.host) != 0)
    bench_fail("setting up");
  snprintf(subject.path, sizeof(subject.path), "/proc/%d/fd", (int)pid);
  subject.expected = list_links(subject.path);
  read_once(&subject, subject.known);

  snprintf(name, sizeof(name), "%u %s", count, load->name);
  bench_side_by_side(name, 1.3, bare_loop, steady_reading, &subject, rounds, 1);
  snprintf(name, sizeof(name), "%u %s, first", count, load->name);
  bench_side_by_side(name, 3, bare_loop, first_reading, &subject, rounds, 1);

  descriptors_free(subject.known);
  lock_table_free(subject.locks);
  process_close(subject.process);
  host_close(subject.host);
  end_child(pid);
}

int main(int argc, char **argv) {
  unsigned count = argc > 1 ? bench_argument(argv[1], 900000) : 10000;
  unsigned rounds = argc > 2 ? bench_argument(argv[2], BENCH_ROUNDS_MAX) : 21;
  struct rlimit limit = {count + 100, count + 100};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    bench_fail("setrlimit(RLIMIT_NOFILE)");

  const char *tmp = getenv("TMPDIR");
  snprintf(folder, sizeof(folder), "%s/bench_descriptors.XXXXXX", tmp != NULL ? tmp : "/tmp");
  if (mkdtemp(folder) == NULL)
    bench_fail(folder);
  compile_patterns();
  puts("descriptors: a reading compared with getdents64 and readlinkat alone");
  for (size_t i = 0; i < ARRAY_LENGTH(loads); i++)
    measure(&loads[i], count, rounds);

  remove_files(count);
  rmdir(folder);
  for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++)
    regfree(&patterns[i].regex);
  return 0;
}
