/* The memory lines of status, found by key in files of different kernels. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

#define HEAD                                                                                   \
  "Name:\tsidecar\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4711\nFDSize:\t64\n"             \
  "Groups:\t4 24 27 \nKthread:\t0\nVmPeak:\t 1265000 kB\nVmSize:\t 1265000 kB\n"               \
  "VmLck:\t       0 kB\n"
#define MEMORY                                                                                 \
  "VmHWM:\t   40960 kB\nVmRSS:\t   30720 kB\nRssAnon:\t   20480 kB\n"                          \
  "RssFile:\t   10236 kB\nRssShmem:\t       4 kB\nVmData:\t   99999 kB\nVmStk:\t 132 kB\n"     \
  "VmSwap:\t       8 kB\n"
#define END                                                                                    \
  "HugetlbPages:\t       0 kB\nThreads:\t30\nCpus_allowed:\tffffffff\n"                        \
  "voluntary_ctxt_switches:\t1234\nnonvoluntary_ctxt_switches:\t56\n"

static const struct process_memory COMPLETE = {40960 * 1024, 30720 * 1024, 20480 * 1024,
                                               10236 * 1024, 4 * 1024,     8 * 1024};

static void check_same(const char *name, const struct process_memory *a,
                       const struct process_memory *b) {
  check_int(name, a->resident_peak_bytes, b->resident_peak_bytes);
  check_int(name, a->resident_bytes, b->resident_bytes);
  check_int(name, a->anon_bytes, b->anon_bytes);
  check_int(name, a->file_bytes, b->file_bytes);
  check_int(name, a->shmem_bytes, b->shmem_bytes);
  check_int(name, a->swap_bytes, b->swap_bytes);
}

static void memory_is_read_on_every_kernel(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int status;
    struct process_memory value;
  } cases[] = {
      {"a process of Linux 6",
       HEAD MEMORY END,
       0,
       {40960 * 1024, 30720 * 1024, 20480 * 1024, 10236 * 1024, 4 * 1024, 8 * 1024}},
      {"before Linux 4.5 there is no split",
       HEAD "VmHWM:\t 5 kB\nVmRSS:\t 4 kB\nVmData:\t 9 kB\nVmSwap:\t 0 kB\n" END,
       0,
       {5 * 1024, 4 * 1024, VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"a kernel without swap has no line for it",
       HEAD "VmHWM:\t 5 kB\nVmRSS:\t 4 kB\n" END,
       0,
       {5 * 1024, 4 * 1024, VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN}},
      {"0 is a number",
       "VmRSS:\t       0 kB\nVmSwap:\t       0 kB\n",
       0,
       {VALUE_UNKNOWN, 0, VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"petabytes fit",
       "VmRSS:\t17592186044416 kB\nVmSwap:\t0 kB\n",
       0,
       {VALUE_UNKNOWN, 17592186044416 * 1024, VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"a kernel thread has no memory", "Name:\tkthreadd\nThreads:\t1\n", -ENODATA, {0}},
      {"nothing", "", -ENODATA, {0}},
      {"a key without a colon is another key", "VmRSSx:\t 4 kB\nVmRSS 4 kB\n", -ENODATA, {0}},
      {"a key inside a line is none", "Name:\tVmRSS:\t 4 kB\n", -ENODATA, {0}},
      {"another unit", "VmRSS:\t 4 MB\n", -EBADMSG, {0}},
      {"no unit", "VmRSS:\t 4\n", -EBADMSG, {0}},
      {"no number", "VmRSS:\t kB\n", -EBADMSG, {0}},
      {"a negative number", "VmRSS:\t -4 kB\n", -EBADMSG, {0}},
      {"more bytes than 64 bits hold", "VmRSS:\t18014398509481984 kB\n", -EBADMSG, {0}},
      {"more digits than 64 bits hold", "VmRSS:\t99999999999999999999999 kB\n", -EBADMSG, {0}},
      {"one bad line makes all of it doubtful",
       "VmHWM:\t x kB\nVmRSS:\t 4 kB\n",
       -EBADMSG,
       {0}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    struct process_memory value = COMPLETE;
    check_int(cases[i].name, proc_status_parse(copy, &value), cases[i].status);
    check_same(cases[i].name, &value, cases[i].status == 0 ? &cases[i].value : &COMPLETE);
    exact_free(copy);
  }
}

static void a_truncated_text_gives_no_wrong_numbers(void **state) {
  (void)state;
  const struct span whole = SPAN_LITERAL(HEAD MEMORY END);
  for (size_t len = 0; len <= whole.len; len++) {
    struct span copy = exact_copy(span_make(whole.at, len));
    struct process_memory value;
    if (proc_status_parse(copy, &value) == 0) {
      assert_int_equal(value.resident_bytes, COMPLETE.resident_bytes);
      assert_true(value.anon_bytes == COMPLETE.anon_bytes || value.anon_bytes == VALUE_UNKNOWN);
      assert_true(value.file_bytes == COMPLETE.file_bytes || value.file_bytes == VALUE_UNKNOWN);
      assert_true(value.shmem_bytes == COMPLETE.shmem_bytes ||
                  value.shmem_bytes == VALUE_UNKNOWN);
      assert_true(value.swap_bytes == COMPLETE.swap_bytes || value.swap_bytes == VALUE_UNKNOWN);
    }
    exact_free(copy);
  }
}

static void the_real_user_is_the_first_number(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int status;
    uint32_t uid;
  } cases[] = {
      {"a process", HEAD "Uid:\t1000\t0\t0\t0\n" MEMORY END, 0, 1000},
      {"the overflow user", "Uid:\t4294967295\t1\t1\t1\n", 0, UINT32_MAX},
      {"none", "Name:\tUid:\nGid:\t5\t5\t5\t5\n", -EBADMSG, 7},
      {"no number", "Uid:\tx\n", -EBADMSG, 7},
      {"too large", "Uid:\t4294967296\t1\t1\t1\n", -EBADMSG, 7},
      {"nothing", "", -EBADMSG, 7},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    uint32_t uid = 7;
    check_int(cases[i].name, proc_status_parse_uid(copy, &uid), cases[i].status);
    check_int(cases[i].name, uid, cases[i].uid);
    exact_free(copy);
  }
}

static void context_switches_are_at_the_end(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int status;
  } cases[] = {
      {"a process", HEAD MEMORY END, 0},
      {"a kernel thread", "Name:\tx\n" END, 0},
      {"none", HEAD MEMORY, -EBADMSG},
      {"one of them", "voluntary_ctxt_switches:\t1234\n", -EBADMSG},
      {"a cut line", "voluntary_ctxt_switches:\t1234\nnonvoluntary_ctxt_switches:\t56",
       -EBADMSG},
      {"no number", "voluntary_ctxt_switches:\tx\nnonvoluntary_ctxt_switches:\t56\n", -EBADMSG},
      {"a tail", "voluntary_ctxt_switches:\t1234 \nnonvoluntary_ctxt_switches:\t56\n",
       -EBADMSG},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    uint64_t voluntary = 1, involuntary = 2;
    check_int(cases[i].name, proc_status_parse_switches(copy, &voluntary, &involuntary),
              cases[i].status);
    check_int(cases[i].name, voluntary, cases[i].status == 0 ? 1234 : 1);
    check_int(cases[i].name, involuntary, cases[i].status == 0 ? 56 : 2);
    exact_free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_read_on_every_kernel),
      cmocka_unit_test(a_truncated_text_gives_no_wrong_numbers),
      cmocka_unit_test(the_real_user_is_the_first_number),
      cmocka_unit_test(context_switches_are_at_the_end),
  };
  return cmocka_run_group_tests_name("proc_status", tests, NULL, NULL);
}
