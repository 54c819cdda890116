#include "bridge/bridge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "bridge/calls.h"
#include "bridge/jsonrpc.h"

enum { ID = 8, HUB_CALLS = 16384 };

struct spore__bridge {
	const struct spore__bridge_host *host;
	void *owner;
	bool filter;
	int64_t now_ms;
	struct spore__bridge_end *first[2];
	struct spore__bridge_calls calls;
	size_t dues;         // calls with a deadline
	uint32_t filter_ids; // made up for a protocol without any
	struct spore__bridge_counts counts;
	struct spore__bridge_parked *parked, **parked_last;
	size_t parked_count;
	bool resent; // what was parked is tried again: it came to nothing
	struct spore__msgpack_writer scratch;
};

static const struct spore__codec_sink sink;

// ---- parking

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

static void park(struct spore__bridge_end *end, enum spore__bridge_side side, bool raw, const void *bytes, size_t len,
                 const char *why)
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
static void park_model(struct spore__bridge_end *end, enum spore__bridge_side side, const struct spore__model *m,
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
		park(end, side, false, w.data, w.len, why);
	spore__msgpack_writer_finish(&w);
}

// ---- to an end

static struct spore__span text_span(const char *text)
{
	return (struct spore__span){(const unsigned char *)text, strlen(text)};
}

static bool is_array(struct spore__span v, uint32_t *count, struct spore__span *first)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(v.bytes, v.len);
	if (spore__msgpack_read_array(&r, count) != SPORE__MSGPACK_OK)
		return false;
	*first = *count == 1 ? spore__codec_value(&r) : (struct spore__span){0};
	return true;
}

// {"error": {"code", "message", "data"}}
static struct spore__span error_value(struct spore__bridge *b, const struct spore__model *m)
{
	struct spore__msgpack_writer *w = &b->scratch;
	w->len = 0;
	spore__msgpack_map(w, 1);
	spore__msgpack_str(w, "error");
	spore__msgpack_map(w, m->value.len > 0 ? 3 : 2);
	spore__msgpack_str(w, "code");
	spore__msgpack_int(w, m->code);
	spore__msgpack_str(w, "message");
	spore__msgpack_strn(w, (const char *)m->text.bytes, (uint32_t)m->text.len);
	if (m->value.len > 0) {
		spore__msgpack_str(w, "data");
		spore__msgpack_raw(w, m->value.bytes, m->value.len);
	}
	return (struct spore__span){w->data, w->len};
}

// A protocol without calls: the parameters of a request and the result of an answer are all that goes over.
static enum spore_err encode_value(struct spore__bridge_end *to, const struct spore__model *m)
{
	struct spore__model value = {.kind = SPORE__MODEL_VALUE, .value = m->value, .remaining_ms = -1};
	struct spore__span first;
	uint32_t count;
	switch (m->kind) {
	case SPORE__MODEL_NOTIFICATION: // whether it is answered nobody could tell
		if (!to->bridge->filter && to->side == SPORE__BRIDGE_RIGHT)
			return SPORE_EUNSUPPORTED;
		__attribute__((fallthrough));
	case SPORE__MODEL_REQUEST:
		if (is_array(m->value, &count, &first) && count == 1)
			value.value = first;
		break;
	case SPORE__MODEL_ERROR:
		value.value = error_value(to->bridge, m);
		break;
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_VALUE:
		break;
	case SPORE__MODEL_CANCEL:
	case SPORE__MODEL_PROGRESS:
	case SPORE__MODEL_ITEM:
	case SPORE__MODEL_KINDS:
		return SPORE_EUNSUPPORTED;
	}
	return to->codec->ops->encode(to->codec, &value);
}

static enum spore_err encode(struct spore__bridge_end *to, const struct spore__model *m)
{
	to->codec->why[0] = '\0';
	return to->codec->ops->calls ? to->codec->ops->encode(to->codec, m) : encode_value(to, m);
}

static const char *why_of(const struct spore__bridge_end *to, enum spore_err err)
{
	return to->codec->why[0] != '\0' ? to->codec->why : spore_err_text(err);
}

// ---- answers

static void put_error(struct spore__model *m, int64_t code, const char *text)
{
	*m = (struct spore__model){
	    .kind = SPORE__MODEL_ERROR, .code = code, .text = text_span(text), .remaining_ms = -1};
}

