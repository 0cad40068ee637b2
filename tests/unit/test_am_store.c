/* The store: the lifetime of alerts, walkers, limits, ageing. */
#include <stdio.h>
#include <time.h>

#include "am_alerts.h"
#include "notify_alertmanager/store.h"

static const struct store_limits wide = {.alerts = 1000, .bytes = 1 << 20};

static struct store *make_store(struct store_limits limits) {
  struct store *store;
  assert_int_equal(store_new(limits, &store), 0);
  return store;
}

static enum store_effect fire(struct store *store, const char *plugin, const char *severity,
                              int64_t time_ns) {
  struct alert *alert = make_alert(plugin, severity, "d");
  enum store_effect effect = store_fire(store, alert, time_ns, time_ns);
  alert_unref(alert);
  return effect;
}

static enum store_effect okay(struct store *store, const char *plugin, int64_t time_ns,
                              const char *message) {
  struct alert *alert = make_alert(plugin, "any", "d");
  enum store_effect effect = store_resolve(store, alert, time_ns, time_ns, message);
  alert_unref(alert);
  return effect;
}

/* "plugin:severity:starts-ends" of each item in front of the walker, which moves on. */
static const char *seen_by(struct store *store, struct store_walker *walker, unsigned node) {
  static char text[4096];
  struct store_item items[3];
  size_t used = 0, len;
  text[0] = '\0';
  while ((len = store_peek(store, walker, node, items, ARRAY_LENGTH(items))) > 0) {
    for (size_t i = 0; i < len; i++)
      used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%s:%lld-%lld%s",
                               used > 0 ? " " : "", alert_label(items[i].alert, "plugin"),
                               alert_label(items[i].alert, "severity"),
                               (long long)items[i].starts_ns, (long long)items[i].ends_ns,
                               items[i].paired ? "+" : "");
    store_advance(store, walker, items[len - 1].sequence);
    store_items_release(items, len);
  }
  return text;
}

static void an_alert_fires_until_okay(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  assert_int_equal(fire(store, "df", "warning", 10), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "df:warning:10-0");
  assert_string_equal(seen_by(store, &walker, 0), "");
  assert_int_equal(okay(store, "df", 20, ""), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "df:warning:10-20");
  assert_int_equal(okay(store, "df", 30, ""), STORE_IGNORED);
  assert_int_equal(fire(store, "df", "warning", 40), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "df:warning:40-0");
  struct store_counts counts = store_counts(store);
  assert_int_equal(counts.firing, 1);
  assert_int_equal(counts.resolved, 0);
  assert_int_equal(counts.received, 4);
  store_free(store);
}

static void okay_for_an_alert_that_never_fired_is_ignored(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  assert_int_equal(okay(store, "df", 20, ""), STORE_IGNORED);
  assert_int_equal(store_counts(store).resolved, 0);
  store_free(store);
}

static void a_repeated_notification_is_not_a_change_but_updates_the_text(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  fire(store, "df", "warning", 10);
  seen_by(store, &walker, 0);
  struct alert *newer = make_alert("df", "warning", "fuller");
  assert_int_equal(store_fire(store, newer, 20, 20), STORE_RENEWED);
  alert_unref(newer);
  assert_string_equal(seen_by(store, &walker, 0), "");
  struct store_item item;
  store_walker_rewind(store, &walker);
  assert_int_equal(store_peek(store, &walker, 0, &item, 1), 1);
  assert_string_equal(annotation_of(item.alert, "description"), "fuller");
  assert_int_equal(item.starts_ns, 10);
  store_items_release(&item, 1);
  store_free(store);
}

static void a_new_severity_first_resolves_the_old_one(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  fire(store, "df", "warning", 10);
  fire(store, "other", "warning", 11);
  seen_by(store, &walker, 0);
  assert_int_equal(fire(store, "df", "critical", 20), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "df:warning:10-20+ df:critical:10-0");
  assert_int_equal(store_counts(store).firing, 2);
  fire(store, "df", "warning", 30);
  assert_string_equal(seen_by(store, &walker, 0), "df:critical:10-30+ df:warning:10-0");
  okay(store, "df", 40, "");
  assert_string_equal(seen_by(store, &walker, 0), "df:warning:10-40");
  store_free(store);
}

