/*
 * The line and the facts of a red flag; see evidence.h. Subject, unit and commands of a flag
 * are in its row of red_flags.c.
 */
#include "sidecar/redflag/evidence.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/clock.h"
#include "common/format.h"
#include "common/scan.h"
#include "common/text.h"
#include "sidecar/go/pprof_query.h"
#include "sidecar/reading.h"

enum {
  LINE_SIZE = 1024, /* before it is cut */
  SITES_SHOWN = 3,
  LINE_PATH_MAX = 90, /* of a path in a line; the whole path is a fact */
  COMMAND_SIZE = 512,
};

/* ---- the container ---- */

void evidence_free(struct evidence *evidence) {
  buffer_free(&evidence->text);
}

void evidence_add(struct evidence *evidence, const char *name, const char *format, ...) {
  if (evidence->len == EVIDENCE_MAX)
    return;
  char value[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(value, sizeof(value), format, arguments);
  va_end(arguments);
  size_t at = evidence->text.len;
  if (buffer_append(&evidence->text, value, strlen(value) + 1) != 0)
    return;
  evidence->items[evidence->len].name = name;
  evidence->items[evidence->len++].at = at;
}

const char *evidence_value(const struct evidence *evidence, size_t i) {
  return evidence->text.data + evidence->items[i].at;
}

char *evidence_stack(char *dst, size_t size, const struct site *site) {
  return text_printable(dst, size, span_of(site->text[0] != '\0' ? site->text : "?"));
}

/* ---- the line: what goes into it is printable ---- */

static char *format_amount(char dst[FORMAT_SIZE], enum red_flag_amount amount, double value) {
  switch (amount) {
  case AMOUNT_BYTES:
    return format_bytes(dst, value);
  case AMOUNT_BYTES_PER_SECOND:
    format_bytes(dst, value);
    strncat(dst, "/s", FORMAT_SIZE - 1 - strlen(dst));
    return dst;
  case AMOUNT_CORES:
    snprintf(dst, FORMAT_SIZE, "%.2f cores", value);
    return dst;
  case AMOUNT_PERCENT:
    snprintf(dst, FORMAT_SIZE, "%.0f %% of the limit", value * 100);
    return dst;
  default:
    snprintf(dst, FORMAT_SIZE, "%.0f", value);
    return dst;
  }
}

static void begin_line(struct buffer *line, const struct red_flag_info *info,
                       const struct evidence_facts *facts) {
  char instance[LINE_SIZE / 2];
  buffer_append_string(line,
                       text_printable(instance, sizeof(instance), span_of(facts->instance)));
  if (facts->pid > 0)
    buffer_printf(line, " (pid %d)", (int)facts->pid);
  buffer_printf(line, ": %s", info->subject);
}

static void finish_line(struct evidence *evidence, const struct buffer *line) {
  text_shorten(evidence->line, sizeof(evidence->line), buffer_span(line));
}

static void add_growth(struct evidence *evidence, struct buffer *line,
                       const struct red_flag_info *info, const struct flag_status *status) {
  char rise[FORMAT_SIZE], duration[FORMAT_SIZE], rate[FORMAT_SIZE], value[FORMAT_SIZE];
  double hours = (double)(status->rise_ms > 0 ? status->rise_ms : 1) / 3600e3;
  format_amount(rise, info->amount, status->rise);
  format_amount(rate, info->amount, status->rise / hours);
  evidence_add(evidence, "rise", "%s", rise);
  evidence_add(evidence, "rate", "%s/h", rate);
  buffer_printf(line, " grew by %s in %s (%s/h), now %s%s", rise,
                format_duration(duration, status->rise_ms), rate,
                format_amount(value, info->amount, status->value),
                status->may_level_off ? ", may level off" : "");
}

static void add_level(struct buffer *line, const struct red_flag_info *info,
                      const struct flag_status *status, uint64_t now_ms) {
  char value[FORMAT_SIZE], other[FORMAT_SIZE], duration[FORMAT_SIZE];
  uint64_t for_ms = now_ms > status->since_ms ? now_ms - status->since_ms : 0;
  buffer_printf(line, ": %s", format_amount(value, info->amount, status->value));
  if (isfinite(status->threshold))
    buffer_printf(line, " (%s from %s)",
                  status->state == RED_FLAG_FAILURE ? "failure" : "warning",
                  format_amount(other, info->amount, status->threshold));
  if (for_ms >= 60000)
    buffer_printf(line, " for %s", format_duration(duration, for_ms));
}

static void add_normal(struct buffer *line, const struct red_flag_info *info,
                       const struct flag_status *status) {
  char value[FORMAT_SIZE], rise[FORMAT_SIZE];
  if (status->has_levelled_off) {
    buffer_printf(line, ": levelled off at %s, %s more than before the growth",
                  format_amount(value, info->amount, status->value),
                  format_amount(rise, info->amount, status->rise));
    return;
  }
  buffer_append_string(line, ": back to normal");
  if (isfinite(status->value) && info->amount != AMOUNT_NONE)
    buffer_printf(line, ", now %s", format_amount(value, info->amount, status->value));
}

/* ---- commands ---- */

/* Length of the placeholder at the beginning of text, and its number; 0 if there is none. */
static size_t placeholder(const char *text, const struct evidence_facts *facts,
                          int *ret_number) {
  static const struct {
    const char *name;
    size_t len;
  } names[] = {{"PID", 3}, {"PORT", 4}};
  for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
    if (strncmp(text, names[i].name, names[i].len) == 0 &&
        !isupper((unsigned char)text[names[i].len])) {
      *ret_number = i == 0 ? (int)facts->pid : (int)facts->pprof_port;
      return names[i].len;
    }
  }
  return 0;
}