static void put_answer(struct spore__bridge_end *caller, struct spore__span id, const char *session,
                       const struct spore__model *answer)
{
	struct spore__model m = *answer;
	m.id = id;
	m.session = session;
	m.remaining_ms = -1;
	enum spore_err err = encode(caller, &m);
	if (err == SPORE_OK || err == SPORE_ENOTFOUND)
		return;
	char why[320];
	struct spore__model failed;
	(void)snprintf(why, sizeof why, "the answer cannot be said in %s: %s", caller->codec->ops->name,
	               why_of(caller, err));
	put_error(&failed, SPORE_EUNSUPPORTED, why);
	failed.id = id;
	failed.session = session;
	park_model(caller, 1 - caller->side, &m, why);
	(void)encode(caller, &failed);
}

// Its caller has its answer, or is gone.
static void forget(struct spore__bridge_call *call)
{
	const struct spore__bridge *b = call->caller->bridge;
	if (call->token >= 0 && b->host->answered != NULL)
		b->host->answered(b->owner, call->token);
	call->token = -1;
	spore__bridge_call_forget_caller(call);
}

// The parts that were gathered, and what the call returned unless that is nil.
static void gather(struct spore__bridge_call *call, struct spore__model *m, struct spore__msgpack_writer *w)
{
	bool last = m->value.len > 0 && !(m->value.len == 1 && m->value.bytes[0] == 0xc0);
	spore__msgpack_array(w, call->item_count + (last ? 1 : 0));
	spore__msgpack_raw(w, call->items.data, call->items.len);
	if (last)
		spore__msgpack_raw(w, m->value.bytes, m->value.len);
	m->value = (struct spore__span){w->data, w->len};
}

// Answers of a caller whose protocol has no ids come in the order of its requests.
static void flush_in_order(struct spore__bridge_end *caller)
{
	struct spore__bridge_call *call;
	while ((call = caller->by) != NULL && call->done) {
		put_answer(caller, (struct spore__span){call->id, call->id_len}, call->session, &call->answer);
		forget(call);
		if (call->abandoned && call->callee != NULL && !(call->told && call->callee->codec->ops->ids))
			continue; // which still owes its own
		spore__bridge_call_destroy(&caller->bridge->calls, call);
	}
}

// CALL is answered; KEEP: the callee will say something of it yet, which is dropped.
static void answer(struct spore__bridge *b, struct spore__bridge_call *call, struct spore__model *m, bool keep)
{
	struct spore__bridge_end *caller = call->caller;
	struct spore__msgpack_writer w = {0};
	if (call->due != INT64_MAX) {
		call->due = INT64_MAX;
		b->dues--;
	}
	if (call->abandoned || caller == NULL) {
		if (!keep)
			b->counts.late++;
	} else {
		if (call->item_count > 0 && m->kind == SPORE__MODEL_RESPONSE)
			gather(call, m, &w);
		if (caller->codec->ops->ids) {
			put_answer(caller, (struct spore__span){call->id, call->id_len}, call->session, m);
			forget(call);
		} else {
			spore__bridge_call_keep(call, m);
		}
	}
	spore__msgpack_writer_finish(&w);
	if (keep) {
		call->abandoned = true;
	} else if (call->caller == NULL) {
		spore__bridge_call_destroy(&b->calls, call);
	} else if (call->callee != NULL) { // it waits for those before it only
		struct spore__bridge_end *callee = call->callee;
		*call->to_at = call->to_next;
		if (call->to_next != NULL)
			call->to_next->to_at = call->to_at;
		else
			callee->to_last = call->to_at;
		callee->awaited--;
		call->callee = NULL;
	}
	if (caller != NULL && !caller->codec->ops->ids)
		flush_in_order(caller);
}

static void fail_call(struct spore__bridge *b, struct spore__bridge_call *call, int64_t code, const char *why,
                      bool keep)
{
	struct spore__model m;
	put_error(&m, code, why);
	answer(b, call, &m, keep);
}

// ---- requests

static size_t put_number(unsigned char out[ID], uint32_t number)
{
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, out, ID);
	spore__msgpack_uint(&w, number);
	return w.len;
}

static unsigned limit_of(const struct spore__bridge_end *end)
{
	return end->codec->ops->hub && end->side == SPORE__BRIDGE_LEFT ? HUB_CALLS : end->codec->limits->in_flight;
}

