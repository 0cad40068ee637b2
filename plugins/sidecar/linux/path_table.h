/*
 * What is remembered of each path that a process has open, from one reading to the next:
 * an array in the order of first sight, and an index of open addressing into it. Paths
 * themselves are not kept, only their keyed 64-bit hash: two paths with the same one would
 * be taken for one, which among a million happens once in 30 million readings.
 */
#ifndef SIDECAR_LINUX_PATH_TABLE_H
#define SIDECAR_LINUX_PATH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/linux/path_hash.h"

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
  bool has_shared_lock; /* in this reading: whose it is only each descriptor can tell */
  uint8_t seen : 1;     /* the phase of the last reading that saw it */
  uint8_t checked : 1;  /* the round of checks that last looked at it */
};

struct path_table {
  struct path_hash_key key;
  struct path_entry *entries;
  size_t len, capacity;
  uint32_t *index;   /* position + 1 of an entry; 0: empty */
  size_t index_size; /* a power of two, at least twice len; 0 until there is an entry */
  uint8_t phase, round;
};

/* Allocates nothing. */
void path_table_init(struct path_table *table);

/* Forgets everything and gives the memory back; the table may be used again. */
void path_table_clear(struct path_table *table);

/* Between these two calls, path_table_see() says what this reading finds. A reading that
 * is given up ends in path_table_clear() instead. */
void path_table_begin(struct path_table *table);

/* Drops the entries that the reading did not see, and memory that is no longer needed. */
void path_table_end(struct path_table *table);

/* Pointers to entries are good until the next path_table_add(). NULL: not there. */
struct path_entry *path_table_find(const struct path_table *table, uint64_t hash);

/* A new entry, all zero but for its hash, not yet seen, checked in this round. NULL: no
 * memory. The hash must not be there yet. */
struct path_entry *path_table_add(struct path_table *table, uint64_t hash);

/* Whether it is the first time in this reading; opens starts at 0 then. */
bool path_table_see(const struct path_table *table, struct path_entry *entry);

static inline bool path_table_is_seen(const struct path_table *table,
                                      const struct path_entry *entry) {
  return entry->seen == table->phase;
}

/*
 * Checks go in rounds: each entry once, then all again. That looks at the entries that
 * were not looked at for the longest time first, without keeping them in that order.
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
