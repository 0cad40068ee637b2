/* A process to watch; see healthy_process.h. */
#include "healthy_process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "measure.h"

static void *wait_forever(void *nothing) {
  for (;;)
    pause();
  return nothing;
}

pid_t healthy_process_start(void) {
  int ready[2];
  char byte;
  if (pipe(ready) != 0)
    bench_fail("pipe");
  pid_t pid = fork();
  if (pid < 0)
    bench_fail("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_t thread;
    for (int i = 1; i < HEALTHY_THREADS; i++)
      if (pthread_create(&thread, NULL, wait_forever, NULL) != 0)
        _exit(1);
    while (dup(0) < HEALTHY_DESCRIPTORS - 1)
      ;
    (void)!write(ready[1], "", 1);
    wait_forever(NULL);
  }
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 1)
    bench_fail("the process to watch");
  close(ready[0]);
  return pid;
}
