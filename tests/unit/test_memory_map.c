/* Regions and sums of real processes, and of kernels that do not have them. */
#include "sidecar/os/memory_map.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "held_process.h"
#include "replay_tree.h"

static uint64_t count_lines(pid_t pid) {
  char path[64];
  uint64_t lines = 0;
  snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
  FILE *stream = fopen(path, "r");
  assert_non_null(stream);
  for (int c; (c = getc(stream)) != EOF;)
    lines += c == '\n';
  fclose(stream);
  return lines;
}

/* Neighbours with different rights are not merged. */
static int map_regions(void *argument) {
  size_t count = (uintptr_t)argument, page = (size_t)sysconf(_SC_PAGESIZE);
  char *at = mmap(NULL, count * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    return -1;
  for (size_t i = 0; i < count; i += 2)
    if (mprotect(at + i * page, page, PROT_READ | PROT_WRITE) != 0)
      return -1;
  return 0;
}

static int fill_pages(void *argument) {
  size_t bytes = (uintptr_t)argument * (size_t)sysconf(_SC_PAGESIZE);
  char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    return -1;
  memset(at, 1, bytes);
  return 0;
}

static int map_strange_name(void *argument) {
  (void)argument;
  char path[] = "/tmp/a\nb\nXXXXXX";
  int fd = mkstemp(path);
  if (fd < 0)
    return -1;
  unlink(path);
  return mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static void regions_are_the_lines_of_maps(void **state) {
  (void)state;
  struct held_process held;
  uint64_t before, regions;
  held_process_start(&held);
  assert_int_equal(memory_map_count_regions(held.process, &before), 0);
  assert_int_equal(before, count_lines(held.pid));
  held_process_do(&held, map_regions, (void *)5000); /* far more than one read(2) gives */
  assert_int_equal(memory_map_count_regions(held.process, &regions), 0);
  assert_int_equal(regions, count_lines(held.pid));
  assert_true(regions >= before + 4999); /* a neighbour may be merged */

  /* libc may map regions in between: glibc 2.41 maps two for its random numbers */
  held_process_do(&held, map_strange_name, NULL);
  assert_int_equal(memory_map_count_regions(held.process, &regions), 0);
  assert_int_equal(regions, count_lines(held.pid));
  held_process_end(&held);
}

/* A field added up over the regions in smaps, in bytes. */
static uint64_t sum_of_smaps(pid_t pid, const char *field) {
  char path[64], line[8192];
  uint64_t sum = 0;
  snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
  FILE *stream = fopen(path, "r");
  assert_non_null(stream);
  while (fgets(line, sizeof(line), stream) != NULL)
    if (strncmp(line, field, strlen(field)) == 0)
      sum += strtoull(line + strlen(field), NULL, 10) * 1024;
  fclose(stream);
  return sum;
}

static void sums_agree_with_smaps(void **state) {
  (void)state;
  enum { PAGES = 2000 };
  struct held_process held;
  struct memory_map_rollup before, sums;
  held_process_start(&held);
  int status = memory_map_read_rollup(held.process, &before);
  if (status == -ENOSYS) {
    print_message("skipped: this kernel has no smaps_rollup\n");
    held_process_end(&held);
    skip();
  }
  assert_int_equal(status, 0);
  held_process_do(&held, fill_pages, (void *)PAGES);
  assert_int_equal(memory_map_read_rollup(held.process, &sums), 0);
  assert_true(sums.rss - before.rss >= PAGES * (uint64_t)sysconf(_SC_PAGESIZE));
  assert_int_equal(sums.rss, sum_of_smaps(held.pid, "Rss:"));
  assert_int_equal(sums.lazyfree, sum_of_smaps(held.pid, "LazyFree:"));
  assert_int_equal(sums.footprint,
                   sums.private_clean + sums.private_dirty + sums.swap_pss - sums.lazyfree);

  /* pages still shared with us become its own whenever we write to ours */
  uint64_t dirty = sum_of_smaps(held.pid, "Private_Dirty:");
  uint64_t clean = sum_of_smaps(held.pid, "Private_Clean:");
  uint64_t pss = sum_of_smaps(held.pid, "Pss:");
  assert_int_equal(memory_map_read_rollup(held.process, &before), 0);
  assert_in_range(dirty, sums.private_dirty, before.private_dirty);
  assert_in_range(clean, sums.private_clean, before.private_clean);
  assert_true(pss <= before.pss && before.pss <= before.rss); /* rounded down per region */
  held_process_end(&held);
}

struct listing {
  uint64_t regions, size, rss, lazyfree;
  bool has_stack, has_strange_name;
  unsigned stop_after; /* regions; 0: never */
};

static int add_region(void *context, const struct memory_map_region *region) {
  struct listing *listing = context;
  listing->regions++;
  listing->size += region->size;
  listing->rss = region->rss == VALUE_UNKNOWN ? VALUE_UNKNOWN : listing->rss + region->rss;
  listing->lazyfree += region->lazyfree;
  listing->has_stack = listing->has_stack || span_equals(region->name, "[stack]");
  listing->has_strange_name =
      listing->has_strange_name || span_starts_with(region->name, "/tmp/a\\012b\\012");
  return listing->regions == listing->stop_after ? -ECANCELED : 0;
}

static void a_list_has_every_region_and_its_sums(void **state) {
  (void)state;
  struct held_process held;
  struct listing smaps = {0}, maps = {0}, stopped = {.stop_after = 3};
  held_process_start(&held);
  held_process_do(&held, map_regions, (void *)5000);
  held_process_do(&held, fill_pages, (void *)2000);
  held_process_do(&held, map_strange_name, NULL);
  assert_int_equal(memory_map_list(held.process, true, add_region, &smaps), 0);
  assert_int_equal(memory_map_list(held.process, false, add_region, &maps), 0);
  assert_int_equal(smaps.regions, count_lines(held.pid));
  assert_int_equal(maps.regions, smaps.regions);
  assert_int_equal(smaps.rss, sum_of_smaps(held.pid, "Rss:"));
  assert_int_equal(smaps.lazyfree, sum_of_smaps(held.pid, "LazyFree:"));
  assert_int_equal(smaps.size, sum_of_smaps(held.pid, "Size:"));
  assert_int_equal(maps.size, smaps.size);
  assert_int_equal(maps.rss, VALUE_UNKNOWN);
  assert_true(smaps.has_stack && maps.has_stack);
  assert_true(smaps.has_strange_name && maps.has_strange_name);
  assert_int_equal(memory_map_list(held.process, true, add_region, &stopped), -ECANCELED);
  assert_int_equal(stopped.regions, 3);

  held_process_kill(&held);
  assert_int_equal(memory_map_list(held.process, true, add_region, &stopped), -ESRCH);
  assert_int_equal(stopped.regions, 3);
  held_process_end(&held);
}

static void captured_processes_are_read_exactly(void **state) {
  (void)state;
  struct replay_tree tree;
  struct host *host;
  struct process *process;
  struct memory_map_rollup sums;
  uint64_t regions = 4711;
  replay_tree_create(&tree);
  replay_tree_unpack(&tree, "sidecar");
  assert_int_equal(host_open(tree.root, &host), 0);
  assert_int_equal(process_open(host, 18891, &process), 0);

  replay_tree_add_file(&tree, "18891/maps",
                       SPAN_LITERAL("00400000-0040b000 r-xp 00000000 fe:00 1  /bin/a\\012b\n"
                                    "0060a000-0060b000 r--p 0000a000 fe:00 1  /bin/a\n"));
  assert_int_equal(memory_map_count_regions(process, &regions), 0);
  assert_int_equal(regions, 2);

  replay_tree_add_file(&tree, "18891/smaps_rollup", SPAN_LITERAL("Rss: 12 kB\n"));
  assert_int_equal(memory_map_read_rollup(process, &sums), 0);
  assert_int_equal(sums.rss, 12 * 1024);
  assert_int_equal(sums.pss, VALUE_UNKNOWN);
  replay_tree_add_file(&tree, "18891/smaps_rollup", SPAN_LITERAL("nothing\n"));
  assert_int_equal(memory_map_read_rollup(process, &sums), -EBADMSG);

  process_close(process);
  host_close(host);
  replay_tree_remove(&tree);
}

static void a_kernel_without_sums_is_distinguished_from_an_ended_process(void **state) {
  (void)state;
  struct replay_tree tree;
  struct host *host;
  struct process *process;
  struct memory_map_rollup sums = {.rss = 4711};
  char path[128];
  replay_tree_create(&tree);
  replay_tree_unpack(&tree, "sidecar");
  snprintf(path, sizeof(path), "%s/18891/smaps_rollup", tree.root);
  unlink(path);
  assert_int_equal(host_open(tree.root, &host), 0);
  assert_int_equal(process_open(host, 18891, &process), 0);
  assert_int_equal(memory_map_read_rollup(process, &sums), -ENOSYS);
  snprintf(path, sizeof(path), "%s/18891/stat", tree.root);
  unlink(path);
  assert_int_equal(memory_map_read_rollup(process, &sums), -ESRCH);
  assert_int_equal(sums.rss, 4711);
  process_close(process);
  host_close(host);
  replay_tree_remove(&tree);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(regions_are_the_lines_of_maps),
      cmocka_unit_test(sums_agree_with_smaps),
      cmocka_unit_test(a_list_has_every_region_and_its_sums),
      cmocka_unit_test(captured_processes_are_read_exactly),
      cmocka_unit_test(a_kernel_without_sums_is_distinguished_from_an_ended_process),
  };
  return cmocka_run_group_tests_name("memory_map", tests, NULL, NULL);
}
