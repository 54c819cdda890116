// Heads and bodies of HTTP/1.1 as they are read.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/http1.h"
#include "bridge/text.h"

enum { HEAD, LENGTH, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS, UNTIL_END, RAW };
enum { CHUNK_LINE = 256, TRAILERS_MOST = 16 << 10 };

void spore__http_reader_finish(struct spore__http_reader *r)
{
	spore__buf_finish(&r->text);
	spore__buf_finish(&r->body);
	free(r->headers);
	r->headers = NULL;
}

bool spore__http_reading(const struct spore__http_reader *r)
{
	return r->state == HEAD ? r->scanned > 0 : r->state != RAW;
}

static enum spore_err bad(struct spore__http_reader *r, unsigned status, const char *why)
{
	r->status = status;
	r->why = why;
	return status == 413 || status == 414 || status == 431 ? SPORE_ETOOBIG : SPORE_EMALFORMED;
}

// ---- heads

static bool is_token(unsigned char c)
{
	return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

// Every line but the first: a name of token characters, directly a colon, and no control characters.
static bool line_is_good(const char *line, size_t len)
{
	size_t i = 0;
	while (i < len && is_token((unsigned char)line[i]))
		i++;
	if (i == 0 || i == len || line[i] != ':')
		return false;
	for (; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return false;
	return true;
}

static bool first_is_good(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] >= 0x7f)
			return false;
	return len > 0;
}

static void header_add(struct spore__http_reader *r, const char *line, size_t len)
{
	if (r->head.count == r->headers_cap) {
		r->headers_cap = r->headers_cap == 0 ? 16 : r->headers_cap * 2;
		r->headers = spore__xrealloc(r->headers, r->headers_cap * sizeof *r->headers);
	}
	size_t name = (size_t)((const char *)memchr(line, ':', len) - line);
	size_t from = name + 1;
	size_t to = len;
	while (from < to && (line[from] == ' ' || line[from] == '\t'))
		from++;
	while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t'))
		to--;
	r->headers[r->head.count++] = (struct spore__http_header){{(const unsigned char *)line, name},
	                                                          {(const unsigned char *)line + from, to - from}};
}

// Looks at the lines of r->text, which is a head with its empty line.
static enum spore_err lines(struct spore__http_reader *r)
{
	const char *at = r->text.data;
	const char *end = at + r->text.len - 2;
	for (bool first = true; at < end; first = false) {
		const char *cr = memchr(at, '\r', (size_t)(end - at));
		if (cr == NULL || cr[1] != '\n')
			return bad(r, 400, "a line does not end with CR and LF");
		size_t len = (size_t)(cr - at);
		if (first ? !first_is_good(at, len) : !line_is_good(at, len))
			return bad(r, 400, first ? "the first line is not of HTTP" : "a line of the head is no header");
		if (!first && r->head.count == r->limits->heads)
			return bad(r, 431, "too many headers");
		if (!first)
			header_add(r, at, len);
		at = cr + 2;
	}
	r->head.headers = r->headers;
	return SPORE_OK;
}

struct parsed {
	struct spore__http_reader *r;
	bool whole;
};

static int on_url(http_parser *p, const char *at, size_t len)
{
	struct parsed *d = p->data;
	d->r->head.target = (struct spore__span){(const unsigned char *)at, len};
	return 0;
}

static int on_headers_complete(http_parser *p)
{
	enum { CHUNKED = 1 << 0 };
	struct parsed *d = p->data;
	struct spore__http_head *h = &d->r->head;
	h->method = (enum http_method)p->method;
	h->status = p->status_code;
	h->minor = p->http_minor;
	h->keep_alive = http_should_keep_alive(p) != 0;
	h->chunked = (p->flags & CHUNKED) != 0;
	h->upgrade = p->upgrade != 0;
	h->length = p->content_length;
	d->whole = p->http_major == 1 && p->http_minor <= 1;
	return 1; // no body is read there
}

static const char *why_of(enum http_errno e)
{
	switch (e) {
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		return "two lengths of one body";
	case HPE_INVALID_CONTENT_LENGTH:
		return "a length that is no number";
	case HPE_INVALID_TRANSFER_ENCODING:
		return "a body that is encoded in an unknown way";
	case HPE_INVALID_METHOD:
		return "an unknown method of HTTP";
	default:
		return "this is not HTTP/1.1";
	}
}

