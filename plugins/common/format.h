/* Human-readable amounts, durations and errors, for log lines, notifications and reports. Pure.
 */
#ifndef COMMON_FORMAT_H
#define COMMON_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum { FORMAT_SIZE = 32, FORMAT_ERROR_SIZE = 128 }; /* sizes needed, with the NUL */

/* "1.20 GB", "35.0 MB", "12 kB"; powers of 1024, as in ps and pmap. Returns dst. */
char *format_bytes(char dst[FORMAT_SIZE], double bytes);

/* "45 s", "12 min", "1 h 5 min", "3 d 2 h". Returns dst. */
char *format_duration(char dst[FORMAT_SIZE], uint64_t ms);

/* What an errno (positive) means, as strerror(3); for every thread. Returns dst, or a text that
 * lives forever. */
const char *format_error(char dst[FORMAT_ERROR_SIZE], int error);

#endif
