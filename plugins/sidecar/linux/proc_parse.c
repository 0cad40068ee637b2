/*
 * Parsers of procfs's files; see proc_parse.h, in the same order. All use the bounded scanners
 * of common/scan.h.
 */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>
#include <string.h>

#include "common/array.h"

/* ---- io ---- */

/* "cancelled_write_bytes" is not "write_bytes". */
int proc_io_parse(struct span text, struct proc_io *ret) {
  struct proc_io io = {VALUE_UNKNOWN, VALUE_UNKNOWN};
  struct span line;

  text = scan_whole_lines(text);
  while (scan_line(&text, &line)) {
    uint64_t *field = scan_literal(&line, "read_bytes: ")    ? &io.read_bytes
                      : scan_literal(&line, "write_bytes: ") ? &io.write_bytes
                                                             : NULL;
    if (field != NULL && scan_whole_u64(line, 0, VALUE_UNKNOWN - 1, field) != 0)
      return -EBADMSG;
  }
  if (io.read_bytes == VALUE_UNKNOWN || io.write_bytes == VALUE_UNKNOWN)
    return -EBADMSG;
  *ret = io;
  return 0;
}

/* ---- limits: a table with fixed columns ---- */

int proc_limits_parse_open_files(struct span text, uint64_t *ret_soft) {
  struct span line, soft;

  text = scan_whole_lines(text);
  while (scan_line(&text, &line)) {
    if (!scan_literal(&line, "Max open files "))
      continue;
    if (!scan_word(&line, &soft))
      return -EBADMSG;
    if (span_equals(soft, "unlimited"))
      return -ENODATA;
    return scan_whole_u64(soft, 0, VALUE_UNKNOWN - 1, ret_soft) == 0 ? 0 : -EBADMSG;
  }
  return -EBADMSG;
}

/*
 * ---- locks ---- Written by lock_get_status in fs/locks.c of the kernel:
 *   1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 0 EOF
 *   1:  -> POSIX  ADVISORY  WRITE 4712 fe:00:1234 0 EOF
 */

static int parse_lock_kind(struct span word, enum proc_lock_kind *ret) {
  if (span_equals(word, "POSIX"))
    *ret = PROC_LOCK_POSIX;
  else if (span_equals(word, "FLOCK"))
    *ret = PROC_LOCK_FLOCK;
  else if (span_equals(word, "OFDLCK"))
    *ret = PROC_LOCK_OFD;
  else if (span_equals(word, "->") || span_equals(word, "LEASE") ||
           span_equals(word, "DELEG") || span_equals(word, "ACCESS") ||
           span_equals(word, "UNKNOWN"))
    return -ENODATA;
  else
    return -EBADMSG;
  return 0;
}

/* The magnitude of a number with or without a sign. */
static int parse_signed(struct span word, uint64_t max, uint64_t negative_max,
                        bool *ret_negative, uint64_t *ret) {
  *ret_negative = scan_literal(&word, "-");
  return scan_whole_u64(word, 0, *ret_negative ? negative_max : max, ret) == 0 ? 0 : -EBADMSG;
}

static int parse_lock_pid(struct span word, int32_t *ret) {
  bool is_negative;
  uint64_t number;
  int status = parse_signed(word, INT32_MAX, UINT64_C(1) << 31, &is_negative, &number);
  if (status == 0)
    *ret = (int32_t)(is_negative ? -(int64_t)number : (int64_t)number);
  return status;
}

/* Before Linux 5.5 it is printed as if it were a signed long. */
static int parse_lock_inode(struct span word, uint64_t *ret) {
  bool is_negative;
  uint64_t number;
  if (parse_signed(word, UINT64_MAX, UINT64_C(1) << 63, &is_negative, &number) != 0)
    return -EBADMSG;
  if (is_negative && sizeof(long) == sizeof(int32_t) && number <= UINT64_C(1) << 31)
    number = (uint32_t)-number;
  else if (is_negative)
    number = -number;
  if (number == VALUE_UNKNOWN)
    return -EBADMSG;
  *ret = number;
  return 0;
}

