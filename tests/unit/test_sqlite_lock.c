/* What SQLite's write locks stop, by the bytes that are locked. */
#include "sidecar/sqlite_lock.h"

#include "cases.h"

enum { PENDING = 0x40000000 };

static void locks_are_told_apart_by_their_bytes(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint64_t start, end;
    bool is_shm;
    enum sqlite_lock kind;
    bool stops_readers;
  } cases[] = {
      /* as /proc/locks has them of SQLite 3.40 */
      {"rollback, BEGIN IMMEDIATE", PENDING + 1, PENDING + 1, false, SQLITE_LOCK_RESERVED,
       false},
      {"rollback, a commit that waits for readers", PENDING, PENDING + 1, false,
       SQLITE_LOCK_PENDING, true},
      {"rollback, BEGIN EXCLUSIVE", PENDING, PENDING + 511, false, SQLITE_LOCK_EXCLUSIVE, true},
      {"WAL, a transaction that writes", 120, 120, true, SQLITE_LOCK_WAL_WRITER, false},
      {"WAL, a checkpoint", 121, 121, true, SQLITE_LOCK_WAL_WRITER, false},
      {"WAL, a checkpoint that also writes", 120, 121, true, SQLITE_LOCK_WAL_WRITER, false},
      {"WAL, the mark of a checkpoint", 123, 123, true, SQLITE_LOCK_WAL_WRITER, false},
      {"WAL, all marks but that of a checkpoint", 124, 127, true, SQLITE_LOCK_WAL_WRITER,
       false},
      {"WAL, all marks", 123, 127, true, SQLITE_LOCK_WAL_RECOVERY, true},
      {"WAL, recovery", 122, 122, true, SQLITE_LOCK_WAL_RECOVERY, true},
      {"WAL, recovery with all", 120, 127, true, SQLITE_LOCK_WAL_RECOVERY, true},
      {"WAL, the first to open it", 128, 128, true, SQLITE_LOCK_WAL_RECOVERY, true},
      /* pending alone, or shared bytes of a writer */
      {"pending", PENDING, PENDING, false, SQLITE_LOCK_PENDING, true},
      {"one shared byte", PENDING + 300, PENDING + 300, false, SQLITE_LOCK_EXCLUSIVE, true},
      {"reserved and shared", PENDING + 1, PENDING + 511, false, SQLITE_LOCK_EXCLUSIVE, true},
      /* not SQLite's */
      {"a whole file", 0, UINT64_MAX, false, SQLITE_LOCK_OTHER, true},
      {"the first byte", 0, 0, false, SQLITE_LOCK_OTHER, true},
      {"too far", PENDING, PENDING + 512, false, SQLITE_LOCK_OTHER, true},
      {"the byte before", PENDING - 1, PENDING, false, SQLITE_LOCK_OTHER, true},
      {"a whole -shm", 0, UINT64_MAX, true, SQLITE_LOCK_OTHER, true},
      {"the reserved byte of a -shm", PENDING + 1, PENDING + 1, true, SQLITE_LOCK_OTHER, true},
      {"the writer byte of a database", 120, 120, false, SQLITE_LOCK_OTHER, true},
      {"no range", PENDING + 1, PENDING, false, SQLITE_LOCK_OTHER, true},
      {"no range of a -shm", 121, 120, true, SQLITE_LOCK_WAL_WRITER, false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    enum sqlite_lock kind = sqlite_lock_of_range(cases[i].start, cases[i].end, cases[i].is_shm);
    check_int(cases[i].name, kind, cases[i].kind);
    check_int(cases[i].name, sqlite_lock_stops_readers(kind), cases[i].stops_readers);
  }
}

static void only_known_kinds_have_a_name(void **state) {
  (void)state;
  assert_string_equal(sqlite_lock_name(SQLITE_LOCK_OTHER), "");
  assert_string_equal(sqlite_lock_name(SQLITE_LOCK_EXCLUSIVE), "exclusive");
  assert_string_equal(sqlite_lock_name((enum sqlite_lock)99), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(locks_are_told_apart_by_their_bytes),
      cmocka_unit_test(only_known_kinds_have_a_name),
  };
  return cmocka_run_group_tests_name("sqlite_lock", tests, NULL, NULL);
}