static void the_message_of_okay_is_the_resolution(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  struct store_item item;
  store_walker_add(store, &walker, true);
  fire(store, "df", "warning", 10);
  okay(store, "df", 20, "within range again");
  assert_int_equal(store_peek(store, &walker, 0, &item, 1), 1);
  assert_string_equal(annotation_of(item.alert, "resolution"), "within range again");
  assert_string_equal(annotation_of(item.alert, "description"), "d");
  store_items_release(&item, 1);
  store_free(store);
}

/* The times after the clock was set back are right. */
static void a_clock_that_is_set_back_moves_the_start(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  fire(store, "df", "warning", 1000);
  fire(store, "cpu", "warning", 1000);
  fire(store, "mem", "warning", 1000);
  okay(store, "df", 3, "");
  assert_string_equal(seen_by(store, &walker, 0),
                      "cpu:warning:1000-0 mem:warning:1000-0 df:warning:3-3");
  assert_int_equal(fire(store, "cpu", "critical", 4), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "cpu:warning:4-4+ cpu:critical:4-0");
  assert_int_equal(fire(store, "mem", "warning", 5), STORE_RENEWED);
  assert_int_equal(okay(store, "mem", 6, ""), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "mem:warning:5-6");
  store_free(store);
}

static void each_walker_has_its_own_position(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker one, two;
  store_walker_add(store, &one, true);
  fire(store, "a", "warning", 1);
  store_walker_add(store, &two, true);
  fire(store, "b", "warning", 2);
  assert_string_equal(seen_by(store, &one, 0), "a:warning:1-0 b:warning:2-0");
  fire(store, "c", "warning", 3);
  assert_string_equal(seen_by(store, &two, 1), "a:warning:1-0 b:warning:2-0 c:warning:3-0");
  assert_int_equal(store_pending(store, &one, 0), 1);
  assert_int_equal(store_pending(store, &two, 1), 0);
  assert_false(store_walker_at_end(store, &one));
  assert_true(store_walker_at_end(store, &two));
  store_free(store);
}

static void a_walker_can_be_freed_before_the_store(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker *walker = malloc(sizeof(*walker)), other;
  store_walker_add(store, walker, true);
  store_walker_add(store, &other, true);
  fire(store, "a", "warning", 1);
  store_walker_remove(store, walker);
  store_walker_remove(store, walker); /* is no harm */
  free(walker);
  fire(store, "b", "warning", 2);
  okay(store, "a", 3, "");
  assert_string_equal(seen_by(store, &other, 0), "b:warning:2-0 a:warning:1-3");
  store_free(store);
}

static void an_alert_that_changed_while_posted_is_posted_again(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  struct store_item items[2];
  store_walker_add(store, &walker, true);
  fire(store, "a", "warning", 1);
  fire(store, "b", "warning", 2);
  assert_int_equal(store_peek(store, &walker, 0, items, 2), 2);
  okay(store, "a", 3, "");
  store_advance(store, &walker, items[1].sequence);
  store_items_release(items, 2);
  assert_string_equal(seen_by(store, &walker, 0), "a:warning:1-3");
  store_free(store);
}

static void a_flapping_source_occupies_one_slot(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  for (int64_t i = 0; i < 10000; i++) {
    fire(store, "df", i % 3 == 0 ? "critical" : "warning", i);
    if (i % 2 == 0)
      okay(store, "df", i, "");
  }
  assert_true(store_pending(store, &walker, 0) <= 2);
  assert_int_equal(store_counts(store).firing, 1);
  store_free(store);
}

static void a_round_ends_at_the_alert_that_was_newest_at_its_start(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker round;
  store_walker_add(store, &round, false);
  fire(store, "a", "warning", 1);
  fire(store, "b", "warning", 2);
  store_walker_rewind(store, &round);
  fire(store, "c", "warning", 3);
  okay(store, "a", 4, "");
  assert_string_equal(seen_by(store, &round, 0), "b:warning:2-0");
  assert_true(store_walker_at_end(store, &round));
  store_free(store);
}

static void a_rejected_alert_is_not_sent_to_that_node_until_it_changes(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker one, two;
  struct store_item items[3];
  store_walker_add(store, &one, true);
  store_walker_add(store, &two, true);
  fire(store, "a", "warning", 1);
  fire(store, "bad", "warning", 2);
  fire(store, "c", "warning", 3);
  assert_int_equal(store_peek(store, &one, 0, items, 3), 3);
  store_reject(store, &one, items[1].sequence, 0);
  store_items_release(items, 3);
  assert_string_equal(seen_by(store, &one, 0), "a:warning:1-0 c:warning:3-0");
  assert_string_equal(seen_by(store, &two, 1), "a:warning:1-0 bad:warning:2-0 c:warning:3-0");
  okay(store, "bad", 4, "");
  assert_string_equal(seen_by(store, &one, 0), "bad:warning:2-4");
  store_free(store);
}

