// The Model Context Protocol over stdin and stdout: JSON-RPC, a message on each line.
#include <string.h>

#include "bridge/mcp.h"

struct end {
	struct spore__codec_end base;
	struct spore__mcp mcp;
};

static void on_message(void *owner, const struct spore__model *m)
{
	struct end *mine = owner;
	mine->base.sink->message(&mine->base, m);
}

static void on_refused(void *owner, const void *bytes, size_t len, const char *why)
{
	struct end *mine = owner;
	mine->base.sink->refused(&mine->base, bytes, len, why);
}

static const struct spore__mcp_sink sink = {.message = on_message, .refused = on_refused};

static enum spore_err init(struct spore__codec_end *e)
{
	struct end *mine = (struct end *)e;
	return spore__mcp_init(&mine->mcp, e->role, e->limits, &sink, mine, e->why, sizeof e->why);
}

static void finish(struct spore__codec_end *e)
{
	spore__mcp_finish(&((struct end *)e)->mcp);
}

static void take(struct end *mine)
{
	struct spore__codec_end *inner = mine->mcp.inner;
	const void *text;
	size_t len;
	while ((text = spore__codec_take(inner, &len)) != NULL) {
		size_t begun = spore__codec_begin(&mine->base);
		spore__buf_add(&mine->base.out, text, len);
		spore__codec_commit(&mine->base, begun);
		spore__codec_taken(inner, len);
	}
	mine->base.lost |= inner->lost;
}

static enum spore_err feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	struct end *mine = (struct end *)e;
	*used = len;
	enum spore_err err = spore__mcp_feed(&mine->mcp, bytes, len);
	take(mine);
	if (err != SPORE_OK)
		memcpy(e->why, mine->mcp.inner->why, sizeof e->why);
	return err;
}

static enum spore_err encode(struct spore__codec_end *e, const struct spore__model *m)
{
	struct end *mine = (struct end *)e;
	enum spore_err err = spore__mcp_encode(&mine->mcp, m);
	take(mine);
	if (err != SPORE_OK)
		memcpy(e->why, mine->mcp.inner->why, sizeof e->why);
	return err;
}

static int64_t tick(struct spore__codec_end *e, int64_t now_ms)
{
	spore__mcp_tick(&((struct end *)e)->mcp);
	return INT64_MAX;
}

const struct spore__codec_ops spore__codec_mcp = {
    .name = "mcp",
    .help = "the Model Context Protocol, a message on each line",
    .losses = SPORE__LOSS_AS_JSON | SPORE__LOSS_ITEMS | SPORE__LOSS_DEADLINE,
    .calls = true,
    .ids = true,
    .symmetric = true,
    .text = true,
    .size = sizeof(struct end),
    .framing = &spore__framing_lines,
    .init = init,
    .finish = finish,
    .feed = feed,
    .encode = encode,
    .tick = tick,
};
