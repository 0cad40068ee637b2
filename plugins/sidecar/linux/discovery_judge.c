/*
 * Which rule a process matches, asked of the kernel anew at each call; see
 * discovery_judge.h. The executable decides: the command line of a process is its own
 * invention, and its name can be changed by it as well.
 */
#include "sidecar/linux/discovery_judge.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/procfs.h"

enum {
  COMMAND_LINE_MAX = 64 * 1024,
  PROGRAM_NAME_MAX = 15 /* TASK_COMM_LEN without the NUL */
};

void discovery_judge_init(struct discovery_judge *judge, struct host *host,
                          const struct discovery_rule *rules, size_t rules_len) {
  *judge = (struct discovery_judge){.host = host, .rules = rules, .rules_len = rules_len};
  buffer_init(&judge->command_line, COMMAND_LINE_MAX);
}

void discovery_judge_free(struct discovery_judge *judge) {
  buffer_free(&judge->command_line);
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* The kernel cuts the name it keeps of a program; what it cut cannot be compared. */
static bool matches_cut_name(struct span name, const char *executable) {
  size_t len = strlen(executable);
  if (len > PROGRAM_NAME_MAX)
    len = PROGRAM_NAME_MAX;
  return name.len == len && memcmp(name.at, executable, len) == 0;
}

/* The arguments joined by spaces; cut at the cap. Returns 0 or -errno. */
static int read_command_line(struct discovery_judge *judge, pid_t pid) {
  struct buffer *text = &judge->command_line;
  char name[32];
  snprintf(name, sizeof(name), "%d/cmdline", (int)pid);
  int status = procfs_read_file(judge->host->directory, name, true, text);
  if (status != 0 && status != -EMSGSIZE)
    return status;
  while (text->len > 0 && text->data[text->len - 1] == '\0')
    text->len--;
  for (size_t i = 0; i < text->len; i++)
    if (text->data[i] == '\0')
      text->data[i] = ' ';
  return 0;
}

/* Who is it: path is what exe links to, or NULL, and then name is what the kernel calls it.
 * Returns 0 with the first rule that matches, or -errno. */
static int find_rule(struct discovery_judge *judge, pid_t pid, const char *path,
                     struct span name, uint16_t *ret_rule) {
  bool have_command_line = false;
  for (size_t i = 0; i < judge->rules_len; i++) {
    const struct discovery_rule *rule = &judge->rules[i];
    if (path != NULL ? strcmp(base_name(path), rule->executable) != 0
                     : !matches_cut_name(name, rule->executable))
      continue;
    if (rule->command_line != NULL) {
      int status = have_command_line ? 0 : read_command_line(judge, pid);
      if (status != 0)
        return status;
      have_command_line = true;
      if (regexec(rule->command_line, buffer_string(&judge->command_line), 0, NULL, 0) != 0)
        continue;
    }
    *ret_rule = (uint16_t)i;
    return 0;
  }
  *ret_rule = DISCOVERY_NO_RULE;
  return 0;
}

/* stat may be read by everybody, and has the name, the state and the kind in one. */
static int find_rule_by_name(struct discovery_judge *judge, pid_t pid, uint16_t *ret_rule) {
  struct host *host = judge->host;
  struct proc_stat stat;
  char name[32];
  snprintf(name, sizeof(name), "%d/stat", (int)pid);
  int status = procfs_read_file(host->directory, name, true, &host->text);
  if (status == 0)
    status = proc_stat_parse(buffer_span(&host->text), &stat);
  if (status != 0)
    return status;
  if (proc_stat_is_dead(&stat) || proc_stat_is_kernel_thread(&stat))
    return -ESRCH;
  return find_rule(judge, pid, NULL, stat.name, ret_rule);
}

void discovery_judge(struct discovery_judge *judge, pid_t pid, uint16_t *rule) {
  static const char deleted[] = " (deleted)";
  char name[32], path[PATH_MAX];
  size_t len;
  snprintf(name, sizeof(name), "%d/exe", (int)pid);
  int status = procfs_read_link(judge->host->directory, name, path, sizeof(path), &len);
  if (status == -EACCES || status == -EPERM || status == -ENAMETOOLONG) {
    status = find_rule_by_name(judge, pid, rule);
  } else if (status == 0) {
    if (span_ends_with(span_make(path, len), deleted))
      path[len - (sizeof(deleted) - 1)] = '\0';
    status = find_rule(judge, pid, path, span_make("", 0), rule);
  }
  bool for_want_of_resources = status == -ENOMEM || status == -EMFILE || status == -ENFILE;
  if (status != 0 && !for_want_of_resources)
    *rule = DISCOVERY_NO_RULE;
}
