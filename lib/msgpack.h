// MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), read in place and written into a buffer. No
// descriptor, no clock, no allocation while reading. Bytes are those of a stranger: each length is compared with what
// remains before it is used, and depth is limited.
#ifndef SPORE_LIB_MSGPACK_H
#define SPORE_LIB_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SPORE__MSGPACK_DEPTH = 32, // arrays and maps in each other
};

enum spore__msgpack_err {
	SPORE__MSGPACK_OK,
	SPORE__MSGPACK_MORE,      // the bytes end within the value
	SPORE__MSGPACK_MALFORMED, // the byte 0xc1, which the format never uses
	SPORE__MSGPACK_DEEP,      // more than SPORE__MSGPACK_DEPTH
	SPORE__MSGPACK_LARGE,     // longer than the limit
	SPORE__MSGPACK_TYPE,      // a value of another type was wanted
};

enum spore__msgpack_type {
	SPORE__MSGPACK_NIL,
	SPORE__MSGPACK_BOOL,
	SPORE__MSGPACK_INT,  // every integer that an int64_t holds, however it was written
	SPORE__MSGPACK_UINT, // above INT64_MAX
	SPORE__MSGPACK_FLOAT,
	SPORE__MSGPACK_STR, // bytes are not checked to be UTF-8
	SPORE__MSGPACK_BIN,
	SPORE__MSGPACK_ARRAY, // `count` values follow
	SPORE__MSGPACK_MAP,   // `count` pairs of values follow
	SPORE__MSGPACK_EXT,
};

// The next three are read and written through the public ones as well (lib/value.c), which have the same members.
#if defined(__GNUC__)
#define SPORE__MSGPACK_ALIAS __attribute__((may_alias))
#else
#define SPORE__MSGPACK_ALIAS
#endif

struct SPORE__MSGPACK_ALIAS spore__msgpack_value {
	enum spore__msgpack_type type;
	union {
		bool boolean;
		int64_t i;
		uint64_t u;
		double f;
		uint32_t count;
		struct {
			const unsigned char *bytes; // within what is read; not NUL-terminated
			uint32_t len;
			int8_t ext; // application's type of an EXT
		} s;
	};
};

// Bytes of a value that has no others in it, when its first byte B tells; 0: it does not.
extern const unsigned char spore__msgpack_leaf_sizes[];
static inline size_t spore__msgpack_leaf_size(unsigned b)
{
	if (b < 0x80 || b >= 0xe0)
		return 1;
	if (b >= 0xc0)
		return spore__msgpack_leaf_sizes[b - 0xc0];
	return b >= 0xa0 ? 1 + (b & 0x1f) : (b & 0x0f) == 0;
}

// A cursor. Copy it to remember a place.
struct SPORE__MSGPACK_ALIAS spore__msgpack_reader {
	const unsigned char *at;
	const unsigned char *end;
};

struct spore__msgpack_reader spore__msgpack_reader(const void *bytes, size_t len);

// Reads one value: of an array or map only the head, whose elements follow. On an error the cursor stays.
// A count larger than the bytes that remain is MORE.
enum spore__msgpack_err spore__msgpack_read(struct spore__msgpack_reader *r, struct spore__msgpack_value *v);

// Passes over one value with all that is in it. On an error the cursor stays.
enum spore__msgpack_err spore__msgpack_skip(struct spore__msgpack_reader *r);

// As spore__msgpack_read for a known type; TYPE when it is another.
enum spore__msgpack_err spore__msgpack_read_int(struct spore__msgpack_reader *r, int64_t *i);
enum spore__msgpack_err spore__msgpack_read_str(struct spore__msgpack_reader *r, const char **s, uint32_t *len);
enum spore__msgpack_err spore__msgpack_read_array(struct spore__msgpack_reader *r, uint32_t *count);
enum spore__msgpack_err spore__msgpack_read_map(struct spore__msgpack_reader *r, uint32_t *count);

enum spore__msgpack_err spore__msgpack_read_bool(struct spore__msgpack_reader *r, bool *b);
// A bool that older peers do not send, of the LEFT items that are still there; another type is false. False: malformed.
bool spore__msgpack_read_flag(struct spore__msgpack_reader *r, uint32_t left, bool *flag);