static int parse_lock_file(struct span word, struct proc_lock *lock) {
  uint64_t major, minor;
  if (span_starts_with(word, "<none>"))
    return -ENODATA;
  if (scan_hex(&word, &major) != 0 || !scan_literal(&word, ":") ||
      scan_hex(&word, &minor) != 0 || !scan_literal(&word, ":") ||
      parse_lock_inode(word, &lock->inode) != 0)
    return -EBADMSG;
  if (major > UINT32_MAX || minor > UINT32_MAX)
    return -EBADMSG;
  lock->major = (uint32_t)major;
  lock->minor = (uint32_t)minor;
  return 0;
}

static int parse_lock_end(struct span word, uint64_t *ret) {
  if (span_equals(word, "EOF")) {
    *ret = UINT64_MAX;
    return 0;
  }
  return scan_whole_u64(word, 0, UINT64_MAX, ret) == 0 ? 0 : -EBADMSG;
}

int proc_lock_parse(struct span line, struct proc_lock *ret) {
  struct proc_lock lock = {0};
  struct span kind, nature, access, pid, file, start, end;
  uint64_t ordinal;

  scan_blanks(&line);
  if (scan_u64(&line, &ordinal) != 0 || !scan_literal(&line, ":") || !scan_word(&line, &kind))
    return -EBADMSG;
  int status = parse_lock_kind(kind, &lock.kind);
  if (status != 0)
    return status;

  if (!scan_word(&line, &nature) || !scan_word(&line, &access) || !scan_word(&line, &pid) ||
      !scan_word(&line, &file) || !scan_word(&line, &start) || !scan_word(&line, &end))
    return -EBADMSG;
  lock.is_write = span_equals(access, "WRITE") || span_equals(access, "RW");
  if ((status = parse_lock_pid(pid, &lock.pid)) != 0 ||
      (status = parse_lock_file(file, &lock)) != 0 ||
      (status = parse_lock_end(end, &lock.end)) != 0)
    return status;
  if (scan_whole_u64(start, 0, UINT64_MAX, &lock.start) != 0)
    return -EBADMSG;

  *ret = lock;
  return 0;
}

static int compare_u64(uint64_t a, uint64_t b) {
  return (a > b) - (a < b);
}

int proc_lock_compare(const struct proc_lock *a, const struct proc_lock *b) {
  int order = compare_u64(a->inode, b->inode);
  if (order == 0)
    order =
        compare_u64((uint64_t)a->major << 32 | a->minor, (uint64_t)b->major << 32 | b->minor);
  if (order == 0)
    order = compare_u64(a->start, b->start);
  if (order == 0)
    order = compare_u64(a->end, b->end);
  if (order == 0)
    order = (a->pid > b->pid) - (a->pid < b->pid);
  if (order == 0)
    order = (a->kind > b->kind) - (a->kind < b->kind);
  if (order == 0)
    order = (int)a->is_write - (int)b->is_write;
  return order;
}

/* ---- maps and smaps ---- */

/* The destination of the value of a line "Name:  123 kB". */
struct sum_field {
  const char *name;
  uint64_t *value;
};

/* Sets the field for the line, if it is one of these; VALUE_UNKNOWN if malformed. */
static void take_sum(struct span line, const struct sum_field *fields, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (!scan_literal(&line, fields[i].name))
      continue;
    if (scan_whole_kilobytes(line, fields[i].value) != 0)
      *fields[i].value = VALUE_UNKNOWN;
    return;
  }
}

int proc_maps_parse_region(struct span line, struct memory_map_region *ret) {
  struct memory_map_region region = {.rss = VALUE_UNKNOWN,
                                     .pss = VALUE_UNKNOWN,
                                     .private_dirty = VALUE_UNKNOWN,
                                     .lazyfree = VALUE_UNKNOWN,
                                     .swap = VALUE_UNKNOWN};
  uint64_t start, end;
  struct span word;
  if (scan_hex(&line, &start) != 0 || !scan_literal(&line, "-") || scan_hex(&line, &end) != 0 ||
      end < start)
    return -EBADMSG;
  for (int i = 0; i < 4; i++) /* perms, offset, device, inode */
    if (!scan_word(&line, &word))
      return -EBADMSG;
  scan_blanks(&line);
  region.size = end - start;
  region.name = line;
  *ret = region;
  return 0;
}

