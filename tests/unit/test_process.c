/*
 * Identity and pulse of live processes and of captured ones. Readings are compared with ps, ls
 * and the plain contents of the files.
 */
#include "sidecar/os/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "live_process.h"
#include "replay_tree.h"
#include "sidecar/linux/host.h"

static struct host *host;

static int open_proc(void **state) {
  (void)state;
  return host_open("/proc", &host);
}

static int close_proc(void **state) {
  (void)state;
  host_close(host);
  return 0;
}

/* The number after key in a file of "key value" lines, or VALUE_UNKNOWN. */
static uint64_t look_up(pid_t pid, const char *file, const char *key) {
  char path[64], line[4096];
  unsigned long long value;
  uint64_t found = VALUE_UNKNOWN;
  snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
  FILE *stream = fopen(path, "r");
  assert_non_null(stream);
  while (fgets(line, sizeof(line), stream) != NULL)
    if (strncmp(line, key, strlen(key)) == 0 && sscanf(line + strlen(key), "%llu", &value) == 1)
      found = value;
  fclose(stream);
  return found;
}

static uint64_t count_entries(pid_t pid, const char *folder) {
  char path[64];
  uint64_t count = 0;
  snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, folder);
  DIR *dir = opendir(path);
  assert_non_null(dir);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
    count += entry->d_name[0] != '.';
  closedir(dir);
  return count;
}

/* --- a process that holds exact numbers of things --- */

enum { FILES = 47, THREADS = 4, MEGABYTES = 32, PAGES = MEGABYTES * 256 };

static void *wait_forever(void *nothing) {
  for (;;)
    pause();
  return nothing;
}

static void hold_things(void *ready_end) {
  (void)ready_end;
  for (int i = 0; i < FILES; i++)
    if (open("/dev/null", O_RDONLY) < 0)
      _exit(1);
  pthread_t thread;
  for (int i = 0; i < THREADS; i++)
    if (pthread_create(&thread, NULL, wait_forever, NULL) != 0)
      _exit(1);
  size_t size = (size_t)PAGES * 4096;
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    _exit(1);
  madvise(memory, size, MADV_NOHUGEPAGE); /* a fault for every page */
  memset(memory, 1, size);
  struct rusage usage;
  do
    getrusage(RUSAGE_SELF, &usage);
  while (usage.ru_utime.tv_sec == 0 && usage.ru_stime.tv_sec == 0 &&
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec < 300000);
}

/* The pulse of a process that has come to rest: twice the same. */
static struct process_pulse read_when_settled(struct process *process) {
  struct process_pulse before, now;
  assert_int_equal(process_read_pulse(process, &now), 0);
  for (int i = 0; i < 500; i++) {
    before = now;
    usleep(20000);
    assert_int_equal(process_read_pulse(process, &now), 0);
    if (memcmp(&before, &now, sizeof(now)) == 0)
      return now;
  }
  fail_msg("%d does not settle", (int)process_pid(process));
  return now;
}

static void the_pulse_agrees_with_the_files(void **state) {
  (void)state;
  pid_t pid = live_process_fork(hold_things, NULL);
  struct process *process;
  assert_int_equal(process_open(host, pid, &process), 0);
  assert_int_equal(process_pid(process), pid);
  struct process_pulse pulse = read_when_settled(process);

  assert_int_equal(pulse.status_error, 0);
  assert_int_equal(pulse.memory.resident_bytes, look_up(pid, "status", "VmRSS:") * 1024);
  assert_int_equal(pulse.memory.resident_peak_bytes, look_up(pid, "status", "VmHWM:") * 1024);
  assert_int_equal(pulse.virtual_bytes, look_up(pid, "status", "VmSize:") * 1024);
  assert_int_equal(pulse.memory.anon_bytes, look_up(pid, "status", "RssAnon:") * 1024);
  assert_int_equal(pulse.memory.file_bytes, look_up(pid, "status", "RssFile:") * 1024);
  assert_int_equal(pulse.memory.shmem_bytes, look_up(pid, "status", "RssShmem:") * 1024);
  assert_int_equal(pulse.memory.swap_bytes, look_up(pid, "status", "VmSwap:") * 1024);
  assert_int_equal(pulse.memory.resident_bytes, pulse.memory.anon_bytes +
                                                    pulse.memory.file_bytes +
                                                    pulse.memory.shmem_bytes);
  assert_true(pulse.memory.anon_bytes + pulse.memory.swap_bytes >= (uint64_t)PAGES * 4096);

  assert_int_equal(pulse.threads, THREADS + 1);
  assert_int_equal(pulse.threads, count_entries(pid, "task"));
  assert_int_equal(pulse.fds_error, 0);
  assert_int_equal(pulse.open_fds, count_entries(pid, "fd"));
  assert_true(pulse.open_fds >= FILES);
  assert_int_equal(pulse.limits_error, 0);
  assert_int_equal(pulse.max_fds, look_up(pid, "limits", "Max open files"));

  assert_int_equal(pulse.io_error, 0);
  assert_int_equal(pulse.disk_read_bytes, look_up(pid, "io", "read_bytes:"));
  assert_int_equal(pulse.disk_write_bytes, look_up(pid, "io", "write_bytes:"));
  assert_true(pulse.minor_faults >= PAGES);

  /* it used 300 ms of CPU; ticks are cut off twice */
  uint64_t ticks = pulse.user_ticks + pulse.system_ticks;
  uint64_t per_second = host_ticks_per_second(host);
  assert_true(ticks + 2 >= per_second * 3 / 10 && ticks < per_second);

  process_close(process);
  live_process_end(pid);
}

