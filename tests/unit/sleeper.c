/*
 * A program that sleeps for the number of seconds in its last argument; tests copy it under
 * other names. A copy of sleep(1) does not work where the core utilities are one program, which
 * depends on its name. At SIGUSR1 it executes itself again, with the file "environment" of its
 * directory as its only variable.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void wake(int number) {
  (void)number;
}

static int start_again(char **argv) {
  char variable[256];
  int fd = open("environment", O_RDONLY | O_CLOEXEC);
  ssize_t len = fd >= 0 ? read(fd, variable, sizeof(variable) - 1) : -1;
  if (len < 0)
    return 1;
  variable[len] = '\0';
  char *const environment[] = {variable, NULL};
  execve("/proc/self/exe", argv, environment);
  return 1;
}

int main(int argc, char **argv) {
  signal(SIGUSR1, wake);
  return sleep((unsigned)atoi(argv[argc - 1])) == 0 ? 0 : start_again(argv);
}
