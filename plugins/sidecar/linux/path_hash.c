/* SipHash-1-3; see path_hash.h. */
#include "sidecar/linux/path_hash.h"

#include <endian.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct path_hash_key path_hash_key_make(void) {
  struct path_hash_key key;
  if (getrandom(&key, sizeof(key), GRND_NONBLOCK) == (ssize_t)sizeof(key))
    return key;

  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  key.words[0] = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
  key.words[1] = (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)&key;
  return key;
}

struct sip {
  uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned bits) {
  return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = rotate(s->v1, 13) ^ s->v0;
  s->v3 = rotate(s->v3, 16) ^ s->v2;
  s->v0 = rotate(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = rotate(s->v1, 17) ^ s->v2;
  s->v3 = rotate(s->v3, 21) ^ s->v0;
  s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word) {
  s->v3 ^= word;
  sip_round(s);
  s->v0 ^= word;
}

uint64_t path_hash(const struct path_hash_key *key, struct span bytes) {
  struct sip s = {
      .v0 = key->words[0] ^ 0x736f6d6570736575,
      .v1 = key->words[1] ^ 0x646f72616e646f6d,
      .v2 = key->words[0] ^ 0x6c7967656e657261,
      .v3 = key->words[1] ^ 0x7465646279746573,
  };
  uint64_t last = (uint64_t)bytes.len << 56;
  uint64_t word;

  while (bytes.len >= sizeof(word)) {
    memcpy(&word, bytes.at, sizeof(word));
    sip_word(&s, le64toh(word));
    bytes.at += sizeof(word);
    bytes.len -= sizeof(word);
  }
  for (size_t i = 0; i < bytes.len; i++)
    last |= (uint64_t)(unsigned char)bytes.at[i] << (8 * i);
  sip_word(&s, last);

  s.v2 ^= 0xFF;
  for (int i = 0; i < 3; i++)
    sip_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
