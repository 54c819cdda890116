// RESP as it is read: where something ends, and what it says.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/resp.h"
#include "bridge/text.h"

// The line at BYTES + AT: its length without CRLF, or EAGAIN. A line that ends with LF alone is none.
static enum spore_err line(const char *bytes, size_t len, size_t at, size_t limit, size_t *size, const char **why)
{
	const char *start = bytes + at;
	size_t left = len - at < limit + 2 ? len - at : limit + 2;
	const char *end = left == 0 ? NULL : memchr(start, '\n', left);
	if (end == NULL) {
		*why = "a line is too long";
		return left == limit + 2 ? SPORE_ETOOBIG : SPORE_EAGAIN;
	}
	if (end == start || end[-1] != '\r') {
		*why = "a line does not end with CR and LF";
		return SPORE_EMALFORMED;
	}
	*size = (size_t)(end - 1 - start);
	return SPORE_OK;
}

// The number that follows the type at s->offset, -1 where one says that there is nothing. s->offset moves behind its line.
static enum spore_err length(struct spore__resp_scan *s, const char *bytes, size_t len, uint64_t max, int64_t *n,
                             const char **why)
{
	size_t size;
	enum spore_err e = line(bytes, len, s->offset, SPORE__RESP_NUMBER, &size, why);
	if (e != SPORE_OK)
		return e;
	const char *digits = bytes + s->offset + 1;
	uint64_t number = 0;
	if (size == 3 && digits[0] == '-' && digits[1] == '1') {
		*n = -1;
	} else if (spore__text_number(digits, size - 1, INT64_MAX, &number)) {
		*n = (int64_t)number;
		if (number > max) {
			*why = "a length is over the limit";
			return SPORE_ETOOBIG;
		}
	} else {
		*why = "a length is no number";
		return SPORE_EMALFORMED;
	}
	s->offset += size + 2;
	return SPORE_OK;
}

// N bytes and CRLF at s->offset.
static enum spore_err body(struct spore__resp_scan *s, const char *bytes, size_t len, uint64_t n, const char **why)
{
	if (len - s->offset < n + 2)
		return SPORE_EAGAIN;
	if (bytes[s->offset + n] != '\r' || bytes[s->offset + n + 1] != '\n') {
		*why = "a string is not followed by CR and LF";
		return SPORE_EMALFORMED;
	}
	s->offset += n + 2;
	return SPORE_OK;
}

static enum spore_err scan_inline(struct spore__resp_scan *s, const char *bytes, size_t len, const char **why)
{
	const char *end = memchr(bytes, '\n', len < SPORE__RESP_LINE ? len : SPORE__RESP_LINE);
	if (end == NULL) {
		*why = "a line is too long";
		return len >= SPORE__RESP_LINE ? SPORE_ETOOBIG : SPORE_EAGAIN;
	}
	s->offset = (size_t)(end + 1 - bytes);
	return SPORE_OK;
}

enum spore_err spore__resp_scan_command(struct spore__resp_scan *s, const char *bytes, size_t len,
                                        const struct spore__codec_limits *limits, const char **why)
{
	if (len == 0)
		return SPORE_EAGAIN;
	if (bytes[0] != '*')
		return scan_inline(s, bytes, len, why);
	int64_t n;
	if (!s->begun) {
		enum spore_err e = length(s, bytes, len, SPORE__RESP_ARGS, &n, why);
		if (e != SPORE_OK)
			return e;
		s->begun = true;
		s->left[0] = n < 0 ? 0 : (uint64_t)n;
	}
	for (; s->left[0] > 0; s->left[0]--) {
		size_t before = s->offset;
		if (before == len)
			return SPORE_EAGAIN;
		if (bytes[before] != '$') {
			*why = "an argument is no string with its length";
			return SPORE_EMALFORMED;
		}
		enum spore_err e = length(s, bytes, len, limits->message, &n, why);
		if (e == SPORE_OK && n < 0) {
			*why = "an argument without a length";
			e = SPORE_EMALFORMED;
		}
		if (e == SPORE_OK && s->offset + (uint64_t)n > limits->message) {
			*why = "a command is over the limit";
			e = SPORE_ETOOBIG;
		}
		if (e == SPORE_OK)
			e = body(s, bytes, len, (uint64_t)n, why);
		if (e != SPORE_OK) {
			s->offset = before;
			return e;
		}
	}
	return SPORE_OK;
}

// One value at s->offset; of what holds others, only its head, and how many.
static enum spore_err scan_one(struct spore__resp_scan *s, const char *bytes, size_t len,
                               const struct spore__codec_limits *limits, uint64_t *within, const char **why)
{
	size_t size;
	int64_t n;
	enum spore_err e;
	*within = 0;
	switch (bytes[s->offset]) {
	case '+':
	case '-':
	case ':':
	case '_':
	case '#':
	case ',':
	case '(':
		e = line(bytes, len, s->offset, SPORE__RESP_LINE, &size, why);
		if (e == SPORE_OK)
			s->offset += size + 2;
		return e;
	case '$':
	case '!':
	case '=':
		e = length(s, bytes, len, limits->message, &n, why);
		return e == SPORE_OK && n >= 0 ? body(s, bytes, len, (uint64_t)n, why) : e;
	case '*':
	case '~':
	case '>':
	case '%':
	case '|':
		break;
	default:
		*why = "a reply of no known type";
		return SPORE_EMALFORMED;
	}
	char type = bytes[s->offset];
	// Each value takes three bytes at least.
	e = length(s, bytes, len, limits->message / 3, &n, why);
	if (e == SPORE_OK && n > 0)
		*within = type == '%' || type == '|' ? (uint64_t)n * 2 : (uint64_t)n;
	// Attributes are before a value, and none of their own.
	if (type == '|')
		(*within)++;
	return e;
}

