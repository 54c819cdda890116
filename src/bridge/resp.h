// What RESP2 and RESP3 are made of, for the codec in resp.c:
//
//	command     *N CRLF N times: $LEN CRLF bytes CRLF;   or a line of words (inline)
//	reply       + - : $ * of RESP2;   _ # , ( ! = % ~ > | of RESP3
//
// Sizes come first, so where something ends is found without a look at its bytes.
#ifndef SPORE_BRIDGE_RESP_H
#define SPORE_BRIDGE_RESP_H

#include "bridge/codec.h"
#include "msgpack.h"

enum {
	SPORE__RESP_LINE = 64 << 10, // an inline command, or a line of a reply
	SPORE__RESP_NUMBER = 32,     // characters of a length
	SPORE__RESP_ARGS = 1 << 20,
};

// Looks for the end of a command or a reply in bytes that arrive piece by piece. Zero it for each.
struct spore__resp_scan {
	size_t offset; // looked at
	bool begun;
	unsigned depth;
	uint64_t left[SPORE__MSGPACK_DEPTH + 1]; // values to come, per level
};

// BYTES is all that came from its first byte on. OK: it is s->offset bytes long. EAGAIN: call again with more. EMALFORMED, ETOOBIG, ETOODEEP with *WHY.
enum spore_err spore__resp_scan_command(struct spore__resp_scan *s, const char *bytes, size_t len,
                                        const struct spore__codec_limits *limits, const char **why);
enum spore_err spore__resp_scan_reply(struct spore__resp_scan *s, const char *bytes, size_t len,
                                      const struct spore__codec_limits *limits, const char **why);

// The next argument of a command that was scanned; *BYTES moves behind it.
struct spore__span spore__resp_next_arg(const char **bytes);
// How many there are; *BYTES moves to the first.
uint32_t spore__resp_args(const char **bytes);

// Appends the value of a scanned reply to W; *BYTES moves behind it. An error within a reply is a string.
void spore__resp_value(struct spore__msgpack_writer *w, const char **bytes);

// Appends VALUE, which was checked, as a reply.
void spore__resp_reply(struct spore__buf *out, struct spore__span value, bool resp3);
void spore__resp_bulk(struct spore__buf *out, const void *bytes, size_t len);
// Appends a command of METHOD and PARAMS. EINVALID with *WHY: they are no list of scalars; nothing is appended.
enum spore_err spore__resp_command(struct spore__buf *out, struct spore__span method, struct spore__span params,
                                   const char **why);

#endif
