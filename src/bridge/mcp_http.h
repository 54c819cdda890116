// Conversations of the Model Context Protocol over HTTP, in both roles. Private to mcp_http.c, mcp_session.c, mcp_client.c and mcp_link.c.
#ifndef SPORE_BRIDGE_MCP_HTTP_H
#define SPORE_BRIDGE_MCP_HTTP_H

#include "bridge/http_end.h"
#include "bridge/mcp.h"
#include "bridge/sse.h"
#include "json.h"
#include "msgpack.h"

struct spore__mcp_session;
struct spore__mcp_client;
struct spore__mcp_post;

// A connection of a client to its server.
struct spore__mcp_link {
	struct spore__mcp_http *next, **at;    // of the client's connections; AT is NULL: none of them yet
	struct spore__mcp_post *first, **last; // what was sent on it and is not over
	struct spore__sse sse;
	bool streams;     // what answers `first` is a stream
	bool heard;       // something came
	int64_t quiet_ms; // since when nothing is under way
};

struct spore__mcp_http {
	struct spore__http_end http;
	int64_t now; // of a hub
	// Towards clients, of a hub:
	struct spore__mcp_session *sessions;
	unsigned session_count;
	struct spore__msgpack_writer value; // the body that is looked at
	// Towards a server:
	struct spore__mcp_client *client; // of a hub
	struct spore__mcp_link link;      // of a connection, or of a hub that has to do without
};

// What a POST says. It borrows.
struct spore__mcp_asked {
	struct spore__span body;
	struct spore__span id, method, name, version; // `bytes` is NULL: not there
	bool json, sse;                               // what the client takes
	bool begins;                                  // a session
};

// NULL: there is none, or it is over.
struct spore__mcp_session *spore__mcp_session_find(struct spore__mcp_http *hub, struct spore__span name);
struct spore__mcp_session *spore__mcp_session_create(struct spore__mcp_http *hub); // NULL: there are too many
struct spore__mcp_session *spore__mcp_session_next(const struct spore__mcp_session *s);
// That of all requests of revisions without sessions.
struct spore__mcp_session *spore__mcp_session_stateless(struct spore__mcp_http *hub);
// Answers what waits, and frees it; TELL: its bridge hears it.
void spore__mcp_session_end(struct spore__mcp_session *s, bool tell);

void spore__mcp_session_post(struct spore__mcp_session *s, struct spore__http_exchange *x,
                             const struct spore__mcp_asked *a);
// X becomes the stream of what the server says by itself, or goes on with the one that LAST (may have no bytes) is of.
void spore__mcp_session_listen(struct spore__mcp_session *s, struct spore__http_exchange *x, struct spore__span last);
// The connection of X, whose call is of a session, is gone.
void spore__mcp_session_gone(struct spore__http_exchange *x);
enum spore_err spore__mcp_session_encode(struct spore__mcp_session *s, const struct spore__model *m);
int64_t spore__mcp_sessions_tick(struct spore__mcp_http *hub);

// ---- towards a server: mcp_client.c has what is said, mcp_link.c the connections on which it is

enum spore__mcp_post_kind {
	SPORE__MCP_CALL,   // POST of a request
	SPORE__MCP_TELL,   // of a notification or an answer
	SPORE__MCP_LISTEN, // GET: what the server says by itself
	SPORE__MCP_END,    // DELETE
};

struct spore__mcp_post {
	struct spore__mcp_post *next;   // of all, the oldest first
	struct spore__mcp_post *behind; // on its connection
	enum spore__mcp_post_kind kind;
	struct spore__mcp_http *link; // NULL: it waits
	bool barrier; // what is behind it waits until it is over: it begins the session, or is a notification
	bool begins;  // `initialize`
	bool opens;   // notifications/initialized
	bool free;    // an answer, which waits for nothing
	bool modern;  // of a revision without sessions
	bool again;   // a new session was begun for it
	bool own;     // an `initialize` that its caller does not know of
	bool answered;
	bool given_up;  // nobody waits for its answer any more; of an own one: it is refused
	bool resumes;   // its stream broke: GET with `last`
	char *last;     // the latest event of its stream; NULL: none
	int64_t due;    // not before
	unsigned tries; // without an event between
	char *heads;
	char *text;
	size_t len;
	size_t id_len;
	unsigned char id[];
};

struct spore__mcp_client {
	struct spore__mcp_http *hub;
	struct spore__mcp mcp;
	struct spore__mcp_http *links;
	unsigned link_count;
	struct spore__mcp_post *posts;
	size_t waiting_bytes;
	char *session, *version;         // NULL: none
	char *begin, *begin_id, *opened; // what began the session, to begin another
	size_t begin_len, begin_id_len, opened_len;
	struct spore__mcp_post *renews; // the `initialize` of a new session
	bool ends;
	int64_t ends_ms;
};

void spore__mcp_client_init(struct spore__mcp_http *hub);
void spore__mcp_client_finish(struct spore__mcp_client *c);
enum spore_err spore__mcp_client_encode(struct spore__mcp_client *c, const struct spore__model *m);
void spore__mcp_client_end(struct spore__mcp_client *c); // says that the session is over, then the hub is
int64_t spore__mcp_client_tick(struct spore__mcp_client *c);
// Sends what may be sent, and says in hub->wants how many connections more it could use.
void spore__mcp_client_send(struct spore__mcp_client *c);
// A message of the server's.
void spore__mcp_client_hear(struct spore__mcp_client *c, const void *text, size_t len);
// P is answered by STATUS; a stream of it has been heard already.
void spore__mcp_client_answered(struct spore__mcp_client *c, struct spore__mcp_post *p,
                                const struct spore__http_head *head, struct spore__span body);
// The connection of P is gone before.
void spore__mcp_client_lost(struct spore__mcp_client *c, struct spore__mcp_post *p, bool heard);

extern const struct spore__http_hooks spore__mcp_link_hooks;
int64_t spore__mcp_link_tick(struct spore__mcp_http *connection);
void spore__mcp_link_finish(struct spore__mcp_http *connection);
void spore__mcp_link_send(struct spore__mcp_http *connection, struct spore__mcp_post *p);
bool spore__mcp_link_is_free(const struct spore__mcp_http *connection);

#endif
