#include "bridge/bridge.h"

#include <inttypes.h>
#include <stdlib.h>

#include "bridge/middle.h"

static const struct spore__codec_sink sink;

// ---- protocols without calls

static void take_value(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	struct spore__bridge_end *to = b->first[1 - end->side];
	const char *method = spore__codec_option(end->codec, "method");
	if (end->side == SPORE__BRIDGE_RIGHT && end->to != NULL) {
		struct spore__model answer_of = *m;
		answer_of.kind = SPORE__MODEL_RESPONSE;
		spore__middle_answer(end, &answer_of);
		return;
	}
	if (to == NULL || !to->codec->ops->calls) {
		for (; to != NULL; to = to->next) {
			enum spore_err err = spore__middle_encode(to, m);
			if (err != SPORE_OK)
				spore__middle_park_model(end, end->side, m, spore__middle_why(to, err));
		}
		return;
	}
	if (method == NULL) {
		spore__middle_park_model(end, end->side, m,
		                         "nobody asked, and the option 'method' does not say what it is");
		return;
	}
	unsigned char number[SPORE__MIDDLE_NUMBER];
	struct spore__model call = *m;
	struct spore__msgpack_writer w = {0};
	unsigned char first = m->value.bytes[0];
	if (!((first >= 0x80 && first < 0x90) || first == 0xde || first == 0xdf)) { // a map is the named parameters
		spore__msgpack_array(&w, 1);
		spore__msgpack_raw(&w, m->value.bytes, m->value.len);
		call.value = (struct spore__span){w.data, w.len};
	}
	call.kind = end->side == SPORE__BRIDGE_LEFT ? SPORE__MODEL_REQUEST : SPORE__MODEL_NOTIFICATION;
	call.method = spore__middle_text(method);
	call.id = (struct spore__span){number, spore__middle_number(number, b->filter_ids++)};
	if (b->filter)
		(void)spore__middle_encode(to, &call);
	else if (call.kind == SPORE__MODEL_REQUEST)
		spore__middle_request(end, &call);
	else
		spore__middle_notification(end, &call);
	spore__msgpack_writer_finish(&w);
}

// One way: as it is.
static void take_filtered(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	struct spore__bridge_end *to = b->first[1 - end->side];
	if (m->kind == SPORE__MODEL_VALUE && to != NULL && to->codec->ops->calls) {
		take_value(end, m);
		return;
	}
	enum spore_err err = to != NULL ? spore__middle_encode(to, m) : SPORE_ECLOSED;
	if (err != SPORE_OK)
		spore__middle_park_model(end, end->side, m,
		                         to != NULL ? spore__middle_why(to, err) : "nobody takes it");
	// A server's codec takes only so many requests that were not answered; its answer is heard by nobody.
	const struct spore__model answer = {.kind = SPORE__MODEL_RESPONSE,
	                                    .id = m->id,
	                                    .value = {(const unsigned char *)"\xc0", 1},
	                                    .remaining_ms = -1};
	if (m->kind == SPORE__MODEL_REQUEST && end->codec->ops->hub)
		(void)spore__middle_encode(end, &answer);
}

// ---- the sink

static void on_message(struct spore__codec_end *e, const struct spore__model *m)
{
	struct spore__bridge_end *end = e->owner;
	struct spore__bridge *b = end->bridge;
	b->counts.messages[end->side]++;
	if (b->filter) {
		take_filtered(end, m);
		return;
	}
	switch (m->kind) {
	case SPORE__MODEL_REQUEST:
		spore__middle_request(end, m);
		break;
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_ERROR:
		spore__middle_answer(end, m);
		break;
	case SPORE__MODEL_NOTIFICATION:
		spore__middle_notification(end, m);
		break;
	case SPORE__MODEL_CANCEL:
		spore__middle_cancel(end, m);
		break;
	case SPORE__MODEL_PROGRESS:
	case SPORE__MODEL_ITEM:
		spore__middle_part(end, m);
		break;
	case SPORE__MODEL_VALUE:
		take_value(end, m);
		break;
	case SPORE__MODEL_KINDS:
		break;
	}
	e->pause = !spore__bridge_may_read(end);
}