static void what_a_node_rejected_can_be_tried_again(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker one, retries;
  struct store_item item;
  store_walker_add(store, &one, true);
  store_walker_add(store, &retries, false);
  retries.retries = true;
  fire(store, "a", "warning", 1);
  fire(store, "bad", "warning", 2);
  fire(store, "c", "warning", 3);
  assert_false(store_has_rejected(store, 0));
  assert_int_equal(store_peek(store, &one, 0, &item, 1), 1);
  store_advance(store, &one, item.sequence);
  store_items_release(&item, 1);
  assert_int_equal(store_peek(store, &one, 0, &item, 1), 1);
  store_reject(store, &one, item.sequence, 0);
  store_items_release(&item, 1);
  assert_true(store_has_rejected(store, 0));
  assert_false(store_has_rejected(store, 1));

  store_walker_rewind(store, &retries);
  assert_string_equal(seen_by(store, &retries, 1), "");
  store_walker_rewind(store, &retries);
  assert_string_equal(seen_by(store, &retries, 0), "bad:warning:2-0");
  store_walker_rewind(store, &retries);
  assert_int_equal(store_peek(store, &retries, 0, &item, 1), 1);
  store_accept(store, &retries, item.sequence, 0);
  store_items_release(&item, 1);
  assert_false(store_has_rejected(store, 0));
  assert_string_equal(seen_by(store, &one, 0), "bad:warning:2-0 c:warning:3-0");
  store_free(store);
}

static void rejections_can_be_reset(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker one;
  struct store_item item;
  store_walker_add(store, &one, true);
  fire(store, "a", "warning", 1);
  assert_int_equal(store_peek(store, &one, 5, &item, 1), 1);
  store_reject(store, &one, item.sequence, 5);
  store_items_release(&item, 1);
  assert_int_equal(store_pending(store, &one, 5), 0);
  store_forgive(store, 4);
  assert_int_equal(store_pending(store, &one, 5), 0);
  store_forgive(store, 5);
  assert_string_equal(seen_by(store, &one, 5), "a:warning:1-0");
  store_free(store);
}

/* All in front are rejected: the walker passes over them for good. */
static void a_walker_skips_rejected_alerts(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker one;
  struct store_item item;
  store_walker_add(store, &one, true);
  fire(store, "a", "warning", 1);
  assert_int_equal(store_peek(store, &one, 0, &item, 1), 1);
  store_reject(store, &one, item.sequence, 0);
  store_items_release(&item, 1);
  assert_int_equal(store_peek(store, &one, 0, &item, 1), 0);
  assert_true(store_walker_at_end(store, &one));
  fire(store, "b", "warning", 2);
  assert_string_equal(seen_by(store, &one, 0), "b:warning:2-0");
  store_free(store);
}

static void without_room_a_new_alert_is_dropped_and_counted(void **state) {
  (void)state;
  struct store *store = make_store((struct store_limits){.alerts = 2, .bytes = 1 << 20});
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  fire(store, "a", "warning", 1);
  fire(store, "b", "warning", 2);
  assert_int_equal(fire(store, "c", "warning", 3), STORE_DROPPED);
  assert_int_equal(store_counts(store).dropped_firing, 1);
  assert_int_equal(okay(store, "a", 4, ""), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "b:warning:2-0 a:warning:1-4");
  store_free(store);
}

static void resolved_alerts_make_room_the_oldest_first(void **state) {
  (void)state;
  struct store *store = make_store((struct store_limits){.alerts = 3, .bytes = 1 << 20});
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  fire(store, "a", "warning", 1);
  fire(store, "b", "warning", 2);
  fire(store, "c", "warning", 3);
  okay(store, "b", 4, "");
  okay(store, "a", 5, "");
  assert_int_equal(fire(store, "d", "warning", 6), STORE_CHANGED);
  assert_int_equal(store_counts(store).dropped_resolved, 1);
  assert_string_equal(seen_by(store, &walker, 0), "c:warning:3-0 a:warning:1-5 d:warning:6-0");
  store_free(store);
}

