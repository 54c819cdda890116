// Content hashes: BLAKE2b (RFC 7693) of 20 bytes, through libsodium.
#ifndef SPORE_SOURCE_HASH_H
#define SPORE_SOURCE_HASH_H

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
	SPORE__HASH_BYTES = 20,
	SPORE__HASH_HEX = 2 * SPORE__HASH_BYTES, // without the NUL
};

struct spore__hash {
	uint8_t bytes[SPORE__HASH_BYTES];
};

void spore__hash_hex(const struct spore__hash *h, char hex[SPORE__HASH_HEX + 1]);
bool spore__hash_from_hex(const char *hex, struct spore__hash *h); // HEX is exactly SPORE__HASH_HEX digits
bool spore__hash_equal(const struct spore__hash *a, const struct spore__hash *b);
void spore__hash_bytes(const void *bytes, size_t len, struct spore__hash *out);

// A hash over several fields, each with its length, so that no two lists of fields hash alike by running together.
struct spore__hasher {
	crypto_generichash_state state;
};
void spore__hasher_init(struct spore__hasher *h);
void spore__hasher_field(struct spore__hasher *h, const void *bytes, size_t len);
void spore__hasher_str(struct spore__hasher *h, const char *s);
void spore__hasher_finish(struct spore__hasher *h, struct spore__hash *out);

// Hashes of files that were read before, by the state of the file: system headers, libraries and compilers are read once.
// A file `hashes` in the store; losing it costs time only. Not for threads.
struct spore__hashcache;
struct spore__hashcache *spore__hashcache_create(const char *store); // never NULL
void spore__hashcache_destroy(struct spore__hashcache *c);           // writes what was added

// The same for a file whose state was just read, ST, when its content is known from before; false when it has to be read.
bool spore__hash_known(struct spore__hashcache *c, const struct stat *st, struct spore__hash *out);

// The hash of a file's content (of a link: of what it names; of a folder: of its kind only). ST, if not NULL, receives its
// state as it was before it was read. 0, or -1 with errno.
int spore__hash_file(struct spore__hashcache *c, const char *path, struct spore__hash *out, struct stat *st);

#endif
