// The codec websocket: an end of one. Private to websocket.c (its frames) and websocket_open.c (how it begins).
#ifndef SPORE_BRIDGE_WEBSOCKET_H
#define SPORE_BRIDGE_WEBSOCKET_H

#include "bridge/http_end.h"

enum spore__websocket_opcode {
	SPORE__WS_CONTINUATION = 0,
	SPORE__WS_TEXT = 1,
	SPORE__WS_BINARY = 2,
	SPORE__WS_CLOSE = 8,
	SPORE__WS_PING = 9,
	SPORE__WS_PONG = 10
};

struct spore__websocket {
	struct spore__http_end http;
	struct spore__codec_end *inner;
	char accept[32];                   // what a server has to say
	bool open, closed;                 // a close was sent
	struct spore__buf pending;         // frames before it is open
	struct spore__buf message;         // fragments so far
	enum spore__websocket_opcode kind; // of the message under way, SPORE__WS_CONTINUATION: none
	bool heard, pinged;
	int64_t since;
};

extern const struct spore__http_end_ops spore__websocket_ends;
void spore__websocket_ask(struct spore__websocket *w); // asks a server for one

#endif
