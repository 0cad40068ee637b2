/* Secret keys; see random_key.h. */
#include "common/random_key.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct siphash_key random_key_make(void) {
  struct siphash_key key;
  if (getrandom(&key, sizeof(key), GRND_NONBLOCK) == (ssize_t)sizeof(key))
    return key;

  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  key.words[0] = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
  key.words[1] = (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)&key;
  return key;
}
