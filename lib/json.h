// JSON (RFC 8259) to MessagePack and back, each in one pass over the text. No descriptor, no clock, and no allocation but what the writer grows
// by, and for objects that have many keys. Strict: bytes are those of a stranger.
#ifndef SPORE_LIB_JSON_H
#define SPORE_LIB_JSON_H

#include <stddef.h>

#include "msgpack.h"
#include "spore/spore.h"

enum {
	SPORE__JSON_DEPTH = SPORE__MSGPACK_DEPTH,
	SPORE__JSON_DIGITS = 800, // characters of a number that is not a plain integer
};

// What of a MessagePack value a reader of its JSON does not get back.
enum spore__json_loss {
	SPORE__JSON_INT53 = 1 << 0, // an integer beyond 2^53: written exactly, but many readers have only doubles
	SPORE__JSON_BYTES = 1 << 1, // bytes are a string of base64 (RFC 4648, with padding)
	SPORE__JSON_FLOAT = 1 << 2, // an infinity or NaN is null
	SPORE__JSON_KEYS = 1 << 3,  // a key that was no string is one
	SPORE__JSON_EXT = 1 << 4,   // an extension type is its bytes
	SPORE__JSON_UTF8 = 1 << 5,  // a string that is not UTF-8 is bytes
};

struct spore__json_error {
	size_t offset;   // of the byte where it was found
	const char *why; // a sentence without a full stop; static
};

// Appends to W the value that TEXT is, with nothing but white space around it. Numbers without fraction and exponent are integers; one beyond uint64
// becomes a float when that is the same number, others are refused. Refused are also: keys that are twice in an object, text that is not UTF-8, lone
// surrogates, more than SPORE__JSON_DEPTH levels, numbers that no double is near to. SPORE_EMALFORMED, SPORE_ETOODEEP with *ERROR; SPORE_ENOMEM. On an
// error W may have grown by anything: its `len` from before is good.
enum spore_err spore__json_to_msgpack(const void *text, size_t len, struct spore__msgpack_writer *w,
                                      struct spore__json_error *error);

// Appends the text of the one MessagePack value that BYTES are, without white space. Floats are the shortest digits that are read as the same
// again, and look like floats. *LOSSES gets the bits of what is lost, and keeps those that it has. SPORE_EMALFORMED (also a key that is twice in a
// map, perhaps only as a string), SPORE_ETOODEEP, SPORE_EUNSUPPORTED (a key that is an array or a map) with *ERROR; SPORE_ENOMEM.
enum spore_err spore__json_from_msgpack(const void *bytes, size_t len, struct spore__msgpack_writer *w,
                                        unsigned *losses, struct spore__json_error *error);

// Is it UTF-8 (RFC 3629)? *WHERE, which may be NULL: the first byte that is none.
bool spore__json_is_utf8(const void *bytes, size_t len, size_t *where);

#endif