// To whom what END said goes. NULL with *WHY.
static struct spore__bridge_end *target(struct spore__bridge_end *end, const char *session, const char **why)
{
	struct spore__bridge *b = end->bridge;
	struct spore__bridge_end *to = b->first[1 - end->side];
	if (end->side == SPORE__BRIDGE_LEFT && b->host->open != NULL) {
		for (to = b->first[SPORE__BRIDGE_RIGHT]; to != NULL; to = to->next)
			if (session == NULL ? to->session == NULL
			                    : to->session != NULL && strcmp(to->session, session) == 0)
				break;
		if (to == NULL)
			to = b->host->open(b->owner, session);
	}
	*why = to != NULL                        ? NULL
	       : end->side == SPORE__BRIDGE_LEFT ? "the callee is gone"
	                                         : "there is no caller any more";
	if (to != NULL && end->side == SPORE__BRIDGE_RIGHT) {
		if (to->next != NULL)
			*why = "there are several clients, so none can be called back";
		else if (!to->codec->ops->symmetric)
			*why = "the client's protocol cannot be called back";
	}
	return *why == NULL ? to : NULL;
}

static void refuse(struct spore__bridge_end *end, const struct spore__model *m, int64_t code, const char *why)
{
	struct spore__model failed;
	put_error(&failed, code, why);
	put_answer(end, m->id, m->session, &failed);
}

// An answer that comes before those that are owed already.
static void refuse_in_order(struct spore__bridge_end *end, const struct spore__model *m, int64_t code, const char *why)
{
	struct spore__bridge *b = end->bridge;
	if (end->codec->ops->ids || end->by == NULL) {
		refuse(end, m, code, why);
		return;
	}
	struct spore__bridge_call *call = spore__bridge_call_create(&b->calls, m->id);
	if (call == NULL)
		return; // 32768 of them
	spore__bridge_call_join(call, end, end);
	fail_call(b, call, code, why, false);
}

static void take_request(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	const char *why = NULL;
	struct spore__bridge_end *to = target(end, m->session, &why);
	if (to == NULL) {
		refuse_in_order(end, m, end->side == SPORE__BRIDGE_LEFT ? SPORE_ECLOSED : SPORE_EUNSUPPORTED, why);
		return;
	}
	struct spore__bridge_call *call =
	    end->unanswered < limit_of(end) ? spore__bridge_call_create(&b->calls, m->id) : NULL;
	if (call == NULL) {
		b->counts.busy++;
		refuse_in_order(end, m, SPORE_EBUSY, "too many calls are under way: try again later");
		return;
	}
	unsigned char number[ID];
	struct spore__model asked = *m;
	asked.id = (struct spore__span){number, put_number(number, call->number)};
	// A call of the right is of its end's conversation.
	const char *session = m->session != NULL ? m->session : end->session;
	asked.session = to->session != NULL ? to->session : session;
	spore__bridge_call_join(call, end, to);
	if (b->host->called != NULL)
		call->token = b->host->called(b->owner, end, m->id);
	call->session = session != NULL ? spore__xstrdup(session) : NULL;
	if (m->remaining_ms >= 0) {
		call->due = b->now_ms + m->remaining_ms;
		b->dues++;
	}
	enum spore_err err = encode(to, &asked);
	if (err == SPORE_OK)
		return;
	char text[320];
	(void)snprintf(text, sizeof text, "the call cannot be said in %s: %s", to->codec->ops->name, why_of(to, err));
	park_model(end, end->side, m, text);
	fail_call(b, call, SPORE_EUNSUPPORTED, text, false);
}

// That its callee knows it by.
static const char *session_of(const struct spore__bridge_call *call)
{
	return call->callee->session != NULL ? call->callee->session : call->session;
}

// Tells its callee that nobody waits for CALL, which may answer it at once.
static bool tell_cancel(struct spore__bridge_call *call)
{
	unsigned char number[ID];
	char *session = session_of(call) != NULL ? spore__xstrdup(session_of(call)) : NULL;
	const struct spore__model asked = {.kind = SPORE__MODEL_CANCEL,
	                                   .id = {number, put_number(number, call->number)},
	                                   .remaining_ms = -1,
	                                   .session = session};
	bool told = encode(call->callee, &asked) == SPORE_OK;
	free(session);
	return told;
}

