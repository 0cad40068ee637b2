/* What the profiling guide says to do next, for each red flag. Pure. */
#ifndef SIDECAR_REDFLAG_NEXT_STEPS_H
#define SIDECAR_REDFLAG_NEXT_STEPS_H

/* Lines of text, each ending in a newline; "" for a reason that has none, as a baseline. */
const char *next_steps(const char *reason);

#endif
