// HTTP/1.1 (RFC 9112) for the codecs that are over it: heads and bodies read in either role, and a server's answers written in the order of the
// requests.
//
//	request     METHOD target HTTP/1.x CRLF (name: value CRLF)* CRLF body
//	response    HTTP/1.x status reason CRLF (name: value CRLF)* CRLF body
//	body        Content-Length bytes, or chunks (size CRLF bytes CRLF)* 0 CRLF trailers CRLF
//
// What two readers may understand differently is refused: both lengths, lines that end with LF alone, folded lines, space before a colon, control
// characters. http-parser, as Debian builds it, is lenient there, so lines are looked at before it gets them, and bodies are read here.
#ifndef SPORE_BRIDGE_HTTP1_H
#define SPORE_BRIDGE_HTTP1_H

#include <http_parser.h>

#include "bridge/codec.h"

struct spore__http_header {
	struct spore__span name, value; // value without space around it
};

struct spore__http_head {
	enum http_method method;   // of a request
	struct spore__span target; // likewise
	unsigned status;           // of a response
	unsigned short minor;      // HTTP/1.minor
	bool keep_alive, chunked, upgrade;
	uint64_t length; // UINT64_MAX: none said
	struct spore__http_header *headers;
	size_t count;
};

// The value of the only header of that name; *TWICE, which may be NULL, when there are more. `bytes` is NULL without.
struct spore__span spore__http_find(const struct spore__http_head *h, const char *name, bool *twice);
// Is WORD one of the values, between commas, of the headers of that name? Parameters (;q=...) are passed over.
bool spore__http_has(const struct spore__http_head *h, const char *name, const char *word);
// The path of a target without what follows "?", which is QUERY. EMALFORMED: neither a path nor an address of HTTP.
enum spore_err spore__http_target(struct spore__span target, struct spore__span *path, struct spore__span *query);
// Appends S with %XX and, where PLUS, "+" decoded. False: a % that is followed by no number, or makes a NUL.
bool spore__http_unescape(struct spore__buf *out, struct spore__span s, bool plus);
void spore__http_escape(struct spore__buf *out, struct spore__span s,
                        const char *plain); // all but letters, digits, PLAIN

// ---- reading

enum spore__http_body {
	SPORE__HTTP_GATHER, // `message` gets it whole
	SPORE__HTTP_PIECES, // `piece` gets it as it comes
	SPORE__HTTP_NONE,   // there is none, whatever the head says (to HEAD)
	SPORE__HTTP_RAW,    // what follows is no HTTP any more: reading ends here
};

struct spore__http_reader;

struct spore__http_hooks {
	// A head; its spans are valid until `message`.
	enum spore__http_body (*head)(void *arg, const struct spore__http_head *h);
	void (*piece)(void *arg, const void *bytes, size_t len); // may be NULL
	void (*message)(void *arg, const struct spore__http_head *h, struct spore__span body);
};

struct spore__http_reader {
	enum http_parser_type type;
	const struct spore__http_hooks *hooks;
	void *arg;
	const struct spore__codec_limits *limits;
	const bool *pause; // may be NULL; while it is true no more is read
	bool stop;         // set by a hook: what follows is not to be read now
	// private
	int state;
	size_t scanned; // of a head
	uint64_t left;  // of a body or chunk
	enum spore__http_body way;
	struct spore__buf text, body;
	struct spore__http_head head;
	struct spore__http_header *headers;
	size_t headers_cap;
	uint64_t messages; // begun
	uint64_t received; // bytes of this body
	unsigned status;   // after an error: what a server answers
	const char *why;   // likewise
};

void spore__http_reader_finish(struct spore__http_reader *r);
// SPORE_OK; EMALFORMED, ETOOBIG with r->status and r->why.
enum spore_err spore__http_read(struct spore__http_reader *r, const char *bytes, size_t len, size_t *used);
// The peer says no more: a body without a length ends so. EMALFORMED: in the middle of something.
enum spore_err spore__http_read_end(struct spore__http_reader *r);
bool spore__http_reading(const struct spore__http_reader *r); // a message has begun, and is not whole

