/*
 * What a write lock on a file of SQLite's stops. SQLite locks single bytes whose meaning is
 * fixed (SQLite's file format and locking documents): on the database those from 1 GiB on, with
 * a rollback journal; on the "-shm" file those from 120 on, in WAL mode. So the range of a lock
 * tells what its owner does and in which journal mode, and the database need not be opened.
 * Pure.
 */
#ifndef SIDECAR_SQLITE_LOCK_H
#define SIDECAR_SQLITE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

enum sqlite_lock {
  SQLITE_LOCK_OTHER,      /* not one of those bytes: another program's, or a whole file */
  SQLITE_LOCK_RESERVED,   /* rollback journal: a transaction that will write; no other may */
  SQLITE_LOCK_PENDING,    /* rollback journal: no reader may begin, for one that will commit */
  SQLITE_LOCK_EXCLUSIVE,  /* rollback journal: no other may read or write */
  SQLITE_LOCK_WAL_WRITER, /* WAL: a transaction that writes, or a checkpoint */
  SQLITE_LOCK_WAL_RECOVERY, /* WAL: no other may read or write until the index is made */
};

/* start and end are bytes, inclusive; is_shm: the file is a "-shm". */
enum sqlite_lock sqlite_lock_of_range(uint64_t start, uint64_t end, bool is_shm);

/* Do others' reads wait for a write lock of this kind? Those that only stop writers do not
 * count. One that is not SQLite's is assumed to. */
bool sqlite_lock_stops_readers(enum sqlite_lock kind);

/* A word for people: "exclusive"; "" for OTHER. */
const char *sqlite_lock_name(enum sqlite_lock kind);

#endif