static void on_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	struct spore__bridge_end *end = e->owner;
	end->bridge->counts.refused[end->side]++;
	spore__middle_park(end, end->side, true, bytes, len, why);
	if (e->ops->calls || end->bridge->filter)
		return;
	// What should have been the answer of a line was none, or the call of one that waits for a line.
	const struct spore__model none = {.kind = SPORE__MODEL_REQUEST, .remaining_ms = -1};
	if (end->side == SPORE__BRIDGE_RIGHT && end->to != NULL)
		spore__middle_fail(end->bridge, end->to, SPORE_EMALFORMED, why, false);
	else if (end->side == SPORE__BRIDGE_LEFT && spore__codec_option(e, "method") != NULL)
		spore__middle_refuse(end, &none, SPORE_EMALFORMED, why);
}

static void on_session_over(struct spore__codec_end *e, const char *session)
{
	struct spore__bridge_end *end = e->owner;
	struct spore__bridge *b = end->bridge;
	for (struct spore__bridge_end *to = b->first[SPORE__BRIDGE_RIGHT]; to != NULL; to = to->next)
		if (to->session != NULL && strcmp(to->session, session) == 0 && b->host->close != NULL) {
			b->host->close(b->owner, to);
			return;
		}
}

static void on_written(struct spore__codec_end *e)
{
	struct spore__bridge_end *end = e->owner;
	if (end->bridge->host->written != NULL)
		end->bridge->host->written(end->bridge->owner, e);
}

static const struct spore__codec_sink sink = {
    .message = on_message, .refused = on_refused, .session_over = on_session_over, .written = on_written};

// ---- ends

struct spore__bridge *spore__bridge_create(const struct spore__bridge_host *host, void *owner, bool filter)
{
	struct spore__bridge *b = spore__xcalloc(1, sizeof *b);
	b->host = host;
	b->owner = owner;
	b->filter = filter;
	b->parked_last = &b->parked;
	return b;
}

static void destroy_end(struct spore__bridge_end *end)
{
	spore__codec_destroy(end->codec);
	free(end->session);
	free(end);
}

void spore__bridge_destroy(struct spore__bridge *b)
{
	if (b == NULL)
		return;
	for (int side = 0; side < 2; side++)
		for (struct spore__bridge_end *end = b->first[side], *next; end != NULL; end = next) {
			next = end->next;
			spore__bridge_remove(end, "the bridge ends");
		}
	spore__middle_drop_all_parked(b);
	for (size_t i = 0; i < b->calls.count; i++)
		if (b->calls.slots[i].call != NULL)
			spore__bridge_call_destroy(&b->calls, b->calls.slots[i].call);
	free(b->calls.slots);
	spore__msgpack_writer_finish(&b->scratch);
	free(b);
}

enum spore_err spore__bridge_add(struct spore__bridge *b, enum spore__bridge_side side, const char *spec,
                                 const struct spore__codec_limits *limits, struct spore__bridge_end **out, char *why,
                                 size_t why_size)
{
	struct spore__bridge_end *end = spore__xcalloc(1, sizeof *end), **at = &b->first[side];
	end->bridge = b;
	end->side = side;
	end->by_last = &end->by;
	end->to_last = &end->to;
	enum spore_err err =
	    spore__codec_create(spec, side == SPORE__BRIDGE_LEFT ? SPORE__CODEC_PEER_CALLS : SPORE__CODEC_PEER_SERVES,
	                        limits, &sink, end, &end->codec, why, why_size);
	if (err != SPORE_OK) {
		free(end);
		return err;
	}
	while (*at != NULL)
		at = &(*at)->next;
	*at = end;
	*out = end;
	return SPORE_OK;
}

enum spore_err spore__bridge_connect(struct spore__bridge_end *hub, const char *spec, struct spore__codec_end **e,
                                     char *why, size_t why_size)
{
	enum spore_err err =
	    spore__codec_create(spec, hub->codec->role, hub->codec->limits, &sink, hub, e, why, why_size);
	if (err == SPORE_OK) {
		(*e)->hub = hub->codec;
		(*e)->local = hub->codec->local;
	}
	return err;
}

