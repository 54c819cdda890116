// What an end over HTTP is in either role, the first member of the state of each codec over it: towards a client a server's connection, towards a
// server a client's. Private to those codecs.
#ifndef SPORE_BRIDGE_HTTP_END_H
#define SPORE_BRIDGE_HTTP_END_H

#include "bridge/http1.h"

struct spore__http_end_ops {
	const struct spore__http_serve_ops *serve; // what clients ask
	const struct spore__http_hooks *client;    // what a server answers; their argument is the end
	enum spore_err (*to_client)(struct spore__codec_end *e, const struct spore__model *m);
	enum spore_err (*to_server)(struct spore__codec_end *e, const struct spore__model *m);
};

struct spore__http_end {
	struct spore__codec_end base;
	const struct spore__http_end_ops *ops;
	struct spore__http_server server; // its peer calls
	struct spore__http_reader reader; // its peer serves
};

// Rules are those of the options `token`, `cors` and `host`; what else there is of them is set behind. SPORE_EINVALID with e->why: an option of
// more than one line, which would be more heads.
enum spore_err spore__http_end_init(struct spore__codec_end *e, const struct spore__http_end_ops *ops);
void spore__http_end_finish(struct spore__codec_end *e);
// SPORE_EINVALID with e->why: the option NAME is no path.
enum spore_err spore__http_end_path(struct spore__codec_end *e, const char *name);

// As in struct spore__codec_ops.
enum spore_err spore__http_end_feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used);
enum spore_err spore__http_end_over(struct spore__codec_end *e);
enum spore_err spore__http_end_encode(struct spore__codec_end *e, const struct spore__model *m);
int64_t spore__http_end_tick(struct spore__codec_end *e, int64_t now_ms);

// Appends the lines of a request to a server up to the empty one: METHOD and its path, Host, and a token.
void spore__http_end_ask(struct spore__codec_end *e, struct spore__buf *out, const char *method, const char *path);

#endif