/* The line of a region begins with a hexadecimal number, that of a sum with a capitalised name.
 * "A" to "F" may be either; in a name the colon comes before any space. */
bool proc_maps_is_sum(struct span line) {
  struct span word;
  return scan_word(&line, &word) && span_ends_with(word, ":");
}

void proc_maps_parse_sum(struct span line, struct memory_map_region *region) {
  const struct sum_field fields[] = {
      {"Rss:", &region->rss},
      {"Pss:", &region->pss},
      {"Private_Dirty:", &region->private_dirty},
      {"LazyFree:", &region->lazyfree},
      {"Swap:", &region->swap},
  };
  take_sum(line, fields, ARRAY_LENGTH(fields));
}

static bool add_sum(uint64_t *sum, uint64_t value) {
  if (value == VALUE_UNKNOWN || *sum >= VALUE_UNKNOWN - value)
    return false;
  *sum += value;
  return true;
}

static uint64_t footprint(const struct memory_map_rollup *rollup) {
  uint64_t sum = 0;
  if (!add_sum(&sum, rollup->private_clean) || !add_sum(&sum, rollup->private_dirty) ||
      !add_sum(&sum, rollup->swap_pss) || rollup->lazyfree == VALUE_UNKNOWN)
    return VALUE_UNKNOWN;
  /* the kernel also counts shared pages that are lazily freed: never below zero */
  return rollup->lazyfree < sum ? sum - rollup->lazyfree : 0;
}

int proc_smaps_parse_rollup(struct span text, struct memory_map_rollup *ret) {
  struct memory_map_rollup rollup = {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN,
                                     VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN};
  const struct sum_field fields[] = {
      {"Rss:", &rollup.rss},
      {"Pss:", &rollup.pss},
      {"Private_Clean:", &rollup.private_clean},
      {"Private_Dirty:", &rollup.private_dirty},
      {"LazyFree:", &rollup.lazyfree},
      {"SwapPss:", &rollup.swap_pss},
  };

  struct span line;
  while (scan_line(&text, &line))
    take_sum(line, fields, ARRAY_LENGTH(fields));
  if (rollup.rss == VALUE_UNKNOWN)
    return -EBADMSG;
  rollup.footprint = footprint(&rollup);
  *ret = rollup;
  return 0;
}

/* ---- mountinfo: "36 35 98:0 /root /mnt rw - ext3 ..." ---- */

int proc_mountinfo_parse(struct span line, struct proc_mount *ret) {
  struct span id, parent, device;
  uint64_t mount_id, major, minor;

  if (!scan_word(&line, &id) || !scan_word(&line, &parent) || !scan_word(&line, &device) ||
      scan_whole_u64(id, 0, VALUE_UNKNOWN - 1, &mount_id) != 0)
    return -EBADMSG;
  if (scan_u64(&device, &major) != 0 || !scan_literal(&device, ":") ||
      scan_whole_u64(device, 0, UINT32_MAX, &minor) != 0 || major > UINT32_MAX)
    return -EBADMSG;

  *ret = (struct proc_mount){mount_id, (uint32_t)major, (uint32_t)minor};
  return 0;
}

/* ---- net/tcp; after the state: queues, timer, retransmissions, uid, timeout, inode ---- */

static bool scan_hex_field(struct span *s, size_t digits, uint64_t *ret) {
  if (s->len < digits)
    return false;
  struct span field = span_make(s->at, digits);
  if (scan_hex(&field, ret) != 0 || field.len > 0)
    return false;
  s->at += digits;
  s->len -= digits;
  return true;
}

/* "0100007F:1F90", or four words for IPv6 */
static bool parse_local_address(struct span s, struct proc_net_tcp *tcp) {
  static const size_t ipv4_len = 8 + 1 + 4, ipv6_len = 32 + 1 + 4;
  if (s.len != ipv4_len && s.len != ipv6_len)
    return false;
  tcp->ipv6 = s.len == ipv6_len;

  uint64_t value;
  for (size_t word = 0; word < (tcp->ipv6 ? 4 : 1); word++) {
    if (!scan_hex_field(&s, 8, &value))
      return false;
    uint32_t in_host_order = (uint32_t)value;
    memcpy(tcp->address + 4 * word, &in_host_order, 4);
  }
  if (!scan_literal(&s, ":") || !scan_hex_field(&s, 4, &value))
    return false;
  tcp->port = (uint16_t)value;
  return true;
}

