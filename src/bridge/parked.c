// What could not be translated: kept, said, and tried again.
#include "bridge/middle.h"

#include <stdlib.h>
#include <time.h>

static void drop_parked(struct spore__bridge *b, struct spore__bridge_parked **at)
{
	struct spore__bridge_parked *p = *at;
	*at = p->next;
	if (p->next == NULL)
		b->parked_last = at;
	b->parked_count--;
	free(p->why);
	free(p);
}

void spore__middle_park(struct spore__bridge_end *end, enum spore__bridge_side side, bool raw, const void *bytes,
                        size_t len, const char *why)
{
	struct spore__bridge *b = end->bridge;
	size_t kept = len < SPORE__BRIDGE_PARKED_BYTES ? len : SPORE__BRIDGE_PARKED_BYTES;
	struct timespec t = {0};
	b->counts.parked++;
	b->resent = false;
	while (b->parked_count >= SPORE__BRIDGE_PARKED)
		drop_parked(b, &b->parked);
	(void)clock_gettime(CLOCK_REALTIME, &t);
	struct spore__bridge_parked *p = spore__xmalloc(sizeof *p + kept);
	*p = (struct spore__bridge_parked){
	    .number = b->counts.parked,
	    .wall_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000,
	    .side = side,
	    .raw = raw,
	    .protocol = (side == end->side || b->first[side] == NULL ? end : b->first[side])->codec->ops->name,
	    .why = spore__xstrdup(why),
	    .len = len,
	    .kept = kept,
	};
	if (kept > 0)
		memcpy(p->bytes, bytes, kept);
	*b->parked_last = p;
	b->parked_last = &p->next;
	b->parked_count++;
	if (b->host->parked != NULL)
		b->host->parked(b->owner, p);
}

// M came from SIDE, END's or the other, where there are no words for it.
void spore__middle_park_model(struct spore__bridge_end *end, enum spore__bridge_side side, const struct spore__model *m,
                              const char *why)
{
	struct spore__msgpack_writer w = {0};
	spore__msgpack_array(&w, 4);
	spore__msgpack_int(&w, m->kind);
	if (m->id.len > 0)
		spore__msgpack_raw(&w, m->id.bytes, m->id.len);
	else
		spore__msgpack_nil(&w);
	spore__msgpack_strn(&w, (const char *)m->method.bytes, (uint32_t)m->method.len);
	if (m->value.len > 0)
		spore__msgpack_raw(&w, m->value.bytes, m->value.len);
	else
		spore__msgpack_nil(&w);
	if (w.err == 0)
		spore__middle_park(end, side, false, w.data, w.len, why);
	spore__msgpack_writer_finish(&w);
}

const struct spore__bridge_parked *spore__bridge_parked(const struct spore__bridge *b)
{
	return b->parked;
}

static enum spore_err try_again(struct spore__bridge_end *end, const struct spore__bridge_parked *p)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(p->bytes, p->kept);
	struct spore__model m = {.remaining_ms = -1};
	uint32_t count;
	int64_t kind;
	const char *method;
	uint32_t len;
	size_t used;
	if (p->raw)
		return end->codec->framing != NULL || end->codec->ops->framing == NULL
		           ? end->codec->ops->feed(end->codec, p->bytes, p->kept, &used)
		           : SPORE_EINVALID;
	if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count != 4 ||
	    spore__msgpack_read_int(&r, &kind) != SPORE__MSGPACK_OK)
		return SPORE_EINVALID;
	m.kind = (enum spore__model_kind)kind;
	m.id = spore__codec_value(&r);
	if (spore__msgpack_read_str(&r, &method, &len) != SPORE__MSGPACK_OK)
		return SPORE_EINVALID;
	m.method = (struct spore__span){(const unsigned char *)method, len};
	m.value = spore__codec_value(&r);
	if (m.kind == SPORE__MODEL_REQUEST)
		m.kind = SPORE__MODEL_NOTIFICATION; // its caller has had its answer
	end->codec->sink->message(end->codec, &m);
	return SPORE_OK;
}

enum spore_err spore__bridge_resend(struct spore__bridge *b, uint64_t number)
{
	struct spore__bridge_parked **at = &b->parked, *p;
	while (*at != NULL && (*at)->number != number)
		at = &(*at)->next;
	p = *at;
	if (p == NULL)
		return SPORE_ENOTFOUND;
	struct spore__bridge_end *end = b->first[p->side];
	if (end == NULL || end->codec->ops->hub)
		return SPORE_ECLOSED;
	if (p->kept < p->len)
		return SPORE_ETOOBIG;
	*at = p->next;
	if (p->next == NULL)
		b->parked_last = at;
	b->parked_count--;
	b->resent = true;
	enum spore_err err = try_again(end, p);
	free(p->why);
	free(p);
	return err == SPORE_OK && b->resent ? SPORE_OK : SPORE_EINVALID;
}

void spore__middle_drop_all_parked(struct spore__bridge *b)
{
	while (b->parked != NULL)
		drop_parked(b, &b->parked);
}
