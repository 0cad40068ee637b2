/* Shares of users: allowances, names they had, who is forgotten, and turns. */
#include "sidecar/users.h"

#include <stdio.h>

#include "cases.h"

enum { SECOND = 1000000000 };
static const uint64_t HOUR = UINT64_C(3600) * SECOND;

/* ---- allowances ---- */

static unsigned take_all(struct allowance *allowance, double per_hour, uint64_t now_ns) {
  unsigned taken = 0;
  while (taken < 1000 && allowance_take(allowance, per_hour, now_ns))
    taken++;
  return taken;
}

static void an_allowance_is_given_back_evenly(void **state) {
  (void)state;
  struct allowance allowance = {0};
  assert_int_equal(take_all(&allowance, 60, HOUR), 60);
  assert_int_equal(take_all(&allowance, 60, HOUR + 59 * UINT64_C(1000000000)), 0);
  assert_int_equal(take_all(&allowance, 60, HOUR + 60 * UINT64_C(1000000000)), 1);
  assert_int_equal(take_all(&allowance, 60, HOUR + HOUR / 2 + 60 * UINT64_C(1000000000)), 30);
  assert_int_equal(take_all(&allowance, 60, 100 * HOUR), 60);
  assert_int_equal(take_all(&allowance, 60, 99 * HOUR), 0); /* a clock that goes back */
}

/* In any hour at most twice the allowance: what was left, and what was given back. */
static void asking_often_gives_no_more(void **state) {
  (void)state;
  struct allowance allowance = {0};
  unsigned taken = 0;
  for (uint64_t now_ns = 1; now_ns < HOUR; now_ns += SECOND / 2)
    taken += allowance_take(&allowance, 64, now_ns);
  assert_in_range(taken, 120, 128);
}

/* ---- users ---- */

static void users_are_found_by_id_and_forgotten_after_an_hour(void **state) {
  (void)state;
  struct users *users;
  assert_int_equal(users_new(&users), 0);
  assert_null(users_largest(users));
  for (uid_t uid = 1000; uid > 0; uid--)
    users_get(users, uid)->processes = uid % 10;
  users_get(users, 500)->processes = 11;
  users_get(users, 500)->spent_ns = 100;
  assert_int_equal(users_largest(users)->uid, 500);
  struct user *idle = users_get(users, 400);
  idle->processes = 0;
  user_remember_name(idle, "proj");
  users_begin(users, HOUR);
  users_begin(users, 2 * HOUR - 1);
  assert_true(user_had_name(users_get(users, 400), "proj"));
  assert_int_equal(users_get(users, 500)->spent_ns, 25);
  users_get(users, 300)->processes = 1; /* not idle any more */
  users_begin(users, 2 * HOUR);
  users_get(users, 300)->processes = 0;
  users_begin(users, 2 * HOUR + 1);
  user_remember_name(users_get(users, 300), "other");
  users_begin(users, 3 * HOUR);
  assert_true(user_had_name(users_get(users, 300), "other"));
  assert_false(user_had_name(users_get(users, 400), "proj"));
  assert_int_equal(users_get(users, 500)->processes, 11);
  /* nor is one whose processes end too young to be watched */
  user_remember_name(users_get(users, 200), "crashing");
  users_get(users, 200)->processes = 0;
  short_lived_see(&users_get(users, 200)->short_lived, 7, 1, 0);
  users_begin(users, 4 * HOUR);
  users_begin(users, 6 * HOUR);
  assert_true(user_had_name(users_get(users, 200), "crashing"));
  users_free(users);
}

static void the_last_names_are_remembered(void **state) {
  (void)state;
  static struct user user;
  char name[INSTANCE_NAME_SIZE];
  for (int i = 0; i < USER_NAMES_REMEMBERED + 10; i++) {
    snprintf(name, sizeof(name), "proj-%d", i);
    assert_false(user_had_name(&user, name));
    user_remember_name(&user, name);
    user_remember_name(&user, name); /* takes no second place */
    assert_true(user_had_name(&user, name));
  }
  assert_false(user_had_name(&user, "proj-9"));
  assert_true(user_had_name(&user, "proj-10"));
}

/* ---- turns ---- */

enum { MS = 1000000 };

/* Gives everybody his turn: item i needs need[i] of the time. Returns the time of the end, and
 * what each got. */
static uint64_t take_turns(struct turn *turns, size_t len, const uint64_t *need,
                           uint64_t ends_ns, uint64_t *ret_got) {
  struct turn_clock clock = {.ends_ns = ends_ns};
  uint64_t now_ns = 1000;
  turns_arrange(turns, len);
  for (size_t i = 0; i < len; i++) {
    uint64_t deadline_ns = turn_deadline(&clock, &turns[i], now_ns);
    uint64_t got = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    got = need[turns[i].item] < got ? need[turns[i].item] : got;
    ret_got[turns[i].item] = got;
    turns[i].user->spent_ns += got;
    now_ns += got;
  }
  return now_ns;
}