static void append_command(struct buffer *text, const char *command,
                           const struct evidence_facts *facts) {
  static const char path[] = PPROF_DEFAULT_PATH;
  if (text->len > 0)
    buffer_append_string(text, "; ");
  while (*command != '\0') {
    int number;
    size_t len = placeholder(command, facts, &number);
    if (len > 0) {
      buffer_printf(text, "%d", number);
    } else if (facts->pprof_path != NULL && strncmp(command, path, strlen(path)) == 0) {
      len = strlen(path);
      buffer_append_string(text, facts->pprof_path);
    } else {
      len = 1;
      buffer_append(text, command, len);
    }
    command += len;
  }
}

/* Commands for a pprof server are omitted if there is none. */
static void add_commands(struct evidence *evidence, const struct red_flag_info *info,
                         const struct evidence_facts *facts) {
  char bytes[COMMAND_SIZE];
  struct buffer text = buffer_in(bytes, sizeof(bytes));
  if (info->confirm != NULL)
    append_command(&text, info->confirm, facts);
  if (info->confirm_pprof != NULL && facts->pprof_port != 0)
    append_command(&text, info->confirm_pprof, facts);
  if (text.len > 0)
    evidence_add(evidence, "next", "%s", buffer_string(&text));
}

/* ---- a complete evidence ---- */

void evidence_compose(struct evidence *evidence, const struct flag_status *status,
                      const struct evidence_facts *facts) {
  const struct red_flag_info *info = &red_flags[status->flag];
  char text[LINE_SIZE];
  struct buffer line = buffer_in(text, sizeof(text));
  begin_line(&line, info, facts);
  if (status->state == RED_FLAG_OK) {
    add_normal(&line, info, status);
    finish_line(evidence, &line);
    return;
  }
  if (isfinite(status->rise))
    add_growth(evidence, &line, info, status);
  else if (info->amount != AMOUNT_NONE)
    add_level(&line, info, status, facts->now_ms);
  if (info->add_evidence != NULL)
    info->add_evidence(evidence, &line, status, facts);
  finish_line(evidence, &line);
  add_commands(evidence, info, facts);
}

void evidence_compose_end(struct evidence *evidence, enum red_flag flag,
                          const struct evidence_facts *facts) {
  char text[LINE_SIZE];
  struct buffer line = buffer_in(text, sizeof(text));
  begin_line(&line, &red_flags[flag], facts);
  buffer_append_string(&line, ": the process ended");
  finish_line(evidence, &line);
}

/* ---- memory ---- */

static void add_bytes(struct evidence *evidence, const char *name, uint64_t bytes) {
  char text[FORMAT_SIZE];
  if (bytes != VALUE_UNKNOWN)
    evidence_add(evidence, name, "%s", format_bytes(text, (double)bytes));
}

