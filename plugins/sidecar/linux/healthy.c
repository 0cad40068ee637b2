/*
 * The healthy ranges on Linux; see os/healthy.h. Measured on sidecars that ran for an hour and
 * a half, from idle to constantly used: 19 to 25 descriptors (briefly 42), of which 7 to 9
 * files, 2 to 5 pipes (briefly 16) and 0 to 2 directories; 10 to 15 threads; 28 to 57
 * goroutines (briefly 146). The ranges leave room for more projects and more processors.
 */
#include "sidecar/os/healthy.h"

const struct healthy_range healthy_ranges[HEALTHY_VALUES] = {
    [HEALTHY_FDS] = {"FDs", "process_open_fds", 15, 50},
    [HEALTHY_FILES] = {"files", "process_fds/regular", 5, 15},
    [HEALTHY_PIPES] = {"pipes", "process_fds/pipe", 2, 20},
    [HEALTHY_DIRECTORIES] = {"dirs", "process_fds/directory", 0, 5},
    [HEALTHY_THREADS] = {"threads", "process_threads", 8, 30},
    [HEALTHY_GOROUTINES] = {"goroutines", "go_goroutines", 20, 80},
};
