/* Captured process tables; see replay_tree.h. */
#include "replay_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "common/buffer.h"

enum { TREE_MAX = 16 * 1024 * 1024 };

static void fail_with(const char *what, const char *path) {
  fail_msg("%s %s: %s", what, path, strerror(errno));
}

/* Makes a tree readable for other users, whatever the umask. */
static void make_directory(const char *full) {
  if (mkdir(full, 0755) == 0 ? chmod(full, 0755) != 0 : errno != EEXIST)
    fail_with("mkdir", full);
}

/* root/path, after making the folders that path is in. */
static void locate(const struct replay_tree *tree, const char *path, char full[PATH_MAX]) {
  int len = snprintf(full, PATH_MAX, "%s/%s", tree->root, path);
  assert_true(len > 0 && len < PATH_MAX);
  for (char *slash = full + strlen(tree->root) + 1; (slash = strchr(slash, '/')) != NULL;
       slash++) {
    *slash = '\0';
    make_directory(full);
    *slash = '/';
  }
}

void replay_tree_create(struct replay_tree *tree) {
  snprintf(tree->root, sizeof(tree->root), "/tmp/replay.XXXXXX");
  if (mkdtemp(tree->root) == NULL || chmod(tree->root, 0755) != 0)
    fail_with("mkdtemp", tree->root);
}

void replay_tree_add_file(struct replay_tree *tree, const char *path, struct span content) {
  char full[PATH_MAX];
  locate(tree, path, full);
  FILE *stream = fopen(full, "wb");
  if (stream == NULL || fchmod(fileno(stream), 0644) != 0)
    fail_with("create", full);
  assert_int_equal(fwrite(content.at, 1, content.len, stream), content.len);
  assert_int_equal(fclose(stream), 0);
}

void replay_tree_add_link(struct replay_tree *tree, const char *path, const char *target) {
  char full[PATH_MAX];
  locate(tree, path, full);
  unlink(full);
  if (symlink(target, full) != 0)
    fail_with("symlink", full);
}

void replay_tree_add_directory(struct replay_tree *tree, const char *path) {
  char full[PATH_MAX];
  locate(tree, path, full);
  make_directory(full);
}

static void deny(const struct replay_tree *tree, const char *path) {
  char full[PATH_MAX];
  locate(tree, path, full);
  if (chmod(full, 0) != 0)
    fail_with("chmod", full);
}

/* --- the text --- */

static void append_unescaped(struct buffer *out, struct span s) {
  while (s.len > 0) {
    struct span hex = s;
    char byte = *s.at;
    uint64_t code;
    if (scan_literal(&hex, "\\x")) {
      struct span digits = span_make(hex.at, hex.len < 2 ? hex.len : 2);
      assert_int_equal(scan_hex(&digits, &code), 0);
      byte = (char)code;
      s = span_make(hex.at + 1, hex.len - 1); /* one is taken below */
    }
    assert_int_equal(buffer_append(out, &byte, 1), 0);
    s.at++;
    s.len--;
  }
}

/* The next word of an entry as a string. */
static const char *take_path(struct span *line, struct buffer *path) {
  struct span word = SPAN_LITERAL("");
  buffer_reset(path);
  scan_word(line, &word);
  append_unescaped(path, word);
  return buffer_string(path);
}

static void take_content(struct span *text, struct buffer *content) {
  struct span rest = *text, line;
  buffer_reset(content);
  while (scan_line(&rest, &line) && line.len > 0 && (*line.at == '|' || *line.at == '=')) {
    append_unescaped(content, span_make(line.at + 1, line.len - 1));
    if (*line.at == '|')
      assert_int_equal(buffer_append(content, "\n", 1), 0);
    *text = rest;
  }
}

static void add_entry(struct replay_tree *tree, struct span line, struct span *text) {
  autobuffer(path, PATH_MAX);
  autobuffer(more, TREE_MAX);
  if (scan_literal(&line, "file ")) {
    take_path(&line, &path);
    take_content(text, &more);
    replay_tree_add_file(tree, buffer_string(&path), buffer_span(&more));
  } else if (scan_literal(&line, "link ")) {
    take_path(&line, &path);
    replay_tree_add_link(tree, buffer_string(&path), take_path(&line, &more));
  } else if (scan_literal(&line, "directory ")) {
    replay_tree_add_directory(tree, take_path(&line, &path));
  } else if (scan_literal(&line, "denied-file ")) {
    replay_tree_add_file(tree, take_path(&line, &path), SPAN_LITERAL(""));
    deny(tree, buffer_string(&path));
  } else if (scan_literal(&line, "denied-directory ")) {
    replay_tree_add_directory(tree, take_path(&line, &path));
    deny(tree, buffer_string(&path));
  } else if (!span_starts_with(line, "#") && line.len > 0) {
    fail_msg("no entry of a tree: %.*s", (int)line.len, line.at);
  }
}

void replay_tree_unpack(struct replay_tree *tree, const char *name) {
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/replay/%s.tree", TEST_SRCDIR, name);
  FILE *stream = fopen(path, "rb");
  if (stream == NULL)
    fail_with("open", path);
  autobuffer(content, TREE_MAX);
  char *room = buffer_reserve(&content, TREE_MAX);
  assert_non_null(room);
  content.len = fread(room, 1, TREE_MAX, stream);
  assert_true(feof(stream) && content.len > 0);
  fclose(stream);

  struct span text = buffer_span(&content), line;
  while (scan_line(&text, &line))
    add_entry(tree, line, &text);
}

void replay_tree_remove(struct replay_tree *tree) {
  /* denied directories could not be listed otherwise; paths may be longer than PATH_MAX */
  char command[192];
  snprintf(command, sizeof(command), "chmod -R u+rwx %s && rm -r %s", tree->root, tree->root);
  assert_int_equal(system(command), 0);
}