EVIDENCE_OF(memory) {
  const struct snapshot *now = facts->now;
  char text[FORMAT_SIZE];
  add_bytes(evidence, "anonymous", now->memory.anon_bytes);
  add_bytes(evidence, "file", now->memory.file_bytes);
  add_bytes(evidence, "swap", now->memory.swap_bytes);
  add_bytes(evidence, "heap_inuse", now->heap_inuse_bytes);
  add_bytes(evidence, "retained", now->retained_bytes);
  if (now->heap_inuse_bytes != VALUE_UNKNOWN)
    buffer_printf(line, "; Go heap in use %s",
                  format_bytes(text, (double)now->heap_inuse_bytes));
  if (now->retained_bytes != VALUE_UNKNOWN)
    buffer_printf(line, ", freed but retained %s",
                  format_bytes(text, (double)now->retained_bytes));
  if (status->is_retained)
    buffer_append_string(line, ": retained, not leaked");
}

EVIDENCE_OF(swap) {
  (void)status;
  if (!isfinite(facts->memory_pressure_percent))
    return;
  evidence_add(evidence, "memory_pressure", "%.1f %%", facts->memory_pressure_percent);
  buffer_printf(line, "; the host waits for memory %.1f %% of the time",
                facts->memory_pressure_percent);
}

/* ---- descriptors ---- */

/* The end of a path is more informative than its beginning. */
static const char *path_tail(char dst[LINE_PATH_MAX + 4], const char *path) {
  size_t len = strlen(path);
  if (len <= LINE_PATH_MAX)
    return path;
  const char *at = path + len - LINE_PATH_MAX;
  while (((unsigned char)*at & 0xC0) == 0x80) /* do not cut inside a character */
    at++;
  snprintf(dst, LINE_PATH_MAX + 4, "...%s", at);
  return dst;
}

static void add_same_file(struct evidence *evidence, struct buffer *line,
                          const struct evidence_facts *facts) {
  const char *path = facts->findings->same_file_path;
  uint64_t count = facts->now->same_file_opens;
  char tail[LINE_PATH_MAX + 4];
  if (path[0] == '\0' || count == VALUE_UNKNOWN || count < 2)
    return;
  evidence_add(evidence, "path", "%s", path);
  evidence_add(evidence, "count", "%" PRIu64, count);
  buffer_printf(line, "; %" PRIu64 " times %s", count, path_tail(tail, path));
}

/* What holds descriptors, by path. */
struct holder {
  const char *name, *count_name; /* of its facts */
  uint64_t count, before;        /* descriptors or paths, now and at the baseline */
  const char *path;              /* "" not known */
  const char *at_least, *words;  /* around the count */
  unsigned classes;              /* bit i: they may be of class i */
};

enum {
  HOLDERS = 4,
  HOLDER_MIN = 4,   /* fewer are usual in a healthy process */
  HOLDER_SHARE = 10 /* a line names what holds at least a tenth */
};

static const char *directory_words(enum descriptor_class class) {
  return class == DESCRIPTOR_DIRECTORY ? "directories in "
         : class == DESCRIPTOR_DEVICE  ? "devices in "
                                       : "files in ";
}

/* In the order in which they are preferred if they hold as many. */
static void list_holders(const struct evidence_facts *facts, struct holder ret[HOLDERS]) {
  const struct snapshot *now = facts->now, *baseline = facts->baseline;
  const struct findings *found = facts->findings;
  ret[0] = (struct holder){.name = "path",
                           .count_name = "count",
                           .count = now->same_file_opens,
                           .before = baseline->same_file_opens,
                           .path = found->same_file_path,
                           .at_least = "",
                           .words = "times ",
                           .classes = 1U << DESCRIPTOR_REGULAR};
  ret[1] = (struct holder){.name = "device",
                           .count_name = "device_count",
                           .count = found->same_device_opens,
                           .before = VALUE_UNKNOWN,
                           .path = found->same_device_path,
                           .at_least = "",
                           .words = "times ",
                           .classes = 1U << DESCRIPTOR_DEVICE};
  ret[2] =
      (struct holder){.name = "deleted",
                      .count_name = "deleted_count",
                      .count = now->fds_deleted,
                      .before = baseline->fds_deleted,
                      .path = found->deleted_path,
                      .at_least = "",
                      .words = found->deleted_path[0] != '\0' ? "deleted, such as " : "deleted",
                      .classes = 1U << DESCRIPTOR_REGULAR | 1U << DESCRIPTOR_DIRECTORY |
                                 1U << DESCRIPTOR_DEVICE};
  ret[3] = (struct holder){.name = "directory",
                           .count_name = "directory_count",
                           .count = found->directory_paths,
                           .before = VALUE_UNKNOWN,
                           .path = found->directory_path,
                           .at_least = found->directory_is_exact ? "" : "at least ",
                           .words = directory_words(found->directory_class),
                           .classes = 1U << found->directory_class};
}

