/* What is known about each kind of red flag, from the readings; see evidence_facts.h. */
#include "sidecar/redflag/evidence_facts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/scan.h"
#include "common/text.h"
#include "sidecar/compose.h"
#include "sidecar/redflag/words.h"

enum {
  SITES_SHOWN = 3,
  LINE_PATH_MAX = 90, /* of a path in a line; the whole is a fact */
  STACK_SIZE = 200,
};

/* ---- memory ---- */

static void add_bytes(struct evidence *evidence, const char *name, uint64_t bytes) {
  char words[WORDS_SIZE];
  if (bytes != VALUE_UNKNOWN)
    evidence_add(evidence, name, "%s", words_bytes(words, (double)bytes));
}

EVIDENCE_FACTS(facts_of_memory) {
  const struct moment *now = facts->now;
  char words[WORDS_SIZE];
  add_bytes(evidence, "anonymous", now->anon_bytes);
  add_bytes(evidence, "file", now->file_bytes);
  add_bytes(evidence, "swap", now->swap_bytes);
  add_bytes(evidence, "heap_inuse", now->heap_inuse_bytes);
  add_bytes(evidence, "retained", now->retained_bytes);
  if (now->heap_inuse_bytes != VALUE_UNKNOWN)
    buffer_printf(line, "; Go heap in use %s",
                  words_bytes(words, (double)now->heap_inuse_bytes));
  if (now->retained_bytes != VALUE_UNKNOWN)
    buffer_printf(line, ", freed but retained %s",
                  words_bytes(words, (double)now->retained_bytes));
  if (verdict->is_retained)
    buffer_append_string(line, ": retained, not leaked");
}

EVIDENCE_FACTS(facts_of_swap) {
  (void)verdict;
  if (!isfinite(facts->memory_pressure_percent))
    return;
  evidence_add(evidence, "memory_pressure", "%.1f %%", facts->memory_pressure_percent);
  buffer_printf(line, "; the host waits for memory %.1f %% of the time",
                facts->memory_pressure_percent);
}

/* ---- descriptors ---- */

/* The end of a path tells more than its beginning. */
static const char *path_tail(char dst[LINE_PATH_MAX + 4], const char *path) {
  size_t len = strlen(path);
  if (len <= LINE_PATH_MAX)
    return path;
  const char *at = path + len - LINE_PATH_MAX;
  while (((unsigned char)*at & 0xC0) == 0x80) /* not inside a character */
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

EVIDENCE_FACTS(facts_of_fds) {
  (void)verdict;
  const struct moment *now = facts->now;
  size_t most = DESCRIPTOR_CLASSES;
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    if (now->fds_by_class[i] != VALUE_UNKNOWN &&
        (most == DESCRIPTOR_CLASSES || now->fds_by_class[i] > now->fds_by_class[most]))
      most = i;
  if (most != DESCRIPTOR_CLASSES) {
    const char *name = compose_class_name(most);
    evidence_add(evidence, "class", "%s", name);
    evidence_add(evidence, "class_count", "%" PRIu64, now->fds_by_class[most]);
    buffer_printf(line, "; most are %s: %" PRIu64, name, now->fds_by_class[most]);
  }
  add_same_file(evidence, line, facts);
}

EVIDENCE_FACTS(facts_of_fds_growth) {
  (void)verdict;
  size_t most = 0;
  uint64_t by = 0;
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++) {
    uint64_t growth =
        moment_growth(facts->baseline->fds_by_class[i], facts->now->fds_by_class[i]);
    if (growth > by) {
      most = i;
      by = growth;
    }
  }
  if (by > 0) {
    const char *name = compose_class_name(most);
    evidence_add(evidence, "class", "%s", name);
    evidence_add(evidence, "class_growth", "%" PRIu64, by);
    buffer_printf(line, "; since the baseline most grew %s: by %" PRIu64, name, by);
  }
  add_same_file(evidence, line, facts);
}

EVIDENCE_FACTS(facts_of_same_file) {
  (void)verdict;
  add_same_file(evidence, line, facts);
}

EVIDENCE_FACTS(facts_of_session_files) {
  (void)verdict;
  if (facts->findings->session_pattern == NULL)
    return;
  evidence_add(evidence, "pattern", "%s", facts->findings->session_pattern);
  evidence_add(evidence, "count", "%" PRIu64, facts->now->session_files);
  buffer_printf(line, "; they match %s", facts->findings->session_pattern);
}

