/* Threads as the system shows them: /proc/self/task. */
#include "common/thread.h"

#include <dirent.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>

#include "cases.h"

enum { NAME_SIZE = THREAD_NAME_MAX + 1 };

/* With the line's end cut off; "" where there is none. */
static void read_comm(const char *task, char ret[NAME_SIZE]) {
  char path[300];
  ret[0] = '\0';
  snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task);
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return;
  if (fgets(ret, NAME_SIZE, file) != NULL)
    ret[strcspn(ret, "\n")] = '\0';
  fclose(file);
}

static unsigned threads_called(const char *name) {
  unsigned found = 0;
  char comm[NAME_SIZE];
  DIR *tasks = opendir("/proc/self/task");
  assert_non_null(tasks);
  for (struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks)) {
    if (entry->d_name[0] == '.')
      continue;
    read_comm(entry->d_name, comm);
    found += strcmp(comm, name) == 0;
  }
  closedir(tasks);
  return found;
}

static void *wait_for_end(void *argument) {
  sem_t *end = argument;
  while (sem_wait(end) != 0)
    ;
  return NULL;
}

static void a_thread_has_its_name_when_it_is_started(void **state) {
  static const char *const names[] = {"a", "sidecar-pprof", "fifteen---bytes"};
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
    pthread_t threads[2];
    sem_t end;
    sem_init(&end, 0, 0);
    for (size_t t = 0; t < ARRAY_LENGTH(threads); t++) {
      check_int(names[i], threads_called(names[i]), t);
      assert_int_equal(thread_start(&threads[t], names[i], wait_for_end, &end), 0);
    }
    check_int(names[i], threads_called(names[i]), 2);
    for (size_t t = 0; t < ARRAY_LENGTH(threads); t++)
      sem_post(&end);
    for (size_t t = 0; t < ARRAY_LENGTH(threads); t++)
      pthread_join(threads[t], NULL);
    sem_destroy(&end);
  }
}

static void *end_at_once(void *argument) {
  return argument;
}

static void a_thread_may_end_before_it_has_its_name(void **state) {
  int given;
  (void)state;
  for (int i = 0; i < 1000; i++) {
    pthread_t thread;
    void *result;
    assert_int_equal(thread_start(&thread, "short", end_at_once, &given), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &given);
  }
}

static void *blocked_signals(void *argument) {
  pthread_sigmask(SIG_SETMASK, NULL, argument);
  return NULL;
}

static void a_thread_has_all_signals_blocked_and_its_starter_none_more(void **state) {
  pthread_t thread;
  sigset_t before, after, inside;
  (void)state;
  pthread_sigmask(SIG_SETMASK, NULL, &before);
  assert_int_equal(thread_start(&thread, "signals", blocked_signals, &inside), 0);
  pthread_join(thread, NULL);
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGXFSZ, SIGPIPE};
  for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
    assert_int_equal(sigismember(&inside, signals[i]), 1);
    assert_int_equal(sigismember(&after, signals[i]), sigismember(&before, signals[i]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_thread_has_its_name_when_it_is_started),
      cmocka_unit_test(a_thread_may_end_before_it_has_its_name),
      cmocka_unit_test(a_thread_has_all_signals_blocked_and_its_starter_none_more),
  };
  return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
