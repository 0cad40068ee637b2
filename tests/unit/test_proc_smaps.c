/* The sums of a memory map. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

#define HEADING "00400000-7ffcb1fe5000 ---p 00000000 00:00 0              [rollup]\n"
#define UNKNOWN VALUE_UNKNOWN

static void sums_are_read_in_bytes(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    struct memory_map_rollup sums;
  } cases[] = {
      {"all of them",
       HEADING "Rss:                1656 kB\nPss:                 322 kB\nPss_Dirty: 9 kB\n"
               "Shared_Clean: 1 kB\nPrivate_Clean:        72 kB\nPrivate_Dirty:       116 kB\n"
               "LazyFree:              8 kB\nSwap: 7 kB\nSwapPss:               4 kB\n",
       {1656 * 1024, 322 * 1024, 72 * 1024, 116 * 1024, 8 * 1024, 4 * 1024,
        (72 + 116 + 4 - 8) * 1024}},
      {"nothing in memory",
       HEADING "Rss: 0 kB\nPss: 0 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 0 kB\n"
               "LazyFree: 0 kB\nSwapPss: 0 kB\n",
       {0, 0, 0, 0, 0, 0, 0}},
      {"more lazily free than private: shared pages were counted",
       "Rss: 9 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 1 kB\nLazyFree: 3 kB\nSwapPss: 0 kB\n",
       {9 * 1024, UNKNOWN, 1024, 1024, 3 * 1024, 0, 0}},
      {"without LazyFree the footprint is not known",
       "Rss: 9 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 1 kB\nSwapPss: 0 kB\n",
       {9 * 1024, UNKNOWN, 1024, 1024, UNKNOWN, 0, UNKNOWN}},
      {"a last line without a newline",
       "Rss: 9 kB",
       {9 * 1024, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN}},
      {"another unit is not known",
       "Rss: 9 kB\nPss: 9 MB\n",
       {9 * 1024, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN}},
      {"bytes past 64 bits are not known",
       "Rss: 9 kB\nPss: 18014398509481984 kB\n",
       {9 * 1024, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN}},
      {"a footprint past 64 bits is not known",
       "Rss: 9 kB\nPrivate_Clean: 18014398509481982 kB\nPrivate_Dirty: 18014398509481982 kB\n"
       "LazyFree: 0 kB\nSwapPss: 0 kB\n",
       {9 * 1024, UNKNOWN, 18014398509481982u * 1024, 18014398509481982u * 1024, 0, 0,
        UNKNOWN}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    const struct memory_map_rollup *expected = &cases[i].sums;
    struct memory_map_rollup sums;
    check_int(cases[i].name, proc_smaps_parse_rollup(copy, &sums), 0);
    check_int(cases[i].name, sums.rss, expected->rss);
    check_int(cases[i].name, sums.pss, expected->pss);
    check_int(cases[i].name, sums.private_clean, expected->private_clean);
    check_int(cases[i].name, sums.private_dirty, expected->private_dirty);
    check_int(cases[i].name, sums.lazyfree, expected->lazyfree);
    check_int(cases[i].name, sums.swap_pss, expected->swap_pss);
    check_int(cases[i].name, sums.footprint, expected->footprint);
    exact_free(copy);
  }
}

static void without_sums_it_is_an_error(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
  } cases[] = {
      {"nothing", ""},
      {"the heading alone", HEADING},
      {"Rss without a number", HEADING "Rss: kB\nPss: 1 kB\n"},
      {"a negative Rss", HEADING "Rss: -1 kB\n"},
      {"Rss cut off", HEADING "Rss:   1656 k"},
      {"only names that begin alike", HEADING "Rss_Anon: 1 kB\nPss: 1 kB\n"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct memory_map_rollup sums = {.rss = 4711};
    check_int(cases[i].name, proc_smaps_parse_rollup(span_of(cases[i].text), &sums), -EBADMSG);
    check_int(cases[i].name, sums.rss, 4711);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_are_read_in_bytes),
      cmocka_unit_test(without_sums_it_is_an_error),
  };
  return cmocka_run_group_tests_name("proc_smaps", tests, NULL, NULL);
}