// OK when BYTES are exactly one well-formed value; MALFORMED when more follows it.
enum spore__msgpack_err spore__msgpack_check(const void *bytes, size_t len);
// The same for the last one of an array, whose depth counts.
enum spore__msgpack_err spore__msgpack_check_within(const void *bytes, size_t len);

// Looks for the string KEY in the map that R stands before, and puts a cursor before its value into VALUE. R stays. False when it is
// not there, R is before no map, or the map is malformed.
bool spore__msgpack_find(const struct spore__msgpack_reader *r, const char *key, struct spore__msgpack_reader *value);

// Writes the value as text (like JSON, bytes as h'00ff') for traces, into OUT of SIZE bytes: NUL-terminated, and cut off with
// "..." when it is too long. The cursor passes over the value; to the end when it is malformed.
void spore__msgpack_print(struct spore__msgpack_reader *r, char *out, size_t size);

// Is V the string S?
bool spore__msgpack_is(const struct spore__msgpack_value *v, const char *s);

// Finds where a value ends in bytes that arrive piece by piece; each byte is looked at once. Zero it for each value.
struct spore__msgpack_scan {
	size_t offset; // of the next value's head
	unsigned depth;
	uint64_t left[SPORE__MSGPACK_DEPTH]; // values to come, per level
};

// BYTES is all that has arrived so far, from the value's first byte on. OK: the value is s->offset bytes long. MORE:
// call again with more. LARGE as soon as it is clear that the value takes more than LIMIT bytes.
enum spore__msgpack_err spore__msgpack_scan(struct spore__msgpack_scan *s, const void *bytes, size_t len, size_t limit);

// Writes in the shortest form. The first failure stays: later calls do nothing, so one look at `err` at the end is
// enough. Zeroed: a buffer that grows (ENOMEM when it cannot), freed with spore__msgpack_writer_finish.
struct SPORE__MSGPACK_ALIAS spore__msgpack_writer {
	unsigned char *data;
	size_t len;
	size_t cap;
	bool fixed;    // the caller's buffer: ENOSPC when it is full
	bool borrowed; // the caller's: what does not fit is moved to a buffer that grows
	int err;       // 0, or an errno
};

void spore__msgpack_writer_fixed(struct spore__msgpack_writer *w, void *buffer, size_t size);
// Writes into BUFFER while it fits; afterwards w->data is another one.
void spore__msgpack_writer_borrowed(struct spore__msgpack_writer *w, void *buffer, size_t size);
void spore__msgpack_writer_finish(struct spore__msgpack_writer *w); // frees what grew; the writer is as if zeroed
// Where LEN bytes more have room, behind what is written; the caller adds to w->len what it wrote there. NULL: w->err.
unsigned char *spore__msgpack_room(struct spore__msgpack_writer *w, size_t len);

// Has room for LEN bytes made, which are written next.
void spore__msgpack_reserve(struct spore__msgpack_writer *w, size_t len);

void spore__msgpack_nil(struct spore__msgpack_writer *w);
void spore__msgpack_bool(struct spore__msgpack_writer *w, bool b);
void spore__msgpack_int(struct spore__msgpack_writer *w, int64_t i);
void spore__msgpack_uint(struct spore__msgpack_writer *w, uint64_t u);
void spore__msgpack_float(struct spore__msgpack_writer *w, double f);    // always 64 bits
void spore__msgpack_str(struct spore__msgpack_writer *w, const char *s); // NULL: nil
void spore__msgpack_strn(struct spore__msgpack_writer *w, const char *s, uint32_t len);
void spore__msgpack_bin(struct spore__msgpack_writer *w, const void *bytes, uint32_t len);
void spore__msgpack_ext(struct spore__msgpack_writer *w, int8_t type, const void *bytes, uint32_t len);
void spore__msgpack_array(struct spore__msgpack_writer *w, uint32_t count); // then write COUNT values
void spore__msgpack_map(struct spore__msgpack_writer *w, uint32_t count);   // then write COUNT keys and values
void spore__msgpack_raw(struct spore__msgpack_writer *w, const void *bytes, size_t len); // encoded values, as they are

#endif