static enum spore_err parse(struct spore__http_reader *r)
{
	static const http_parser_settings settings = {.on_url = on_url, .on_headers_complete = on_headers_complete};
	struct parsed data = {r, false};
	http_parser p;
	http_parser_init(&p, r->type);
	p.data = &data;
	(void)http_parser_execute(&p, &settings, r->text.data, r->text.len);
	enum http_errno e = HTTP_PARSER_ERRNO(&p);
	if (e != HPE_OK || !data.whole)
		return bad(r, e == HPE_INVALID_METHOD ? 501 : 400, why_of(e));
	// "identity" and the like are not understood by all in the same way.
	struct spore__span encoding = spore__http_find(&r->head, "transfer-encoding", NULL);
	if (encoding.bytes != NULL && !spore__text_is(encoding.bytes, encoding.len, "chunked"))
		return bad(r, 501, "a body that is encoded in an unknown way");
	if (encoding.bytes != NULL && r->head.minor == 0)
		return bad(r, 400, "HTTP/1.0 has no chunks");
	return SPORE_OK;
}

static bool has_no_body(const struct spore__http_reader *r)
{
	const struct spore__http_head *h = &r->head;
	if (r->way == SPORE__HTTP_NONE)
		return true;
	if (h->chunked)
		return false;
	if (r->type == HTTP_REQUEST)
		return h->length == UINT64_MAX || h->length == 0;
	return h->length == 0 || h->status < 200 || h->status == 204 || h->status == 304;
}

static void message(struct spore__http_reader *r, struct spore__span body)
{
	r->state = HEAD;
	r->scanned = 0;
	r->hooks->message(r->arg, &r->head, body);
	r->body.len = 0;
}

static enum spore_err begin_body(struct spore__http_reader *r)
{
	r->received = 0;
	r->way = r->hooks->head(r->arg, &r->head);
	if (r->way == SPORE__HTTP_RAW) {
		r->state = RAW;
		return SPORE_OK;
	}
	if (has_no_body(r)) {
		message(r, (struct spore__span){0});
		return SPORE_OK;
	}
	r->left = r->head.length;
	r->state = r->head.chunked ? CHUNK_SIZE : r->head.length == UINT64_MAX ? UNTIL_END : LENGTH;
	if (r->state == LENGTH && r->way == SPORE__HTTP_GATHER && r->left > r->limits->message)
		return bad(r, 413, "the body is over the limit");
	return SPORE_OK;
}

// A head that is whole is taken.
static enum spore_err read_head(struct spore__http_reader *r, const char *bytes, size_t len, size_t *used)
{
	size_t skip = 0;
	*used = 0;
	// An empty line before a message is of its predecessor's.
	while (r->scanned == 0 && skip + 1 < len && skip < 4 && bytes[skip] == '\r' && bytes[skip + 1] == '\n')
		skip += 2;
	*used = skip;
	bytes += skip;
	len -= skip;
	const char *end = NULL;
	for (size_t i = r->scanned < 3 ? 0 : r->scanned - 3; end == NULL && i + 4 <= len; i++) {
		const char *cr = memchr(bytes + i, '\r', len - i - 3);
		if (cr == NULL)
			break;
		i = (size_t)(cr - bytes);
		if (memcmp(cr, "\r\n\r\n", 4) == 0)
			end = cr + 4;
	}
	size_t size = end == NULL ? len : (size_t)(end - bytes);
	if (size > r->limits->head) {
		const char *line = memchr(bytes, '\n', size);
		return bad(r, line == NULL || (size_t)(line - bytes) > r->limits->head ? 414 : 431,
		           "the head is over the limit");
	}
	// One who ends lines with LF alone would else wait for an answer.
	const char *lf = end == NULL && len > 0 ? memchr(bytes, '\n', len) : NULL;
	if (lf != NULL && (lf == bytes || lf[-1] != '\r'))
		return bad(r, 400, "a line does not end with CR and LF");
	r->scanned = len;
	if (end == NULL)
		return SPORE_OK;
	*used += size;
	r->messages++;
	r->text.len = 0;
	spore__buf_add(&r->text, bytes, size);
	r->head = (struct spore__http_head){.length = UINT64_MAX};
	enum spore_err e = lines(r);
	if (e == SPORE_OK)
		e = parse(r);
	return e == SPORE_OK ? begin_body(r) : e;
}

// ---- bodies

static enum spore_err take(struct spore__http_reader *r, const char *bytes, size_t len)
{
	r->received += len;
	if (r->way == SPORE__HTTP_PIECES) {
		if (len > 0)
			r->hooks->piece(r->arg, bytes, len);
		return SPORE_OK;
	}
	if (len > r->limits->message - r->body.len)
		return bad(r, 413, "the body is over the limit");
	spore__buf_add(&r->body, bytes, len);
	return SPORE_OK;
}

static struct spore__span gathered(const struct spore__http_reader *r)
{
	return (struct spore__span){(const unsigned char *)r->body.data, r->body.len};
}

