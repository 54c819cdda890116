// The two roles of the codec http. Private to http.c (towards clients) and http_client.c (towards a server).
#ifndef SPORE_BRIDGE_HTTP_CODEC_H
#define SPORE_BRIDGE_HTTP_CODEC_H

#include "bridge/http_end.h"
#include "bridge/numbers.h"
#include "bridge/sse.h"
#include "msgpack.h"

struct spore__http_call;
struct spore__http_sent;

struct spore__http {
	struct spore__http_end http;
	// Of a hub:
	struct spore__numbers calls;
	struct spore__http_call *events;
	// Of a server's client:
	struct spore__http_sent *first, **last; // requests that are not answered
	struct spore__sse sse;
	struct spore__msgpack_writer value, text; // what is looked at, and said
};

// VALUE as JSON in h->text. False: it has none (keys that are maps).
bool spore__http_to_json(struct spore__http *h, struct spore__span value);

extern const struct spore__http_hooks spore__http_client_hooks;
enum spore_err spore__http_encode_to_server(struct spore__codec_end *e, const struct spore__model *m);
void spore__http_client_init(struct spore__http *h);
void spore__http_client_finish(struct spore__http *h);

#endif