static void values_agree_with_ps(void **state) {
  (void)state;
  if (access("/bin/ps", X_OK) != 0 && access("/usr/bin/ps", X_OK) != 0) {
    print_message("skipped: there is no ps (package procps)\n");
    skip();
  }
  pid_t pid = live_process_fork(hold_things, NULL);
  struct process *process;
  assert_int_equal(process_open(host, pid, &process), 0);
  struct process_pulse pulse = read_when_settled(process);

  char command[128];
  unsigned long long rss, vsz, nlwp, min_flt, maj_flt, seconds, age;
  snprintf(command, sizeof(command),
           "ps -o rss=,vsz=,nlwp=,min_flt=,maj_flt=,cputimes=,etimes= -p %d", (int)pid);
  FILE *ps = popen(command, "r");
  assert_non_null(ps);
  assert_int_equal(fscanf(ps, "%llu %llu %llu %llu %llu %llu %llu", &rss, &vsz, &nlwp, &min_flt,
                          &maj_flt, &seconds, &age),
                   7);
  pclose(ps);
  assert_int_equal(pulse.memory.resident_bytes, rss * 1024);
  assert_int_equal(pulse.virtual_bytes, vsz * 1024);
  assert_int_equal(pulse.threads, nlwp);
  assert_int_equal(pulse.minor_faults, min_flt);
  assert_int_equal(pulse.major_faults, maj_flt);
  assert_int_equal((pulse.user_ticks + pulse.system_ticks) / host_ticks_per_second(host),
                   seconds);
  uint64_t now;
  assert_int_equal(host_uptime_ticks(host, &now), 0);
  uint64_t our_age = (now - process_start_ticks(process)) / host_ticks_per_second(host);
  assert_true(our_age >= age && our_age <= age + 2);

  process_close(process);
  live_process_end(pid);
}

static void our_own_process_is_read_like_any_other(void **state) {
  (void)state;
  struct process *process;
  struct process_pulse pulse;
  assert_int_equal(process_open(host, getpid(), &process), 0);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(process_read_pulse(process, &pulse), 0);
    /* listing our descriptors opens one more */
    uint64_t listed = count_entries(getpid(), "fd");
    assert_int_equal(pulse.open_fds, host->fd_count == FD_COUNT_IS_SIZE ? listed - 1 : listed);
    assert_int_equal(pulse.threads, 1);
  }
  assert_int_equal(process_verify(process), 0);
  process_close(process);
}

/* As Linux before 6.2 does, and as a procfs without /proc/self makes us do. */
static void descriptors_are_counted_if_the_kernel_does_not_do_it(void **state) {
  (void)state;
  static const enum fd_count_source sources[] = {FD_COUNT_IS_ENTRIES, FD_COUNT_UNCERTAIN};
  enum fd_count_source found = host->fd_count;
  pid_t pid = live_process_fork(hold_things, NULL);
  for (size_t i = 0; i < ARRAY_LENGTH(sources); i++) {
    struct process *process;
    struct process_pulse pulse;
    host->fd_count = sources[i];
    assert_int_equal(process_open(host, pid, &process), 0);
    for (int n = 0; n < 2; n++) {
      assert_int_equal(process_read_pulse(process, &pulse), 0);
      assert_int_equal(pulse.fds_error, 0);
      assert_int_equal(pulse.open_fds, count_entries(pid, "fd"));
    }
    process_close(process);
  }
  host->fd_count = found;
  live_process_end(pid);
}

