/* How the kernel names open descriptors. */
#include "sidecar/linux/fd_parse.h"

#include "cases.h"

static void link_targets_show_the_kind(void **state) {
  (void)state;
  static const struct {
    const char *name, *target;
    enum fd_link_kind kind;
    uint64_t inode;
  } cases[] = {
      {"a socket", "socket:[4026]", FD_LINK_SOCKET, 4026},
      {"the largest inode number", "socket:[18446744073709551614]", FD_LINK_SOCKET,
       UINT64_MAX - 1},
      {"an inode number past 64 bits", "socket:[18446744073709551616]", FD_LINK_OTHER,
       VALUE_UNKNOWN},
      {"a socket without a number", "socket:[]", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"a socket not closed", "socket:[1", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"a socket followed by more", "socket:[1]x", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"a pipe", "pipe:[77]", FD_LINK_PIPE, VALUE_UNKNOWN},
      {"inotify", "anon_inode:inotify", FD_LINK_INOTIFY, VALUE_UNKNOWN},
      {"fanotify is not inotify", "anon_inode:[fanotify]", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"epoll", "anon_inode:[eventpoll]", FD_LINK_EVENTPOLL, VALUE_UNKNOWN},
      {"an eventfd", "anon_inode:[eventfd]", FD_LINK_EVENTFD, VALUE_UNKNOWN},
      {"a timer", "anon_inode:[timerfd]", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"a process descriptor", "anon_inode:[pidfd]", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"a process descriptor since 6.9", "pidfd:[123]", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"a namespace", "net:[4026531833]", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"a path", "/home/u/notes.md", FD_LINK_PATH, VALUE_UNKNOWN},
      {"the root", "/", FD_LINK_PATH, VALUE_UNKNOWN},
      {"a file that calls itself a socket", "/socket:[4026]", FD_LINK_PATH, VALUE_UNKNOWN},
      {"nothing", "", FD_LINK_OTHER, VALUE_UNKNOWN},
      {"a path that is not absolute", "home/u", FD_LINK_OTHER, VALUE_UNKNOWN},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].target));
    struct fd_link link = fd_link_parse(copy);
    check_int(cases[i].name, link.kind, cases[i].kind);
    check_int(cases[i].name, link.inode, cases[i].inode);
    exact_free(copy);
  }
}

static void deleted_files_and_memfds_are_detected_by_path(void **state) {
  (void)state;
  static const struct {
    const char *name, *target;
    bool says_deleted, is_memfd;
  } cases[] = {
      {"a file", "/tmp/x", false, false},
      {"a deleted file", "/tmp/x (deleted)", true, false},
      {"a name that is only the mark", "/ (deleted)", true, false},
      {"without the blank", "/tmp/x(deleted)", false, false},
      {"followed by more", "/tmp/x (deleted) ", false, false},
      {"in the middle", "/tmp/x (deleted)/y", false, false},
      {"a memfd", "/memfd:shared (deleted)", true, true},
      {"a memfd's name in a folder", "/tmp/memfd:x", false, false},
      {"no path", "pipe:[1] (deleted)", false, false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct fd_link link = fd_link_parse(span_of(cases[i].target));
    check_int(cases[i].name, link.says_deleted, cases[i].says_deleted);
    check_int(cases[i].name, link.is_memfd, cases[i].is_memfd);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(link_targets_show_the_kind),
      cmocka_unit_test(deleted_files_and_memfds_are_detected_by_path),
  };
  return cmocka_run_group_tests_name("fd_link", tests, NULL, NULL);
}