// ---- serving

struct spore__http_server;

// A request and its answer.
struct spore__http_exchange {
	struct spore__http_exchange *next;
	struct spore__http_server *server;
	void *call;             // the codec's
	struct spore__buf out;  // while others are before it
	struct spore__buf cors; // headers that each answer gets
	bool head;              // HEAD: no body is sent
	bool keep;              // the connection goes on behind it
	bool old;               // HTTP/1.0: no chunks
	bool streams;           // the head of a stream is written
	bool done;
};

struct spore__http_serve_ops {
	const char *allow; // "GET, HEAD, POST, OPTIONS"
	// May be answered now or later. HEAD and BODY are valid for the call.
	void (*request)(struct spore__http_exchange *x, const struct spore__http_head *head, struct spore__span path,
	                struct spore__span query, struct spore__span body);
	// The client has gone before X was answered. It must not be answered any more.
	void (*gone)(struct spore__http_exchange *x);
	// A request to go over to another protocol; true: it was answered, and what follows is RAW. NULL: there is none.
	bool (*upgrade)(struct spore__http_exchange *x, const struct spore__http_head *head, struct spore__span path,
	                struct spore__span query);
};

// What a server lets in.
struct spore__http_rules {
	const char *token;   // NULL: anybody
	const char *cors;    // other origins: one, "*" or NULL for none
	const char *host;    // a name besides those of this machine
	const char *headers; // that a page of another origin may send and see, besides the usual ones; NULL: none
	bool token_in_query; // "access_token=" is as good, since browsers let a page set no head there
};

struct spore__http_server {
	struct spore__codec_end *base;
	const struct spore__http_serve_ops *ops;
	struct spore__http_rules rules;
	struct spore__http_reader reader;
	struct spore__http_exchange *first, **last;
	unsigned waiting;
	bool refusing; // the head was answered already; its body is not read
	uint64_t seen;
	int64_t since, quiet, beat;
};

void spore__http_server_init(struct spore__http_server *s, struct spore__codec_end *base,
                             const struct spore__http_serve_ops *ops);
void spore__http_server_finish(struct spore__http_server *s); // `gone` for each that waits
enum spore_err spore__http_server_feed(struct spore__http_server *s, const void *bytes, size_t len, size_t *used);
int64_t spore__http_server_tick(struct spore__http_server *s, int64_t now);

struct spore__http_asked {
	struct spore__span path, query;
};

// Zero and what X asks, or the status of a refusal with *WHY. What a page may read of a refusal, it may read too.
unsigned spore__http_admit(struct spore__http_exchange *x, const struct spore__http_head *h,
                           struct spore__http_asked *a, const char **why);
void spore__http_options(struct spore__http_exchange *x, const struct spore__http_head *h); // answers OPTIONS

// Answers of X, which is freed when it is over and its turn has come: nothing may follow. HEADERS, each with CRLF, may be NULL.
void spore__http_respond(struct spore__http_exchange *x, unsigned status, const char *type, const void *body,
                         size_t len, const char *headers);
// An error as JSON: {"code":,"message":}.
void spore__http_refuse(struct spore__http_exchange *x, unsigned status, int64_t code, const char *message);
// A stream: its head, pieces, and its end.
void spore__http_stream(struct spore__http_exchange *x, const char *type, const char *headers);
void spore__http_piece(struct spore__http_exchange *x, const void *bytes, size_t len);
void spore__http_end(struct spore__http_exchange *x);
// One server-sent event in pieces of a stream; ID and EVENT may be NULL, DATA is one line.
void spore__http_event(struct spore__http_exchange *x, const char *id, struct spore__span event, const void *data,
                       size_t len);
// CONNECTION has got something to be sent while it was not fed: its owner hears it.
void spore__http_written(struct spore__codec_end *connection);
// The status that says CODE (of enum spore_err or JSON-RPC).
unsigned spore__http_status(int64_t code);
const char *spore__http_reason(unsigned status);

#endif
