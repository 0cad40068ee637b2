/*
 * The name of a watched process: the plugin instance in collectd, a label in Prometheus and a
 * path component in Graphite. Made from a template; valid and unique in all three. Pure.
 */
#ifndef SIDECAR_INSTANCE_NAME_H
#define SIDECAR_INSTANCE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* With its NUL. collectd cuts names at 127 bytes; this leaves room for what write plugins
 * add. */
enum { INSTANCE_NAME_SIZE = 96 };

struct instance_facts {
  const char *cwd;        /* working directory, raw bytes; NULL when not readable */
  const char *executable; /* base name */
  const char *process;    /* name of the Process block */
  pid_t pid;
};

/*
 * Checks a template: plain text and %{cwd} (base name of the working directory), %{executable},
 * %{process}, %{pid}, %{%} for a percent sign. Returns 0 or -EINVAL, then *ret_at is the offset
 * of the error.
 */
int instance_template_check(const char *template, size_t *ret_at);

/*
 * Fills in the template and sanitises the result: valid UTF-8; no control bytes, white space at
 * the ends, quotes, backslashes, '/' or ';' ('_' instead); cut between characters. Where a fact
 * is missing or nothing is left, the executable's name is used instead.
 */
void instance_name_make(const char *template, const struct instance_facts *facts,
                        char ret[INSTANCE_NAME_SIZE]);

/* base for number 1, base-2, base-3, ... cut so that the number fits. */
void instance_name_number(const char *base, unsigned number, char ret[INSTANCE_NAME_SIZE]);

/* Would the two become one series somewhere? write_graphite replaces several characters by '_',
 * so "a.b" and "a b" clash. */
bool instance_names_clash(const char *a, const char *b);

#endif
