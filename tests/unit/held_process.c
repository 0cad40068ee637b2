/* Children that hold still; see held_process.h. */
#include "held_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"

struct command {
  held_process_step step;
  void *argument;
};

static void obey(int control) {
  struct command command;
  while (read(control, &command, sizeof(command)) == (ssize_t)sizeof(command)) {
    errno = 0;
    int result = command.step(command.argument);
    if (result < 0)
      result = -errno;
    if (write(control, &result, sizeof(result)) != (ssize_t)sizeof(result))
      break;
  }
  _exit(0);
}

int held_process_do(struct held_process *held, held_process_step step, void *argument) {
  struct command command = {step, argument};
  int result;
  assert_int_equal(write(held->control, &command, sizeof(command)), sizeof(command));
  assert_int_equal(read(held->control, &result, sizeof(result)), sizeof(result));
  if (result < 0)
    fail_msg("a held process failed: %s", strerror(-result));
  return result;
}

static int do_nothing(void *argument) {
  (void)argument;
  return 0;
}

void held_process_start(struct held_process *held) {
  int sockets[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
  held->pid = fork();
  assert_true(held->pid >= 0);
  if (held->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(sockets[1], sockets[0]); /* the lower number, so that no gap is below it */
    syscall(SYS_close_range, (unsigned)sockets[0] + 1, ~0u, 0); /* musl lacks the call */
    /* where a test runner keeps its log must not count */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; fd++)
      dup2(null, fd);
    close(null);
    obey(sockets[0]);
  }
  close(sockets[1]);
  held->control = sockets[0];
  assert_int_equal(host_open("/proc", &held->host), 0);
  assert_int_equal(process_open(held->host, held->pid, &held->process), 0);
  held_process_do(held, do_nothing, NULL); /* it is ready when it answers */
}

/* What was waited for is not killed again: its pid may be another process's by now. */
void held_process_kill(struct held_process *held) {
  if (held->pid == 0)
    return;
  kill(held->pid, SIGKILL);
  waitpid(held->pid, NULL, 0);
  held->pid = 0;
}

void held_process_end(struct held_process *held) {
  held_process_kill(held);
  close(held->control);
  process_close(held->process);
  host_close(held->host);
}

enum { NOBODY = 65534 };

int call_as_nobody(int (*function)(struct process *), struct process *process) {
  if (geteuid() != 0) {
    print_message("skipped: only root can become another user\n");
    skip();
  }
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
      _exit(255);
    _exit(-function(process));
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_not_equal(WEXITSTATUS(status), 255);
  return -WEXITSTATUS(status);
}

static enum descriptor_class class_of(const char *target, mode_t mode) {
  if (strcmp(target, "anon_inode:inotify") == 0)
    return DESCRIPTOR_INOTIFY;
  if (strcmp(target, "anon_inode:[eventpoll]") == 0)
    return DESCRIPTOR_EVENTPOLL;
  if (strcmp(target, "anon_inode:[eventfd]") == 0)
    return DESCRIPTOR_EVENTFD;
  if (strncmp(target, "anon_inode:", strlen("anon_inode:")) == 0)
    return DESCRIPTOR_OTHER;
  if (S_ISREG(mode))
    return target[0] == '/' ? DESCRIPTOR_REGULAR : DESCRIPTOR_OTHER;
  if (S_ISSOCK(mode))
    return target[0] == '/' ? DESCRIPTOR_OTHER : DESCRIPTOR_SOCKET;
  if (S_ISDIR(mode))
    return DESCRIPTOR_DIRECTORY;
  if (S_ISFIFO(mode))
    return DESCRIPTOR_PIPE;
  if (S_ISCHR(mode) || S_ISBLK(mode))
    return DESCRIPTOR_DEVICE;
  return DESCRIPTOR_OTHER;
}

struct fd_count held_process_count(const struct held_process *held) {
  struct fd_count count = {0};
  char path[PATH_MAX], target[PATH_MAX];
  struct stat st;
  snprintf(path, sizeof(path), "/proc/%d/fd", (int)held->pid);
  DIR *dir = opendir(path);
  assert_non_null(dir);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", (int)held->pid, entry->d_name);
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    assert_true(len > 0);
    target[len] = '\0';
    assert_int_equal(stat(path, &st), 0);
    count.by_class[class_of(target, st.st_mode)]++;
    count.total++;
  }
  closedir(dir);
  return count;
}

void allow_descriptors(unsigned count) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur >= count)
    return;
  limit.rlim_cur = count;
  if (limit.rlim_max < count)
    limit.rlim_max = count;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    print_message("skipped: may not have %u descriptors open here: %s\n", count,
                  strerror(errno));
    skip();
  }
}

void held_folder_create(struct held_folder *folder) {
  snprintf(folder->path, sizeof(folder->path), "/tmp/held.XXXXXX");
  assert_non_null(mkdtemp(folder->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  remove(path);
  return 0;
}

void held_folder_remove(struct held_folder *folder) {
  nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
