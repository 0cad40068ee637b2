/*
 * The users whose processes are watched. Places, new names, log lines and the time of a reading
 * are limited, and a user may start any number of processes: so these are shared among users,
 * and among the processes of one user only after that. Pure: times are passed in.
 */
#ifndef SIDECAR_USERS_H
#define SIDECAR_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/instance_name.h"
#include "sidecar/short_lived.h"

/* ---- an allowance: a number at once, and the same number again in each hour ---- */

struct allowance { /* all zero: nothing was taken yet */
  double taken;
  uint64_t at_ns;
};

/* Takes one of per_hour; false when none is left. now_ns is monotonic. */
bool allowance_take(struct allowance *allowance, double per_hour, uint64_t now_ns);

/* ---- users ---- */

enum { USER_NAMES_REMEMBERED = 64 };

struct user {
  uid_t uid;
  size_t processes;  /* that are watched, or are about to be */
  uint64_t spent_ns; /* on readings of them; what is longer ago counts less */
  struct allowance new_names, lines;
  struct short_lived short_lived; /* those that are not watched */
  /* the names that his processes had last, in a ring: they may be used again */
  char names[USER_NAMES_REMEMBERED][INSTANCE_NAME_SIZE];
  size_t next_name;
  uint64_t idle_since_ns; /* 0: not idle */
};

/* May a line be logged about one of his processes? There may be any number of them. */
enum { USER_LINES_PER_HOUR = 1000 };
bool user_may_log(struct user *user, uint64_t now_ns);

/* Remembers a name of a process that ends. */
void user_remember_name(struct user *user, const char *name);
bool user_had_name(const struct user *user, const char *name);

struct users;

/* Returns 0 or -ENOMEM; the caller owns *ret. */
int users_new(struct users **ret);
/* NULL is fine. */
void users_free(struct users *users);

/* The user of this id, added if need be; NULL: no memory. Valid while he has processes, and
 * until the next users_begin(). */
struct user *users_get(struct users *users, uid_t uid);

/* The one with the most processes; NULL: there is no user. */
struct user *users_largest(const struct users *users);

/* To be called before a reading: what was spent counts half from now on, and users who have had
 * no process for an hour are forgotten. */
void users_begin(struct users *users, uint64_t now_ns);

/* Calls it for each user, by id. It does not add users. */
void users_for_each(struct users *users, void (*each)(void *context, struct user *user),
                    void *context);

/* ---- turns: the order in which processes are read, and for how long ---- */

struct turn {
  struct user *user;
  uint64_t since;                  /* when it had its last turn */
  size_t item;                     /* the caller's */
  uint64_t users_left, items_left; /* set by turns_arrange(): this user and those after him;
                                      this turn and those after it of this user */
};

/* Sorts turns: users who spent least come first, and of a user, what waits longest. */
void turns_arrange(struct turn *turns, size_t len);

struct turn_clock {
  uint64_t ends_ns;        /* of all turns; set by the caller, the rest zero */
  const struct user *user; /* whose turns it is */
  uint64_t user_ends_ns;   /* when they end */
};

/* What most processes need is given in one piece, even if it is not the turn's equal part. */
enum { TURN_MIN_NS = 20 * 1000 * 1000 };

/*
 * When the next turn, which begins at now_ns, has to end; not later than now_ns when there is
 * no time for it. Each user gets the same part of the time, and each of his turns the same part
 * of that, but at least TURN_MIN_NS while there is time; what a turn does not need is left to
 * those after it. Items that had no turn come first next time.
 */
uint64_t turn_deadline(struct turn_clock *clock, const struct turn *turn, uint64_t now_ns);

#endif
