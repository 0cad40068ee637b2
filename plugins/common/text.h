/*
 * Sanitises text from other programs (file names, working directories, error messages) for a
 * log line, a label or a metric name: valid UTF-8, no control bytes, truncated only between
 * characters. Pure.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/scan.h"

/*
 * The length in bytes (1 to 4) of the well-formed UTF-8 character that s starts with, according
 * to RFC 3629 (no surrogates, no overlong forms, nothing past U+10FFFF); 0 when s is empty or
 * does not start with one. *ret_code_point may be NULL.
 */
size_t text_utf8_character(struct span s, uint32_t *ret_code_point);

/* The largest n <= max such that the first n bytes of s do not end inside a character. */
size_t text_utf8_cut(struct span s, size_t max);

/*
 * Is the character safe to show in a line of text: on a terminal, in a mail, on a dashboard?
 * Not control characters, the backslash (it begins an escape), and those that hide, reorder
 * text or have no agreed look. Which these are is in one table, text.c.
 */
bool text_is_harmless(uint32_t code_point);

/*
 * The same for a name, which is compared with others by eye: nor those that are common in text
 * but make two names look the same, spaces other than ' ' and emoji's variation selectors.
 */
bool text_is_harmless_in_name(uint32_t code_point);

/*
 * Writes s to dst as one printable line: control characters, backslashes, bytes that are not
 * UTF-8 and characters that are not harmless (see text_is_harmless()) become \xNN. If it does
 * not fit, it is truncated between characters and ends in
 * "...". dst is always NUL-terminated; size must be at least 4. Returns dst.
 */
char *text_printable(char *dst, size_t size, struct span s);

/* Copies a line that is printable; if it does not fit, as text_printable(). Returns dst. */
char *text_shorten(char *dst, size_t size, struct span s);

#endif
