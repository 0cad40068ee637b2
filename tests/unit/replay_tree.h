/*
 * A process table below a temporary directory, from a text that was written by
 * tests/replay/capture.sh or by hand. The text has one entry per line. Paths are relative to
 * the root, and their directories are created; in paths, targets and contents \xNN is a byte:
 *
 *   file PATH          then its content, in lines "|text" and "=text without a newline"
 *   link PATH TARGET
 *   directory PATH
 *   denied-file PATH, denied-directory PATH    not readable (except by root)
 *
 * Errors fail the running test.
 */
#ifndef TESTS_UNIT_REPLAY_TREE_H
#define TESTS_UNIT_REPLAY_TREE_H

#include "common/scan.h"

struct replay_tree {
  char root[64]; /* open to everybody, so that a test may give up its privileges */
};

/* A new, empty directory. */
void replay_tree_create(struct replay_tree *tree);

/* Adds the entries of TEST_SRCDIR/replay/NAME.tree. */
void replay_tree_unpack(struct replay_tree *tree, const char *name);

/* Adds a single entry, or replaces it. */
void replay_tree_add_file(struct replay_tree *tree, const char *path, struct span content);
void replay_tree_add_link(struct replay_tree *tree, const char *path, const char *target);
void replay_tree_add_directory(struct replay_tree *tree, const char *path);

/* Removes it all. */
void replay_tree_remove(struct replay_tree *tree);

#endif
