/* SipHash-1-3; see siphash.h. */
#include "common/siphash.h"

#include <endian.h>
#include <string.h>

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

static inline uint64_t load(const char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof(word));
  return le64toh(word);
}

/* The last len % 8 bytes as a number; len is that of all bytes. */
static inline uint64_t load_rest(const char *rest, size_t len) {
  unsigned n = len % 8;
  if (n == 0)
    return 0;
  if (len > 8) /* the bytes before them are there, too */
    return load(rest + n - 8) >> (64 - 8 * n);
  uint64_t word = 0;
  for (unsigned i = 0; i < n; i++)
    word |= (uint64_t)(unsigned char)rest[i] << (8 * i);
  return word;
}

uint64_t siphash(const struct siphash_key *key, struct span bytes) {
  struct sip s = {
      .v0 = key->words[0] ^ 0x736f6d6570736575,
      .v1 = key->words[1] ^ 0x646f72616e646f6d,
      .v2 = key->words[0] ^ 0x6c7967656e657261,
      .v3 = key->words[1] ^ 0x7465646279746573,
  };
  const char *rest = bytes.at + bytes.len / 8 * 8;

  for (const char *at = bytes.at; at < rest; at += 8)
    sip_word(&s, load(at));
  sip_word(&s, (uint64_t)bytes.len << 56 | load_rest(rest, bytes.len));

  s.v2 ^= 0xFF;
  for (int i = 0; i < 3; i++)
    sip_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