// The call NUMBER has no caller: of a callee that knows it by that number nothing is kept.
static void drop_number(struct spore__bridge *b, uint32_t number)
{
	struct spore__bridge_call *call = spore__bridge_call_find(&b->calls, number);
	if (call != NULL && call->caller == NULL && (call->callee == NULL || call->callee->codec->ops->ids))
		spore__bridge_call_destroy(&b->calls, call);
}

// Answers the caller of CALL instead of the callee, who is told.
static void abandon(struct spore__bridge *b, struct spore__bridge_call *call, int64_t code, const char *why, bool told)
{
	uint32_t number = call->number;
	fail_call(b, call, code, why, true);
	call = spore__bridge_call_find(&b->calls, number);
	if (call != NULL && call->callee != NULL && !told)
		(void)tell_cancel(call);
	call = spore__bridge_call_find(&b->calls, number);
	if (call != NULL)
		call->told = true;
	drop_number(b, number);
}

static void take_cancel(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	struct spore__bridge_call *call = spore__bridge_call_by(end, m->id);
	if (call == NULL || call->callee == NULL)
		return; // it was answered meanwhile
	if (tell_cancel(call))
		return; // and answers it
	b->counts.dropped++;
	abandon(b, call, SPORE_ECANCELLED, "the call was cancelled", true);
}

// ---- what callees say

static struct spore__bridge_call *call_of(struct spore__bridge_end *end, struct spore__span id)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(id.bytes, id.len);
	struct spore__bridge_call *call = NULL;
	int64_t number;
	if (!end->codec->ops->ids)
		return end->to;
	if (id.bytes != NULL && spore__msgpack_read_int(&r, &number) == SPORE__MSGPACK_OK && number >= 0 &&
	    number <= UINT32_MAX)
		call = spore__bridge_call_find(&end->bridge->calls, (uint32_t)number);
	return call != NULL && call->callee == end ? call : NULL;
}

static void take_answer(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge_call *call = call_of(end, m->id);
	struct spore__model copy = *m;
	if (call == NULL) {
		end->bridge->counts.late++;
		return;
	}
	answer(end->bridge, call, &copy, false);
}

static void take_part(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge_call *call = call_of(end, m->id);
	if (call == NULL || call->abandoned || call->caller == NULL)
		return;
	struct spore__model part = *m;
	part.id = (struct spore__span){call->id, call->id_len};
	part.session = call->session;
	enum spore_err err = encode(call->caller, &part);
	if (err == SPORE_OK)
		return;
	if (m->kind == SPORE__MODEL_PROGRESS) {
		end->bridge->counts.dropped++;
		return;
	}
	if (call->items.len + m->value.len > end->codec->limits->message) {
		abandon(end->bridge, call, SPORE_ETOOBIG, "the parts of the result are larger than a message may be",
		        false);
		return;
	}
	spore__buf_add(&call->items, m->value.bytes, m->value.len);
	call->item_count++;
}

static void take_notification(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	struct spore__model told = *m;
	const char *why;
	struct spore__bridge_end *to = b->first[1 - end->side];
	bool said = false;
	if (end->side == SPORE__BRIDGE_LEFT && b->host->open != NULL) {
		to = target(end, m->session, &why);
		told.session = to != NULL ? to->session : NULL;
		said = to != NULL && encode(to, &told) == SPORE_OK;
	} else {
		if (end->session != NULL)
			told.session = end->session;
		for (; to != NULL; to = to->next)
			said |= encode(to, &told) == SPORE_OK;
	}
	b->counts.dropped += !said;
}

// ---- protocols without calls

