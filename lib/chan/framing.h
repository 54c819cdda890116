// How messages are told apart on a stream: by the frames of libspore itself, or as a program without it does. Bytes in, lengths out.
#ifndef SPORE_LIB_CHAN_FRAMING_H
#define SPORE_LIB_CHAN_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spore/spore.h"

enum {
	SPORE__FRAMING_HEAD = 12, // bytes before a message, at most
	SPORE__FRAMING_LINE =
	    16 << 20, // bytes of a line or netstring at most, since its end is looked at only when all of it is there
};

struct spore__framed {
	size_t head, len, tail; // bytes before, of, and behind the message
	size_t looked;          // bytes that need not be looked at again; zero it before a message
};

struct spore__framing {
	const char *name;
	bool plain;   // the peer need not be libspore: end of file is its finish, and nothing tells it from its death
	bool chunks;  // it tells no messages apart: what arrives is handed on as it comes
	size_t limit; // bytes of a message

	// Writes what goes before a message of LEN bytes to TO, and returns how many bytes that is.
	size_t (*head)(unsigned char *to, size_t len);
	// ... to say that no more messages come.
	size_t (*finish)(unsigned char *to);
	size_t tail; // bytes behind it: 1 or 0
	char last;   // ... which is this
	// Can it be sent? SPORE_EINVALID.
	enum spore_err (*check)(const void *data, size_t len);
	// Looks at N bytes, behind which there are no more when END. SPORE_EAGAIN: more are needed. SPORE_EEND, SPORE_ECLOSED (it is cut off),
	// SPORE_EMALFORMED.
	enum spore_err (*take)(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m);
};

// The transport that has it is called by its name: "stream" is libspore's own.
extern const struct spore__framing spore__framing_stream; // four bytes of length, the lowest first; all ones: finish
extern const struct spore__framing spore__framing_lines;  // a newline behind each; the last one may be without
extern const struct spore__framing spore__framing_u32le;  // four bytes of length, the lowest first
extern const struct spore__framing spore__framing_u32be;  // ... the highest first
extern const struct spore__framing
    spore__framing_netstring;                            // its length in decimal digits, a colon, the message, a comma
extern const struct spore__framing spore__framing_bytes; // nothing at all

#endif