static void each_pulse_is_read_again(void **state) {
  (void)state;
  struct process *process;
  struct process_pulse before, after;
  assert_int_equal(process_open(host, getpid(), &process), 0);
  assert_int_equal(process_read_pulse(process, &before), 0);
  int fds[2];
  assert_int_equal(pipe(fds), 0);
  assert_int_equal(process_read_pulse(process, &after), 0);
  assert_int_equal(after.open_fds, before.open_fds + 2);
  close(fds[0]);
  close(fds[1]);
  assert_int_equal(process_read_pulse(process, &after), 0);
  assert_int_equal(after.open_fds, before.open_fds);
  process_close(process);
}

static void the_limit_is_read_again_within_sixteen_pulses(void **state) {
  (void)state;
  pid_t pid = live_process_start_sleeper(SLEEPER, NULL);
  struct rlimit lower = {100, 100};
  struct process *process;
  struct process_pulse pulse;
  assert_int_equal(process_open(host, pid, &process), 0);
  assert_int_equal(process_read_pulse(process, &pulse), 0);
  assert_true(pulse.max_fds > 100);
  assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &lower, NULL), 0);
  unsigned pulses = 0;
  do
    assert_int_equal(process_read_pulse(process, &pulse), 0);
  while (pulse.max_fds != 100 && ++pulses <= PROCESS_LIMITS_EVERY);
  assert_int_equal(pulse.max_fds, 100);
  process_close(process);
  live_process_end(pid);
}

/* --- the end of a process --- */

/* Every reading returns that it has ended. */
static void check_gone(struct process *process) {
  struct process_pulse pulse = {.threads = 4711};
  char text[64];
  uint64_t a, b;
  assert_int_equal(process_verify(process), -ESRCH);
  assert_int_equal(process_read_pulse(process, &pulse), -ESRCH);
  assert_int_equal(pulse.threads, 4711);
  assert_int_equal(process_read_cwd(process, text, sizeof(text)), -ESRCH);
  assert_int_equal(process_read_environment(process, "HOME", text, sizeof(text)), -ESRCH);
  assert_int_equal(process_read_executable(process, text, sizeof(text)), -ESRCH);
  assert_int_equal(process_read_context_switches(process, &a, &b), -ESRCH);
}

static void a_zombie_has_ended_before_and_after_it_is_reaped(void **state) {
  (void)state;
  for (int pulses_before = 0; pulses_before < 2; pulses_before++) {
    pid_t pid = live_process_start_sleeper(SLEEPER, NULL);
    struct process *process, *another;
    struct process_pulse pulse;
    assert_int_equal(process_open(host, pid, &process), 0);
    if (pulses_before > 0)
      assert_int_equal(process_read_pulse(process, &pulse), 0);
    live_process_kill(pid);
    check_gone(process);
    assert_int_equal(process_open(host, pid, &another), -ESRCH);
    live_process_end(pid);
    check_gone(process);
    assert_int_equal(process_open(host, pid, &another), -ESRCH);
    process_close(process);
  }
}

static void a_reused_pid_is_another_process(void **state) {
  (void)state;
  pid_t pid = live_process_start_sleeper(SLEEPER, NULL);
  struct process *old, *new;
  struct process_pulse pulse;
  assert_int_equal(process_open(host, pid, &old), 0);
  assert_int_equal(process_read_pulse(old, &pulse), 0);
  live_process_end(pid);
  usleep(20000); /* start times are counted in ticks */
  if (live_process_start_with_pid(pid, NULL) == 0) {
    process_close(old);
    print_message("skipped: choosing a pid needs CAP_CHECKPOINT_RESTORE\n");
    skip();
  }
  check_gone(old);
  assert_int_equal(process_open(host, pid, &new), 0);
  assert_true(process_start_ticks(new) > process_start_ticks(old));
  assert_int_equal(process_read_pulse(new, &pulse), 0);
  check_gone(old);
  process_close(old);
  process_close(new);
  live_process_end(pid);
}

