/*
 * The paths that a process has open, from one reading to the next: an array in the order in
 * which they were first seen, and an index with open addressing. Paths themselves are not kept,
 * only their keyed 64-bit hash: two paths with the same hash would be taken for one, which
 * among a million paths happens once in 30 million readings. Pure except for the random key.
 */
#ifndef SIDECAR_LINUX_PATH_TABLE_H
#define SIDECAR_LINUX_PATH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/siphash.h"

struct path_entry {
  uint64_t hash;
  uint64_t inode;
  uint32_t device;   /* device_number() of proc_parse.h */
  uint32_t mount;    /* 0: unknown */
  uint32_t patterns; /* bit i: matches pattern i */
  uint32_t opens;    /* in this reading */
  int32_t lowest_fd; /* in this reading */
  uint8_t class;     /* enum descriptor_class */
  bool is_deleted;
  bool
      is_database; /* a database itself, none of the files that SQLite has open along with it */
  bool has_shared_lock; /* in this reading: the open file that has it is known only from fdinfo
                         */
  uint8_t seen : 1;     /* the phase of the last reading that saw it */
  uint8_t checked : 1;  /* the last round of checks that included it */
};

struct path_table {
  struct siphash_key key; /* the paths are chosen by the watched processes */
  struct path_entry *entries;
  size_t len, capacity;
  uint32_t *index;   /* position + 1 of an entry; 0: empty */
  size_t index_size; /* a power of two, at least twice len; 0 until there is an entry */
  uint8_t phase, round;
};

/* Allocates nothing. */
void path_table_init(struct path_table *table);

/* Empties it and frees the memory; the table may be used again. */
void path_table_clear(struct path_table *table);

/* Between path_table_begin() and path_table_end(), path_table_see() marks what this reading
 * finds. A reading that failed ends in path_table_clear() instead. */
void path_table_begin(struct path_table *table);

/* Drops entries that this reading did not see, and unused memory. */
void path_table_end(struct path_table *table);

/* Pointers to entries are valid until the next path_table_add(). NULL: not found. */
struct path_entry *path_table_find(const struct path_table *table, uint64_t hash);

/* Adds an entry, all zero except its hash, not yet seen, checked in this round. NULL: no
 * memory. The hash must not exist yet. */
struct path_entry *path_table_add(struct path_table *table, uint64_t hash);

/* Returns whether it is the first time in this reading; then opens is reset to 0. */
bool path_table_see(const struct path_table *table, struct path_entry *entry);

static inline bool path_table_is_seen(const struct path_table *table,
                                      const struct path_entry *entry) {
  return entry->seen == table->phase;
}

/*
 * Checks are done in rounds: each entry once, then all again. So the one whose last check is
 * the longest ago is always first, without sorting.
 */
static inline bool path_table_is_due(const struct path_table *table,
                                     const struct path_entry *entry) {
  return entry->checked != table->round;
}

static inline void path_table_mark_checked(const struct path_table *table,
                                           struct path_entry *entry) {
  entry->checked = table->round & 1;
}

#endif
