/*
 * What discovery costs on a crowded host: the CPU time of a steady scan against that of a
 * bare loop of getdents64 over /proc, among 5,000 other processes that this starts.
 *
 *   bench_discovery [processes [rounds]]
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "sidecar/os/discovery.h"

enum { STEADY = 130 }; /* scans until everybody has been looked at again, twice */

/* All of them in one process group, which is ended together; each dies with its parent. */
static pid_t start_crowd(unsigned count) {
  pid_t parent = getpid(), leader = 0;
  for (unsigned i = 0; i < count; i++) {
    pid_t pid = fork();
    if (pid < 0)
      break;
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent)
        _exit(1);
      for (;;)
        pause();
    }
    leader = leader == 0 ? pid : leader;
    if (setpgid(pid, leader) != 0)
      bench_fail("setpgid");
  }
  return leader;
}

static void end_crowd(pid_t group) {
  kill(-group, SIGKILL);
  while (waitpid(-group, NULL, 0) > 0)
    ;
}

struct subject {
  int proc;
  struct discovery *discovery;
  unsigned long long entries;
};

static void bare_getdents(void *argument) {
  static _Alignas(struct dirent64) char buffer[64 * 1024];
  struct subject *subject = argument;
  ssize_t len;
  if (lseek(subject->proc, 0, SEEK_SET) != 0)
    bench_fail("lseek");
  while ((len = getdents64(subject->proc, buffer, sizeof(buffer))) > 0)
    for (ssize_t at = 0; at < len; subject->entries++)
      at += ((const struct dirent64 *)(const void *)(buffer + at))->d_reclen;
}

static void scan(void *argument) {
  struct subject *subject = argument;
  const struct discovery_match *matches;
  size_t len;
  if (discovery_scan(subject->discovery, &matches, &len) != 0 || len == 0)
    bench_fail("discovery_scan");
}

/* A matching one: it is examined again in each scan. */
static pid_t start_sleeper(void) {
  int gone[2];
  char byte;
  if (pipe2(gone, O_CLOEXEC) != 0)
    bench_fail("pipe2");
  pid_t pid = fork();
  if (pid < 0)
    bench_fail("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl("/bin/sleep", "sleep", "100000", NULL);
    _exit(1);
  }
  close(gone[1]);
  (void)!read(gone[0], &byte, 1); /* ends when it has become sleep */
  close(gone[0]);
  return pid;
}

int main(int argc, char **argv) {
  unsigned count = argc > 1 ? bench_argument(argv[1], 30000) : 5000;
  unsigned rounds = argc > 2 ? bench_argument(argv[2], BENCH_ROUNDS_MAX) : 257;
  const struct discovery_rule rule = {.executable = "sleep"};
  struct subject subject = {.entries = 0};
  struct host *host;
  pid_t found = start_sleeper();
  pid_t group = start_crowd(count);
  subject.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (subject.proc < 0 || host_open("/proc", &host) != 0 ||
      discovery_new(host, &rule, 1, &subject.discovery) != 0)
    bench_fail("/proc");

  bare_getdents(&subject);
  printf("discovery: CPU time a scan, medians of %u rounds; %llu entries in /proc\n", rounds,
         subject.entries);
  uint64_t first = bench_time(scan, &subject, 1);
  for (unsigned i = 0; i < STEADY; i++)
    scan(&subject);
  bench_side_by_side("  steady", 1.5, bare_getdents, scan, &subject, rounds, 1);
  printf("  the first scan, which judges all: %.0f us\n", (double)first / 1000);

  discovery_free(subject.discovery);
  host_close(host);
  end_crowd(group);
  kill(found, SIGKILL);
  waitpid(found, NULL, 0);
  return 0;
}