int proc_net_tcp_parse(struct span line, struct proc_net_tcp *ret) {
  struct proc_net_tcp tcp = {0};
  struct span slot, local, remote, state, skipped, inode;
  uint64_t number;

  if (!scan_word(&line, &slot) || scan_u64(&slot, &number) != 0 || !span_equals(slot, ":"))
    return -EBADMSG;
  if (!scan_word(&line, &local) || !scan_word(&line, &remote) || !scan_word(&line, &state) ||
      !parse_local_address(local, &tcp))
    return -EBADMSG;
  if (state.len != 2 || !scan_hex_field(&state, 2, &number))
    return -EBADMSG;
  tcp.state = (uint8_t)number;

  for (int i = 0; i < 5; i++)
    if (!scan_word(&line, &skipped))
      return -EBADMSG;
  if (!scan_word(&line, &inode) || scan_whole_u64(inode, 0, UINT64_MAX, &tcp.inode) != 0)
    return -EBADMSG;

  *ret = tcp;
  return 0;
}

/* ---- pressure: "some avg10=0.00 avg60=1.25 avg300=0.40 total=1234" ---- */

/* A number with two decimals, as written by the kernel. */
static int parse_percent(struct span word, double *ret) {
  uint64_t whole, hundredths;
  if (scan_u64(&word, &whole) != 0 || !scan_literal(&word, ".") || word.len != 2 ||
      scan_whole_u64(word, 0, 99, &hundredths) != 0 || whole > 100)
    return -EBADMSG;
  *ret = (double)whole + (double)hundredths / 100;
  return 0;
}

int proc_pressure_parse(struct span text, double *ret_percent) {
  struct span line, word;
  text = scan_whole_lines(text);
  while (scan_line(&text, &line)) {
    if (!scan_literal(&line, "some "))
      continue;
    while (scan_word(&line, &word))
      if (scan_literal(&word, "avg60="))
        return parse_percent(word, ret_percent);
  }
  return -EBADMSG;
}

/* ---- stat: one pass, which stops at the last field wanted ---- */

enum { FLAG_KERNEL_THREAD = 0x00200000 }; /* PF_KTHREAD in Linux's include/linux/sched.h */

/* A complete field: a number truncated by the end of the text would be wrong. */
static bool take_number(struct span *s, uint64_t *ret) {
  scan_blanks(s);
  return scan_u64(s, ret) == 0 && s->len > 0 && (*s->at == ' ' || *s->at == '\n');
}

static bool skip_fields(struct span *s, unsigned count) {
  struct span ignored;
  for (; count > 0; count--)
    if (!scan_word(s, &ignored))
      return false;
  return true;
}

static bool take_program_name(struct span *s, struct span *ret) {
  const char *open = memchr(s->at, '(', s->len);
  const char *close = memrchr(s->at, ')', s->len);
  if (open == NULL || close == NULL || close < open)
    return false;
  *ret = span_make(open + 1, (size_t)(close - open) - 1);
  s->len -= (size_t)(close + 1 - s->at);
  s->at = close + 1;
  return true;
}

int proc_stat_parse(struct span text, struct proc_stat *ret) {
  struct proc_stat stat;
  struct span state;

  if (!take_program_name(&text, &stat.name) || !scan_word(&text, &state) || state.len != 1)
    return -EBADMSG;
  stat.state = *state.at;

  bool complete = skip_fields(&text, 5) &&                           /* 4 ppid .. 8 tpgid */
                  take_number(&text, &stat.flags) &&                 /* 9 */
                  take_number(&text, &stat.minor_faults) &&          /* 10 */
                  skip_fields(&text, 1) &&                           /* 11 cminflt */
                  take_number(&text, &stat.major_faults) &&          /* 12 */
                  skip_fields(&text, 1) &&                           /* 13 cmajflt */
                  take_number(&text, &stat.user_ticks) &&            /* 14 */
                  take_number(&text, &stat.system_ticks) &&          /* 15 */
                  take_number(&text, &stat.children_user_ticks) &&   /* 16 */
                  take_number(&text, &stat.children_system_ticks) && /* 17 */
                  skip_fields(&text, 2) &&                           /* 18 priority, 19 nice */
                  take_number(&text, &stat.threads) &&               /* 20 */
                  skip_fields(&text, 1) &&                           /* 21 itrealvalue */
                  take_number(&text, &stat.start_ticks) &&           /* 22 */
                  take_number(&text, &stat.virtual_bytes);           /* 23 */
  if (!complete)
    return -EBADMSG;
  *ret = stat;
  return 0;
}