static void a_program_that_becomes_another_is_the_same_process(void **state) {
  (void)state;
  int input;
  pid_t pid = live_process_start_script("/bin/sh", "read go; exec sleep 1000", &input);
  struct process *process;
  struct process_pulse pulse;
  char path[4096];
  assert_int_equal(process_open(host, pid, &process), 0);
  assert_int_equal(process_read_pulse(process, &pulse), 0);
  uint64_t start = process_start_ticks(process);
  assert_int_equal(write(input, "\n", 1), 1);
  do {
    usleep(1000);
    assert_int_equal(process_read_pulse(process, &pulse), 0);
    assert_int_equal(process_read_executable(process, path, sizeof(path)), 0);
  } while (strstr(path, "sleep") == NULL);
  assert_int_equal(process_start_ticks(process), start);
  pulse = read_when_settled(process);
  assert_int_equal(pulse.memory.resident_bytes, look_up(pid, "status", "VmRSS:") * 1024);
  process_close(process);
  live_process_end(pid);
  close(input);
}

static void a_missing_process_is_reported_immediately(void **state) {
  (void)state;
  struct process *process;
  assert_int_equal(process_open(host, 2147483647, &process), -ESRCH);
  assert_int_equal(process_open(host, 0, &process), -ESRCH);
  assert_int_equal(process_open(host, -1, &process), -ESRCH);
  process_close(NULL);
}

/* --- its user --- */

enum { SOMEBODY = 1234, FIRST_OF_MANY = 100000 };

static uid_t owner_of(pid_t pid) {
  struct process *process;
  uid_t owner = 0;
  assert_int_equal(process_open(host, pid, &process), 0);
  assert_int_equal(process_read_owner(process, &owner), 0);
  process_close(process);
  return owner;
}

/* Its directory in /proc belongs to root then. */
static void become_hidden(void *argument) {
  (void)argument;
  if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
    _exit(1);
}

static int write_id_map(pid_t pid, const char *name) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
  int fd = open(path, O_WRONLY);
  int len = dprintf(fd, "0 %d 10\n", FIRST_OF_MANY);
  close(fd);
  return len > 0 ? 0 : -1;
}

/* A user has thousands of ids in a namespace of his own (subuid(5)), and more in one below it.
 */
static void become_one_of_many(void *is_mapped) {
  int ready[2], status = 1;
  char byte;
  if (pipe(ready) != 0)
    _exit(1);
  pid_t mapper = fork();
  if (mapper == 0) {
    close(ready[1]); /* otherwise it waits for itself where nothing is written */
    _exit(read(ready[0], &byte, 1) == 1 && write_id_map(getppid(), "uid_map") == 0 &&
                  write_id_map(getppid(), "gid_map") == 0
              ? 0
              : 1);
  }
  if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0 && unshare(CLONE_NEWUSER) == 0 &&
      write(ready[1], "", 1) != 1)
    _exit(1);
  close(ready[1]);
  waitpid(mapper, &status, 0);
  *(bool *)is_mapped = status == 0 && setresgid(5, 5, 5) == 0 && setresuid(5, 5, 5) == 0 &&
                       unshare(CLONE_NEWUSER) == 0;
}

static void a_process_is_charged_to_its_user(void **state) {
  (void)state;
  pid_t ours = live_process_fork(hold_things, NULL);
  assert_int_equal(owner_of(ours), getuid());
  live_process_end(ours);
  if (geteuid() != 0) {
    print_message("skipped: only root can become another user\n");
    skip();
  }
  pid_t hidden = live_process_fork(become_hidden, NULL);
  assert_int_equal(owner_of(hidden), SOMEBODY);
  live_process_end(hidden);
}

static void a_process_in_a_namespace_is_charged_to_its_creator(void **state) {
  (void)state;
  bool *is_mapped = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t pid = live_process_fork(become_one_of_many, is_mapped);
  uid_t owner = owner_of(pid);
  live_process_end(pid);
  bool was_mapped = *is_mapped;
  munmap(is_mapped, 1);
  if (!was_mapped) {
    print_message("skipped: user namespaces are not allowed here\n");
    skip();
  }
  assert_int_equal(owner, SOMEBODY);
}

/* --- permissions and shortages --- */

