// Conversations of the Model Context Protocol over HTTP. Private to mcp_http.c and mcp_session.c.
#ifndef SPORE_BRIDGE_MCP_HTTP_H
#define SPORE_BRIDGE_MCP_HTTP_H

#include "bridge/http_end.h"
#include "bridge/mcp.h"
#include "json.h"
#include "msgpack.h"

struct spore__mcp_session;

struct spore__mcp_http {
	struct spore__http_end http;
	struct spore__mcp_session *sessions; // of a hub
	unsigned session_count;
	int64_t now;                        // likewise
	struct spore__msgpack_writer value; // the body that is looked at
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

#endif
