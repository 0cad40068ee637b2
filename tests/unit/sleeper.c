/*
 * A program that only waits, for as many seconds as its last argument says: what tests copy under
 * names of their own. A copy of sleep(1) will not do: where the core utilities are one program, it
 * goes by its name.
 */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  return (int)sleep((unsigned)atoi(argv[argc - 1]));
}