EVIDENCE_FACTS(facts_of_contention) {
  (void)verdict;
  const struct findings *findings = facts->findings;
  char tail[LINE_PATH_MAX + 4];
  if (findings->foreign_lock_path[0] != '\0') {
    evidence_add(evidence, "path", "%s", findings->foreign_lock_path);
    buffer_printf(line, "; on %s", path_tail(tail, findings->foreign_lock_path));
  }
  if (findings->foreign_lock_pid <= 0)
    return;
  evidence_add(evidence, "owner_pid", "%d", (int)findings->foreign_lock_pid);
  evidence_add(evidence, "owner", "%s", findings->foreign_lock_owner);
  buffer_printf(line, " by %s (pid %d)", findings->foreign_lock_owner,
                (int)findings->foreign_lock_pid);
}

EVIDENCE_FACTS(facts_of_watches) {
  (void)verdict;
  if (facts->now->inotify_watches != VALUE_UNKNOWN)
    evidence_add(evidence, "watches", "%" PRIu64, facts->now->inotify_watches);
  if (facts->inotify_watches_limit == VALUE_UNKNOWN)
    return;
  evidence_add(evidence, "limit", "%" PRIu64, facts->inotify_watches_limit);
  buffer_printf(line, "; %" PRIu64 " of fs.inotify.max_user_watches = %" PRIu64,
                facts->now->inotify_watches, facts->inotify_watches_limit);
}

/* ---- goroutines ---- */

/* The site that measures most; NULL when none measures anything. */
static const struct site *find_site(const struct site_history *sites,
                                    uint64_t (*measure)(const struct site *)) {
  const struct site *best = NULL;
  for (size_t i = 0; sites != NULL && i < sites->len; i++) {
    const struct site *site = &sites->records[i].now;
    if (measure(site) > 0 && (best == NULL || measure(site) > measure(best)))
      best = site;
  }
  return best;
}

static uint64_t weight_of(const struct site *site) {
  return site->weight;
}

static uint64_t wait_of(const struct site *site) {
  return site->oldest_minutes;
}

static void add_site(struct evidence *evidence, struct buffer *line, const struct site *site) {
  char stack[STACK_SIZE];
  if (site == NULL)
    return;
  words_stack(stack, sizeof(stack), site);
  evidence_add(evidence, "state", "%s", goroutine_state_name(site->state));
  evidence_add(evidence, "stack", "%s", stack);
  evidence_add(evidence, "count", "%" PRIu64, site->weight);
  buffer_printf(line, "; %" PRIu64 " in %s at %s", site->weight,
                goroutine_state_name(site->state), stack);
}

EVIDENCE_FACTS(facts_of_goroutines) {
  (void)verdict;
  add_site(evidence, line, find_site(facts->goroutine_sites, weight_of));
}

EVIDENCE_FACTS(facts_of_goroutine_growth) {
  (void)verdict;
  const struct site_record *grown[1];
  if (facts->goroutine_sites != NULL &&
      site_history_grown(facts->goroutine_sites, grown, 1) > 0) {
    uint64_t by = grown[0]->now.weight - grown[0]->baseline_weight;
    evidence_add(evidence, "growth", "%" PRIu64, by);
    add_site(evidence, line, &grown[0]->now);
  }
}

EVIDENCE_FACTS(facts_of_stuck) {
  (void)verdict;
  const struct site *site = find_site(facts->goroutine_sites, wait_of);
  if (site == NULL)
    return;
  evidence_add(evidence, "age", "%" PRIu64 " minutes", site->oldest_minutes);
  buffer_printf(line, "; the oldest for %" PRIu64 " minutes", site->oldest_minutes);
  add_site(evidence, line, site);
}

static uint64_t fetching_weight_of(const struct site *site) {
  return strstr(site->text, "etchData") != NULL ? site->weight : 0;
}

EVIDENCE_FACTS(facts_of_fetching) {
  (void)verdict;
  add_site(evidence, line, find_site(facts->goroutine_sites, fetching_weight_of));
}

/* ---- the heap ---- */

EVIDENCE_FACTS(facts_of_heap_growth) {
  (void)verdict;
  const struct site_record *grown[SITES_SHOWN];
  size_t len =
      facts->heap_sites != NULL ? site_history_grown(facts->heap_sites, grown, SITES_SHOWN) : 0;
  static const char *const names[SITES_SHOWN] = {"site_1", "site_2", "site_3"};
  for (size_t i = 0; i < len; i++) {
    char stack[STACK_SIZE], by[WORDS_SIZE], total[WORDS_SIZE];
    words_stack(stack, sizeof(stack), &grown[i]->now);
    words_bytes(by, (double)(grown[i]->now.weight - grown[i]->baseline_weight));
    words_bytes(total, (double)grown[i]->now.weight);
    evidence_add(evidence, names[i], "+%s since the baseline, now %s: %s", by, total, stack);
    if (i == 0)
      buffer_printf(line, "; +%s at %s", by, stack);
  }
}