enum spore_err spore__resp_scan_reply(struct spore__resp_scan *s, const char *bytes, size_t len,
                                      const struct spore__codec_limits *limits, const char **why)
{
	if (!s->begun) {
		s->begun = true;
		s->left[0] = 1;
	}
	for (;;) {
		while (s->left[s->depth] == 0) {
			if (s->depth == 0)
				return SPORE_OK;
			s->depth--;
		}
		if (s->offset > limits->message) {
			*why = "a reply is over the limit";
			return SPORE_ETOOBIG;
		}
		if (s->offset == len)
			return SPORE_EAGAIN;
		uint64_t within;
		size_t before = s->offset;
		enum spore_err e = scan_one(s, bytes, len, limits, &within, why);
		if (e != SPORE_OK) {
			s->offset = before;
			return e;
		}
		s->left[s->depth]--;
		if (within == 0)
			continue;
		if (s->depth == limits->depth || s->depth == SPORE__MSGPACK_DEPTH) {
			*why = "a reply is too deep";
			return SPORE_ETOODEEP;
		}
		s->left[++s->depth] = within;
	}
}

// The number at *BYTES + 1, behind whose line they move.
static int64_t number(const char **bytes)
{
	char *end;
	int64_t n = strtoll(*bytes + 1, &end, 10);
	*bytes = end + 2;
	return n;
}

uint32_t spore__resp_args(const char **bytes)
{
	int64_t n = number(bytes);
	return n < 0 ? 0 : (uint32_t)n;
}

struct spore__span spore__resp_next_arg(const char **bytes)
{
	size_t len = (size_t)number(bytes);
	struct spore__span arg = {(const unsigned char *)*bytes, len};
	*bytes += len + 2;
	return arg;
}

// A double as RESP3 writes it.
static void value_float(struct spore__msgpack_writer *w, const char *text, size_t len)
{
	char copy[64];
	char *end;
	size_t n = len < sizeof copy - 1 ? len : sizeof copy - 1;
	memcpy(copy, text, n);
	copy[n] = '\0';
	double f = strtod(copy, &end);
	if (end == copy || *end != '\0')
		spore__text_value(w, text, len);
	else
		spore__msgpack_float(w, f);
}

static void value_int(struct spore__msgpack_writer *w, const char *text, size_t len)
{
	uint64_t n;
	bool minus = len > 0 && text[0] == '-';
	size_t sign = minus || (len > 0 && text[0] == '+') ? 1 : 0;
	if (!spore__text_number(text + sign, len - sign, minus ? (uint64_t)INT64_MAX + 1 : UINT64_MAX, &n))
		spore__text_value(w, text, len); // larger ones, or what is no number
	else if (minus)
		spore__msgpack_int(w, n == 0 ? 0 : -(int64_t)(n - 1) - 1);
	else
		spore__msgpack_uint(w, n);
}

static void value_line(struct spore__msgpack_writer *w, const char **bytes)
{
	const char *text = *bytes + 1;
	size_t len = (size_t)((const char *)memchr(text, '\n', SPORE__RESP_LINE + 2) - 1 - text);
	switch (**bytes) {
	case ':':
	case '(':
		value_int(w, text, len);
		break;
	case ',':
		value_float(w, text, len);
		break;
	case '#':
		spore__msgpack_bool(w, len > 0 && text[0] == 't');
		break;
	case '_':
		spore__msgpack_nil(w);
		break;
	default:
		spore__text_value(w, text, len);
		break;
	}
	*bytes = text + len + 2;
}

static void value_string(struct spore__msgpack_writer *w, const char **bytes)
{
	char type = **bytes;
	int64_t len = number(bytes);
	if (len < 0) {
		spore__msgpack_nil(w);
		return;
	}
	// A verbatim string begins with its format: "txt:".
	size_t head = type == '=' && len >= 4 ? 4 : 0;
	spore__text_value(w, *bytes + head, (size_t)len - head);
	*bytes += len + 2;
}

void spore__resp_value(struct spore__msgpack_writer *w, const char **bytes)
{
	while (**bytes == '|') { // attributes say nothing of the value
		struct spore__msgpack_writer skipped = {0};
		int64_t pairs = number(bytes);
		for (int64_t i = 0; i < pairs * 2; i++)
			spore__resp_value(&skipped, bytes);
		spore__msgpack_writer_finish(&skipped);
	}
	char type = **bytes;
	if (type == '$' || type == '!' || type == '=') {
		value_string(w, bytes);
	} else if (type == '*' || type == '~' || type == '>' || type == '%') {
		int64_t n = number(bytes);
		if (n < 0) {
			spore__msgpack_nil(w);
			return;
		}
		if (type == '%')
			spore__msgpack_map(w, (uint32_t)n);
		else
			spore__msgpack_array(w, (uint32_t)n);
		for (int64_t i = 0; i < (type == '%' ? n * 2 : n); i++)
			spore__resp_value(w, bytes);
	} else {
		value_line(w, bytes);
	}
}