static void bytes_are_limited_too(void **state) {
  (void)state;
  struct alert *small = make_alert("p", "warning", "d");
  struct store *store =
      make_store((struct store_limits){.alerts = 100, .bytes = 2 * alert_bytes(small) + 50});
  char text[1000];
  memset(text, 'x', sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  struct alert *large = make_alert("p", "warning", text);
  fire(store, "p", "warning", 1);
  fire(store, "q", "warning", 2);
  assert_int_equal(fire(store, "r", "warning", 3), STORE_DROPPED);
  assert_int_equal(store_fire(store, large, 4, 4), STORE_RENEWED);
  struct store_counts counts = store_counts(store);
  assert_int_equal(counts.bytes, 2 * alert_bytes(small));
  assert_int_equal(counts.firing, 2);
  alert_unref(small);
  alert_unref(large);
  store_free(store);
}

/* ---- many alerts: their number must not be squared, which takes minutes with so many ---- */

enum { MANY = 100000, FEW = 1000 };

static const struct store_limits many = {.alerts = MANY, .bytes = SIZE_MAX};

/* CPU time of this thread, so that other work of the machine does not count. */
static uint64_t cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Some configuration, or source, has a label that is never the same. */
static void one_problem_may_have_many_sets_of_labels(void **state) {
  (void)state;
  struct store *store = make_store(many);
  uint64_t began_ns = cpu_ns(), first_ns = 0, last_ns = 0;
  for (int64_t i = 1; i <= MANY; i++) {
    if (i == FEW)
      first_ns = cpu_ns() - began_ns;
    if (i == MANY - FEW)
      last_ns = cpu_ns();
    char label[24];
    snprintf(label, sizeof(label), "%lld", (long long)i);
    assert_int_equal(fire(store, "df", label, i), STORE_CHANGED);
  }
  assert_true(cpu_ns() - last_ns < 20 * first_ns);
  assert_int_equal(store_counts(store).firing, 1);
  assert_int_equal(store_counts(store).resolved, MANY - 1);
  store_free(store);
}

static void a_full_store_of_firing_alerts_takes_new_ones_as_fast(void **state) {
  (void)state;
  struct store *store = make_store(many);
  uint64_t began_ns = cpu_ns(), first_ns = 0, full_ns;
  int64_t i;
  char plugin[24];
  for (i = 1; i < MANY; i++) {
    if (i == FEW)
      first_ns = cpu_ns() - began_ns;
    snprintf(plugin, sizeof(plugin), "p%lld", (long long)i);
    fire(store, plugin, "warning", i);
  }
  /* each takes the place of the one before */
  full_ns = cpu_ns();
  for (; i < MANY + FEW; i++) {
    snprintf(plugin, sizeof(plugin), "p%lld", (long long)i);
    assert_int_equal(fire(store, plugin, "warning", i), STORE_CHANGED);
    assert_int_equal(okay(store, plugin, i, ""), STORE_CHANGED);
  }
  assert_true(cpu_ns() - full_ns < 40 * first_ns); /* twice as many calls */
  assert_int_equal(store_counts(store).dropped_resolved, FEW - 1);
  assert_int_equal(store_counts(store).dropped_firing, 0);
  store_free(store);
}

/* ---- ageing ---- */

/* One look at everything, as the saver takes it, an alert at a time. */
static void age(struct store *store, struct store_walker *walker, const struct store_ages *ages,
                int64_t wall_ns, int64_t now_ns) {
  store_walker_rewind(store, walker);
  while (!store_age(store, walker, ages, wall_ns, now_ns, 1))
    continue;
}

static void resolved_alerts_are_dropped_after_their_retention(void **state) {
  (void)state;
  const struct store_ages ages = {.forget_resolved_ns = 100};
  struct store *store = make_store(wide);
  struct store_walker ageing;
  store_walker_add(store, &ageing, false);
  fire(store, "a", "warning", 1);
  fire(store, "b", "warning", 2);
  okay(store, "a", 50, "");
  age(store, &ageing, &ages, 1149, 149);
  assert_int_equal(store_counts(store).resolved, 1);
  age(store, &ageing, &ages, 1150, 150);
  assert_int_equal(store_counts(store).resolved, 0);
  assert_int_equal(store_counts(store).firing, 1);
  store_free(store);
}

static void an_alert_without_confirmation_expires(void **state) {
  (void)state;
  const struct store_ages ages = {.forget_resolved_ns = 1000, .expire_ns = 5000000000};
  struct store *store = make_store(wide);
  struct store_walker walker, ageing;
  store_walker_add(store, &walker, true);
  store_walker_add(store, &ageing, false);
  fire(store, "a", "warning", 1);
  fire(store, "b", "warning", 1);
  fire(store, "b", "warning", 4000000000); /* renewed */
  seen_by(store, &walker, 0);
  age(store, &ageing, &ages, 777, 5000000001);
  struct store_item item;
  assert_int_equal(store_peek(store, &walker, 0, &item, 1), 1);
  assert_string_equal(annotation_of(item.alert, "resolution"),
                      "Not confirmed: no notification from its source for 5 seconds.");
  assert_int_equal(item.ends_ns, 777);
  store_items_release(&item, 1);
  assert_string_equal(seen_by(store, &walker, 0), "a:warning:1-777");
  assert_int_equal(store_counts(store).expired, 1);
  assert_int_equal(store_counts(store).firing, 1);
  store_free(store);
}

static enum store_effect restore(struct store *store, const char *plugin, const char *severity,
                                 int64_t starts_ns, int64_t ends_ns, int64_t changed_ns) {
  struct alert *alert = make_alert(plugin, severity, "old");
  enum store_effect effect = store_restore(store, alert, starts_ns, ends_ns, changed_ns, 1000);
  alert_unref(alert);
  return effect;
}

static void a_restored_alert_is_resolved_by_name(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  assert_int_equal(restore(store, "df", "critical", 7, 0, -500), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "df:critical:7-0");
  assert_int_equal(okay(store, "df", 1100, ""), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "df:critical:7-1100");
  store_free(store);
}

static void a_restored_alert_continues_when_it_fires_again(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  restore(store, "df", "warning", 7, 0, 0);
  assert_int_equal(fire(store, "df", "warning", 1100), STORE_RENEWED);
  assert_string_equal(seen_by(store, &walker, 0), "df:warning:7-0");
  assert_int_equal(fire(store, "df", "critical", 1200), STORE_CHANGED);
  assert_string_equal(seen_by(store, &walker, 0), "df:warning:7-1200+ df:critical:7-0");
  store_free(store);
}

static void a_later_record_replaces_an_earlier_one(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  struct store_walker walker;
  store_walker_add(store, &walker, true);
  restore(store, "df", "warning", 7, 0, 0);
  restore(store, "df", "warning", 7, 9, 0);
  restore(store, "x", "warning", 7, 0, 0);
  restore(store, "x", "critical", 8, 0, 0);
  assert_string_equal(seen_by(store, &walker, 0),
                      "df:warning:7-9 x:critical:8-0 x:warning:7-8");
  assert_int_equal(store_counts(store).firing, 1);
  store_free(store);
}

static void a_restored_alert_expires_earlier_unless_its_source_confirms_it(void **state) {
  (void)state;
  const struct store_ages ages = {
      .forget_resolved_ns = 100000, .expire_ns = 0, .expire_restored_ns = 500};
  struct store *store = make_store(wide);
  struct store_walker ageing;
  store_walker_add(store, &ageing, false);
  restore(store, "silent", "warning", 7, 0, -99999);
  restore(store, "confirms", "warning", 7, 0, -99999);
  fire(store, "confirms", "warning", 1200);
  age(store, &ageing, &ages, 5000, 1499);
  assert_int_equal(store_counts(store).firing, 2);
  age(store, &ageing, &ages, 5000, 1500);
  assert_int_equal(store_counts(store).firing, 1);
  assert_int_equal(okay(store, "silent", 1600, ""), STORE_IGNORED);
  assert_int_equal(okay(store, "confirms", 1600, ""), STORE_CHANGED);
  store_free(store);
}

/* ---- whatever happens, a node ends up with the final state ---- */

enum { PROBLEMS = 12, SEVERITIES = 3, STEPS = 20000 };

static uint32_t dice = 12345;

static unsigned roll(unsigned sides) {
  dice = dice * 1664525u + 1013904223u;
  return (dice >> 16) % sides;
}

static const char *const severities[SEVERITIES] = {"info", "warning", "critical"};

/* What an Alertmanager believes: fires[problem][severity]. */
struct believer {
  struct store_walker walker;
  bool fires[PROBLEMS][SEVERITIES];
};

static void believe(struct believer *b, const struct store_item *item) {
  unsigned problem = (unsigned)alert_label(item->alert, "plugin")[0] - 'a';
  for (unsigned s = 0; s < SEVERITIES; s++)
    if (strcmp(alert_label(item->alert, "severity"), severities[s]) == 0)
      b->fires[problem][s] = item->ends_ns == 0;
}

/* A post that may fail completely, be answered too late, or be truncated. */
static void post(struct store *store, struct believer *b, unsigned node) {
  struct store_item items[4];
  size_t len = store_peek(store, &b->walker, node, items, 1 + roll(4));
  size_t taken = roll(4) == 0 ? roll((unsigned)len + 1) : len;
  for (size_t i = 0; i < taken; i++)
    believe(b, &items[i]);
  if (taken > 0 && roll(3) != 0)
    store_advance(store, &b->walker, items[taken - 1].sequence);
  store_items_release(items, len);
}

static void all_nodes_receive_the_final_state(void **state) {
  (void)state;
  struct store *store = make_store(wide);
  static struct believer nodes[3];
  struct store_walker ageing;
  const struct store_ages ages = {.forget_resolved_ns = STEPS};
  int holds[PROBLEMS];
  memset(holds, -1, sizeof(holds));
  for (size_t i = 0; i < ARRAY_LENGTH(nodes); i++)
    store_walker_add(store, &nodes[i].walker, true);
  store_walker_add(store, &ageing, false);

  for (int64_t now = 1; now < STEPS; now++) {
    unsigned problem = roll(PROBLEMS);
    const char plugin[2] = {(char)('a' + problem), '\0'};
    if (roll(3) == 0) {
      okay(store, plugin, now, "");
      holds[problem] = -1;
    } else {
      holds[problem] = (int)roll(SEVERITIES);
      fire(store, plugin, severities[holds[problem]], now);
    }
    if (roll(2) == 0)
      post(store, &nodes[roll(ARRAY_LENGTH(nodes))], 0);
    if (roll(50) == 0) {
      store_walker_rewind(store, &ageing);
      store_age(store, &ageing, &ages, now, now, 5);
    }
  }
  for (size_t n = 0; n < ARRAY_LENGTH(nodes); n++) {
    for (int i = 0; i < 1000; i++)
      post(store, &nodes[n], 0);
    assert_true(store_walker_at_end(store, &nodes[n].walker));
    for (int p = 0; p < PROBLEMS; p++)
      for (int s = 0; s < SEVERITIES; s++)
        if (nodes[n].fires[p][s] != (holds[p] == s))
          fail_msg("node %zu: problem %d, %s: %d", n, p, severities[s], nodes[n].fires[p][s]);
  }
  store_free(store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_alert_fires_until_okay),
      cmocka_unit_test(okay_for_an_alert_that_never_fired_is_ignored),
      cmocka_unit_test(a_repeated_notification_is_not_a_change_but_updates_the_text),
      cmocka_unit_test(a_new_severity_first_resolves_the_old_one),
      cmocka_unit_test(the_message_of_okay_is_the_resolution),
      cmocka_unit_test(a_clock_that_is_set_back_moves_the_start),
      cmocka_unit_test(each_walker_has_its_own_position),
      cmocka_unit_test(a_walker_can_be_freed_before_the_store),
      cmocka_unit_test(an_alert_that_changed_while_posted_is_posted_again),
      cmocka_unit_test(a_flapping_source_occupies_one_slot),
      cmocka_unit_test(a_round_ends_at_the_alert_that_was_newest_at_its_start),
      cmocka_unit_test(a_rejected_alert_is_not_sent_to_that_node_until_it_changes),
      cmocka_unit_test(what_a_node_rejected_can_be_tried_again),
      cmocka_unit_test(rejections_can_be_reset),
      cmocka_unit_test(a_walker_skips_rejected_alerts),
      cmocka_unit_test(without_room_a_new_alert_is_dropped_and_counted),
      cmocka_unit_test(resolved_alerts_make_room_the_oldest_first),
      cmocka_unit_test(bytes_are_limited_too),
      cmocka_unit_test(one_problem_may_have_many_sets_of_labels),
      cmocka_unit_test(a_full_store_of_firing_alerts_takes_new_ones_as_fast),
      cmocka_unit_test(resolved_alerts_are_dropped_after_their_retention),
      cmocka_unit_test(an_alert_without_confirmation_expires),
      cmocka_unit_test(a_restored_alert_is_resolved_by_name),
      cmocka_unit_test(a_restored_alert_continues_when_it_fires_again),
      cmocka_unit_test(a_later_record_replaces_an_earlier_one),
      cmocka_unit_test(a_restored_alert_expires_earlier_unless_its_source_confirms_it),
      cmocka_unit_test(all_nodes_receive_the_final_state),
  };
  return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
