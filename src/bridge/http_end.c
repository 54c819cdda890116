#include "bridge/http_end.h"

#include <string.h>

static struct spore__http_end *of(struct spore__codec_end *e)
{
	return (struct spore__http_end *)e;
}

enum spore_err spore__http_end_init(struct spore__codec_end *e, const struct spore__http_end_ops *ops)
{
	struct spore__http_end *h = of(e);
	h->ops = ops;
	spore__http_server_init(&h->server, e, ops->serve);
	h->server.rules = (struct spore__http_rules){.token = spore__codec_option(e, "token"),
	                                             .cors = spore__codec_option(e, "cors"),
	                                             .host = spore__codec_option(e, "host")};
	h->reader = (struct spore__http_reader){
	    .type = HTTP_RESPONSE, .hooks = ops->client, .arg = e, .limits = e->limits, .pause = &e->pause};
	for (const struct spore__codec_option *o = e->ops->options; o->name != NULL; o++) {
		const char *value = spore__codec_option(e, o->name);
		if (value != NULL && strpbrk(value, "\r\n") != NULL)
			return spore__codec_fail(e, SPORE_EINVALID, "%s: it has more than one line", o->name);
	}
	return SPORE_OK;
}

void spore__http_end_finish(struct spore__codec_end *e)
{
	spore__http_server_finish(&of(e)->server);
	spore__http_reader_finish(&of(e)->reader);
}

enum spore_err spore__http_end_path(struct spore__codec_end *e, const char *name)
{
	const char *path = spore__codec_option(e, name);
	return path[0] == '/' ? SPORE_OK : spore__codec_fail(e, SPORE_EINVALID, "%s=%s: it begins with /", name, path);
}

enum spore_err spore__http_end_feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	struct spore__http_end *h = of(e);
	if (e->role == SPORE__CODEC_PEER_CALLS)
		return spore__http_server_feed(&h->server, bytes, len, used);
	enum spore_err err = spore__http_read(&h->reader, bytes, len, used);
	return err == SPORE_OK ? err : spore__codec_fail(e, err, "%s", h->reader.why);
}

enum spore_err spore__http_end_over(struct spore__codec_end *e)
{
	if (e->role == SPORE__CODEC_PEER_SERVES)
		return spore__http_read_end(&of(e)->reader);
	e->over = true;
	return SPORE_OK;
}

enum spore_err spore__http_end_encode(struct spore__codec_end *e, const struct spore__model *m)
{
	const struct spore__http_end_ops *ops = of(e)->ops;
	return e->role == SPORE__CODEC_PEER_CALLS ? ops->to_client(e, m) : ops->to_server(e, m);
}

int64_t spore__http_end_tick(struct spore__codec_end *e, int64_t now_ms)
{
	return e->role == SPORE__CODEC_PEER_CALLS ? spore__http_server_tick(&of(e)->server, now_ms) : INT64_MAX;
}

void spore__http_end_ask(struct spore__codec_end *e, struct spore__buf *out, const char *method, const char *path)
{
	const char *host = spore__codec_option(e, "host"), *token = spore__codec_option(e, "token");
	spore__buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host == NULL ? "localhost" : host);
	if (token != NULL)
		spore__buf_printf(out, "Authorization: Bearer %s\r\n", token);
}
