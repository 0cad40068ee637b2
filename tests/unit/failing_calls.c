/* Calls that fail; see failing_calls.h. */
#include "failing_calls.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "wrapped_calls.h"

bool (*failing_calls_spare)(const char *call, const char *path);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  long calls_left, failures_left;
  int error;
  const char *failed;
  const char *path; /* of failing_calls_of() */
} plan;

static int count_call(const char *call, const char *path) {
  if (failing_calls_spare != NULL && failing_calls_spare(call, path))
    return 0;
  pthread_mutex_lock(&lock);
  bool fails = plan.calls_left-- <= 0 && plan.failures_left-- > 0;
  if (fails && plan.failed == NULL)
    plan.failed = call;
  int error = fails ? plan.error : 0;
  pthread_mutex_unlock(&lock);
  return error;
}

void failing_calls_arm(long calls, long failures, int error) {
  pthread_mutex_lock(&lock);
  plan.calls_left = calls;
  plan.failures_left = failures;
  plan.error = error;
  plan.failed = NULL;
  pthread_mutex_unlock(&lock);
  wrapped_calls_set_gate(count_call);
}

static int check_path(const char *call, const char *path) {
  pthread_mutex_lock(&lock);
  bool fails = path != NULL && strcmp(path, plan.path) == 0;
  if (fails)
    plan.failed = call;
  int error = fails ? plan.error : 0;
  pthread_mutex_unlock(&lock);
  return error;
}

void failing_calls_of(const char *path, int error) {
  pthread_mutex_lock(&lock);
  plan.path = path;
  plan.error = error;
  plan.failed = NULL;
  pthread_mutex_unlock(&lock);
  wrapped_calls_set_gate(check_path);
}

const char *failing_calls_disarm(void) {
  wrapped_calls_set_gate(NULL);
  pthread_mutex_lock(&lock);
  const char *failed = plan.failed;
  pthread_mutex_unlock(&lock);
  return failed;
}
