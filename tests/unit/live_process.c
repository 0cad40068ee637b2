/* Children that hold still; see live_process.h. */
#include "live_process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"

enum { NOBODY = 65534 };

/* Reads until the child's end of the pipe is closed: nothing comes when all went well. */
static void wait_for(int from_child, const char *what) {
  int error = 0;
  ssize_t len = read(from_child, &error, sizeof(error));
  close(from_child);
  if (len != 0)
    fail_msg("%s: %s", what, strerror(error));
}

static void die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(1);
}

pid_t live_process_start(const char *program, const char *const *arguments,
                         const char *const *environment, const char *folder) {
  int ends[2];
  pid_t parent = getpid();
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    die_with_parent(parent);
    if (folder == NULL || chdir(folder) == 0)
      execve(program, (char *const *)(uintptr_t)arguments,
             environment != NULL ? (char *const *)(uintptr_t)environment : environ);
    int error = errno;
    (void)!write(ends[1], &error, sizeof(error));
    _exit(1);
  }
  close(ends[1]);
  wait_for(ends[0], program);
  return pid;
}

pid_t live_process_start_sleeper(const char *program, const char *folder) {
  const char *const arguments[] = {program, "1000", NULL};
  return live_process_start(program, arguments, NULL, folder);
}

pid_t live_process_start_script(const char *shell, const char *script, int *ret_input) {
  const char *const arguments[] = {"sh", "-c", script, NULL};
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  int saved = fcntl(0, F_DUPFD_CLOEXEC, 3);
  assert_int_equal(dup2(ends[0], 0), 0);
  pid_t pid = live_process_start(shell, arguments, NULL, NULL);
  if (saved >= 0) {
    dup2(saved, 0);
    close(saved);
  } else {
    close(0);
  }
  close(ends[0]);
  *ret_input = ends[1];
  return pid;
}

pid_t live_process_fork(void (*prepare)(void *), void *argument) {
  int ends[2];
  pid_t parent = getpid();
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    die_with_parent(parent);
    close(ends[0]);
    prepare(argument);
    close(ends[1]);
    for (;;)
      pause();
  }
  close(ends[1]);
  wait_for(ends[0], "the child");
  return pid;
}

pid_t live_process_start_with_pid(pid_t wanted, const char *program) {
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  pid_t parent = getpid();
  struct clone_args how = {
      .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
  pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
  if (pid < 0) {
    assert_true(errno == EPERM || errno == ENOSYS || errno == EINVAL);
    close(ends[0]);
    close(ends[1]);
    return 0;
  }
  if (pid == 0) {
    die_with_parent(parent);
    if (program != NULL)
      execl(program, program, "1000", NULL);
    close(ends[1]);
    for (;;)
      pause();
  }
  close(ends[1]);
  wait_for(ends[0], "the child of a chosen pid");
  return pid;
}

void live_process_kill(pid_t pid) {
  siginfo_t info;
  assert_int_equal(kill(pid, SIGKILL), 0);
  assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

void live_process_end(pid_t pid) {
  kill(pid, SIGKILL);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
}

void live_process_ask_unprivileged(void (*ask)(void *answer), void *answer, size_t size) {
  void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(shared != MAP_FAILED);
  memcpy(shared, answer, size);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
                           setresuid(NOBODY, NOBODY, NOBODY) != 0))
      _exit(1);
    ask(shared);
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  memcpy(answer, shared, size);
  munmap(shared, size);
}

void live_process_copy_program(const char *from, const char *to) {
  char block[65536];
  int in = open(from, O_RDONLY | O_CLOEXEC);
  int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  ssize_t len;
  assert_true(in >= 0 && out >= 0);
  while ((len = read(in, block, sizeof(block))) > 0)
    assert_int_equal(write(out, block, (size_t)len), len);
  assert_int_equal(len, 0);
  assert_int_equal(fchmod(out, 0755), 0);
  close(in);
  close(out);
}

unsigned live_process_inherited_fds(void) {
  unsigned count = 0;
  for (int fd = 0; fd < 1024; fd++) {
    int flags = fcntl(fd, F_GETFD);
    count += flags >= 0 && (flags & FD_CLOEXEC) == 0;
  }
  return count;
}