/* Without a path, as in recorded metrics, only the number of deleted files says something. */
static bool is_worth_a_fact(const struct holder *holder, const struct findings *findings) {
  return holder->count != VALUE_UNKNOWN && holder->count >= HOLDER_MIN &&
         (holder->path[0] != '\0' || holder->path == findings->deleted_path);
}

/* Adds each that holds several; the line names the one with most, if it holds at least so many
 * (since_baseline: has so many more than at the baseline) of one of these classes. */
static void add_holders(struct evidence *evidence, struct buffer *line,
                        const struct evidence_facts *facts, unsigned classes, uint64_t least,
                        bool since_baseline) {
  struct holder holders[HOLDERS];
  const struct holder *most = NULL;
  list_holders(facts, holders);
  for (const struct holder *it = holders; it < holders + HOLDERS; it++) {
    if (!is_worth_a_fact(it, facts->findings))
      continue;
    if (it->path[0] != '\0')
      evidence_add(evidence, it->name, "%s", it->path);
    evidence_add(evidence, it->count_name, "%" PRIu64, it->count);
    uint64_t held = since_baseline && it->before != VALUE_UNKNOWN
                        ? snapshot_growth(it->before, it->count)
                        : it->count;
    if ((it->classes & classes) != 0 && held >= least &&
        (most == NULL || it->count > most->count))
      most = it;
  }
  char tail[LINE_PATH_MAX + 4];
  if (most != NULL)
    buffer_printf(line, "; %s%" PRIu64 " %s%s", most->at_least, most->count, most->words,
                  path_tail(tail, most->path));
}

enum { ALL_CLASSES = (1U << DESCRIPTOR_CLASSES) - 1 };

/* A tenth of all descriptors whose class is known. */
static uint64_t share_of_all(const struct snapshot *now) {
  uint64_t sum = 0;
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    sum += now->fds_by_class[i] != VALUE_UNKNOWN ? now->fds_by_class[i] : 0;
  return sum / HOLDER_SHARE;
}

EVIDENCE_OF(fds) {
  (void)status;
  const struct snapshot *now = facts->now;
  size_t most = DESCRIPTOR_CLASSES;
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    if (now->fds_by_class[i] != VALUE_UNKNOWN &&
        (most == DESCRIPTOR_CLASSES || now->fds_by_class[i] > now->fds_by_class[most]))
      most = i;
  if (most != DESCRIPTOR_CLASSES) {
    const char *name = descriptor_class_name(most);
    evidence_add(evidence, "class", "%s", name);
    evidence_add(evidence, "class_count", "%" PRIu64, now->fds_by_class[most]);
    buffer_printf(line, "; most are %s: %" PRIu64, name, now->fds_by_class[most]);
  }
  add_holders(evidence, line, facts, ALL_CLASSES, share_of_all(now), false);
}

EVIDENCE_OF(fds_growth) {
  (void)status;
  size_t most = 0;
  uint64_t by = 0;
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++) {
    uint64_t growth =
        snapshot_growth(facts->baseline->fds_by_class[i], facts->now->fds_by_class[i]);
    if (growth > by) {
      most = i;
      by = growth;
    }
  }
  if (by == 0) {
    add_holders(evidence, line, facts, ALL_CLASSES, share_of_all(facts->now), false);
    return;
  }
  const char *name = descriptor_class_name(most);
  evidence_add(evidence, "class", "%s", name);
  evidence_add(evidence, "class_growth", "%" PRIu64, by);
  buffer_printf(line, "; grew most since the baseline: %s, by %" PRIu64, name, by);
  add_holders(evidence, line, facts, 1U << most, by / 2, true);
}

EVIDENCE_OF(same_file) {
  (void)status;
  add_same_file(evidence, line, facts);
}

