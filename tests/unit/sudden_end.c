/* Processes that end before a chosen call; see sudden_end.h. */
#include "sudden_end.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "wrapped_calls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  pid_t pid; /* 0: no process is to end */
  long calls_left;
  bool reap;
} victim;

static int count_call(const char *call, const char *path);

void sudden_end_arm(pid_t pid, long calls, bool reap) {
  pthread_mutex_lock(&lock);
  victim.pid = pid;
  victim.calls_left = calls;
  victim.reap = reap;
  pthread_mutex_unlock(&lock);
  wrapped_calls_set_gate(count_call);
}

bool sudden_end_disarm(void) {
  pthread_mutex_lock(&lock);
  bool had_ended = victim.pid == 0;
  victim.pid = 0;
  pthread_mutex_unlock(&lock);
  return had_ended;
}

/* ---- calls that block ---- */

static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static struct {
  bool is_armed, is_blocked;
  long calls_left;
} gate;

void sudden_block_arm(long calls) {
  pthread_mutex_lock(&lock);
  gate.is_armed = true;
  gate.is_blocked = false;
  gate.calls_left = calls;
  pthread_mutex_unlock(&lock);
  wrapped_calls_set_gate(count_call);
}

bool sudden_block_release(void) {
  pthread_mutex_lock(&lock);
  bool was_blocked = gate.is_blocked;
  gate.is_armed = gate.is_blocked = false;
  pthread_cond_broadcast(&released);
  pthread_mutex_unlock(&lock);
  return was_blocked;
}

/* With the lock held. */
static void wait_at_gate(void) {
  if (!gate.is_armed || !wrapped_calls_on_worker() || gate.calls_left-- > 0)
    return;
  gate.is_armed = false;
  gate.is_blocked = true;
  while (gate.is_blocked)
    pthread_cond_wait(&released, &lock);
}

/* ---- calls before which a process ends ---- */

/* The victim, if its time has come; otherwise 0. */
static pid_t take_victim(void) {
  pthread_mutex_lock(&lock);
  wait_at_gate();
  bool is_time = victim.pid != 0 && victim.calls_left-- <= 0;
  pid_t pid = is_time ? victim.pid : 0;
  if (is_time)
    victim.pid = 0;
  pthread_mutex_unlock(&lock);
  return pid;
}

static int count_call(const char *call, const char *path) {
  (void)call, (void)path;
  siginfo_t info;
  pid_t pid = take_victim();
  if (pid == 0)
    return 0;
  if (kill(pid, SIGKILL) != 0 ||
      waitid(P_PID, (id_t)pid, &info, WEXITED | (victim.reap ? 0 : WNOWAIT)) != 0)
    abort();
  return 0;
}