bool proc_stat_is_dead(const struct proc_stat *stat) {
  bool has_no_memory = stat->virtual_bytes == 0 && !proc_stat_is_kernel_thread(stat);
  return stat->state == 'Z' || stat->state == 'X' || stat->state == 'x' || has_no_memory;
}

bool proc_stat_is_kernel_thread(const struct proc_stat *stat) {
  return (stat->flags & FLAG_KERNEL_THREAD) != 0;
}

/*
 * ---- status ---- This runs for every process at every pulse: a line is examined only if its
 * first letter matches one of ours, and the loop ends with the last line needed, well before
 * the lists of CPUs and memory nodes.
 */

/* The destination of a line's value; NULL if the line is not needed. Removes the key. */
static uint64_t *find_status_field(struct process_memory *memory, struct span *line) {
  if (line->len < 8)
    return NULL;
  if (line->at[0] == 'V') {
    if (scan_literal(line, "VmHWM:"))
      return &memory->resident_peak_bytes;
    if (scan_literal(line, "VmRSS:"))
      return &memory->resident_bytes;
    if (scan_literal(line, "VmSwap:"))
      return &memory->swap_bytes;
  } else if (line->at[0] == 'R') {
    if (scan_literal(line, "RssAnon:"))
      return &memory->anon_bytes;
    if (scan_literal(line, "RssFile:"))
      return &memory->file_bytes;
    if (scan_literal(line, "RssShmem:"))
      return &memory->shmem_bytes;
  }
  return NULL;
}

int proc_status_parse(struct span text, struct process_memory *ret) {
  struct process_memory memory;
  struct span line;

  memset(&memory, 0xFF, sizeof(memory)); /* all of it VALUE_UNKNOWN */
  while (memory.swap_bytes == VALUE_UNKNOWN && scan_line(&text, &line)) {
    uint64_t *field = find_status_field(&memory, &line);
    if (field == NULL)
      continue;
    if (scan_whole_kilobytes(line, field) != 0)
      return -EBADMSG;
  }
  if (memory.resident_bytes == VALUE_UNKNOWN)
    return -ENODATA;
  *ret = memory;
  return 0;
}

static int take_count(struct span value, uint64_t *ret) {
  scan_blanks(&value);
  return scan_whole_u64(value, 0, VALUE_UNKNOWN - 1, ret) == 0 ? 0 : -EBADMSG;
}

int proc_status_parse_uid(struct span text, uint32_t *ret) {
  struct span line;
  uint64_t uid;
  while (scan_line(&text, &line)) {
    if (!scan_literal(&line, "Uid:"))
      continue;
    scan_blanks(&line);
    if (scan_u64(&line, &uid) != 0 || uid > UINT32_MAX)
      return -EBADMSG;
    *ret = (uint32_t)uid;
    return 0;
  }
  return -EBADMSG;
}

int proc_status_parse_switches(struct span text, uint64_t *ret_voluntary,
                               uint64_t *ret_involuntary) {
  uint64_t voluntary = VALUE_UNKNOWN, involuntary = VALUE_UNKNOWN;
  struct span line;
  int status = 0;

  text = scan_whole_lines(text);
  while (status == 0 && scan_line(&text, &line)) {
    if (scan_literal(&line, "voluntary_ctxt_switches:"))
      status = take_count(line, &voluntary);
    else if (scan_literal(&line, "nonvoluntary_ctxt_switches:"))
      status = take_count(line, &involuntary);
  }
  if (voluntary == VALUE_UNKNOWN || involuntary == VALUE_UNKNOWN)
    return -EBADMSG;
  *ret_voluntary = voluntary;
  *ret_involuntary = involuntary;
  return 0;
}
