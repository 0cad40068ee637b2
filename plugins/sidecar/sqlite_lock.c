/* The bytes that SQLite locks; see sqlite_lock.h. */
#include "sidecar/sqlite_lock.h"

#include <stddef.h>

#include "common/array.h"

/* Of the database. */
enum {
  PENDING_BYTE = 0x40000000,
  RESERVED_BYTE = PENDING_BYTE + 1,
  SHARED_FIRST = PENDING_BYTE + 2, /* a random one, or all of them */
  SHARED_LAST = SHARED_FIRST + 509
};

/* Of the "-shm" file. */
enum {
  WAL_WRITER_BYTE = 120, /* then the one of checkpoints */
  WAL_RECOVERY_BYTE = 122,
  WAL_READER_FIRST = 123, /* a reader needs one of them, locked to read */
  WAL_READER_LAST = 127,
  WAL_OPEN_BYTE = 128 /* locked to write by one that begins a new "-shm" file */
};

static bool is_within(uint64_t start, uint64_t end, uint64_t first, uint64_t last) {
  return start >= first && end <= last;
}

static bool covers(uint64_t start, uint64_t end, uint64_t first, uint64_t last) {
  return start <= first && end >= last;
}

static enum sqlite_lock of_shm(uint64_t start, uint64_t end) {
  if (!is_within(start, end, WAL_WRITER_BYTE, WAL_OPEN_BYTE))
    return SQLITE_LOCK_OTHER;
  if (covers(start, end, WAL_RECOVERY_BYTE, WAL_RECOVERY_BYTE) ||
      covers(start, end, WAL_READER_FIRST, WAL_READER_LAST) || end == WAL_OPEN_BYTE)
    return SQLITE_LOCK_WAL_RECOVERY;
  return SQLITE_LOCK_WAL_WRITER;
}

/* The kernel merges adjacent ranges of one owner, so a lock may have several of the bytes. */
enum sqlite_lock sqlite_lock_of_range(uint64_t start, uint64_t end, bool is_shm) {
  if (is_shm)
    return of_shm(start, end);
  if (end < start || !is_within(start, end, PENDING_BYTE, SHARED_LAST))
    return SQLITE_LOCK_OTHER;
  if (end >= SHARED_FIRST)
    return SQLITE_LOCK_EXCLUSIVE;
  return start == PENDING_BYTE ? SQLITE_LOCK_PENDING : SQLITE_LOCK_RESERVED;
}

bool sqlite_lock_stops_readers(enum sqlite_lock kind) {
  return kind != SQLITE_LOCK_RESERVED && kind != SQLITE_LOCK_WAL_WRITER;
}

const char *sqlite_lock_name(enum sqlite_lock kind) {
  static const char *const names[] = {
      [SQLITE_LOCK_OTHER] = "",
      [SQLITE_LOCK_RESERVED] = "reserved",
      [SQLITE_LOCK_PENDING] = "pending",
      [SQLITE_LOCK_EXCLUSIVE] = "exclusive",
      [SQLITE_LOCK_WAL_WRITER] = "WAL writer",
      [SQLITE_LOCK_WAL_RECOVERY] = "WAL recovery",
  };
  return (size_t)kind < ARRAY_LENGTH(names) ? names[kind] : "";
}