static void take_value(struct spore__bridge_end *end, const struct spore__model *m)
{
	struct spore__bridge *b = end->bridge;
	struct spore__bridge_end *to = b->first[1 - end->side];
	const char *method = spore__codec_option(end->codec, "method");
	if (end->side == SPORE__BRIDGE_RIGHT && end->to != NULL) {
		struct spore__model answer_of = *m;
		answer_of.kind = SPORE__MODEL_RESPONSE;
		take_answer(end, &answer_of);
		return;
	}
	if (to == NULL || !to->codec->ops->calls) {
		for (; to != NULL; to = to->next) {
			enum spore_err err = encode(to, m);
			if (err != SPORE_OK)
				park_model(end, end->side, m, why_of(to, err));
		}
		return;
	}
	if (method == NULL) {
		park_model(end, end->side, m, "nobody asked, and the option 'method' does not say what it is");
		return;
	}
	unsigned char number[ID];
	struct spore__model call = *m;
	struct spore__msgpack_writer w = {0};
	unsigned char first = m->value.bytes[0];
	if (!((first >= 0x80 && first < 0x90) || first == 0xde || first == 0xdf)) { // a map is the named parameters
		spore__msgpack_array(&w, 1);
		spore__msgpack_raw(&w, m->value.bytes, m->value.len);
		call.value = (struct spore__span){w.data, w.len};
	}
	call.kind = end->side == SPORE__BRIDGE_LEFT ? SPORE__MODEL_REQUEST : SPORE__MODEL_NOTIFICATION;
	call.method = text_span(method);
	call.id = (struct spore__span){number, put_number(number, b->filter_ids++)};
	if (b->filter)
		(void)encode(to, &call);
	else if (call.kind == SPORE__MODEL_REQUEST)
		take_request(end, &call);
	else
		take_notification(end, &call);
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
	enum spore_err err = to != NULL ? encode(to, m) : SPORE_ECLOSED;
	if (err != SPORE_OK)
		park_model(end, end->side, m, to != NULL ? why_of(to, err) : "nobody takes it");
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
		take_request(end, m);
		break;
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_ERROR:
		take_answer(end, m);
		break;
	case SPORE__MODEL_NOTIFICATION:
		take_notification(end, m);
		break;
	case SPORE__MODEL_CANCEL:
		take_cancel(end, m);
		break;
	case SPORE__MODEL_PROGRESS:
	case SPORE__MODEL_ITEM:
		take_part(end, m);
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
	park(end, end->side, true, bytes, len, why);
	if (e->ops->calls || end->bridge->filter)
		return;
	// What should have been the answer of a line was none, or the call of one that waits for a line.
	const struct spore__model none = {.kind = SPORE__MODEL_REQUEST, .remaining_ms = -1};
	if (end->side == SPORE__BRIDGE_RIGHT && end->to != NULL)
		fail_call(end->bridge, end->to, SPORE_EMALFORMED, why, false);
	else if (end->side == SPORE__BRIDGE_LEFT && spore__codec_option(e, "method") != NULL)
		refuse_in_order(end, &none, SPORE_EMALFORMED, why);
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
	for (struct spore__bridge_parked *p = b->parked, *next; p != NULL; p = next) {
		next = p->next;
		free(p->why);
		free(p);
	}
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
	for (struct spore__bridge_call *call = end->by, *next; call != NULL; call = next) {
		uint32_t number = call->number;
		bool waited = !call->abandoned && call->callee != NULL && call->callee != end;
		next = call->by_next;
		if (call->due != INT64_MAX)
			b->dues--;
		call->due = INT64_MAX;
		forget(call);
		call->abandoned = true;
		if (waited)
			(void)tell_cancel(call);
		drop_number(b, number);
	}
	for (struct spore__bridge_call *call = end->to, *next; call != NULL; call = next) {
		next = call->to_next;
		if (call->abandoned) {
			if (call->caller != NULL) { // its answer waits for its turn
				end->to = call->to_next;
				if (call->to_next != NULL)
					call->to_next->to_at = &end->to;
				else
					end->to_last = &end->to;
				end->awaited--;
				call->callee = NULL;
				call->abandoned = false;
			} else {
				spore__bridge_call_destroy(&b->calls, call);
			}
		} else {
			fail_call(b, call, SPORE_ECLOSED, why, false);
		}
	}
	destroy_end(end);
}

void spore__bridge_fail(struct spore__bridge_end *end, struct spore__span id, int64_t code, const char *why)
{
	const struct spore__model call = {.kind = SPORE__MODEL_REQUEST, .id = id, .remaining_ms = -1};
	refuse_in_order(end, &call, code, why);
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
	int64_t next = INT64_MAX;
	b->now_ms = now_ms;
	if (b->dues > 0) {
		for (size_t i = 0; i < b->calls.count; i++) {
			struct spore__bridge_call *call = b->calls.slots[i].call;
			if (call == NULL || call->due == INT64_MAX)
				continue;
			if (call->due > now_ms) {
				next = call->due < next ? call->due : next;
				continue;
			}
			b->counts.timeouts++;
			abandon(b, call, SPORE_ETIMEOUT, "the deadline passed", false);
		}
	}
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
	return end->awaited > 0 || end->unanswered < limit_of(end) || (!end->patient && end->codec->ops->ids);
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
	on_message(end->codec, &m);
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
