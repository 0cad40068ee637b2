/* A process with the resources of a healthy sidecar, to be watched by benches. */
#ifndef TESTS_BENCH_HEALTHY_PROCESS_H
#define TESTS_BENCH_HEALTHY_PROCESS_H

#include <sys/types.h>

enum { HEALTHY_DESCRIPTORS = 100, HEALTHY_THREADS = 30 };

/* Returns when it is ready. It ends with its parent; kill it by its pid before that. */
pid_t healthy_process_start(void);

#endif
