/*
 * A program that sleeps for the number of seconds in its last argument; tests copy it under
 * other names. A copy of sleep(1) does not work where the core utilities are one program, which
 * depends on its name.
 */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  return (int)sleep((unsigned)atoi(argv[argc - 1]));
}
