/* What to do when captures cannot be written, for the log's one line. Pure. */
#ifndef SIDECAR_CAPTURE_REMEDY_H
#define SIDECAR_CAPTURE_REMEDY_H

/* error: a negative errno. Never NULL. */
const char *remedy_of(int error);

#endif