EVIDENCE_OF(session_files) {
  (void)status;
  if (facts->findings->session_pattern == NULL)
    return;
  evidence_add(evidence, "pattern", "%s", facts->findings->session_pattern);
  evidence_add(evidence, "count", "%" PRIu64, facts->now->session_files);
  buffer_printf(line, "; they match %s", facts->findings->session_pattern);
}

EVIDENCE_OF(same_database) {
  (void)status;
  const char *path = facts->findings->same_database_path;
  char tail[LINE_PATH_MAX + 4];
  if (path[0] == '\0')
    return;
  evidence_add(evidence, "path", "%s", path);
  buffer_printf(line, "; on %s", path_tail(tail, path));
}

EVIDENCE_OF(contention) {
  (void)status;
  const struct findings *findings = facts->findings;
  const char *kind = sqlite_lock_name(findings->foreign_lock_kind);
  char tail[LINE_PATH_MAX + 4];
  if (kind[0] != '\0') {
    evidence_add(evidence, "lock", "%s", kind);
    buffer_printf(line, "; %s", kind);
  }
  if (findings->foreign_lock_path[0] != '\0') {
    evidence_add(evidence, "path", "%s", findings->foreign_lock_path);
    buffer_printf(line, "%s on %s", kind[0] != '\0' ? "," : ";",
                  path_tail(tail, findings->foreign_lock_path));
  }
  if (findings->foreign_lock_pid <= 0)
    return;
  evidence_add(evidence, "owner_pid", "%d", (int)findings->foreign_lock_pid);
  evidence_add(evidence, "owner", "%s", findings->foreign_lock_owner);
  buffer_printf(line, " by %s (pid %d)", findings->foreign_lock_owner,
                (int)findings->foreign_lock_pid);
}

EVIDENCE_OF(watches) {
  (void)status;
  if (facts->now->inotify_watches != VALUE_UNKNOWN)
    evidence_add(evidence, "watches", "%" PRIu64, facts->now->inotify_watches);
  if (facts->inotify_watches_limit == VALUE_UNKNOWN)
    return;
  evidence_add(evidence, "limit", "%" PRIu64, facts->inotify_watches_limit);
  buffer_printf(line, "; %" PRIu64 " of fs.inotify.max_user_watches = %" PRIu64,
                facts->now->inotify_watches, facts->inotify_watches_limit);
}

/* ---- goroutines ---- */

/* The number by which a site is chosen; 0: not chosen. */
typedef uint64_t (*site_measure_fn)(const struct site *site,
                                    const struct evidence_facts *facts);

/* The site with the largest number; NULL when all are 0. */
static const struct site *find_site(const struct evidence_facts *facts,
                                    site_measure_fn measure) {
  const struct site_history *sites = facts->goroutine_sites;
  const struct site *best = NULL;
  for (size_t i = 0; sites != NULL && i < sites->len; i++) {
    const struct site *site = &sites->records[i].now;
    uint64_t measured = measure(site, facts);
    if (measured > 0 && (best == NULL || measured > measure(best, facts)))
      best = site;
  }
  return best;
}

static const struct site_history *last_dump(const struct evidence_facts *facts) {
  return facts->older_dump != NULL ? facts->older_dump : facts->goroutine_sites;
}

/* NULL: the last dump did not list it. */
static const struct site *site_of_key(const struct evidence_facts *facts, uint64_t key) {
  const struct site_history *sites = last_dump(facts);
  for (size_t i = 0; sites != NULL && i < sites->len; i++)
    if (sites->records[i].now.key == key)
      return &sites->records[i].now;
  return NULL;
}

/* The most frequent one of the last dump with these frames, if it lists any; leaked ones
 * before others. */
static const struct site *site_of_frames(const struct evidence_facts *facts,
                                         const struct site *frames) {
  const struct site_history *sites = last_dump(facts);
  const struct site *best = NULL;
  for (size_t i = 0; sites != NULL && i < sites->len; i++) {
    const struct site *site = &sites->records[i].now;
    if (site->weight == 0 || frames->frames_key == 0 || site->frames_key != frames->frames_key)
      continue;
    if (best == NULL || site->leaked > best->leaked ||
        (site->leaked == best->leaked && site->weight > best->weight))
      best = site;
  }
  return best;
}

static uint64_t weight_of(const struct site *site, const struct evidence_facts *facts) {
  (void)facts;
  return site->weight;
}