static unsigned count_low_descriptors(void) {
  unsigned count = 0;
  for (int fd = 0; fd < FD_SETSIZE; fd++)
    count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static void numbers_for_select_are_left_to_others(void **state) {
  (void)state;
  struct rlimit usual, limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
  limit = usual;
  limit.rlim_cur = usual.rlim_max < 4096 ? usual.rlim_max : 4096;
  if (limit.rlim_cur < 2 * FD_SETSIZE) {
    print_message("skipped: the limit of open files is too low here (ulimit -Hn)\n");
    skip();
  }
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  pid_t pid = live_process_fork(hold_things, NULL);
  struct process *processes[20];
  struct process_pulse pulse;
  struct host *rich;
  assert_int_equal(host_open("/proc", &rich), 0);
  unsigned before = count_low_descriptors();
  for (size_t i = 0; i < ARRAY_LENGTH(processes); i++) {
    assert_int_equal(process_open(rich, pid, &processes[i]), 0);
    assert_int_equal(process_read_pulse(processes[i], &pulse), 0);
  }
  assert_true(rich->kept_files > 0);
  assert_int_equal(count_low_descriptors(), before);
  for (size_t i = 0; i < ARRAY_LENGTH(processes); i++)
    process_close(processes[i]);
  host_close(rich);
  live_process_end(pid);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

struct refusals {
  pid_t pid;
  int open, pulse, cwd, executable, environment;
  struct process_pulse values;
};

static void ask_without_permission(void *answer) {
  struct refusals *refusals = answer;
  struct host *theirs;
  struct process *process;
  char text[64];
  if (host_open("/proc", &theirs) != 0)
    _exit(1);
  refusals->open = process_open(theirs, refusals->pid, &process);
  if (refusals->open != 0)
    _exit(0);
  refusals->pulse = process_read_pulse(process, &refusals->values);
  refusals->cwd = process_read_cwd(process, text, sizeof(text));
  refusals->executable = process_read_executable(process, text, sizeof(text));
  refusals->environment = process_read_environment(process, "HOME", text, sizeof(text));
  process_close(process);
  host_close(theirs);
}

/* Neither a kernel thread nor a zombie. */
static bool has_command_line(int proc, const char *pid) {
  char path[300], byte;
  snprintf(path, sizeof(path), "%s/cmdline", pid);
  int fd = openat(proc, path, O_RDONLY);
  bool has = fd >= 0 && read(fd, &byte, 1) == 1;
  close(fd);
  return has;
}

/* A process that we have no permission to read; 0: none, for example if process 1 is ours. */
static pid_t process_of_another_user(void) {
  pid_t found = 0;
  DIR *proc = opendir("/proc");
  assert_non_null(proc);
  for (const struct dirent *entry; found == 0 && (entry = readdir(proc)) != NULL;) {
    struct stat st;
    int pid = atoi(entry->d_name);
    if (pid > 0 && fstatat(dirfd(proc), entry->d_name, &st, 0) == 0 && st.st_uid != geteuid() &&
        has_command_line(dirfd(proc), entry->d_name))
      found = pid;
  }
  closedir(proc);
  return found;
}

static void missing_permissions_do_not_affect_the_rest(void **state) {
  (void)state;
  struct refusals refusals = {.pid = geteuid() == 0 ? getpid() : process_of_another_user()};
  if (refusals.pid == 0) {
    print_message("skipped: no process of another user runs here\n");
    skip();
  }
  live_process_ask_unprivileged(ask_without_permission, &refusals, sizeof(refusals));
  assert_int_equal(refusals.open, 0);
  assert_int_equal(refusals.pulse, 0);
  assert_int_equal(refusals.values.io_error, -EACCES);
  assert_int_equal(refusals.values.disk_read_bytes, VALUE_UNKNOWN);
  assert_int_equal(refusals.values.disk_write_bytes, VALUE_UNKNOWN);
  assert_int_equal(refusals.cwd, -EACCES);
  assert_int_equal(refusals.executable, -EACCES);
  assert_int_equal(refusals.environment, -EACCES);
  /* only kernels that count descriptors show their number to every user */
  assert_true(refusals.values.fds_error == 0 || refusals.values.fds_error == -EACCES);
  assert_int_equal(refusals.values.open_fds == VALUE_UNKNOWN, refusals.values.fds_error != 0);

  assert_int_equal(refusals.values.status_error, 0);
  assert_true(refusals.values.memory.resident_bytes != VALUE_UNKNOWN);
  assert_int_equal(refusals.values.limits_error, 0);
  assert_true(refusals.values.max_fds != VALUE_UNKNOWN);
  assert_true(refusals.values.threads >= 1 && refusals.values.threads != VALUE_UNKNOWN);
}

static void with_few_descriptors_processes_share_the_budget(void **state) {
  (void)state;
  enum { PROCESSES = 8 };
  struct rlimit old, low;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  low = old;
  low.rlim_cur = 40; /* of which a quarter is ours: two processes' files */
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  struct host *poor;
  struct process *processes[PROCESSES];
  struct process_pulse pulse;
  assert_int_equal(host_open("/proc", &poor), 0);
  uint64_t before = count_entries(getpid(), "fd");
  for (int i = 0; i < PROCESSES; i++)
    assert_int_equal(process_open(poor, getpid(), &processes[i]), 0);
  for (int i = 0; i < PROCESSES; i++)
    for (int j = 0; j < 2; j++) {
      assert_int_equal(process_read_pulse(processes[i], &pulse), 0);
      assert_int_equal(pulse.status_error, 0);
      assert_int_equal(pulse.io_error, 0);
      assert_int_equal(pulse.fds_error, 0);
      assert_int_equal(pulse.limits_error, 0);
    }
  assert_true(count_entries(getpid(), "fd") <= before + PROCESSES + 10);
  for (int i = 0; i < PROCESSES; i++)
    process_close(processes[i]);
  assert_int_equal(count_entries(getpid(), "fd"), before);
  /* the freed budget is used by the next: its files are kept open, not only its directory */
  assert_int_equal(process_open(poor, getpid(), &processes[0]), 0);
  assert_int_equal(process_read_pulse(processes[0], &pulse), 0);
  assert_true(count_entries(getpid(), "fd") > before + 1);
  process_close(processes[0]);
  host_close(poor);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

static void without_descriptors_opening_fails_and_nothing_leaks(void **state) {
  (void)state;
  struct rlimit old, low;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  uint64_t before = count_entries(getpid(), "fd");
  low = old;
  for (low.rlim_cur = 0; low.rlim_cur < 64; low.rlim_cur++) {
    struct process *process = NULL;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    int status = process_open(host, getpid(), &process);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    if (status == 0) {
      process_close(process);
      break;
    }
    assert_int_equal(status, -EMFILE);
  }
  assert_true(low.rlim_cur > 0 && low.rlim_cur < 64);
  assert_int_equal(count_entries(getpid(), "fd"), before);
}

/* --- captured processes --- */

enum { CAPTURED_SIDECAR = 18891, CAPTURED_ZOMBIE = 19498 };

static void a_captured_sidecar_is_read_exactly(void **state) {
  (void)state;
  struct replay_tree tree;
  struct host *captured;
  struct process *process;
  struct process_pulse pulse;
  char path[64];
  uint64_t voluntary, involuntary;
  replay_tree_create(&tree);
  replay_tree_unpack(&tree, "sidecar");
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(process_open(captured, CAPTURED_SIDECAR, &process), 0);
  assert_int_equal(process_read_pulse(process, &pulse), 0);
  static const struct process_pulse expected = {.memory.resident_bytes = 8440 * 1024,
                                                .memory.resident_peak_bytes = 8440 * 1024,
                                                .virtual_bytes = 2430410752,
                                                .memory.anon_bytes = 1472 * 1024,
                                                .memory.file_bytes = 1324 * 1024,
                                                .memory.shmem_bytes = 5644 * 1024,
                                                .threads = 16,
                                                .open_fds = 6,
                                                .max_fds = 20000,
                                                .minor_faults = 659};
  assert_memory_equal(&pulse, &expected, sizeof(pulse));
  assert_int_equal(process_start_ticks(process), 311343);
  assert_int_equal(process_read_cwd(process, path, sizeof(path)), 0);
  assert_string_equal(path, "/home/dev/proj");
  assert_int_equal(process_read_executable(process, path, sizeof(path)), 0);
  assert_string_equal(path, "/home/dev/bin/sidecar");
  assert_int_equal(process_read_environment(process, "SIDECAR_PPROF", path, sizeof(path)), 0);
  assert_string_equal(path, "16061");
  assert_int_equal(process_read_context_switches(process, &voluntary, &involuntary), 0);
  assert_int_equal(voluntary, 132); /* of 16 threads */
  assert_int_equal(involuntary, 44);
  process_close(process);
  host_close(captured);
  replay_tree_remove(&tree);
}

static void a_replaced_capture_is_another_process(void **state) {
  (void)state;
  static const char stat[] = "7 (x) S 1 2 3 0 -1 0 1 0 1 0 1 1 0 0 20 0 1 0 %s 4096 24\n";
  char text[sizeof(stat) + 16];
  struct replay_tree tree;
  struct host *captured;
  struct process *process;
  replay_tree_create(&tree);
  snprintf(text, sizeof(text), stat, "100");
  replay_tree_add_file(&tree, "7/stat", span_of(text));
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(process_open(captured, 7, &process), 0);
  assert_int_equal(process_verify(process), 0);
  snprintf(text, sizeof(text), stat, "101");
  replay_tree_add_file(&tree, "7/stat", span_of(text));
  struct process_pulse pulse;
  assert_int_equal(process_verify(process), -ESRCH);
  assert_int_equal(process_read_pulse(process, &pulse), -ESRCH);
  replay_tree_add_file(&tree, "7/stat", SPAN_LITERAL("7 (x) S 1"));
  assert_int_equal(process_read_pulse(process, &pulse), -EBADMSG);
  process_close(process);
  assert_int_equal(process_open(captured, 7, &process), -EBADMSG);
  host_close(captured);
  replay_tree_remove(&tree);
}

static void a_captured_zombie_is_gone_and_a_kernel_thread_has_no_memory(void **state) {
  (void)state;
  struct replay_tree tree;
  struct host *captured;
  struct process *process;
  struct process_pulse pulse;
  replay_tree_create(&tree);
  replay_tree_unpack(&tree, "zombie");
  replay_tree_unpack(&tree, "kernel_thread");
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(process_open(captured, CAPTURED_ZOMBIE, &process), -ESRCH);
  assert_int_equal(process_open(captured, 2, &process), 0);
  assert_int_equal(process_read_pulse(process, &pulse), 0);
  assert_int_equal(pulse.status_error, -ENODATA);
  assert_int_equal(pulse.memory.resident_bytes, VALUE_UNKNOWN);
  assert_int_equal(pulse.open_fds, 0);
  assert_int_equal(pulse.threads, 1);
  process_close(process);
  host_close(captured);
  replay_tree_remove(&tree);
}

struct captured_refusals {
  struct replay_tree tree;
  int open, pulse, environment;
  struct process_pulse values;
};

static void ask_of_capture(void *answer) {
  struct captured_refusals *refusals = answer;
  struct host *captured;
  struct process *process;
  char text[64];
  if (host_open(refusals->tree.root, &captured) != 0)
    _exit(1);
  refusals->open = process_open(captured, CAPTURED_SIDECAR, &process);
  if (refusals->open != 0)
    _exit(0);
  refusals->pulse = process_read_pulse(process, &refusals->values);
  refusals->environment =
      process_read_environment(process, "SIDECAR_PPROF", text, sizeof(text));
  process_close(process);
  host_close(captured);
}

static void a_captured_process_of_another_user_is_denied(void **state) {
  (void)state;
  struct captured_refusals refusals = {.open = 4711};
  replay_tree_create(&refusals.tree);
  replay_tree_unpack(&refusals.tree, "denied");
  live_process_ask_unprivileged(ask_of_capture, &refusals, sizeof(refusals));
  assert_int_equal(refusals.open, 0);
  assert_int_equal(refusals.pulse, 0);
  assert_int_equal(refusals.values.io_error, -EACCES);
  assert_int_equal(refusals.values.fds_error, -EACCES); /* no count in the size here */
  assert_int_equal(refusals.values.open_fds, VALUE_UNKNOWN);
  assert_int_equal(refusals.values.status_error, 0);
  assert_int_equal(refusals.environment, -EACCES);
  replay_tree_remove(&refusals.tree);
}

static void missing_and_broken_files_are_each_named(void **state) {
  (void)state;
  struct replay_tree tree;
  struct host *captured;
  struct process *process;
  struct process_pulse pulse;
  replay_tree_create(&tree);
  replay_tree_add_file(
      &tree, "7/stat",
      SPAN_LITERAL("7 (x) S 1 2 3 0 -1 0 1 0 1 0 1 1 0 0 20 0 1 0 100 4096 24\n"));
  replay_tree_add_file(&tree, "7/limits",
                       SPAN_LITERAL("Max open files   unlimited   unlimited   files\n"));
  replay_tree_add_file(&tree, "7/status", SPAN_LITERAL("VmRSS:\tmuch\n"));
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(process_open(captured, 7, &process), 0);
  assert_int_equal(process_read_pulse(process, &pulse), 0);
  assert_int_equal(pulse.status_error, -EBADMSG);
  assert_int_equal(pulse.memory.resident_bytes, VALUE_UNKNOWN);
  assert_int_equal(pulse.io_error, -ENOENT);
  assert_int_equal(pulse.limits_error, -ENODATA);
  assert_int_equal(pulse.max_fds, VALUE_UNKNOWN);
  assert_int_equal(pulse.fds_error, -ESRCH);
  assert_int_equal(pulse.open_fds, VALUE_UNKNOWN);
  assert_int_equal(pulse.virtual_bytes, 4096);
  process_close(process);
  host_close(captured);
  replay_tree_remove(&tree);
}

/* Members of many groups make status longer than any buffer that seems generous. */
static void a_status_of_any_length_is_read_completely(void **state) {
  (void)state;
  enum { GROUPS = 65536 };
  struct replay_tree tree;
  struct host *captured;
  struct process *process;
  struct process_pulse pulse;
  size_t size = 64 + GROUPS * 11, len = 0;
  char *status = malloc(size);
  assert_non_null(status);
  len += (size_t)snprintf(status, size, "Name:\tx\nGroups:\t");
  for (int i = 0; i < GROUPS; i++)
    len += (size_t)snprintf(status + len, size - len, "%d ", 100000 + i);
  len += (size_t)snprintf(status + len, size - len, "\nVmRSS:\t 12 kB\n");
  replay_tree_create(&tree);
  replay_tree_add_file(&tree, "7/status", span_make(status, len));
  replay_tree_add_file(
      &tree, "7/stat",
      SPAN_LITERAL("7 (x) S 1 2 3 0 -1 0 1 0 1 0 1 1 0 0 20 0 1 0 100 4096 24\n"));
  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(process_open(captured, 7, &process), 0);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(process_read_pulse(process, &pulse), 0);
    assert_int_equal(pulse.memory.resident_bytes, 12 * 1024);
  }
  process_close(process);
  host_close(captured);
  replay_tree_remove(&tree);
  free(status);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_pulse_agrees_with_the_files),
      cmocka_unit_test(values_agree_with_ps),
      cmocka_unit_test(our_own_process_is_read_like_any_other),
      cmocka_unit_test(descriptors_are_counted_if_the_kernel_does_not_do_it),
      cmocka_unit_test(each_pulse_is_read_again),
      cmocka_unit_test(the_limit_is_read_again_within_sixteen_pulses),
      cmocka_unit_test(a_zombie_has_ended_before_and_after_it_is_reaped),
      cmocka_unit_test(a_reused_pid_is_another_process),
      cmocka_unit_test(a_program_that_becomes_another_is_the_same_process),
      cmocka_unit_test(a_missing_process_is_reported_immediately),
      cmocka_unit_test(a_process_is_charged_to_its_user),
      cmocka_unit_test(a_process_in_a_namespace_is_charged_to_its_creator),
      cmocka_unit_test(numbers_for_select_are_left_to_others),
      cmocka_unit_test(missing_permissions_do_not_affect_the_rest),
      cmocka_unit_test(with_few_descriptors_processes_share_the_budget),
      cmocka_unit_test(without_descriptors_opening_fails_and_nothing_leaks),
      cmocka_unit_test(a_captured_sidecar_is_read_exactly),
      cmocka_unit_test(a_replaced_capture_is_another_process),
      cmocka_unit_test(a_captured_zombie_is_gone_and_a_kernel_thread_has_no_memory),
      cmocka_unit_test(a_captured_process_of_another_user_is_denied),
      cmocka_unit_test(missing_and_broken_files_are_each_named),
      cmocka_unit_test(a_status_of_any_length_is_read_completely),
  };
  return cmocka_run_group_tests_name("process", tests, open_proc, close_proc);
}
