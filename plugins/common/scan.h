/*
 * Bounded scanners over bytes in memory: numbers, words and lines. They replace strtol, atoi
 * and sscanf, which need a NUL, depend on the locale, skip unwanted white space and hide
 * overflow. Nothing here allocates or reads past the end of its span. Pure.
 */
#ifndef COMMON_SCAN_H
#define COMMON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A number that could not be read. It is never dispatched: unknown values are absent, not 0. */
#define VALUE_UNKNOWN UINT64_MAX

/* Borrowed bytes; not NUL-terminated, may contain any byte. */
struct span {
  const char *at;
  size_t len;
};

#define SPAN_LITERAL(s) ((struct span){(s), sizeof(s) - 1})

static inline struct span span_make(const char *at, size_t len) {
  return (struct span){at, len};
}

static inline struct span span_of(const char *string) {
  return (struct span){string, strlen(string)};
}

static inline bool span_equals(struct span s, const char *literal) {
  return s.len == strlen(literal) && memcmp(s.at, literal, s.len) == 0;
}

static inline bool span_starts_with(struct span s, const char *prefix) {
  size_t n = strlen(prefix);
  return s.len >= n && memcmp(s.at, prefix, n) == 0;
}

static inline bool span_ends_with(struct span s, const char *suffix) {
  size_t n = strlen(suffix);
  return s.len >= n && memcmp(s.at + s.len - n, suffix, n) == 0;
}

/* Removes prefix from the front of *s if it is there; returns whether it was. */
bool scan_literal(struct span *s, const char *prefix);

/* Removes spaces and tabs from the front of *s. */
void scan_blanks(struct span *s);

/*
 * Removes the next line from *s, without its "\n" or "\r\n". Returns false when *s is empty.
 * A last line without "\n" counts as a line.
 */
bool scan_line(struct span *s, struct span *ret_line);

/*
 * s up to and including its last "\n"; empty if it has none. For texts whose last line is
 * always terminated: anything after it is truncated, and half a number is a wrong number.
 */
struct span scan_whole_lines(struct span s);

/*
 * Removes the next word (bytes up to a space, tab or the end) from *s, after leading blanks.
 * Returns false when there is none.
 */
bool scan_word(struct span *s, struct span *ret_word);

/*
 * Removes a run of decimal digits from the front of *s: no sign, no blanks, no prefix. Returns
 * 0; -EINVAL when *s does not start with a digit (*s is unchanged); -ERANGE when the number is
 * not below VALUE_UNKNOWN (the digits are removed nevertheless, so that the caller can continue
 * with the rest).
 */
int scan_u64(struct span *s, uint64_t *ret);

/* As scan_u64, with hexadecimal digits of either case and no "0x". */
int scan_hex(struct span *s, uint64_t *ret);

/*
 * Parses the whole of s as a decimal number between min and max. Returns 0, -EINVAL
 * (anything but digits, or nothing) or -ERANGE.
 */
int scan_whole_u64(struct span s, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * Parses the whole of s as an amount of memory in the format of Linux's procfs, "<blanks>123
 * kB", in bytes (the kernel's kB are 1024 bytes). Returns 0, -EINVAL or -ERANGE.
 */
int scan_whole_kilobytes(struct span s, uint64_t *ret_bytes);

#endif
