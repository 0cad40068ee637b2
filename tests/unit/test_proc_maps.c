/* The lines of maps and smaps. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

static const struct {
  const char *name, *line;
  int status;
  uint64_t size;
  const char *region;
} regions[] = {
    {"a file", "00400000-0040b000 r-xp 00000000 fe:00 1234     /bin/sidecar", 0, 0xb000,
     "/bin/sidecar"},
    {"a file with blanks in its name", "1000-2000 r--s 00000000 fe:00 1   /tmp/a b  c", 0,
     0x1000, "/tmp/a b  c"},
    {"a file that was deleted", "1000-2000 r--s 00000000 fe:00 1   /tmp/a (deleted)", 0, 0x1000,
     "/tmp/a (deleted)"},
    {"anonymous memory", "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ", 0, 0x1000, ""},
    {"anonymous memory, without the blank", "1000-2000 rw-p 00000000 00:00 0", 0, 0x1000, ""},
    {"memory that the Go runtime has named",
     "c000000000-c000400000 rw-p 00000000 00:00 0      [anon: Go: heap]", 0, 0x400000,
     "[anon: Go: heap]"},
    {"the last page", "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]", 0,
     0x1000, "[vsyscall]"},
    {"the end before the start", "2000-1000 rw-p 00000000 00:00 0", -EBADMSG, 0, ""},
    {"an address that is none", "100x-2000 rw-p 00000000 00:00 0", -EBADMSG, 0, ""},
    {"an address past 64 bits", "1-fffffffffffffffff rw-p 0 00:00 0", -EBADMSG, 0, ""},
    {"a line cut off", "1000-2000 rw-p 00000000", -EBADMSG, 0, ""},
    {"nothing", "", -EBADMSG, 0, ""},
    {"a sum", "Rss:      12 kB", -EBADMSG, 0, ""},
};

static void a_region_has_its_size_and_name(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(regions); i++) {
    struct span line = exact_copy(span_of(regions[i].line));
    struct memory_map_region region = {.size = 0, .name = {"", 0}};
    check_int(regions[i].name, proc_maps_parse_region(line, &region), regions[i].status);
    check_int(regions[i].name, region.size, regions[i].size);
    check_span(regions[i].name, region.name, span_of(regions[i].region));
    if (regions[i].status == 0)
      check_int(regions[i].name, region.rss, VALUE_UNKNOWN);
    exact_free(line);
  }
}

static void sums_belong_to_the_region_before_them(void **state) {
  (void)state;
  static const char *const lines[] = {
      "Size:                 44 kB", "KernelPageSize:        4 kB",
      "Rss:                  40 kB", "Pss:                  20 kB",
      "Pss_Dirty:             4 kB", "Private_Dirty:         8 kB",
      "LazyFree:              0 kB", "Swap:                 12 kB",
      "SwapPss:               6 kB", "THPeligible:           0",
      "VmFlags: rd ex mr mw me",
  };
  struct memory_map_region region;
  assert_int_equal(proc_maps_parse_region(SPAN_LITERAL("1000-2000 rw-p 0 00:00 0"), &region),
                   0);
  for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
    struct span line = exact_copy(span_of(lines[i]));
    check_int(lines[i], proc_maps_is_sum(line), true);
    proc_maps_parse_sum(line, &region);
    exact_free(line);
  }
  assert_int_equal(region.rss, 40 * 1024);
  assert_int_equal(region.pss, 20 * 1024);
  assert_int_equal(region.private_dirty, 8 * 1024);
  assert_int_equal(region.lazyfree, 0);
  assert_int_equal(region.swap, 12 * 1024);
  proc_maps_parse_sum(SPAN_LITERAL("Rss: many kB"), &region);
  assert_int_equal(region.rss, VALUE_UNKNOWN);
}

static void a_region_is_distinguished_from_a_sum(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(regions); i++)
    if (regions[i].status == 0)
      check_int(regions[i].name, proc_maps_is_sum(span_of(regions[i].line)), false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_region_has_its_size_and_name),
      cmocka_unit_test(sums_belong_to_the_region_before_them),
      cmocka_unit_test(a_region_is_distinguished_from_a_sum),
  };
  return cmocka_run_group_tests_name("proc_maps", tests, NULL, NULL);
}
