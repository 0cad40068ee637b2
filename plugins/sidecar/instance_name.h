/*
 * The name of a watched process: the plugin instance in collectd, a label in Prometheus and a
 * path component in Graphite. Made from a template; valid and unique in all three. Pure.
 */
#ifndef SIDECAR_INSTANCE_NAME_H
#define SIDECAR_INSTANCE_NAME_H

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
 * Fills in the template and sanitises the result: valid UTF-8; no spaces at the ends; '_'
 * instead of quotes, '/', ';' and what is not harmless in a name (see text.h); cut between
 * characters. Where a fact is missing or nothing is left, the executable's name is used
 * instead.
 */
void instance_name_make(const char *template, const struct instance_facts *facts,
                        char ret[INSTANCE_NAME_SIZE]);

/* base for number 1, base-2, base-3, ... cut so that the number fits. */
void instance_name_number(const char *base, unsigned number, char ret[INSTANCE_NAME_SIZE]);

/*
 * The names in use. Two that would become one series somewhere are the same: write_graphite
 * replaces several characters by '_', so "a.b" and "a b" clash.
 */
struct instance_names {
  void *taken; /* trees of tsearch(3), sorted as by write_graphite */
  void *bases; /* for each, the lowest number that may be free */
};

/* All zero: none is in use. Frees them. */
void instance_names_clear(struct instance_names *names);

/* To be called before a round of instance_names_find(): what the last one found out is freed.
 */
void instance_names_begin(struct instance_names *names);

/*
 * The free name of base with the lowest number: a restarted process gets its old name back. It
 * is free until it is taken. Many names of one base in a row cost no more than many of
 * different bases. Returns 0 or -ENOMEM.
 */
int instance_names_find(struct instance_names *names, const char *base,
                        char ret[INSTANCE_NAME_SIZE]);

/* Takes a name that is free. Returns 0 or -ENOMEM. */
int instance_names_take(struct instance_names *names, const char *name);

void instance_names_release(struct instance_names *names, const char *name);

#endif
