/*
 * Bounded scanners over bytes in memory: numbers, words and lines. They replace strtol,
 * atoi and sscanf, which need a NUL, follow the locale, skip white space nobody
 * wanted and hide overflow. Nothing here allocates or reads past the end of its span. Pure.
 */
#ifndef COMMON_SCAN_H
#define COMMON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A number that could not be read. It is never dispatched: unknown is absent, not 0. */
#define VALUE_UNKNOWN UINT64_MAX

/* Borrowed bytes; not NUL-terminated, may hold any byte. */
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
 * Takes the next line off *s, without its "\n" and without a "\r" before that.
 * Returns false when *s is empty. A last line without "\n" counts as a line.
 */
bool scan_line(struct span *s, struct span *ret_line);

/*
 * s up to and with its last "\n"; empty when it has none. For texts that always end their
 * last line: what follows it was cut off, and half a number is a wrong number.
 */
struct span scan_whole_lines(struct span s);

/*
 * Takes the next word (bytes up to a space, tab or the end) off *s, after the blanks in
 * front of it. Returns false when there is none.
 */
bool scan_word(struct span *s, struct span *ret_word);

/*
 * Takes a run of decimal digits off the front of *s: no sign, no blanks, no prefix.
 * Returns 0; -EINVAL when *s does not start with a digit (*s is left alone); -ERANGE when
 * the number does not fit below VALUE_UNKNOWN (the digits are taken all the same, so that
 * the caller can go on with the rest).
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
 * The whole of s as the files of Linux's procfs write an amount of memory, "<blanks>123 kB",
 * in bytes (the kernel's kB are 1024 bytes). Returns 0, -EINVAL or -ERANGE.
 */
int scan_whole_kilobytes(struct span s, uint64_t *ret_bytes);

#endif
