// Values: nil, bool, integer, float, string, bytes, array and map, as MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md). They are
// written one behind the other into a buffer (or into the memory of a channel) and read where they lie; no value is ever allocated.
//
//	struct spore_writer w = {0};                 // grows; freed by spore_writer_finish
//	spore_write_map(&w, 2);                      // two pairs follow
//	spore_write_str(&w, "name");
//	spore_write_str(&w, "Ada");
//	spore_write_str(&w, "year");
//	spore_write_int(&w, 1815);
//
//	struct spore_reader r = spore_reader(w.data, w.len), at;
//	int64_t year;
//	if (spore_reader_find(&r, "year", &at) && spore_read_int(&at, &year)) ...
//
// Bytes that are read may be a stranger's: each length is compared with what remains, and arrays and maps in each other are limited
// (SPORE_VALUE_DEPTH). What another process may still change (spore_chan_read, while its peer is not trusted) is to be copied first.
//
// Threads: nothing is shared; a writer or reader is for one thread at a time.
#ifndef SPORE_VALUE_H
#define SPORE_VALUE_H

#include <spore/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPORE_VALUE_DEPTH 32

enum spore_value_type {
	SPORE_VALUE_NIL = 0,
	SPORE_VALUE_BOOL = 1,
	SPORE_VALUE_INT = 2,  // every integer that an int64_t holds, however it was written
	SPORE_VALUE_UINT = 3, // above INT64_MAX
	SPORE_VALUE_FLOAT = 4,
	SPORE_VALUE_STR = 5, // not checked to be UTF-8
	SPORE_VALUE_BYTES = 6,
	SPORE_VALUE_ARRAY = 7, // `count` values follow
	SPORE_VALUE_MAP = 8,   // `count` pairs of values follow
	SPORE_VALUE_EXT = 9,
};

struct spore_value {
	enum spore_value_type type;
	union {
		bool b;
		int64_t i;
		uint64_t u;
		double f;
		uint32_t count; // of an array or map
		struct {
			const char *data; // within what is read; not NUL-terminated
			uint32_t len;
			int8_t ext; // application's type of an EXT
		} str;              // of a string, bytes or an EXT
	};
};

// ---- reading

// A cursor. Copy it to remember a place. Zeroed: nothing to read.
struct spore_reader {
	const unsigned char *at;
	const unsigned char *end;
};

SPORE_EXPORT struct spore_reader spore_reader(const void *bytes, size_t len);

// Reads one value: of an array or map only the head, whose elements are read next. False at the end and when the bytes are no value; the
// cursor stays.
SPORE_EXPORT bool spore_read(struct spore_reader *r, struct spore_value *v);
// Passes over one value with all that is in it. False: as above, or nested too deeply.
SPORE_EXPORT bool spore_read_skip(struct spore_reader *r);

// As spore_read for a known type. False, and the cursor stays, when the value is another one.
SPORE_EXPORT bool spore_read_nil(struct spore_reader *r);
SPORE_EXPORT bool spore_read_bool(struct spore_reader *r, bool *b);
SPORE_EXPORT bool spore_read_int(struct spore_reader *r, int64_t *i);
SPORE_EXPORT bool spore_read_uint(struct spore_reader *r, uint64_t *u); // an integer that is not negative
SPORE_EXPORT bool spore_read_float(struct spore_reader *r, double *f);  // an integer too
// *S points into what is read; it is not NUL-terminated.
SPORE_EXPORT bool spore_read_str(struct spore_reader *r, const char **s, size_t *len);
SPORE_EXPORT bool spore_read_bytes(struct spore_reader *r, const void **data, size_t *len); // a string too
SPORE_EXPORT bool spore_read_array(struct spore_reader *r, uint32_t *count);
SPORE_EXPORT bool spore_read_map(struct spore_reader *r, uint32_t *count);

// Of the map that R stands before: *AT stands before the value of the string KEY. R stays. False when there is none, or R is before no map.
SPORE_EXPORT bool spore_reader_find(const struct spore_reader *r, const char *key, struct spore_reader *at);

// Is V the string S?
SPORE_EXPORT bool spore_value_is(const struct spore_value *v, const char *s);

// SPORE_OK: BYTES are exactly one value. SPORE_EAGAIN: they end within it. SPORE_EMALFORMED, SPORE_ETOODEEP.
SPORE_EXPORT enum spore_err spore_value_check(const void *bytes, size_t len);

// Writes the value that R stands before for people, much as JSON (bytes as h'00ff'), into OUT of SIZE bytes, NUL-terminated and cut off with "..."
// where it is too long.
SPORE_EXPORT void spore_value_print(const struct spore_reader *r, char *out, size_t size);

// ---- writing

// Zeroed: a buffer that grows. The first failure stays and later calls do nothing, so one look at the end (spore_writer_err) is enough.
struct spore_writer {
	unsigned char *data; // what was written
	size_t len;
	size_t cap;
	bool fixed;    // the memory of somebody else, which does not grow
	bool borrowed; // likewise, but what does not fit is moved to a buffer that grows
	int err;       // an errno
};

// Writes into BUFFER, the caller's.
SPORE_EXPORT void spore_writer_fixed(struct spore_writer *w, void *buffer, size_t size);
// SPORE_OK, SPORE_ENOMEM, SPORE_ETOOBIG (a buffer that does not grow is full, or a string is over 4 GiB).
SPORE_EXPORT enum spore_err spore_writer_err(const struct spore_writer *w);
// Frees what grew. The writer is as if zeroed.
SPORE_EXPORT void spore_writer_finish(struct spore_writer *w);

// Values in messages of a channel without rpc. Writes into a loan of SIZE bytes of C (spore_chan_loan, whose errors it has). [send]
SPORE_EXPORT enum spore_err spore_writer_loan(struct spore_writer *w, struct spore_chan *c, size_t size,
                                              int timeout_ms);
// Sends what was written so, as one message. When it did not fit nothing is sent: SPORE_ETOOBIG. The loan and the writer are over. [send]
SPORE_EXPORT enum spore_err spore_writer_commit(struct spore_writer *w, struct spore_chan *c, int timeout_ms);

// Each in its shortest form.
SPORE_EXPORT void spore_write_nil(struct spore_writer *w);
SPORE_EXPORT void spore_write_bool(struct spore_writer *w, bool b);
SPORE_EXPORT void spore_write_int(struct spore_writer *w, int64_t i);
SPORE_EXPORT void spore_write_uint(struct spore_writer *w, uint64_t u);
SPORE_EXPORT void spore_write_float(struct spore_writer *w, double f);    // always 64 bits
SPORE_EXPORT void spore_write_str(struct spore_writer *w, const char *s); // NULL: nil
SPORE_EXPORT void spore_write_strn(struct spore_writer *w, const char *s, size_t len);
SPORE_EXPORT void spore_write_bytes(struct spore_writer *w, const void *data, size_t len);
SPORE_EXPORT void spore_write_ext(struct spore_writer *w, int8_t type, const void *data, size_t len);
SPORE_EXPORT void spore_write_array(struct spore_writer *w, uint32_t count); // then write COUNT values
SPORE_EXPORT void spore_write_map(struct spore_writer *w, uint32_t count);   // then write COUNT keys and values
SPORE_EXPORT void spore_write_raw(struct spore_writer *w, const void *values, size_t len); // encoded already

#ifdef __cplusplus
}
#endif

#endif