void spore__bridge_remove(struct spore__bridge_end *end, const char *why)
{
	struct spore__bridge *b = end->bridge;
	struct spore__bridge_end **at = &b->first[end->side];
	while (*at != end)
		at = &(*at)->next;
	*at = end->next;
	spore__middle_leave(end, why);
	destroy_end(end);
}

void spore__bridge_fail(struct spore__bridge_end *end, struct spore__span id, int64_t code, const char *why)
{
	const struct spore__model call = {.kind = SPORE__MODEL_REQUEST, .id = id, .remaining_ms = -1};
	spore__middle_refuse(end, &call, code, why);
}

uint16_t spore__bridge_uses(const struct spore__bridge *b)
{
	return b->calls.most;
}

void spore__bridge_set_uses(struct spore__bridge *b, uint16_t uses)
{
	b->calls.first_use = b->calls.most = uses;
}

int64_t spore__bridge_tick(struct spore__bridge *b, int64_t now_ms)
{
	b->now_ms = now_ms;
	int64_t next = spore__middle_overdue(b);
	for (int side = 0; side < 2; side++)
		for (struct spore__bridge_end *end = b->first[side]; end != NULL; end = end->next)
			if (end->codec->ops->tick != NULL) {
				int64_t due = end->codec->ops->tick(end->codec, now_ms);
				next = due < next ? due : next;
			}
	return next;
}

enum spore_err spore__bridge_feed(struct spore__bridge_end *end, struct spore__codec_end *connection, const void *bytes,
                                  size_t len, size_t *used)
{
	struct spore__codec_end *e = connection != NULL ? connection : end->codec;
	e->pause = false;
	end->codec->pause = false;
	return spore__codec_feed(e, bytes, len, used);
}

bool spore__bridge_may_read(const struct spore__bridge_end *end)
{
	const struct spore__bridge *b = end->bridge;
	if (end->codec->full)
		return false;
	// A program that writes as it reads is read while it is written to; what its own calls are answered with is little.
	size_t most = SPORE__BRIDGE_HIGH + (end->side == SPORE__BRIDGE_RIGHT ? end->codec->limits->message : 0);
	if (end->codec->out.len > most)
		return false;
	// Of several clients one that takes nothing is not waited for: it is not read itself, and its owner parts with it.
	const struct spore__bridge_end *to = b->first[1 - end->side];
	if (to != NULL && (to->next == NULL || end->side == SPORE__BRIDGE_LEFT))
		for (; to != NULL; to = to->next)
			if (to->codec->out.len > SPORE__BRIDGE_HIGH)
				return false;
	// One that was itself called has to be heard, or nobody would go on.
	return end->awaited > 0 || end->unanswered < spore__middle_limit(end) ||
	       (!end->patient && end->codec->ops->ids);
}

// ---- what it knows

const struct spore__bridge_counts *spore__bridge_counts(const struct spore__bridge *b)
{
	return &b->counts;
}

struct spore__bridge_end *spore__bridge_first(const struct spore__bridge *b, enum spore__bridge_side side)
{
	return b->first[side];
}

void spore__bridge_losses(const struct spore__codec_ops *left, const struct spore__codec_ops *right, unsigned *calls,
                          unsigned *answers)
{
	const unsigned values = SPORE__LOSS_AS_JSON | SPORE__LOSS_TYPES;
	const unsigned asked =
	    values | SPORE__LOSS_METHOD | SPORE__LOSS_CANCEL | SPORE__LOSS_DEADLINE | SPORE__LOSS_NOTIFICATION;
	const unsigned told = values | SPORE__LOSS_ERROR_CODE | SPORE__LOSS_ERROR_DATA | SPORE__LOSS_PROGRESS |
	                      SPORE__LOSS_ITEMS | SPORE__LOSS_EVENTS | SPORE__LOSS_BACK_CALLS;
	// What the one side does not have the other cannot lose.
	*calls = right->losses & ~left->losses & asked;
	*answers = left->losses & ~right->losses & told;
}