char *evidence_moment_text(char dst[EVIDENCE_MOMENT_SIZE],
                           const struct evidence_moment *moment) {
  char time[sizeof("23:59 UTC")];
  dst[0] = '\0';
  if (moment->wall_ms != 0 &&
      clock_format_utc(time, sizeof(time), "%H:%M UTC", moment->wall_ms / 1000))
    snprintf(dst, EVIDENCE_MOMENT_SIZE, " of %" PRIu64 " at %s", moment->goroutines, time);
  return dst;
}

static void add_site(struct evidence *evidence, struct buffer *line, const struct site *site,
                     const struct evidence_moment *moment) {
  char stack[EVIDENCE_STACK_SIZE], of[EVIDENCE_MOMENT_SIZE];
  if (site == NULL)
    return;
  evidence_stack(stack, sizeof(stack), site);
  evidence_moment_text(of, moment);
  bool has_state = site->state != GOROUTINE_STATE_UNKNOWN;
  if (has_state)
    evidence_add(evidence, "state", "%s", goroutine_state_name(site->state));
  evidence_add(evidence, "stack", "%s", stack);
  evidence_add(evidence, "count", "%" PRIu64, site->weight);
  if (of[0] != '\0')
    evidence_add(evidence, "as_of", "%s", of + strlen(" of "));
  buffer_printf(line, "; %" PRIu64 "%s%s%s at %s", site->weight, of, has_state ? " in " : "",
                goroutine_state_name(site->state), stack);
}

/* Of sites as new as the value. */
static const struct evidence_moment as_new = {0, 0};

EVIDENCE_OF(goroutines) {
  (void)status;
  add_site(evidence, line, find_site(facts, weight_of), &facts->sites_of);
}

EVIDENCE_OF(goroutine_growth) {
  (void)status;
  const struct site_record *grown[1];
  if (facts->goroutine_sites != NULL &&
      site_history_grown(facts->goroutine_sites, grown, 1) > 0) {
    uint64_t by = grown[0]->now.weight - grown[0]->baseline_weight;
    evidence_add(evidence, "growth", "%" PRIu64, by);
    add_site(evidence, line, &grown[0]->now, &facts->sites_of);
  }
}

/* How long those at a site have been waiting, as far as it is known. */
static void add_wait(struct evidence *evidence, struct buffer *line, const char *separator,
                     const struct site *site) {
  if (site->oldest_minutes > 0) {
    evidence_add(evidence, "age", "%" PRIu64 " minutes", site->oldest_minutes);
    buffer_printf(line, "%sthe oldest for %" PRIu64 " minutes", separator,
                  site->oldest_minutes);
  }
  if (site->leaked > 0) {
    evidence_add(evidence, "leaked", "%" PRIu64, site->leaked);
    buffer_printf(line, "%s%" PRIu64 " leaked: nothing can wake %s", separator, site->leaked,
                  site->leaked == 1 ? "it" : "them");
  }
}

EVIDENCE_OF(stuck_goroutines) {
  (void)status;
  const struct stuck_group *worst = facts->stuck != NULL ? stuck_worst(facts->stuck) : NULL;
  const struct site *site = worst != NULL ? site_of_key(facts, worst->key) : NULL;
  if (site == NULL)
    return;
  evidence_add(evidence, "growth", "%" PRIu64, stuck_in_group(worst));
  buffer_printf(line, " beyond the baseline; +%" PRIu64, stuck_in_group(worst));
  add_wait(evidence, line, ", ", site);
  add_site(evidence, line, site, &facts->dump_of);
}

/* The stack that most of the leaked ones have. Their page shows neither who created them nor
 * what they wait for; a dump does. */
EVIDENCE_OF(leaked_goroutines) {
  (void)status;
  const struct site_top *leaks = facts->leaks;
  if (leaks == NULL || leaks->len == 0)
    return;
  const struct site *worst = &leaks->sites[0], *dumped = site_of_frames(facts, worst);
  struct site shown = dumped != NULL ? *dumped : *worst;
  shown.weight = worst->weight;
  add_site(evidence, line, &shown, &as_new);
}