static void who_needs_little_gets_it_beside_those_who_take_all(void **state) {
  (void)state;
  enum { GREEDY = 30, LEN = GREEDY + 2 };
  struct user greedy = {.uid = 1}, modest = {.uid = 2}, other = {.uid = 3};
  struct turn turns[LEN];
  uint64_t need[LEN], got[LEN], since[LEN] = {0}, all[LEN] = {0};
  for (unsigned reading = 1; reading <= 30; reading++) {
    for (size_t i = 0; i < LEN; i++) {
      struct user *user = i < GREEDY ? &greedy : i == GREEDY ? &modest : &other;
      turns[i] = (struct turn){.user = user, .since = since[i], .item = i};
      need[i] = i < GREEDY ? UINT64_MAX : i == GREEDY ? MS / 100 : 100 * MS;
    }
    uint64_t end_ns = take_turns(turns, LEN, need, 450 * MS, got);
    assert_true(end_ns <= 450 * MS);
    assert_int_equal(got[GREEDY], MS / 100);
    assert_int_equal(got[GREEDY + 1], 100 * MS);
    for (size_t i = 0; i < LEN; i++) {
      size_t item = turns[i].item;
      since[item] = got[item] > 0 ? reading * LEN + i : since[item];
      all[item] += got[item];
    }
    if (reading > 2)
      assert_ptr_equal(turns[LEN - 1].user, &greedy); /* who spent most comes last */
  }
  for (size_t i = 0; i < GREEDY; i++)
    assert_in_range(all[i], 250 * MS, 400 * MS);
}

static void a_small_part_is_given_in_one_piece(void **state) {
  (void)state;
  enum { LEN = 100 };
  struct user user = {.uid = 1};
  struct turn turns[LEN];
  uint64_t need[LEN], got[LEN];
  unsigned complete = 0;
  for (size_t i = 0; i < LEN; i++) {
    turns[i] = (struct turn){.user = &user, .item = i};
    need[i] = 15 * MS;
  }
  take_turns(turns, LEN, need, 151 * MS, got);
  for (size_t i = 0; i < LEN; i++)
    complete += got[i] == need[i];
  assert_int_equal(complete, 10);
}

static void what_waits_longest_comes_first(void **state) {
  (void)state;
  struct user one = {.uid = 1}, two = {.uid = 2, .spent_ns = 7};
  struct turn turns[] = {
      {&two, 1, 0, 0, 0}, {&one, 9, 1, 0, 0}, {&one, 3, 2, 0, 0}, {&one, 3, 3, 0, 0}};
  static const size_t order[] = {2, 3, 1, 0};
  turns_arrange(turns, ARRAY_LENGTH(turns));
  for (size_t i = 0; i < ARRAY_LENGTH(turns); i++)
    assert_int_equal(turns[i].item, order[i]);
  struct turn_clock clock = {.ends_ns = 240 * MS};
  assert_int_equal(turn_deadline(&clock, &turns[0], 0), 40 * MS);
  assert_int_equal(turn_deadline(&clock, &turns[1], 20 * MS), 70 * MS);
  assert_int_equal(turn_deadline(&clock, &turns[2], 110 * MS), 120 * MS);
  assert_int_equal(turn_deadline(&clock, &turns[3], 120 * MS), 240 * MS);
}

static void no_turn_is_longer_than_the_time(void **state) {
  (void)state;
  struct user user = {.uid = 1};
  struct turn turn = {.user = &user};
  struct turn_clock clock = {.ends_ns = 9};
  turns_arrange(&turn, 1);
  assert_int_equal(turn_deadline(&clock, &turn, 5), 9);
  assert_int_equal(turn_deadline(&clock, &turn, 9), 9);
  assert_int_equal(turn_deadline(&clock, &turn, 10), 9);
  turns_arrange(NULL, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_allowance_is_given_back_evenly),
      cmocka_unit_test(asking_often_gives_no_more),
      cmocka_unit_test(users_are_found_by_id_and_forgotten_after_an_hour),
      cmocka_unit_test(the_last_names_are_remembered),
      cmocka_unit_test(who_needs_little_gets_it_beside_those_who_take_all),
      cmocka_unit_test(a_small_part_is_given_in_one_piece),
      cmocka_unit_test(what_waits_longest_comes_first),
      cmocka_unit_test(no_turn_is_longer_than_the_time),
  };
  return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