static enum spore_err read_length(struct spore__http_reader *r, const char *bytes, size_t len, size_t *used)
{
	size_t n = len < r->left ? len : (size_t)r->left;
	*used = n;
	if (r->way == SPORE__HTTP_GATHER && n == r->left && r->body.len == 0) {
		// It is all here: no copy.
		message(r, (struct spore__span){(const unsigned char *)bytes, n});
		return SPORE_OK;
	}
	enum spore_err e = take(r, bytes, n);
	r->left -= n;
	if (e == SPORE_OK && r->left == 0)
		message(r, gathered(r));
	return e;
}

// A line without its CRLF; *USED is 0 when it is not whole.
static enum spore_err chunk_line(struct spore__http_reader *r, const char *bytes, size_t len, size_t limit,
                                 size_t *size, size_t *used)
{
	const char *lf = memchr(bytes, '\n', len);
	*used = 0;
	if (lf == NULL)
		return len > limit ? bad(r, 400, "a line between chunks is too long") : SPORE_OK;
	if (lf == bytes || lf[-1] != '\r' || (size_t)(lf - bytes) > limit)
		return bad(r, 400, "a chunk without a good line before it");
	*size = (size_t)(lf - 1 - bytes);
	*used = *size + 2;
	return SPORE_OK;
}

static enum spore_err read_chunk_size(struct spore__http_reader *r, const char *bytes, size_t len, size_t *used)
{
	size_t size = 0;
	enum spore_err e = chunk_line(r, bytes, len, CHUNK_LINE, &size, used);
	if (e != SPORE_OK || *used == 0)
		return e;
	uint64_t n = 0;
	size_t i = 0;
	for (; i < size && isxdigit((unsigned char)bytes[i]); i++) {
		char c = bytes[i];
		if (i == 15)
			return bad(r, 413, "a chunk is over the limit");
		n = n * 16 + (uint64_t)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	if (i == 0 || (i < size && bytes[i] != ';'))
		return bad(r, 400, "a chunk without its size");
	for (; i < size; i++)
		if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
			return bad(r, 400, "a control character between chunks");
	r->left = n;
	r->state = n == 0 ? TRAILERS : CHUNK;
	r->scanned = 0;
	return SPORE_OK;
}

static enum spore_err read_chunk(struct spore__http_reader *r, const char *bytes, size_t len, size_t *used)
{
	size_t n = len < r->left ? len : (size_t)r->left;
	*used = n;
	r->left -= n;
	if (r->left == 0)
		r->state = CHUNK_END;
	return take(r, bytes, n);
}

static enum spore_err read_chunk_end(struct spore__http_reader *r, const char *bytes, size_t len, size_t *used)
{
	*used = 0;
	if (bytes[0] != '\r' || (len > 1 && bytes[1] != '\n'))
		return bad(r, 400, "a chunk is longer than it said");
	if (len < 2)
		return SPORE_OK;
	*used = 2;
	r->state = CHUNK_SIZE;
	return SPORE_OK;
}

// Trailers are passed over, bounded.
static enum spore_err read_trailers(struct spore__http_reader *r, const char *bytes, size_t len, size_t *used)
{
	size_t size = 0;
	enum spore_err e = chunk_line(r, bytes, len, r->limits->head, &size, used);
	if (e != SPORE_OK || *used == 0)
		return e;
	r->scanned += *used;
	if (r->scanned > TRAILERS_MOST)
		return bad(r, 431, "too many trailers");
	if (size > 0)
		return line_is_good(bytes, size) ? SPORE_OK : bad(r, 400, "a trailer is no header");
	message(r, gathered(r));
	return SPORE_OK;
}

enum spore_err spore__http_read(struct spore__http_reader *r, const char *bytes, size_t len, size_t *used)
{
	*used = 0;
	while (*used < len && !r->stop && r->state != RAW && !(r->pause != NULL && *r->pause)) {
		const char *at = bytes + *used;
		size_t left = len - *used, n = 0;
		enum spore_err e = SPORE_OK;
		int before = r->state;
		switch (r->state) {
		case HEAD:
			e = read_head(r, at, left, &n);
			break;
		case LENGTH:
			e = read_length(r, at, left, &n);
			break;
		case CHUNK_SIZE:
			e = read_chunk_size(r, at, left, &n);
			break;
		case CHUNK:
			e = read_chunk(r, at, left, &n);
			break;
		case CHUNK_END:
			e = read_chunk_end(r, at, left, &n);
			break;
		case TRAILERS:
			e = read_trailers(r, at, left, &n);
			break;
		default: // UNTIL_END
			n = left;
			e = take(r, at, left);
			break;
		}
		*used += n;
		if (e != SPORE_OK)
			return e;
		if (n == 0 && r->state == before)
			break; // more bytes are needed
	}
	return SPORE_OK;
}

enum spore_err spore__http_read_end(struct spore__http_reader *r)
{
	if (r->state == UNTIL_END) {
		message(r, gathered(r));
		return SPORE_OK;
	}
	return spore__http_reading(r) ? bad(r, 400, "the connection ended within a message") : SPORE_OK;
}