/* Of those whose stack a pattern of the flag matches. */
static uint64_t fetching_weight_of(const struct site *site,
                                   const struct evidence_facts *facts) {
  const struct red_flag_rule *rule = &facts->rules->rules[RED_FLAG_FETCH_DATA_PILING];
  const struct pattern_list *list = facts->goroutine_patterns;
  for (size_t i = 0; list != NULL && i < list->len; i++)
    if (red_flag_has_pattern(rule->patterns, list->items[i].name) &&
        regexec(&list->items[i].regex, site->text, 0, NULL, 0) == 0)
      return site->weight;
  return 0;
}

/* The value is of the same profile as the sites. */
EVIDENCE_OF(fetching) {
  (void)status;
  add_site(evidence, line, find_site(facts, fetching_weight_of), &as_new);
}

EVIDENCE_OF(stuck_fetch) {
  (void)status;
  const struct site *site = &facts->findings->stuck_fetch;
  char stack[EVIDENCE_STACK_SIZE], of[EVIDENCE_MOMENT_SIZE];
  if (site->weight == 0)
    return;
  add_wait(evidence, line, "; ", site);
  evidence_stack(stack, sizeof(stack), site);
  evidence_add(evidence, "state", "%s", goroutine_state_name(site->state));
  evidence_add(evidence, "stack", "%s", stack);
  buffer_printf(line, " in %s at %s%s", goroutine_state_name(site->state), stack,
                evidence_moment_text(of, &facts->dump_of));
}

/* ---- the heap ---- */

static const char *const site_names[SITES_SHOWN] = {"site_1", "site_2", "site_3"};

EVIDENCE_OF(heap_growth) {
  (void)status;
  const struct site_record *grown[SITES_SHOWN];
  size_t len =
      facts->heap_sites != NULL ? site_history_grown(facts->heap_sites, grown, SITES_SHOWN) : 0;
  for (size_t i = 0; i < len; i++) {
    char stack[EVIDENCE_STACK_SIZE], by[FORMAT_SIZE], total[FORMAT_SIZE];
    evidence_stack(stack, sizeof(stack), &grown[i]->now);
    format_bytes(by, (double)(grown[i]->now.weight - grown[i]->baseline_weight));
    format_bytes(total, (double)grown[i]->now.weight);
    evidence_add(evidence, site_names[i], "+%s since the baseline, now %s: %s", by, total,
                 stack);
    if (i == 0)
      buffer_printf(line, "; +%s at %s", by, stack);
  }
}

EVIDENCE_OF(allocations) {
  (void)status;
  const struct allocations_lately *lately =
      facts->allocations != NULL ? allocations_get(facts->allocations) : NULL;
  for (size_t i = 0; lately != NULL && i < lately->len && i < SITES_SHOWN; i++) {
    char stack[EVIDENCE_STACK_SIZE], amount[FORMAT_SIZE], duration[FORMAT_SIZE];
    uint64_t bytes = lately->sites[i].weight;
    double share =
        100 * (double)bytes / (double)(lately->bytes > bytes ? lately->bytes : bytes);
    evidence_stack(stack, sizeof(stack), &lately->sites[i]);
    format_bytes(amount, (double)bytes);
    format_duration(duration, lately->span_ms);
    evidence_add(evidence, site_names[i], "%s in %s (%.0f %%): %s", amount, duration, share,
                 stack);
    if (i == 0)
      buffer_printf(line, "; %s in %s (%.0f %%) at %s", amount, duration, share, stack);
  }
}

/* ---- CPU ---- */

EVIDENCE_OF(cpu) {
  (void)status;
  const struct cpu_profile *cpu = facts->cpu;
  for (size_t i = 0; cpu != NULL && i < cpu->len && i < SITES_SHOWN; i++) {
    char stack[EVIDENCE_STACK_SIZE];
    double share = 100 * (double)cpu->users[i].ns / (double)cpu->cpu_ns;
    text_printable(stack, sizeof(stack), span_of(cpu->users[i].text));
    evidence_add(evidence, site_names[i], "%.0f %%: %s", share, stack);
    if (i == 0)
      buffer_printf(line, "; %.0f %% in %s", share, stack);
  }
}

/* ---- pprof ---- */

EVIDENCE_OF(missing_pprof) {
  (void)evidence;
  (void)status;
  (void)facts;
  buffer_append_string(line,
                       ": another red flag is raised; restart it with SIDECAR_PPROF=1 to look "
                       "into it");
}
