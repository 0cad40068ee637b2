/* Reads the file with a bearer token; see token_file.h. */
#include "notify_alertmanager/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

/* One more byte than the largest token and a line break: that it is too large. */
enum { TEXT_SIZE = HEADER_TOKEN_MAX + sizeof("\r\n") };

/* Reads until the end or size bytes. Returns the length or -errno. */
static ssize_t read_text(int fd, char *dst, size_t size) {
  size_t len = 0;
  while (len < size) {
    ssize_t n = file_read(fd, dst + len, size - len);
    if (n < 0)
      return n;
    if (n == 0)
      break;
    len += (size_t)n;
  }
  return (ssize_t)len;
}

static int open_regular(const char *path, int *ret_fd, const char **ret_why) {
  struct stat status;
  autoclose(fd, open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fd < 0 || fstat(fd, &status) != 0)
    return -errno;
  if (!S_ISREG(status.st_mode)) {
    *ret_why = S_ISDIR(status.st_mode) ? "is a directory" : "is no regular file";
    return -EINVAL;
  }
  *ret_fd = steal_fd(&fd);
  return 0;
}

int token_file_read(const char *path, char *dst, const char **ret_why) {
  char text[TEXT_SIZE];
  struct span token;
  int regular = -1;

  dst[0] = '\0';
  *ret_why = NULL;
  int status = open_regular(path, &regular, ret_why);
  if (status != 0)
    return status;
  autoclose(fd, regular);
  ssize_t len = read_text(fd, text, sizeof(text));
  if (len < 0)
    return (int)len;
  *ret_why = header_token(span_make(text, (size_t)len), &token);
  if (*ret_why == NULL) {
    memcpy(dst, token.at, token.len);
    dst[token.len] = '\0';
  }
  explicit_bzero(text, sizeof(text));
  return *ret_why == NULL ? 0 : -EINVAL;
}
