/* Secret keys for siphash.h, from the operating system's randomness. */
#ifndef COMMON_RANDOM_KEY_H
#define COMMON_RANDOM_KEY_H

#include "common/siphash.h"

/* Never blocks: while the kernel has no randomness yet (early at boot), the key is at least
 * different for each process and start. */
struct siphash_key random_key_make(void);

#endif
