// What of HTTP says something about a call.
#ifndef SPORE_BRIDGE_HTTP_CALL_H
#define SPORE_BRIDGE_HTTP_CALL_H

#include "bridge/http1.h"
#include "msgpack.h"

enum spore__http_type {
	SPORE__HTTP_JSON, // also none, text, and what forms send, since no page can send those of another origin here
	SPORE__HTTP_MSGPACK,
	SPORE__HTTP_OTHER,
};

enum spore__http_type spore__http_type(struct spore__span content_type);
bool spore__http_wants_msgpack(const struct spore__http_head *h);
// Milliseconds of "Prefer: wait=SECONDS", -1: none.
int64_t spore__http_wait(const struct spore__http_head *h);

// Appends to W; false with WHY.
bool spore__http_json(struct spore__msgpack_writer *w, struct spore__span text, char *why, size_t size);
// Of a=1&b=x a map, of 1&x a list, of nothing an empty list. What is JSON is that, all else a string. "access_token" is none of it.
bool spore__http_query(struct spore__msgpack_writer *w, struct spore__span query, char *why, size_t size);

// Makes M, whose value is the body if it is GOOD, the error that STATUS and {"code","message","data"} are.
void spore__http_error_of(struct spore__model *m, unsigned status, bool good);

#endif
